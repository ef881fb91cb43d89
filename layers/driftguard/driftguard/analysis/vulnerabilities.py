"""Finds known vulnerabilities in deployed code: compares its inventory with advisories.

Whatever could not be read or asked is reported as `unknown` and never taken for clean. Findings are
plain documents, so that they can be kept in an observation and judged again by other terms.
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from driftguard.aws.client import Aws
from driftguard.aws.time_limit import TimeLimit
from driftguard.documents import Document, Json, text

if TYPE_CHECKING:
    from .advisories.matching import Allowed, Vulnerability
    from .advisories.package import Package
    from .advisories.provider import Advisories

# Code is named by its hash, so what it contains never has to be read twice.
_REMEMBERED: OrderedDict[str, Contents] = OrderedDict()
_MOST_REMEMBERED = 32
# A message has two minutes at most in the guard's Lambda, and one package may not take them all:
# how long its download, its inventory and its advisories may take, in seconds.
_DOWNLOAD_SECONDS, _INVENTORY_SECONDS, _ADVISORIES_SECONDS = 30.0, 20.0, 15.0
# What is told of an archive that cannot be read is its maker's: so many sentences are enough.
_MOST_TROUBLES = 3


@dataclass(frozen=True, slots=True)
class Contents:
    """What a deployment package contains. `unknown` says why that may not be all; "" if it is."""

    packages: tuple[Package, ...] = ()
    unknown: str = ""


def of_code(url: str, sha256: str, name: str, aws: Aws) -> Document:
    """The findings in the code at an address: `{"findings": [...], "unknown": "why" | ""}`.

    `sha256` is Lambda's hash of the code (base64): code with another hash is not judged.
    """
    return findings_in(contents(url, sha256, name, aws.time), aws)


def contents(url: str, sha256: str, name: str, time_limit: TimeLimit) -> Contents:
    """What the code at an address contains, by Lambda's own hash of it. Never raises."""
    if sha256 in _REMEMBERED:
        _REMEMBERED.move_to_end(sha256)
        return _REMEMBERED[sha256]
    from driftguard.aws.download import DownloadFailed, download

    from .inventory import LAMBDA, inventory

    try:
        seconds = min(_DOWNLOAD_SECONDS, time_limit.left())
        with download(url, seconds=seconds) as file:
            if _sha256(file) != sha256:
                return Contents((), f"what Lambda gave as the code of {name} is another code")
            found = inventory(file, f"{name}.zip", replace(LAMBDA, seconds=_INVENTORY_SECONDS))
    except DownloadFailed as error:
        return Contents((), f"the code of {name} could not be had: {error}")
    troubles = "; ".join(found.troubles[:_MOST_TROUBLES])
    unknown = "" if found.complete else f"not all of {name} could be read: {troubles}"
    read = Contents(found.packages, unknown)
    # What ran out of time may be read to its end the next time.
    if found.complete:
        _REMEMBERED[sha256] = read
        if len(_REMEMBERED) > _MOST_REMEMBERED:
            _REMEMBERED.popitem(last=False)
    return read


def findings_in(found: Contents, aws: Aws) -> Document:
    """What is known to be wrong with some contents: `{"findings": [...], "unknown": "why" | ""}`.

    There are none if the stack has no source of advisories.
    """
    findings, unknown = _findings(found.packages, aws)
    return {"findings": findings, "unknown": found.unknown or unknown}


def flagged(
    found: Iterable[Document],
    *,
    min_severity: int,
    fix_available: bool,
    allowed: Iterable[Allowed],
    today: str,
) -> list[Document]:
    """Those findings, as they are, that the terms do not let pass on this day (ISO 8601, UTC)."""
    from .advisories.matching import Terms, sift

    terms = Terms(min_severity, fix_available, tuple(allowed))
    return [finding for finding in found if sift([_vulnerability(finding)], terms, today).flagged]


def provider(aws: Aws) -> Advisories | None:
    """The stack's source of advisories; None if it has none."""
    source = aws.surroundings.advisories
    if not source:
        return None
    if source.startswith("s3://"):
        return _copy_in_a_bucket(aws, source)
    from driftguard.state.table import StateTable

    from .advisories.api import OsvApi
    from .advisories.cache import TableCache
    from .advisories.exchange import Exchange, Patience

    table, place = aws.surroundings.state_table, aws.surroundings.place
    cache = TableCache(StateTable(aws, table, place)) if table else None
    whole = min(_ADVISORIES_SECONDS, aws.time.left())
    patience = Patience(tries=3, request=5, whole=whole)
    return OsvApi(Exchange(source.rstrip("/"), patience), cache)


@lru_cache(maxsize=1)
def _copy_in_a_bucket(aws: Aws, source: str) -> Advisories:
    """Kept as long as the Lambda is warm: npm's archive alone takes seconds to open."""
    import tempfile

    from .advisories.bucket import Bucket
    from .advisories.dump import OsvDump

    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    working = Path(tempfile.gettempdir()) / "driftguard-advisories"
    working.mkdir(mode=0o700, exist_ok=True)
    return OsvDump(Bucket(aws, bucket, prefix, working), working)


def as_document(vulnerability: Vulnerability) -> Document:
    """A vulnerability as an observation keeps it."""
    return {
        "ecosystem": vulnerability.package.ecosystem,
        "package": vulnerability.package.name,
        "version": vulnerability.package.version,
        "id": vulnerability.id,
        "ids": list(vulnerability.ids),
        "severity": vulnerability.severity.points if vulnerability.severity else None,
        "fixed_in": list(vulnerability.fixed_in),
        "summary": vulnerability.summary[:300],
        "places": list(vulnerability.places[:5]),
    }


def _vulnerability(finding: Document) -> Vulnerability:
    from .advisories.matching import Vulnerability
    from .advisories.package import Coordinates
    from .advisories.severity import Severity

    points = finding.get("severity")
    return Vulnerability(
        package=Coordinates(
            text(finding, "ecosystem"), text(finding, "package"), text(finding, "version")
        ),
        id=text(finding, "id"),
        ids=_texts(finding, "ids"),
        severity=Severity(points, "") if isinstance(points, int) else None,
        fixed_in=_texts(finding, "fixed_in"),
        summary=text(finding, "summary"),
        places=_texts(finding, "places"),
    )


def _texts(container: Document, name: str) -> tuple[str, ...]:
    value = container.get(name)
    return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else ()


# -------------------------------------------------------------------------------- holding against


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
    return [as_document(vulnerability) for vulnerability in matches.vulnerabilities], unknown
