"""The reply function's Lambda: people's answers by link, by Slack and by SNS; holds no logic."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard import policy
from driftguard.audit import AuditTable
from driftguard.aws import Aws
from driftguard.desk import Desk
from driftguard.replies import Replies
from driftguard.secrets import Secrets
from driftguard.state import StateTable
from driftguard.web import BadRequest, Request, Response

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from driftguard.model import Document

logger = Logger()
metrics = Metrics()
aws = Aws()
secrets = Secrets(aws, os.environ["LINK_KEY_SECRET"], os.environ["SLACK_SECRET"])
desk = Desk(
    audit=AuditTable(aws, os.environ["AUDIT_TABLE"]),
    state=StateTable(aws, os.environ["STATE_TABLE"]),
    policy=policy.shipped(),
)
replies = Replies(desk, secrets.link_key, logger)

# Slack sends the whole message along with a click.
LONGEST_CLICK = 262_144


def answer(request: Request) -> Response:
    """What is behind each path of the function URL."""
    if request.path == "/answer":
        return replies.page(request)
    if request.path == "/slack" and request.method == "POST" and (secret := secrets.slack()):
        return from_slack(request.within(LONGEST_CLICK), secret.signing_secret)
    return Response(404, "There is nothing here.")


def from_slack(request: Request, signing_secret: str) -> Response:
    """A click in Slack. What was refused, or could not be told, goes to the log."""
    # Only here: no other answer waits for Slack's library.
    from driftguard.slack import inbound

    answered = inbound.handle(
        request.headers,
        request.body.decode(errors="replace"),
        desk=desk,
        aws=aws,
        changes_queue=os.environ["CHANGES_QUEUE_URL"],
        signing_secret=signing_secret,
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
                replies.message(record["Sns"]["Message"])
        return {}
    try:
        return answer(Request.from_event(event)).as_event()
    except BadRequest as error:
        logger.warning("refused a request: %s", error)
        return Response(error.status, str(error)).as_event()
