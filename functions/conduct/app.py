"""The watcher's Lambda: takes management events, and has the guard look at unusual conduct."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.audit import AuditTable
from driftguard.aws import environment
from driftguard.aws.client import Aws
from driftguard.conduct.asking import Asking
from driftguard.conduct.past import Past
from driftguard.conduct.telling import ChangesQueue
from driftguard.conduct.watcher import Batch, Watcher
from driftguard.model import Place
from driftguard.policy import compiled
from driftguard.state.table import StateTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from driftguard.documents import Document


class Settings(NamedTuple):
    """What the template tells this function."""

    account_id: str
    audit_table: str
    state_table: str
    changes_queue_url: str
    acting_role_arns: str
    # Lambda's own.
    aws_region: str


settings = environment.read(Settings, "ConductFunction")
place = Place(settings.account_id, settings.aws_region)
logger = Logger()
metrics = Metrics()
aws = Aws()
watcher = Watcher(
    StateTable(aws, settings.state_table, place),
    Past(AuditTable(aws, settings.audit_table)),
    ChangesQueue(lambda: aws.client("sqs"), settings.changes_queue_url).send,
    lambda: datetime.now(UTC),
    Asking.of(compiled.shipped(), tuple(filter(None, settings.acting_role_arns.split(",")))),
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, list[Document]], context: LambdaContext) -> dict[str, object]:
    """Takes a batch of events; names those that must be delivered again."""
    batch = Batch.of(event["Records"], place.account)
    try:
        with aws.time.of_function(context):
            watcher.take(batch)
    finally:
        tell(batch)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in batch.failed()]}


def tell(batch: Batch) -> None:
    """Logs and counts what came of a batch, also of one that broke off."""
    counts = batch.counts
    metrics.add_metric("ConductEvents", MetricUnit.Count, counts.events)
    metrics.add_metric("ConductUnread", MetricUnit.Count, counts.unread)
    metrics.add_metric("ConductLooks", MetricUnit.Count, counts.looks)
    metrics.add_metric("ConductOverBudget", MetricUnit.Count, counts.over_budget)
    logger.info("batch taken", batch=counts.as_document())
