"""The signed API: who answers and undoes is whom IAM says, and not what they write."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from driftguard.approvals import incidents
from driftguard.approvals.rules import UNDO_REQUESTED
from driftguard.events.commands import undo_message
from driftguard.model import Status
from tests.support.api_requests import BOB, AtTheSignedApi
from tests.support.approving import MALLORY, Asked, is_open
from tests.support.world import World

CAROL = "arn:aws:sts::123456789012:assumed-role/sso/carol"


@pytest.fixture
def api(world: World, group: str) -> AtTheSignedApi:
    return AtTheSignedApi(Asked(world, group))


def test_the_approver_is_the_verified_identity(
    api: AtTheSignedApi,
    group: str,
) -> None:
    status, told = api.post(BOB, reason="a mistake", person="carol", identity=CAROL)
    assert (status, told["counted"], told["person"]) == (200, True, "bob")
    assert told["text"] == "Thank you: it is being reverted."
    assert api.asked.carried_out().status is Status.REVERTED
    assert not is_open(group)
    entries = list(api.asked.world.audit.log(api.asked.decision.id))
    assert entries[1].by == f"bob ({BOB}) via api"
    assert entries[1].note == "revert via api: a mistake"


def test_a_role_session_is_the_person_whose_pattern_it_fits(api: AtTheSignedApi) -> None:
    assert api.post(CAROL)[1]["person"] == "carol"


def test_a_keep_for_a_while_ends_by_the_guards_clock(api: AtTheSignedApi, world: World) -> None:
    status, told = api.post(BOB, choice="accept", accept_for_seconds=7 * 86_400)
    assert status == 200
    world.clock.pass_by(days=7)
    ends = world.guard.stamp()
    assert told["text"] == f"Thank you: the change stands until {ends}."


def test_who_is_nobody_is_refused_and_logged(api: AtTheSignedApi) -> None:
    status, told = api.post("arn:aws:iam::123456789012:user/eve")
    assert (status, told["counted"]) == (409, False)
    eve = "arn:aws:iam::123456789012:user/eve"
    assert told["text"] == (
        f"{eve} is not among the policy's people: whoever keeps the policy can add "
        f"`- {{name: NAME, iam: ['{eve}']}}` to `people`"
    )
    assert "user/eve" in api.log.lines[-1]
    assert api.asked.events()[-1][0] == "refused"


# ------------------------------------------------------------- a policy that names no people


def session(role: str, name: str) -> str:
    return f"arn:aws:sts::123456789012:assumed-role/{role}/{name}"


@pytest.mark.parametrize("choice", ["revert", "accept"])
def test_without_people_whoever_iam_lets_call_the_api_votes(
    world: World, group: str, choice: str
) -> None:
    api = AtTheSignedApi(Asked(world, group, nobody=True))
    status, told = api.post(session("ops", "dave"), choice=choice)
    assert (status, told["counted"]) == (200, True)
    entries = list(api.asked.world.audit.log(api.asked.decision.id))
    assert entries[1].by == f"123456789012 role ops ({session('ops', 'dave')}) via api"


def test_without_people_who_made_the_change_cannot_accept_it_under_any_name(
    world: World, group: str
) -> None:
    api = AtTheSignedApi(Asked(world, group, nobody=True))
    status, told = api.post(MALLORY, choice="accept")
    assert (status, told["text"]) == (409, "whoever made a change cannot approve accepting it")


def test_without_people_the_sessions_of_a_role_are_one_voter(world: World, group: str) -> None:
    """Whoever may assume a role chooses the names of its sessions."""
    api = AtTheSignedApi(Asked(world, group, nobody=True, quorum=2))
    assert api.post(session("ops", "dave"))[0] == 200
    status, told = api.post(session("ops", "erin"))
    assert (status, told["text"]) == (409, "123456789012 role ops has voted before")
    assert api.post(session("audit", "erin"))[1]["text"] == "Thank you: it is being reverted."


def test_without_people_a_channel_that_proves_nobody_says_where_to_vote(
    world: World, group: str
) -> None:
    asked = Asked(world, group, nobody=True)
    refused = asked.vote("", identity="slack U0BOB")
    assert not refused.counted
    assert f"vote with `driftguard approve {asked.decision.id}`, or add yourself" in refused.text


def test_who_made_the_change_cannot_keep_it(api: AtTheSignedApi) -> None:
    status, told = api.post(MALLORY, choice="accept")
    assert (status, told["text"]) == (409, "whoever made a change cannot approve accepting it")


OPERATORS = "driftguard-OperatorRole-1AB2C3"


@pytest.mark.parametrize("path", ["/answer", "/undo", "/act", "/confirm"])
def test_a_session_of_the_stacks_role_for_operators_is_nobodys_word(
    api: AtTheSignedApi, path: str
) -> None:
    """Its name is the caller's choice, and its role is not the role that made the change."""
    api.api = replace(api.api, operator_role=OPERATORS)
    session = f"arn:aws:sts::123456789012:assumed-role/{OPERATORS}/carol"
    status, told = api.post(session, path)
    assert (status, told["counted"]) == (403, False)
    assert "sign the request as yourself" in told["text"]
    assert api.asked.events() == [("decided", "guard")]
    assert api.post(session, "/wake")[0] != 403
    assert api.post(CAROL)[0] == 200


