"""A verdict as JSON for programs, and as a CycloneDX bill of materials."""

from __future__ import annotations

import json

from driftguard.exposure import Exposed
from driftguard.model import Document, Json

from .verdict import Verdict


def as_json(verdict: Verdict, policy: str) -> str:
    """All of it. Findings are as decisions record them; no secret is in it."""
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
        "minded": list(verdict.minded),
        "allowed": [
            {**one.finding, "until": str(one.by["until"]), "reason": one.by["reason"]}
            for one in verdict.accepted
        ],
        "passed": list(verdict.passed),
        "unknown": list(verdict.unknown),
        "odd": list(subject.inventory.oddities),
        "secrets": [_exposed(one) for one in exposures.found] if exposures else None,
        "secrets_allowed": exposures.allowed if exposures else None,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_cyclonedx(verdict: Verdict) -> str:
    """The inventory, and what is known against it: what is accepted says until when and why."""
    # Only here: the library takes longer to load than all else that the command line needs.
    from ..sbom import Known, cyclonedx

    known = [
        *(Known(one) for one in (*verdict.minded, *verdict.passed)),
        *(
            Known(one.finding, f"accepted until {one.by['until']}: {one.by['reason']}")
            for one in verdict.accepted
        ),
    ]
    return cyclonedx(
        verdict.subject.inventory, verdict.subject.name, known=known, unknown=verdict.unknown
    )


def _exposed(one: Exposed) -> Json:
    told: dict[str, Json] = {"kind": one.kind, "place": one.place}
    return told | ({"key_id": one.key_id} if one.key_id else {})
