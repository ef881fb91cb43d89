"""A revert that failed half-way and is then undone: neither the undo nor the risk is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import boto3
import pytest

from driftguard.approvals.owed import owed
from driftguard.approvals.rules import RELEASE_REQUESTED
from driftguard.engine import recording
from driftguard.engine.guard import Guard
from driftguard.events.commands import UndoRequested, carry_out_message, command_of
from driftguard.model import Decision, Status
from tests.support.approving import is_open, open_up
from tests.support.queues import undo_requested
from tests.support.records import flat_ingress
from tests.support.refusals import Refusing
from tests.support.world import World

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
