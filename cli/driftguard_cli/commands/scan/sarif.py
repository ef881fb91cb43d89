"""Writes a verdict in SARIF 2.1.0, as code scanning services read it.

Findings that are not flagged are left out, because services take every result for an alert.

Sources: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub Docs,
"SARIF support for code scanning" (what it requires, `security-severity`, fingerprints).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from driftguard.analysis.secrets import Exposed
from driftguard.documents import Document, Json, text

from .verdict import Verdict, points

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_INSIDE = "!/"
_SECRET = "secret/"
# A secret in the open is as bad as what it opens, which nobody knows.
_SECRET_POINTS = 90


def as_sarif(verdict: Verdict) -> str:
    """Return flagged findings and exposed secrets, one rule a kind; equal for equal verdicts.

    What could not be checked is a notification of the run, which then did not succeed.
    """
    rules: dict[str, dict[str, Json]] = {}
    results: list[Json] = []
    for finding in verdict.flagged:
        rule = _rule(finding, _points(finding, verdict))
        known = rules.setdefault(text(finding, "id"), rule)
        if _severity(known) < _severity(rule):
            rules[text(finding, "id")] = rule
        results.extend(_results(finding, verdict))
    for exposed in verdict.exposures.found if verdict.exposures else ():
        rules.setdefault(_secret_id(exposed), _secret_rule(exposed))
        results.append(_secret_result(exposed, verdict))
    document: Document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Driftguard",
                        "semanticVersion": version("driftguard"),
                        "rules": [rules[id_] for id_ in sorted(rules)],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": not verdict.unknown,
                        "toolExecutionNotifications": [
                            {"level": "error", "message": {"text": why}} for why in verdict.unknown
                        ],
                    }
                ],
                "results": results,
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


# ------------------------------------------------------------------------------- advisories


def _points(finding: Document, verdict: Verdict) -> int:
    """The severity of a finding; without one, just severe enough to be flagged."""
    severity = points(finding)
    return max(1, verdict.judge.settings.min_severity) if severity is None else severity


def _rule(finding: Document, severity: int) -> dict[str, Json]:
    id_ = text(finding, "id")
    summary = text(finding, "summary") or f"A known vulnerability, {id_}"
    return {
        "id": id_,
        "name": "InsecureLibrary",
        "shortDescription": {"text": summary},
        "fullDescription": {"text": f"{id_}: {summary}"},
        "helpUri": f"https://osv.dev/vulnerability/{quote(id_, safe='')}",
        "help": {"text": f"{summary}. Also known as: {_listed(finding, 'ids')}."},
        "defaultConfiguration": {"level": _level(severity)},
        "properties": {
            "security-severity": f"{severity / 10:.1f}",
            "precision": "very-high",
            "tags": ["security", "external/cwe/cwe-1395"],
        },
    }


def _severity(rule: dict[str, Json]) -> float:
    properties = rule["properties"]
    return float(text(properties, "security-severity")) if isinstance(properties, dict) else 0.0


def _level(severity: int) -> str:
    return "error" if severity >= 70 else "warning" if severity >= 40 else "note"


def _results(finding: Document, verdict: Verdict) -> Iterator[Json]:
    package = f"{text(finding, 'package')} {text(finding, 'version')}".rstrip()
    package += verdict.guess(finding)
    fixed = _listed(finding, "fixed_in")
    message = f"{package} has {text(finding, 'id')}; " + (
        f"fixed in {fixed}." if fixed else "no fix is known."
    )
    places = finding.get("places")
    for place in places if isinstance(places, (list, tuple)) and places else [""]:
        # What is upgraded to another bad version is the same alert still.
        same = (
            text(finding, "id"),
            text(finding, "ecosystem"),
            text(finding, "package"),
            str(place),
        )
        yield {
            "ruleId": text(finding, "id"),
            "level": _level(_points(finding, verdict)),
            "message": {"text": message},
            "locations": [_location(verdict, str(place))],
            "partialFingerprints": {"primaryLocationLineHash": _fingerprint(*same)},
        }


def _listed(finding: Document, name: str) -> str:
    value = finding.get(name)
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else ""


# ------------------------------------------------------------------------------- secrets


def _secret_id(exposed: Exposed) -> str:
    return _SECRET + re.sub(r"[^a-z0-9]+", "-", exposed.kind.lower()).strip("-")


def _secret_rule(exposed: Exposed) -> dict[str, Json]:
    what = f"A secret in the open: {exposed.kind}"
    return {
        "id": _secret_id(exposed),
        "name": "SecretInTheOpen",
        "shortDescription": {"text": what},
        "fullDescription": {"text": what},
        "help": {"text": "Move it to a secret store, and rotate it: others may have read it."},
        "defaultConfiguration": {"level": _level(_SECRET_POINTS)},
        "properties": {
            "security-severity": f"{_SECRET_POINTS / 10:.1f}",
            "precision": "high",
            "tags": ["security", "external/cwe/cwe-798"],
        },
    }


def _secret_result(exposed: Exposed, verdict: Verdict) -> Json:
    place, _, line = exposed.place.rpartition(":")
    of_key = f" of the access key {exposed.key_id}" if exposed.key_id else ""
    return {
        "ruleId": _secret_id(exposed),
        "level": _level(_SECRET_POINTS),
        "message": {"text": f"A secret in the open: {exposed.kind}{of_key}."},
        "locations": [_location(verdict, place, int(line))],
        "partialFingerprints": {
            "primaryLocationLineHash": _fingerprint(_secret_id(exposed), exposed.place)
        },
    }


# ------------------------------------------------------------------------------- places


def _location(verdict: Verdict, place: str, line: int = 1) -> Json:
    """The file that a place is in, and the place as it is called here.

    What is inside an archive has no lines; the services want one.
    """
    file = _file(verdict.subject.path, verdict.subject.name, place)
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": file},
            "region": {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 1},
        },
        "logicalLocations": [{"fullyQualifiedName": place or verdict.subject.name}],
    }


def _file(path: str, name: str, place: str) -> str:
    """As an address relative to where the scan was run, which is the root of the repository."""
    if not path:
        return _address(name.replace(":", "/"))
    file = Path(path)
    if file.is_dir():
        file /= place.partition(_INSIDE)[0]
    here = Path.cwd()
    if file.is_absolute():
        if not file.is_relative_to(here):
            return file.as_uri()
        file = file.relative_to(here)
    return _address(file.as_posix())


def _address(path: str) -> str:
    """A path as an address, of the bytes that a file's name is made of: they need not be UTF-8."""
    return quote(path, errors="surrogateescape")


def _fingerprint(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:32]
