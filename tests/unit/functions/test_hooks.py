"""The hooks' function as the template has it: in its role, with its secrets, from SNS's event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from driftguard.audit import AuditTable
from driftguard.aws.client import Aws
from driftguard.channels.hooks.teller import NotTold
from driftguard.model import Choice, Decision, Status, Vote
from tests.support.audit import a_decision
from tests.support.functions import Functions, asking, started
from tests.support.hook_stand_in import HookStandIn, taking_hooks
from tests.support.slack_stand_in import SlackStandIn

KEY = "R0123456789abcdef0123456789abcde"


@pytest.fixture
def there() -> Iterator[HookStandIn]:
    with taking_hooks() as there:
        yield there


@pytest.fixture
def functions(account: None, monkeypatch: pytest.MonkeyPatch, there: HookStandIn) -> Functions:
    secrets: dict[str, dict[str, str]] = {
        "WebhookSecretArn": {"url": f"{there.url}/webhook", "signing_secret": "of both"},
        "PagerDutySecretArn": {"routing_key": KEY, "url": f"{there.url}/pagerduty"},
        "TeamsSecretArn": {"url": f"{there.url}/teams"},
        "JiraSecretArn": {
            "url": f"{there.url}/jira",
            "email": "guard@example.com",
            "api_token": "of Jira",
            "project": "SEC",
        },
    }
    written = {name: json.dumps(held) for name, held in secrets.items()}
    return started(monkeypatch, SlackStandIn(), asking(), secrets=written)


def recorded(functions: Functions, **fields: Any) -> Decision:
    table = AuditTable(Aws(), functions.stack.physical("AuditTable"))
    return table.append(a_decision(**fields), event="asked", note="policy grants ask")


def told_of(decision: Decision) -> dict[str, Any]:
    message = json.dumps({"version": 1, "decision": decision.id})
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": message}}]}


def test_each_service_that_the_stack_has_is_told_once(
    functions: Functions, there: HookStandIn
) -> None:
    decision = recorded(functions, status=Status.ASKED, expires="2026-11-21T10:00:00.000Z")
    for _ in range(2):
        functions.invoke("HooksFunction", told_of(decision))
    assert sorted(one.path for one in there.requests) == ["/pagerduty", "/teams", "/webhook"]
    assert decision.id in str([one.body for one in there.requests])
    assert functions.judge.refused == []


def test_an_acceptance_until_a_day_reaches_jira(functions: Functions, there: HookStandIn) -> None:
    until = "2026-12-01T10:00:00.000Z"
    vote = Vote("bob", Choice.ACCEPT, "api", "2026-11-20T10:05:00.000Z", "before", until=until)
    decision = recorded(functions, status=Status.DENIED, votes=(vote,))
    for _ in range(2):
        functions.invoke("HooksFunction", told_of(decision))
    paths = [one.path for one in there.requests if one.path.startswith("/jira")]
    assert paths == ["/jira/rest/api/3/search/jql", "/jira/rest/api/3/issue"]
    assert there.requests[-1].said["fields"]["issuetype"] == {"name": "Task"}
    assert functions.judge.refused == []


def test_lambda_is_told_what_failed_and_another_try_tells_only_the_rest(
    functions: Functions, there: HookStandIn
) -> None:
    decision = recorded(functions, status=Status.ASKED, expires="2026-11-21T10:00:00.000Z")
    there.answer(403)
    with pytest.raises(NotTold, match="the webhook answered 403: look at the address"):
        functions.invoke("HooksFunction", told_of(decision))
    functions.invoke("HooksFunction", told_of(decision))
    paths = [one.path for one in there.requests]
    assert paths == ["/webhook", "/pagerduty", "/teams", "/webhook"]
