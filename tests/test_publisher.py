"""What follows from a decision: the guard is woken, a timer set, the topic told; each once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
import yaml

from driftguard import links
from driftguard.desk import Desk
from driftguard.interruptions import NotYet
from driftguard.messages.sns import (
    as_email,
    as_json,
    as_q,
    digest_text,
    publish,
    publish_digest,
)
from driftguard.messages.words import Question
from driftguard.model import Answer, Autonomy, Decision, Ruling, Status, Verdict
from driftguard.pipeline import Guard
from driftguard.policy import Person, Terms
from driftguard.publisher import Answering, Followed, Publisher, Timers
from driftguard.verdicts import CarryOut, Expire, verdict_of
from tests.conftest import ROOT, World
from tests.records import flat_ingress

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
        self.parked = self.sqs.create_queue(QueueName="parked")["QueueUrl"]
        self.inbox = self.sqs.create_queue(QueueName="inbox")["QueueUrl"]
        self.topic = self.sns.create_topic(Name="decisions")["TopicArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.arn(self.inbox))
        self.scheduler.create_schedule_group(Name="timers")
        self.on(required=1)

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
        self.publisher = Publisher(
            aws=self.guard.aws,
            state=self.world.state,
            policy=self.guard.policy,
            topic=self.topic,
            changes_queue=self.queue,
            timers=Timers("timers", ROLE, self.arn(self.queue), self.arn(self.parked)),
            answering=Answering(BASE, lambda: KEY, "arn:aws:sns:us-east-1:123456789012:replies"),
            now=self.world.clock.now,
        )

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

    def answer(self, decision: Decision, person: str, verdict: str = "revert") -> Decision:
        desk = Desk(self.world.audit, self.world.state, self.guard.policy, self.world.clock.now)
        given = Answer(person, Verdict(verdict), "slack", "2026-11-24T12:00:00.000Z", "")
        reply = desk.answer(decision.id, replace(given, fingerprint=decision.before))
        assert reply.decision is not None
        return reply.decision

    def queued(self) -> list[Any]:
        return [verdict_of(json.loads(one["Body"]), "") for one in self._received(self.queue)]

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
    approved = stage.answer(stage.asked(), "bob")
    assert stage.publisher.follow_up(approved) is False
    assert stage.queued() == [CarryOut(approved.id)]
    assert stage.published() == []


def test_an_outcome_is_told_once(stage: Stage) -> None:
    kept = stage.answer(stage.asked(), "bob", "keep")
    assert stage.publisher.follow_up(kept) is True
    assert stage.publisher.follow_up(kept) is False
    (message,) = stage.published()
    assert message["status"] == "denied"
    assert message["answers"][0]["person"] == "bob"


# ------------------------------------------------------------------------------- timers


def test_a_question_sets_a_timer_for_its_deadline(stage: Stage) -> None:
    decision = stage.asked()
    stage.publisher.follow_up(decision)
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
    assert verdict_of(json.loads(target["Input"]), "") == Expire(decision.id)
    assert target["DeadLetterConfig"]["Arn"].endswith(":parked")


def test_the_same_question_sets_no_second_timer_and_is_told_once(stage: Stage) -> None:
    decision = stage.asked()
    assert stage.publisher.follow_up(decision) is True
    assert stage.publisher.follow_up(decision) is False
    assert len(stage.timers()) == 1
    assert len(stage.published()) == 1


def test_a_further_voice_is_no_new_question(stage: Stage) -> None:
    stage.on(required=2)
    decision = stage.asked()
    stage.publisher.follow_up(decision)
    assert stage.publisher.follow_up(stage.answer(decision, "bob")) is False
    assert len(stage.published()) == 1


def test_a_question_asked_again_sets_another_timer_and_is_told(stage: Stage) -> None:
    stage.on(on_expiry="escalate")
    decision = stage.asked()
    stage.publisher.follow_up(decision)
    stage.world.clock.pass_by(days=2)
    again = stage.guard.expire(decision.id)
    assert again.escalated
    assert stage.publisher.follow_up(again) is True
    assert len(stage.timers()) == 2


def test_a_deadline_that_is_at_hand_waits_in_the_queue(stage: Stage) -> None:
    decision = stage.asked()
    stage.world.clock.pass_by(days=2)
    stage.publisher.follow_up(decision)
    assert stage.timers() == []
    assert stage.queued() == [Expire(decision.id)]


def test_the_timer_finds_the_question_closed_and_does_what_silence_means(stage: Stage) -> None:
    decision = stage.asked()
    stage.publisher.follow_up(decision)
    (timer,) = stage.timers()
    at = datetime.fromisoformat(timer["ScheduleExpression"][3:-1] + "+00:00")
    stage.world.clock.at = at
    assert stage.guard.expire(decision.id).status is Status.EXPIRED


def test_a_timer_that_rings_within_its_minute_but_early_is_not_lost(stage: Stage) -> None:
    """EventBridge Scheduler keeps time to the minute; dropped, the question would never close."""
    decision = stage.asked()
    deadline = datetime.fromisoformat(decision.expires)
    stage.world.clock.at = deadline - timedelta(seconds=30)
    with pytest.raises(NotYet, match="is open until"):
        stage.guard.expire(decision.id)
    stage.world.clock.at = deadline + timedelta(seconds=210)
    assert stage.guard.expire(decision.id).status is Status.EXPIRED


def test_a_timer_of_an_earlier_deadline_finds_nothing_to_do(stage: Stage) -> None:
    decision = stage.asked()
    stage.world.clock.pass_by(hours=3)
    assert stage.guard.expire(decision.id).status is Status.ASKED


# ------------------------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("on_expiry", "words"),
    [
        ("keep", ", the change stands."),
        ("revert", ", it is reverted."),
        ("escalate", ", people are asked once more; if nobody answers then, the change stands."),
    ],
)
def test_the_topic_hears_what_silence_means(stage: Stage, on_expiry: str, words: str) -> None:
    stage.on(on_expiry=on_expiry)
    stage.publisher.follow_up(stage.asked())
    (message,) = stage.published()
    assert message["silence"].startswith("If nobody answers until 20")
    assert message["silence"].endswith(words)


def test_a_program_gets_the_fingerprint_and_what_to_reply(stage: Stage) -> None:
    decision = stage.asked()
    stage.publisher.follow_up(decision)
    (message,) = stage.published()
    assert message["fingerprint"] == decision.before
    assert message["expires"] == decision.expires
    assert message["revert_link"].startswith(f"{BASE}/answer?t=")
    reply = message["reply"]
    claim = links.read(reply["token"], KEY, "2026-01-01T00:00:00.000Z")
    assert (reply["decision"], reply["verdict"]) == (decision.id, "revert")
    assert (claim.decision, claim.verdict, claim.person) == (decision.id, Verdict.REVERT, "link")


def test_an_email_says_how_to_answer_and_offers_no_shared_keep(stage: Stage) -> None:
    decision = stage.asked()
    link = links.for_decision(decision, BASE, KEY)
    question = Question("If nobody answers, it stands.", link[Verdict.REVERT], "arn:topic")
    text = as_email(decision, question)
    assert "lets the internet in" in text
    assert "from 203.0.113.9" in text
    assert "ec2:RevokeSecurityGroupIngress(" in text
    assert "If nobody answers, it stands." in text
    assert link[Verdict.REVERT] in text
    assert link[Verdict.KEEP] not in text
    for command in ("approve", "deny", "keep"):
        assert f"driftguard {command} {decision.id}" in text
    assert f"'revert {decision.id} {question.token}'" in text


def test_an_email_about_an_outcome_asks_nothing(stage: Stage) -> None:
    kept = stage.answer(stage.asked(), "bob", "keep")
    text = as_email(kept, None)
    assert "bob: keep, via slack" in text
    assert "answer?t=" not in text


def test_a_stack_without_a_public_address_sends_no_links(stage: Stage) -> None:
    stage.publisher = replace(stage.publisher, answering=Answering())
    stage.publisher.follow_up(stage.asked())
    (message,) = stage.published()
    assert message["revert_link"] == ""
    assert message["reply"] == {}


# ------------------------------------------------------------------------------- renderings


def test_subscribers_filter_questions_from_outcomes(stage: Stage) -> None:
    only = stage.sqs.create_queue(QueueName="questions")["QueueUrl"]
    stage.sns.subscribe(
        TopicArn=stage.topic,
        Protocol="sqs",
        Endpoint=stage.arn(only),
        Attributes={"FilterPolicy": json.dumps({"kind": ["question"]})},
    )
    decision = stage.asked()
    stage.publisher.follow_up(decision)
    stage.publisher.follow_up(stage.answer(decision, "bob", "keep"))
    assert len(stage._received(only)) == 1


def test_the_card_for_amazon_q_is_of_its_schema(stage: Stage) -> None:
    decision = stage.asked()
    card = as_q(decision, Question("If nobody answers, it stands.", f"{BASE}/answer?t=x"))
    assert (card["version"], card["source"]) == ("1.0", "custom")
    assert set(card) == {"version", "source", "id", "content", "metadata"}
    content, metadata = card["content"], card["metadata"]
    assert isinstance(content, dict)
    assert isinstance(metadata, dict)
    assert set(content) == {"textType", "title", "description", "nextSteps", "keywords"}
    assert content["textType"] == "client-markdown"
    assert metadata["threadId"] == decision.id
    assert metadata["relatedResources"] == [decision.suspect.resource.arn]
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
        steps=(replace(step, call=call),) * 200,
        kept=('"' * 9_000,) * 200,
        advice="€" * 90_000,
    )
    large = replace(decision, plan=plan, summary="s" * 90_000, reason="r" * 90_000)
    question = Question("silence", f"{BASE}/answer?t=" + "x" * 300, "arn:topic")
    recorder: Any = Recorder()
    publish(large, recorder, "topic", question)
    size = len(recorder.given["Message"].encode()) + len(str(recorder.given["MessageAttributes"]))
    assert size < 256 * 1024
    renderings = json.loads(recorder.given["Message"])
    assert json.loads(renderings["default"])["truncated"] is True
    assert json.loads(renderings["default"])["revert_link"] == question.revert_link
    assert question.revert_link in renderings["email"]
    assert json.loads(renderings["https"])["source"] == "custom"


def test_the_state_and_the_undo_stay_in_the_account(stage: Stage) -> None:
    decision = replace(stage.asked(), state={"secret": "the-whole-state"})
    for rendering in (as_json(decision), as_q(decision, None), as_email(decision, None)):
        assert "the-whole-state" not in json.dumps(rendering)


# ------------------------------------------------------------------------------- the template


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their text."""


