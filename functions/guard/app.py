"""The guard's Lambda: wires Powertools and the environment to the library, and holds no logic.

A batch of changes that are harmless by their records needs nothing of Powertools, which would be
half of what its cold start costs: it is loaded for the first message that may lead to a decision.
"""

from __future__ import annotations

import json
import sys
import time
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from driftguard.audit import AuditTable
from driftguard.aws import environment
from driftguard.aws.client import Aws, Surroundings
from driftguard.aws.secrets_manager import SaltIn, Secrets
from driftguard.conduct.reading import ConductIn
from driftguard.engine.guard import Guard
from driftguard.engine.intake import Intake, Message, Opened, Queues, opened
from driftguard.model import Autonomy, Place
from driftguard.policy import compiled
from driftguard.state.table import StateTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from aws_lambda_powertools.utilities.batch.types import (
        PartialItemFailureResponse,
        PartialItemFailures,
    )
    from aws_lambda_powertools.utilities.typing import LambdaContext

    Taking: TypeAlias = Callable[[list[Opened], LambdaContext], PartialItemFailureResponse]


T = TypeVar("T")


class Settings(NamedTuple):
    """What the template tells this function."""

    audit_table: str
    state_table: str
    remediator_role_arn: str
    changes_queue_url: str
    commands_queue_url: str
    commands_queue_arn: str
    dead_letter_queue_url: str
    dead_letter_key_secret: str
    account_id: str
    autonomy_ceiling: Autonomy
    salt_secret: str
    reply_function_arn: str
    # Powertools' own.
    powertools_metrics_namespace: str
    powertools_service_name: str
    # Lambda's own.
    aws_region: str
    advisories: str = ""
    granting_role_arn: str = ""
    containment_role_arn: str = ""
    own_role_arns: str = ""


settings = environment.read(Settings, "GuardFunction")
place = Place(settings.account_id, settings.aws_region)

aws = Aws(
    settings.remediator_role_arn,
    Surroundings(
        salt=SaltIn(settings.salt_secret),
        advisories=settings.advisories,
        state_table=settings.state_table,
        place=place,
        own_roles=tuple(filter(None, settings.own_role_arns.split(","))),
        conduct=ConductIn(settings.state_table, place),
    ),
    granting_role_arn=settings.granting_role_arn,
    containment_role_arn=settings.containment_role_arn,
)
guard = Guard(
    aws=aws,
    audit=AuditTable(aws, settings.audit_table),
    state=StateTable(aws, settings.state_table, place),
    policy=compiled.shipped().with_own_door(settings.reply_function_arn),
    ceiling=settings.autonomy_ceiling,
    account=settings.account_id,
    remediator_role_arn=settings.remediator_role_arn,
    granting_role_arn=settings.granting_role_arn,
    containment_role_arn=settings.containment_role_arn,
)
queues = Queues(
    changes=settings.changes_queue_url,
    commands=settings.commands_queue_url,
    commands_arn=settings.commands_queue_arn,
    dead_letters=settings.dead_letter_queue_url,
)


def handler(
    event: dict[str, list[dict[str, object]]], context: LambdaContext
) -> PartialItemFailureResponse:
    """Takes a batch of changes; names those that must be delivered again."""
    messages = [
        opened_in_time(record, context, still_to_come)
        for still_to_come, record in counted_down(event["Records"])
    ]
    if all(message.is_harmless for message in messages):
        sys.stdout.write(counted(len(messages)) + "\n")
        return {"batchItemFailures": []}
    return taking()(messages, context)


def opened_in_time(record: dict[str, object], context: LambdaContext, messages: int) -> Opened:
    """What the first of so many messages says, read within its share of the time."""
    with aws.time.of_message(context, messages):
        return opened(guard, Message.from_record(record), queues.commands_arn)


def counted_down(several: Sequence[T]) -> list[tuple[int, T]]:
    """Each with how many there still are, with it."""
    return list(zip(range(len(several), 0, -1), several, strict=True))


def counted(messages: int) -> str:
    """The log line from which CloudWatch takes how many messages there were.

    Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
    """
    metric = {
        "Namespace": settings.powertools_metrics_namespace,
        "Dimensions": [["service"]],
        "Metrics": [{"Name": "Messages", "Unit": "Count"}],
    }
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}
    return json.dumps(
        {"_aws": about, "service": settings.powertools_service_name, "Messages": messages}
    )


@cache
def taking() -> Taking:
    """What takes messages that may lead to decisions: these are logged and counted by outcome."""
    from aws_lambda_powertools import Logger, Metrics
    from aws_lambda_powertools.metrics import MetricUnit

    from driftguard.audit.times import until_reverted
    from driftguard.events.commands import UndoRequested
    from driftguard.guardrails.claims import rests_on_claimed_actor
    from driftguard.guardrails.spoken import spoken

    logger, metrics = Logger(), Metrics()
    key = Secrets(aws, settings.dead_letter_key_secret).signing_key
    intake = Intake(guard, queues, logger=logger, key=key)

    def take(message: Opened) -> None:
        for decision in intake.take(message):
            logger.info(decision.summary, decision=decision.id, status=decision.status.value)
            metrics.add_metric(decision.status.value.capitalize(), MetricUnit.Count, 1)
            took = until_reverted(decision)
            # What an undo leaves reverted was reverted, and timed, long before.
            if took is not None and not isinstance(message.command, UndoRequested):
                metrics.add_metric("TimeToRevert", MetricUnit.Seconds, took)
            if rests_on_claimed_actor(decision.rulings):
                metrics.add_metric("LoweredForClaimedActor", MetricUnit.Count, 1)
            for guardrail, _ in spoken(decision.rulings):
                if guardrail.alarms:
                    metrics.add_metric(guardrail.alarms, MetricUnit.Count, 1)

    @logger.inject_lambda_context
    @metrics.log_metrics
    def take_all(messages: list[Opened], context: LambdaContext) -> PartialItemFailureResponse:
        metrics.add_metric("Messages", MetricUnit.Count, len(messages))
        again: list[PartialItemFailures] = []
        for still_to_come, message in counted_down(messages):
            try:
                with aws.time.of_message(context, still_to_come):
                    take(message)
            except Exception as error:  # noqa: BLE001 - this message comes again, not its batch
                logger.info("message %s failed: %s", message.message.id, type(error).__name__)
                again.append({"itemIdentifier": message.message.id})
        return {"batchItemFailures": again}

    return take_all
