"""A round of the sweep: what is risky is sent, within bounds, and what is over comes later."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.controls import containing, control
from driftguard.documents import Document
from driftguard.engine.guard import Guard
from driftguard.engine.intake import Intake
from driftguard.model import Autonomy, Status
from driftguard.policy.bounds import Bounds, Sweep
from driftguard.state.keys import StateRecord, round_key
from driftguard.sweep.look import in_order
from driftguard.sweep.rounds import Progress, Sweeper, progress_of
from tests.support.answering import answering
from tests.support.guardrails.held import CONTROL, new_group
from tests.support.queues import command_message, queues
from tests.support.sweeping import open_up, sweeping
from tests.support.world import HERE, REGION, World

# Enough to tell how a round goes.
ONLY = [CONTROL, "s3.public-policy", "dynamodb.protection-off"]


@dataclass
class Told:
    """A logger that keeps what it was told."""

    lines: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def warning(
        self, msg: str, /, *args: object, extra: Mapping[str, object] | None = None
    ) -> None:
        self.lines.append((msg % args, dict(extra or {})))


@pytest.fixture
def queue(world: World) -> str:
    return str(boto3.client("sqs").create_queue(QueueName="changes")["QueueUrl"])


def sweeper(guard: Guard, queue: str, log: Told | None = None) -> Sweeper:
    some = [control(one) for one in ONLY]
    return Sweeper(guard, REGION, queue, settling=0, logger=log or Told(), only=some)


def time_enough() -> float:
    return 900.0


def runs_out_after(looks: int) -> Callable[[], float]:
    """A clock by which a run has time for so many looks."""
    left: Iterator[float] = iter([900.0] * looks)
    return lambda: next(left, 0.0)


def sent(queue: str) -> list[dict[str, Any]]:
    """What lies in the queue; it is gone from there."""
    client, found = boto3.client("sqs"), []
    while True:
        answer = client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        if not answer.get("Messages"):
            return found
        for one in answer["Messages"]:
            found.append(json.loads(one["Body"]))
            client.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])


def open_groups(count: int) -> list[str]:
    groups = [new_group(f"old-{number}") for number in range(count)]
    for one in groups:
        open_up(one)
    return groups


def within(world: World, **terms: Any) -> Guard:
    return world.with_policy(lambda given: replace(given, bounds=Bounds(sweep=Sweep(**terms))))


def took(guard: Guard, bodies: list[dict[str, Any]]) -> list[Any]:
    """The decisions that messages led to."""
    intake = Intake(guard, queues(), logging.getLogger("test"))
    taken = [intake.take(intake.opened(command_message(one))) for one in bodies]
    return [one for each in taken for one in each]


# --------------------------------------------------------------------------------- sending


def test_one_message_goes_out_for_each_risky_observation_and_none_for_what_is_clean(
    world: World, queue: str
) -> None:
    (group,) = open_groups(1)
    new_group("shut")
    report = sweeper(world.guard, queue).run(time_enough, scheduled=True)
    (message,) = sent(queue)
    assert (message["driftguard"], message["control"]) == ("look", CONTROL)
    assert message["resource"]["id"] == group
    assert report.sent == report.outcomes["risky"] == 1
    assert report.outcomes["recorded"] == 4  # the other, the VPC's own, and the stack's tables
    assert report.unreached == ()


def test_what_it_sends_the_guard_takes_and_it_is_not_sent_again(world: World, queue: str) -> None:
    open_groups(3)
    sweeper(world.guard, queue).run(time_enough, scheduled=False)
    messages = sent(queue)
    decided = took(world.guard, messages)
    assert [one.status for one in decided] == [Status.OBSERVED] * 3
    # Delivered again, and looked for again: there is nothing to add.
    assert took(world.guard, messages) == []
    report = sweeper(world.guard, queue).run(time_enough, scheduled=False)
    assert (report.sent, report.outcomes["standing"]) == (0, 3)
    assert sent(queue) == []


def test_two_sweeps_at_once_lead_to_one_decision_each(world: World, queue: str) -> None:
    open_groups(2)
    for _ in range(2):
        world.state.write(replace(world.state.record(round_key(HERE)), document={}))
        sweeper(world.guard, queue).run(time_enough, scheduled=True)
    messages = sent(queue)
    assert len(messages) == 4
    assert len(took(world.guard, messages)) == 2


def test_the_queue_keeps_back_what_was_found_until_late_events_have_come(
    world: World, queue: str
) -> None:
    open_groups(1)
    replace(sweeper(world.guard, queue), settling=240).run(time_enough, scheduled=True)
    told = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
    assert told["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"
    assert sent(queue) == []


# --------------------------------------------------------------------------------- bounds


def test_an_old_account_is_told_of_in_bounded_portions_until_all_is_told(
    world: World, queue: str
) -> None:
    """Each round sends no more than policy allows, and goes past what was decided on."""
    open_groups(7)
    guard = within(world, autonomy=Autonomy.OBSERVE, most=3)
    portions = []
    for _ in range(4):
        report = sweeper(guard, queue).run(time_enough, scheduled=True)
        messages = sent(queue)
        assert report.sent == len(messages)
        portions.append(len(took(guard, messages)))
        world.clock.pass_by(days=1)
    assert portions == [3, 3, 1, 0]


def test_runs_of_one_round_share_its_bound(world: World, queue: str) -> None:
    open_groups(5)
    guard = within(world, most=3)
    total = 0
    for _ in range(20):
        total += sweeper(guard, queue).run(runs_out_after(4), scheduled=True).sent
        world.clock.pass_by(hours=1)
        if not progress_of(world.state.record(round_key(HERE))).control:
            break
    assert total == 3


def test_more_than_the_circuit_breaker_allows_is_asked_about(world: World, queue: str) -> None:
    open_groups(4)
    terms = Bounds(sweep=Sweep(Autonomy.REVERT)).circuit_breaker._replace(control=2)
    guard = sweeping(world, Autonomy.REVERT, bounds={"circuit_breaker": terms})
    sweeper(guard, queue).run(time_enough, scheduled=True)
    decided = took(guard, sent(queue))
    assert sorted(one.status for one in decided) == [Status.ASKED] * 2 + [Status.REVERTED] * 2


# --------------------------------------------------------------------------------- going on


def test_a_run_that_has_no_more_time_says_what_it_did_not_reach_and_the_next_goes_on(
    world: World, queue: str
) -> None:
    """However little time a run has, each gets further: none begins anew."""
    groups = open_groups(5)
    log, found = Told(), []
    for number in range(20):
        report = sweeper(world.guard, queue, log).run(runs_out_after(4), scheduled=True)
        found += [one["resource"]["id"] for one in sent(queue)]
        if number == 0:
            assert CONTROL in report.unreached
            assert log.lines[-1][0] == "not reached"
            assert log.lines[-1][1]["controls"] == list(report.unreached)
        if not report.unreached:
            break
        world.clock.pass_by(hours=1)
    assert sorted(found) == sorted(groups)


def test_a_round_begins_once_a_day_or_when_somebody_asks_for_it(world: World, queue: str) -> None:
    swept = sweeper(world.guard, queue)
    assert swept.run(time_enough, scheduled=True).outcomes
    world.clock.pass_by(hours=1)
    assert not swept.run(time_enough, scheduled=True).outcomes
    assert swept.run(time_enough, scheduled=False).outcomes
    world.clock.pass_by(hours=23)
    assert not swept.run(time_enough, scheduled=True).outcomes
    world.clock.pass_by(hours=1)
    assert swept.run(time_enough, scheduled=True).outcomes


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"control": "gone.control", "skip": 3},
        {"control": CONTROL, "skip": "many", "sent": None},
        {"control": CONTROL, "skip": -1, "began": "yesterday"},
        {"began": ["2026"], "control": 7},
    ],
)
def test_where_it_cannot_tell_how_far_it_was_it_looks_at_everything(
    world: World, queue: str, document: Document
) -> None:
    open_groups(2)
    world.state.write(StateRecord(round_key(HERE), document))
    report = sweeper(world.guard, queue).run(time_enough, scheduled=True)
    assert report.sent == 2
    assert progress_of(world.state.record(round_key(HERE))) == replace(
        progress_of(world.state.record(round_key(HERE))), control="", skip=0
    )


@pytest.mark.parametrize(
    ("operation", "answer", "where"),
    [
        ("GetBucketPolicy", "AccessDenied", "arn:aws:s3:::unreadable"),
        ("ListBuckets", "AccessDenied", ""),
        ("ListTables", {"TableNames": 7}, ""),
    ],
)
def test_what_cannot_be_read_is_counted_and_named_and_does_not_stop_the_others(
    world: World,
    queue: str,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    answer: str | dict[str, Any],
    where: str,
) -> None:
    (group,) = open_groups(1)
    boto3.client("s3").create_bucket(Bucket="unreadable")
    answering(monkeypatch, operation, answer)
    log = Told()
    report = sweeper(world.guard, queue, log).run(time_enough, scheduled=True)
    assert report.outcomes["failed"] == 1
    (failure,) = [fields for _, fields in log.lines if fields["outcome"] == "failed"]
    assert failure["resource"] == where
    assert [one["resource"]["id"] for one in sent(queue)] == [group]


def test_the_most_severe_come_first(world: World, queue: str) -> None:
    report = sweeper(world.guard, queue).run(runs_out_after(0), scheduled=True)
    severities = [control(one).severity for one in report.unreached]
    assert severities == sorted(severities, reverse=True)
    assert sorted(report.unreached) == sorted(ONLY)
    assert progress_of(world.state.record(round_key(HERE))) == Progress(
        began=world.guard.stamp(), control="s3.public-policy"
    )


def test_iam_is_swept_where_its_events_arrive_and_nowhere_else() -> None:
    """Else each region's stack would tell of the same role, and take it back."""
    there, elsewhere = ({one.id for one in in_order(one)} for one in ("us-east-1", "eu-west-1"))
    assert "iam.trust-external" in there
    assert elsewhere == {one for one in there if not one.startswith("iam.")}


