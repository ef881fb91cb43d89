"""What one answer is bound to, who may give it and take it back, and what the record still owes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from driftguard.approvals import incidents
from driftguard.approvals.act import Unfit
from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.incidents import Incident
from driftguard.approvals.releasing import asked_for, subjects
from driftguard.approvals.requester import Reply, Requester
from driftguard.approvals.rules import is_of_one_answer
from driftguard.approvals.undoing import asked_for as undo_asked_for
from driftguard.approvals.undoing import done as undo_done
from driftguard.audit import Entry
from driftguard.audit.table import _is_news
from driftguard.channels.message.telling import message
from driftguard.documents import Json
from driftguard.events.commands import Contain, Release, contain_message, release_message
from driftguard.model import Choice, Decision, Status, Vote
from driftguard.policy.model import Terms
from driftguard.state.keys import StateRecord, incident_members_key
from tests.support.approving import PEOPLE
from tests.support.audit import a_decision, group
from tests.support.each import each
from tests.support.stolen_session import Stolen
from tests.support.world import HERE, World

BOB = Requester("arn:aws:iam::123456789012:user/bob", PEOPLE[1])
CAROL = Requester("arn:aws:sts::123456789012:assumed-role/sso/carol", PEOPLE[2])
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Kept(CommandQueue):
    """A queue that keeps what it is sent."""

    sent: list[Mapping[str, Json]] = field(default_factory=list)

    def send(self, command: Mapping[str, Json], *, after: timedelta = timedelta()) -> None:
        self.sent.append(command)


@pytest.fixture
def stolen(world: World) -> Stolen:
    return Stolen(world)


@pytest.fixture
def queue() -> Kept:
    return Kept(lambda: boto3.client("sqs"), "")


def refusing(monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    """Has AWS refuse an operation for good."""
    original = BaseClient._make_api_call

    def answered(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == refused:
            error: Any = {"Error": {"Code": "UnmodifiableEntity", "Message": "no"}}
            raise ClientError(error, operation)
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answered)


def shown(stolen: Stolen) -> Incident:
    found = incidents.found(stolen.world.audit, stolen.world.state, stolen.decision.id)
    assert found is not None
    return found


def contained(stolen: Stolen) -> None:
    now = shown(stolen)
    vote = Vote("bob", Choice.REVERT, "api", "now", "")
    assert stolen.desk.contain(now.id, vote, now.fingerprint).counted
    list(stolen.guard.contain(Contain(now.id), print))
    assert stolen.statuses == {Status.REVERTED}


def released(stolen: Stolen, queue: Kept, who: Requester = BOB) -> Reply:
    now = shown(stolen)
    at = stolen.world.clock.now()
    act = asked_for(now.to_release, now.id, who, "a drill", at)
    return stolen.desk.acting.act(act, queue)


# ------------------------------------------------------------------------------ what it is bound to

ONE, TWO = a_decision(1, status=Status.ASKED), a_decision(2, status=Status.ASKED)


@each(
    "decisions, is_same",
    [
        ([TWO, ONE], True),
        # That one was answered meanwhile changes nothing about the others.
        ([replace(ONE, status=Status.DENIED), TWO], True),
        ([ONE], False),
        ([ONE, TWO, a_decision(3, status=Status.ASKED)], False),
        ([replace(ONE, before="another"), TWO], False),
        # What is only told is nothing to answer.
        ([ONE, TWO, a_decision(3, status=Status.OBSERVED)], True),
    ],
)
def test_an_answer_is_bound_to_every_decision_and_its_state(
    decisions: list[Decision], is_same: bool
) -> None:
    fingerprint = Incident(ONE.id, (ONE, TWO)).fingerprint
    assert (Incident(ONE.id, tuple(decisions)).fingerprint == fingerprint) is is_same


def test_what_others_write_into_its_place_is_nobodys_incident(stolen: Stolen) -> None:
    other = a_decision(9, status=Status.ASKED)
    stolen.world.audit.append(replace(other, version=0), event="decided", note="x")
    first = stolen.decision
    key = incident_members_key(HERE, first.candidate.resource.account, first.decided, first.id)
    record: StateRecord = stolen.world.state.record(key)
    members = record.document["members"]
    assert isinstance(members, list)
    forged: list[Json] = [*members, {**members[0], "decision": other.id}]
    stolen.world.state.write(record.saying({"members": forged}))
    assert other.id not in {one.id for one in shown(stolen).members}


def test_what_the_record_of_members_no_longer_names_is_still_asked_and_released_as_what_it_is(
    stolen: Stolen, queue: Kept
) -> None:
    first, last = stolen.decision, stolen.decisions[-1]
    key = incident_members_key(HERE, first.candidate.resource.account, first.decided, first.id)
    gone = dict(zip(("pk", "sk"), ({"S": part} for part in key), strict=True))
    boto3.client("dynamodb").delete_item(TableName="state", Key=gone)
    assert [one.id for one in shown(stolen).members] == [first.id]

    def of_last() -> Incident:
        found = incidents.found(stolen.world.audit, stolen.world.state, last.id)
        assert found is not None
        return found

    asked = of_last()
    assert {one.id for one in asked.members} == {first.id, last.id}
    # By this id it is found again, by whoever answers and by the guard.
    vote = Vote("bob", Choice.REVERT, "api", "now", "")
    answered = stolen.desk.contain(asked.id, vote, asked.fingerprint)
    assert [one.id for one, reply in answered.replies if reply.counted] == [last.id, first.id]
    for one in (last, first):
        # The guard, told of the incident by its first decision, would not find the last.
        assert not is_of_one_answer(stolen.now(one))
        stolen.guard.carry_out(one.id)
    assert {one.id for one in of_last().releasable} == {first.id, last.id}
    now = of_last()
    act = asked_for(now.to_release, now.id, BOB, "a drill", stolen.world.clock.now())
    assert stolen.desk.acting.act(act, queue).counted
    (command,) = queue.sent
    assert command == release_message(last.id)
    list(stolen.guard.release(Release(last.id), print))
    assert {stolen.now(one).status for one in (first, last)} == {Status.UNDONE}
    assert {stolen.now(one).status for one in stolen.decisions[1:-1]} == {Status.ASKED}


# ------------------------------------------------------------------------------- who may undo it


def test_whoever_may_not_undo_one_of_them_releases_nothing(stolen: Stolen, queue: Kept) -> None:
    contained(stolen)
    rules = (Terms(controls=("iam.*",), approvers=("carol",)), *stolen.guard.policy.approvals)
    policy = replace(stolen.guard.policy, approvals=rules)
    stolen.desk = replace(stolen.desk, policy=policy)
    refused = released(stolen, queue)
    assert not refused.counted
    assert "bob may not vote on iam." in refused.text
    assert queue.sent == []
    assert stolen.statuses == {Status.REVERTED}


def test_a_release_is_of_what_was_shown_only(stolen: Stolen, queue: Kept) -> None:
    contained(stolen)
    now = shown(stolen)
    act = asked_for(now.releasable[1:], now.id, BOB, "a drill", stolen.world.clock.now())
    refused = stolen.desk.acting.act(act, queue)
    assert "has changed since it was shown" in refused.text
    nothing = asked_for((), "dg-0", BOB, "a drill", stolen.world.clock.now())
    assert "There is no incident dg-0." in stolen.desk.acting.act(nothing, queue).text


def test_what_is_not_undone_holds_back_what_was_done_before_to_the_same_resource(
    stolen: Stolen, queue: Kept
) -> None:
    contained(stolen)
    by_control = {one.control: one for one in stolen.decisions}
    # The policy and the key are of one user: the key was switched off last.
    policy, key = by_control["iam.admin-attached"], by_control["iam.key-for-other-user"]
    assert key.candidate.resource.arn.startswith(f"{policy.candidate.resource.arn}/")
    (kept,) = boto3.client("iam").list_access_keys(UserName=stolen.scene.user)["AccessKeyMetadata"]
    boto3.client("iam").delete_access_key(
        UserName=stolen.scene.user, AccessKeyId=kept["AccessKeyId"]
    )
    assert released(stolen, queue).counted
    # A worker that dies after each of them leaves the rest to the next.
    for _ in stolen.decisions:
        next(iter(stolen.guard.release(Release(stolen.decision.id), print)), None)
    stands = {control: stolen.now(one).status for control, one in by_control.items()}
    assert {control for control, status in stands.items() if status is not Status.UNDONE} == {
        "iam.admin-attached",
        "iam.key-for-other-user",
    }
    log = stolen.world.audit.log(policy.id)
    assert log[-1].event == "undo-refused"
    assert f"{key.id} changed the same resource later, and is not undone" in log[-1].note
    # It is answered: another message finds nothing to do.
    assert list(stolen.guard.release(Release(stolen.decision.id), print)) == []


# ------------------------------------------------------------------ what others must agree to


def reminded(stolen: Stolen, decision: Decision) -> None:
    """What a reminder writes; a contained thing has one every few days."""
    at = stolen.guard.stamp()
    later = stolen.guard.stamp(timedelta(days=3))
    told = replace(stolen.now(decision), remind=later, told_again=at, updated=at)
    stolen.world.audit.append(told, event="reminded", note="still contained")


def needing_two(stolen: Stolen) -> None:
    policy = replace(stolen.guard.policy, approvals=(Terms(quorum=2),))
    stolen.desk = replace(stolen.desk, policy=policy)


def confirmed(stolen: Stolen, queue: Kept, id_: str) -> Reply:
    act = stolen.world.audit.get(id_)
    assert act is not None
    assert act.status is Status.PROPOSED
    return stolen.desk.acting.confirm(id_, CAROL, act.before, "agreed", queue)


def test_a_reminder_between_a_proposal_and_its_confirmation_changes_nothing(
    stolen: Stolen, queue: Kept
) -> None:
    contained(stolen)
    needing_two(stolen)
    proposed = released(stolen, queue).decision
    assert proposed is not None
    reminded(stolen, stolen.decisions[3])
    # Who asks for the same meanwhile agrees to what is proposed, and proposes nothing else.
    again = released(stolen, queue)
    assert "bob has agreed before" in again.text
    reply = confirmed(stolen, queue, proposed.id)
    assert reply.text == "The guard has been asked to undo all 6."


def test_the_undo_of_one_is_as_little_changed_by_a_reminder(stolen: Stolen, queue: Kept) -> None:
    contained(stolen)
    needing_two(stolen)
    asked = stolen.desk.request_undo(stolen.decision.id, BOB, "a drill", queue)
    assert asked.decision is not None
    reminded(stolen, stolen.decision)
    assert confirmed(stolen, queue, asked.decision.id).counted
    assert stolen.world.audit.log(stolen.decision.id)[-1].event == "undo-requested"


@each(
    "changed",
    [
        {"status": Status.FAILED},
        {"after": "another"},
        {"plan": a_decision(2, resource=group("sg-0another")).plan},
    ],
)
def test_what_an_undo_would_do_otherwise_is_to_be_looked_at_again(
    changed: Mapping[str, Any],
) -> None:
    done = a_decision(1, status=Status.REVERTED, done=1, after="after")
    act = asked_for([done], done.id, BOB, "a drill", NOON)
    assert subjects(act, Incident(done.id, (replace(done, version=9, told_again="x"),)))
    with pytest.raises(Unfit, match="has changed since it was shown"):
        subjects(act, Incident(done.id, (replace(done, **changed),)))
    alone = undo_asked_for(done, BOB, "a drill", NOON)
    assert undo_done(alone, replace(done, version=9, remind="x"))
    with pytest.raises(Unfit, match="has changed since"):
        undo_done(alone, replace(done, **changed))


def test_what_was_refused_can_be_asked_for_again(stolen: Stolen, queue: Kept) -> None:
    contained(stolen)
    client = boto3.client("s3")
    policy = client.get_bucket_policy(Bucket=stolen.scene.bucket)["Policy"]
    client.delete_bucket_policy(Bucket=stolen.scene.bucket)
    first = stolen.decision.id
    assert released(stolen, queue).counted
    list(stolen.guard.release(Release(first), print))
    assert [one.id for one in shown(stolen).releasable] == [first]
    for _ in range(2):
        # Each time the same is asked for.
        assert released(stolen, queue).counted
        list(stolen.guard.release(Release(first), print))
        assert stolen.world.audit.log(first)[-1].event == "undo-refused"
    client.put_bucket_policy(Bucket=stolen.scene.bucket, Policy=policy)
    assert released(stolen, queue).counted
    list(stolen.guard.release(Release(first), print))
    assert stolen.statuses == {Status.UNDONE}


# ----------------------------------------------------------------------- when it was carried out

SETTLES = "waiting for AWS until 2026-11-20T10:10:00.000Z at most: it copies the setting"


def entries(*steps: tuple[str, str] | tuple[str, str, str]) -> list[Entry]:
    """A log with these entries: each with its time of the day, its event, its note."""
    made = [(f"2026-11-20T{at}:00.000Z", event, "".join(note)) for at, event, *note in steps]
    return [
        Entry(1, number, "", "", at, "guard", event, note, "", "", "")
        for number, (at, event, note) in enumerate(made, 1)
    ]


@each(
    "steps, at",
    [
        # What was decided and reverted at once.
        ([("10:00", "decided"), ("10:01", "reverted")], "10:00"),
        ([("09:00", "decided"), ("10:02", "carrying-out"), ("10:03", "reverted")], "10:02"),
        # What failed has done nothing until it is tried again.
        (
            [
                *(("09:00", "decided"), ("10:02", "carrying-out"), ("10:03", "failed")),
                *(("11:01", "resumed"), ("11:02", "reverted")),
            ],
            "11:01",
        ),
        ([("10:00", "decided"), ("10:05", "resumed"), ("10:06", "reverted")], "10:05"),
        # What AWS only had to settle was done before.
        (
            [
                *(("10:00", "decided"), ("10:01", "waiting", SETTLES), ("10:05", "resumed")),
                *(("10:05", "waiting", SETTLES), ("10:09", "resumed"), ("10:09", "reverted")),
            ],
            "10:00",
        ),
        # What was busy was not.
        (
            [
                *(("10:00", "decided"), ("10:01", "waiting", "waiting for AWS: throttled")),
                *(("10:05", "resumed"), ("10:06", "reverted")),
            ],
            "10:05",
        ),
        # An undo that is taken up carries out nothing.
        (
            [
                *(("10:00", "decided"), ("10:01", "reverted"), ("11:00", "undo-asked")),
                *(("11:05", "resumed"), ("11:06", "undo-refused")),
            ],
            "10:00",
        ),
        # A try after an undo that failed does.
        (
            [
                *(("10:00", "decided"), ("10:01", "failed"), ("11:00", "undo-asked")),
                *(("11:05", "resumed"), ("11:06", "failed"), ("12:00", "resumed")),
                ("12:01", "reverted"),
            ],
            "12:00",
        ),
    ],
)
def test_a_decision_was_carried_out_when_it_was_tried_last_before_its_outcome(
    steps: list[tuple[str, str]], at: str
) -> None:
    decided = f"2026-11-20T{steps[0][0]}:00.000Z"
    of_day = incidents.carried_out_at(replace(ONE, decided=decided), entries(*steps))[11:16]
    assert of_day == at


# ------------------------------------------------------- what is underway, or is to be tried again


def test_nothing_is_released_while_the_guard_carries_out_an_answer(
    stolen: Stolen, queue: Kept
) -> None:
    now = shown(stolen)
    vote = Vote("bob", Choice.REVERT, "api", "now", "")
    assert stolen.desk.contain(now.id, vote, now.fingerprint).counted
    next(iter(stolen.guard.contain(Contain(now.id), print)))
    (done,) = shown(stolen).releasable
    refused = released(stolen, queue)
    assert not refused.counted
    assert f"still carries out {shown(stolen).underway[0].id}" in refused.text
    assert "and 4 more" in refused.text
    assert queue.sent == []
    # A worker that is just at one of them, too.
    list(stolen.guard.contain(Contain(now.id), print))
    taken = replace(stolen.now(done), status=Status.REVERTING)
    stolen.world.audit.append(taken, event="resumed", note="a worker is at it")
    assert "still carries out" in released(stolen, queue).text
    stolen.world.audit.append(
        replace(stolen.now(done), status=Status.REVERTED), event="reverted", note="verified"
    )
    assert released(stolen, queue).counted
    list(stolen.guard.release(Release(now.id), print))
    assert stolen.statuses == {Status.UNDONE}
    assert stolen.scene.state() == stolen.after


def test_what_failed_is_tried_no_more_once_the_incident_is_released(
    stolen: Stolen, queue: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = shown(stolen)
    vote = Vote("bob", Choice.REVERT, "api", "now", "")
    assert stolen.desk.contain(now.id, vote, now.fingerprint).counted
    with monkeypatch.context() as patch:
        refusing(patch, "UpdateAssumeRolePolicy")
        list(stolen.guard.contain(Contain(now.id), print))
    (failed,) = shown(stolen).tried_again
    assert (failed.control, failed.done) == ("iam.trust-external", 0)
    # While its call may be made after all, nobody can say that there is nothing to undo of it.
    doubted = replace(failed, lease_until=failed.updated)
    stolen.world.audit.append(doubted, event="failed", note="no answer")
    assert "still carries out" in released(stolen, queue).text
    stolen.world.audit.append(
        replace(stolen.now(failed), lease_until=""), event="failed", note="refused"
    )
    # Whoever was not shown that it would be tried again has not agreed to end that.
    act = asked_for(shown(stolen).releasable, now.id, BOB, "x", stolen.world.clock.now())
    assert not stolen.desk.acting.act(act, queue).counted
    reply = released(stolen, queue)
    assert reply.text == "The guard has been asked to undo all 5."
    ended = stolen.now(failed)
    assert (ended.status, ended.next_try, ended.resumable) == (Status.FAILED, "", False)
    assert "bob ended that with the release" in ended.reason
    assert stolen.world.audit.log(failed.id)[-1].event == "tries-ended"
    assert _is_news(ended, "tries-ended")
    assert "tried again" not in message(ended, None).timeout
    list(stolen.guard.release(Release(now.id), print))
    # Its timer finds nothing to do, and neither does whoever wakes the guard.
    stolen.world.clock.pass_by(hours=2)
    assert stolen.guard.expire(failed.id) == ended
    assert stolen.guard.carry_out(failed.id) == ended
    assert stolen.statuses == {Status.UNDONE, Status.FAILED}
    assert stolen.scene.state() == stolen.after


def test_whoever_may_not_accept_what_is_tried_again_does_not_release_over_it(
    stolen: Stolen, queue: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = shown(stolen)
    vote = Vote("bob", Choice.REVERT, "api", "now", "")
    assert stolen.desk.contain(now.id, vote, now.fingerprint).counted
    with monkeypatch.context() as patch:
        refusing(patch, "UpdateAssumeRolePolicy")
        list(stolen.guard.contain(Contain(now.id), print))
    rules = (Terms(controls=("iam.trust-external",), approvers=("carol",)),)
    policy = replace(stolen.guard.policy, approvals=(*rules, *stolen.guard.policy.approvals))
    stolen.desk = replace(stolen.desk, policy=policy)
    refused = released(stolen, queue)
    assert "bob may not vote on iam.trust-external" in refused.text
    assert shown(stolen).tried_again


def test_what_cannot_be_undone_keeps_no_other_from_being_released(
    stolen: Stolen, queue: Kept
) -> None:
    contained(stolen)
    policy, key = (
        next(one for one in stolen.decisions if one.control == control)
        for control in ("iam.admin-attached", "iam.key-for-other-user")
    )
    for_good(stolen, key)
    # What failed at the end, and cannot be undone either, is tried no more.
    other = next(one for one in stolen.decisions if one.control == "ec2.open-ingress")
    later = stolen.guard.stamp(timedelta(minutes=15))
    for_good(stolen, other, status=Status.FAILED, resumable=True, next_try=later)
    now = shown(stolen)
    assert [one.id for one in now.not_undoable] == [key.id, other.id]
    assert [one.id for one in now.tried_again] == [other.id]
    assert released(stolen, queue).text == "The guard has been asked to undo all 4."
    list(stolen.guard.release(Release(now.id), print))
    stands = {one.control: stolen.now(one).status for one in stolen.decisions}
    assert stands.pop("ec2.open-ingress") is Status.FAILED
    assert stolen.now(other).next_try == ""
    # The policy is of the key's user, and came before it.
    assert stolen.world.audit.log(policy.id)[-1].event == "undo-refused"
    assert [stands.pop(one.control) for one in (policy, key)] == [Status.REVERTED] * 2
    assert set(stands.values()) == {Status.UNDONE}


def for_good(stolen: Stolen, decision: Decision, **more: Any) -> None:
    """Records a decision as one whose calls nothing takes back, as that of a stopped task."""
    now = stolen.now(decision)
    steps = tuple(replace(step, undo=()) for step in now.plan.steps)
    stolen.world.audit.append(
        replace(now, plan=replace(now.plan, steps=steps), **more), event="planned", note="x"
    )


def test_what_was_half_done_is_tried_no_more_though_its_undo_is_refused(
    stolen: Stolen, queue: Kept
) -> None:
    contained(stolen)
    half = replace(
        stolen.now(stolen.decision),
        status=Status.FAILED,
        resumable=True,
        next_try=stolen.guard.stamp(timedelta(minutes=15)),
    )
    stolen.world.audit.append(half, event="failed", note="throttled")
    boto3.client("s3").delete_bucket_policy(Bucket=stolen.scene.bucket)
    assert half.control == "s3.external-policy"
    assert released(stolen, queue).counted
    list(stolen.guard.release(Release(half.id), print))
    ended = stolen.now(half)
    assert stolen.world.audit.log(half.id)[-1].event == "undo-refused"
    assert (ended.status, ended.next_try, ended.resumable) == (Status.FAILED, "", False)


# ---------------------------------------------------------------------------- what is still owed


def test_a_lost_command_is_sent_again_for_what_the_record_still_owes(
    stolen: Stolen, queue: Kept
) -> None:
    first = stolen.decision.id
    now = shown(stolen)
    vote = Vote("bob", Choice.REVERT, "api", "now", "")
    assert stolen.desk.contain(first, vote, now.fingerprint).counted
    stolen.desk.wake(first, queue)
    assert queue.sent.pop() == contain_message(first)
    list(stolen.guard.contain(Contain(first), print))
    assert released(stolen, queue).counted
    queue.sent.clear()
    stolen.desk.wake(first, queue)
    assert queue.sent.pop() == release_message(first)
    list(stolen.guard.release(Release(first), print))
    stolen.desk.wake(first, queue)
    assert queue.sent == []
    assert stolen.statuses == {Status.UNDONE}
    assert stolen.scene.state() == stolen.after
