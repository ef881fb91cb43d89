"""Fuzz: any record by the door of changes is taken, or refused in words; a risky one stays risky.

What a control reads is a record's event, its account and region, request, response and error. No
mutation of anything else, and nothing unknown among those, makes a risky record harmless.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

import boto3
import pytest

from driftguard.engine import hidden
from driftguard.engine.hidden import Hidden
from driftguard.engine.intake import Intake, Opened, Retry, opened
from driftguard.events.envelope import Mismatch, Unparsable
from driftguard.model import Autonomy, Decision
from tests.support.api_requests import Log
from tests.support.approving import asking
from tests.support.fuzzing import in_portions, junk, mutated, mutated_text, tried, with_unknown
from tests.support.queues import COMMANDS_ARN, change_message, queues
from tests.support.records import envelope, flat_ingress, record
from tests.support.world import ROOT, World

EVENTS = {
    (path.parent.name, path.stem): json.loads(path.read_text())
    for path in sorted((ROOT / "events").glob("*/*.json"))
}
RISKY = sorted(control for control, kind in EVENTS if kind == "risky")
# What a control reads of a CloudTrail record; of another service's event, all that it says.
NAMED = frozenset(
    """
    eventSource eventName eventID eventTime recipientAccountId awsRegion requestParameters
    responseElements errorCode readOnly
    """.split()  # noqa: SIM905
)
# A key is the root user's if the record says so: this control reads who made the change. And the
# guard's own event about conduct counts only as it was sent, with all that it says of the caller.
READ_TOO = {
    "iam.root-key": {"userIdentity"},
    "containment.unusual-conduct": {"userIdentity", "sourceIPAddress", "userAgent"},
}
# What an envelope says is checked against its record; where they differ, it is dead-lettered.
CHECKED = ("source", "detail-type", "account", "region", "time")
NAMED_OF_AN_EVENT = frozenset(("detail", "id", *CHECKED))


@pytest.fixture
def nothing_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hidden request could have touched is another test's subject."""

    def candidates(*_: object) -> Any:
        raise Hidden("hides what it did")

    monkeypatch.setattr(hidden, "candidates", candidates)


def read(world: World, body: str) -> Opened:
    """The message as the guard opens it, with trouble only of the kinds that have words."""
    found = opened(world.guard, change_message(body), COMMANDS_ARN)
    trouble = found.trouble
    assert trouble is None or in_words(trouble), f"{type(trouble).__name__}: {trouble}"
    if found.screening is not None:
        for other in found.screening.troubles:
            assert in_words(other), f"{type(other).__name__}: {other}"
    return found


def in_words(trouble: Exception) -> bool:
    """Whether an error is one that the intake documents, with a reason for people."""
    not_json = type(trouble) is ValueError and str(trouble).startswith("the message is not JSON")
    return bool(str(trouble)) and (not_json or isinstance(trouble, (Unparsable, Hidden)))


@in_portions
def test_any_record_is_taken_or_refused_in_words(
    world: World, nothing_listed: None, portion: int
) -> None:
    events = list(EVENTS.values())

    def once(dice: Random) -> None:
        body = json.dumps(mutated(dice, dice.choice(events)))
        read(world, mutated_text(dice, body) if dice.random() < 0.2 else body)

    tried("records", portion, once)


def around(dice: Random, event: dict[str, Any], named: frozenset[str] = NAMED) -> dict[str, Any]:
    """The event, with everything changed that no control reads."""
    detail = event["detail"]
    made = _around(dice, event, NAMED_OF_AN_EVENT)
    if "eventName" in detail:
        detail = _around(dice, detail, named)
        for name in ("requestParameters", "responseElements"):
            detail[name] = with_unknown(dice, detail.get(name))
        made["id"] = junk(dice)
        if dice.random() < 0.1:
            made[dice.choice(CHECKED)] = junk(dice)
    else:
        detail = with_unknown(dice, detail)
    names = [*made]
    dice.shuffle(names)
    return {name: made[name] for name in names} | {"detail": detail}


def _around(dice: Random, container: dict[str, Any], named: frozenset[str]) -> dict[str, Any]:
    changed = {
        name: value if name in named or dice.random() < 0.5 else mutated(dice, value)
        for name, value in container.items()
    }
    more = {f"more{dice.randrange(9)}": junk(dice) for _ in range(dice.randrange(3))}
    gone = [name for name in changed if name not in named and dice.random() < 0.1]
    return {name: held for name, held in {**changed, **more}.items() if name not in gone}


@dataclass(frozen=True)
class Pointed:
    """What a record makes a control look at."""

    control: str
    resource: tuple[str, str]


def pointed(found: Opened) -> set[Pointed]:
    """What the controls would look at."""
    assert found.screening is not None, found.trouble
    resources = [(case.control.id, case.candidate.resource) for case in found.screening.cases]
    return {Pointed(control, (resource.kind, resource.id)) for control, resource in resources}


@in_portions
def test_nothing_that_no_control_reads_makes_a_risky_record_harmless(
    world: World, nothing_listed: None, portion: int
) -> None:
    expected = {
        control: {
            one
            for one in pointed(read(world, json.dumps(EVENTS[control, "risky"])))
            if one.control == control
        }
        for control in RISKY
    }

    def once(dice: Random) -> None:
        control = dice.choice(RISKY)
        named = NAMED | READ_TOO.get(control, set())
        body = json.dumps(around(dice, EVENTS[control, "risky"], named))
        found = read(world, body)
        assert expected[control]
        if isinstance(found.trouble, Mismatch):
            return
        missed = expected[control] - pointed(found)
        assert not missed, f"{missed} {body}"

    tried("harmless", portion, once)


@in_portions
def test_an_open_group_is_decided_on_whatever_surrounds_its_record(
    world: World, portion: int
) -> None:
    """The whole way, through record and plan: a hundredth of the inputs, for its cost."""
    ec2 = boto3.client("ec2")
    group = str(ec2.create_security_group(GroupName="g", Description="g")["GroupId"])
    boto3.client("sqs").create_queue(QueueName="dead")
    asking_guard = asking(world)
    log = Log()

    def once(dice: Random) -> None:
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        change = flat_ingress(group, 22, "0.0.0.0/0")
        made = envelope(record("ec2.amazonaws.com", change.name, dict(change.request)))
        guard = dice.choice((asking_guard, world.guard))
        intake = Intake(guard, queues(), log)
        message = change_message(json.dumps(around(dice, made)))
        decisions: list[Decision] = []
        try:
            decisions = intake.take(intake.opened(message))
        except Retry as error:
            raise AssertionError(f"comes again: {error}, {message.body}") from error
        finally:
            ec2.revoke_security_group_ingress(
                GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
            ) if not decisions or decisions[0].autonomy is Autonomy.ASK else None
        assert decisions or "Mismatch" in log.lines[-1], f"{log.lines[-1]}: {message.body}"

    tried("decided", portion, once, share=0.01)
