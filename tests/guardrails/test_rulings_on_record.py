"""What each guardrail rules by what went before.

Each test names the complaint of another tool's users that the ruling answers.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from driftguard import breaker, guardrails, trust
from driftguard.guardrails import Circumstances, judge
from driftguard.model import Actor, Autonomy, Document, Ruling
from driftguard.policy import source
from driftguard.policy.bounds import Breaker, Earning, Fight, Rollout
from driftguard.state import BREAKER, Memory, past_key, rollout_key, trust_key
from driftguard.trust import Outcome
from tests.guardrails.circumstances import (
    ACCOUNT,
    ADVICE,
    ALICE,
    CONTROL,
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
)

# ---------------------------------------------------------------------------- the blast radius

OTHER_CONTROL, OTHER_ACCOUNT = "s3.public-acl", "999999999999"


def reverts(*made: tuple[str, str, float]) -> Document:
    """The breaker's note after reverts: of which control, in which account, how long ago (s)."""
    note: Document = {}
    for control, account, seconds in made:
        now = NOW - timedelta(seconds=seconds)
        note = breaker.counted(note, Breaker(), control, account, now)
    return note


def blast(note: Document, **limits: int) -> Ruling | None:
    """What the breaker rules after these reverts, all its limits being high but for these."""
    usual = {"control": 99, "account": 99, "whole": 99}
    policy = allowing(breaker=Breaker(**(usual | limits)))
    return guardrails.breaker(circumstances(policy=policy, memory=remembered({BREAKER: note})))


@of(guardrails.breaker)
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
    assert ruling.reason.startswith(f"the breaker of {scope} trips: 3 reverts within 3600 s")


@of(guardrails.breaker)
def test_other_controls_and_accounts_do_not_fill_a_narrower_breaker() -> None:
    others = [(OTHER_CONTROL, OTHER_ACCOUNT, 60.0)] * 5
    assert blast(reverts(*others), control=3, account=3) is None


@of(guardrails.breaker)
def test_a_revert_leaves_the_window_at_its_end() -> None:
    inside, outside = reverts((CONTROL, ACCOUNT, 3599.999)), reverts((CONTROL, ACCOUNT, 3600))
    assert blast(inside, control=1) is not None
    assert blast(outside, control=1) is None


@of(guardrails.breaker)
@pytest.mark.parametrize("scope", [f"control {CONTROL}", f"account {ACCOUNT}", breaker.WHOLE])
def test_a_tripped_breaker_holds_until_a_person_re_arms_it(scope: str) -> None:
    """However long it is quiet: waiting is no judgement of what went wrong."""
    tripped = breaker.trip({}, scope, "dg-1", NOW - timedelta(days=30))
    ruling = blast(tripped)
    assert ruling is not None
    assert "tripped at 2026-10-25T12:00:00.000Z" in ruling.reason
    assert f"driftguard breaker rearm '{scope}'" in ruling.reason
    assert blast(breaker.rearmed(tripped, scope)) is None


@of(guardrails.breaker)
def test_re_arming_gives_the_room_back() -> None:
    full = reverts(*[(CONTROL, ACCOUNT, 60.0)] * 3)
    tripped = breaker.trip(full, f"control {CONTROL}", "dg-1", NOW)
    assert blast(breaker.rearmed(tripped, f"control {CONTROL}"), control=3) is None


@pytest.mark.parametrize(
    ("changes", "trips"),
    [
        ({}, f"control {CONTROL}"),
        ({"ceiling": Autonomy.ASK}, ""),
        ({"plan": ADVICE}, ""),
        ({"policy": allowing(Autonomy.ASK, breaker=Breaker(control=1))}, ""),
    ],
    ids=["a revert", "held by another guardrail", "nothing to revert", "not granted"],
)
def test_only_what_would_have_been_reverted_trips_a_breaker(changes: Any, trips: str) -> None:
    full = remembered({BREAKER: reverts((CONTROL, ACCOUNT, 60))})
    usual: dict[str, Any] = {"policy": allowing(breaker=Breaker(control=1)), "memory": full}
    assert judge(circumstances(**(usual | changes))).trips == trips


