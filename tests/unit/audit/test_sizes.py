"""12.8: a record is small by construction, whatever sizes others choose; nothing is cut untold."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import Any

import boto3
import pytest

from driftguard.audit import AuditTable, broken_link
from driftguard.audit.bounds import bounded
from driftguard.audit.chain import fault_in
from driftguard.audit.items import decision_of, item_of
from driftguard.audit.parts import PART
from driftguard.audit.plan_items import fitting, outline
from driftguard.audit.sizes import INLINE, clipped
from driftguard.documents import why_unkept
from driftguard.model import (
    Actor,
    Call,
    Candidate,
    Certainty,
    Choice,
    Decision,
    Plan,
    Resource,
    Ruling,
    Status,
    Step,
    Vote,
)
from tests.support.audit import ALICE, a_decision, decided, moved
from tests.support.strict_aws.sizes import ITEM, size_of
from tests.support.world import World

LATER = "2026-11-20T10:01:00.000Z"


def noise(size: int) -> str:
    """Text that hardly compresses."""
    return random.Random(size).randbytes(size).hex()[:size]


def large(size: int, **fields: Any) -> Decision:
    return replace(a_decision(), state={"tags": noise(size)}, **fields)


def parts(decision: Decision) -> list[Any]:
    client = boto3.client("dynamodb")
    items = client.query(
        TableName="audit",
        KeyConditionExpression="pk = :pk AND begins_with(sk, :part)",
        ExpressionAttributeValues={":pk": {"S": decision.id}, ":part": {"S": PART}},
    )["Items"]
    return list(items)


@pytest.fixture
def table(world: World) -> AuditTable:
    return world.audit


def test_a_bound_forgets_no_field_of_a_small_decision() -> None:
    """The source identity was lost so, and with it who had made the change."""
    everything = {one.name: f"of {one.name}" for one in fields(Actor)}
    assert bounded(a_decision(actor=Actor(**everything))).actor == Actor(**everything)
    whole = a_decision(
        remade_by=("arn:aws:iam::1:user/x",),
        beside=("dg-2: another request",),
        incident="in-1",
        quorum=2,
        next_try=LATER,
        retries=3,
        settles_by=LATER,
        votes=(Vote("bob", Choice.ACCEPT, "api", LATER, "print", "t", LATER, "arn:x", "why"),),
    )
    assert bounded(whole) == whole


def test_a_small_decision_is_one_item(table: AuditTable) -> None:
    written = decided(table, a_decision())
    assert written.apart is None
    assert parts(written) == []


@pytest.mark.parametrize("size", [INLINE, 500_000, 1_200_000])
def test_a_large_state_is_held_apart_and_read_back_exactly(table: AuditTable, size: int) -> None:
    decision = large(size, left={"tags": noise(size - 7)})
    written = decided(table, decision)
    read = table.get(decision.id)
    assert read == written
    assert read is not None
    assert (read.state, read.left, read.plan) == (decision.state, decision.left, decision.plan)
    assert size_of(item_of(written)) < ITEM
    assert all(size_of(part) < ITEM for part in parts(written))
    assert broken_link(written, table.log(written.id)) == ""
    assert fault_in(written.id, table.partition(written.id))[0] is None
    assert table.many([written.id]) == [written]


def test_what_has_not_changed_is_not_written_again(
    table: AuditTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = decided(table, large(500_000))
    monkeypatch.setattr(table.client, "put_item", lambda **_: pytest.fail("written again"))
    again = moved(table, written, Status.REVERTED, LATER)
    assert table.get(written.id) == again


def test_a_state_beyond_the_bound_is_named_by_its_size_and_fingerprint(table: AuditTable) -> None:
    written = decided(table, large(4_000_000))
    assert "4,000," in why_unkept(written.state)
    assert table.get(written.id) == written
    # To be read and cut again changes nothing.
    assert moved(table, written, Status.REVERTED, LATER).state == written.state


def test_an_undo_beyond_the_bound_is_left_out_so_that_people_are_asked() -> None:
    call = Call("ec2", "RevokeSecurityGroupIngress", {"GroupId": "sg-1"}, on=("arn",))
    undo = Call("ec2", "AuthorizeSecurityGroupIngress", {"Tags": noise(4_000_000)}, on=("arn",))
    plan = fitting(Plan((Step(call, (undo,)),)))
    assert [(step.call, step.undo) for step in plan.steps] == [(call, ())]
    assert "too large to be kept" in plan.advice
    assert fitting(plan) == plan


def test_calls_beyond_the_bound_are_no_plan() -> None:
    call = Call("s3", "PutBucketTagging", {"Tagging": noise(4_000_000)}, on=("arn",))
    plan = fitting(Plan((Step(call, ()),), advice="Look at it."))
    assert plan.steps == ()
    assert plan.advice.endswith("too large to be recorded. Look at it.")


def test_whatever_others_choose_is_cut_with_its_size_told(table: AuditTable) -> None:
    text = "ü" * 400_000
    actor = replace(ALICE, agent=text, session=text, principal=text, source=text)
    decision = a_decision(
        actor=actor,
        summary=text,
        reason=text,
        title=text,
        change_name=text,
        remade_by=(text,) * 90,
        rulings=(Ruling("freeze", a_decision().granted, text),) * 30,
        plan=Plan((), untouched=(text,) * 200, advice=text),
    )
    written = table.append(decision, event="decided", note=text, by=text)
    assert size_of(item_of(written)) < ITEM
    assert all(size_of(item) < ITEM for item in table.partition(written.id))
    assert written.summary.endswith("… (800,000 bytes)")
    assert written.plan.untouched[-1] == "and 101 more"
    assert table.get(written.id) == written


@pytest.mark.parametrize("text", ["short", "ü" * 5_000, "\ud800lone", "x" * 4_001])
def test_a_cut_text_is_not_cut_again(text: str) -> None:
    once = clipped(text, 4_000)
    assert clipped(once, 4_000) == once
    assert len(once.encode()) <= 4_000


def test_the_stream_tells_of_a_large_plan_in_outline(table: AuditTable) -> None:
    call = Call("ec2", "Revoke", {"GroupId": "sg-1", "Tags": noise(5_000)}, on=("arn",))
    undo = Call("ec2", "Authorize", {"GroupId": "sg-1"}, on=("arn",))
    written = decided(table, a_decision(plan=Plan((Step(call, (undo,)),) * 40, advice="So be it.")))
    told = decision_of(item_of(written))
    assert told.plan == outline(written.plan)
    assert len(told.plan.steps) == 30
    assert told.plan.advice == "10 more calls are in the record. So be it."
    assert told.lost
    assert (told.summary, told.status) == (written.summary, written.status)


# ------------------------------------------------------------------- missing and altered parts


def removed(item: dict[str, Any]) -> None:
    key = {"pk": item["pk"], "sk": item["sk"]}
    boto3.client("dynamodb").delete_item(TableName="audit", Key=key)


def altered(item: dict[str, Any]) -> None:
    boto3.client("dynamodb").put_item(TableName="audit", Item=item | {"z": {"B": b"junk"}})


def retyped(item: dict[str, Any]) -> None:
    boto3.client("dynamodb").put_item(TableName="audit", Item=item | {"z": {"S": "junk"}})


@pytest.mark.parametrize(
    ("harm", "why"), [(removed, "missing"), (altered, "altered"), (retyped, "altered")]
)
def test_a_part_that_is_lost_is_told(table: AuditTable, harm: Any, why: str) -> None:
    written = decided(table, large(700_000))
    harm(parts(written)[1])
    read = table.get(written.id)
    assert read is not None
    assert why in read.lost
    fault, _ = fault_in(written.id, table.partition(written.id))
    assert fault is not None
    assert why in fault.text


def test_what_is_lost_stays_lost_when_the_decision_moves_on(table: AuditTable) -> None:
    written = decided(table, large(700_000))
    removed(parts(written)[0])
    read = table.get(written.id)
    assert read is not None
    moved(table, read, Status.FAILED, LATER)
    fault, _ = fault_in(written.id, table.partition(written.id))
    assert fault is not None
    assert "missing" in fault.text


@pytest.mark.parametrize(
    "apart",
    [
        {"S": "junk"},
        {"M": {}},
        {"M": {"digest": {"S": "x"}, "bytes": {"N": "9"}, "items": {"N": "999999"}}},
        {"M": {"digest": {"S": "x"}, "bytes": {"N": "-1"}, "items": {"N": "0"}}},
    ],
)
def test_junk_that_names_parts_is_told(table: AuditTable, apart: Any) -> None:
    written = decided(table, a_decision())
    boto3.client("dynamodb").put_item(TableName="audit", Item=item_of(written) | {"apart": apart})
    read = table.get(written.id)
    assert read is not None
    assert read.lost


def test_12_8_a_name_that_is_longer_than_a_key_is_recorded(table: AuditTable) -> None:
    """Whoever chooses a name chooses its length: an index refuses what is longer than its keys."""
    arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/" + "a/é" * 1_000
    known = replace(
        a_decision(actor=Actor(principal=arn, session=arn)),
        control=arn,
        candidate=Candidate(Resource(arn, arn, arn, arn, arn), Certainty.EVIDENT),
    )
    table.append(known, event="observed", note="")
    read = table.get(known.id)
    assert read is not None
    assert read.candidate.resource.arn == clipped(arn, 2_048)


@pytest.mark.parametrize("id_", ["", "x" * 3_000])
def test_there_is_no_decision_of_an_id_that_can_be_no_key(table: AuditTable, id_: str) -> None:
    assert table.get(id_) is None
    assert table.log(id_) == []
