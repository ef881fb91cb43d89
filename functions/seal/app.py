"""The sealer's Lambda: shortly after midnight, seals the record of the day; holds no logic."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.audit import AuditTable
from driftguard.audit.seals import Sealer
from driftguard.aws import environment
from driftguard.aws.client import Aws
from driftguard.model import Place

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Settings(NamedTuple):
    """What the template tells this function."""

    account_id: str
    audit_table: str
    decisions_topic: str
    # Lambda's own.
    aws_region: str


settings = environment.read(Settings, "SealFunction")
place = Place(settings.account_id, settings.aws_region)
logger = Logger()
metrics = Metrics()
aws = Aws()
sealer = Sealer(AuditTable(aws, settings.audit_table))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, object], context: LambdaContext) -> dict[str, str]:
    """Seals what is unsealed and publishes it; answers day → seal."""
    now = datetime.now(UTC)
    with aws.time.of_function(context):
        sealed = sealer.seal_and_publish(now, place, aws.client("sns"), settings.decisions_topic)
    for seal in sealed.published:
        logger.info("sealed", day=seal.day, root=seal.root, hash=seal.hash, leaves=seal.leaves)
    metrics.add_metric("Sealed", MetricUnit.Count, sealed.made)
    return {seal.day: seal.hash for seal in sealed.published}
