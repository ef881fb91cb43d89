"""From management events to a question about a role, each function under its own role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from driftguard.audit import AuditTable
from driftguard.aws.client import Aws
from driftguard.conduct.memory import day_of
from driftguard.documents import Document
from driftguard.model import Place, Status
from driftguard.state.keys import StateRecord, conduct_key
from driftguard.state.table import StateTable
from tests.scenarios.containment import make_role, role_snapshot
from tests.support.conduct import by_role, looking_around, read, usual
from tests.support.functions import BOB, Functions, asking, started
from tests.support.slack_stand_in import running
from tests.support.world import ACCOUNT, REGION

HERE = Place(ACCOUNT, REGION)
ARN = f"arn:aws:iam::{ACCOUNT}:role/shop/web"


@dataclass
class Watched:
    """A stack that watches conduct, in an account that it has known for two months."""

    functions: Functions

    @property
    def table(self) -> StateTable:
        return StateTable(Aws(), self.functions.stack.physical("StateTable"), HERE)

    def known(self) -> None:
        day = day_of(datetime.now(UTC)) - 1
        memory = usual(day, 60, service=["s3"], network=["203.0.113.0/24"], client=["Boto3"])
        self.table.put(StateRecord(conduct_key(HERE, ACCOUNT), {"memory": memory}))

    def take(self, events: list[dict[str, Any]]) -> Any:
        records: list[Document] = [
            {"messageId": str(number), "body": json.dumps(event)}
            for number, event in enumerate(events)
        ]
        answer = self.functions.invoke("ConductFunction", {"Records": records})
        self.functions.settle()
        return answer


@pytest.fixture
def watched(account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    with running() as slack:
        more = {"UnusualConduct": "all", "Containment": "true"}
        yield Watched(started(monkeypatch, slack, asking(), more=more))


def by_the_role(id_: str) -> dict[str, Any]:
    identity = by_role(path="/shop/")
    identity["sessionContext"]["sessionIssuer"]["principalId"] = id_
    return {**identity, "principalId": f"{id_}:i-0abc"}


def test_from_a_burst_of_reads_to_sessions_that_people_denied(watched: Watched) -> None:
    watched.known()
    who, now = by_the_role(make_role()), datetime.now(UTC)
    answer = watched.take(looking_around(who=who, at=now))
    functions = watched.functions
    assert (answer, functions.judge.refused) == ({"batchItemFailures": []}, [])
    audit = AuditTable(Aws(), functions.stack.physical("AuditTable"))
    (asked,) = audit.many(functions.decisions())
    assert (asked.control, asked.status) == ("containment.unusual-conduct", Status.ASKED)
    assert asked.candidate.resource.arn == ARN

    voted = functions.api(
        BOB, "/answer", decision=asked.id, choice="revert", fingerprint=asked.before
    )
    assert voted["counted"], voted
    functions.settle()
    assert functions.judge.refused == []
    assert sorted(role_snapshot("web")["inline"]) == ["DriftguardContainment", "logs"]


def test_the_day_after_the_watcher_reads_what_was_decided_and_may_do_so(watched: Watched) -> None:
    watched.known()
    now = datetime.now(UTC)
    assert watched.take([read("s3", "ListBuckets", at=now)]) == {"batchItemFailures": []}
    key = conduct_key(HERE, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/web")
    record = watched.table.record(key)
    today: Any = record.document["today"]
    watched.table.put(
        record.saying({**record.document, "today": {**today, "day": today["day"] - 1}})
    )
    assert watched.take([read("s3", "ListBuckets", at=now)]) == {"batchItemFailures": []}
    assert "memory" in watched.table.record(key).document
    assert watched.functions.judge.refused == []


def test_the_watcher_can_write_nothing_but_conduct(watched: Watched) -> None:
    judge = watched.functions.judge
    table = watched.functions.stack.physical("StateTable")
    for kind, allowed in (("conduct", True), ("baseline", False), ("trust", False)):
        item = {"pk": {"S": f"{kind}#{ACCOUNT}#{REGION}"}, "sk": {"S": "x"}}
        asked = judge.judged(
            "ConductRole", "dynamodb", "PutItem", {"TableName": table, "Item": item}
        )
        assert (asked.refused == "") is allowed, kind
    url = {"QueueUrl": watched.functions.stack.resolved({"Ref": "CommandsQueue"})}
    sent = judge.judged("ConductRole", "sqs", "SendMessage", {**url, "MessageBody": "{}"})
    assert sent.refused
