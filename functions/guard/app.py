"""The guard's Lambda: wires Powertools and the environment to the library, and holds no logic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard import policy
from driftguard.audit import AuditTable
from driftguard.aws import Aws, SaltIn, Surroundings
from driftguard.intake import Intake, Message
from driftguard.model import Autonomy
from driftguard.pipeline import Guard
from driftguard.state import StateTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()
# Guardrails that somebody must hear of beside the decision that they held back.
ALARMING = ("breaker", "fight")

aws = Aws(
    os.environ["REMEDIATOR_ROLE_ARN"],
    Surroundings(
        salt=SaltIn(os.environ["SALT_SECRET"]),
        advisories=os.environ["ADVISORIES"],
        state_table=os.environ["STATE_TABLE"],
    ),
)
guard = Guard(
    aws=aws,
    audit=AuditTable(aws, os.environ["AUDIT_TABLE"]),
    state=StateTable(aws, os.environ["STATE_TABLE"]),
    policy=policy.shipped().with_own_door(os.environ["REPLY_FUNCTION_ARN"]),
    ceiling=Autonomy.named(os.environ["AUTONOMY_CEILING"]),
    account=os.environ["ACCOUNT_ID"],
    remediator_role_arn=os.environ["REMEDIATOR_ROLE_ARN"],
)
intake = Intake(guard, os.environ["DEAD_LETTER_QUEUE_URL"], logger=logger)


def take(record: SQSRecord) -> None:
    """One message: its decisions go to the log and are counted by outcome."""
    for decision in intake.take(Message.from_record(record.raw_event)):
        logger.info(decision.summary, decision=decision.id, status=decision.status.value)
        metrics.add_metric(decision.status.value.capitalize(), MetricUnit.Count, 1)
        for ruling in decision.rulings:
            if ruling.guardrail in ALARMING:
                metrics.add_metric(ruling.guardrail.title(), MetricUnit.Count, 1)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(
    event: dict[str, list[dict[str, object]]], context: LambdaContext
) -> PartialItemFailureResponse:
    """Takes a batch of changes; names those that must be delivered again."""
    metrics.add_metric("Messages", MetricUnit.Count, len(event["Records"]))
    if all(intake.nothing_to_do(Message.from_record(one)) for one in event["Records"]):
        return {"batchItemFailures": []}
    # Half of what a harmless cold start would cost.
    from aws_lambda_powertools.utilities.batch import (
        BatchProcessor,
        EventType,
        process_partial_response,
    )

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, take, processor, context)