def test_without_iam_nothing_is_taken(api: AtTheSignedApi) -> None:
    status, told = api.post("")
    assert (status, told["counted"]) == (403, False)
    assert api.asked.events() == [("decided", "guard")]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"choice": "approve"}, "A vote is `revert` or `accept`."),
        ({"fingerprint": ""}, "A vote names the `decision`"),
        ({"accept_for_seconds": 60}, "Only `accept` is for a while"),
        ({"choice": "accept", "accept_for_seconds": -1}, "Only `accept` is for a while"),
        ({"choice": "accept", "accept_for_seconds": True}, "Only `accept` is for a while"),
        ({"choice": "accept", "accept_for_seconds": 10**9}, "a year at most"),
    ],
)
def test_what_is_no_answer_is_refused(api: AtTheSignedApi, said: dict[str, Any], why: str) -> None:
    status, told = api.post(BOB, **said)
    assert status == 400
    assert told["text"].startswith(why) or why in told["text"]
    assert api.asked.events() == [("decided", "guard")]


def test_an_answer_to_another_state_is_refused(api: AtTheSignedApi) -> None:
    assert "has changed since" in api.post(BOB, fingerprint="0" * 16)[1]["text"]


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "{" * 20_000, "[" * 16_000])
def test_what_is_no_json_object_is_refused(api: AtTheSignedApi, body: str) -> None:
    assert api.send(BOB, "/answer", body)[0] in (400, 413)


def test_one_answer_to_an_incident_names_it_and_what_was_shown_of_it(api: AtTheSignedApi) -> None:
    first, world = api.asked.decision, api.asked.world
    assert api.send(BOB, "/contain", json.dumps({"incident": first.id}))[0] == 400
    found = incidents.found(world.audit, world.state, first.id)
    assert found is not None
    said = {"incident": first.id, "fingerprint": "0" * 16, "reason": "x"}
    status, told = api.send(BOB, "/contain", json.dumps(said))
    assert (status, told["counted"], told["decisions"]) == (409, False, [])
    assert "Look at it again" in told["text"]
    said["fingerprint"] = found.fingerprint
    status, told = api.send(BOB, "/contain", json.dumps(said))
    assert (status, told["person"]) == (200, "bob")
    assert [(one["decision"], one["status"]) for one in told["decisions"]] == [
        (first.id, "approved")
    ]
    status, told = api.send(BOB, "/contain", json.dumps({**said, "incident": "dg-0"}))
    assert (status, told["text"]) == (409, "There is no decision dg-0.")


def test_other_paths_are_not_there(api: AtTheSignedApi) -> None:
    assert api.send(BOB, "/", "{}")[0] == 404


# ------------------------------------------------------------------------------------ undoing


@pytest.fixture
def reverted(api: AtTheSignedApi) -> AtTheSignedApi:
    api.post(BOB)
    assert api.asked.carried_out().status is Status.REVERTED
    return api


def test_an_undo_goes_to_the_guard_in_the_callers_name(
    reverted: AtTheSignedApi, world: World
) -> None:
    status, told = reverted.post(CAROL, "/undo", reason="was fine", by="eve")
    assert (status, told["counted"]) == (200, True)
    (command,) = reverted.sent()
    request = world.audit.log(reverted.asked.decision.id)[command["request"] - 1]
    assert command == undo_message(reverted.asked.decision.id, request.number)
    assert (request.event, request.by) == (UNDO_REQUESTED, f"carol ({CAROL})")
    assert request.note == "was fine"


@pytest.mark.parametrize(
    ("caller", "why"),
    [
        (MALLORY, "whoever made a change cannot undo its revert"),
        ("arn:aws:iam::123456789012:user/eve", "is not among the policy's people"),
    ],
)
def test_who_may_not_keep_a_change_may_not_undo_its_revert(
    reverted: AtTheSignedApi, caller: str, why: str
) -> None:
    status, told = reverted.post(caller, "/undo")
    assert status == 409
    assert why in told["text"]
    assert reverted.sent() == []
    assert why in reverted.log.lines[-1]


def test_an_undo_of_nothing_is_refused(api: AtTheSignedApi) -> None:
    status, told = api.post(BOB, "/undo", decision="dg-none")
    assert (status, told["text"]) == (409, "There is no decision dg-none.")


@pytest.mark.parametrize(
    "said", [{}, {"state": {"versioning": "Enabled", "mfa": ""}}, {"fingerprint": ""}]
)
def test_nobody_says_what_a_state_is(
    api: AtTheSignedApi, world: World, said: dict[str, Any]
) -> None:
    """12.3: `accept-baseline` believed any state that its caller gave."""
    act = {
        "act": "accept-baseline",
        "control": "s3.versioning-suspended",
        "resource": "arn:aws:s3:::wares",
        "reason": "by hand",
    }
    status, told = api.post(BOB, "/act", **{"fingerprint": "", **act, **said})
    assert (status, told["counted"]) == (409, False)
    assert "by its `fingerprint`" in told["text"]
    assert api.sent() == []
