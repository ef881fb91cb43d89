"""The reply function's Lambda: votes by link, by Slack and by SNS; holds no logic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.desk import Desk
from driftguard.audit import AuditTable
from driftguard.aws import environment
from driftguard.aws.client import Aws
from driftguard.aws.secrets_manager import Secrets
from driftguard.channels.http import BadRequest, Request, Response
from driftguard.channels.link_page import Replies
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
    commands_queue_url: str
    link_key_secret: str
    # Lambda's own.
    aws_region: str
    slack_secret: str = ""
    # Not of the template: where a lab has its stand-in for Slack.
    slack_api_url: str = ""


settings = environment.read(Settings, "ReplyFunction")
place = Place(settings.account_id, settings.aws_region)
logger = Logger()
metrics = Metrics()
aws = Aws()
secrets = Secrets(aws, settings.link_key_secret, settings.slack_secret)
desk = Desk(
    audit=AuditTable(aws, settings.audit_table),
    state=StateTable(aws, settings.state_table, place),
    policy=compiled.shipped(),
)
replies = Replies(desk, secrets.signing_key, logger)


def answer(request: Request) -> Response:
    """What is behind each path of the function URL."""
    if request.path == "/answer":
        return replies.page(request)
    if request.path == "/slack" and request.method == "POST" and (secret := secrets.slack()):
        return from_slack(request, secret.signing_secret)
    return Response(404, "There is nothing here.")


def from_slack(request: Request, signing_secret: str) -> Response:
    """A click in Slack. What was refused, or could not be told, goes to the log."""
    # Only here: no other vote waits for Slack's library.
    from driftguard.channels.slack import inbound

    answered = inbound.handle(
        request.headers,
        request.within(inbound.LONGEST).body.decode(errors="replace"),
        desk=desk,
        commands=CommandQueue(lambda: aws.client("sqs"), settings.commands_queue_url),
        signing_secret=signing_secret,
        api_url=settings.slack_api_url,
    )
    if answered.refused:
        logger.warning("refused a request of slack from %s: %s", request.source, answered.refused)
    if answered.trouble:
        logger.warning("could not answer in slack: %s", answered.trouble)
    return Response(answered.status)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: Document, context: LambdaContext) -> dict[str, object]:
    """A request to the function URL, or messages of the replies topic."""
    metrics.add_metric("Replies", MetricUnit.Count, 1)
    records = event.get("Records")
    if isinstance(records, list):
        for record in records:
            if isinstance(record, Mapping):
                with aws.time.of_function(context):
                    replies.message(record["Sns"]["Message"])
        return {}
    try:
        with aws.time.of_function(context):
            return answer(Request.from_event(event)).as_event()
    except BadRequest as error:
        logger.warning("refused a request: %s", error)
        return Response(error.status, str(error)).as_event()
