"""Batches of management events become records of conduct, and looks of the guard."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from moto import mock_aws

from driftguard.aws.dynamodb import Moved
from driftguard.conduct.asking import MOST_A_DAY, Asking
from driftguard.conduct.memory import day_of, worth
from driftguard.conduct.record import memory_of
from driftguard.conduct.score import ASKED, HIGH
from driftguard.conduct.unusual import APART, lately, unusual_on
from driftguard.conduct.watcher import Watcher
from driftguard.documents import Document
from driftguard.events.cloudtrail import change_from_event
from driftguard.state.keys import StateRecord, conduct_key
from driftguard.state.table import StateTable
from tests.support.conduct import (
    NOW,
    OFFICE,
    ROLE,
    batch,
    by_role,
    looking_around,
    read,
    usual,
)
from tests.support.records import envelope, record
from tests.support.world import ACCOUNT, HERE, Clock, make_tables, warm_aws

DAY = day_of(NOW)
EVERYBODY = conduct_key(HERE, ACCOUNT)
KEY = conduct_key(HERE, ACCOUNT, ROLE)


@dataclass
class Watched:
    """A watcher of an account that is known for two months, and what it sent."""

    table: StateTable
    past: Any
    clock: Clock
    sent: list[Document] = field(default_factory=list)
    asking: Asking = field(default_factory=Asking)

    def watcher(self, send: Callable[[Document], None]) -> Watcher:
        return Watcher(self.table, self.past, send, self.clock.now, self.asking)

    def take(self, *events: dict[str, Any]) -> Any:
        taken = batch(events)
        self.watcher(self.sent.append).take(taken)
        return taken

    def document(self, who: str = ROLE) -> Document:
        return self.table.record(conduct_key(HERE, ACCOUNT, who)).document


class Clean:
    """Nothing speaks against anybody."""

    def __init__(self) -> None:
        self.clean = True

    def is_clean(self, principal: str, over: Any) -> bool:
        return self.clean


@pytest.fixture
def watched() -> Iterator[Watched]:
    with mock_aws():
        make_tables()
        table = StateTable(warm_aws(), "state", HERE)
        known = usual(DAY - 1, 60, service=["s3"], network=["203.0.113.0/24"], client=["aws-cli"])
        table.put(StateRecord(EVERYBODY, {"memory": known}))
        table.put(StateRecord(KEY, {"who": ROLE, "memory": known}))
        yield Watched(table, Clean(), Clock(NOW))


def test_ordinary_conduct_is_remembered_once_a_day_and_written_when_it_adds_something(
    watched: Watched,
) -> None:
    usual_call = read("s3", "ListBuckets", address=OFFICE)
    assert watched.take(usual_call).counts.written == 1
    assert watched.take(usual_call, usual_call).counts.written == 0
    assert watched.take(read("ec2", "DescribeInstances", address=OFFICE)).counts.written == 1
    assert watched.sent == []
    watched.clock.pass_by(days=1)
    # The day that is over: the principal's record, and the account's.
    assert watched.take(usual_call).counts.written == 2
    assert worth(memory_of(watched.document()), "service", "ec2", DAY) == 1
    shared = memory_of(watched.table.record(EVERYBODY).document)
    assert worth(shared, "service", "ec2", DAY) == 1


def test_a_burst_of_reads_from_elsewhere_has_the_guard_look_once(watched: Watched) -> None:
    taken = watched.take(*looking_around())
    assert (taken.counts.looks, taken.failed()) == (1, [])
    (sent,) = watched.sent
    change = change_from_event(sent)
    assert change.actor.principal == ROLE
    assert change.actor.session.endswith(":assumed-role/web/i-0abc")
    assert change.actor.source == "198.51.100.7"
    shown = unusual_on(watched.document(), DAY)
    assert shown is not None
    assert [one.done for one in shown.sent] == [True]
    assert "first use of iam" in shown.line
    assert lately(watched.document(), NOW) == shown
    assert lately(watched.document(), NOW + timedelta(days=2)) is None
    assert watched.take(*looking_around(60)).counts.looks == 0


def test_a_burst_over_several_batches_is_one_burst(watched: Watched) -> None:
    """By digests of what was read, so that what SQS delivers twice counts once."""
    events = looking_around(40)
    for start in range(0, 40, 10):
        watched.take(*events[start : start + 10], *events[start : start + 5])
    shown = unusual_on(watched.document(), DAY)
    assert shown is not None
    assert "32 or more different reads within ten minutes" in shown.reasons


def test_a_burst_that_comes_in_few_calls_a_batch_is_one_burst(watched: Watched) -> None:
    """Whoever calls slowly enough is in many batches, with few calls in each."""
    for start in range(0, 32, 3):
        others = [
            read("s3", "ListBuckets", who=by_role(session=f"i-{number}"), address=OFFICE)
            for number in range(20)
        ]
        watched.take(*looking_around(33)[start : start + 3], *others)
    for start in range(9):
        watched.take(trying(9)[start])
    shown = watched.document()["today"]
    assert (shown["reads"], shown["denied"]) == (32, 8)  # type: ignore[index,call-overload]


def test_harmless_services_hide_none_that_has_power(watched: Watched) -> None:
    """Whatever comes first in a day, what weighs most is kept: whoever knows that hides nothing."""
    harmless = [
        read(f"service-{number}", "List", address=f"203.0.{number}.7", agent=f"agent-{number}/1")
        for number in range(100)
    ]
    for start in range(0, 100, 10):
        watched.take(*harmless[start : start + 10])
    hidden = ("iam", "secretsmanager", "kms", "sts")
    watched.take(*(read(service, "List") for service in hidden))
    today: Any = watched.document()["today"]
    assert set(hidden) <= set(today["service"])
    assert {len(today[kind]) for kind in ("service", "network", "client")} == {40}
    shown = unusual_on(watched.document(), DAY)
    assert shown is not None
    assert {"first use of iam", "first use of kms"} <= set(shown.reasons)


def test_what_is_usual_makes_room_for_what_is_new(watched: Watched) -> None:
    services = [f"service-{number}" for number in range(40)]
    networks = [f"203.0.{number}.0/24" for number in range(40)]
    known = usual(DAY - 1, 60, service=services, network=networks, client=["aws-cli"])
    watched.table.overwrite(StateRecord(KEY, {"who": ROLE, "memory": known}))
    for number, service in enumerate(services):
        watched.take(read(service, "List", address=f"203.0.{number}.7"))
    watched.take(read("glue", "GetTables", address="198.51.100.7"))
    today: Any = watched.document()["today"]
    assert "glue" in today["service"]
    assert "198.51.100.0/24" in today["network"]


def test_what_is_dropped_of_many_sessions_is_the_smallest(watched: Watched) -> None:
    watched.take(*looking_around(10, who=by_role(session="burst")))
    for number in range(5):
        more = [
            read("s3", f"List{one % 3}", who=by_role(session=f"{number}-{one // 3}"))
            for one in range(90)
        ]
        watched.take(*more)
    watched.take(*looking_around(40, who=by_role(session="burst")))
    assert watched.document()["today"]["reads"] == 32  # type: ignore[index,call-overload]


def test_batches_come_to_the_same_in_any_order(watched: Watched) -> None:
    parts = [looking_around(40)[start : start + 10] for start in range(0, 40, 10)]
    for part in parts:
        watched.take(*part)
    first = watched.document()
    watched.table.overwrite(StateRecord(KEY, {"who": ROLE, "memory": memory_of(first)}))
    for part in reversed(parts):
        watched.take(*part)
    again = watched.document()
    assert (again["today"], again["windows"]) == (first["today"], first["windows"])


def test_what_is_slow_is_no_burst(watched: Watched) -> None:
    for number, event in enumerate(looking_around(40, address=OFFICE)):
        event["detail"]["eventTime"] = f"{NOW + timedelta(minutes=20 * number):%Y-%m-%dT%H:%M:%SZ}"
        watched.clock.at = NOW + timedelta(minutes=20 * number)
        watched.take(event)
    assert watched.document()["today"]["reads"] == 0  # type: ignore[index,call-overload]


def test_the_same_reasons_are_asked_about_once_a_week(watched: Watched) -> None:
    def days(count: int) -> int:
        looks = 0
        for _ in range(count):
            events = looking_around(at=watched.clock.at)
            looks += watched.take(*events).counts.looks
            watched.clock.pass_by(days=1)
        return looks

    watched.past.clean = False
    assert days(7) == 1
    assert days(7) == 1


def test_another_network_or_client_each_day_is_no_other_reason(watched: Watched) -> None:
    """A pipeline whose builds run anywhere, and nobody answers."""
    watched.past.clean = False
    looks = 0
    for day in range(3 * APART):
        strange = {"address": f"198.51.{day}.7", "agent": f"build-{day}/1"}
        events = looking_around(40 - day % 20, at=watched.clock.at, **strange)
        looks += watched.take(*events).counts.looks
        watched.clock.pass_by(days=1)
    # Once a week, and once more: what is known of the account fades meanwhile.
    assert looks <= 4
    # What is more than that is another reason.
    burst = [*looking_around(140, at=watched.clock.at), *trying(70, at=watched.clock.at)]
    assert watched.take(*burst).counts.looks == 1


def test_what_is_unusual_every_week_keeps_nothing_new_from_being_asked_about(
    watched: Watched,
) -> None:
    """Nor of those whom people were asked about before, for another reason."""
    watched.past.clean = False

    def looks(*events: dict[str, Any]) -> int:
        return int(watched.take(*events).counts.looks)

    def nightly(number: int) -> list[dict[str, Any]]:
        return looking_around(who=by_role(f"nightly{number}"), at=watched.clock.at)

    for number in range(4):
        assert looks(*nightly(number))
    watched.clock.pass_by(days=1)
    assert looks(*trying(70, at=watched.clock.at))
    watched.clock.pass_by(days=APART)
    assert [looks(*nightly(number)) for number in range(4)] == [1, 1, 1, 0]
    assert looks(*looking_around(70, at=watched.clock.at))


def test_a_day_that_was_not_clean_teaches_nothing(watched: Watched) -> None:
    watched.past.clean = False
    for _ in range(30):
        watched.take(*looking_around(at=watched.clock.at))
        watched.clock.pass_by(days=1)
    assert worth(memory_of(watched.document()), "service", "iam", DAY) == 0
    assert worth(memory_of(watched.table.record(EVERYBODY).document), "service", "iam", DAY) == 0


def test_people_are_asked_about_so_many_principals_a_day_and_the_rest_is_counted(
    watched: Watched,
) -> None:
    """A flood of forged events asks no more than that."""
    for number in range(2 * MOST_A_DAY):
        watched.take(*looking_around(who=by_role(f"role{number}")))
    taken = watched.take(*looking_around(who=by_role("another")))
    assert (len(watched.sent), taken.counts.over_budget) == (MOST_A_DAY, 1)
    watched.clock.pass_by(days=1)
    assert watched.take(*looking_around(who=by_role("other"), at=watched.clock.at)).counts.looks


def test_the_record_says_what_is_sent_before_it_is_sent(watched: Watched) -> None:
    """The guard believes no event of which the record does not say so."""
    taken, said = batch(looking_around()), []

    def send(event: Document) -> None:
        shown = unusual_on(watched.document(), DAY)
        said.append(shown.told(shown.band) if shown is not None else None)
        if len(said) == 1:
            raise TimeoutError("SQS does not answer")

    watcher = watched.watcher(send)
    with pytest.raises(TimeoutError):
        watcher.take(taken)
    assert taken.failed()
    watcher.take(batch(looking_around()))
    watcher.take(batch(looking_around()))
    assert [one and one.actor.session.rpartition("/")[2] for one in said] == ["i-0abc", "i-0abc"]
    # What is sent again is one question: there is room for the others still.
    for number in range(2 * MOST_A_DAY):
        watched.take(*looking_around(who=by_role(f"role{number}")))
    assert len(watched.sent) == MOST_A_DAY - 1


def test_of_whom_there_was_no_room_for_the_record_does_not_say_that_people_are_asked(
    watched: Watched,
) -> None:
    for number in range(MOST_A_DAY + 1):
        watched.take(*looking_around(who=by_role(f"role{number}")))
    left_out = unusual_on(watched.document(f"arn:aws:iam::{ACCOUNT}:role/role{MOST_A_DAY}"), DAY)
    assert left_out is not None
    assert left_out.score >= ASKED
    assert left_out.sent == ()


def trying(count: int, **more: Any) -> list[dict[str, Any]]:
    """So many different calls of one service that were denied."""
    return [
        read("s3", f"Get{number}", {"n": number}, error="AccessDenied", **more)
        for number in range(count)
    ]


def test_a_day_that_gets_far_more_unusual_is_asked_about_once_more(watched: Watched) -> None:
    watched.take(*looking_around(8))
    first = unusual_on(watched.document(), DAY)
    assert first is not None
    assert ASKED <= first.score < HIGH
    assert watched.take(*looking_around(9)).counts.looks == 0
    assert watched.take(*looking_around(70), *trying(70)).counts.looks == 1
    assert watched.take(*looking_around(150)).counts.looks == 0
    assert len({one["id"] for one in watched.sent}) == 2
    # It is the same principal: there is room for four others.
    for number in range(MOST_A_DAY):
        watched.take(*looking_around(150, who=by_role(f"role{number}")))
    assert len(watched.sent) == 2 + MOST_A_DAY - 1


def test_what_the_policy_does_not_ask_about_takes_no_place_of_what_it_asks_about(
    watched: Watched,
) -> None:
    watched.asking = Asking(ask_from=HIGH)
    for number in range(2 * MOST_A_DAY):
        watched.take(*looking_around(2, who=by_role(f"role{number}")))
    assert watched.sent == []
    watched.take(*looking_around(8))
    assert watched.take(*looking_around(70), *trying(70)).counts.looks == 1


def test_a_record_stays_small_whatever_is_made_up(watched: Watched) -> None:
    for part in range(10):
        watched.take(
            *(
                read(
                    f"service-{part}-{number}",
                    f"List{number}",
                    agent=f"agent-{part}-{number}/1",
                    address=f"198.{part}.{number}.7",
                    who=by_role(session=f"session-{number % 30}-{'x' * 60}"),
                )
                for number in range(200)
            )
        )
    assert len(json.dumps(watched.document())) < 60_000


def test_what_cannot_be_read_and_other_accounts_are_counted_and_do_not_come_again(
    watched: Watched,
) -> None:
    other = {**by_role(), "accountId": "999999999999"}
    abroad = envelope(
        record("s3.amazonaws.com", "ListBuckets", None, recipientAccountId="999999999999")
    )
    taken = watched.take({}, {**abroad, "account": "999999999999"}, read("s3", "X", who=other))
    assert (taken.counts.unread, taken.counts.principals, taken.failed()) == (1, 0, [])


def test_somebody_elses_write_meanwhile_is_not_lost(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, moved = StateTable.put, []

    def put(table: StateTable, record: StateRecord) -> StateRecord:
        if record.key == KEY and not moved:
            moved.append(1)
            other = batch([read("glue", "GetTables", address=OFFICE)])
            watched.watcher(watched.sent.append).take(other)
        return original(table, record)

    monkeypatch.setattr(StateTable, "put", put)
    assert watched.take(read("ec2", "DescribeInstances", address=OFFICE)).failed() == []
    today = watched.document()["today"]
    assert {"ec2", "glue"} <= set(today["service"])  # type: ignore[index,arg-type,call-overload]


def test_what_others_write_again_and_again_comes_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(*_: Any) -> StateRecord:
        raise Moved("somebody else wrote it")

    monkeypatch.setattr(StateTable, "put", moved)
    assert watched.take(read("ec2", "DescribeInstances")).failed() == ["m0"]
