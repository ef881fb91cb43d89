"""A report for programs: CSV, JSON, OCSF."""

from __future__ import annotations

import csv
import io
import json

from driftguard_cli.commands.report import tables
from tests.support.audit import group
from tests.support.ocsf import check
from tests.support.reporting import a_report, a_risk, recorded, swept


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(tables.as_csv(a_report()))))


def test_csv_has_a_row_for_each_risk_decision_and_act() -> None:
    kinds = [row["kind"] for row in rows()]
    assert kinds.count("risk") == len(swept().risks)
    assert kinds.count("decision") + kinds.count("act") == len(recorded().decided)
    assert kinds.count("act") == 1


def test_csv_says_how_long_a_revert_took_and_what_a_risk_is_about() -> None:
    by_id = {row["decision"]: row for row in rows() if row["decision"]}
    assert by_id[f"dg-{20:024x}"]["seconds_to_revert"] == "340.0"
    assert by_id[f"dg-{24:024x}"]["seconds_to_revert"] == ""
    (exempt,) = [row for row in rows() if row["status"] == "exempted"]
    assert (exempt["security_hub"], exempt["cis_3_0_0"], exempt["cis_5_0_0"]) == (
        "S3.2 S3.3 S3.8",
        "2.1.4",
        "2.1.4",
    )
    assert exempt["nist_800_53_r5"].startswith("AC-3 AC-3(7) AC-4 AC-4(21) AC-6 AC-21 SC-7 ")
    assert exempt["region"] == "global"


def test_a_name_that_a_spreadsheet_would_compute_is_text() -> None:
    made = a_report(swept=None, recorded=None)
    risk = a_risk(resource=group("sg-1"), summary="=HYPERLINK(0) is open")
    only = a_report(swept=type(swept())((), (), 1, (risk,), ()), recorded=None)
    (row,) = csv.DictReader(io.StringIO(tables.as_csv(only)))
    assert row["summary"] == "'=HYPERLINK(0) is open"
    assert list(csv.DictReader(io.StringIO(tables.as_csv(made)))) == []


def test_ocsf_has_a_valid_finding_for_each_risk_decision_and_act() -> None:
    findings = [json.loads(line) for line in tables.as_ocsf(a_report()).splitlines()]
    assert len(findings) == len(swept().risks) + len(recorded().decided)
    for finding in findings:
        # The head of a decision's log is made when it is recorded: these never were.
        finding.get("unmapped", {}).pop("head", None)
        check(finding)
    assert len({finding["metadata"]["uid"] for finding in findings}) == len(findings)


def test_json_has_the_figures_of_the_page_and_all_that_they_count() -> None:
    told = json.loads(tables.as_json(a_report()))
    assert told["now"]["by_severity"] == {"critical": 1, "high": 2, "medium": 1, "low": 0}
    assert len(told["now"]["risks"]) == len(swept().risks)
    assert told["now"]["not_read"][0]["control"] == "s3.public-acl"
    decided = told["decided"]
    assert decided["seconds_to_revert"]["all"] == {"reverts": 12, "p50": 7.0, "p95": 5400.0}
    assert decided["answers"] == {
        "reverted": 2,
        "accepted": 1,
        "nobody_voted": 1,
        "open": 1,
        "otherwise": 1,
    }
    assert sum(decided["asks_a_day"].values()) == sum(decided["answers"].values())
    assert len(decided["decisions"]) == len(recorded().decided)
    assert [one["until"] for one in told["accepted"]] == [
        "2026-12-01T00:00:00.000Z",
        "2027-01-01T00:00:00.000Z",
    ]
    (ingress,) = [one for one in told["compliance"] if one["security_hub"] == "EC2.13"]
    assert (ingress["now"], ingress["cis_5_0_0"]) == ("3 risky", ["5.3", "5.4"])
    assert {"AC-4", "CM-7", "SC-7(5)"} <= set(ingress["nist_800_53_r5"])


def test_what_was_not_read_is_null() -> None:
    told = json.loads(tables.as_json(a_report(swept=None, recorded=None, why_no_record="no")))
    assert (told["now"], told["decided"], told["why_no_record"]) == (None, None, "no")
