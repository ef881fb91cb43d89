"""Whatever is done to the record, `verify` names where: each kind of tampering, by its own test."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from driftguard.audit import AuditTable, Entry
from driftguard.audit.chain import Fault, Tampering, entry_hash, entry_item, projection_digest
from driftguard.audit.items import DECISION
from driftguard.audit.seals import Leaf, Seal, Sealer, make_seal, publish
from driftguard.audit.verify import Proof, Unknown, Verifier
from driftguard.aws.client import Aws
from driftguard.model import Decision, Status
from driftguard.state.item_format import UnknownFormat
from tests.support.audit import a_decision, decided, moved
from tests.support.world import HERE

FRIDAY, SATURDAY, SUNDAY = "2026-11-20", "2026-11-21", "2026-11-22"
NOON = "T12:00:00.000Z"


@pytest.fixture
def record(table: AuditTable) -> tuple[AuditTable, list[Decision]]:
    """Two decisions of Friday, one of them undone on Saturday; both days sealed, it is Sunday."""
    first = decided(table, a_decision(1))
    first = moved(table, first, Status.REVERTED, FRIDAY + "T10:00:01.000Z")
    second = decided(table, a_decision(2, FRIDAY + NOON))
    second = moved(table, second, Status.REVERTED, FRIDAY + "T12:00:01.000Z")
    sealer = Sealer(table)
    assert [one.day for one in sealer.seal_until(SATURDAY, SATURDAY + "T00:20:00.000Z", HERE)] == [
        FRIDAY
    ]
    first = moved(table, first, Status.UNDOING, SATURDAY + NOON, event="undo-asked", by="bob")
    first = moved(table, first, Status.UNDONE, SATURDAY + "T12:00:02.000Z")
    assert [one.day for one in sealer.seal_until(SUNDAY, SUNDAY + "T00:20:00.000Z", HERE)] == [
        SATURDAY
    ]
    return table, [first, second]


Record = tuple[AuditTable, list[Decision]]


def proof(record: Record) -> Proof:
    return Verifier(record[0]).everything(SUNDAY)


def fault(record: Record) -> Fault:
    """The one thing wrong."""
    (found,) = proof(record).faults
    return found


def stored(pk: str, sk: str) -> dict[str, Any]:
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    return boto3.client("dynamodb").get_item(TableName="audit", Key=key)["Item"]


def put(item: dict[str, Any]) -> None:
    boto3.client("dynamodb").put_item(TableName="audit", Item=item)


def edit(pk: str, sk: str, **texts: str) -> None:
    put(stored(pk, sk) | {name: {"S": value} for name, value in texts.items()})


def delete(pk: str, sk: str) -> None:
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    boto3.client("dynamodb").delete_item(TableName="audit", Key=key)


def rewritten(table: AuditTable, decision: str, number: int, **changes: str) -> None:
    """What somebody who knows how all of this works would do: edit an entry, mend the chain."""
    log = list(table.log(decision))
    previous = log[number - 1].previous
    log[number - 1] = replace(log[number - 1], **changes)
    for at in range(number - 1, len(log)):
        log[at] = replace(log[at], previous=previous, hash="")
        log[at] = replace(log[at], hash=entry_hash(decision, log[at]))
        previous = log[at].hash
        put(entry_item(decision, log[at]))
    edit(decision, DECISION, head=previous)


# ---------------------------------------------------------------------------- all is well


def test_a_record_that_nobody_touched_is_whole(record: Record) -> None:
    found = proof(record)
    assert found.whole
    assert (found.days, found.decisions, found.entries) == ((FRIDAY, SATURDAY), 2, 6)


def test_a_log_of_ten_thousand_lines_is_read_in_their_order(record: Record) -> None:
    """Whoever makes the same change again and again must not make the record look broken."""
    table, (first, _) = record
    last = list(table.log(first.id))[-1]
    for number in (10_000, 9_999, 10_001):
        item = entry_item(first.id, replace(last, number=number))
        boto3.client("dynamodb").put_item(TableName="audit", Item=item)
    assert [one.number for one in table.log(first.id)] == [1, 2, 3, 4, 9_999, 10_000, 10_001]


def test_a_sealed_day_stays_verifiable_after_its_decisions_moved_on(record: Record) -> None:
    table, (first, _) = record
    assert Verifier(table).day(FRIDAY).whole
    moved(table, first, Status.UNDONE, SUNDAY + NOON, event="noted")
    assert Verifier(table).day(FRIDAY).whole
    assert Verifier(table).decision(first.id).whole
    assert proof(record).entries == 7


def test_sealing_again_changes_nothing(record: Record) -> None:
    table, _ = record
    before = Sealer(table).every()
    assert Sealer(table).seal_until(SUNDAY, SUNDAY + NOON, HERE) == []
    assert Sealer(table).every() == before


def test_two_sealers_at_once_agree(table: AuditTable, monkeypatch: pytest.MonkeyPatch) -> None:
    decided(table, a_decision(1))
    slow, fast = Sealer(table), Sealer(table)
    original = Sealer.heads

    def meanwhile(self: Sealer, day: str) -> list[Leaf]:
        monkeypatch.setattr(Sealer, "heads", original)
        assert len(fast.seal_until(SATURDAY, SATURDAY + "T00:20:00.000Z", HERE)) == 1
        return original(self, day)

    monkeypatch.setattr(Sealer, "heads", meanwhile)
    assert slow.seal_until(SATURDAY, SATURDAY + "T00:20:01.000Z", HERE) == []
    assert Verifier(table).everything(SATURDAY).whole


def test_days_that_were_missed_are_sealed_later_empty_ones_too(record: Record) -> None:
    table, _ = record
    made = Sealer(table).seal_until("2026-11-26", "2026-11-26T00:20:00.000Z", HERE)
    assert [one.day for one in made] == [SUNDAY, "2026-11-23", "2026-11-24", "2026-11-25"]
    assert {one.leaves for one in made} == {0}
    assert Verifier(table).everything("2026-11-26").whole


def test_many_leaves_are_kept_in_several_items(
    table: AuditTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driftguard.audit.seals._LEAVES_AN_ITEM", 2)
    for number in range(5):
        decided(table, a_decision(number))
    (seal,) = Sealer(table).seal_until(SATURDAY, SATURDAY + "T00:20:00.000Z", HERE)
    assert Sealer(table).leaves(seal) == Sealer(table).heads(FRIDAY)
    assert len(Sealer(table).leaves(seal)) == 5


def test_a_record_written_by_an_earlier_version_still_holds(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    from driftguard.audit import items

    original = items.item_of
    later = {"new_field": {"S": "this version stores more"}}
    monkeypatch.setattr("driftguard.audit.chain.item_of", lambda one: original(one) | later)
    assert proof(record).whole


# ----------------------------------------------------------------------- one log, tampered with


def test_an_edited_entry_is_named(record: Record) -> None:
    edit(record[1][0].id, "log#0002", note="nothing happened")
    assert fault(record).kind is Tampering.EDITED
    assert (fault(record).decision, fault(record).entry) == (record[1][0].id, 2)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_deleted_entry_is_named(record: Record, number: int) -> None:
    delete(record[1][0].id, f"log#{number:04d}")
    assert fault(record).kind is Tampering.MISSING
    assert (fault(record).decision, fault(record).entry) == (record[1][0].id, number)


def test_entries_that_changed_places_are_named(record: Record) -> None:
    id_ = record[1][0].id
    second, third = stored(id_, "log#0002"), stored(id_, "log#0003")
    put(third | {"sk": second["sk"]})
    put(second | {"sk": third["sk"]})
    assert fault(record).kind is Tampering.REORDERED
    assert (fault(record).decision, fault(record).entry) == (id_, 2)


def test_entries_renumbered_after_changing_places_are_named(record: Record) -> None:
    id_ = record[1][0].id
    second, third = stored(id_, "log#0002"), stored(id_, "log#0003")
    put(third | {"sk": second["sk"], "number": second["number"]})
    put(second | {"sk": third["sk"], "number": third["number"]})
    assert (fault(record).kind, fault(record).entry) == (Tampering.EDITED, 2)


def test_an_entry_that_was_added_is_named(record: Record) -> None:
    _, second = record[1]
    extra = Entry(
        1, 3, HERE.account, HERE.region, SUNDAY + NOON, "eve", "approved", "", "", second.head, ""
    )
    put(entry_item(second.id, replace(extra, hash=entry_hash(second.id, extra))))
    assert fault(record).kind is Tampering.EXTRA
    assert (fault(record).decision, fault(record).entry) == (second.id, 3)


def test_an_item_that_is_no_entry_is_named(record: Record) -> None:
    put({"pk": {"S": record[1][0].id}, "sk": {"S": "note"}, "text": {"S": "approved by the CEO"}})
    assert fault(record).kind is Tampering.EXTRA


def test_an_attribute_that_no_hash_covers_is_named(record: Record) -> None:
    edit(record[1][0].id, "log#0001", approved_by="the CEO")
    assert (fault(record).kind, fault(record).entry) == (Tampering.EDITED, 1)


def test_an_entry_hidden_from_its_days_index_is_named(record: Record) -> None:
    edit(record[1][0].id, "log#0001", logged="2020-01-01")
    assert (fault(record).kind, fault(record).entry) == (Tampering.EDITED, 1)


@pytest.mark.parametrize("name", ["summary", "status", "actor", "plan", "tampered_with"])
def test_an_edited_decision_is_named(record: Record, name: str) -> None:
    edit(record[1][1].id, DECISION, **{name: "denied"})
    assert (fault(record).kind, fault(record).decision) == (Tampering.EDITED, record[1][1].id)
    assert "beside its log" in fault(record).text


def test_a_decision_without_its_projection_is_named(record: Record) -> None:
    delete(record[1][1].id, DECISION)
    assert fault(record).kind is Tampering.MISSING


def test_a_decision_set_back_to_an_earlier_state_is_named(record: Record) -> None:
    table, (first, _) = record
    before = stored(first.id, DECISION)
    moved(table, first, Status.UNDONE, SUNDAY + NOON, event="noted")
    put(before)
    assert "set back" in fault(record).text


# -------------------------------------------------------------- by somebody who mends the chain


def test_an_entry_hashed_anew_breaks_the_link_to_the_next(record: Record) -> None:
    id_ = record[1][0].id
    entry = replace(next(iter(record[0].log(id_))), note="all was well")
    put(entry_item(id_, replace(entry, hash=entry_hash(id_, entry))))
    assert (fault(record).kind, fault(record).entry) == (Tampering.EDITED, 1)
    assert "hashed anew" in fault(record).text


@pytest.mark.parametrize(("number", "named"), [(1, 2), (2, 2), (3, 4), (4, 4)])
def test_a_whole_log_hashed_anew_is_not_the_one_that_was_sealed(
    record: Record, number: int, named: int
) -> None:
    table, (first, _) = record
    rewritten(table, first.id, number, by="unattributed")
    assert (fault(record).kind, fault(record).entry) == (Tampering.EDITED, named)
    assert "sealed on" in fault(record).text
    assert not Verifier(table).decision(first.id).whole


def test_a_log_cut_short_and_mended_is_not_the_one_that_was_sealed(record: Record) -> None:
    table, (first, _) = record
    log = list(table.log(first.id))
    for number in (3, 4):
        delete(first.id, f"log#{number:04d}")
    item = stored(first.id, DECISION) | {"version": {"N": "2"}, "status": {"S": "reverted"}}
    last = replace(log[1], projection=projection_digest(item))
    last = replace(last, hash=entry_hash(first.id, last))
    put(entry_item(first.id, last))
    put(item | {"head": {"S": last.hash}})
    assert fault(record).decision == first.id
    assert fault(record).day == FRIDAY


def test_a_whole_decision_that_was_removed_is_named(record: Record) -> None:
    table, (_, second) = record
    for sk in (DECISION, "log#0001", "log#0002"):
        delete(second.id, sk)
    assert fault(record).kind is Tampering.MISSING
    assert fault(record).decision == second.id
    assert not Verifier(table).decision(second.id).whole
    assert not Verifier(table).day(FRIDAY).whole


def test_a_decision_invented_for_a_sealed_day_is_named(record: Record) -> None:
    invented = decided(record[0], a_decision(99, FRIDAY + NOON))
    assert (fault(record).kind, fault(record).decision) == (Tampering.EXTRA, invented.id)


# ---------------------------------------------------------------------------------- the seals


def test_an_edited_root_is_named(record: Record) -> None:
    edit("seal", FRIDAY, root="0" * 64)
    assert {one.day for one in proof(record).faults if not one.decision} == {FRIDAY}


def test_a_removed_seal_is_named(record: Record) -> None:
    delete("seal", FRIDAY)
    (found,) = [one for one in proof(record).faults if not one.decision]
    assert (found.kind, found.day) == (Tampering.MISSING, SATURDAY)


def test_seals_that_stopped_are_named(record: Record) -> None:
    late = Verifier(record[0]).everything("2026-11-25").faults
    assert [(one.kind, one.day) for one in late] == [(Tampering.MISSING, SUNDAY)]


def test_removing_every_seal_is_named(record: Record) -> None:
    delete("seal", FRIDAY)
    delete("seal", SATURDAY)
    assert [one.day for one in proof(record).faults] == [FRIDAY]


def test_a_seal_removed_from_between_others_is_named(record: Record) -> None:
    Sealer(record[0]).seal_until("2026-11-23", "2026-11-23T00:20:00.000Z", HERE)
    delete("seal", SATURDAY)
    assert SATURDAY in {one.day for one in proof(record).faults if not one.decision}


def test_edited_leaves_do_not_lead_to_the_root(record: Record) -> None:
    seal = Sealer(record[0]).every()[0]
    edit("seal#" + FRIDAY, seal.root[:16] + "#0001", leaves=f"{record[1][0].id} 1 {'0' * 64}")
    assert "do not lead to its root" in proof(record).faults[0].text


def reseal(table: AuditTable, day: str, leaves: list[Leaf]) -> Seal:
    """The last thing left to forge: the seal itself, over what the record now says."""
    old = next(one for one in Sealer(table).every() if one.day == day)
    seal = make_seal(HERE, day, leaves, old.previous, old.sealed)
    put(stored("seal", day) | {"root": {"S": seal.root}, "hash": {"S": seal.hash}})
    item = {"pk": "seal#" + day, "sk": seal.root[:16] + "#0001"}
    item["leaves"] = "\n".join(map(str, leaves))
    put({name: {"S": value} for name, value in item.items()})
    return seal


def test_a_day_sealed_anew_is_not_the_one_that_the_next_seal_follows(record: Record) -> None:
    table, (_, second) = record
    rewritten(table, second.id, 2, by="unattributed")
    reseal(table, FRIDAY, Sealer(table).heads(FRIDAY))
    assert (fault(record).kind, fault(record).day) == (Tampering.EDITED, SATURDAY)
    assert not Verifier(table).day(FRIDAY).whole


def test_everything_forged_to_this_day_is_caught_by_the_published_copy_alone(
    record: Record,
) -> None:
    table, (first, _) = record
    published = Sealer(table).every()[-1].hash
    rewritten(table, first.id, 4, by="unattributed")
    reseal(table, SATURDAY, Sealer(table).heads(SATURDAY))
    assert proof(record).whole
    assert Verifier(table).day(SATURDAY).whole
    (found,) = Verifier(table).day(SATURDAY, published).faults
    assert "was published" in found.text


# ---------------------------------------------------------------------------------- the rest


def test_a_day_that_was_never_sealed_proves_nothing(record: Record) -> None:
    (found,) = Verifier(record[0]).day("2025-01-01").faults
    assert found.kind is Tampering.MISSING


def test_a_decision_that_nobody_ever_recorded_is_unknown(record: Record) -> None:
    with pytest.raises(Unknown):
        Verifier(record[0]).decision("dg-none")


@pytest.fixture
def topic(account: None) -> str:
    """A topic, and the queue `copy` that takes the seals from it."""
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic: str = sns.create_topic(Name="decisions")["TopicArn"]
    queue = sqs.create_queue(QueueName="copy")["QueueUrl"]
    named = ["QueueArn"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=named)["Attributes"]["QueueArn"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"FilterPolicy": json.dumps({"kind": ["seal"]})},
    )
    return topic


def copied() -> list[dict[str, Any]]:
    """The seals that arrived in the queue since it was last looked at."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="copy")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(json.loads(message["Body"])["Message"]) for message in messages]


