"""What each guardrail rules by who made the change.

For each guardrail a test names the complaint of another tool's users that the ruling answers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from driftguard.guardrails import actors, declared
from driftguard.guardrails.claims import rests_on_claimed_actor
from driftguard.guardrails.judgment import judge
from driftguard.model import Actor, Autonomy
from driftguard.policy.bounds import Anomalies, Bounds, BreakGlass, Exemption, Ownership, Sweep
from tests.support.guardrails.circumstances import (
    ALICE,
    CONTROL,
    ahead,
    allowing,
    circumstances,
    of,
    session,
    user,
)


@of(actors.own_change)
def test_the_remediators_own_change_is_only_observed() -> None:
    """Cloud Custodian #10467, #7179, #3238: no loop protection, millions of invocations.

    It is known by the lasting identity that AWS writes into the record, whatever the session.
    """
    own = circumstances(actor=session("driftguard-remediator", "dg-1"))
    ruling = actors.own_change(own)
    assert ruling is not None
    assert ruling.limit is Autonomy.OBSERVE


@of(actors.own_change)
@pytest.mark.parametrize(
    "actor",
    [
        session("driftguard-remediator2", "dg-1"),
        user("alice", agent="driftguard-remediator"),
        # A session's name is the caller's own word.
        session("other", "driftguard-remediator"),
        Actor(),
    ],
)
def test_nobody_passes_for_the_remediator(actor: Actor) -> None:
    assert actors.own_change(circumstances(actor=actor)) is None
    assert actors.own_change(circumstances(actor=actor, own_roles=())) is None


@of(actors.break_glass)
def test_nothing_is_touched_of_who_acts_in_an_emergency() -> None:
    """Cloud Custodian #807: the private SSH rule deleted, by which people would have got in."""
    policy = allowing(break_glass=(BreakGlass("*:role/emergency", "the runbook's role"),))
    ruling = actors.break_glass(circumstances(policy=policy, actor=session("emergency", "carol")))
    assert ruling is not None
    assert ruling.limit is Autonomy.OBSERVE
    assert "assumed-role/emergency/carol acts in an emergency (the runbook's role)" in ruling.reason


@of(actors.break_glass)
@pytest.mark.parametrize("actor", [ALICE, session("other", "emergency"), Actor()])
def test_nobody_else_has_broken_the_glass(actor: Actor) -> None:
    policy = allowing(break_glass=(BreakGlass("*:role/emergency", "the runbook's role"),))
    assert actors.break_glass(circumstances(policy=policy, actor=actor)) is None


PIPELINE = Ownership(roles=("*:role/deployer",), tags={"managed-by": "terraform"})


@of(actors.ownership)
@pytest.mark.parametrize(
    ("changes", "owner"),
    [
        ({"actor": user("ci", source="cloudformation.amazonaws.com")}, "CloudFormation, for ci"),
        ({"actor": session("deployer", "run-7")}, "the deployment role assumed-role/deployer"),
        ({"tags": {"managed-by": "terraform"}}, "the pipeline that tags it managed-by=terraform"),
    ],
    ids=["CloudFormation", "role", "tag"],
)
def test_what_a_pipeline_owns_is_left_to_its_owner(changes: Any, owner: str) -> None:
    """Cloud Custodian #6826: acts before Terraform has tagged, and fights it from then on."""
    ruling = actors.ownership(circumstances(policy=allowing(ownership=PIPELINE), **changes))
    assert ruling is not None
    assert ruling.limit is Autonomy.ASK
    assert ruling.reason.startswith(f"owned by {owner}")


@of(actors.ownership)
def test_a_user_agent_is_believed_only_where_policy_says_so() -> None:
    """Any caller can write `Terraform` into it: it would be a way out of every revert."""
    claims = user("mallory", agent="APN/1.0 HashiCorp/1.0 Terraform/1.9")
    doubting = circumstances(policy=allowing(ownership=PIPELINE), actor=claims)
    assert actors.ownership(doubting) is None
    believing = PIPELINE._replace(believe_agents=True)
    ruling = actors.ownership(replace(doubting, policy=allowing(ownership=believing)))
    assert ruling is not None
    assert ruling.reason.startswith("owned by Terraform, by its user agent, run by mallory")


@of(actors.ownership)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tags": {"managed-by": "hand"}},
        {"tags": None},
        {"actor": user("alice", source="cloudformation.amazonaws.com.evil.example")},
        {"actor": session("other", "deployer")},
    ],
)
def test_what_no_pipeline_owns_is_not_spared(changes: Any) -> None:
    assert actors.ownership(circumstances(policy=allowing(ownership=PIPELINE), **changes)) is None


