"""What is known to be wrong with deployed code: its inventory, held against advisories.

What could not be read, or asked, is told as `unknown`: it is never taken for clean. Findings are
plain documents, so that they can be kept in a facet and judged again by other terms.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from .aws import Aws
from .model import Document, Json
from .trail import items, text

if TYPE_CHECKING:
    from .advisories.matching import Allowed, Vulnerability
    from .advisories.package import Package
    from .advisories.provider import Advisories

# Code is named by its hash, so what it contains never has to be read twice.
_REMEMBERED: OrderedDict[str, tuple[tuple[Package, ...], str]] = OrderedDict()
_MOST_REMEMBERED = 32


def of_code(url: str, sha256: str, name: str, aws: Aws) -> Document:
    """The findings in the code at an address: `{"findings": [...], "unknown": "why" | ""}`.

    `sha256` is Lambda's own of it (base64): code that is another is not judged.
    """
    packages, unknown = _packages(url, sha256, name)
    findings, more = _findings(packages, aws)
    return {"findings": findings, "unknown": unknown or more}


def minded(
    found: Iterable[Document],
    *,
    min_severity: int,
    fix_available: bool,
    allowed: Iterable[Allowed],
    today: str,
) -> list[Document]:
    """Those findings that the terms do not let pass on this day (ISO 8601, UTC)."""
    from .advisories.matching import Terms, sift

    terms = Terms(min_severity, fix_available, tuple(allowed))
    return [as_document(one) for one in sift(map(_vulnerability, found), terms, today).minded]


def provider(aws: Aws) -> Advisories | None:
    """Where advisories come from, as the stack was told; None where it was told nothing."""
    source = aws.surroundings.advisories
    if not source:
        return None
    if source.startswith("s3://"):
        from .advisories.bucket import Bucket
        from .advisories.dump import OsvDump

        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        working = Path(tempfile.gettempdir()) / "driftguard-advisories"
        working.mkdir(mode=0o700, exist_ok=True)
        return OsvDump(Bucket(aws, bucket, prefix, working), working)
    from .advisories.api import OsvApi
    from .advisories.cache import TableCache
    from .advisories.exchange import Exchange, Patience
    from .state import StateTable

    table = aws.surroundings.state_table
    cache = TableCache(StateTable(aws, table)) if table else None
    # The guard's Lambda has a minute and a half for a whole change.
    return OsvApi(Exchange(source.rstrip("/"), Patience(tries=3, request=5, whole=25)), cache)


def as_document(one: Vulnerability) -> Document:
    """A vulnerability as a facet keeps it."""
    return {
        "ecosystem": one.package.ecosystem,
        "package": one.package.name,
        "version": one.package.version,
        "id": one.id,
        "ids": list(one.ids),
        "severity": one.severity.points if one.severity else None,
        "fixed_in": list(one.fixed_in),
        "summary": one.summary[:300],
        "places": list(one.places[:5]),
    }


def _vulnerability(one: Document) -> Vulnerability:
    from .advisories.matching import Vulnerability
    from .advisories.package import Coordinates
    from .advisories.severity import Severity

    points = one.get("severity")
    return Vulnerability(
        package=Coordinates(text(one, "ecosystem"), text(one, "package"), text(one, "version")),
        id=text(one, "id"),
        ids=_texts(one, "ids"),
        severity=Severity(points, "") if isinstance(points, int) else None,
        fixed_in=_texts(one, "fixed_in"),
        summary=text(one, "summary"),
        places=_texts(one, "places"),
    )


def _texts(container: Document, name: str) -> tuple[str, ...]:
    value = container.get(name)
    return tuple(str(one) for one in value) if isinstance(value, (list, tuple)) else ()


# ------------------------------------------------------------------------------- reading


def _packages(url: str, sha256: str, name: str) -> tuple[tuple[Package, ...], str]:
    """What the code contains, and why that may not be all."""
    if sha256 in _REMEMBERED:
        _REMEMBERED.move_to_end(sha256)
        return _REMEMBERED[sha256]
    from .inventory import DownloadFailed, download, inventory

    try:
        with download(url) as file:
            if _sha256(file) != sha256:
                return (), f"what Lambda gave as the code of {name} has another hash than it says"
            found = inventory(file, f"{name}.zip")
    except DownloadFailed as error:
        return (), f"the code of {name} could not be had: {error}"
    unknown = "" if found.complete else f"not all of {name} could be read: {found.troubles[0]}"
    _REMEMBERED[sha256] = (found.packages, unknown)
    if len(_REMEMBERED) > _MOST_REMEMBERED:
        _REMEMBERED.popitem(last=False)
    return _REMEMBERED[sha256]


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    file.seek(0)
    return base64.b64encode(digest.digest()).decode()


def _findings(packages: tuple[Package, ...], aws: Aws) -> tuple[list[Json], str]:
    source = provider(aws)
    if source is None or not packages:
        return [], ""
    from .advisories.matching import match
    from .advisories.provider import NotKnown

    answer = source.of(packages)
    matches = match(packages, answer.advisories)
    unknown = answer.reason if isinstance(answer, NotKnown) else ""
    if matches.doubts and not unknown:
        first = matches.doubts[0]
        unknown = f"whether {first.id} concerns {first.package.name}: {first.reason}"
    return [as_document(one) for one in matches.vulnerabilities], unknown


# ------------------------------------------------------------------------- told by others


def of_inspector(finding: Document) -> list[Document]:
    """The findings in an Inspector finding about packages.

    Source: Amazon Inspector User Guide, "Amazon EventBridge event schema for Amazon Inspector
    events".
    """
    details = finding.get("packageVulnerabilityDetails")
    if not isinstance(details, Mapping):
        return []
    id_ = text(details, "vulnerabilityId")
    score = finding.get("inspectorScore")
    word = text(finding, "severity")
    points = round(score * 10) if isinstance(score, (int, float)) else _BY_WORD.get(word)
    return [
        {
            "ecosystem": text(one, "packageManager"),
            "package": text(one, "name"),
            "version": text(one, "version"),
            "id": id_,
            "ids": [id_],
            "severity": points,
            "fixed_in": _fixed(text(one, "fixedInVersion")),
            "summary": text(finding, "title")[:300],
            "places": [text(one, "filePath")] if text(one, "filePath") else [],
        }
        for one in items(details.get("vulnerablePackages"))
    ]


def _fixed(version: str) -> list[Json]:
    return [version] if version and version.lower() not in ("notavailable", "not available") else []


# ECR's and Inspector's words, each the top of its band.
_BY_WORD = {"CRITICAL": 100, "HIGH": 89, "MEDIUM": 69, "LOW": 39, "INFORMATIONAL": 0}


def by_word(word: str) -> int | None:
    """A severity in points (0 to 100) by AWS's word for it; None for an unknown one."""
    return _BY_WORD.get(word.upper())
