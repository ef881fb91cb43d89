"""The guard's Lambda: wires Powertools and the environment to the library, and holds no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.audit import AuditTable
from driftguard.aws import environment
from driftguard.aws.client import Aws, Surroundings
from driftguard.aws.secrets_manager import SaltIn
from driftguard.engine.guard import Guard
from driftguard.engine.intake import Intake, Message, Opened
from driftguard.model import Autonomy, Place
from driftguard.policy import compiled
from driftguard.state.table import StateTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Settings(NamedTuple):
    """What the template tells this function."""

    audit_table: str
    state_table: str
    remediator_role_arn: str
    dead_letter_queue_url: str
    account_id: str
    autonomy_ceiling: Autonomy
    salt_secret: str
    reply_function_arn: str
    # Lambda's own.
    aws_region: str
    advisories: str = ""


settings = environment.read(Settings, "GuardFunction")
place = Place(settings.account_id, settings.aws_region)
logger = Logger()
metrics = Metrics()

aws = Aws(
    settings.remediator_role_arn,
    Surroundings(
        salt=SaltIn(settings.salt_secret),
        advisories=settings.advisories,
        state_table=settings.state_table,
        place=place,
    ),
)
guard = Guard(
    aws=aws,
    audit=AuditTable(aws, settings.audit_table),
    state=StateTable(aws, settings.state_table, place),
    policy=compiled.shipped().with_own_door(settings.reply_function_arn),
    ceiling=settings.autonomy_ceiling,
    account=settings.account_id,
    remediator_role_arn=settings.remediator_role_arn,
)
intake = Intake(guard, settings.dead_letter_queue_url, logger=logger)


def take(message: Opened) -> None:
    """One message: its decisions go to the log and are counted by outcome."""
    # Only here: a harmless event leads to no decision.
    from driftguard.guardrails.spoken import spoken

    for decision in intake.take(message):
        logger.info(decision.summary, decision=decision.id, status=decision.status.value)
        metrics.add_metric(decision.status.value.capitalize(), MetricUnit.Count, 1)
        for guardrail, _ in spoken(decision.rulings):
            if guardrail.alarms:
                metrics.add_metric(guardrail.alarms, MetricUnit.Count, 1)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(
    event: dict[str, list[dict[str, object]]], context: LambdaContext
) -> PartialItemFailureResponse:
    """Takes a batch of changes; names those that must be delivered again."""
    metrics.add_metric("Messages", MetricUnit.Count, len(event["Records"]))
    opened = [intake.opened(Message.from_record(record)) for record in event["Records"]]
    if all(message.is_harmless for message in opened):
        return {"batchItemFailures": []}
    # Half of what a harmless cold start would cost.
    from aws_lambda_powertools.utilities.batch import (
        BatchProcessor,
        EventType,
        process_partial_response,
    )

    by_id = {message.message.id: message for message in opened}

    def take_record(record: SQSRecord) -> None:
        take(by_id[record.message_id])

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, take_record, processor, context)
