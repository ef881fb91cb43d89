"""Listeners: all that encryption consists of comes back, and nothing beside it."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.controls.elb import classic
from driftguard.controls.elb.security_groups import CONTROLS as GROUPS
from driftguard.documents import Document
from driftguard.model import Candidate, Certainty, Observation, Plan, Resource
from driftguard.sweep.look import sweep
from tests.support.world import REGION, Fakes, World

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/web/1/2"
LISTENER = Resource("elb.listener", ARN, "123456789012", "us-east-1", ARN)
CLASSIC = Resource(
    "elb.classic-listener",
    "old:443",
    "123456789012",
    "us-east-1",
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/old:443",
)
MODERN, OLD = "ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08"
STORE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/ours/1"
VERIFY: Document = {
    "Mode": "verify",
    "TrustStoreArn": STORE,
    "IgnoreClientCertificateExpiry": False,
}
WHOLE: Document = {
    "Protocol": "HTTPS",
    "Port": 443,
    "SslPolicy": MODERN,
    "Certificates": [{"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}],
    "MutualAuthentication": VERIFY,
    "OtherCertificates": ["arn:aws:acm:us-east-1:123456789012:certificate/2"],
}
weakened: Any = control("elb.listener-weakened")


def planned(
    judge: Any, state: Document, baseline: Document | None, of: Resource = LISTENER
) -> Plan:
    candidate = Candidate(of, Certainty.EVIDENT)
    plan: Plan = judge.plan(candidate, Observation(state, ""), baseline, NoSettings())
    return plan


def test_a_listener_that_encrypts_again_gets_everything_back() -> None:
    """Kind 2: mutual authentication, and the certificates beside the default one."""
    modify, add = planned(weakened, {"Protocol": "HTTP", "Port": 80}, WHOLE).steps
    assert modify.call.parameters == {
        "ListenerArn": ARN,
        **{k: v for k, v in WHOLE.items() if k != "OtherCertificates"},
    }
    assert add.call.operation == "AddListenerCertificates"
    certificates = [{"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/2"}]
    assert add.call.parameters["Certificates"] == certificates
    (undo,) = add.undo
    assert undo.operation == "RemoveListenerCertificates"


def test_the_protocol_that_tls_negotiates_comes_back() -> None:
    """Kind 2: a network load balancer's ALPN policy."""
    before = {**WHOLE, "Protocol": "TLS", "AlpnPolicy": ["HTTP2Preferred"]}
    step = planned(weakened, {"Protocol": "TCP", "Port": 443}, before).steps[0]
    assert step.call.parameters["AlpnPolicy"] == ["HTTP2Preferred"]
    assert step.call.parameters["Protocol"] == "TLS"


@pytest.mark.parametrize(
    ("mutual", "weaker"),
    [
        (VERIFY, False),
        ({"Mode": "off"}, True),
        ({"Mode": "passthrough"}, True),
        ({**VERIFY, "TrustStoreArn": STORE + "1"}, True),
        ({**VERIFY, "IgnoreClientCertificateExpiry": True}, True),
        (None, True),
    ],
)
def test_clients_that_have_to_prove_less_are_a_weakness(
    mutual: Document | None, weaker: bool
) -> None:
    """Kind 2: the control did not read it."""
    state = {k: v for k, v in WHOLE.items() if k != "MutualAuthentication"}
    if mutual is not None:
        state["MutualAuthentication"] = mutual
    assert (weakened.assess(state, WHOLE, NoSettings()) is not None) is weaker
    if weaker:
        (step,) = planned(weakened, state, WHOLE).steps
        assert step.call.parameters == {"ListenerArn": ARN, "MutualAuthentication": VERIFY}


def test_an_old_policy_that_no_record_tells_of_is_awss_default() -> None:
    """Kind 3: it was never otherwise; then the sweep may record the listener."""
    old = {**WHOLE, "SslPolicy": OLD}
    assert weakened.assess(old, None, NoSettings()) is None
    assert weakened.assess({**old, "told": ["SslPolicy"]}, None, NoSettings()) is not None


def test_a_load_balancer_that_is_gone_hides_no_other(world: World, fakes: Fakes) -> None:
    """Kind 8: it was deleted between the two lists."""
    balancers = [{"LoadBalancerArn": f"{ARN}-{name}"} for name in ("gone", "there")]

    def listeners(asked: dict[str, Any]) -> Any:
        if asked.get("LoadBalancerArn", "").endswith("gone"):
            return {"Error": {"Code": "LoadBalancerNotFound"}}
        return {"Listeners": [{"ListenerArn": ARN, "Protocol": "HTTP", "Port": 80}]}

    fakes.install(
        {
            ("elbv2", "DescribeLoadBalancers"): lambda _: {"LoadBalancers": balancers},
            ("elbv2", "DescribeListeners"): listeners,
        }
    )
    found = list(sweep(world.guard, REGION, only=[weakened]))
    assert [one.resource.arn for one in found if one.resource] == [ARN]


# ---------------------------------------------------------------------------------- classic


def test_a_classic_listeners_cookies_stay_as_they_are() -> None:
    """Kind 2: the call sets the whole list, and stickiness was set meanwhile."""
    state: Document = {"policies": ["cookie", "mine"], "old": ["mine"], "tls": ["mine"]}
    before: Document = {"policies": ["modern", "app"], "old": [], "tls": ["modern"]}
    (step,) = planned(classic.POLICIES, state, before, CLASSIC).steps
    assert step.call.parameters["PolicyNames"] == ["cookie", "modern"]


def test_a_baseline_of_an_earlier_version_is_still_put_back() -> None:
    state: Document = {"policies": ["mine"], "old": ["mine"], "tls": ["mine"]}
    before: Document = {"policies": ["modern"], "old": []}
    (step,) = planned(classic.POLICIES, state, before, CLASSIC).steps
    assert step.call.parameters["PolicyNames"] == ["modern"]


# -------------------------------------------------------------------------- security groups


@pytest.mark.parametrize(
    ("groups", "wide", "restored"),
    [
        (["sg-new", "sg-wide"], ["sg-wide"], ["sg-new"]),
        (["sg-old", "sg-wide"], ["sg-wide"], ["sg-old"]),
        (["sg-wide"], ["sg-wide"], ["sg-old"]),
    ],
    ids=["another group stays", "the old one stays", "none would be left"],
)
def test_only_the_open_group_is_taken_off(
    groups: list[str], wide: list[str], restored: list[str]
) -> None:
    """Kind 1: the change gave the load balancer other groups too."""
    (judge,) = GROUPS
    state: Document = {"groups": groups, "open": wide}
    (step,) = planned(judge, state, {"groups": ["sg-old"], "open": []}).steps
    assert step.call.parameters["SecurityGroups"] == restored
