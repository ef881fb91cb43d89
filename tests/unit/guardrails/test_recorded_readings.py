"""What guardrails say of the plan, the finding, tags or use; and the circuit breaker's trip."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.aws.client import Reader
from driftguard.controls.control import Control, Cuts
from driftguard.controls.ec2.open_ingress import OpenIngress
from driftguard.documents import Document
from driftguard.engine import decide
from driftguard.engine.case import Case
from driftguard.guardrails import plans
from driftguard.guardrails.guardrail import Check
from driftguard.model import Autonomy, Candidate, Finding, Observation, Plan, Status, Step, Use
from driftguard.policy.bounds import CircuitBreaker, Limit, Scope
from driftguard.state import circuit_breaker
from driftguard.state.keys import circuit_breaker_key
from tests.support.guardrails.circumstances import name_of
from tests.support.guardrails.held import CONTROL, Held, new_group, opened, shows
from tests.support.records import s3, session_of
from tests.support.world import HERE, REMEDIATOR, Fakes


def test_an_own_change_leaves_no_trace_and_makes_no_call(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = opened(held.group, userIdentity=session_of(REMEDIATOR))
    made: list[str] = []
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def counted(self: BaseClient, operation: str, parameters: Any) -> Any:
        made.append(operation)
        return original(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    assert held.world.handle(own) == []
    assert made == []
    assert list(held.world.audit.of_day(held.guard.stamp()[:10])) == []


class ForGood(OpenIngress):
    """The control, as if nothing could bring back what it takes away."""

    def plan(
        self, candidate: Candidate, observation: Observation, baseline: Any, settings: Any
    ) -> Plan:
        made = super().plan(candidate, observation, baseline, settings)
        return replace(made, steps=tuple(Step(one.call, ()) for one in made.steps))


class Costly(OpenIngress):
    """The control, as if its remediation stopped something."""

    def plan(
        self, candidate: Candidate, observation: Observation, baseline: Any, settings: Any
    ) -> Plan:
        return replace(
            super().plan(candidate, observation, baseline, settings), drastic="the shop closes"
        )


class Cutting(OpenIngress):
    """The control, as if its revert could cut what nobody can look up."""

    cuts = Cuts("those who dial in", question="does anybody dial in?")

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        return Control.in_use(self, candidate, state, reader)


class Unsure(OpenIngress):
    """The control, as if it could not be told whether the group lets anybody in."""

    def assess(self, state: Document, baseline: Any, settings: Any) -> Finding | None:
        return Finding("it may be open", at_most=Autonomy.ASK)


@pytest.mark.parametrize(
    ("check", "double", "why"),
    [
        (plans.irreversible, ForGood(), "RevokeSecurityGroupIngress cannot be undone"),
        (plans.drastic, Costly(), "the shop closes: a person must say so first"),
        (plans.cuts, Cutting(), "it may cut those who dial in: does anybody dial in?"),
        (plans.uncertain, Unsure(), "whether there is a risk could not be told"),
    ],
    ids=lambda one: name_of(one) if callable(one) else "",
)
def test_what_a_plan_or_a_risk_holds_back_is_recorded(
    held: Held, check: Check, double: OpenIngress, why: str
) -> None:
    made = opened(held.group)
    (case,) = held.guard.screen(made).cases
    decision = decide.decide(replace(case, control=double), made)
    assert decision is not None
    assert decision.status is Status.ASKED
    shows(held.world, decision, check, why)


def test_a_group_behind_a_load_balancer_is_asked_about(held: Held, fakes: Fakes) -> None:
    """The emulator's load balancers have no network interfaces, so here EC2 answers for them."""
    interface = {
        "NetworkInterfaceId": "eni-1",
        "InterfaceType": "interface",
        "RequesterId": "amazon-elb",
        "Description": "ELB app/shop/50dc6c495c0c9188",
        "Groups": [{"GroupId": held.group}],
    }
    asked: list[Any] = []

    def described(parameters: Any) -> Any:
        asked.append(parameters["Filters"])
        return {"NetworkInterfaces": [interface]}

    fakes.install({("ec2", "DescribeNetworkInterfaces"): described})
    held.within(in_use=(Limit(Scope(), Autonomy.ASK, "look first"),))
    decision = held.decided()
    assert decision.status is Status.ASKED
    assert asked == [[{"Name": "group-id", "Values": [held.group]}]]
    why = "in use: the group is attached to load balancer app/shop/50dc6c495c0c9188"
    shows(held.world, decision, plans.in_use, why)


def test_a_bucket_that_serves_a_web_site_is_asked_about(held: Held) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="wares", ACL="public-read")
    site: Any = {"IndexDocument": {"Suffix": "index.html"}}
    client.put_bucket_website(Bucket="wares", WebsiteConfiguration=site)
    held.within(in_use=(Limit(Scope(controls=("s3.*",)), Autonomy.ASK, "look first"),))
    held.change = s3("CreateBucket", {"bucketName": "wares", "x-amz-acl": ["public-read"]})
    decision = held.decided()
    assert decision.status is Status.ASKED
    shows(held.world, decision, plans.in_use, "in use: the bucket serves a web site")


def test_what_is_in_use_for_nothing_is_reverted(held: Held) -> None:
    held.within(in_use=(Limit(Scope(), Autonomy.ASK, "look first"),))
    assert held.decided().status is Status.REVERTED


def test_tags_are_read_only_where_policy_depends_on_them(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    original = Case.tags

    def counted(case: Case) -> dict[str, str]:
        read.append(case.control.id)
        return original(case)

    monkeypatch.setattr(Case, "tags", counted)
    assert held.decided().status is Status.REVERTED
    assert read == []
    held.within(protected=(Limit(Scope(tags={"env": "prod"}), Autonomy.ASK, "production"),))
    assert held.decided().status is Status.REVERTED
    assert read == [CONTROL]


def test_a_tripped_circuit_breaker_stands_in_the_state_table_until_it_is_re_armed(
    held: Held,
) -> None:
    held.within(circuit_breaker=CircuitBreaker(control=0))
    decision = held.decided()
    stored = held.world.state.record(circuit_breaker_key(HERE))
    scope = f"control {CONTROL}"
    assert circuit_breaker.tripped(stored.document, scope) == {
        "at": decision.decided,
        "decision": decision.id,
    }
    held.within(circuit_breaker=CircuitBreaker())
    held.group = new_group("second")
    assert f"tripped at {decision.decided}" in held.decided().reason
    held.world.state.write(stored.saying(circuit_breaker.rearmed(stored.document, scope)))
    held.group = new_group("third")
    assert held.decided().status is Status.REVERTED
