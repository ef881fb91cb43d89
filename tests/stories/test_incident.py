"""One stolen session's six changes: one request, one answer, one undo; nobody else is touched."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from driftguard.approvals import incidents
from driftguard.approvals.act import Act
from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.containing import Answered
from driftguard.approvals.incidents import Incident
from driftguard.approvals.releasing import asked_for
from driftguard.approvals.requester import Reply, Requester
from driftguard.documents import Json
from driftguard.engine.intake import Intake
from driftguard.engine.recording import LEASE
from driftguard.events.commands import Contain, contain_message
from driftguard.model import Choice, Status, Vote
from tests.scenarios.containment import POLICY, answering
from tests.support.approving import PEOPLE, is_open
from tests.support.queues import command_message, queues
from tests.support.records import finding_of_guardduty, told_by_guardduty
from tests.support.stolen_session import THIEF, Stolen, bystanders
from tests.support.world import Fakes, World

IN_ORDER = [
    *("iam.admin-attached", "iam.trust-external", "iam.key-for-other-user"),
    *("ec2.open-ingress", "s3.external-policy", "ec2.snapshot-shared"),
]
BOB = Requester("arn:aws:iam::123456789012:user/bob", PEOPLE[1])


class Killed(BaseException):
    """A worker's end: nothing in it may catch that, as nothing catches a kill."""


@dataclass(frozen=True)
class Kept(CommandQueue):
    """A queue that keeps its messages until a guard takes them."""

    messages: list[Mapping[str, Json]] = field(default_factory=list)

    def send(self, command: Mapping[str, Json], *, after: timedelta = timedelta()) -> None:
        self.messages.append(command)


