"""A revert that failed half-way and is then undone: neither the undo nor the risk is forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import boto3
import pytest

from driftguard.approvals.owed import owed
from driftguard.approvals.rules import RELEASE_REQUESTED, UNREAD
from driftguard.engine import recording
from driftguard.engine.guard import Guard
from driftguard.engine.undo import made_of
from driftguard.events.commands import UndoRequested, carry_out_message, command_of
from driftguard.model import Call, Decision, Plan, Status, Step
from tests.scenarios import SCENARIOS
from tests.support.approving import is_open, open_up
from tests.support.each import each
from tests.support.queues import undo_requested
from tests.support.records import flat_ingress
from tests.support.refusals import Refusing
from tests.support.round_trips import staged_trip
from tests.support.world import Fakes, World

REVOKE, AUTHORIZE = "RevokeSecurityGroupIngress", "AuthorizeSecurityGroupIngress"


@pytest.fixture
def failed(world: World, group: str, refusing: Refusing) -> Decision:
    """A revert whose one call was made, and which failed all the same: it is tried again."""
    reverted = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert (reverted.status, reverted.done) == (Status.REVERTED, 1)
    case = world.guard._case(reverted, False)
    return recording.fail(case, reverted, "AWS refuses", case.observe())


def events(world: World, decision: Decision) -> list[str]:
    return [entry.event for entry in world.audit.log(decision.id)]


def now(world: World, decision: Decision) -> Decision:
    found = world.audit.get(decision.id)
    assert found is not None
    return found


def begun(world: World, decision: Decision, refusing: Refusing) -> None:
    """An undo whose worker dies before its call."""
    asked = command_of(undo_requested(world.audit, decision, "bob", "mine"))
    assert isinstance(asked, UndoRequested)
    refusing(AUTHORIZE, "RequestLimitExceeded", times=1)
    with pytest.raises(Exception, match="throttled"):
        world.guard.undo_requested(asked)
    assert now(world, decision).status is Status.UNDOING


def resumed(world: World, decision: Decision) -> Decision:
    command = owed(now(world, decision), world.audit.log(decision.id), world.guard.stamp())
    asked = command_of(command or {})
    assert isinstance(asked, UndoRequested)
    return world.guard.undo_requested(asked)


def test_the_record_owes_the_undo_before_the_next_try(world: World, failed: Decision) -> None:
    """It owed nothing before `next_try`, and another try from then on."""
    log = world.audit.log(failed.id)
    assert owed(failed, log, failed.updated) is None
    assert owed(failed, log, failed.next_try) == carry_out_message(failed.id)
    request = undo_requested(world.audit, failed, "bob")
    for at in (failed.updated, failed.next_try):
        assert owed(now(world, failed), world.audit.log(failed.id), at) == request


@pytest.mark.parametrize("woken", [Guard.carry_out, Guard.expire])
def test_what_is_to_be_undone_is_not_tried_again(
    world: World, group: str, failed: Decision, woken: Callable[[Guard, str], Decision]
) -> None:
    undo_requested(world.audit, failed, "bob", "mine")
    world.clock.at = datetime.fromisoformat(failed.next_try)
    assert woken(world.guard, failed.id).status is Status.UNDONE
    assert is_open(group)


def test_a_refused_undo_leaves_the_next_try(world: World, group: str, failed: Decision) -> None:
    undo_requested(world.audit, failed, "bob")
    open_up(group, 23)
    world.clock.at = datetime.fromisoformat(failed.next_try)
    after = world.guard.carry_out(failed.id)
    assert "undo-refused" in events(world, failed)
    assert (after.retries, events(world, failed)[-1]) == (1, after.status.value)


def test_a_failed_revert_whose_undo_comes_too_late_is_tried_again(
    world: World, group: str, failed: Decision, refusing: Refusing
) -> None:
    """It was called reverted, though the risk stood, and nobody was told or tried again."""
    begun(world, failed, refusing)
    open_up(group, 22)
    open_up(group, 23)
    after = resumed(world, failed)
    assert (after.status, after.resumable) == (Status.FAILED, True)
    assert after.next_try > world.guard.stamp()
    assert "the resource has changed since the undo was asked for" in after.reason
    assert events(world, failed)[-1] == "failed"
    assert owed(after, world.audit.log(failed.id), world.guard.stamp()) is None


def test_what_a_release_asked_for_is_tried_no_more_though_it_comes_too_late(
    world: World, group: str, failed: Decision, refusing: Refusing
) -> None:
    ended = replace(failed, next_try="", resumable=False)
    request = world.audit.append(ended, event=RELEASE_REQUESTED, note="a drill", by="bob")
    asked = UndoRequested(failed.id, request.version)
    refusing(AUTHORIZE, "RequestLimitExceeded", times=1)
    with pytest.raises(Exception, match="throttled"):
        world.guard.undo_requested(asked)
    open_up(group, 22)
    open_up(group, 23)
    after = resumed(world, failed)
    assert (after.status, after.resumable, after.next_try) == (Status.FAILED, False, "")
    assert after.reason.startswith("the undo was refused: the resource has changed since")
    assert events(world, failed)[-1] == "failed"


def test_nor_is_it_after_a_later_undo_by_somebody_else(
    world: World, group: str, failed: Decision, refusing: Refusing
) -> None:
    """Only the last request was looked at, and so it was tried again over the release."""
    ended = replace(failed, next_try="", resumable=False)
    world.audit.append(ended, event=RELEASE_REQUESTED, note="a drill", by="alice")
    begun(world, failed, refusing)
    open_up(group, 22)
    open_up(group, 23)
    after = resumed(world, failed)
    assert (after.status, after.resumable, after.next_try) == (Status.FAILED, False, "")


def test_a_release_before_the_last_try_ends_no_later_ones(
    world: World, group: str, failed: Decision, refusing: Refusing
) -> None:
    written = world.audit.append(failed, event=RELEASE_REQUESTED, note="a drill", by="alice")
    world.clock.pass_by(minutes=1)
    again = replace(written, updated=world.guard.stamp())
    world.audit.append(again, event="resumed", note="tried again (1) after it had failed")
    begun(world, failed, refusing)
    open_up(group, 22)
    open_up(group, 23)
    after = resumed(world, failed)
    assert (after.resumable, after.next_try > world.guard.stamp()) == (True, True)


def test_a_failed_revert_whose_risk_is_gone_is_reverted(
    world: World, group: str, failed: Decision, refusing: Refusing
) -> None:
    begun(world, failed, refusing)
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="10.0.0.0/8"
    )
    after = resumed(world, failed)
    assert (after.status, after.next_try) == (Status.REVERTED, "")
    assert events(world, failed)[-1] == "reverted"


@pytest.mark.parametrize("status", [Status.DENIED, Status.REVERTED])
def test_a_refused_undo_leaves_a_decision_what_it_was(
    world: World, group: str, failed: Decision, refusing: Refusing, status: Status
) -> None:
    """What people had accepted was called reverted."""
    was = replace(now(world, failed), status=status, next_try="", resumable=False)
    world.audit.append(was, event=status.value, note="")
    begun(world, failed, refusing)
    open_up(group, 22)
    open_up(group, 23)
    assert resumed(world, failed).status is status
    assert events(world, failed)[-1] == "undo-refused"


# -------------------------------------------------------- the state after it could not be read


@pytest.fixture
def unread(world: World, failed: Decision) -> Decision:
    """The same, and the group could not be read after the call."""
    case = world.guard._case(failed, False)
    return recording.fail(case, failed, "unverified", UNREAD)


def undone(world: World, decision: Decision) -> Decision:
    asked = command_of(undo_requested(world.audit, decision, "bob", "mine"))
    assert isinstance(asked, UndoRequested)
    return world.guard.undo_requested(asked)


def test_what_could_not_be_read_is_undone_if_it_is_as_a_revert_leaves_it(
    world: World, group: str, unread: Decision
) -> None:
    """It was refused: "it was gone, and is there again"."""
    assert (unread.after, is_open(group)) == (UNREAD, False)
    after = undone(world, unread)
    assert (after.status, is_open(group)) == (Status.UNDONE, True)
    assert world.audit.log(unread.id)[-1].note == "exactly as before"


def test_what_could_not_be_read_and_is_as_before_needs_no_call(
    world: World, group: str, unread: Decision, refusing: Refusing
) -> None:
    open_up(group, 22)
    refusing(AUTHORIZE, "UnauthorizedOperation")
    assert undone(world, unread).status is Status.UNDONE


def test_what_could_not_be_read_and_is_risky_in_another_way_is_tried_again_first(
    world: World, group: str, unread: Decision
) -> None:
    open_up(group, 22)
    open_up(group, 23)
    after = undone(world, unread)
    note = world.audit.log(unread.id)[-1].note
    assert (after.status, after.next_try) == (Status.FAILED, unread.next_try)
    assert note.startswith("the resource could not be read after the last call, and now ")
    assert note.endswith(f"; it is tried again at {unread.next_try}")


def test_an_undo_of_it_whose_worker_died_goes_on(
    world: World, group: str, unread: Decision, refusing: Refusing
) -> None:
    begun(world, unread, refusing)
    assert resumed(world, unread).status is Status.UNDONE
    assert is_open(group)


def test_somebody_elses_newer_policy_is_not_said_to_be_compared(world: World, fakes: Fakes) -> None:
    """It is safe, and so may be what was left: it was overwritten, "exactly as before"."""
    scenario = next(one for one in SCENARIOS if str(one) == "s3.external-policy")
    with staged_trip(world, fakes, scenario) as trip:
        reverted = trip.reverted(trip.attacked())
        case = trip.guard._case(reverted, False)
        unread = recording.fail(case, reverted, "unverified", UNREAD)
        name = reverted.candidate.resource.id
        theirs = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteBucket",
            "Resource": f"arn:aws:s3:::{name}",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [theirs]})
        with trip.gate.lifted():
            boto3.client("s3").put_bucket_policy(Bucket=name, Policy=document)
        assert trip.undone(unread).status is Status.UNDONE
        note = world.audit.log(unread.id)[-1].note
        assert note.startswith("as before, but what it was until now was not compared")


# ------------------------------------------------------------------ what the plan leaves half-way


def steps(*names: str) -> tuple[Step, ...]:
    return tuple(Step(Call("ec2", name, {}, ()), ()) for name in names)


@each(
    ("name", "left", "done", "in_doubt", "made"),
    [
        ("the end of it", ("c",), 2, False, 2),
        ("all after the first", ("b", "c"), 1, False, 1),
        ("a call too many", ("b", "c"), 2, False, 0),
        ("a call that was not made for certain", ("c",), 1, False, 0),
        ("a call in doubt that was made", ("c",), 1, True, 2),
        ("a call in doubt that was not", ("b", "c"), 1, True, 1),
        ("what was made for certain", ("b", "c"), 2, True, 0),
        ("another call", ("d",), 2, False, 0),
        ("no call", (), 3, False, 0),
        ("more calls", ("x", "a", "b", "c"), 1, True, 0),
    ],
)
def test_a_plan_explains_the_state_in_which_its_end_is_left(
    name: str, left: tuple[str, ...], done: int, in_doubt: bool, made: int
) -> None:
    recorded = Plan(steps("a", "b", "c"))
    assert made_of(recorded, done, Plan(steps(*left)), in_doubt=in_doubt) == made, name


# ------------------------------------------------------------------------------------ who hears


def test_that_an_undo_is_refused_is_news_and_says_why(
    world: World, group: str, unread: Decision
) -> None:
    """What a release had ended stayed half-contained, and nobody heard."""
    open_up(group, 22)
    open_up(group, 23)
    for _ in range(2):
        after = undone(world, unread)
        item = boto3.client("dynamodb").get_item(
            TableName=world.audit.name, Key={"pk": {"S": unread.id}, "sk": {"S": "decision"}}
        )["Item"]
        assert item["tell"] == {"BOOL": True}
        refused = "; the undo that bob asked for is refused: the resource could not be read after"
        assert after.reason.startswith(f"{unread.reason}{refused}")
        assert after.reason.count("is refused") == 1
