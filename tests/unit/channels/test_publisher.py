"""What follows from a decision: the guard is woken, a timer set, the topic told; each once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from driftguard.approvals import operators
from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.desk import Desk
from driftguard.channels import links
from driftguard.channels.channel import NOTHING_NEW, ONE_MESSAGE, Channel, Followed, Told
from driftguard.channels.publisher import Publisher, Timers
from driftguard.channels.sns import as_email, as_q, digest_text
from driftguard.channels.told import ToldOnce
from driftguard.channels.topic import Topic, Voting, publish, publish_digest
from driftguard.channels.wording import ApprovalRequest, as_json
from driftguard.documents import stamp
from driftguard.engine.errors import NotYet
from driftguard.engine.guard import Guard
from driftguard.events.commands import CarryOut, Contain, Expire, Thaw, command_of, thaw_message
from driftguard.model import Autonomy, Choice, Decision, Ruling, Status, Vote
from driftguard.policy.model import Person, Terms
from tests.support.guardrails.throwaway import add_full_moon
from tests.support.records import flat_ingress
from tests.support.template import flat, statements_of
from tests.support.world import HERE, World

KEY = b"k" * 64
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:changes"
ROLE = "arn:aws:iam::123456789012:role/timers"
BASE = "https://guard.example"


class Stage:
    """A guard that asks, and a publisher with everything it publishes to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sqs, self.sns, self.scheduler = (
            boto3.client(name) for name in ("sqs", "sns", "scheduler")
        )
        self.queue = self.sqs.create_queue(QueueName="changes")["QueueUrl"]
        self.dead_lettered = self.sqs.create_queue(QueueName="dead-lettered")["QueueUrl"]
        self.inbox = self.sqs.create_queue(QueueName="inbox")["QueueUrl"]
        self.topic = self.sns.create_topic(Name="decisions")["TopicArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.arn(self.inbox))
        self.scheduler.create_schedule_group(Name="timers")
        self.on(quorum=1)

    def on(self, **terms: Any) -> None:
        """Puts the guard on these terms."""
        self.guard: Guard = self.world.with_policy(
            lambda given: replace(
                given,
                autonomy={},
                default=Autonomy.ASK,
                people=(Person("bob"), Person("carol")),
                approvals=(Terms(**terms),),
            )
        )
        self.channel = Topic(
            client=lambda: self.sns,
            arn=self.topic,
            policy=self.guard.policy,
            told=ToldOnce(self.world.state, "topic"),
            voting=Voting(BASE, lambda: KEY, "arn:aws:sns:us-east-1:123456789012:replies"),
            now=self.world.clock.now,
        )

    @property
    def publisher(self) -> Publisher:
        return self.publishing_to(self.channel)

    def publishing_to(self, *channels: Channel) -> Publisher:
        return Publisher(
            aws=self.guard.aws,
            commands=CommandQueue(lambda: self.sqs, self.queue),
            timers=Timers("timers", ROLE, self.arn(self.queue), self.arn(self.dead_lettered)),
            channels=channels,
            now=self.world.clock.now,
        )

    def digests_over(self, number: int) -> None:
        """More messages than this a minute share a digest."""
        policy = replace(self.channel.policy, digest_over=number)
        self.channel = replace(self.channel, policy=policy)

    def follow_up(self, decision: Decision) -> bool:
        """Follows up one decision; whether the topic was told."""
        followed = self.publisher.follow_up_all([("1", decision)])
        assert followed.failed == "", followed.trouble
        return followed.published == 1

    def arn(self, queue: str) -> str:
        got = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return str(got["Attributes"]["QueueArn"])

    def asked(self) -> Decision:
        ec2 = boto3.client("ec2")
        group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        (decision,) = self.guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
        return decision

    def vote(self, decision: Decision, person: str, choice: str = "revert") -> Decision:
        desk = Desk(self.world.audit, self.world.state, self.guard.policy, self.world.clock.now)
        given = Vote(person, Choice(choice), "slack", "2026-11-24T12:00:00.000Z", "")
        reply = desk.vote(decision.id, replace(given, fingerprint=decision.before))
        assert reply.decision is not None
        return reply.decision

    def queued(self) -> list[Any]:
        return [command_of(json.loads(one["Body"])) for one in self._received(self.queue)]

    def published(self) -> list[dict[str, Any]]:
        return [
            json.loads(json.loads(one["Body"])["Message"]) for one in self._received(self.inbox)
        ]

    def timers(self) -> list[dict[str, Any]]:
        listed = self.scheduler.list_schedules(GroupName="timers")["Schedules"]
        return [
            dict(self.scheduler.get_schedule(GroupName="timers", Name=one["Name"]))
            for one in listed
        ]

    def _received(self, queue: str) -> list[Any]:
        return list(
            self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        )


@pytest.fixture
def stage(world: World) -> Stage:
    return Stage(world)


# ------------------------------------------------------------------------------- approvals


def test_an_approval_wakes_the_guard_and_tells_the_topic_nothing_yet(stage: Stage) -> None:
    approved = stage.vote(stage.asked(), "bob")
    assert stage.follow_up(approved) is False
    assert stage.queued() == [CarryOut(approved.id)]


def test_an_incident_that_was_answered_as_one_is_one_command(stage: Stage) -> None:
    first = stage.vote(stage.asked(), "bob")
    of_one = tuple(replace(vote, incident="f" * 16) for vote in first.votes)
    several = [
        (str(number), replace(first, id=f"dg-{number}", incident="dg-1", votes=of_one))
        for number in (1, 2, 3)
    ]
    alone = replace(first, id="dg-4", incident="dg-1")
    stage.publisher.follow_up_all([*several, ("4", alone)])
    assert stage.queued() == [Contain("dg-1"), CarryOut("dg-4")]
    assert stage.published() == []


def test_an_outcome_is_told_once(stage: Stage) -> None:
    accepted = stage.vote(stage.asked(), "bob", "accept")
    assert stage.follow_up(accepted) is True
    assert stage.follow_up(accepted) is False
    (message,) = stage.published()
    assert message["status"] == "denied"
    assert message["votes"][0]["person"] == "bob"


def test_what_was_told_carries_where_the_guard_stands_and_names_its_format(stage: Stage) -> None:
    stage.follow_up(stage.asked())
    items = told_items()
    assert len(items) == 2, "the decision, and the count of this minute"
    for item in items:
        assert item["pk"]["S"].split("#")[1:3] == [HERE.account, HERE.region]
        assert item["format"] == {"N": "1"}


def test_what_was_told_in_another_format_silences_nothing(stage: Stage) -> None:
    decision = stage.asked()
    stage.follow_up(decision)
    for item in told_items():
        newer = {**item, "format": {"N": "2"}}
        boto3.client("dynamodb").put_item(TableName="state", Item=newer)
    followed = stage.publisher.follow_up_all([("1", decision)])
    assert followed.failed == ""
    assert len(stage.published()) == 2


def told_items() -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = boto3.client("dynamodb").scan(TableName="state")["Items"]
    return [item for item in items if item["pk"]["S"].startswith("told#")]


# ------------------------------------------------------------------------------- timers


def test_an_approval_request_sets_a_timer_for_its_deadline(stage: Stage) -> None:
    decision = stage.asked()
    stage.follow_up(decision)
    (timer,) = stage.timers()
    deadline = datetime.fromisoformat(decision.expires)
    at = datetime.fromisoformat(timer["ScheduleExpression"][3:-1] + "+00:00")
    assert timedelta() <= at - deadline < timedelta(seconds=1)
    assert timer["ScheduleExpressionTimezone"] == "UTC"
    assert timer["ActionAfterCompletion"] == "DELETE"
    assert timer["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert len(timer["Name"]) <= 64
    target = timer["Target"]
    assert (target["Arn"], target["RoleArn"]) == (QUEUE_ARN, ROLE)
    assert command_of(json.loads(target["Input"])) == Expire(decision.id)
    assert target["DeadLetterConfig"]["Arn"].endswith(":dead-lettered")


def test_a_preparation_sets_a_timer_for_the_second_look(stage: Stage) -> None:
    at = "2099-01-01T12:30:00.000Z"
    decision = replace(stage.asked(), status=Status.OBSERVED, expires="", next_try=at)
    stage.follow_up(decision)
    (timer,) = stage.timers()
    assert timer["ScheduleExpression"] == "at(2099-01-01T12:30:00)"
    assert command_of(json.loads(timer["Target"]["Input"])) == Expire(decision.id)


def test_the_same_approval_request_sets_no_second_timer_and_is_told_once(stage: Stage) -> None:
    decision = stage.asked()
    assert stage.follow_up(decision) is True
    assert stage.follow_up(decision) is False
    assert len(stage.timers()) == 1
    assert len(stage.published()) == 1


def test_a_further_vote_is_no_new_approval_request(stage: Stage) -> None:
    stage.on(quorum=2)
    decision = stage.asked()
    stage.follow_up(decision)
    assert stage.follow_up(stage.vote(decision, "bob")) is False
    assert len(stage.published()) == 1


def test_an_approval_request_made_again_sets_another_timer_and_is_told(stage: Stage) -> None:
    stage.on(timeout_action="escalate")
    decision = stage.asked()
    stage.follow_up(decision)
    stage.world.clock.pass_by(days=2)
    again = stage.guard.expire(decision.id)
    assert again.escalated
    assert stage.follow_up(again) is True
    assert len(stage.timers()) == 2


def test_a_request_that_somebody_wants_to_be_told_again_is_told_once_more(stage: Stage) -> None:
    decision = stage.asked()
    stage.follow_up(decision)
    stage.world.clock.pass_by(hours=1)
    again = stage.guard.ask_about(decision.id)
    assert again is not None
    assert stage.follow_up(again) is True
    assert stage.follow_up(again) is False
    # With the deadline that it had: no other timer.
    assert len(stage.timers()) == 1
    assert len(stage.published()) == 2


def test_a_containment_is_told_again_at_each_reminder_and_its_timer_set(stage: Stage) -> None:
    def at(hours: int) -> str:
        return stamp(stage.world.clock.now() + timedelta(hours=hours))

    held = replace(stage.asked(), status=Status.REVERTED, expires="", remind=at(72))
    assert stage.follow_up(held) is True
    again = replace(held, updated=at(72), told_again=at(72), remind=at(144), version=9)
    assert stage.follow_up(again) is True
    assert stage.follow_up(again) is False
    assert [one["status"] for one in stage.published()] == ["reverted", "reverted"]
    assert len(stage.timers()) == 2


def test_a_deadline_that_is_at_hand_waits_in_the_queue(stage: Stage) -> None:
    decision = stage.asked()
    stage.world.clock.pass_by(days=2)
    stage.follow_up(decision)
    assert stage.timers() == []
    assert stage.queued() == [Expire(decision.id)]


def test_the_timer_finds_the_time_up_and_takes_the_timeout_action(
    stage: Stage,
) -> None:
    decision = stage.asked()
    stage.follow_up(decision)
    (timer,) = stage.timers()
    at = datetime.fromisoformat(timer["ScheduleExpression"][3:-1] + "+00:00")
    stage.world.clock.at = at
    assert stage.guard.expire(decision.id).status is Status.EXPIRED


def test_a_timer_that_rings_within_its_minute_but_early_is_not_lost(stage: Stage) -> None:
    """EventBridge Scheduler keeps time to the minute; dropped, the request would never close."""
    decision = stage.asked()
    deadline = datetime.fromisoformat(decision.expires)
    stage.world.clock.at = deadline - timedelta(seconds=30)
    with pytest.raises(NotYet, match="waits until"):
        stage.guard.expire(decision.id)
    stage.world.clock.at = deadline + timedelta(seconds=210)
    assert stage.guard.expire(decision.id).status is Status.EXPIRED


def test_a_timer_of_an_earlier_deadline_finds_nothing_to_do(stage: Stage) -> None:
    decision = stage.asked()
    stage.world.clock.pass_by(hours=3)
    assert stage.guard.expire(decision.id).status is Status.ASKED


# ------------------------------------------------------------------------------- approval requests


@pytest.mark.parametrize(
    ("timeout_action", "words"),
    [
        ("accept", ", the change stands."),
        ("revert", ", it is reverted."),
        ("escalate", ", people are asked once more; if nobody votes then, the change stands."),
    ],
)
def test_the_topic_hears_what_a_timeout_does(stage: Stage, timeout_action: str, words: str) -> None:
    stage.on(timeout_action=timeout_action)
    stage.follow_up(stage.asked())
    (message,) = stage.published()
    assert message["timeout"].startswith("If nobody votes until 20")
    assert message["timeout"].endswith(words)


def test_a_program_gets_the_fingerprint_and_what_to_reply(stage: Stage) -> None:
    decision = stage.asked()
    stage.follow_up(decision)
    (message,) = stage.published()
    assert message["fingerprint"] == decision.before
    assert message["expires"] == decision.expires
    assert message["revert_link"].startswith(f"{BASE}/answer?t=")
    reply = message["reply"]
    claim = links.read(reply["token"], KEY, "2026-01-01T00:00:00.000Z")
    assert (reply["decision"], reply["choice"]) == (decision.id, "revert")
    assert (claim.decision, claim.choice, claim.person) == (decision.id, Choice.REVERT, "link")


def test_an_email_says_how_to_vote_and_offers_no_shared_accepting(stage: Stage) -> None:
    decision = stage.asked()
    link = links.for_decision(decision, BASE, KEY)
    request = ApprovalRequest("If nobody votes, it stands.", link[Choice.REVERT], "arn:topic")
    text = as_email(decision, request)
    assert "lets the internet in" in text
    assert "from 203.0.113.9" in text
    assert "ec2:RevokeSecurityGroupIngress\n    goes   IpPermissions: " in text
    assert "If nobody votes, it stands." in text
    assert link[Choice.REVERT] in text
    assert link[Choice.ACCEPT] not in text
    for command in ("approve", "deny", "accept"):
        assert f"driftguard {command} {decision.id}" in text
    assert f"'revert {decision.id} {request.token}'" in text


def test_an_email_about_an_outcome_asks_nothing(stage: Stage) -> None:
    accepted = stage.vote(stage.asked(), "bob", "accept")
    text = as_email(accepted, None)
    assert "bob: accept, via slack" in text
    assert "answer?t=" not in text


def test_a_stack_without_a_public_address_sends_no_links(stage: Stage) -> None:
    stage.channel = replace(stage.channel, voting=Voting())
    stage.follow_up(stage.asked())
    (message,) = stage.published()
    assert message["revert_link"] == ""
    assert message["reply"] == {}


# ------------------------------------------------------------------------------- renderings


def test_subscribers_filter_approval_requests_from_outcomes(stage: Stage) -> None:
    only = stage.sqs.create_queue(QueueName="approval-requests")["QueueUrl"]
    stage.sns.subscribe(
        TopicArn=stage.topic,
        Protocol="sqs",
        Endpoint=stage.arn(only),
        Attributes={"FilterPolicy": json.dumps({"kind": ["approval-request"]})},
    )
    decision = stage.asked()
    stage.follow_up(decision)
    stage.follow_up(stage.vote(decision, "bob", "accept"))
    assert len(stage._received(only)) == 1


def test_the_card_for_amazon_q_is_of_its_schema(stage: Stage) -> None:
    decision = stage.asked()
    card = as_q(decision, ApprovalRequest("If nobody votes, it stands.", f"{BASE}/answer?t=x"))
    assert (card["version"], card["source"]) == ("1.0", "custom")
    assert set(card) == {"version", "source", "id", "content", "metadata"}
    content, metadata = card["content"], card["metadata"]
    assert isinstance(content, dict)
    assert isinstance(metadata, dict)
    assert set(content) == {"textType", "title", "description", "nextSteps", "keywords"}
    assert content["textType"] == "client-markdown"
    assert metadata["threadId"] == decision.id
    assert metadata["relatedResources"] == [decision.candidate.resource.arn]
    assert all(isinstance(one, str) for one in metadata["additionalContext"].values())
    assert any(BASE in one for one in content["nextSteps"])


class Recorder:
    """What SNS would be given."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def publish(self, **given: Any) -> None:
        self.given = given


def test_a_plan_of_megabytes_still_fits_and_keeps_its_link(stage: Stage) -> None:
    decision = stage.asked()
    (step,) = decision.plan.steps
    call = replace(step.call, parameters={"Policy": '"ü\\\n' * 20_000})
    plan = replace(
        decision.plan,
        steps=(replace(step, call=call),) * 40,
        untouched=('"' * 9_000,) * 200,
        advice="€" * 90_000,
    )
    large = replace(decision, plan=plan, summary="s" * 90_000, reason="r" * 90_000)
    request = ApprovalRequest("timeout", f"{BASE}/answer?t=" + "x" * 300, "arn:topic")
    recorder: Any = Recorder()
    publish(large, recorder, "topic", request)
    size = len(recorder.given["Message"].encode()) + len(str(recorder.given["MessageAttributes"]))
    assert size < 256 * 1024
    renderings = json.loads(recorder.given["Message"])
    assert json.loads(renderings["default"])["truncated"] is True
    assert json.loads(renderings["default"])["revert_link"] == request.revert_link
    assert request.revert_link in renderings["email"]
    assert json.loads(renderings["https"])["source"] == "custom"


def test_the_state_and_the_undo_stay_in_the_account(stage: Stage) -> None:
    decision = replace(stage.asked(), state={"secret": "the-whole-state"})
    for rendering in (as_json(decision), as_q(decision, None), as_email(decision, None)):
        assert "the-whole-state" not in json.dumps(rendering)


# ------------------------------------------------------------------------------- the template


@pytest.mark.parametrize("role", ["PublishRole", "TimersRole", "SlackRole", "HooksRole"])
def test_no_role_of_ours_writes_beyond_what_is_named(role: str) -> None:
    allowed = [one for one in statements_of(role) if one["Effect"] == "Allow"]
    assert allowed
    for one in allowed:
        actions = list(flat(one["Action"]))
        assert not any("*" in action for action in actions)
        assert "dynamodb:DeleteItem" not in actions
        assert one["Resource"] != "*" or actions == ["dynamodb:ListStreams"]


# ------------------------------------------------------------------------------- storms


def storm(stage: Stage, size: int, **changes: Any) -> list[tuple[str, Decision]]:
    """Decisions on the changes of so many callers: none of them belong together."""
    first = stage.asked()
    ids = [f"dg-{number:024x}" for number in range(size)]
    return [
        (str(number), replace(first, id=id_, incident=id_, **changes))
        for number, id_ in enumerate(ids)
    ]


def test_in_a_storm_the_first_are_told_one_by_one_and_the_rest_in_one_message(
    stage: Stage,
) -> None:
    stage.digests_over(3)
    decisions = storm(stage, 40)
    assert stage.publisher.follow_up_all(decisions) == Followed(published=4)
    told = stage.published()
    assert sorted("digest" in one for one in told) == [False, False, False, True]
    (digest,) = [one for one in told if "digest" in one]
    assert digest["count"] == 37
    named = {one["decision"] for one in digest["decisions"]}
    singly = {one["decision"] for one in told if "digest" not in one}
    assert named | singly == {decision.id for _, decision in decisions}
    assert len(stage.timers()) == 40


def test_a_storm_that_is_delivered_again_is_not_told_again(stage: Stage) -> None:
    stage.digests_over(1)
    decisions = storm(stage, 5)
    stage.publisher.follow_up_all(decisions)
    stage.published()
    assert stage.publisher.follow_up_all(decisions) == Followed(published=0)
    assert stage.published() == []


def test_what_could_not_be_told_comes_again_from_there_on(
    stage: Stage,
) -> None:
    decisions = storm(stage, 5)
    broken = replace(decisions[2][1], expires="no time at all")
    decisions[2] = ("2", broken)
    followed = stage.publisher.follow_up_all(decisions)
    assert (followed.published, followed.failed) == (2, "2")
    assert "no time at all" in followed.trouble


def test_a_digest_that_sns_does_not_take_comes_again_from_its_first(stage: Stage) -> None:
    stage.digests_over(2)
    decisions = storm(stage, 5)
    assert stage.publisher.follow_up_all(decisions[:2]).published == 2
    gone = replace(stage.channel, arn=stage.topic + "-gone")
    assert stage.publishing_to(gone).follow_up_all(decisions).failed == "2"
    assert stage.publisher.follow_up_all(decisions) == Followed(published=1)


def test_what_failed_and_what_happens_in_an_emergency_is_never_hidden_in_a_digest(
    stage: Stage,
) -> None:
    stage.digests_over(0)
    failed = storm(stage, 2, status=Status.FAILED)
    glass = Ruling("break-glass", Autonomy.OBSERVE, "break-glass: alice acts in an emergency")
    urgent = [
        (f"9{n}", replace(one, id=f"dg-9{n}", status=Status.OBSERVED, rulings=(glass,)))
        for n, one in failed
    ]
    assert stage.publisher.follow_up_all([*failed, *urgent]).published == 4
    assert not any("digest" in one for one in stage.published())


def test_what_a_new_guardrail_calls_urgent_is_never_hidden_in_a_digest(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.digests_over(0)
    ruling = Ruling("full-moon", Autonomy.ASK, "the moon is full tonight")
    first, second = storm(stage, 2, rulings=(ruling,))
    stage.publisher.follow_up_all([first])
    add_full_moon(monkeypatch, urgent=True)
    stage.publisher.follow_up_all([second])
    assert ["digest" in one for one in stage.published()] == [True, False]


def test_whoever_hears_of_the_worst_only_hears_of_a_digest_that_holds_it(stage: Stage) -> None:
    """A subscription that filters takes only messages that carry what it filters by."""
    severe = stage.sqs.create_queue(QueueName="severe")["QueueUrl"]
    mild = stage.sqs.create_queue(QueueName="mild")["QueueUrl"]
    for queue, policy in (
        (severe, {"severity": [{"numeric": [">=", 90]}], "control": ["iam.leaked-key"]}),
        (mild, {"severity": [{"numeric": [">=", 99]}]}),
    ):
        stage.sns.subscribe(
            TopicArn=stage.topic,
            Protocol="sqs",
            Endpoint=stage.arn(queue),
            Attributes={"FilterPolicy": json.dumps(policy)},
        )
    decisions = [one for _, one in storm(stage, 30, severity=10)]
    worst = replace(decisions[20], severity=95, control="iam.leaked-key", title="A leaked key")
    decisions[20] = worst
    publish_digest(decisions, stage.sns, stage.topic)
    assert len(stage._received(severe)) == 1
    assert stage._received(mild) == []


def test_noise_does_not_push_the_worst_out_of_what_a_digest_names(stage: Stage) -> None:
    decisions = [one for _, one in storm(stage, 30, severity=10)]
    decisions[20] = replace(decisions[20], severity=95, title="A leaked key")
    named = digest_text(decisions).partition("Among them:")[2].splitlines()
    assert "A leaked key" in named[1]


def test_a_digest_says_how_many_what_held_them_and_where_to_look(stage: Stage) -> None:
    held = Ruling(
        "circuit-breaker", Autonomy.ASK, "the circuit breaker of control ec2.open-ingress trips"
    )
    text = digest_text([one for _, one in storm(stage, 30, rulings=(held,))])
    assert "30 decisions" in text
    assert "the circuit breaker of control ec2.open-ingress trips" in text
    assert "and 15 more" in text
    assert "driftguard audit list" in text


# ------------------------------------------------------------------------------- channels


class Pager:
    """A channel that nothing of Driftguard's knows: all of it stands here."""

    def __init__(self) -> None:
        self.alone: list[str] = []
        self.together: list[list[str]] = []
        self.is_away = False

    def tell(self, decision: Decision) -> Told:
        if self.is_away:
            raise TimeoutError("the pager is away")
        if decision.id in self.alone:
            return NOTHING_NEW
        if len(self.alone) == 2:
            return Told(digest="night")
        self.alone.append(decision.id)
        return ONE_MESSAGE

    def tell_digest(self, digest: str, decisions: Sequence[Decision]) -> int:
        self.together.append([digest, *(decision.id for decision in decisions)])
        return 1


def test_a_channel_is_added_by_fulfilling_the_protocol_alone(stage: Stage) -> None:
    pager = Pager()
    decisions = storm(stage, 4)
    first, second, third, fourth = (decision.id for _, decision in decisions)
    publisher = stage.publishing_to(stage.channel, pager)
    assert publisher.follow_up_all(decisions) == Followed(published=4 + 3)
    assert pager.alone == [first, second]
    assert pager.together == [["night", third, fourth]]
    assert len(stage.timers()) == 4


def test_a_channel_that_is_away_holds_up_no_other_and_is_told_later(stage: Stage) -> None:
    pager = Pager()
    decisions = storm(stage, 3)
    publisher = stage.publishing_to(pager, stage.channel)
    pager.is_away = True
    followed = publisher.follow_up_all(decisions)
    assert (followed.published, followed.failed) == (3, "0")
    assert followed.trouble == "TimeoutError: the pager is away"
    pager.is_away = False
    assert publisher.follow_up_all(decisions) == Followed(published=3)
    assert len(stage.published()) == 3


def test_when_no_channel_is_left_the_batch_ends_there(stage: Stage) -> None:
    pager = Pager()
    pager.is_away = True
    assert stage.publishing_to(pager).follow_up_all(storm(stage, 3)).failed == "0"
    assert len(stage.timers()) == 1


# ------------------------------------------------------------------------------- freezes


def test_the_end_of_a_freeze_wakes_the_guard(stage: Stage) -> None:
    """12.13: at once when it is lifted, by a timer when its time is up."""
    now = stage.world.clock.at
    act = operators.Act("freeze", {"reason": "x", "for_seconds": 3600}, "bob", "arn:bob", now)
    what = operators.done(act, stage.world.state.recall(*operators.keys(act, HERE)))
    frozen = operators.recorded(act, what, HERE)
    assert stage.follow_up(frozen)
    (timer,) = stage.timers()
    assert json.loads(timer["Target"]["Input"]) == thaw_message(frozen.id)
    assert stage.queued() == []

    lifted = replace(frozen, id="dg-lifted", change_name="unfreeze", expires="")
    assert stage.follow_up(lifted)
    assert stage.queued() == [Thaw("dg-lifted")]
    for_ever = replace(frozen, id="dg-for-ever", expires="")
    assert stage.follow_up(for_ever)
    assert (len(stage.timers()), stage.queued()) == (1, [])


def test_the_requests_of_one_incident_are_one_message_each_with_its_own_answer(
    stage: Stage,
) -> None:
    first = stage.asked()
    group = boto3.client("ec2").create_security_group(GroupName="db", Description="db")["GroupId"]
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    (second,) = stage.guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
    batch = [("1", first), ("2", second)]
    assert stage.publisher.follow_up_all(batch).published == 1
    assert stage.publisher.follow_up_all(batch).published == 0
    (told,) = stage.published()
    assert told["incident"] == first.id
    assert [one["decision"] for one in told["requests"]] == [first.id, second.id]
    assert [one["fingerprint"] for one in told["requests"]] == [first.before, second.before]
    links = {one["revert_link"] for one in told["requests"]}
    assert len(links) == 2
    assert all(link.startswith(BASE) for link in links)
    assert len(stage.timers()) == 2
