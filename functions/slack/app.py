"""Slack's Lambda: from the audit table's stream to messages in channels; holds no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.audit import AuditTable, streamed
from driftguard.aws import environment
from driftguard.aws.client import Aws
from driftguard.aws.secrets_manager import Secrets
from driftguard.channels.channel import Followed, tell_all
from driftguard.channels.slack.client import Slack
from driftguard.channels.slack.sent import SentMessages
from driftguard.channels.slack.teller import Teller
from driftguard.model import Place
from driftguard.policy import compiled
from driftguard.state.table import StateTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Settings(NamedTuple):
    """What the template tells this function."""

    account_id: str
    audit_table: str
    state_table: str
    slack_secret: str
    # Lambda's own.
    aws_region: str
    # Not of the template: where a lab has its stand-in for Slack.
    slack_api_url: str = ""


settings = environment.read(Settings, "SlackFunction")
place = Place(settings.account_id, settings.aws_region)
logger = Logger()
metrics = Metrics()
aws = Aws()
secrets = Secrets(aws, "", settings.slack_secret)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(
    event: dict[str, list[dict[str, object]]], context: LambdaContext
) -> dict[str, list[dict[str, str]]]:
    """Tells of a batch of decisions; names the first that must be told again."""
    with aws.time.of_function(context):
        followed = tell(event["Records"])
    metrics.add_metric("SlackRecords", MetricUnit.Count, len(event["Records"]))
    if not followed.failed:
        return {"batchItemFailures": []}
    logger.warning("not told: %s", followed.trouble)
    return {"batchItemFailures": [{"itemIdentifier": followed.failed}]}


def tell(records: list[dict[str, object]]) -> Followed:
    """Tells of a batch of decisions."""
    secret = secrets.slack()
    assert secret is not None, "the settings ask for its name"
    teller = Teller(
        slack=Slack(secret.bot_token, settings.slack_api_url, time_limit=aws.time),
        sent=SentMessages(StateTable(aws, settings.state_table, place)),
        audit=AuditTable(aws, settings.audit_table),
        policy=compiled.shipped(),
    )
    return tell_all([teller], streamed(records))
