"""The sweep's Lambda: looks at everything in this region once a day; holds no logic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard import policy
from driftguard.audit import AuditTable
from driftguard.aws import Aws, SaltIn, Surroundings
from driftguard.model import Autonomy
from driftguard.pipeline import Guard
from driftguard.rounds import Sweeper
from driftguard.state import StateTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()
aws = Aws(surroundings=Surroundings(salt=SaltIn(os.environ["SALT_SECRET"])))
sweeper = Sweeper(
    Guard(
        aws=aws,
        audit=AuditTable(aws, os.environ["AUDIT_TABLE"]),
        state=StateTable(aws, os.environ["STATE_TABLE"]),
        policy=policy.shipped().with_own_door(os.environ["REPLY_FUNCTION_ARN"]),
        ceiling=Autonomy.named(os.environ["AUTONOMY_CEILING"]),
        account=os.environ["ACCOUNT_ID"],
        remediator_role_arn="",
    ),
    region=os.environ["AWS_REGION"],
    changes_queue=os.environ["CHANGES_QUEUE_URL"],
    settling=int(os.environ["SETTLING_SECONDS"]),
    logger=logger,
)


@logger.inject_lambda_context
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: dict[str, object], context: LambdaContext) -> dict[str, object]:
    """Goes on with the sweep of the region, or begins one; answers what came of it."""
    report = sweeper.run(
        lambda: context.get_remaining_time_in_millis() / 1000,
        scheduled=event.get("detail-type") == "Scheduled Event",
    )
    counts = {**report.outcomes, "sent": report.sent, "unreached": len(report.unreached)}
    for outcome, count in counts.items():
        metrics.add_metric(f"Swept{outcome.capitalize()}", MetricUnit.Count, count)
    logger.info("swept", **counts)
    return {**counts, "unreached": list(report.unreached)}
