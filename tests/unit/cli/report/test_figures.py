"""The figures of a report: what is counted, what is left out, and how long reverts took."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard import controls
from driftguard.model import Actor, Choice, Resource, Status
from driftguard_cli.commands.report import figures, nist
from driftguard_cli.commands.report.compliance import CIS, cis_of, nist_of, requirements
from driftguard_cli.commands.report.figures import Answers, Bar
from driftguard_cli.commands.report.model import Report, Unread, each_once, with_exemptions
from tests.support.audit import ACCOUNT, group
from tests.support.reporting import (
    a_report,
    a_risk,
    an_exemption,
    bucket,
    decided,
    recorded,
    swept,
    voted,
)
from tests.support.world import ROOT

AT = "2026-11-20T10:00:00.000Z"


def test_severities_have_their_names_and_none_is_left_out_but_the_least() -> None:
    risks = [a_risk(severity=severity) for severity in (95, 90, 89, 40, 1)]
    counted = {bar.name: bar.total for bar in figures.by_severity(risks)}
    assert counted == {"critical": 2, "high": 1, "medium": 1, "low": 1}
    none = a_risk(severity=0)
    assert figures.by_severity([none])[-1] == Bar("informational", (("informational", 1),))


def test_services_stand_in_the_order_of_their_worst_risks() -> None:
    many = [a_risk(severity=50, resource=group(f"sg-{number}")) for number in range(3)]
    bars = figures.by_service([*many, a_risk(control="s3.public-acl", severity=95)])
    assert [(bar.name, bar.total) for bar in bars] == [("s3", 1), ("ec2", 3)]
    assert dict(bars[1].parts) == {"critical": 0, "high": 0, "medium": 3, "low": 0}


def test_what_is_exempted_is_no_risk_and_the_worst_comes_first() -> None:
    report = a_report()
    assert [risk.severity for risk in report.risks] == [95, 85, 85, 45]
    assert [risk.resource.id for risk in report.exempted] == ["website"]


@pytest.mark.parametrize(
    ("resource", "exempted"),
    [
        (group("sg-1"), True),
        (replace(group("sg-1"), region=""), True),
        (group("sg-2"), False),
        (group("sg-1", region="eu-west-1"), False),
        (group("sg-1", account="210987654321"), False),
    ],
    ids=["the stack's", "of no region", "another", "another region's", "another account's"],
)
def test_a_stacks_exemptions_hold_where_the_stack_is(resource: Resource, exempted: bool) -> None:
    until = "2027-01-01T00:00:00.000Z"
    given = an_exemption("sg-1", until, control="ec2.open-ingress")
    found = replace(swept(), risks=(a_risk(resource=resource),))
    (risk,) = with_exemptions(found, replace(recorded(), exemptions=(given,))).risks
    assert risk.exempt == (until if exempted else "")


def test_a_later_end_of_the_policys_stays() -> None:
    given = an_exemption("sg-1", "2027-01-01T00:00:00.000Z", control="ec2.open-ingress")
    later = a_risk(resource=group("sg-1"), exempt="2028-01-01T00:00:00.000Z")
    found = replace(swept(), risks=(later,))
    assert with_exemptions(found, replace(recorded(), exemptions=(given,))).risks == (later,)


def test_a_resource_that_is_listed_in_every_region_counts_once_for_each_control() -> None:
    here = a_risk(control="s3.public-acl", resource=bucket("web"))
    other = a_risk(control="s3.public-policy", resource=bucket("web"))
    assert each_once([here, here, other]) == (here, other)


# ---------------------------------------------------------------------------------- times


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_least_value_that_enough_values_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = figures.percentile(sorted(values), share)
    assert found in values
    assert found is not None
    not_above = sum(value <= found for value in values)
    below = sum(value < found for value in values)
    assert not_above >= share * len(values) - 1e-9
    assert below < share * len(values)


@pytest.mark.parametrize(
    ("values", "p50", "p95"),
    [
        ([], None, None),
        ([3.0], 3.0, 3.0),
        ([1.0, 2.0], 1.0, 2.0),
        ([float(number) for number in range(1, 21)], 10.0, 19.0),
        ([float(number) for number in range(1, 101)], 50.0, 95.0),
    ],
)
def test_percentiles(values: list[float], p50: float | None, p95: float | None) -> None:
    assert figures.percentile(values, 0.5) == p50
    assert figures.percentile(values, 0.95) == p95


def test_reverts_by_the_guard_itself_and_after_votes_are_told_apart() -> None:
    took = figures.times(
        [
            decided(1, AT, 4.0),
            decided(2, AT, 900.0, **voted(Choice.REVERT, "alice")),
            decided(3, AT, 2.0, status=Status.UNDONE),
        ]
    )
    assert (took.by_itself, took.after_votes) == ((2.0, 4.0), (900.0,))
    assert took.all == (2.0, 4.0, 900.0)


@pytest.mark.parametrize(
    ("one", "left_out"),
    [
        ({"actor": Actor.unattributed()}, "unknown"),
        ({"change_time": ""}, "unknown"),
        ({"done": 0}, "already"),
    ],
)
def test_a_revert_whose_time_says_nothing_is_counted_apart(one: Any, left_out: str) -> None:
    took = figures.times([decided(1, AT, 4.0, **one)])
    assert took.all == ()
    assert {"unknown": took.unknown, "already": took.already}[left_out] == 1


def test_what_was_not_reverted_has_no_time() -> None:
    assert figures.times([decided(1, AT, status=Status.FAILED)]) == figures.Times()


def test_a_change_that_a_faster_clock_wrote_took_no_time() -> None:
    assert figures.times([decided(1, AT, -0.4)]).all == (0.0,)


def test_the_distribution_has_each_revert_in_one_step_and_no_empty_ends() -> None:
    took = figures.Times(by_itself=(9.9, 10.0, 10.1), after_votes=(200.0,))
    assert [(bar.name, [count for _, count in bar.parts]) for bar in took.distribution()] == [
        ("up to 10 s", [2, 0]),
        ("up to 30 s", [1, 0]),
        ("up to 1 min", [0, 0]),
        ("up to 5 min", [0, 1]),
    ]
    assert figures.Times().distribution() == []


@given(st.lists(st.floats(0, 1e9)), st.lists(st.floats(0, 1e9)))
def test_the_distribution_loses_none(by_itself: list[float], after_votes: list[float]) -> None:
    took = figures.Times(tuple(sorted(by_itself)), tuple(sorted(after_votes)))
    assert sum(bar.total for bar in took.distribution()) == len(by_itself) + len(after_votes)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "none"),
        (0.84, "0.8 s"),
        (59.6, "60 s"),
        (600, "10 min"),
        (9000, "2.5 h"),
        (400_000, "4.6 d"),
    ],
)
def test_times_in_words(seconds: float | None, words: str) -> None:
    assert figures.duration(seconds) == words


# --------------------------------------------------------------------------------- asking


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"status": Status.ASKED}, "open"),
        ({"status": Status.DENIED}, "accepted"),
        ({"status": Status.EXPIRED}, "nobody_voted"),
        ({"status": Status.REVERTED, **voted(Choice.REVERT, "alice")}, "reverted"),
        ({"status": Status.FAILED, **voted(Choice.REVERT, "alice")}, "reverted"),
        ({"status": Status.REVERTED, **voted(Choice.REVERT)}, "otherwise"),
        ({"status": Status.REVERTED, "quorum": 2, **voted(Choice.REVERT, "alice")}, "otherwise"),
        (
            {"status": Status.REVERTED, "quorum": 2, **voted(Choice.REVERT, "alice", "alice")},
            "otherwise",
        ),
    ],
)
def test_what_became_of_a_request(fields: dict[str, Any], answer: str) -> None:
    asked = decided(1, AT, **{"expires": AT, **fields})
    assert figures.answers([asked]) == replace(Answers(), **{answer: 1})
    assert (
        figures.answers([replace(asked, decision=replace(asked.decision, expires=""))]).total == 0
    )


def test_every_day_of_the_period_is_counted_those_without_a_request_too() -> None:
    asked = [decided(1, AT, expires=AT), decided(2, "2026-11-22T23:59:59.999Z", expires=AT)]
    days = figures.asks_a_day([*asked, decided(3, AT)], "2026-11-20", "2026-11-22T12:00:00")
    assert days == [("2026-11-20", 1), ("2026-11-21", 0), ("2026-11-22", 1)]


def test_operators_acts_are_no_decisions_about_changes() -> None:
    report = a_report()
    assert [one.decision.summary for one in report.acts] == ["freeze by bob"]
    assert len(report.decisions) == len(recorded().decided) - 1
    days = [one.decision.decided for one in report.decisions]
    assert days == sorted(days, reverse=True)


# ----------------------------------------------------------------------------- compliance


# Source: NIST SP 800-53 rev. 5, table 1 (security and privacy control families).
FAMILIES = "AC AT AU CA CM CP IA IR MA MP PE PL PM PS PT RA SA SC SI SR"


def test_the_table_names_only_what_our_controls_name() -> None:
    named = {one.security_hub for one in requirements(controls.every())}
    assert set(CIS) <= named


def test_a_risk_has_each_requirement_once_in_the_order_of_their_numbers() -> None:
    assert cis_of(["EC2.13", "EC2.14", "S3.1", "IAM.5", "unknown.1"]) == (
        ("1.10", "2.1.4", "5.2", "5.3"),
        ("1.9", "2.1.4", "5.3", "5.4"),
    )


def test_nist_is_told_for_real_controls_of_security_hub_and_in_nists_own_order() -> None:
    named = {one.security_hub: one for one in requirements(controls.every())}
    assert set(nist.NIST) <= set(named)
    for name, listed in nist.NIST.items():
        assert listed
        assert len(set(listed)) == len(listed), name
        for one in listed:
            assert re.fullmatch(r"[A-Z]{2}-[1-9][0-9]?(\([1-9][0-9]?\))?", one), one
            assert one[:2] in FAMILIES.split(), one
        assert named[name].nist == listed
    assert nist.NIST["IAM.7"] == ("AC-2(1)", "AC-2(3)", "AC-3(15)", "IA-5(1)")
    assert nist_of(["KMS.3", "KMS.4", "unknown.1"]) == ("SC-12", "SC-12(2)", "SC-28(3)")


def test_the_docs_name_every_control_whose_requirements_were_not_read() -> None:
    named = {one.security_hub for one in requirements(controls.every())}
    assert set(nist.NOT_READ) <= named - set(nist.NIST)
    told = re.findall(r"[A-Za-z0-9]+\.[0-9]+", (ROOT / "docs" / "report.md").read_text())
    assert set(nist.NOT_READ) <= set(told)


def of_hub(report: Report, name: str) -> figures.Standing:
    every = figures.standings(report)
    return next(one for one in every if one.requirement.security_hub == name)


def test_where_a_requirement_stands() -> None:
    report = a_report()
    found = of_hub(report, "EC2.13")
    assert (found.in_words, found.risky) == ("3 risky", 3)
    reverted = [one for one in report.decisions if one.decision.status is Status.REVERTED]
    of_it = [one for one in reverted if one.decision.control in found.requirement.controls]
    assert found.reverted == len(of_it) > 0
    assert of_hub(report, "IAM.5").in_words == "not looked at"
    assert of_hub(report, "KMS.4").in_words == "nothing found"


def test_nothing_found_is_said_only_of_what_was_looked_at_and_read() -> None:
    clean = replace(swept(), risks=(), unread=())
    assert of_hub(a_report(swept=clean), "EC2.13").in_words == "nothing found"
    unread = Unread(ACCOUNT, "us-east-1", "ec2.open-ingress", "", "refused")
    failed = replace(clean, unread=(unread,))
    assert of_hub(a_report(swept=failed), "EC2.13").in_words == "unknown: 1 not read"
    assert of_hub(a_report(swept=None), "EC2.13").in_words == "not looked at"
    exempt = replace(clean, risks=(a_risk(exempt=AT),))
    assert of_hub(a_report(swept=exempt), "EC2.13").in_words == "1 exempted"
