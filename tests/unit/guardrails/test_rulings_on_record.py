"""What each guardrail rules by what went before.

Each test names the complaint of another tool's users that the ruling answers.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from driftguard.documents import Document, mapping
from driftguard.guardrails import track_record
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.judgment import judge
from driftguard.model import Actor, Autonomy, Plan, Ruling, Step, Use
from driftguard.policy.bounds import CircuitBreaker, Earning, Flapping, Rollout
from driftguard.state import circuit_breaker, history, threshold, trust
from driftguard.state.keys import (
    StateRecord,
    StateRecords,
    circuit_breaker_key,
    history_key,
    rollout_key,
    trust_key,
)
from driftguard.state.trust import Outcome
from driftguard_cli.policy_file import loader
from tests.support.guardrails.circumstances import (
    ACCOUNT,
    ADVICE,
    ALICE,
    CONTROL,
    GRANTED,
    HERE,
    NOW,
    REVOKE,
    WEB,
    ago,
    ahead,
    allowing,
    circumstances,
    earning,
    group,
    of,
    remembered,
    session,
    trusting,
)

# ---------------------------------------------------------------------------- the blast radius

OTHER_CONTROL, OTHER_ACCOUNT = "s3.public-acl", "999999999999"


def reverts(*made: tuple[str, str, float], actor: str = "") -> Document:
    """The circuit breaker's record after reverts: of which control, how long ago (s)."""
    stored: Document = {}
    for control, account, seconds in made:
        now = NOW - timedelta(seconds=seconds)
        stored = circuit_breaker.counted(stored, CircuitBreaker(), control, account, now, actor)
    return stored


def blast(stored: Document, **limits: int) -> Ruling | None:
    """What the circuit breaker rules after these reverts; the limits not given are high."""
    usual = {"control": 99, "account": 99, "whole": 99, "actor": 99}
    policy = allowing(circuit_breaker=CircuitBreaker(**(usual | limits)))
    return track_record.circuit_breaker(
        circumstances(policy=policy, remembered=remembered({circuit_breaker_key(HERE): stored}))
    )


@of(track_record.circuit_breaker)
@pytest.mark.parametrize(
    ("limits", "last", "scope"),
    [
        ({"control": 3}, (CONTROL, OTHER_ACCOUNT), f"control {CONTROL}"),
        ({"account": 3}, (OTHER_CONTROL, ACCOUNT), f"account {ACCOUNT}"),
        ({"whole": 3}, (OTHER_CONTROL, OTHER_ACCOUNT), "the whole guard"),
    ],
)
def test_one_revert_more_than_the_limit_is_asked_about(
    limits: dict[str, int], last: tuple[str, str], scope: str
) -> None:
    """Cloud Custodian #3238, #7641: 4,000 invocations from one bucket, and a limit that its event
    mode passes by. Here the count holds whatever wakes the guard."""
    two = [(CONTROL, ACCOUNT, 60.0)] * 2
    assert blast(reverts(*two), **limits) is None
    ruling = blast(reverts(*two, (*last, 1.0)), **limits)
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason.startswith(
        f"the circuit breaker of {scope} trips: 3 reverts within 3600 s"
    )


@of(track_record.circuit_breaker)
def test_other_controls_and_accounts_do_not_fill_a_narrower_circuit_breaker() -> None:
    others = [(OTHER_CONTROL, OTHER_ACCOUNT, 60.0)] * 5
    assert blast(reverts(*others), control=3, account=3) is None


@of(track_record.circuit_breaker)
def test_a_revert_leaves_the_window_at_its_end() -> None:
    inside, outside = reverts((CONTROL, ACCOUNT, 3599.999)), reverts((CONTROL, ACCOUNT, 3600))
    assert blast(inside, control=1) is not None
    assert blast(outside, control=1) is None


SCOPES = [
    f"actor {ALICE.principal}",
    f"control {CONTROL}",
    f"account {ACCOUNT}",
    circuit_breaker.WHOLE,
]