# -------------------------------------------------------------------------------- the fight


def fought(*seconds_ago: float, actor: str = "mallory") -> Memory:
    made = [
        {"at": ago(seconds=one), "decision": f"dg-{one}", "actor": actor} for one in seconds_ago
    ]
    return remembered({past_key(CONTROL, WEB): {"reverts": made}})


@of(guardrails.fight)
def test_what_comes_back_again_and_again_is_handed_to_people() -> None:
    """Cloud Custodian #10467, #7179; AWS ASR #243: it reverts, is answered, and reverts again."""
    terms = allowing(fight=Fight(reverts=3, window=3600))
    ruling = guardrails.fight(circumstances(policy=terms, memory=fought(3599, 60, 1)))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    expected = (
        f"a fight: mallory made it and Driftguard took it back 3 times since {ago(seconds=3599)}"
    )
    assert ruling.reason.startswith(expected)


@of(guardrails.fight)
@pytest.mark.parametrize(
    "changes",
    [
        {"memory": fought(60, 1)},
        {"memory": fought(3600, 60, 1)},
        {"memory": fought(60, 2, 1), "resource": group("sg-other")},
        {"memory": fought(60, 2, 1), "control": OTHER_CONTROL},
    ],
    ids=["too few", "one too old", "another's", "another control's"],
)
def test_less_than_that_is_no_fight(changes: Any) -> None:
    terms = allowing(fight=Fight(reverts=3, window=3600))
    assert guardrails.fight(circumstances(policy=terms, **changes)) is None


# -------------------------------------------------------------------------------- the rollout


def since(written: str) -> Memory:
    entry = allowing(rollout=Rollout(3600, 7200)).entry(CONTROL)
    return remembered({rollout_key(CONTROL, entry): {"since": written}})


