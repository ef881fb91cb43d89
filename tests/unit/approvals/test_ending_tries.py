"""What is tried again is ended by people who accept the change, with the rules of accepting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from driftguard.approvals.desk import Desk
from driftguard.approvals.requester import Reply
from driftguard.approvals.rules import shown, why_not_undoable
from driftguard.channels.message.text import as_text
from driftguard.channels.slack import blocks
from driftguard.channels.wording import as_json
from driftguard.documents import mapping
from driftguard.engine import recheck, recording
from driftguard.engine.guard import Guard
from driftguard.model import Autonomy, Choice, Decision, Status, Vote
from driftguard.policy.model import Policy, Terms
from driftguard.state import history
from driftguard.state.keys import exemptions_key, history_key, trust_key
from driftguard.state.trust import Outcome
from tests.support.approving import PEOPLE, Asked, is_open, open_up
from tests.support.records import flat_ingress
from tests.support.refusals import Refusing
from tests.support.world import HERE, World

REVOKE = "RevokeSecurityGroupIngress"
INGRESS = "ec2.open-ingress"


class Failed:
    """A revert of alice's change that AWS refuses, and is tried again; people may vote on it."""

    def __init__(self, world: World, group: str, refusing: Refusing, **terms: Any) -> None:
        self.world = world
        self.guard: Guard = world.with_policy(
            lambda given: replace(given, people=PEOPLE, approvals=(Terms(**terms),))
        )
        refusing(REVOKE, "UnauthorizedOperation")
        self.decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"), self.guard)
        assert self.decision.status is Status.FAILED
        assert self.decision.next_try

    def under(self, change: Callable[[Policy], Policy]) -> None:
        self.guard = replace(self.guard, policy=change(self.guard.policy))

    def vote(self, person: str, choice: str = "accept", **more: Any) -> Reply:
        desk = Desk(self.world.audit, self.world.state, self.guard.policy, self.world.clock.now)
        given = Vote(person, Choice(choice), "slack", "now", shown(self.now()))
        return desk.vote(self.decision.id, replace(given, **more))

    def now(self) -> Decision:
        found = self.world.audit.get(self.decision.id)
        assert found is not None
        return found

    def rings(self) -> Decision:
        """What becomes of it when its timer rings."""
        self.world.clock.at = datetime.fromisoformat(self.now().next_try or self.decision.next_try)
        return self.guard.expire(self.decision.id)


@pytest.fixture
def failed(world: World, group: str, refusing: Refusing) -> Failed:
    return Failed(world, group, refusing)


def test_who_accepts_the_change_ends_the_tries(failed: Failed, group: str) -> None:
    """12.11: it was tried again for ever, and a vote was refused: `already failed`."""
    reply = failed.vote("bob", reason="the vendor is expected")
    assert (reply.counted, reply.text) == (True, "Thank you: the change stands.")
    ended = failed.now()
    assert (ended.status, ended.next_try, ended.resumable) == (Status.DENIED, "", False)
    assert "bob ended that" in ended.reason
    assert failed.rings() == ended
    assert failed.guard.carry_out(ended.id) == ended
    assert is_open(group)
    assert failed.world.audit.log(ended.id)[-1].event == "denied"
    assert "already denied" in failed.vote("carol").text


def test_who_accepts_it_for_a_while_exempts_it_too(failed: Failed, world: World) -> None:
    assert failed.vote("bob", until="2999-01-01T00:00:00.000Z").counted
    given = mapping(world.state.record(exemptions_key(HERE, INGRESS)).document, "entries")
    assert failed.decision.id in given


@pytest.mark.parametrize(
    ("person", "more", "why"),
    [
        ("alice", {}, "whoever made a change cannot approve accepting it"),
        ("eve", {"identity": "slack U9"}, "is not among the policy's people"),
        ("link", {}, "accepting the change needs a person"),
        ("bob", {"choice": "revert"}, "only accepting it ends that"),
        ("bob", {"fingerprint": "another"}, "has changed since you were asked"),
    ],
)
def test_the_rules_of_accepting_hold(
    failed: Failed, person: str, more: dict[str, Any], why: str
) -> None:
    reply = failed.vote(person, **more)
    assert not reply.counted
    assert why in reply.text
    assert failed.now().next_try == failed.decision.next_try