@of(track_record.circuit_breaker)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_tripped_circuit_breaker_holds_for_a_window_or_until_a_person_re_arms_it(
    scope: str,
) -> None:
    tripped = circuit_breaker.trip({}, scope, "dg-1", NOW - timedelta(seconds=3599))
    ruling = blast(tripped)
    assert ruling is not None
    assert f"tripped at {ago(seconds=3599)}" in ruling.reason
    assert f"driftguard circuit-breaker rearm '{scope}'" in ruling.reason
    assert blast(circuit_breaker.rearmed(tripped, scope)) is None


@pytest.mark.parametrize("scope", SCOPES)
def test_a_circuit_breaker_comes_back_step_by_step_when_the_storm_is_over(scope: str) -> None:
    """12.12: else twenty decoys disarm a control for days, until somebody is back at work."""
    limits = CircuitBreaker(control=20, account=20, whole=20, actor=20)
    tripped = circuit_breaker.trip({}, scope, "dg-1", NOW)
    by_now = [
        circuit_breaker.room(tripped, limits, scope, NOW + timedelta(hours=hours))
        for hours in range(6)
    ]
    assert by_now == [0, 5, 10, 15, 20, 20]


def test_a_storm_that_goes_on_trips_it_again_and_gets_one_step_a_window() -> None:
    limits = CircuitBreaker(control=8)
    stored: Document = {}
    reverted = [0] * 6
    for minute in range(6 * 60):
        now = NOW + timedelta(minutes=minute)
        full = circuit_breaker.full(stored, limits, CONTROL, ACCOUNT, now)
        if full is None:
            stored = circuit_breaker.counted(stored, limits, CONTROL, ACCOUNT, now)
            reverted[minute // 60] += 1
        elif full.trips:
            stored = circuit_breaker.trip(stored, full.scope, f"dg-{minute}", now)
    assert reverted[0] == limits.control
    assert all(reverts <= limits.control // 4 for reverts in reverted[1:])
    assert sum(reverted[1:]) > 0


@of(track_record.circuit_breaker)
def test_twenty_decoys_of_one_actor_do_not_disarm_a_control_for_others() -> None:
    """12.12: the cap is by actor before it is by control."""
    stored = {}
    for _ in range(20):
        full = circuit_breaker.full(stored, CircuitBreaker(), CONTROL, ACCOUNT, NOW, "mallory")
        if full is None:
            stored = circuit_breaker.counted(
                stored, CircuitBreaker(), CONTROL, ACCOUNT, NOW, "mallory"
            )
        else:
            assert full.scope == "actor mallory"
            stored = circuit_breaker.trip(stored, full.scope, "dg-1", NOW)
    assert circuit_breaker.full(stored, CircuitBreaker(), CONTROL, ACCOUNT, NOW, "bob") is None
    assert circuit_breaker.full(stored, CircuitBreaker(), CONTROL, ACCOUNT, NOW) is None


@pytest.mark.parametrize("actor", [Actor.unattributed(), Actor("aws.health", kind="AWSService")])
def test_who_only_reports_has_no_circuit_breaker_of_their_own(actor: Actor) -> None:
    assert circuit_breaker.actor_in(actor) == ""


def test_many_principals_do_not_fill_the_record_of_what_tripped() -> None:
    stored: Document = {}
    for number in range(1_000):
        now = NOW + timedelta(seconds=number)
        stored = circuit_breaker.trip(stored, f"actor {number}", "dg-1", now)
    assert len(mapping(stored, "tripped")) == 100
    assert circuit_breaker.tripped(stored, "actor 999")


@of(track_record.circuit_breaker)
def test_re_arming_gives_the_room_back() -> None:
    full = reverts(*[(CONTROL, ACCOUNT, 60.0)] * 3)
    tripped = circuit_breaker.trip(full, f"control {CONTROL}", "dg-1", NOW)
    assert blast(circuit_breaker.rearmed(tripped, f"control {CONTROL}"), control=3) is None


@pytest.mark.parametrize(
    ("changes", "trips"),
    [
        ({}, f"control {CONTROL}"),
        ({"ceiling": Autonomy.ASK}, ""),
        ({"plan": ADVICE}, ""),
        ({"policy": allowing(Autonomy.ASK, circuit_breaker=CircuitBreaker(control=1))}, ""),
    ],
    ids=["a revert", "held by another guardrail", "nothing to revert", "not granted"],
)
def test_only_what_would_have_been_reverted_trips_a_circuit_breaker(
    changes: Any, trips: str
) -> None:
    full = remembered({circuit_breaker_key(HERE): reverts((CONTROL, ACCOUNT, 60))})
    usual: dict[str, Any] = {
        "policy": allowing(circuit_breaker=CircuitBreaker(control=1)),
        "remembered": full,
    }
    assert judge(circumstances(**(usual | changes))).trips == trips


# -------------------------------------------------------------------------------- the fight


def fought(*seconds_ago: float, actor: str = "mallory") -> StateRecords:
    made = [
        {"at": ago(seconds=one), "decision": f"dg-{one}", "actor": actor} for one in seconds_ago
    ]
    return remembered({history_key(CONTROL, WEB): {"reverts": made}})


@of(track_record.flapping)
def test_what_comes_back_again_and_again_is_handed_to_people() -> None:
    """Cloud Custodian #10467, #7179; AWS ASR #243: it reverts, is answered, and reverts again."""
    terms = allowing(flapping=Flapping(reverts=3, window=3600, keep_safe=False))
    ruling = track_record.flapping(circumstances(policy=terms, remembered=fought(3599, 60, 1)))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    expected = (
        f"flapping: mallory made it and Driftguard took it back 3 times since {ago(seconds=3599)}"
    )
    assert ruling.reason.startswith(expected)


@of(track_record.flapping)
def test_patience_does_not_make_a_change_stand() -> None:
    """12.12: four openings within an hour, and the fourth stood while people were asked."""
    case = circumstances(
        policy=allowing(flapping=Flapping(reverts=3)), remembered=fought(3599, 60, 1)
    )
    judged = judge(case)
    assert judged.autonomy is Autonomy.REVERT
    assert "flapping: mallory made it" in judged.reason
    assert f"driftguard undo {case.decision}" in judged.reason


@of(track_record.flapping)
@pytest.mark.parametrize(
    "changes",
    [
        {"cuts": "connections", "use": Use(by="web")},
        {"cuts": "connections", "use": Use(unknown="does anybody connect?")},
        {
            "cuts": "connections",
            "policy": replace(allowing(flapping=Flapping(reverts=3)), may_cut=frozenset({CONTROL})),
        },
        {"plan": Plan((Step(REVOKE.steps[0].call, ()),))},
        {"policy": allowing(flapping=Flapping(reverts=3, keep_safe=False))},
    ],
    ids=["in use", "use unknown", "nobody has looked", "it cannot be undone", "policy"],
)
def test_what_may_harm_somebody_is_asked_about_instead(changes: Any) -> None:
    usual = {"policy": allowing(flapping=Flapping(reverts=3)), "remembered": fought(3599, 60, 1)}
    ruling = track_record.flapping(circumstances(**(usual | changes)))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK


@of(track_record.flapping)
def test_only_reverts_that_changed_something_are_flapping() -> None:
    """12.12: duplicates and resources that were safe already are no fight."""
    stored = fought(3599, 60, 1)[history_key(CONTROL, WEB)].document
    for revert in history.reverts(stored, NOW, 3600):
        idle = history.with_outcome(stored, revert.decision, idle=True)
        assert idle is not None
        assert history.fought(idle, Flapping(reverts=3), NOW) == []
        assert history.with_outcome(idle, revert.decision, idle=True) is None
        assert history.with_outcome(idle, revert.decision, idle=False) is not None
    assert history.with_outcome(stored, "dg-other", idle=True) is None


@of(track_record.flapping)
@pytest.mark.parametrize(
    "changes",
    [
        {"remembered": fought(60, 1)},
        {"remembered": fought(3600, 60, 1)},
        {"remembered": fought(60, 2, 1), "resource": group("sg-other")},
        {"remembered": fought(60, 2, 1), "control": OTHER_CONTROL},
    ],
    ids=["too few", "one too old", "another's", "another control's"],
)
def test_less_than_that_is_no_flapping(changes: Any) -> None:
    terms = allowing(flapping=Flapping(reverts=3, window=3600))
    assert track_record.flapping(circumstances(policy=terms, **changes)) is None


# -------------------------------------------------------------------------------- the rollout


def since(written: str) -> StateRecords:
    entry = allowing(rollout=Rollout(3600, 7200)).entry(CONTROL)
    return remembered({rollout_key(HERE, CONTROL, entry): {"since": written}})


@of(track_record.rollout)
@pytest.mark.parametrize(
    ("remembered", "limit"),
    [
        (StateRecords(HERE), Autonomy.OBSERVE),
        (since(ago(seconds=3599)), Autonomy.OBSERVE),
        (since(ago(seconds=3600)), Autonomy.ASK),
        (since(ago(seconds=10_799)), Autonomy.ASK),
        (since(ago(seconds=10_800)), None),
        (since(ahead(days=9)), Autonomy.OBSERVE),
        (since("2026-01-01T00:00:00"), Autonomy.OBSERVE),
        (since("soon"), Autonomy.OBSERVE),
    ],
    ids=["first", "watched", "asked", "still", "at last", "ahead", "no zone", "unreadable"],
)
def test_a_new_entry_is_watched_then_asked_about_then_does_what_it_says(
    remembered: StateRecords, limit: Autonomy | None
) -> None:
    """Cloud Custodian #6138: there is no way to see what a policy would do before it does it."""
    policy = allowing(rollout=Rollout(observe=3600, ask=7200))
    ruling = track_record.rollout(circumstances(policy=policy, remembered=remembered))
    assert (ruling and ruling.limit) == limit


@of(track_record.rollout)
def test_a_changed_entry_is_rolled_out_anew() -> None:
    old = since(ago(days=30))
    policy = allowing(rollout=Rollout(observe=3600, ask=7200))
    changed = replace(policy, settings={CONTROL: {"allowed_public_ports": [22]}})
    assert track_record.rollout(circumstances(policy=policy, remembered=old)) is None
    assert track_record.rollout(circumstances(policy=changed, remembered=old)) is not None
    without = replace(changed, bounds=changed.bounds._replace(rollout=Rollout()))
    assert track_record.rollout(circumstances(policy=without, remembered=old)) is None


# ---------------------------------------------------------------------------- earned autonomy

TERMS = Earning(threshold=0.9, outcomes=20, confidence=0.8, sampling=0.0)


def record(
    *outcomes: Outcome, actor: Actor = ALICE, days_ago: float = 0, shared: Document = GRANTED
) -> StateRecords:
    """A memory of these outcomes, of changes of as many actors and at last of this one."""
    stored: Document = {}
    kind = trust.case_of(REVOKE, actor)
    for number, outcome in enumerate(outcomes):
        stored = trust.learned(
            stored,
            replace(kind, who=f"user{number}"),
            outcome,
            TERMS,
            NOW - timedelta(days=days_ago),
            decision=f"dg-{number}",
            by="bob",
        )
    return trusting(stored, shared)


APPROVED = (Outcome.APPROVED,) * 30


def earned(**changes: Any) -> Circumstances:
    usual: dict[str, Any] = {"policy": earning(earning=TERMS), "remembered": record(*APPROVED)}
    return circumstances(**(usual | changes))


@of(track_record.insufficient_record)
@pytest.mark.parametrize(
    ("remembered", "why"),
    [
        (StateRecords(HERE), "0 outcomes since the beginning (20 wanted)"),
        (record(*APPROVED[:19]), "19 outcomes since the beginning (20 wanted)"),
        (record(*APPROVED, *[Outcome.DENIED] * 5), "right in at least"),
        (record(*APPROVED, Outcome.UNDONE), "0 outcomes since the undo at"),
        (record(*APPROVED, days_ago=1000), "outcomes since the beginning"),
        (record(*APPROVED[:19], actor=session("ci", "1")), "19 outcomes since the beginning"),
    ],
    ids=["none", "too few", "too many wrong", "an undo", "long ago", "another kind of actor"],
)
def test_autonomy_that_its_record_does_not_carry_asks(remembered: StateRecords, why: str) -> None:
    """Cloud Custodian #8492, #4953: it acts, or it does not; there is no asking in between."""
    ruling = track_record.insufficient_record(earned(remembered=remembered))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason.startswith("not earned yet: record of RevokeSecurityGroupIngress by user")
    assert why in ruling.reason


@of(track_record.insufficient_record)
def test_a_record_that_carries_it_reverts_by_itself_and_says_why() -> None:
    assert track_record.insufficient_record(earned()) is None
    judged = judge(earned())
    assert judged.autonomy is Autonomy.REVERT
    assert judged.reason.startswith("policy grants revert where it is earned; record of Revoke")


@of(track_record.insufficient_record)
def test_nothing_need_be_earned_where_policy_grants_it() -> None:
    assert (
        track_record.insufficient_record(earned(policy=allowing(), remembered=StateRecords(HERE)))
        is None
    )
    assert (
        track_record.insufficient_record(earned(plan=ADVICE, remembered=StateRecords(HERE))) is None
    )


@of(track_record.insufficient_record)
def test_a_control_is_asked_about_until_its_answers_grant_it() -> None:
    """However good its record is: what it was earned by may have been twenty looks at one thing."""
    few: Document = {"answers": {CONTROL: {"right": 9, "wrong": 1, "granted": ""}}}
    for shared in ({}, few):
        ruling = track_record.insufficient_record(
            earned(remembered=record(*APPROVED, shared=shared))
        )
        assert ruling is not None
        assert "the control is not granted yet" in ruling.reason
    assert "9 of 10 answers were right, a stake of" in ruling.reason


@of(track_record.insufficient_record)
def test_a_threshold_that_wrong_reverts_raised_asks_and_says_so() -> None:
    shared = threshold.erred(GRANTED, TERMS._replace(step=0.2), "undone", "dg-1", NOW)
    ruling = track_record.insufficient_record(earned(remembered=record(*APPROVED, shared=shared)))
    assert ruling is not None
    assert "110.0% wanted" in ruling.reason


# --------------------------------------------------------------- what nobody has looked at


def reverted(times: int, *, looked: Outcome | None = None) -> StateRecords:
    """A memory of so many reverts of the kind in a row, and perhaps of what a person said then."""
    stored = record(*APPROVED)[trust_key(HERE, CONTROL)].document
    kind = trust.case_of(REVOKE, ALICE)
    for number in range(times):
        bob = replace(kind, who=f"arn:aws:iam::{ACCOUNT}:user/{number}")
        stored = trust.acted(stored, bob, TERMS, NOW, decision=f"dg-{number}")
    if looked is not None:
        other = replace(kind, who="somebody else")
        stored = trust.learned(stored, other, looked, TERMS, NOW, decision="dg-0", by="bob")
    return trusting(stored)


CAPPED = earning(earning=TERMS._replace(unseen=5, severe=70))


@of(track_record.unseen)
@pytest.mark.parametrize("changes", [{"severity": 70}, {"severity": 10, "cuts": True}])
def test_so_many_severe_or_cutting_reverts_that_nobody_looked_at_are_the_most(changes: Any) -> None:
    """Cloud Custodian #9656: what went wrong was not noticed for months."""
    asked = track_record.unseen(earned(policy=CAPPED, remembered=reverted(5), **changes))
    assert asked is not None
    assert asked.limit is Autonomy.ASK
    assert "nobody has looked at any of the last 5 reverts of this kind" in asked.reason
    assert track_record.unseen(earned(policy=CAPPED, remembered=reverted(4), **changes)) is None
    looked = reverted(9, looked=Outcome.APPROVED)
    assert track_record.unseen(earned(policy=CAPPED, remembered=looked, **changes)) is None


@of(track_record.unseen)
def test_what_is_neither_severe_nor_cuts_is_not_counted_like_that() -> None:
    mild = earned(policy=CAPPED, remembered=reverted(50), severity=69)
    assert track_record.unseen(mild) is None
    # What only the guard says of itself is no look.
    stood = reverted(5, looked=Outcome.REDRIFTED)
    assert track_record.unseen(earned(policy=CAPPED, remembered=stood, severity=70)) is not None
    granted = allowing(earning=TERMS._replace(unseen=0, severe=0))
    assert track_record.unseen(earned(policy=granted, remembered=reverted(50))) is None


@of(track_record.sampling)
def test_some_of_what_is_earned_is_asked_about_nevertheless() -> None:
    """Cloud Custodian #9656: what went wrong was not noticed for months."""
    probing = earning(earning=TERMS._replace(sampling=0.25))
    asked = track_record.sampling(
        earned(policy=probing, decision="dg-0000000000000000" + "3fffffff")
    )
    assert asked is not None
    assert asked.limit is Autonomy.ASK
    assert asked.reason == "earned, but 25% are asked about nevertheless"
    reverted = earned(policy=probing, decision="dg-0000000000000000" + "40000000")
    assert track_record.sampling(reverted) is None


@of(track_record.sampling)
def test_what_is_not_earned_or_need_not_be_is_no_probe() -> None:
    always = TERMS._replace(sampling=1.0)
    assert track_record.sampling(earned(policy=earning(earning=always))) is not None
    unearned = earned(policy=earning(earning=always), remembered=StateRecords(HERE))
    assert track_record.sampling(unearned) is None
    assert track_record.sampling(earned(policy=allowing(earning=always))) is None
    assert track_record.sampling(earned()) is None


# ------------------------------------------------------------------------------ its policy


@pytest.mark.parametrize(
    "said",
    [
        "earned: {half_life: 0d}",
        "earned: {settles: 0s}",
        "anomalies: {half_life: 0s}",
        "circuit_breaker: {window: 0h}",
        "flapping: {window: 0s}",
    ],
)
def test_a_policy_by_which_nothing_would_be_remembered_is_refused(said: str) -> None:
    """A half-life of nothing has no meaning; a window of nothing holds no revert, so holds none."""
    assert loader.compiled(f"version: 1\n{said.replace('0', '1', 1)}\n")
    with pytest.raises(loader.PolicyError, match="must be more than 0"):
        loader.compiled(f"version: 1\n{said}\n")


def test_a_window_beyond_all_clocks_is_refused() -> None:
    with pytest.raises(loader.PolicyError, match="must be at most"):
        loader.compiled("version: 1\ncircuit_breaker: {window: 99999999d}\n")


# ------------------------------------------------------------------------- unreadable records


def holding(why: str) -> StateRecords:
    """What is remembered when the resource's history reads like this."""
    key = history_key(CONTROL, WEB)
    return StateRecords(HERE, {key: StateRecord(key, unreadable=why)})


@of(track_record.unreadable_record)
def test_a_record_that_cannot_be_read_lets_nothing_go_by_itself() -> None:
    """Custodian #11085: what could not be read rightly was judged by all the same."""
    ruling = track_record.unreadable_record(circumstances(remembered=holding("it is no JSON")))
    assert ruling == (Autonomy.ASK, "it is no JSON")


@of(track_record.unreadable_record)
def test_a_record_that_reads_well_asks_nobody() -> None:
    assert track_record.unreadable_record(circumstances(remembered=holding(""))) is None