@of(actors.ownership)
@pytest.mark.parametrize("level", list(Autonomy))
def test_policy_says_how_far_a_pipelines_change_may_be_taken_back(level: Autonomy) -> None:
    terms = PIPELINE._replace(autonomy=level)
    ruling = actors.ownership(
        circumstances(policy=allowing(ownership=terms), actor=session("deployer", "run-7"))
    )
    assert (ruling.limit if ruling else Autonomy.REVERT) is level


@of(actors.unattributed)
@pytest.mark.parametrize("limit", [Autonomy.OBSERVE, Autonomy.ASK])
def test_what_only_the_sweep_knows_of_goes_no_further_than_policy_lets_it(limit: Autonomy) -> None:
    """Cloud Custodian #807, #2917: what had stood for years is deleted by a policy's first run."""
    policy = allowing(sweep=Sweep(limit))
    judged = judge(circumstances(policy=policy, actor=Actor.unattributed()))
    (ruling,) = judged.rulings
    assert (ruling.guardrail, ruling.limit) == ("unattributed", limit)
    assert ruling.reason == judged.reason
    assert ruling.reason.startswith("found by the sweep")
    assert judged.autonomy is limit


@of(actors.unattributed)
def test_what_the_sweep_found_is_reverted_only_where_policy_says_so_itself() -> None:
    assert Bounds().sweep.autonomy is Autonomy.OBSERVE
    found = circumstances(actor=Actor.unattributed())
    assert judge(found).autonomy is Autonomy.OBSERVE
    willing = replace(found, policy=allowing(sweep=Sweep(Autonomy.REVERT)))
    assert judge(willing).autonomy is Autonomy.REVERT
    # And what policy grants is not raised by it.
    unwilling = replace(found, policy=allowing(Autonomy.OBSERVE, sweep=Sweep(Autonomy.REVERT)))
    assert judge(unwilling).autonomy is Autonomy.OBSERVE


@of(actors.unattributed)
@pytest.mark.parametrize("actor", [ALICE, session("deployer", "run-1"), Actor()])
def test_a_change_by_somebody_is_not_the_sweeps_even_if_their_name_is_not_known(
    actor: Actor,
) -> None:
    assert actors.unattributed(circumstances(actor=actor)) is None


def test_nobody_is_in_no_emergency_a_pipeline_or_known_for_anything() -> None:
    """Patterns that mean every actor mean everybody, and nobody is none of them."""
    everybody = session("deployer", "x").principal
    policy = allowing(
        break_glass=(BreakGlass("*", "whoever it is"),),
        ownership=Ownership(roles=("*", everybody), believe_agents=True),
        anomalies=Anomalies(routine=True, routine_under=100, unusual=True, unusual_over=0),
        sweep=Sweep(Autonomy.REVERT),
    )
    judged = judge(circumstances(policy=policy, actor=Actor.unattributed()))
    assert judged.rulings == ()
    assert judged.severity == circumstances().severity


def test_an_exemption_for_somebody_does_not_cover_what_nobody_is_known_to_have_made() -> None:
    spared = Exemption(CONTROL, "*", ahead(days=1), "load tests")
    for actor, covered in (("*", True), (ALICE.principal, False), ("*:user/*", False)):
        policy = replace(allowing(), exemptions=(spared._replace(actor=actor),))
        case = circumstances(policy=policy, actor=Actor.unattributed())
        assert (declared.exemption(case) is not None) is covered


@pytest.mark.parametrize(
    ("actor", "bounds", "claims"),
    [
        (session("deployer", "x"), {"ownership": Ownership(roles=("*:role/deployer",))}, True),
        (Actor(source="cloudformation.amazonaws.com"), {}, True),
        (user("alice", agent="Terraform"), {"ownership": Ownership(believe_agents=True)}, True),
        (session("emergency", "x"), {"break_glass": (BreakGlass("*:role/emergency", ""),)}, True),
        (user("alice"), {}, False),
    ],
)
def test_what_a_claimed_actor_lowers_is_told_as_claimed(
    actor: Actor, bounds: dict[str, Any], claims: bool
) -> None:
    """12.1: a forged record chose its actor, and so which guardrails spoke, and nobody was told."""
    case = circumstances(actor=actor, policy=allowing(**bounds))
    assert rests_on_claimed_actor(judge(case).rulings) is claims
