"""An undo lets a change stand again: it needs whom accepting that change would need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from driftguard.approvals.rules import UNDO_REQUESTED
from driftguard.aws.calls import AwsError
from driftguard.channels.message.text import as_text
from driftguard.events.commands import UndoRequested, command_of, undo_message
from driftguard.model import Autonomy, Decision, Status
from driftguard.policy.model import Person, Policy, Terms
from driftguard_cli.main import app
from tests.support.api_requests import BOB, AtTheSignedApi
from tests.support.approving import MALLORY, PEOPLE, Asked, is_open
from tests.support.doors import Door
from tests.support.operating import as_json, refused
from tests.support.refusals import Refusing
from tests.support.world import World

CAROL = "arn:aws:sts::123456789012:assumed-role/sso/carol"
DAN = "arn:aws:iam::123456789012:user/dan"
EVERYBODY = (*PEOPLE, Person("dan", iam=(DAN,)))


def under(api: AtTheSignedApi, change: Callable[[Policy], Policy]) -> None:
    """From now on the signed API obeys another policy."""
    desk = api.api.desk
    api.api = replace(api.api, desk=replace(desk, policy=change(desk.policy)))


def two_of(*approvers: str) -> Callable[[Policy], Policy]:
    terms = (Terms(quorum=2, approvers=approvers),)
    return lambda policy: replace(policy, people=EVERYBODY, approvals=terms)


@pytest.fixture
def api(world: World, group: str) -> AtTheSignedApi:
    """What alice had opened is reverted; two of bob, carol and dan may accept such a change."""
    at = AtTheSignedApi(Asked(world, group))
    at.post(BOB)
    assert at.asked.carried_out().status is Status.REVERTED
    under(at, two_of("bob", "carol", "dan"))
    return at


def proposed(api: AtTheSignedApi, caller: str = BOB) -> Decision:
    status, told = api.post(caller, "/undo", reason="a launch")
    assert (status, told["status"]) == (200, "proposed"), told
    assert "1 more must agree" in told["text"]
    found = api.api.desk.audit.get(told["decision"])
    assert found is not None
    return found


def confirm(api: AtTheSignedApi, caller: str, of: Decision) -> tuple[int, dict[str, Any]]:
    return api.post(caller, "/confirm", decision=of.id, fingerprint=of.before)


def test_an_undo_waits_for_the_quorum_that_accepting_needs(
    api: AtTheSignedApi, world: World, group: str
) -> None:
    """12.4: one of `people` undid what two had to accept."""
    waiting = proposed(api)
    assert api.sent() == []
    assert UNDO_REQUESTED not in [event for event, _ in api.asked.events()]

    status, told = confirm(api, CAROL, waiting)

    assert status == 200, told
    (command,) = api.sent()
    *_, request = world.audit.log(api.asked.decision.id)
    assert command == undo_message(api.asked.decision.id, request.number)
    assert (request.event, request.by) == (UNDO_REQUESTED, f"bob ({BOB}) and carol ({CAROL})")
    requested = command_of(command)
    assert isinstance(requested, UndoRequested)
    assert api.asked.guard.undo_requested(requested).status is Status.UNDONE
    assert is_open(group)
    noted = world.audit.get(waiting.id)
    assert noted is not None
    assert noted.status is Status.NOTED


def test_whoever_asks_for_the_same_undo_agrees_to_it(api: AtTheSignedApi) -> None:
    """So the button in Slack needs no second button beside it."""
    waiting = proposed(api)
    status, told = api.post(BOB, "/undo")
    assert (status, told["text"]) == (409, "bob has agreed before.")
    assert api.sent() == []
    status, told = api.post(DAN, "/undo")
    assert (status, told["decision"]) == (200, api.asked.decision.id), told
    assert len(api.sent()) == 1
    assert confirm(api, CAROL, waiting)[0] == 409


def test_what_enough_have_agreed_to_is_commanded_again_where_the_queue_was_away(
    api: AtTheSignedApi, refusing: Refusing
) -> None:
    waiting = proposed(api)
    refusing("SendMessage", "ServiceUnavailable", times=1)
    with pytest.raises(AwsError):
        confirm(api, CAROL, waiting)
    assert api.sent() == []
    status, told = api.post(BOB, "/undo")
    assert (status, told["text"]) == (200, "The guard has been asked to undo it.")
    assert len(api.sent()) == 1


@pytest.mark.parametrize(
    ("caller", "why"),
    [
        (MALLORY, "whoever made a change cannot undo its revert"),
        ("arn:aws:iam::123456789012:user/eve", "is not among the policy's people"),
    ],
)
def test_neither_the_maker_nor_a_stranger_proposes_or_confirms(
    api: AtTheSignedApi, caller: str, why: str
) -> None:
    under(api, two_of())
    assert why in api.post(caller, "/undo")[1]["text"]
    waiting = proposed(api)
    status, told = confirm(api, caller, waiting)
    assert status == 409
    assert why in told["text"]
    assert api.sent() == []


def test_who_is_no_approver_counts_for_nothing(api: AtTheSignedApi) -> None:
    under(api, two_of("bob", "carol"))
    assert "may not vote on" in api.post(DAN, "/undo")[1]["text"]
    waiting = proposed(api)
    assert "may not vote on" in confirm(api, DAN, waiting)[1]["text"]
    assert confirm(api, CAROL, waiting)[0] == 200


def test_the_makers_role_under_another_session_is_still_the_maker(world: World, group: str) -> None:
    """Without people everybody whom IAM lets in may, but the maker, whatever the session."""
    api = AtTheSignedApi(Asked(world, group))
    role = "arn:aws:sts::123456789012:assumed-role/Developer"
    api.post(BOB)
    reverted = replace(api.asked.carried_out(), remade_by=(f"{role}/one",))
    world.audit.append(reverted, event="noted", note="")
    under(api, lambda policy: replace(policy, people=(), approvals=(Terms(quorum=2),)))
    assert "cannot undo its revert" in api.post(f"{role}/two", "/undo")[1]["text"]
    ops = "arn:aws:sts::123456789012:assumed-role/Ops"
    waiting = proposed(api, f"{ops}/one")
    assert "has agreed before" in confirm(api, f"{ops}/two", waiting)[1]["text"]
    assert confirm(api, BOB, waiting)[0] == 200


def test_a_proposal_shows_what_comes_back(api: AtTheSignedApi) -> None:
    waiting = proposed(api)
    shown = as_text(waiting)
    assert api.asked.decision.summary in shown
    assert api.asked.decision.id in shown
    assert "ec2:AuthorizeSecurityGroupIngress\n    comes  IpPermissions: " in shown
    assert waiting.candidate.resource == api.asked.decision.candidate.resource


def test_people_agree_to_the_undo_of_what_stands_in_the_record_and_nothing_else(
    api: AtTheSignedApi, world: World
) -> None:
    waiting = proposed(api)
    reverted = world.audit.get(api.asked.decision.id)
    assert reverted is not None
    world.audit.append(replace(reverted, done=0), event="noted", note="")
    status, told = confirm(api, CAROL, waiting)
    assert status == 409
    assert "changed since" in told["text"]
    assert api.sent() == []


def test_a_proposal_that_ended_is_made_anew(api: AtTheSignedApi, world: World) -> None:
    waiting = proposed(api)
    world.clock.pass_by(hours=25)
    assert "The request ended" in confirm(api, CAROL, waiting)[1]["text"]
    again = proposed(api, DAN)
    assert again.expires > waiting.expires
    assert confirm(api, CAROL, waiting)[0] == 409
    assert confirm(api, CAROL, again)[0] == 200
    assert f"dan ({DAN})" in world.audit.log(api.asked.decision.id)[-1].by


def test_what_was_earned_takes_two_to_undo(api: AtTheSignedApi, world: World) -> None:
    """As accepting a sample of it does."""
    reverted = world.audit.get(api.asked.decision.id)
    assert reverted is not None
    world.audit.append(replace(reverted, autonomy=Autonomy.REVERT), event="noted", note="")
    earned = frozenset({reverted.control})
    under(api, lambda policy: replace(policy, approvals=(Terms(),), earned=earned))
    waiting = proposed(api)
    assert confirm(api, CAROL, waiting)[0] == 200


def test_an_act_of_this_kind_is_held_to_the_same(api: AtTheSignedApi) -> None:
    """The door of acts opens no other way to an undo."""
    said = {"decision": api.asked.decision.id, "version": 999, "reason": "now"}
    status, told = api.post(BOB, "/act", act="undo", **said)
    assert status == 409, told
    status, told = api.post(BOB, "/act", act="undo", **{**said, "decision": ""})
    assert (status, told["text"]) == (409, "There is no decision (unnamed).")
    assert api.sent() == []


# ------------------------------------------------------------------------- the command line


@pytest.fixture
def at_the_door(door: Door) -> Door:
    door.api.post(BOB)
    assert door.asked.carried_out().status is Status.REVERTED
    people = (*PEOPLE, Person("dan", iam=(DAN,)))
    terms = (Terms(quorum=2),)
    under(door.api, lambda policy: replace(policy, people=people, approvals=terms))
    return door


def test_the_command_line_says_that_an_undo_waits(at_the_door: Door) -> None:
    told = refused("undo", at_the_door.asked.decision.id, "--yes")
    assert "1 more must agree" in told
    assert "driftguard confirm dg-" in told


def test_what_comes_back_is_shown_before_it_is_confirmed(at_the_door: Door, group: str) -> None:
    """The command line is bob's: he sees what dan has proposed."""
    api = at_the_door.api
    _, asked = api.post(DAN, "/undo", reason="a launch")
    (listed,) = as_json("audit", "list", "--status", "proposed")
    assert listed["decision"] == asked["decision"]
    shown = CliRunner().invoke(
        app, ["confirm", str(asked["decision"])], input="n\n", env={"COLUMNS": "300"}
    )
    assert "ec2:AuthorizeSecurityGroupIngress(" in shown.stderr
    assert at_the_door.asked.decision.summary in shown.stderr
    assert group in shown.stderr
    assert not api.sent()