@of(guardrails.rollout)
@pytest.mark.parametrize(
    ("memory", "limit"),
    [
        (Memory(), Autonomy.OBSERVE),
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
    memory: Memory, limit: Autonomy | None
) -> None:
    """Cloud Custodian #6138: there is no way to see what a policy would do before it does it."""
    policy = allowing(rollout=Rollout(observe=3600, ask=7200))
    ruling = guardrails.rollout(circumstances(policy=policy, memory=memory))
    assert (ruling and ruling.limit) == limit


@of(guardrails.rollout)
def test_a_changed_entry_is_rolled_out_anew() -> None:
    old = since(ago(days=30))
    policy = allowing(rollout=Rollout(observe=3600, ask=7200))
    changed = replace(policy, settings={CONTROL: {"allowed_public_ports": [22]}})
    assert guardrails.rollout(circumstances(policy=policy, memory=old)) is None
    assert guardrails.rollout(circumstances(policy=changed, memory=old)) is not None
    without = replace(changed, bounds=changed.bounds._replace(rollout=Rollout()))
    assert guardrails.rollout(circumstances(policy=without, memory=old)) is None


# ---------------------------------------------------------------------------- earned autonomy

TERMS = Earning(threshold=0.9, outcomes=20, confidence=0.9, probe=0.0)


def record(*outcomes: Outcome, actor: Actor = ALICE, days_ago: float = 0) -> Memory:
    note: Document = {}
    for number, outcome in enumerate(outcomes):
        note = trust.learned(
            note,
            trust.case_of(REVOKE, actor),
            outcome,
            TERMS,
            NOW - timedelta(days=days_ago),
            decision=f"dg-{number}",
            by="bob",
        )
    return remembered({trust_key(CONTROL): note})


APPROVED = (Outcome.APPROVED,) * 30


def earned(**changes: Any) -> Circumstances:
    usual: dict[str, Any] = {"policy": earning(earning=TERMS), "memory": record(*APPROVED)}
    return circumstances(**(usual | changes))


@of(guardrails.weak_record)
@pytest.mark.parametrize(
    ("memory", "why"),
    [
        (Memory(), "0 outcomes since the beginning (20 wanted)"),
        (record(*APPROVED[:19]), "19 outcomes since the beginning (20 wanted)"),
        (record(*APPROVED, *[Outcome.DENIED] * 5), "right in at least"),
        (record(*APPROVED, Outcome.UNDONE), "0 outcomes since the undo at"),
        (record(*APPROVED, days_ago=1000), "outcomes since the beginning"),
        (record(*APPROVED, actor=session("ci", "1")), "0 outcomes since the beginning"),
    ],
    ids=["none", "too few", "too many wrong", "an undo", "long ago", "another kind of actor"],
)
def test_autonomy_that_its_record_does_not_carry_asks(memory: Memory, why: str) -> None:
    """Cloud Custodian #8492, #4953: it acts, or it does not; there is no asking in between."""
    ruling = guardrails.weak_record(earned(memory=memory))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason.startswith("not earned yet: record of RevokeSecurityGroupIngress by user")
    assert why in ruling.reason


@of(guardrails.weak_record)
def test_a_record_that_carries_it_reverts_by_itself_and_says_why() -> None:
    assert guardrails.weak_record(earned()) is None
    judged = judge(earned())
    assert judged.autonomy is Autonomy.REVERT
    assert judged.reason.startswith("policy grants revert where it is earned; record of Revoke")


@of(guardrails.weak_record)
def test_nothing_need_be_earned_where_policy_grants_it() -> None:
    assert guardrails.weak_record(earned(policy=allowing(), memory=Memory())) is None
    assert guardrails.weak_record(earned(plan=ADVICE, memory=Memory())) is None


@of(guardrails.probe)
def test_some_of_what_is_earned_is_asked_about_nevertheless() -> None:
    """Cloud Custodian #9656: what went wrong was not noticed for months."""
    probing = earning(earning=TERMS._replace(probe=0.25))
    asked = guardrails.probe(earned(policy=probing, decision="dg-0000000000000000" + "3fffffff"))
    assert asked is not None
    assert asked.limit is Autonomy.ASK
    assert asked.reason == "earned, but 25% are asked about nevertheless"
    reverted = earned(policy=probing, decision="dg-0000000000000000" + "40000000")
    assert guardrails.probe(reverted) is None


@of(guardrails.probe)
def test_what_is_not_earned_or_need_not_be_is_no_probe() -> None:
    always = TERMS._replace(probe=1.0)
    assert guardrails.probe(earned(policy=earning(earning=always))) is not None
    unearned = earned(policy=earning(earning=always), memory=Memory())
    assert guardrails.probe(unearned) is None
    assert guardrails.probe(earned(policy=allowing(earning=always))) is None
    assert guardrails.probe(earned()) is None


# ------------------------------------------------------------------------------ its policy


@pytest.mark.parametrize(
    "said",
    [
        "earned: {half_life: 0d}",
        "earned: {settles: 0s}",
        "behaviour: {half_life: 0s}",
        "breaker: {window: 0h}",
        "fight: {window: 0s}",
    ],
)
def test_a_policy_by_which_nothing_would_be_remembered_is_refused(said: str) -> None:
    """A half-life of nothing has no meaning; a window of nothing holds no revert, so holds none."""
    assert source.compiled(f"version: 1\n{said.replace('0', '1', 1)}\n")
    with pytest.raises(source.PolicyError, match="greater than 0"):
        source.compiled(f"version: 1\n{said}\n")


def test_a_window_beyond_all_clocks_is_refused() -> None:
    with pytest.raises(source.PolicyError, match="less than or equal to"):
        source.compiled("version: 1\nbreaker: {window: 99999999d}\n")
