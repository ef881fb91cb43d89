"""Network ACLs: a Deny shuts the ports of administration, and replies still come in."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.access.public_ranges import covers, meet
from driftguard.controls import control
from driftguard.controls.ec2.network_acls import NetworkAclSettings
from driftguard.documents import Document
from driftguard.model import NOT_IN_USE, Candidate, Certainty, Observation, Plan, Resource

ACL = Resource(
    "ec2.network-acl",
    "acl-1",
    "123456789012",
    "us-east-1",
    "arn:aws:ec2:us-east-1:123456789012:network-acl/acl-1",
)
EVERYWHERE, INSIDE = "0.0.0.0/0", "10.0.0.0/8"
nacl_open: Any = control("ec2.nacl-open")


def entry(
    number: int, low: int, high: int, cidr: str = EVERYWHERE, action: str = "allow"
) -> Document:
    return {
        "RuleNumber": number,
        "Protocol": "6",
        "RuleAction": action,
        "Egress": False,
        "CidrBlock": cidr,
        "PortRange": {"From": low, "To": high},
    }


def state(*entries: Document, rule: int = 120, replaced: bool = False) -> Document:
    ports = [
        port
        for port in (22, 3389)
        for one in entries
        if one["RuleNumber"] == rule and opens(one, port)
    ]
    return {"entries": list(entries), "rule": rule, "replaced": replaced, "ports": ports}


def opens(one: Any, port: int) -> bool:
    return bool(one["PortRange"]["From"] <= port <= one["PortRange"]["To"])


def planned(now: Document, baseline: Document | None = None) -> Plan:
    candidate = Candidate(ACL, Certainty.EVIDENT)
    plan: Plan = nacl_open.plan(candidate, Observation(now, ""), baseline, NetworkAclSettings())
    return plan


def used(now: Document) -> Any:
    return nacl_open.in_use(Candidate(ACL, Certainty.EVIDENT), now, None)


def is_risky(now: Document, baseline: Document | None = None) -> bool:
    return nacl_open.assess(now, baseline, NetworkAclSettings()) is not None


def test_the_return_rule_stays_and_only_remote_desktop_is_shut() -> None:
    """Kind 4: 1024-65535 is how replies come in, and 3389 lies within it."""
    now = state(entry(120, 1024, 65535))
    assert is_risky(now)
    (step,) = planned(now).steps
    assert step.call.operation == "CreateNetworkAclEntry"
    asked = step.call.parameters
    assert (asked["RuleNumber"], asked["RuleAction"]) == (119, "deny")
    assert asked["PortRange"] == {"From": 3389, "To": 3389}
    (undo,) = step.undo
    assert undo.operation == "DeleteNetworkAclEntry"
    assert undo.parameters == {"NetworkAclId": "acl-1", "RuleNumber": 119, "Egress": False}
    assert not is_risky(state(entry(119, 3389, 3389, action="deny"), entry(120, 1024, 65535)))


def test_each_port_gets_a_deny_with_a_free_number_before_the_entry() -> None:
    now = state(entry(118, 443, 443), entry(120, 0, 65535))
    steps = planned(now).steps
    numbers = [step.call.parameters["RuleNumber"] for step in steps]
    assert numbers == [117, 119]


def test_without_a_free_number_people_are_told() -> None:
    plan = planned(state(entry(1, 1024, 65535), rule=1))
    assert plan.steps == ()
    assert "no number left" in plan.advice


def test_without_a_free_number_an_entry_for_nothing_else_is_deleted() -> None:
    """Whoever takes the first number does not get out of a revert by that."""
    (step,) = planned(state(entry(1, 22, 22), rule=1)).steps
    assert step.call.operation == "DeleteNetworkAclEntry"
    assert step.undo[0].operation == "CreateNetworkAclEntry"


@pytest.mark.parametrize(
    "entries",
    [
        (entry(120, 22, 22), entry(130, 0, 65535)),
        (entry(110, 22, 22), entry(120, 22, 22)),
    ],
    ids=["the default entry behind lets all in", "an earlier one does"],
)
def test_an_entry_that_opens_what_is_open_already_is_not_taken_back(
    entries: tuple[Document, ...],
) -> None:
    """Kind 1: the change opened nothing; to shut the port would take away what was there."""
    assert not is_risky(state(*entries))


@pytest.mark.parametrize(
    ("others", "in_use"),
    [
        ((), False),
        ((entry(130, 22, 22, INSIDE),), True),
        ((entry(130, 443, 443, INSIDE),), False),
        ((entry(110, 22, 22, INSIDE),), False),
        ((entry(130, 22, 22, INSIDE, "deny"),), False),
        (tuple(entry(number, 22, 22, INSIDE) for number in range(1, 120)), True),
    ],
    ids=["alone", "behind", "another port", "before", "a deny", "no room between"],
)
def test_administration_from_inside_is_asked_about(
    others: tuple[Document, ...], in_use: bool
) -> None:
    """Kind 4: a Deny before the entry also comes before the entries behind it."""
    answer = used(state(entry(120, 22, 22), *others))
    assert (answer != NOT_IN_USE) is in_use


def test_what_the_sweep_finds_is_asked_about() -> None:
    assert used({"entries": [entry(120, 22, 22)]}).unknown


def test_a_replaced_entry_goes_back_to_the_baselines() -> None:
    """Kind 2: what the entry let in before comes back with it."""
    before: Document = {"entries": [entry(120, 22, 22, INSIDE)]}
    now = state(entry(120, 22, 22), replaced=True)
    (step,) = planned(now, before).steps
    assert step.call.operation == "ReplaceNetworkAclEntry"
    assert step.call.parameters["CidrBlock"] == INSIDE
    assert planned(now).steps == ()


@pytest.mark.parametrize(
    ("outer", "inner", "whole", "some"),
    [
        ("0.0.0.0/0", "10.0.0.0/8", True, True),
        ("10.0.0.0/8", "0.0.0.0/0", False, True),
        ("10.0.0.0/8", "192.168.0.0/16", False, False),
        ("::/0", "10.0.0.0/8", False, False),
        ("not a range", "10.0.0.0/8", False, False),
    ],
)
def test_ranges_hold_one_another_or_have_nothing_in_common(
    outer: str, inner: str, whole: bool, some: bool
) -> None:
    assert covers(outer, inner) is whole
    assert meet(outer, inner) is meet(inner, outer) is some
