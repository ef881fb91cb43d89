"""What each guardrail rules by what would be done, and to what.

Each test names the complaint of another tool's users that the ruling answers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from driftguard.guardrails import plans
from driftguard.guardrails.circumstances import Circumstances
from driftguard.model import NOT_IN_USE, Autonomy, Plan, Step, Use
from driftguard.policy.bounds import Baselines, Limit, Preparations, Scope
from driftguard.state.baseline import baseline_of, moved
from driftguard.state.keys import StateRecord, StateRecords, baseline_key
from tests.support.guardrails.circumstances import (
    ADVICE,
    CONTROL,
    FOR_GOOD,
    HERE,
    NOW,
    REVOKE,
    WEB,
    ahead,
    allowing,
    call,
    circumstances,
    group,
    of,
)


@of(plans.no_remediation)
def test_what_has_no_safe_remediation_is_told_and_not_asked_about() -> None:
    """AWS ASR #246: removed a restricted all-traffic rule, having nothing finer to offer."""
    ruling = plans.no_remediation(circumstances(plan=ADVICE))
    assert ruling is not None
    assert ruling.limit is Autonomy.OBSERVE
    assert ruling.reason == f"there is no safe remediation: {ADVICE.advice}"


@of(plans.no_remediation)
def test_a_plan_with_steps_is_a_remediation_whatever_advice_comes_with_it() -> None:
    assert plans.no_remediation(circumstances(plan=Plan(REVOKE.steps, advice="Rotate it."))) is None


@of(plans.irreversible)
def test_what_cannot_be_undone_is_asked_about_first() -> None:
    """Cloud Custodian #7201: nothing tracks what was removed, so nothing brings it back."""
    ruling = plans.irreversible(circumstances(plan=FOR_GOOD))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason.startswith("DeleteSecurityGroup cannot be undone")


@of(plans.irreversible)
def test_a_step_that_an_earlier_steps_undo_takes_back_can_be_undone() -> None:
    started = Step(call("StartIt"), ())
    made = Step(call("MakeIt"), (call("UnmakeIt"),))
    assert plans.irreversible(circumstances(plan=Plan((made, started)))) is None
    assert plans.irreversible(circumstances(plan=Plan((started, made)))) is not None
    assert plans.irreversible(circumstances(plan=ADVICE)) is None


@of(plans.irreversible)
def test_a_step_that_only_adds_something_need_not_be_taken_back() -> None:
    noted = Step(call("PublishVersion"), (), additive=True)
    assert plans.irreversible(circumstances(plan=Plan((noted, *REVOKE.steps)))) is None
    assert plans.irreversible(circumstances(plan=Plan((noted, *FOR_GOOD.steps)))) is not None
    assert plans.irreversible(circumstances(plan=Plan((noted,)))) is None


@of(plans.drastic)
def test_what_a_remediation_costs_is_for_people_to_pay() -> None:
    """AWS ASR #246: some of its runbooks change the whole account to mend one thing."""
    costly = Plan(REVOKE.steps, drastic="the function stands still")
    ruling = plans.drastic(circumstances(plan=costly))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason == "the function stands still: a person must say so first"


@of(plans.drastic)
def test_a_remediation_that_costs_nothing_is_not_held() -> None:
    assert plans.drastic(circumstances()) is None


@of(plans.uncertain)
@pytest.mark.parametrize("limit", [Autonomy.OBSERVE, Autonomy.ASK])
def test_nothing_is_done_on_a_mere_suspicion(limit: Autonomy) -> None:
    """Cloud Custodian #11085, #8898: stale reads and conditions judged wrongly, and acted on."""
    ruling = plans.uncertain(circumstances(at_most=limit))
    assert ruling is not None
    assert ruling.limit is limit
    assert ruling.reason == "whether there is a risk could not be told"


@of(plans.uncertain)
def test_what_is_known_to_be_risky_is_no_suspicion() -> None:
    assert plans.uncertain(circumstances()) is None


# -------------------------------------------------------------------------------- baselines


def recorded(**document: Any) -> StateRecords:
    """A memory of a baseline that was last found so 30 days ago."""
    stored, _ = moved(
        StateRecord(baseline_key(CONTROL, WEB)),
        CONTROL,
        WEB,
        {"open": False},
        at=NOW.replace(month=10, day=25),
        by="guard",
        why="unattributed",
        anchored=False,
    )
    kept = StateRecord(stored.key, {**stored.document, **document}, 1)
    return StateRecords(HERE, {kept.key: kept})


def restoring(max_age_days: float, remembered: StateRecords, **changes: Any) -> Any:
    terms = Baselines(max_age=int(max_age_days * 86_400))
    usual = {"baselined": True, "leans_on_baseline": True}
    case = circumstances(
        policy=allowing(baselines=terms), remembered=remembered, **(usual | changes)
    )
    return plans.baseline(case)


@of(plans.baseline)
def test_a_stale_baseline_is_not_restored_without_a_question() -> None:
    """Cloud Custodian #11085: stale reads, reordering."""
    ruling = restoring(29, recorded())
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason.startswith("the baseline it restores was last seen 30 days ago")
    assert restoring(30, recorded()) is None