def test_a_seal_is_published_for_people_and_programs(record: Record, topic: str) -> None:
    seal = Sealer(record[0]).every()[0]
    publish(seal, Aws().client("sns"), topic)
    (told,) = copied()
    assert (told["kind"], told["day"], told["hash"]) == ("seal", FRIDAY, seal.hash)


def test_what_a_run_seals_it_publishes(record: Record, topic: str) -> None:
    now = datetime(2026, 11, 24, 0, 20, tzinfo=UTC)
    sealed = Sealer(record[0]).seal_and_publish(now, HERE, Aws().client("sns"), topic)
    made = [seal for seal in Sealer(record[0]).every() if seal.sealed == "2026-11-24T00:20:00.000Z"]
    assert sealed.made == len(made) > 1
    assert sealed.published == made
    assert sorted(told["day"] for told in copied()) == [seal.day for seal in made]


def test_a_run_that_finds_all_sealed_publishes_the_last_seal_again(
    record: Record, topic: str
) -> None:
    """The run that made it may have died before it could publish it."""
    last = Sealer(record[0]).every()[-1]
    now = datetime.fromisoformat(f"{last.day}T12:00:00Z") + timedelta(days=1)
    sealed = Sealer(record[0]).seal_and_publish(now, HERE, Aws().client("sns"), topic)
    assert (sealed.made, sealed.published) == (0, [last])
    assert [told["hash"] for told in copied()] == [last.hash]


