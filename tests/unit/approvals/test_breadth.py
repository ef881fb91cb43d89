"""How much an act covers: by what its pattern matches, and by the policy's terms for it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from driftguard import controls
from driftguard.approvals.breadth import Need, lacking, needs
from driftguard.approvals.patterns import is_everything, shapes_of
from driftguard.controls.control import AnyControl
from driftguard.events.cloudtrail import change_from_event
from driftguard.model import Place, Resource
from driftguard.policy.bounds import Anomalies, Bounds
from driftguard.policy.model import Person, Policy, Terms
from tests.support.each import each
from tests.support.world import ROOT

EVERY = list(controls.every())


def risky(control: AnyControl) -> list[Resource]:
    """The resources that the control's own risky event is about."""
    event = json.loads((ROOT / "events" / control.id / "risky.json").read_text())
    found = control.screen(change_from_event(event), control.settings())
    return [candidate.resource for candidate in found]


@each("control", EVERY, ids=lambda control: control.id)
def test_whatever_matches_all_of_a_controls_resources_is_everything(control: AnyControl) -> None:
    """12.4: `sg-*` and `arn:aws:ec2:*` passed for narrow, because only `*` was recognized."""
    for resource in risky(control):
        arn = resource.arn.split(":", 5)
        kind = re.match(r"[^:/]*[:/]", arn[5])
        typed = kind[0] if kind and arn[2] != "s3" else ""
        for pattern in (
            "*",
            "?*",
            "**",
            "*?",
            "arn:*",
            f"{':'.join(arn[:3])}:*",
            f"{':'.join(arn[:5])}:*",
            f"arn:*:{arn[2]}:*",
            f"{':'.join(arn[:5])}:{typed}*",
            f"{':'.join(arn[:5])}:{typed}?*",
        ):
            assert is_everything(pattern), pattern
        for named in (resource.arn, resource.id):
            assert not is_everything(named), named


@each("control", EVERY, ids=lambda control: control.id)
def test_whatever_is_in_every_arn_of_a_control_names_nothing(control: AnyControl) -> None:
    """12.4: `*:123456789012:*` matched all that the guard guards, and passed for narrow."""
    for resource in risky(control):
        place = resource.place
        shapes = shapes_of(control.id, place)
        arn = resource.arn.split(":", 5)
        for part in filter(None, arn[2:5]):
            for pattern in (f"*:{part}:*", f"a*:{part}:*", f"*:?{part[1:]}:*", f"*{part}*"):
                assert is_everything(pattern, shapes), pattern
        for named in (resource.arn, resource.id):
            assert not is_everything(named, shapes), named


def test_what_names_a_part_of_names_is_everything_to_no_control() -> None:
    """Not among the ARNs of all controls together, and so not among those of any."""
    together = {
        shape
        for control in EVERY
        for resource in risky(control)
        for shape in shapes_of(control.id, resource.place)
    }
    for named in ("prod-*", "*-staging", "arn:aws:s3:::team-a-*"):
        assert not is_everything(named, together), named


@pytest.mark.parametrize(
    ("control", "pattern"),
    [
        ("ec2.open-ingress", "*/sg-*"),
        ("ec2.open-ingress", "*security-group*"),
        ("ec2.open-ingress", "arn:aws:ec2:*:123456789012:security-group*"),
        ("ec2.open-ingress", "*:*:security-group/sg-0*"),
        ("wafv2.logging-deleted", "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/*"),
        ("wafv2.disassociated", "arn:aws:apigateway:us-east-1::/restapis/*"),
    ],
)
def test_a_kind_alone_names_nothing(control: str, pattern: str) -> None:
    assert is_everything(pattern, shapes_of(control, Place("123456789012", "us-east-1")))


