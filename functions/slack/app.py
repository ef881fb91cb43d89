"""Slack's Lambda: from the audit table's stream to messages in channels; holds no logic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard import policy
from driftguard.audit import AuditTable
from driftguard.aws import Aws
from driftguard.secrets import Secrets
from driftguard.slack.client import Slack
from driftguard.slack.notes import Notes
from driftguard.slack.teller import Teller
from driftguard.state import StateTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()
aws = Aws()
secrets = Secrets(aws, "", os.environ["SLACK_SECRET"])
api_url = os.environ.get("SLACK_API_URL", "")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(
    event: dict[str, list[dict[str, object]]], context: LambdaContext
) -> dict[str, list[dict[str, str]]]:
    """Tells of a batch of decisions; names the first that must be told again."""
    secret = secrets.slack()
    if secret is None:
        raise RuntimeError("SLACK_SECRET names no secret: this function runs only where one is")
    teller = Teller(
        slack=Slack(secret.bot_token, api_url),
        notes=Notes(StateTable(aws, os.environ["STATE_TABLE"])),
        audit=AuditTable(aws, os.environ["AUDIT_TABLE"]),
        policy=policy.shipped(),
        logger=logger,
    )
    untold = teller.tell_all(event["Records"])
    metrics.add_metric("SlackRecords", MetricUnit.Count, len(event["Records"]))
    return {"batchItemFailures": [{"itemIdentifier": untold}] if untold else []}
