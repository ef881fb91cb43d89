"""The hooks' Lambda: from the decisions topic to other services over HTTPS; holds no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from driftguard.audit import AuditTable
from driftguard.aws import environment
from driftguard.aws.client import Aws
from driftguard.aws.secrets_manager import Secrets
from driftguard.channels.hooks.jira import Jira
from driftguard.channels.hooks.news import news_in
from driftguard.channels.hooks.pagerduty import URL, PagerDuty
from driftguard.channels.hooks.post import Post
from driftguard.channels.hooks.teams import Teams
from driftguard.channels.hooks.teller import Hook, Hooked, tell_of
from driftguard.channels.hooks.webhook import Webhook
from driftguard.channels.told import ToldOnce
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
    # Lambda's own.
    aws_region: str
    webhook_secret: str = ""
    pagerduty_secret: str = ""
    teams_secret: str = ""
    jira_secret: str = ""


settings = environment.read(Settings, "HooksFunction")
place = Place(settings.account_id, settings.aws_region)
logger = Logger()
metrics = Metrics()
aws = Aws()
secrets = Secrets(aws, "")


def webhook() -> Hook:
    """The generic webhook."""
    url, key = secrets.parts(settings.webhook_secret, "url", "signing_secret")
    return Webhook(Post("the webhook", url, time_limit=aws.time), key)


def pagerduty() -> Hook:
    """PagerDuty; `url` in its secret is for the service region in Europe."""
    (key,) = secrets.parts(settings.pagerduty_secret, "routing_key")
    url = secrets.part(settings.pagerduty_secret, "url") or URL
    return PagerDuty(Post("PagerDuty", url, time_limit=aws.time), key)


def teams() -> Hook:
    """Microsoft Teams."""
    (url,) = secrets.parts(settings.teams_secret, "url")
    return Teams(Post("Microsoft Teams", url, time_limit=aws.time))


def jira() -> Hook:
    """Jira Cloud."""
    names = ("url", "email", "api_token", "project")
    url, email, token, project = secrets.parts(settings.jira_secret, *names)
    kind = secrets.part(settings.jira_secret, "issue_type") or "Task"
    return Jira(Post("Jira", url, time_limit=aws.time), email, token, project, kind)


state = StateTable(aws, settings.state_table, place)
audit = AuditTable(aws, settings.audit_table)
# The name of each in the state table, its secret, and what makes it.
HOOKS = (
    ("webhook", settings.webhook_secret, webhook),
    ("pagerduty", settings.pagerduty_secret, pagerduty),
    ("teams", settings.teams_secret, teams),
    ("jira", settings.jira_secret, jira),
)
channels = [
    Hooked(make, ToldOnce(state, name), compiled.shipped())
    for name, secret, make in HOOKS
    if secret
]


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, list[Document]], context: LambdaContext) -> None:
    """Tells of what the messages are about. Raises what kept it: then Lambda tries again."""
    with aws.time.of_function(context):
        published = tell_of(news_in(event["Records"]), channels, audit.many)
    metrics.add_metric("HooksPublished", MetricUnit.Count, published)
