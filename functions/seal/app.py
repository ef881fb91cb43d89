"""The sealer's Lambda: shortly after midnight, seals the record of the day; holds no logic."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.audit import AuditTable
from driftguard.audit.seals import Sealer, publish
from driftguard.aws import Aws

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()
aws = Aws()
sealer = Sealer(AuditTable(aws, os.environ["AUDIT_TABLE"]))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, object], context: LambdaContext) -> dict[str, str]:
    """Seals what is unsealed and publishes it; answers day → seal.

    A day that was sealed before is published again: an earlier run may have died in between.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    made = sealer.seal_until(now[:10], now)
    last = sealer.last()
    told = made or ([last] if last else [])
    for seal in told:
        publish(seal, aws.client("sns"), os.environ["DECISIONS_TOPIC"])
        logger.info("sealed", day=seal.day, root=seal.root, hash=seal.hash, leaves=seal.leaves)
    metrics.add_metric("Sealed", MetricUnit.Count, len(made))
    return {seal.day: seal.hash for seal in told}
