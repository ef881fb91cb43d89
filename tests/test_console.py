"""The console: who answers and undoes is whom IAM says, and not what they write."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from driftguard.console import Console
from driftguard.model import Status
from driftguard.web import Request
from tests.conftest import World
from tests.test_approvals import MALLORY, Asked, group, is_open  # noqa: F401 - a fixture
from tests.test_replies import Log, event

BOB = "arn:aws:iam::123456789012:user/bob"
CAROL = "arn:aws:sts::123456789012:assumed-role/sso/carol"


class AtTheConsole:
    """A question, and callers that IAM has verified."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.log = asked, Log()
        self.queue = boto3.client("sqs").create_queue(QueueName="changes")["QueueUrl"]
        self.console = Console(asked.desk, lambda: boto3.client("sqs"), self.queue, self.log)

    def post(self, caller: str, path: str = "/answer", **said: Any) -> tuple[int, dict[str, Any]]:
        """What a caller gets; the question's decision, state and a revert unless said otherwise."""
        shown = {
            "decision": self.asked.decision.id,
            "fingerprint": self.asked.decision.before,
            "verdict": "revert",
        }
        return self.send(caller, path, json.dumps(shown | said))

    def send(self, caller: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
        made = event("POST", body=body, headers={"content-type": "application/json"})
        made["rawPath"] = path
        if caller:
            made["requestContext"]["authorizer"] = {
                "iam": {
                    "accessKey": "AKIAEXAMPLE",
                    "accountId": "123456789012",
                    "callerId": "AIDAEXAMPLE",
                    "cognitoIdentity": None,
                    "principalOrgId": "o-example",
                    "userArn": caller,
                    "userId": "AIDAEXAMPLE",
                }
            }
        response = self.console.handle(Request.from_event(made))
        return response.status, json.loads(response.body)

    def sent(self) -> list[dict[str, str]]:
        received = boto3.client("sqs").receive_message(QueueUrl=self.queue)
        return [json.loads(one["Body"]) for one in received.get("Messages", [])]


@pytest.fixture
def console(world: World, group: str) -> AtTheConsole:  # noqa: F811
    return AtTheConsole(Asked(world, group))


def test_the_approver_is_the_verified_identity(
    console: AtTheConsole,
    group: str,  # noqa: F811
) -> None:
    status, told = console.post(BOB, reason="a mistake", person="carol", identity=CAROL)
    assert (status, told["counted"], told["person"]) == (200, True, "bob")
    assert told["text"] == "Thank you: it is being reverted."
    assert console.asked.carried_out().status is Status.REVERTED
    assert not is_open(group)
    entries = list(console.asked.world.audit.log(console.asked.decision.id))
    assert entries[1].by == f"bob ({BOB}) via console"
    assert entries[1].note == "revert via console: a mistake"


def test_a_role_session_is_the_person_whose_pattern_it_fits(console: AtTheConsole) -> None:
    assert console.post(CAROL)[1]["person"] == "carol"


def test_a_keep_for_a_while_ends_by_the_guards_clock(console: AtTheConsole, world: World) -> None:
    status, told = console.post(BOB, verdict="keep", keep_for_seconds=7 * 86_400)
    assert status == 200
    world.clock.pass_by(days=7)
    ends = world.guard.stamp()
    assert told["text"] == f"Thank you: the change stands until {ends}."


def test_who_is_nobody_is_refused_and_logged(console: AtTheConsole) -> None:
    status, told = console.post("arn:aws:iam::123456789012:user/eve")
    assert (status, told["counted"]) == (409, False)
    assert told["text"].endswith("user/eve is nobody in the policy's people")
    assert "user/eve" in console.log.lines[-1]
    assert console.asked.events()[-1][0] == "refused"


def test_who_made_the_change_cannot_keep_it(console: AtTheConsole) -> None:
    status, told = console.post(MALLORY, verdict="keep")
    assert (status, told["text"]) == (409, "who made a change cannot approve keeping it")


def test_without_iam_nothing_is_taken(console: AtTheConsole) -> None:
    status, told = console.post("")
    assert (status, told["counted"]) == (403, False)
    assert console.asked.events() == [("decided", "guard")]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"verdict": "approve"}, "A verdict is `revert` or `keep`."),
        ({"fingerprint": ""}, "An answer names the `decision`"),
        ({"keep_for_seconds": 60}, "Only a keep is for a while"),
        ({"verdict": "keep", "keep_for_seconds": -1}, "Only a keep is for a while"),
        ({"verdict": "keep", "keep_for_seconds": True}, "Only a keep is for a while"),
        ({"verdict": "keep", "keep_for_seconds": 10**9}, "a year at most"),
    ],
)
def test_what_is_no_answer_is_refused(
    console: AtTheConsole, said: dict[str, Any], why: str
) -> None:
    status, told = console.post(BOB, **said)
    assert status == 400
    assert told["text"].startswith(why) or why in told["text"]
    assert console.asked.events() == [("decided", "guard")]


