"""What a freeze held back is judged anew when it is lifted, and when its time is up."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from driftguard import controls
from driftguard.documents import Document, stamp
from driftguard.engine import thaw
from driftguard.engine.hidden import Hidden
from driftguard.engine.intake import Intake, Retry
from driftguard.events.cloudtrail import change_from_record
from driftguard.events.commands import judge_message, look_message, thaw_message
from driftguard.model import Decision, Status
from driftguard.state import freezes
from driftguard.state.keys import ALL, StateRecord, freeze_key
from driftguard.sweep import overdue
from driftguard.sweep.look import sweep
from tests.support.api_requests import BOB, AtTheSignedApi
from tests.support.approving import Asked, is_open, open_up
from tests.support.freezing import unfreeze
from tests.support.operating import acts
from tests.support.queues import change_message, command_message, queues
from tests.support.records import envelope, flat_ingress, record
from tests.support.refusals import Refusing
from tests.support.world import HERE, REGION, World

INGRESS = "ec2.open-ingress"


class Frozen:
    """A guard that reverts, frozen through the signed API, and the queue of its own commands."""

    def __init__(self, world: World, group: str) -> None:
        self.world = world
        self.api = AtTheSignedApi(Asked(world, group))
        sqs = boto3.client("sqs")
        self.commands = sqs.create_queue(QueueName="commands")["QueueUrl"]
        self.dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        names = queues(self.dead)._replace(commands=self.commands)
        self.intake = Intake(world.guard, names, logging.getLogger("guard"))

    def act(self, kind: str, **said: Any) -> Decision:
        status, told = self.api.post(BOB, "/act", act=kind, reason="a migration", **said)
        assert status == 200, told
        found = self.world.audit.get(told["decision"])
        assert found is not None
        return found

    def opened(self, name: str) -> tuple[str, Decision]:
        made = boto3.client("ec2").create_security_group(GroupName=f"late-{name}", Description=name)
        open_up(made["GroupId"], 22)
        change = flat_ingress(made["GroupId"], 22, "0.0.0.0/0")
        return made["GroupId"], self.world.one(change)

    def take(self, command: Document) -> list[Decision]:
        return self.intake.take(self.intake.opened(command_message(dict(command))))

    def sent(self) -> list[Document]:
        sqs, found = boto3.client("sqs"), []
        while got := sqs.receive_message(QueueUrl=self.commands, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in got:
                sqs.delete_message(QueueUrl=self.commands, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    def all_obeyed(self, command: Document) -> list[Decision]:
        """What comes of a command and of all that it has the guard send itself."""
        made = self.take(command)
        for following in self.sent():
            made += self.all_obeyed(following)
        return made

    def dead_lettered(self) -> list[str]:
        got = boto3.client("sqs").receive_message(
            QueueUrl=self.dead, MessageAttributeNames=["All"], MaxNumberOfMessages=10
        )
        return [
            one["MessageAttributes"]["reason"]["StringValue"] for one in got.get("Messages", [])
        ]


@pytest.fixture
def frozen(world: World, group: str) -> Frozen:
    return Frozen(world, group)


@pytest.mark.parametrize("said", [{}, {"control": INGRESS}, {"account": "123456789012"}])
def test_what_was_opened_during_a_freeze_is_reverted_when_it_is_lifted(
    frozen: Frozen, world: World, said: dict[str, str]
) -> None:
    """12.13: a resource that was made risky during a freeze stayed so after the lift."""
    frozen.act("freeze", **said)
    group, stood = frozen.opened("web")
    assert (stood.status, is_open(group)) == (Status.OBSERVED, True)
    lifted = frozen.act("unfreeze", **said)

    made = frozen.all_obeyed(thaw_message(lifted.id))

    anew = next(decision for decision in made if decision.control == INGRESS)
    assert (anew.status, is_open(group)) == (Status.REVERTED, False)
    assert anew.id != stood.id
    assert (anew.actor, anew.change_time) == (stood.actor, stood.change_time)
    assert frozen.all_obeyed(thaw_message(lifted.id))[1:] == [world.audit.get(anew.id)]


def test_what_a_freeze_held_back_is_judged_anew_when_its_time_is_up(
    frozen: Frozen, world: World
) -> None:
    """12.13: nobody lifts a freeze that ends by itself."""
    frozen_for = frozen.act("freeze", for_seconds=3600)
    assert frozen_for.expires == stamp(world.clock.at + timedelta(hours=1))
    group, _ = frozen.opened("web")
    assert frozen.take(thaw_message(frozen_for.id)) == [frozen_for]
    assert frozen.sent() == []
    world.clock.pass_by(hours=1)

    frozen.all_obeyed(thaw_message(frozen_for.id))

    assert not is_open(group)


def test_another_freeze_is_waited_for(frozen: Frozen) -> None:
    frozen.act("freeze")
    frozen.act("freeze", control=INGRESS)
    group, _ = frozen.opened("web")
    lifted = frozen.act("unfreeze")
    frozen.all_obeyed(thaw_message(lifted.id))
    assert is_open(group)
    lifted = frozen.act("unfreeze", control=INGRESS)
    frozen.all_obeyed(thaw_message(lifted.id))
    assert not is_open(group)


def test_a_revert_of_what_was_judged_anew_goes_on_where_it_stopped(
    frozen: Frozen, refusing: Refusing
) -> None:
    """12.13: the second delivery found its own decision and left it reverting for ever."""
    frozen.act("freeze")
    group, _ = frozen.opened("web")
    frozen.take(thaw_message(frozen.act("unfreeze").id))
    (command,) = frozen.sent()
    refusing("RevokeSecurityGroupIngress", "RequestLimitExceeded", times=1)
    with pytest.raises(Retry):
        frozen.take(command)

    (reverted,) = frozen.take(command)

    assert (reverted.status, is_open(group)) == (Status.REVERTED, False)


@pytest.mark.parametrize("lifted_between", [False, True])
def test_a_freeze_that_goes_on_from_another_makes_up_for_it(
    frozen: Frozen, world: World, lifted_between: bool
) -> None:
    """12.13: another reason for the freeze was enough to have what it let stand forgotten."""
    frozen.act("freeze")
    group, _ = frozen.opened("web")
    world.clock.pass_by(minutes=5)
    if lifted_between:
        lifted = frozen.act("unfreeze")
        frozen.act("freeze")
        frozen.all_obeyed(thaw_message(lifted.id))
        assert is_open(group)
    else:
        frozen.act("freeze")
    world.clock.pass_by(minutes=5)
    frozen.all_obeyed(thaw_message(frozen.act("unfreeze").id))
    assert not is_open(group)


def test_a_freeze_that_began_later_holds_back_on_its_own_account(
    frozen: Frozen, world: World
) -> None:
    """12.13: what was opened before the second of two freezes stood once both had ended."""
    frozen.act("freeze")
    group, _ = frozen.opened("web")
    world.clock.pass_by(minutes=5)
    frozen.act("freeze", control=INGRESS)
    frozen.all_obeyed(thaw_message(frozen.act("unfreeze").id))
    assert is_open(group)
    world.clock.pass_by(minutes=5)
    frozen.all_obeyed(thaw_message(frozen.act("unfreeze", control=INGRESS).id))
    assert not is_open(group)


def test_what_is_judged_anew_goes_no_further_than_its_finding_did(
    frozen: Frozen, world: World
) -> None:
    """12.9, 12.13: a record that hides what was done asked people at most, until a freeze ended."""
    frozen.act("freeze")
    made = boto3.client("ec2").create_security_group(GroupName="hidden", Description="hidden")
    open_up(made["GroupId"], 22)
    change = flat_ingress(made["GroupId"], 22, "0.0.0.0/0")
    hidden = replace(change, request={"omitted": True, "reason": "too long"}, response={})
    # Another control cannot list what it may have touched.
    with pytest.raises(Hidden):
        world.handle(hidden)
    decided = world.audit.of_day(f"{world.clock.at:%Y-%m-%d}")
    stood = [one for one in decided if one.candidate.resource.id == made["GroupId"]]
    assert {one.status for one in stood} == {Status.OBSERVED}

    anew = frozen.all_obeyed(thaw_message(frozen.act("unfreeze").id))

    assert {one.status for one in anew if one.control == INGRESS} == {Status.ASKED}
    assert is_open(made["GroupId"])


def test_no_event_takes_the_place_of_what_is_judged_anew(frozen: Frozen, world: World) -> None:
    """12.1, 12.13: an event of somebody that policy spares, with the id that the guard would give.

    The guard found that decision at the end of the freeze, and left the change alone for good.
    """
    frozen.act("freeze")
    group, stood = frozen.opened("web")
    door = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIp": "0.0.0.0/0"}
    forged = record(
        "ec2.amazonaws.com",
        "AuthorizeSecurityGroupIngress",
        {"groupId": group, "ipPermissions": {}, **door},
    )
    for name in (f"{stood.change_id}-after-{stood.id}", "sweep-0a1b2c"):
        message = change_message(envelope({**forged, "eventID": name}))
        assert frozen.intake.take(frozen.intake.opened(message)) == []
    assert [why.partition(":")[0] for why in frozen.dead_lettered()] == ["Unparsable"] * 2
    frozen.all_obeyed(thaw_message(frozen.act("unfreeze").id))
    assert not is_open(group)


def test_what_is_over_or_decided_meanwhile_is_left_alone(frozen: Frozen, world: World) -> None:
    frozen.act("freeze")
    closed, _ = frozen.opened("closed")
    ec2 = boto3.client("ec2")
    ec2.revoke_security_group_ingress(
        GroupId=closed, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    group, stood = frozen.opened("web")
    lifted = frozen.act("unfreeze")
    policy = replace(world.guard.policy, autonomy={})
    asked = world.one(flat_ingress(group, 22, "0.0.0.0/0"), replace(world.guard, policy=policy))
    assert asked.status is Status.ASKED
    assert frozen.all_obeyed(thaw_message(lifted.id)) == [lifted]
    assert world.audit.get(stood.id) == stood


def test_more_than_one_message_has_time_for_are_gone_through_in_turn(
    frozen: Frozen, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.setattr(thaw, "MOST", 2)
    frozen.act("freeze")
    groups = []
    for number in range(5):
        groups.append(frozen.opened(f"web-{number}")[0])
        world.clock.pass_by(seconds=1)
    lifted = frozen.act("unfreeze")
    frozen.all_obeyed(thaw_message(lifted.id))
    assert not any(is_open(group) for group in groups)


def test_no_command_thaws_what_the_record_does_not(frozen: Frozen, world: World) -> None:
    """The guard obeys the record, not the message."""
    _, reverted = frozen.opened("web")
    given = frozen.act("exempt", control=INGRESS, resource="sg-0a1b2c3d", for_seconds=60)
    for command in (
        thaw_message(reverted.id),
        thaw_message(given.id),
        judge_message(reverted.id),
        judge_message(given.id),
    ):
        assert frozen.take(command) == []
    reasons = frozen.dead_lettered()
    assert [why.partition(":")[0] for why in reasons] == ["Unauthorized"] * 4


def test_the_sweep_makes_up_for_a_lost_command(frozen: Frozen, world: World) -> None:
    frozen.act("freeze")
    group, stood = frozen.opened("web")
    found = list(sweep(world.guard, REGION, only=[controls.control(INGRESS)]))
    assert group in {swept.resource.id for swept in found if swept.outcome == "standing"}
    frozen.act("unfreeze")
    found = list(sweep(world.guard, REGION, only=[controls.control(INGRESS)]))
    assert group in {swept.resource.id for swept in found if swept.outcome == "risky"}

    frozen.take(look_message(INGRESS, stood.candidate.resource))

    assert not is_open(group)


def test_a_reason_alone_never_makes_a_freeze_longer(frozen: Frozen, world: World) -> None:
    """12.13: `freeze --reason` on a timed freeze made it hold for ever."""
    first = frozen.act("freeze", for_seconds=3600)
    for said, why in (
        ({}, "`--longer`"),
        ({"for_seconds": 7200}, "`--longer`"),
        ({"for_seconds": 60}, "lift that freeze instead"),
        ({"for_seconds": 60, "longer": True}, "lift that freeze instead"),
    ):
        status, told = frozen.api.post(BOB, "/act", act="freeze", reason="another", **said)
        assert (status, why in told["text"]) == (409, True), told
    assert [act.id for act in acts(world)] == [first.id]
    longer = frozen.act("freeze", for_seconds=7200, longer=True)
    assert longer.expires > first.expires
    world.clock.pass_by(hours=3)
    assert frozen.act("freeze").expires == ""


def test_what_would_only_be_observed_without_the_freeze_is_not_judged_anew(
    frozen: Frozen, world: World
) -> None:
    """What has no remediation was told of in the freeze, and nothing more comes of it."""
    frozen.act("freeze")
    imported = record("ec2.amazonaws.com", "ImportKeyPair", {"keyName": "ops"})
    boto3.client("ec2").create_key_pair(KeyName="ops")
    decision = world.one(change_from_record(imported))
    assert [one.guardrail for one in decision.rulings] == ["freeze", "no-remediation"]
    assert not thaw.was_frozen(decision)
    held = replace(decision, rulings=decision.rulings[:1])
    assert thaw.was_frozen(held)


FUTURE = "2999-01-01T00:00:00.000Z"


@pytest.mark.parametrize("since", ["zzz", FUTURE, "0001-01-01T00:00:00+05:00"])
@pytest.mark.parametrize("how", ["found", "lifted", "over"])
def test_nobody_makes_a_thaw_forget_by_writing_since_when(
    frozen: Frozen, world: World, since: str, how: str
) -> None:
    """A time to come left nothing to judge anew; what is no time was refused by DynamoDB."""
    key = freeze_key(HERE, ALL)
    world.state.write(StateRecord(key, {"by": "ops", "since": since}))
    _, stood = frozen.opened("web")
    assert stood.status is Status.OBSERVED
    if how == "over":
        frozen.act("freeze")
    if how == "found":
        record = world.state.record(key)
        now = world.clock.at + timedelta(seconds=1)
        world.state.write(freezes.lifted(record, by="ops", reason="over", at=now))
        frozen.opened("db")
        lifted = next(one for one in acts(world) if one.title == "Freeze found lifted")
    else:
        lifted = frozen.act("unfreeze")
    assert stood.id in {one.id for one in thaw.held_back(world.guard, lifted)}


def test_a_beginning_that_is_later_than_it_was_shortens_nothing(
    frozen: Frozen, world: World
) -> None:
    """The item of a freeze that holds is written anew with a later beginning."""
    frozen.act("freeze")
    _, stood = frozen.opened("web")
    world.clock.pass_by(hours=1)
    record = world.state.record(freeze_key(HERE, ALL))
    world.state.write(record.saying({**record.document, "since": world.guard.stamp()}))
    world.clock.pass_by(hours=1)
    lifted = frozen.act("unfreeze")
    assert stood.id in {one.id for one in thaw.held_back(world.guard, lifted)}


def test_what_the_record_proves_is_not_looked_for_any_further_back(
    frozen: Frozen, world: World
) -> None:
    began = frozen.act("freeze").decided
    world.clock.pass_by(hours=1)
    frozen.act("freeze", for_seconds=None)
    world.clock.pass_by(hours=1)
    assert thaw._began(world.guard, frozen.act("unfreeze")) == began


@pytest.mark.parametrize(
    ("document", "latest", "began"),
    [
        ({}, FUTURE, ""),
        (
            {"since": "zzz", "held_since": "2026-01-01T00:00:00.000Z"},
            FUTURE,
            "2026-01-01T00:00:00.000Z",
        ),
        ({"since": "2026-01-01T02:00:00+02:00"}, FUTURE, "2026-01-01T00:00:00.000Z"),
        ({"since": "2026-01-01"}, FUTURE, ""),
        ({"since": "2026-01-02T00:00:00.000Z"}, "2026-01-01T00:00:00.000Z", ""),
        ({"since": "9999-12-31T23:59:59-05:00"}, FUTURE, ""),
    ],
)
def test_only_a_time_that_can_be_is_a_beginning(
    document: Document, latest: str, began: str
) -> None:
    assert freezes.beginning(document, latest) == began


# ------------------------------------------------------------------ what nobody said was lifted


def item_of(world: World) -> dict[str, Any]:
    pk, sk = freeze_key(HERE, ALL)
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    return dict(boto3.client("dynamodb").get_item(TableName="state", Key=key)["Item"])


def written_back(frozen: Frozen) -> None:
    """The state record of a freeze that was lifted in order, in the place of a later one."""
    frozen.act("unfreeze")
    lifted = item_of(frozen.world)
    frozen.world.clock.pass_by(seconds=60)
    frozen.act("freeze")
    boto3.client("dynamodb").put_item(TableName="state", Item=lifted)


def deleted(frozen: Frozen) -> None:
    item = item_of(frozen.world)
    key = {name: item[name] for name in ("pk", "sk")}
    boto3.client("dynamodb").delete_item(TableName="state", Key=key)


def ended(frozen: Frozen) -> None:
    item = item_of(frozen.world)
    said = {
        **json.loads(item["doc"]["S"]),
        "until": frozen.world.guard.stamp(-timedelta(seconds=1)),
    }
    item["doc"] = {"S": json.dumps(said)}
    boto3.client("dynamodb").put_item(TableName="state", Item=item)


def lifted_directly(frozen: Frozen) -> None:
    unfreeze(frozen.world.state, "ops")


@pytest.mark.parametrize("lift", [written_back, deleted, ended, lifted_directly])
def test_a_freeze_that_is_lifted_unseen_is_found_in_the_record(
    frozen: Frozen, world: World, lift: Callable[[Frozen], None]
) -> None:
    """An earlier freeze's state record, written back, lifted a later freeze and told nobody."""
    frozen.act("freeze")
    group, stood = frozen.opened("web")
    assert stood.status is Status.OBSERVED
    world.clock.pass_by(seconds=60)
    lift(frozen)
    world.clock.pass_by(seconds=60)
    (late,) = overdue.found(world.guard, lambda: 900.0)

    made = frozen.all_obeyed(late.command)

    people = acts(world)
    (found,) = [one for one in people if one.title.startswith("Freeze found")]
    assert (found.actor.kind, found.status) == ("Unproven", Status.NOTED)
    assert "not written through the signed API" in found.summary
    if lift in (written_back, deleted):
        assert found.reason in (
            "an earlier state record was written back",
            "its state record is gone",
        )
    # What the freeze held back is judged anew, as after any lift; and all of it is said once.
    assert Status.REVERTED in [one.status for one in made]
    assert not is_open(group)
    assert list(overdue.found(world.guard, lambda: 900.0)) == []
    frozen.all_obeyed(late.command)
    assert len(acts(world)) == len(people)


def test_a_freeze_that_holds_or_ended_in_order_is_not_found_lifted(
    frozen: Frozen, world: World
) -> None:
    def found_late() -> list[overdue.Overdue]:
        world.clock.pass_by(seconds=1)
        return list(overdue.found(world.guard, lambda: 900.0))

    frozen.act("freeze")
    assert found_late() == []
    frozen.act("unfreeze")
    assert found_late() == []
    frozen.act("freeze", for_seconds=600)
    frozen.act("freeze", control=INGRESS)
    assert found_late() == []
    world.clock.pass_by(seconds=601)
    assert found_late() == []
    frozen.act("unfreeze", control=INGRESS)
    assert found_late() == []
    # Two years later the state record of the lift has expired.
    deleted(frozen)
    assert found_late() == []
