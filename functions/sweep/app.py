"""The sweep's Lambda: once a day, records the baselines of this region; holds no logic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard import policy
from driftguard.audit import AuditTable
from driftguard.aws import Aws
from driftguard.model import Autonomy
from driftguard.pipeline import Guard
from driftguard.state import StateTable
from driftguard.sweep import sweep

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()
aws = Aws()
guard = Guard(
    aws=aws,
    audit=AuditTable(aws, os.environ["AUDIT_TABLE"]),
    state=StateTable(aws, os.environ["STATE_TABLE"]),
    policy=policy.shipped(),
    ceiling=Autonomy.OBSERVE,
    account=os.environ["ACCOUNT_ID"],
    remediator_role_arn="",
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, object], context: LambdaContext) -> dict[str, int]:
    """Sweeps the region; answers how many facets had which outcome."""
    outcomes: dict[str, int] = {}
    for one in sweep(guard, os.environ["AWS_REGION"]):
        outcomes[one.outcome] = outcomes.get(one.outcome, 0) + 1
        if one.outcome in ("risky", "failed"):
            where = one.resource.arn if one.resource else ""
            logger.warning(one.note, control=one.control, resource=where, outcome=one.outcome)
    for outcome, count in outcomes.items():
        metrics.add_metric(f"Swept{outcome.capitalize()}", MetricUnit.Count, count)
    logger.info("swept", **outcomes)
    return outcomes