class Story(Stolen):
    """The account after the six changes and those of two bystanders, and all decisions on them."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.beside = [(group, world.one(change, self.guard)) for group, change in bystanders()]
        self.queue = Kept(lambda: boto3.client("sqs"), "")

    @property
    def incident(self) -> Incident:
        found = incidents.found(self.world.audit, self.world.state, self.decision.id)
        assert found is not None
        return found

    def answered(self, shown: Incident | None = None, person: str = "bob") -> Answered:
        vote = Vote(person, Choice.REVERT, "api", "now", "")
        shown = shown or self.incident
        return self.desk.contain(shown.id, vote, shown.fingerprint)

    def released(self, who: Requester = BOB) -> Reply:
        shown = self.incident
        act: Act = asked_for(shown.releasable, shown.id, who, "a mistake", self.world.clock.now())
        return self.desk.acting.act(act, self.queue)

    def take(self, message: Mapping[str, Json]) -> None:
        """One delivery of a command, by the door of commands."""
        intake = Intake(self.guard, queues(), logging.getLogger("guard"))
        opened = intake.opened(command_message(dict(message)))
        assert opened.trouble is None, opened.trouble
        intake.take(opened)

    def order_of(self, event: str) -> list[str]:
        """The controls in the order in which their decisions have this entry."""
        entries = [
            (entry.at, number, one.control)
            for number, one in enumerate(self.decisions)
            for entry in self.world.audit.log(one.id)
            if entry.event == event
        ]
        return [control for _, _, control in sorted(entries)]

    def bystanders_are_untouched(self) -> bool:
        return all(
            is_open(group) and self.now(one) == one and one.incident == one.id
            for group, one in self.beside
        )


@pytest.fixture
def story(world: World) -> Story:
    return Story(world)


def ticking(story: Story) -> None:
    """Lets the clock go on with each look at it, so that the order of entries is told by time."""
    clock = story.world.clock
    at = clock.at

    def now() -> Any:
        nonlocal at
        at = max(at, clock.at) + timedelta(milliseconds=1)
        return at

    story.guard = replace(story.guard, now=now)


def test_six_changes_are_one_request_with_one_answer_and_one_undo(story: Story) -> None:
    assert len(story.decisions) == 6
    assert {one.status for one in story.decisions} == {Status.ASKED}
    assert {one.incident for one in story.decisions} == {story.decisions[0].id}
    incident = story.incident
    assert [one.control for one in incident.waiting] == IN_ORDER
    assert story.before != story.after

    ticking(story)
    answered = story.answered()
    assert (answered.counted, len(answered.replies)) == (True, 6)
    assert story.statuses == {Status.APPROVED}
    story.take(contain_message(incident.id))
    assert story.statuses == {Status.REVERTED}
    assert story.order_of("carrying-out") == IN_ORDER
    assert story.scene.state() == story.before | {"keys": ["Inactive"]}
    assert story.bystanders_are_untouched()

    asked = story.released()
    assert asked.counted, asked.text
    (command,) = story.queue.messages
    story.take(command)
    assert story.statuses == {Status.UNDONE}
    assert story.order_of("undo-asked") == IN_ORDER[::-1]
    assert story.scene.state() == story.after
    assert story.bystanders_are_untouched()


def test_what_guardduty_says_of_the_session_is_answered_and_undone_with_what_it_changed(
    world: World, fakes: Fakes
) -> None:
    client = boto3.client("iam")
    role_id = client.create_role(RoleName="ci-build", AssumeRolePolicyDocument="{}")["Role"][
        "RoleId"
    ]
    story = Story(world)
    key = THIEF["userIdentity"]["accessKeyId"]
    found = finding_of_guardduty(
        "Persistence:IAMUser/AnomalousBehavior",
        key,
        "ci-build",
        kind="AssumedRole",
        principal=f"{role_id}:GitHubActions",
    )
    fakes.install(answering(lambda: told_by_guardduty(found)))
    finding = world.one(found, story.guard)
    assert (finding.control, finding.status) == ("containment.role-sessions", Status.ASKED)
    # The service found it, and the session did it; the role is others' as well.
    assert (finding.actor.kind, finding.incident) == ("AWSService", story.decision.id)
    story.decisions.append(finding)
    in_order = [finding.control, *IN_ORDER]
    assert [one.control for one in story.incident.waiting] == in_order

    ticking(story)
    assert story.answered().counted
    story.take(contain_message(story.incident.id))
    assert story.statuses == {Status.REVERTED}
    assert story.order_of("carrying-out") == in_order
    assert client.list_role_policies(RoleName="ci-build")["PolicyNames"] == [POLICY]
    assert story.bystanders_are_untouched()

    assert story.released().counted
    (command,) = story.queue.messages
    story.take(command)
    assert story.statuses == {Status.UNDONE}
    assert story.order_of("undo-asked") == in_order[::-1]
    assert client.list_role_policies(RoleName="ci-build")["PolicyNames"] == []
    assert story.scene.state() == story.after


def test_an_answer_counts_only_for_the_incident_that_was_shown(story: Story) -> None:
    shown = story.incident
    assert story.desk.vote(
        story.decisions[0].id, Vote("carol", Choice.ACCEPT, "api", "now", story.decisions[0].before)
    ).counted
    # That somebody has answered one of them takes nothing from an answer to the others.
    assert story.incident.fingerprint == shown.fingerprint
    later = story.decisions[-1]
    moved = replace(story.now(later), before="f" * 16, updated=story.guard.stamp())
    story.world.audit.append(moved, event="asked-anew", note="the resource had changed")
    answered = story.answered(shown)
    assert not answered.counted
    assert "Look at it again" in answered.text
    assert all(not vote.incident for one in story.decisions for vote in story.now(one).votes)


def test_whoever_may_not_vote_on_one_of_them_votes_on_none_of_it(story: Story) -> None:
    answered = story.answered(person="nobody")
    assert not answered.counted
    assert all(not reply.counted for _, reply in answered.replies)
    assert story.statuses == {Status.ASKED}


def test_one_that_fails_keeps_no_other_from_being_contained(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.answered()
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def answered(client: BaseClient, operation: str, parameters: Any) -> Any:
        if operation == "UpdateAssumeRolePolicy":
            error: Any = {"Error": {"Code": "UnmodifiableEntity", "Message": "no"}}
            raise ClientError(error, operation)
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answered)
    story.take(contain_message(story.incident.id))
    failed = [one.control for one in story.incident.answerable if one.status is Status.FAILED]
    assert failed == ["iam.trust-external"]
    done = [one.control for one in story.incident.releasable]
    assert done == [one for one in IN_ORDER if one != "iam.trust-external"]


def test_what_there_is_no_time_for_is_left_to_another_message(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.answered()
    time = story.guard.aws.time
    monkeypatch.setattr(type(time), "left", lambda _: 10.0)
    sent: list[Any] = []
    list(story.guard.contain(Contain(story.incident.id), sent.append))
    assert sent == [contain_message(story.incident.id)]
    done = [one.control for one in story.incident.releasable]
    assert done == IN_ORDER[:1]


# --------------------------------------------------------------------------- killed at any step

_READS = ("Get", "List", "Describe", "BatchGet", "Query", "Assume")


def what(operation: str, parameters: Any) -> str:
    """A call that changes something, by what it does: each is one place to die at."""
    if operation != "TransactWriteItems":
        return operation
    puts = [one["Put"]["Item"] for one in parameters["TransactItems"] if "Put" in one]
    return " ".join(f"{one['pk']['S']} {one['event']['S']}" for one in puts if "event" in one)


def until_done(
    story: Story, message: Mapping[str, Json], monkeypatch: pytest.MonkeyPatch
) -> set[str]:
    """Delivers a command until a worker lives to its end; after what changes workers had died.

    Each dies right after a call that changes something and after which none has died before, so
    that AWS has done what nobody has recorded yet; the next takes what is left.
    """
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    died: set[str] = set()

    def dying(client: BaseClient, operation: str, parameters: Any) -> Any:
        answer = original(client, operation, parameters)
        place = what(operation, parameters)
        if not operation.startswith(_READS) and place not in died:
            died.add(place)
            raise Killed(place)
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", dying)
        for _ in range(100):
            try:
                story.take(message)
            except Killed:
                story.world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
                continue
            return died
    pytest.fail("no worker lived to the end")


def test_wherever_workers_die_the_next_goes_on_in_order(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.answered()
    died = until_done(story, contain_message(story.incident.id), monkeypatch)
    assert {"UpdateAccessKey", "UpdateAssumeRolePolicy", "PutBucketPolicy"} <= died
    assert {
        f"{one.id} {event}" for one in story.decisions for event in ("carrying-out", "reverted")
    } <= died
    assert story.statuses == {Status.REVERTED}
    assert story.order_of("carrying-out") == IN_ORDER
    assert story.scene.state() == story.before | {"keys": ["Inactive"]}

    assert story.released().counted
    (command,) = story.queue.messages
    died = until_done(story, command, monkeypatch)
    assert {"UpdateAccessKey", "UpdateAssumeRolePolicy", "PutBucketPolicy"} <= died
    assert story.statuses == {Status.UNDONE}
    assert story.order_of("undo-asked") == IN_ORDER[::-1]
    assert story.scene.state() == story.after
    assert story.bystanders_are_untouched()