# ------------------------------------------------------------------------------- the format


def test_every_item_of_the_record_names_its_format_and_place(record: Record) -> None:
    items = boto3.client("dynamodb").scan(TableName="audit")["Items"]
    kinds = {item["sk"]["S"].partition("#")[0] for item in items}
    assert {"decision", "log"} < kinds
    for item in items:
        named = [item[name] for name in ("format", "account", "region")]
        assert named == [{"N": "1"}, {"S": HERE.account}, {"S": HERE.region}], item["sk"]


@pytest.mark.parametrize("changed", [{"account": "999999999999"}, {"region": "eu-west-1"}])
def test_an_entry_moved_to_another_place_is_named(record: Record, changed: dict[str, str]) -> None:
    edit(record[1][0].id, "log#0002", **changed)
    assert (fault(record).kind, fault(record).entry) == (Tampering.EDITED, 2)


@pytest.mark.parametrize("changed", [{"account": "999999999999"}, {"region": "eu-west-1"}])
def test_a_seal_moved_to_another_place_is_named(record: Record, changed: dict[str, str]) -> None:
    edit("seal", FRIDAY, **changed)
    assert "the seal was edited" in proof(record).faults[0].text


def test_an_entry_in_a_later_format_cannot_be_proven_and_says_so(record: Record) -> None:
    id_ = record[1][0].id
    put(stored(id_, "log#0002") | {"format": {"N": "2"}})
    assert (fault(record).kind, fault(record).entry) == (Tampering.UNREADABLE, 2)
    assert "entry 2 is stored in format 2" in fault(record).text
    assert "upgrade Driftguard" in fault(record).text
    with pytest.raises(UnknownFormat, match=f"the entry log#0002 of {id_} is stored in format 2"):
        record[0].log(id_)


def test_an_entry_without_its_format_is_named_as_edited(record: Record) -> None:
    id_ = record[1][0].id
    put({name: one for name, one in stored(id_, "log#0002").items() if name != "format"})
    assert (fault(record).kind, fault(record).entry) == (Tampering.EDITED, 2)
    with pytest.raises(UnknownFormat, match="does not name its format"):
        record[0].log(id_)


def test_a_decision_in_a_later_format_is_refused_by_name(record: Record) -> None:
    id_ = record[1][0].id
    put(stored(id_, "decision") | {"format": {"N": "2"}})
    with pytest.raises(UnknownFormat, match=f"the decision {id_} is stored in format 2"):
        record[0].get(id_)


def test_nothing_is_sealed_on_top_of_a_seal_in_a_later_format(record: Record) -> None:
    put(stored("seal", SATURDAY) | {"format": {"N": "2"}})
    assert Tampering.UNREADABLE in {one.kind for one in proof(record).faults}
    with pytest.raises(UnknownFormat, match=f"the seal of {SATURDAY} is stored in format 2"):
        Sealer(record[0]).seal_until("2026-11-25", "2026-11-25T00:20:00.000Z", HERE)
