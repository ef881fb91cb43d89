"""Decisions are joined by what nobody can choose, and two unrelated actors never are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as some

from driftguard.aws.dynamodb import Key
from driftguard.documents import Document, stamp
from driftguard.model import Actor, Decision, Status
from driftguard.state import incidents
from driftguard.state.keys import StateRecord, StateRecords, incident_key, incident_members_key
from tests.support.each import each
from tests.support.observed import observed
from tests.support.records import ACCOUNT
from tests.support.world import HERE

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OTHER = "999999999999"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deployer"
SSO = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_ab12"
ADDRESS, SHARED = "8.8.4.4", "8.8.8.8"


def user(name: str, account: str = ACCOUNT, **more: str) -> Actor:
    arn = f"arn:aws:iam::{account}:user/ops/{name}"
    return Actor(arn, arn, "IAMUser", account, **more)


def session(role: str, name: str, key: str, account: str = ACCOUNT, **more: str) -> Actor:
    arn = f"arn:aws:sts::{account}:assumed-role/{role.rpartition('/')[2]}/{name}"
    return Actor(role, arn, "AssumedRole", account, access_key=key, **more)


class Memory:
    """The state table, as far as incidents are kept in it."""

    def __init__(self) -> None:
        self.records: dict[Key, StateRecord] = {}
        self.at = NOW
        self.count = 0
        self.written = 0

    def decided(
        self, actor: Actor, who: Sequence[str] = (), status: Status = Status.ASKED, seen: str = ""
    ) -> Decision:
        """A decision about what an actor did, or about a finding of them, and its incident."""
        self.count += 1
        state: Document = {"finding": {"who": list(who), "seen": seen}} if who else {}
        decision = replace(
            observed(self.count), actor=actor, status=status, state=state, decided=stamp(self.at)
        )
        found = incidents.joining(HERE, decision, self.at, self.read)
        for record in found.records:
            self.written += 1
            self.records[record.key] = replace(record, version=record.version + 1)
        return replace(decision, incident=found.incident)

    def read(self, key: Key) -> StateRecord:
        return self.records.get(key) or StateRecord(key)

    def members_by_id(self, incident: str) -> list[str]:
        """The members of an incident, by the id of its first decision."""
        (record,) = [one for key, one in self.records.items() if key[1].endswith(f"#{incident}")]
        return [one.decision for one in incidents.members_of(record.document)]

    def members(self, first: Decision) -> list[str]:
        account = first.candidate.resource.account
        record = self.read(incident_members_key(HERE, account, first.decided, first.id))
        return [one.decision for one in incidents.members_of(record.document)]


# ------------------------------------------------------------------------ what an actor is known by


@each(
    "actor, known_by",
    [
        (Actor(), ()),
        (Actor.unattributed(), ()),
        (Actor("guardduty.amazonaws.com", "guardduty.amazonaws.com", "AWSService"), ()),
        (user("alice", access_key="AKIA1"), (f"user {ACCOUNT} alice",)),
        # Credentials that a user got for a session are the user's own.
        (user("alice", access_key="ASIA1"), (f"user {ACCOUNT} alice",)),
        (session(ROLE, "GitHubActions", "ASIA1"), ("access-key ASIA1",)),
        # Calls that a service makes for somebody may come without a key.
        (session(ROLE, "alice", ""), ()),
        (session(ROLE, "i-0abcdef1234567890", "ASIA1"), ("access-key ASIA1",)),
        (
            session(ROLE, "i-0abcdef1234567890", "ASIA1", instance="i-0abcdef1234567890"),
            ("access-key ASIA1", "instance i-0abcdef1234567890"),
        ),
        (
            session(ROLE, "x", "ASIA1", source_identity="alice"),
            ("access-key ASIA1", f"source-identity {ACCOUNT} alice"),
        ),
        (
            session(SSO, "alice", "ASIA1"),
            ("access-key ASIA1", "sso AWSReservedSSO_Admin_ab12 alice"),
        ),
        # A broker's user gives out tokens that it names itself.
        (
            Actor(
                f"arn:aws:iam::{ACCOUNT}:user/broker",
                f"arn:aws:sts::{ACCOUNT}:federated-user/alice",
                "FederatedUser",
                ACCOUNT,
                access_key="ASIA1",
            ),
            ("access-key ASIA1",),
        ),
        (
            session(ROLE, "x", "ASIA1", source=ADDRESS),
            ("access-key ASIA1", f"address {ADDRESS}"),
        ),
        (session(ROLE, "x", "ASIA1", source="cloudformation.amazonaws.com"), ("access-key ASIA1",)),
    ],
)
def test_what_nobody_can_choose_is_what_an_actor_is_joined_by(
    actor: Actor, known_by: tuple[str, ...]
) -> None:
    assert incidents.identities(actor) == known_by
    strong = [one for one in known_by if not incidents.is_weak(one)]
    assert incidents.who(actor) == (strong[0] if strong else "")


@each(
    "address, is_public",
    [(ADDRESS, True), ("10.0.0.1", False), ("100.64.0.9", False), ("nat.example.com", False)],
)
def test_only_a_public_address_is_evidence(address: str, is_public: bool) -> None:
    assert bool(incidents.of_address(address)) is is_public


# --------------------------------------------------------------------------------- what is joined


def test_a_session_and_what_guardduty_says_of_it_are_one_incident() -> None:
    memory = Memory()
    first = memory.decided(session(ROLE, "x", "ASIA1", source_identity="alice"))
    finding = memory.decided(Actor(), ["access-key ASIA1"])
    elsewhere = memory.decided(session(ROLE, "y", "ASIA2", source_identity="alice"))
    assert {first.incident, finding.incident, elsewhere.incident} == {first.id}
    assert memory.members(first) == [first.id, finding.id, elsewhere.id]


def test_a_question_about_conduct_joins_what_was_done_with_the_same_key() -> None:
    """Whether it is told by its actor or, like a finding, by what the guard read of it."""
    memory = Memory()
    alike = session(ROLE, "x", "ASIA1")
    first = memory.decided(alike)
    by_actor = memory.decided(alike)
    by_record = memory.decided(Actor(), ["access-key ASIA1"], seen=stamp(NOW))
    same_role = memory.decided(session(ROLE, "x", "ASIA2"))
    assert {by_actor.incident, by_record.incident} == {first.id}
    assert same_role.incident == same_role.id


def test_a_finding_comes_late_and_still_joins_what_was_done_when_its_deed_was_seen() -> None:
    memory = Memory()
    first = memory.decided(session(ROLE, "x", "ASIA1"))
    memory.at += timedelta(hours=3)
    about_then = memory.decided(Actor(), ["access-key ASIA1"], seen=stamp(NOW))
    about_now = memory.decided(Actor(), ["access-key ASIA1"])
    assert about_then.incident == first.id
    assert about_now.incident == about_now.id


def test_a_finding_of_earlier_splits_no_incident_that_is_underway() -> None:
    memory, session_ = Memory(), session(ROLE, "x", "ASIA1", source_identity="alice")
    earlier = stamp(NOW - timedelta(hours=2))
    made: list[str] = []
    late: list[str] = []
    for _ in range(3):
        made += [memory.decided(session_).incident, memory.decided(session_).incident]
        memory.at += timedelta(minutes=2)
        late.append(memory.decided(Actor(), ["access-key ASIA1"], seen=earlier).incident)
    assert set(made) == {made[0]}
    # What GuardDuty tells of the same minutes belongs together as well.
    assert set(late) == {late[0]}
    assert late[0] != made[0]
    assert len(memory.members_by_id(made[0])) == 6
    # And what they do next, after a while, is another incident, whatever is told then.
    memory.at += timedelta(minutes=40)
    after = memory.decided(session_)
    told = memory.decided(Actor(), ["access-key ASIA1"], seen=stamp(NOW))
    assert after.incident == after.id
    assert told.incident == made[0]
    assert memory.decided(session_).incident == after.id


def test_what_was_remembered_before_the_update_is_read_on() -> None:
    memory = Memory()
    first = memory.decided(user("alice"))
    key = incident_key(HERE, ACCOUNT, f"user {ACCOUNT} alice")
    assert set(memory.read(key).document) == {"incident", "since", "first", "asked"}
    memory.at += timedelta(minutes=40)
    second = memory.decided(user("alice"))
    earlier = memory.read(key).document["earlier"]
    assert isinstance(earlier, dict)
    assert (earlier["incident"], second.incident) == (first.id, second.id)
    # Two are remembered, and no more.
    assert set(earlier) == {"incident", "since", "first"}


def test_the_instance_of_a_finding_and_its_credentials_are_one_incident() -> None:
    memory, id_ = Memory(), "i-0abcdef1234567890"
    finding = memory.decided(Actor(), [f"instance {id_}"])
    own = memory.decided(session(ROLE, id_, "ASIA1", instance=id_))
    named_so = memory.decided(session(ROLE, id_, "ASIA2"))
    assert own.incident == finding.id
    assert named_so.incident == named_so.id


def test_an_address_joins_only_to_the_finding_that_says_it_is_an_attackers() -> None:
    memory = Memory()
    finding = memory.decided(Actor(), [f"address {ADDRESS}", "access-key ASIA1"])
    by_address = memory.decided(session(ROLE, "x", "ASIA2", source=ADDRESS))
    # From elsewhere, the same session is joined to nothing by that.
    elsewhere = memory.decided(session(ROLE, "x", "ASIA2", source=SHARED))
    neighbour = memory.decided(user("bob", source=SHARED))
    assert by_address.incident == finding.id
    assert elsewhere.incident == elsewhere.id
    assert neighbour.incident == neighbour.id


def test_an_incident_is_full_at_some_time_and_what_comes_then_writes_nothing() -> None:
    memory, alice = Memory(), user("alice")
    made = [memory.decided(alice) for _ in range(incidents.MOST + 3)]
    assert memory.members(made[0]) == [one.id for one in made[: incidents.MOST]]
    written = memory.written
    told = memory.decided(alice, status=Status.OBSERVED)
    assert told.incident == made[0].id
    assert memory.written == written + 1
    flood = [memory.decided(alice) for _ in range(50)]
    assert [one.incident for one in flood] == [one.id for one in flood]
    assert memory.written == written + 1


def test_what_is_only_told_takes_no_place_from_what_can_be_answered() -> None:
    memory, alice = Memory(), user("alice")
    told = [memory.decided(alice, status=Status.OBSERVED) for _ in range(incidents.MOST_TOLD + 5)]
    assert memory.decided(alice).incident == told[0].id


def test_a_delivery_that_comes_again_joins_once() -> None:
    memory, alice = Memory(), user("alice")
    first, second = memory.decided(alice), memory.decided(alice)
    memory.count -= 1
    assert memory.decided(alice) == second
    assert memory.members(first) == [first.id, second.id]


def test_people_are_asked_about_an_actor_only_where_they_were_within_minutes() -> None:
    memory, alice = Memory(), user("alice")
    memory.decided(alice, status=Status.OBSERVED)

    def asked(of: Actor = alice) -> bool:
        known = StateRecords(HERE, memory.records)
        return incidents.is_asked_about(known, ACCOUNT, of, memory.at)

    assert not asked()
    memory.decided(alice)
    assert asked()
    assert not asked(user("bob"))
    memory.at += incidents.WINDOW
    assert not asked()


@each("junk", [{}, {"members": 3}, {"members": [1, {}, {"decision": "dg-1", "at": "soon"}]}])
def test_what_is_no_list_of_members_is_none(junk: Document) -> None:
    assert incidents.members_of(junk) == ()


# ------------------------------------------------------------------------------------- properties


class Who(NamedTuple):
    """Somebody who acts, and all that they share with others or choose to look like others."""

    person: str
    actor: Actor


def everybody() -> list[Who]:
    """People, pipelines and attackers who share roles, sessions' names, clients and networks."""
    found = []
    for account in (ACCOUNT, OTHER):
        role = f"arn:aws:iam::{account}:role/deployer"
        for number in range(4):
            name = f"pipeline {account} {number}"
            key = f"ASIA{account}{number}"
            found.append(Who(name, session(role, "GitHubActions", key, account, source=SHARED)))
        found.append(Who(f"alice {account}", user("alice", account, source=SHARED)))
        found.append(Who(f"bob {account}", user("bob", account, source=SHARED)))
        # One whose session is called like an instance, and the instance itself.
        id_ = "i-0abcdef1234567890"
        found.append(Who(f"mallory {account}", session(role, id_, f"ASIAM{account}", account)))
    own = session(ROLE, id_, "ASIAI1", instance=id_, source=SHARED)
    found.append(Who("instance", own))
    found.append(Who("instance", replace(own, access_key="ASIAI2")))
    # One person through two roles, by their source identity, and by IAM Identity Center.
    for number in (1, 2):
        role = f"arn:aws:iam::{ACCOUNT}:role/role{number}"
        key = f"ASIAC{number}"
        found.append(Who("carol", session(role, "x", key, source_identity="carol", source=SHARED)))
        found.append(Who("dan", session(SSO, "dan", f"ASIAD{number}", source=SHARED)))
    found.append(Who("erin", session(SSO, "erin", "ASIAE1", source=SHARED)))
    fake = f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Admin_ab12"
    found.append(Who("a role called so", session(fake, "erin", "ASIAF1", source=SHARED)))
    return found