@each(
    "pattern",
    [
        *("sg-*", "sg-0*", "?*-*", "*-*", "*0*", "a*", "*a", "*e*", "i-*", "vpc-?*", "*.*", "*_*"),
        *("????????????????????", "arn:aws:s3:::*", "arn:aws:s3:::?*", "arn:aws:s3:::*-*"),
        *("arn:aws:ec2:us-east-1:123456789012:security-group/sg-*", "arn:aws:ec2:*:*:*/sg-*"),
        *("arn:aws:iam::123456789012:role/*", "*:security-group/*", "arn:aws:ec2*", "arn*"),
    ],
)
def test_a_pattern_that_names_nothing_is_everything(pattern: str) -> None:
    assert is_everything(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("prod-*", "*-staging", "www", "sg-0a1b2c3d", "sg-0a1b2c*", "eu-*", "*.example.com"),
        *("arn:aws:s3:::team-a-*", "arn:aws:iam::123456789012:role/ci/*", "[*]", "wares?"),
        *("arn:aws:ssm:us-east-1:123456789012:parameter/prod/*", "*/load-test/*"),
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/*",
    ],
)
def test_a_pattern_that_names_a_part_is_not(pattern: str) -> None:
    assert not is_everything(pattern)


PEOPLE = tuple(Person(name) for name in ("ann", "bob", "carol", "dan"))
SEVERE = Terms(quorum=2, approvers=("carol", "dan"), min_severity=90)
OF_IAM = Terms(approvers=("ann",), controls=("iam.*",), seconds=60)
POLICY = Policy(people=PEOPLE, approvals=(SEVERE, OF_IAM, Terms()))


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        ("exempt", {"control": "iam.leaked-key"}, [(2, ("carol", "dan"))]),
        ("exempt", {"control": "iam.old-key"}, [(1, ("ann",))]),
        ("accept-baseline", {"control": "s3.versioning-suspended"}, [(1, ())]),
        ("reset-trust", {"control": "iam.leaked-key"}, [(2, ("carol", "dan"))]),
        ("rearm", {"scope": "control iam.leaked-key"}, [(2, ("carol", "dan"))]),
        ("freeze", {"control": "s3.versioning-suspended"}, [(1, ())]),
        *(
            (kind, said, [(2, ("carol", "dan")), (1, ("ann",)), (1, ())])
            for kind, said in (
                ("freeze", {}),
                ("freeze", {"account": "123456789012"}),
                ("rearm", {"scope": "whole"}),
                ("rearm", {"scope": "account 123456789012"}),
                ("rearm", {"scope": "control gone.with-an-update"}),
            )
        ),
        ("unfreeze", {}, [(2, ("carol", "dan")), (1, ("ann",)), (1, ())]),
        ("unfreeze", {"control": "iam.old-key"}, [(1, ("ann",))]),
        ("unexempt", {"control": "iam.leaked-key"}, []),
    ],
)
def test_an_act_needs_what_the_widest_it_covers_needs(
    kind: str, said: dict[str, str], expected: list[tuple[int, tuple[str, ...]]]
) -> None:
    """12.4: acts that accept changes asked for one of `people`, whoever it was."""
    assert [(need.quorum, need.approvers) for need in needs(kind, said, POLICY)] == expected


def test_a_severity_that_may_rise_is_covered_too() -> None:
    low = {"control": "iam.old-key"}
    severity = controls.control("iam.old-key").severity
    terms = Terms(quorum=3, min_severity=severity + 5)
    rising = Policy(people=PEOPLE, approvals=(terms, Terms()))
    assert [need.quorum for need in needs("exempt", low, rising)] == [1]
    unusual = replace(rising, bounds=Bounds(anomalies=Anomalies(raise_by=10)))
    assert [need.quorum for need in needs("exempt", low, unusual)] == [1, 3]


def test_what_may_earn_its_reverts_takes_two_where_there_are_two() -> None:
    control = {"control": "ec2.open-ingress"}
    earning = Policy(people=PEOPLE, earned=frozenset({"ec2.open-ingress"}))
    assert [need.quorum for need in needs("exempt", control, earning)] == [2]
    alone = replace(earning, people=PEOPLE[:1])
    assert [need.quorum for need in needs("exempt", control, alone)] == [1]


def test_to_lift_a_freeze_accepts_nothing_that_was_earned() -> None:
    """Whoever may approve a revert may have the guard revert again."""
    control = {"control": "ec2.open-ingress"}
    earning = Policy(people=PEOPLE, earned=frozenset({"ec2.open-ingress"}))
    assert [need.quorum for need in needs("unfreeze", control, earning)] == [1]


def test_each_of_the_terms_has_a_quorum_of_its_own() -> None:
    wanted = (Need(2, ("carol", "dan"), 60), Need(1, ("ann",), 60))
    assert lacking(wanted, {"carol"}) == "1 more must agree, of dan"
    assert lacking(wanted, {"carol", "dan"}) == "1 more must agree, of ann"
    assert lacking(wanted, {"carol", "dan", "ann"}) == ""
    assert lacking(wanted, {"bob"}) == "2 more must agree, of carol, dan"
