"""Writes a report for programs: CSV, JSON and OCSF."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from io import StringIO

from driftguard.model import Resource

from ...decisions import as_json_whole
from ..audit.exports import cell
from ..audit.ocsf import detection_finding, swept_finding
from ..exempt import as_document
from . import figures
from .compliance import cis_of, nist_of
from .model import Decided, Report, Risk

_COLUMNS = (
    *("kind", "severity", "control", "title", "account", "region", "resource", "summary"),
    *("status", "exempt_until", "decision", "decided", "change_time", "reverted"),
    *("seconds_to_revert", "actor", "reason", "security_hub", "cis_3_0_0", "cis_5_0_0"),
    "nist_800_53_r5",
)


def as_csv(report: Report) -> str:
    """One row a risk and a decision; a text that others chose never acts as a formula."""
    out = StringIO()
    writer = csv.DictWriter(out, _COLUMNS)
    writer.writeheader()
    for row in _rows(report):
        writer.writerow({name: cell(row.get(name, "")) for name in _COLUMNS})
    return out.getvalue()


def _rows(report: Report) -> Iterator[dict[str, object]]:
    for risk in (*report.risks, *report.exempted):
        yield {
            "kind": "risk",
            **_about(risk.resource),
            **_mapped(risk.security_hub),
            "severity": risk.severity,
            "control": risk.control,
            "title": risk.title,
            "summary": risk.summary,
            "status": "exempted" if risk.exempt else "risky",
            "exempt_until": risk.exempt,
        }
    for held in report.recorded.contained if report.recorded else ():
        yield {
            "kind": "contained",
            **_about(held.candidate.resource),
            "severity": held.severity,
            "control": held.control,
            "title": held.title,
            "summary": held.summary,
            "status": held.status.value,
            "decision": held.id,
            "decided": held.decided,
            "change_time": held.change_time,
            "reason": held.reason,
        }
    for one in (*report.decisions, *report.acts):
        decision = one.decision
        security_hub = report.security_hub_of(decision.control)
        yield {
            "kind": "act" if one.by_an_operator else "decision",
            **_about(decision.candidate.resource),
            **_mapped(security_hub),
            "severity": decision.severity,
            "control": decision.control,
            "title": decision.title,
            "summary": decision.summary,
            "status": decision.status.value,
            "decision": decision.id,
            "decided": decision.decided,
            "change_time": decision.change_time,
            "reverted": one.reverted,
            "seconds_to_revert": _seconds(one),
            "actor": decision.actor.session or decision.actor.principal,
            "reason": decision.reason,
        }


def _about(resource: Resource) -> dict[str, object]:
    return {
        "account": resource.account,
        "region": resource.place.region,
        "resource": resource.arn,
    }


def _mapped(security_hub: tuple[str, ...]) -> dict[str, object]:
    cis = cis_of(security_hub)
    return {
        "security_hub": " ".join(security_hub),
        "cis_3_0_0": " ".join(cis.v3),
        "cis_5_0_0": " ".join(cis.v5),
        "nist_800_53_r5": " ".join(nist_of(security_hub)),
    }


def _seconds(one: Decided) -> float | str:
    known = figures.times([one]).all
    return round(known[0], 3) if known else ""


def as_ocsf(report: Report) -> str:
    """Detection Findings, one a line: risks first, then decisions."""
    at = report.made
    risks = (
        swept_finding(
            *(risk.control, risk.title, risk.summary, risk.severity, risk.resource, risk.exempt),
            at,
        )
        for risk in (*report.risks, *report.exempted)
    )
    decided = (detection_finding(one.decision) for one in (*report.decisions, *report.acts))
    lines = [json.dumps(one, separators=(",", ":")) for one in (*risks, *decided)]
    return "".join(line + "\n" for line in lines)


def as_json(report: Report) -> str:
    """The whole report as one document: what was read, and every figure of the page."""
    return json.dumps(document(report), indent=2) + "\n"


def document(report: Report) -> dict[str, object]:
    """The report for programs. Parts that were not read are null."""
    return {
        "made": report.made,
        "policy": report.policy,
        "now": _now(report),
        "decided": _decided(report),
        "why_no_record": report.why_no_record,
        "accepted": [as_document(one, report.made) for one in report.exemptions],
        "compliance": [
            {
                "security_hub": one.requirement.security_hub,
                "cis_3_0_0": one.requirement.cis.v3,
                "cis_5_0_0": one.requirement.cis.v5,
                "nist_800_53_r5": one.requirement.nist,
                "controls": one.requirement.controls,
                "now": one.in_words,
                "risky": one.risky,
                "exempted": one.exempted,
                "not_read": one.unread,
                "decided": one.decided,
                "reverted": one.reverted,
            }
            for one in figures.standings(report)
        ],
    }


def _now(report: Report) -> dict[str, object] | None:
    if report.swept is None:
        return None
    return {
        "places": [
            {"account": account, "region": region} for account, region in report.swept.places
        ],
        "controls": len(report.swept.controls),
        "looked_at": report.swept.looked_at,
        "by_severity": {bar.name: bar.total for bar in figures.by_severity(report.risks)},
        "by_service": {
            bar.name: {name: count for name, count in bar.parts if count}
            for bar in figures.by_service(report.risks)
        },
        "risks": [_risk(risk) for risk in (*report.risks, *report.exempted)],
        "not_read": [asdict(one) for one in report.swept.unread],
    }


def _risk(risk: Risk) -> dict[str, object]:
    return {
        "control": risk.control,
        "title": risk.title,
        "severity": risk.severity,
        **_about(risk.resource),
        "risk": risk.summary,
        "exempt_until": risk.exempt,
        "security_hub": risk.security_hub,
        "cis_3_0_0": risk.cis.v3,
        "cis_5_0_0": risk.cis.v5,
    }


def _decided(report: Report) -> dict[str, object] | None:
    recorded = report.recorded
    if recorded is None:
        return None
    took = figures.times(report.decisions)
    return {
        "stack": recorded.stack,
        "account": recorded.account,
        "region": recorded.region,
        "since": recorded.since,
        "until": recorded.until,
        "statuses": {status.value: count for status, count in figures.by_status(report.decisions)},
        "seconds_to_revert": {
            name: {
                "reverts": len(some),
                "p50": figures.percentile(some, 0.5),
                "p95": figures.percentile(some, 0.95),
            }
            for name, some in (
                ("all", took.all),
                ("by_itself", took.by_itself),
                ("after_votes", took.after_votes),
            )
        },
        "asks_a_day": dict(figures.asks_a_day(report.decisions, recorded.since, recorded.until)),
        "answers": asdict(figures.answers(report.decisions)),
        "trust": [asdict(row) for row in recorded.trust],
        "contained": [as_json_whole(held) for held in recorded.contained],
        "decisions": [
            {**as_json_whole(one.decision), "reverted_at": one.reverted}
            for one in (*report.decisions, *report.acts)
        ],
    }