EVERYBODY = everybody()
# What GuardDuty says of some of them: it names one, and the address that they came from.
FINDINGS = {
    "access-key ASIAC1": "carol",
    "instance i-0abcdef1234567890": "instance",
    f"user {ACCOUNT} alice": f"alice {ACCOUNT}",
}
DEEDS = some.lists(
    some.tuples(
        some.one_of(some.sampled_from(EVERYBODY), some.sampled_from(sorted(FINDINGS))),
        some.integers(0, 20),
        some.sampled_from([Status.ASKED, Status.REVERTING, Status.OBSERVED]),
    ),
    max_size=60,
)


@given(DEEDS)
@example([(one, 1, Status.ASKED) for one in EVERYBODY])
@example([(one, 0, Status.ASKED) for one in reversed([*EVERYBODY, *sorted(FINDINGS)])])
def test_two_unrelated_actors_are_never_joined_whatever_they_share(
    deeds: list[tuple[Who | str, int, Status]],
) -> None:
    memory = Memory()
    people: dict[str, set[str]] = {}
    times: dict[str, list[datetime]] = {}
    for somebody, minutes, status in deeds:
        memory.at += timedelta(minutes=minutes)
        if isinstance(somebody, str):
            person = FINDINGS[somebody]
            decision = memory.decided(Actor(), [somebody], status)
        else:
            person = somebody.person
            decision = memory.decided(somebody.actor, (), status)
        people.setdefault(decision.incident, set()).add(person)
        known = times.setdefault(decision.incident, [])
        assert not known or memory.at - known[-1] < incidents.WINDOW
        known.append(memory.at)
    assert all(len(together) == 1 for together in people.values()), people
    assert all(len(known) <= incidents.MOST + incidents.MOST_TOLD for known in times.values())