def test_an_answer_to_another_state_is_refused(console: AtTheConsole) -> None:
    assert "has changed since" in console.post(BOB, fingerprint="0" * 16)[1]["text"]


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "{" * 20_000])
def test_what_is_no_json_object_is_refused(console: AtTheConsole, body: str) -> None:
    assert console.send(BOB, "/answer", body)[0] in (400, 413)


def test_other_paths_are_not_there(console: AtTheConsole) -> None:
    assert console.send(BOB, "/", "{}")[0] == 404


# ------------------------------------------------------------------------------------ undoing


@pytest.fixture
def reverted(console: AtTheConsole) -> AtTheConsole:
    console.post(BOB)
    assert console.asked.carried_out().status is Status.REVERTED
    return console


def test_an_undo_goes_to_the_guard_in_the_callers_name(reverted: AtTheConsole) -> None:
    status, told = reverted.post(CAROL, "/undo", reason="was fine", by="eve")
    assert (status, told["counted"]) == (200, True)
    assert reverted.sent() == [
        {
            "driftguard": "undo",
            "decision": reverted.asked.decision.id,
            "by": f"carol ({CAROL})",
            "reason": "was fine",
        }
    ]


@pytest.mark.parametrize(
    ("caller", "why"),
    [
        (MALLORY, "who made a change cannot undo its revert"),
        ("arn:aws:iam::123456789012:user/eve", "is nobody in the policy's people"),
    ],
)
def test_who_may_not_keep_a_change_may_not_undo_its_revert(
    reverted: AtTheConsole, caller: str, why: str
) -> None:
    status, told = reverted.post(caller, "/undo")
    assert status == 409
    assert why in told["text"]
    assert reverted.sent() == []
    assert why in reverted.log.lines[-1]


def test_an_undo_of_nothing_is_refused(console: AtTheConsole) -> None:
    status, told = console.post(BOB, "/undo", decision="dg-none")
    assert (status, told["text"]) == (409, "There is no decision dg-none.")


@pytest.mark.parametrize("state", [{}, {"versions": "Enabled"}])
def test_a_state_that_its_control_cannot_compare_becomes_no_baseline(
    console: AtTheConsole, state: dict[str, str]
) -> None:
    """It would stop every later change of the resource from being judged."""
    act = {
        "act": "accept-baseline",
        "control": "s3.versioning-suspended",
        "resource": "arn:aws:s3:::wares",
        "reason": "by hand",
    }
    status, told = console.post(BOB, "/act", **act, state=state)
    assert (status, told["counted"]) == (409, False)
    assert "s3.versioning-suspended cannot compare anything with that state" in told["text"]
    status, told = console.post(BOB, "/act", **act, state={"versioning": "Enabled", "mfa": ""})
    assert (status, told["counted"]) == (200, True)
