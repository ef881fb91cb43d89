"""The publisher's Lambda: from the audit table's stream to what follows; holds no logic."""

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

from driftguard import policy
from driftguard.audit import decision_of
from driftguard.aws import Aws
from driftguard.publisher import Answering, Publisher, Timers
from driftguard.secrets import Secrets
from driftguard.state import StateTable

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
publisher = Publisher(
    aws=aws,
    state=StateTable(aws, os.environ["STATE_TABLE"]),
    policy=policy.shipped(),
    topic=os.environ["DECISIONS_TOPIC"],
    changes_queue=os.environ["CHANGES_QUEUE_URL"],
    timers=Timers(
        group=os.environ["TIMERS_GROUP"],
        role_arn=os.environ["TIMERS_ROLE_ARN"],
        queue_arn=os.environ["CHANGES_QUEUE_ARN"],
        dead_letter_queue_arn=os.environ["DEAD_LETTER_QUEUE_ARN"],
    ),
    answering=Answering(
        base=os.environ["PUBLIC_BASE_URL"],
        key=Secrets(aws, os.environ["LINK_KEY_SECRET"]).link_key,
        replies_topic=os.environ["REPLIES_TOPIC"],
    ),
)


def follow_up(record: DynamoDBRecord) -> None:
    """One change of a decision, as the table recorded it."""
    decision = decision_of(record.raw_event["dynamodb"]["NewImage"])
    published = publisher.follow_up(decision)
    logger.info("followed up", decision=decision.id, status=decision.status.value)
    metrics.add_metric("Published", MetricUnit.Count, int(published))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, object], context: LambdaContext) -> PartialItemFailureResponse:
    """Follows up a batch of decisions; names those that must come again."""
    return process_partial_response(event, follow_up, processor, context)