@given(DEEDS, some.sampled_from(EVERYBODY))
def test_an_attacker_changes_nothing_about_who_else_is_joined(
    deeds: list[tuple[Who | str, int, Status]], attacker: Who
) -> None:
    """Whatever one does between others' deeds, the others' incidents are as without them."""

    def others(*, with_attacker: bool) -> list[list[int]]:
        memory, together = Memory(), dict[str, list[int]]()
        for number, (somebody, minutes, status) in enumerate(deeds):
            memory.at += timedelta(minutes=minutes)
            if with_attacker:
                memory.decided(attacker.actor)
            if isinstance(somebody, str):
                if FINDINGS[somebody] == attacker.person:
                    continue
                decision = memory.decided(Actor(), [somebody], status)
            elif somebody.person == attacker.person:
                continue
            else:
                decision = memory.decided(somebody.actor, (), status)
            together.setdefault(decision.incident, []).append(number)
        return sorted(together.values())

    assert others(with_attacker=True) == others(with_attacker=False)


LATE = some.lists(
    some.tuples(some.integers(0, 60), some.sampled_from(sorted(FINDINGS)), some.integers(120, 200)),
    max_size=20,
)


@given(DEEDS, LATE)
@example(
    [(one, 1, Status.ASKED) for one in EVERYBODY for _ in range(2)],
    [(number, one, 120) for one in sorted(FINDINGS) for number in range(60)],
)
def test_what_is_told_late_of_earlier_changes_nothing_about_what_is_joined_now(
    deeds: list[tuple[Who | str, int, Status]], late: list[tuple[int, str, int]]
) -> None:
    def together(*, with_late: bool) -> list[list[int]]:
        memory, found = Memory(), dict[str, list[int]]()
        for number, (somebody, minutes, status) in enumerate(deeds):
            memory.at += timedelta(minutes=minutes)
            for before, named, ago in late if with_late else ():
                if before == number:
                    seen = stamp(NOW - timedelta(minutes=ago))
                    memory.decided(Actor(), [named], seen=seen)
            if isinstance(somebody, str):
                decision = memory.decided(Actor(), [somebody], status)
            else:
                decision = memory.decided(somebody.actor, (), status)
            found.setdefault(decision.incident, []).append(number)
        return sorted(found.values())

    assert together(with_late=True) == together(with_late=False)
