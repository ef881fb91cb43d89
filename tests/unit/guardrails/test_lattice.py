"""No combination of circumstances yields more autonomy than policy grants, and nothing adds to it.

Each property is over everything that a guardrail may look at: policy, memory, plan, actor, tags.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.documents import Document
from driftguard.guardrails import registry
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.guardrail import Guardrail
from driftguard.guardrails.judgment import autonomy, judge
from driftguard.model import Actor, Autonomy, Change, Choice, Ruling, Status, Use, Vote
from driftguard.policy.bounds import Anomalies, Baselines, Bounds, Earning, Rollout, Sweep
from driftguard.policy.model import Policy
from driftguard.state import learning, outcomes, trust
from driftguard.state.keys import (
    StateRecord,
    StateRecords,
    anomaly_baseline_key,
    circuit_breaker_key,
    freeze_keys,
    grants_key,
    item_of,
    record_of,
    trust_key,
)
from tests.support.audit import a_decision
from tests.support.guardrails.circumstances import (
    ACCOUNT,
    ALICE,
    CONTROL,
    HERE,
    NOW,
    REGION,
    REVOKE,
    WEB,
    ago,
    ahead,
    allowing,
    circumstances,
    earning,
    trusting,
)
from tests.support.guardrails.strategies import (
    LEVELS,
    anything,
    emergencies,
    exemptions,
    limits,
    memories,
    policies,
    rulings,
    situations,
    sound,
    timeless,
    windows,
)
from tests.support.properties import thoroughly

subsets = st.sets(st.sampled_from(registry.GUARDRAILS))


def most(case: Circumstances) -> Autonomy:
    """What policy grants at most: asking is all that novelty may make of observing."""
    granted = case.policy.granted(case.control)
    anomalies = case.policy.bounds.anomalies
    if granted is Autonomy.OBSERVE and anomalies is not None and anomalies.unusual:
        return Autonomy.ASK
    return granted


def said_by(some: Iterable[Guardrail], case: Circumstances) -> tuple[Ruling, ...]:
    return tuple(ruling for one in some if (ruling := one.ruling(case)) is not None)


def remembering(case: Circumstances, **records: Any) -> Circumstances:
    """The case with other notes in its memory, or without some (None)."""
    kept = {**case.remembered.records}
    for kind, document in records.items():
        key = {
            "anomaly_baseline": anomaly_baseline_key(HERE, ACCOUNT, CONTROL),
            "trust": trust_key(HERE, CONTROL),
            "grants": grants_key(HERE),
            "freeze": freeze_keys(HERE, ACCOUNT, CONTROL)[0],
            "circuit_breaker": circuit_breaker_key(HERE),
        }[kind]
        kept.pop(key, None)
        if document is not None:
            kept[key] = StateRecord(key, document, version=1)
    return replace(case, remembered=StateRecords(HERE, kept))


# ------------------------------------------------------------------------------ the grant


NO_BASELINE: Any = {"keeps_baseline": False, "momentary": frozenset()}


@thoroughly
@given(situations())
def test_nothing_goes_further_than_policy_grants(case: Circumstances) -> None:
    judged = judge(case)
    assert judged.autonomy <= judged.granted <= most(case)
    assert judged.autonomy <= min(case.ceiling, case.at_most)
    assert 0 <= judged.severity <= 100


@thoroughly
@given(situations())
def test_only_a_grant_of_revert_reverts(case: Circumstances) -> None:
    if judge(case).autonomy is Autonomy.REVERT:
        assert case.policy.granted(case.control) is Autonomy.REVERT
        assert case.plan.steps
        assert case.plan.steps[0].undo
        assert not case.plan.drastic


@thoroughly
@given(situations())
def test_every_decision_that_is_held_back_says_by_what(case: Circumstances) -> None:
    judged = judge(case)
    lowest = [one.reason for one in judged.rulings if one.limit is judged.autonomy]
    if judged.autonomy < judged.granted:
        assert judged.reason == "; ".join(lowest) != ""
    else:
        assert judged.reason == judged.basis != ""


# ---------------------------------------------------------------------- more holds back more


@thoroughly
@given(situations(), subsets, subsets, st.lists(rulings, max_size=3))
def test_one_guardrail_more_never_raises_autonomy(
    case: Circumstances, some: set[Guardrail], more: set[Guardrail], others: list[Ruling]
) -> None:
    granted = judge(case).granted
    fewer = said_by(some, case)
    all_ = (*said_by(some | more, case), *others)
    assert autonomy(granted, all_) <= autonomy(granted, fewer)


@thoroughly
@given(situations(), st.permutations(registry.GUARDRAILS))
def test_the_order_of_guardrails_does_not_matter(
    case: Circumstances, order: list[Guardrail]
) -> None:
    usual = judge(case)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(registry, "GUARDRAILS", tuple(order))
        other = judge(case)
    assert (other.autonomy, other.trips, other.severity) == (
        usual.autonomy,
        usual.trips,
        usual.severity,
    )
    assert set(other.rulings) == set(usual.rulings)


EACH: dict[str, st.SearchStrategy[Any]] = {
    "protected": limits,
    "in_use": limits,
    "change_windows": windows,
    "break_glass": emergencies,
}


@pytest.mark.parametrize("name", EACH)
def test_one_limit_more_in_the_policy_never_raises_autonomy(name: str) -> None:
    """Wherever in the list it is written."""

    @thoroughly
    @given(situations(), st.lists(EACH[name], max_size=2), EACH[name], st.integers(0, 2))
    def holds(case: Circumstances, before: list[Any], one: Any, where: int) -> None:
        after = [*before[:where], one, *before[where:]]
        levels = []
        for limits_ in (before, after):
            bounds = Bounds(**{**case.policy.bounds._asdict(), name: tuple(limits_)})
            policy = replace(case.policy, bounds=bounds)
            levels.append(judge(replace(case, policy=policy, use=Use("a server"))).autonomy)
        assert levels[1] <= levels[0]

    holds()


@thoroughly
@given(situations(), exemptions, LEVELS, sound()["freeze"])
def test_an_exemption_a_ceiling_or_a_freeze_never_raises_autonomy(
    case: Circumstances, exemption: Any, ceiling: Autonomy, freeze: Any
) -> None:
    level = judge(case).autonomy
    spared = replace(case.policy, exemptions=(*case.policy.exemptions, exemption))
    assert judge(replace(case, policy=spared)).autonomy <= level
    assert judge(replace(case, ceiling=min(ceiling, case.ceiling))).autonomy <= level
    unfrozen = judge(remembering(case, freeze=None)).autonomy
    assert judge(remembering(case, freeze=freeze)).autonomy <= unfrozen


@thoroughly
@given(situations(), LEVELS)
def test_that_only_the_sweep_knows_of_it_never_raises_autonomy(
    case: Circumstances, limit: Autonomy
) -> None:
    """And goes no further than policy lets what the sweep finds go."""
    terms = case.policy.bounds.sweep._replace(autonomy=limit)
    policy = replace(case.policy, bounds=case.policy.bounds._replace(sweep=terms))
    found = replace(case, policy=policy, actor=Actor.unattributed())
    judged = judge(found)
    assert judged.autonomy <= limit
    freely = replace(policy, bounds=policy.bounds._replace(sweep=Sweep(Autonomy.REVERT)))
    assert judged.autonomy == min(limit, judge(replace(found, policy=freely)).autonomy)
    assert judged.severity == case.severity


# ------------------------------------------------------------------- what is remembered


@thoroughly
@given(situations(), sound()["anomaly_baseline"], st.integers(0, 100), st.booleans())
def test_what_is_unusual_never_causes_a_revert(
    case: Circumstances, stored: Any, score: int, routine: bool
) -> None:
    """It makes a question of what is only observed; a revert with it is one without it, too."""
    anomalies = Anomalies(unusual=True, unusual_over=score, routine=routine)
    policy = replace(case.policy, bounds=case.policy.bounds._replace(anomalies=anomalies))
    case = replace(case, policy=policy)
    usual, moved = (remembering(case, anomaly_baseline=one) for one in (None, stored))
    assert judge(moved).granted <= max(judge(usual).granted, Autonomy.ASK)
    if judge(moved).autonomy is Autonomy.REVERT:
        assert judge(usual).autonomy is Autonomy.REVERT


@thoroughly
@given(situations(policy=policies.map(lambda one: replace(one, earned=frozenset({CONTROL})))))
def test_what_is_to_be_earned_never_reverts_without_a_record(case: Circumstances) -> None:
    # (With no outcome wanted and the prior's own bound enough, policy would have asked for this.)
    earning = case.policy.bounds.earning._replace(
        outcomes=max(1, case.policy.bounds.earning.outcomes)
    )
    policy = replace(case.policy, bounds=case.policy.bounds._replace(earning=earning))
    assert judge(remembering(replace(case, policy=policy), trust=None)).autonomy < Autonomy.REVERT


@thoroughly
@given(st.data())
def test_notes_that_the_guard_did_not_write_never_raise_autonomy(data: st.DataObject) -> None:
    """Whoever can write into the table, or corrupt it, can only make the guard do less."""
    case = data.draw(situations())
    undated = data.draw(memories(case.policy, timeless))
    without = judge(replace(case, remembered=StateRecords(HERE)))
    assert judge(replace(case, remembered=undated)).autonomy <= without.autonomy


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        ("grants", earning(earning=Earning(threshold=0.5, outcomes=1, sampling=0.0))),
        ("trust", earning(earning=Earning(threshold=0.5, outcomes=1, sampling=0.0))),
        ("rollout", allowing(rollout=Rollout(observe=3600, ask=3600))),
        ("baseline", allowing(baselines=Baselines(required=True))),
    ],
)
def test_what_would_widen_autonomy_does_so_only_when_it_is_sound(kind: str, policy: Policy) -> None:
    """Four notes let a revert through that none would hold back: they have to be readable."""

    @thoroughly
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        only = memories(policy, lambda one: timeless(one) if one == kind else sound()[one])
        case = circumstances(policy=policy, baselined=True)
        assert judge(replace(case, remembered=data.draw(only))).autonomy < Autonomy.REVERT

    holds()


@thoroughly
@given(st.data())
def test_no_note_whatever_stops_the_guard_from_judging(data: st.DataObject) -> None:
    case = data.draw(situations())
    judged = judge(replace(case, remembered=data.draw(memories(case.policy, anything))))
    assert judged.autonomy <= most(case)
    assert judged.reason


@thoroughly
@given(st.data())
def test_no_note_whatever_stops_the_guard_from_learning(data: st.DataObject) -> None:
    """What a step teaches is written over whatever was there, as JSON that can be read again."""
    case = data.draw(situations())
    remembered, policy = data.draw(memories(case.policy, anything)), case.policy
    judged = judge(replace(case, remembered=remembered))
    decision = a_decision(resource=WEB, actor=case.actor, plan=case.plan)
    change = Change("1", "ec2.amazonaws.com", "X", ACCOUNT, REGION, case.time, case.actor)
    keep = Vote("bob", Choice.ACCEPT, "slack", "now", "before")
    asked = replace(decision, status=Status.ASKED)
    taught = [
        *(
            learning.of_decision(one, judged.trips, remembered, policy, NOW, seen="0f")
            for one in (decision, asked)
        ),
        learning.of_clean(CONTROL, change, remembered, policy, NOW),
        outcomes.of_undo(decision, "bob", remembered, policy, NOW),
        outcomes.of_failure(decision, remembered, policy, NOW),
        learning.of_vote(asked, keep, remembered, policy, NOW, **NO_BASELINE),
        learning.of_vote(
            asked, replace(keep, until=ahead(days=1)), remembered, policy, NOW, **NO_BASELINE
        ),
    ]
    for stored in chain.from_iterable(taught):
        assert record_of(item_of(stored)).version == stored.version + 1


def test_a_record_of_impossible_figures_is_worth_nothing() -> None:
    for figure in (float("nan"), float("inf"), -1, 1e306, "many", None, [1, 2], True):
        sound_one: Document = {"good": 100, "bad": 0, "since": 100, "at": ago(days=1)}
        for name in ("good", "bad", "since"):
            record = {"records": {trust.case_of(REVOKE, ALICE).name: {**sound_one, name: figure}}}
            case = circumstances(policy=earning(), remembered=trusting(record))
            assert judge(case).autonomy is Autonomy.ASK, (name, figure)
