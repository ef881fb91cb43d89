"""A verdict as JSON for programs, and as a CycloneDX bill of materials."""

from __future__ import annotations

import json

from driftguard.analysis.secrets import Exposed
from driftguard.documents import Document, Json, text

from .verdict import Verdict


def as_json(verdict: Verdict, policy: str) -> str:
    """Return the whole verdict. Findings are as decisions record them; no secret is in it."""
    settings, subject = verdict.judge.settings, verdict.subject
    exposures = verdict.exposures
    document: Document = {
        "what": subject.name,
        "verdict": verdict.outcome.value,
        "terms": {
            "policy": policy,
            "min_severity": settings.min_severity,
            "fix_available": settings.fix_available,
            "as": subject.resource.arn or subject.resource.id,
            "day": verdict.judge.today,
        },
        "packages": len(subject.inventory.items),
        "flagged": list(verdict.flagged),
        "allowed": [
            {
                **accepted.finding,
                "until": str(accepted.by["until"]),
                "reason": accepted.by["reason"],
            }
            for accepted in verdict.accepted
        ],
        "passed": list(verdict.passed),
        "guessed": sorted(
            {text(finding, "package") for finding in verdict.flagged if verdict.guess(finding)}
        ),
        "unknown": list(verdict.unknown),
        "odd": list(subject.inventory.oddities),
        "secrets": [_exposed(exposed) for exposed in exposures.found] if exposures else None,
        "secrets_allowed": exposures.allowed if exposures else None,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_cyclonedx(verdict: Verdict) -> str:
    """Return the inventory with its vulnerabilities; accepted ones say until when and why."""
    # Only here: the library takes longer to load than all else that the command line needs.
    from .sbom import Known, cyclonedx

    known = [
        *(Known(finding) for finding in (*verdict.flagged, *verdict.passed)),
        *(
            Known(
                accepted.finding, f"accepted until {accepted.by['until']}: {accepted.by['reason']}"
            )
            for accepted in verdict.accepted
        ),
    ]
    return cyclonedx(
        verdict.subject.inventory, verdict.subject.name, known=known, unknown=verdict.unknown
    )


def _exposed(exposed: Exposed) -> Json:
    document: dict[str, Json] = {"kind": exposed.kind, "place": exposed.place}
    return document | ({"key_id": exposed.key_id} if exposed.key_id else {})