def test_it_takes_the_approvers_and_the_quorum(
    world: World, group: str, refusing: Refusing
) -> None:
    failed = Failed(world, group, refusing, quorum=2, approvers=("bob", "carol"))
    assert "1 more must agree" in failed.vote("bob").text
    assert "bob has voted before" in failed.vote("bob").text
    waiting = failed.now()
    assert (waiting.status, waiting.next_try) == (Status.FAILED, failed.decision.next_try)
    assert [entry.event for entry in world.audit.log(waiting.id)][-2:] == ["answered", "refused"]
    assert failed.vote("carol").counted
    assert failed.now().status is Status.DENIED


def test_one_vote_of_two_for_accepting_is_no_yes_to_the_revert(
    world: World, group: str, refusing: Refusing
) -> None:
    """Else it would go on in a freeze, as what people approved does."""
    failed = Failed(world, group, refusing, quorum=2)
    failed.vote("bob")
    assert not recheck.by_people(failed.now())
    failed.under(lambda policy: replace(policy, autonomy={}, default=Autonomy.ASK))
    assert failed.rings().status is Status.ASKED


def test_who_had_approved_the_revert_may_end_its_tries(
    world: World, group: str, refusing: Refusing
) -> None:
    asked = Asked(world, group)
    assert asked.vote("bob").counted
    refusing(REVOKE, "UnauthorizedOperation")
    after = asked.carried_out()
    assert after.status is Status.FAILED
    reply = asked.vote("bob", "accept", fingerprint=shown(after))
    assert reply.counted, reply.text
    assert asked.carried_out().status is Status.DENIED


def test_an_earlier_vote_on_another_state_does_not_count(
    world: World, group: str, refusing: Refusing
) -> None:
    failed = Failed(world, group, refusing, quorum=2)
    failed.vote("bob")
    moved = replace(failed.now(), after="other", left={"other": True})
    world.audit.append(moved, event="noted", note="")
    assert "1 more must agree" in failed.vote("carol").text
    assert failed.vote("bob").counted
    assert failed.now().status is Status.DENIED


def test_it_is_one_lesson_that_the_revert_was_wrong(failed: Failed, world: World) -> None:
    failed.vote("bob")
    stored = str(world.state.record(trust_key(HERE, INGRESS)).document)
    assert stored.count(Outcome.DENIED.value) >= 1
    assert Outcome.UNDONE.value not in stored


def test_what_was_done_before_it_was_accepted_can_be_undone(
    world: World, group: str, refusing: Refusing
) -> None:
    """Two rules, of which one was closed: people accept what is left, then want the other back."""
    open_up(group, 23)
    failed = Failed(world, group, refusing)
    partly = replace(failed.now(), done=1)
    world.audit.append(partly, event="noted", note="")
    assert failed.vote("bob").counted
    refused = failed.guard.audit.get(failed.decision.id)
    assert refused is not None
    assert (refused.status, refused.done) == (Status.DENIED, 1)
    assert why_not_undoable(refused) == ""


def test_the_sweep_leaves_alone_what_a_failed_revert_left(failed: Failed, world: World) -> None:
    """What was half reverted, and then accepted, was found and decided on anew."""
    case = failed.guard._case(failed.decision, False)
    observation = case.observe()
    assert observation is not None
    half = replace(observation, state={**observation.state, "half": True})
    recording.end(case, failed.now(), Status.FAILED, "half done", half, done=1, resumable=True)
    stored = world.state.record(history_key(INGRESS, failed.decision.candidate.resource)).document
    assert history.decided(stored, case.seen(half)) == failed.decision.id


def test_the_message_of_a_failed_revert_says_how_to_end_it(failed: Failed) -> None:
    text = as_text(failed.decision)
    assert "unless people accept or exempt the change" in text
    assert f"driftguard deny {failed.decision.id}" in text
    assert as_json(failed.decision)["fingerprint"] == shown(failed.decision)
    _, shown_blocks = blocks.message(failed.decision, None)
    assert f"{failed.decision.id}|{shown(failed.decision)}" in str(shown_blocks)
    assert blocks.ACCEPT in str(shown_blocks)
    assert blocks.REVERT not in str(shown_blocks)
    failed.vote("bob")
    assert "driftguard deny" not in as_text(failed.now())