_Loader.add_multi_constructor("!", lambda loader, _, node: node.value)


@pytest.mark.parametrize("role", ["PublishRole", "TimersRole", "SlackRole"])
def test_no_role_of_ours_writes_beyond_what_is_named(role: str) -> None:
    template = yaml.load((ROOT / "template.yaml").read_text(), _Loader)
    policies = template["Resources"][role]["Properties"]["Policies"]
    for one in (s for policy in policies for s in policy["PolicyDocument"]["Statement"]):
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        assert not any("*" in action for action in actions)
        assert "dynamodb:DeleteItem" not in actions
        assert one["Resource"] != "*" or actions == ["dynamodb:ListStreams"]


# ------------------------------------------------------------------------------- storms


def storm(stage: Stage, size: int, **changes: Any) -> list[tuple[str, Decision]]:
    first = stage.asked()
    return [
        (str(number), replace(first, id=f"dg-{number:024x}", **changes)) for number in range(size)
    ]


def test_in_a_storm_the_first_are_told_one_by_one_and_the_rest_in_one_message(
    stage: Stage,
) -> None:
    stage.publisher = replace(
        stage.publisher, policy=replace(stage.publisher.policy, digest_over=3)
    )
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
    stage.publisher = replace(
        stage.publisher, policy=replace(stage.publisher.policy, digest_over=1)
    )
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
    stage.publisher = replace(
        stage.publisher, policy=replace(stage.publisher.policy, digest_over=2)
    )
    decisions = storm(stage, 5)
    assert stage.publisher.follow_up_all(decisions[:2]).published == 2
    gone = replace(stage.publisher, topic=stage.topic + "-gone")
    assert gone.follow_up_all(decisions).failed == "2"
    assert stage.publisher.follow_up_all(decisions) == Followed(published=1)


def test_what_failed_and_what_happens_in_an_emergency_is_never_hidden_in_a_digest(
    stage: Stage,
) -> None:
    stage.publisher = replace(
        stage.publisher, policy=replace(stage.publisher.policy, digest_over=0)
    )
    failed = storm(stage, 2, status=Status.FAILED)
    glass = Ruling("break-glass", Autonomy.OBSERVE, "break-glass: alice acts in an emergency")
    urgent = [
        (f"9{n}", replace(one, id=f"dg-9{n}", status=Status.OBSERVED, rulings=(glass,)))
        for n, one in failed
    ]
    assert stage.publisher.follow_up_all([*failed, *urgent]).published == 4
    assert not any("digest" in one for one in stage.published())


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
    held = Ruling("breaker", Autonomy.ASK, "the breaker of control ec2.open-ingress trips")
    text = digest_text([one for _, one in storm(stage, 30, rulings=(held,))])
    assert "30 decisions" in text
    assert "the breaker of control ec2.open-ingress trips" in text
    assert "and 15 more" in text
    assert "driftguard audit list" in text
