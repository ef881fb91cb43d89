"""Security Hub's Lambda: imports decisions as findings, and takes the custom action; no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.approvals.command_queue import CommandQueue
from driftguard.audit import AuditTable
from driftguard.aws import environment
from driftguard.aws.client import Aws
from driftguard.channels.hooks.security_hub.custom_action import CustomAction, obeyed
from driftguard.channels.hooks.security_hub.imports import Imports, taken
from driftguard.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from driftguard.controls.control import AnyControl
    from driftguard.documents import Document


class Settings(NamedTuple):
    """What the template tells this function."""

    account_id: str
    audit_table: str
    commands_queue_url: str
    # Lambda's own.
    aws_region: str


def controls() -> Iterable[AnyControl]:
    """All controls, imported when somebody uses the custom action, and only then."""
    from driftguard.controls import every

    return every()


settings = environment.read(Settings, "SecurityHubFunction")
place = Place(settings.account_id, settings.aws_region)
logger = Logger()
metrics = Metrics()
aws = Aws()
audit = AuditTable(aws, settings.audit_table)
imports = Imports(lambda: aws.client("securityhub"), place)
commands = CommandQueue(lambda: aws.client("sqs"), settings.commands_queue_url)
action = CustomAction(lambda: aws.client("securityhub"), place, controls)


@logger.inject_lambda_context
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: Document, context: LambdaContext) -> dict[str, object]:
    """Imports what the queue's messages name, or obeys a custom action.

    Answers which messages must come again; raises what kept it from obeying.
    """
    with aws.time.of_function(context):
        if "Records" not in event:
            sent, left_out = obeyed(event, action, audit.many, commands.send)
            logger.info("custom action", commands=sent)
            metrics.add_metric("SecurityHubCommands", MetricUnit.Count, sent)
            metrics.add_metric("SecurityHubLeftOut", MetricUnit.Count, len(left_out))
            if left_out:
                logger.warning("findings left out: too many at once", findings=left_out)
            return {}
        failed = taken(event, imports, audit.many)
    metrics.add_metric("FindingsNotImported", MetricUnit.Count, len(failed))
    for message, why in failed.items():
        logger.warning("message %s was not imported: %s", message, why)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
