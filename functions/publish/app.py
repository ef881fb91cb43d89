"""The publisher's Lambda: from the audit table's stream to the decisions topic; holds no logic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from driftguard.audit import decision_of
from driftguard.aws import Aws
from driftguard.messages.sns import publish

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(
    event_type=EventType.DynamoDBStreams, raise_on_entire_batch_failure=False
)
aws = Aws()


def tell(record: DynamoDBRecord) -> None:
    """One change of a decision, as the table recorded it."""
    decision = decision_of(record.raw_event["dynamodb"]["NewImage"])
    publish(decision, aws.client("sns"), os.environ["DECISIONS_TOPIC"])
    logger.info("published", decision=decision.id, status=decision.status.value)
    metrics.add_metric("Published", MetricUnit.Count, 1)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, object], context: LambdaContext) -> PartialItemFailureResponse:
    """Publishes a batch of decisions; names those that must be published again."""
    return process_partial_response(event, tell, processor, context)