def test_a_clean_observation_costs_one_read_of_the_state_and_the_controls_own(
    world: World, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        new_group(f"shut-{number}")
    swept = replace(sweeper(world.guard, queue), only=[control(CONTROL)])
    # The first round records the baselines.
    swept.run(time_enough, scheduled=False)
    calls: Counter[str] = Counter()
    original = BaseClient._make_api_call

    def counted(client: BaseClient, name: str, parameters: Any) -> Any:
        calls[name] += 1
        return original(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    swept.run(time_enough, scheduled=False)
    assert calls == {
        "DescribeSecurityGroups": 1,
        "BatchGetItem": 5,  # the VPC's own group is one of them
        "DescribeSecurityGroupRules": 5,
        # How far the round has come: read first, written before the control and at the end.
        # And how far it looked for what is overdue, for each of three statuses.
        "GetItem": 6,
        "TransactWriteItems": 2,
        # What waits though its time is over: requests, retries, second looks, freezes. How many
        # requests are open, and which freezes the audit record has hold. And what is contained, by
        # each control that contains, in each of three statuses.
        "Query": 6 + 3 * len(containing()),
    }


def test_a_control_that_a_run_died_of_does_not_keep_the_others_from_being_looked_at(
    world: World, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda ends a run that lists and lists: the next one goes on behind it, and says so."""
    (group,) = open_groups(1)
    log = Told()
    original = BaseClient._make_api_call

    def killed(client: BaseClient, name: str, parameters: Any) -> Any:
        if name == "ListBuckets":
            raise KeyboardInterrupt
        return original(client, name, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", killed)
        for _ in range(2):
            # While a run may still be at it, another begins where that one did.
            with pytest.raises(KeyboardInterrupt):
                sweeper(world.guard, queue).run(time_enough, scheduled=True)
        world.clock.pass_by(hours=1)
        report = sweeper(world.guard, queue, log).run(time_enough, scheduled=True)
    assert report.outcomes["failed"] == 1
    assert log.lines[0] == (
        "a run broke off here",
        {"control": "s3.public-policy", "resource": "", "outcome": "failed"},
    )
    assert [one["resource"]["id"] for one in sent(queue)] == [group]


def test_what_aws_did_not_answer_is_told_apart_from_what_people_must_mend(
    world: World, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "ListBuckets", "Throttling")
    log = Told()
    report = sweeper(world.guard, queue, log).run(time_enough, scheduled=True)
    assert (report.outcomes["unread"], report.outcomes["failed"]) == (1, 0)
    assert log.lines[0][1]["outcome"] == "unread"
