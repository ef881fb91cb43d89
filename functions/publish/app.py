"""The publisher's Lambda: from the audit table's stream to what follows; holds no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.approvals.command_queue import CommandQueue
from driftguard.audit import streamed
from driftguard.aws import environment
from driftguard.aws.client import Aws
from driftguard.aws.secrets_manager import Secrets
from driftguard.channels.hooks.security_hub.outbox import Outbox
from driftguard.channels.publisher import Publisher, Timers
from driftguard.channels.told import ToldOnce
from driftguard.channels.topic import Topic, Voting
from driftguard.model import Place
from driftguard.policy import compiled
from driftguard.state.table import StateTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Settings(NamedTuple):
    """What the template tells this function."""

    account_id: str
    state_table: str
    decisions_topic: str
    replies_topic: str
    commands_queue_url: str
    commands_queue_arn: str
    dead_letter_queue_arn: str
    timers_group: str
    timers_role_arn: str
    link_key_secret: str
    # Lambda's own.
    aws_region: str
    public_base_url: str = ""
    findings_queue_url: str = ""


settings = environment.read(Settings, "PublishFunction")
place = Place(settings.account_id, settings.aws_region)
logger = Logger()
metrics = Metrics()
aws = Aws()
topic = Topic(
    client=lambda: aws.client("sns"),
    arn=settings.decisions_topic,
    policy=compiled.shipped(),
    told=ToldOnce(StateTable(aws, settings.state_table, place), "topic"),
    voting=Voting(
        base=settings.public_base_url,
        key=Secrets(aws, settings.link_key_secret).signing_key,
        replies_topic=settings.replies_topic,
    ),
)
outbox = Outbox(lambda: aws.client("sqs"), settings.findings_queue_url)
publisher = Publisher(
    aws=aws,
    commands=CommandQueue(lambda: aws.client("sqs"), settings.commands_queue_url),
    timers=Timers(
        group=settings.timers_group,
        role_arn=settings.timers_role_arn,
        queue_arn=settings.commands_queue_arn,
        dead_letter_queue_arn=settings.dead_letter_queue_arn,
    ),
    channels=[topic, outbox] if settings.findings_queue_url else [topic],
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(
    event: dict[str, list[dict[str, object]]], context: LambdaContext
) -> dict[str, list[dict[str, str]]]:
    """Follows up a batch of decisions; names the first that must come again.

    The schedule's event has no records: it tells of what waited for a digest.
    """
    if "Records" not in event:
        with aws.time.of_function(context):
            metrics.add_metric("Published", MetricUnit.Count, topic.tell_waiting())
        return {"batchItemFailures": []}
    with aws.time.of_function(context):
        followed = publisher.follow_up_all(streamed(event["Records"]))
    metrics.add_metric("Published", MetricUnit.Count, followed.published)
    metrics.add_metric("OverBudget", MetricUnit.Count, followed.over_budget)
    logger.info("followed up", records=len(event["Records"]), published=followed.published)
    if not followed.failed:
        return {"batchItemFailures": []}
    logger.warning("not followed up: %s", followed.trouble)
    return {"batchItemFailures": [{"itemIdentifier": followed.failed}]}