@of(plans.baseline)
def test_a_baseline_that_the_plan_does_not_need_may_be_of_any_age() -> None:
    assert restoring(1, recorded(), leans_on_baseline=False) is None
    assert restoring(1, recorded(), baselined=False) is None


@of(plans.baseline)
def test_a_baseline_of_unreadable_age_is_none() -> None:
    stored = recorded(checked="long ago").records[baseline_key(CONTROL, WEB)]
    assert baseline_of(stored) is None


@of(plans.baseline)
@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"remembered": recorded(), "leans_on_baseline": False}, False),
        ({"resource": group("sg-other"), "remembered": recorded()}, True),
        ({"baselined": False}, False),
        ({"plan": ADVICE}, False),
    ],
    ids=["none recorded", "recorded", "another's", "keeps none", "nothing to restore"],
)
def test_policy_may_want_a_baseline_to_be_there(changes: Any, holds: bool) -> None:
    required = allowing(baselines=Baselines(required=True))
    usual: dict[str, Any] = {"baselined": True, "policy": required}
    ruling = plans.baseline(circumstances(**(usual | changes)))
    assert (ruling is not None) is holds
    if ruling is not None:
        assert ruling.reason == "no baseline is recorded, and policy requires one"


# ----------------------------------------------------------------------------------- in use


@of(plans.in_use)
def test_what_serves_traffic_is_asked_about() -> None:
    """AWS ASR #57: referenced groups taken for unused."""
    looking = allowing(in_use=(Limit(Scope(), Autonomy.ASK, "look first"),))
    ruling = plans.in_use(circumstances(policy=looking, use=Use("load balancer `shop`")))
    assert ruling is not None
    assert (ruling.limit, ruling.reason) == (Autonomy.ASK, "in use: load balancer `shop`")


@of(plans.in_use)
def test_what_is_idle_or_nobody_wants_looked_at_is_not_held() -> None:
    looking = allowing(in_use=(Limit(Scope(resources=("sg-db",)), Autonomy.ASK, "look first"),))
    assert plans.in_use(circumstances(policy=looking, resource=group("sg-db"))) is None
    assert plans.in_use(circumstances(policy=looking, use=Use("a server"))) is None
    assert plans.in_use(circumstances(use=Use("a server"))) is None


# ------------------------------------------------------------------------------------- cuts


TOLD = replace(allowing(), may_cut=frozenset({CONTROL}))
CLIENTS = "the clients of the web site"


@of(plans.cuts)
def test_a_revert_that_cuts_what_is_in_use_is_asked_about() -> None:
    """Custodian #2917: valid rules for 80 and 443 deleted."""
    ruling = plans.cuts(circumstances(cuts=CLIENTS, use=Use("it serves www.example.com")))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason == (
        "it would cut the clients of the web site, which is in use: it serves www.example.com"
    )


@of(plans.cuts)
def test_a_revert_that_cuts_what_nobody_could_tell_to_be_unused_is_asked_about() -> None:
    """ASR #57: referenced groups taken for unused."""
    ruling = plans.cuts(circumstances(cuts=CLIENTS, use=Use(unknown="does anybody need it?")))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason == "it may cut the clients of the web site: does anybody need it?"


@of(plans.cuts)
@pytest.mark.parametrize(
    "changes",
    [
        {"cuts": "", "use": Use("a server")},
        {"cuts": CLIENTS, "use": NOT_IN_USE},
        {"cuts": CLIENTS, "use": Use("a server"), "plan": Plan((), advice="by hand")},
        {"cuts": CLIENTS, "use": Use("a server"), "policy": TOLD},
    ],
    ids=["nothing is cut", "not in use", "no revert", "policy says that it may"],
)
def test_a_revert_that_cuts_nobody_off_is_not_held(changes: Any) -> None:
    """Custodian #9656: what is never taken back goes unnoticed for months."""
    assert plans.cuts(circumstances(**changes)) is None


# ---------------------------------------------------------------------------- preparations


SOON = ahead(minutes=30)


def prepared(**changes: Any) -> Circumstances:
    """Policy has people asked; what was found does no harm yet."""
    policy = allowing(Autonomy.ASK, preparations=Preparations())
    return circumstances(**{"policy": policy, "preparation": "it only unlocks", **changes})


@of(plans.preparation)
def test_what_does_no_harm_yet_is_told_and_asked_about_only_if_it_stays() -> None:
    """Cloud Custodian #6826: acted on what a tool was still in the middle of."""
    ruling = plans.preparation(prepared())
    assert ruling is not None
    assert ruling.limit is Autonomy.OBSERVE
    assert ruling.reason == f"it only unlocks; people are asked, if it still stands, at {SOON}"


@of(plans.preparation)
def test_what_does_harm_is_not_told_only_nor_what_somebody_wants_asked() -> None:
    assert plans.preparation(prepared(preparation="")) is None
    assert plans.preparation(prepared(wanted=True)) is None
    assert plans.preparation(prepared(policy=allowing(Autonomy.ASK))) is None
    assert plans.preparation(prepared(policy=allowing(preparations=Preparations()))) is None
