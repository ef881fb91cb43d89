"""Reads what ECR and Inspector have found in container images and functions.

Sources: Amazon ECR API Reference, "DescribeImageScanFindings" and "ImageScanStatus"; Amazon ECR
User Guide, "Amazon ECR events and EventBridge", "Making requests to Amazon ECR registries" (the
dual-stack names of a registry); Amazon Inspector User Guide, "Amazon EventBridge event schema for
Amazon Inspector events".
"""

from __future__ import annotations

import re
from dataclasses import replace

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text

INSPECTOR = "aws.inspector2"
FINDING = "Inspector2 Finding"

_IMAGE = re.compile(
    r"(?P<registry>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)"
    r"\.(amazonaws\.com(\.cn)?|on\.aws)"
    r"/(?P<name>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_NOT_SCANNED = ("ScanNotFoundException", "ImageNotFoundException", "RepositoryNotFoundException")
# Scans that said all that they ever will; and those that nobody will ever hear more of. The others
# are under way, or went wrong.
_DONE = frozenset({"COMPLETE", "ACTIVE"})
_NEVER = frozenset({"UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "IMAGE_ARCHIVED"})
# One page holds a thousand findings.
_PAGE, _PAGES = 1000, 5


def of_image(image: str, reader: Reader) -> Document:
    """What is known against an image: `{"findings": [...], "unknown": "why", "pending": bool}`.

    An image that nobody scans is not known to be clean; only where a scan is `pending` is it worth
    waiting for an answer.
    """
    parts = _IMAGE.fullmatch(image)
    if parts is None:
        return _unknown(f"{image or 'the image'} is not an image of ECR")
    if parts["registry"] != reader.account:
        return _unknown(f"{image} is another account's")
    found = _scanned(parts, replace(reader, region=parts["region"]))
    if found is None:
        return _unknown(f"{image} was never scanned")
    findings, status, whole = found
    if status in _NEVER:
        return _unknown(f"the scan of {image} is {status}")
    why = "" if status in _DONE else f"the scan of {image} is {status or 'of no known state'}"
    if not why and not whole:
        why = f"the scan of {image} has more than {_PAGE * _PAGES:,} findings"
    return {"findings": findings, "unknown": why, "pending": bool(why)}


def repository_of(image: str, reader: Reader) -> str:
    """The repository of an image of this account and region; "" for any other."""
    parts = _IMAGE.fullmatch(image)
    here = parts and (parts["registry"], parts["region"]) == (reader.account, reader.region)
    return parts["name"] if parts and here else ""


def _unknown(why: str) -> Document:
    return {"findings": [], "unknown": why, "pending": False}


def _scanned(parts: re.Match[str], reader: Reader) -> tuple[list[Json], str, bool] | None:
    """The findings, the scan's status, and if they are complete; None without a scan."""
    which = {"imageDigest": parts["digest"]} if parts["digest"] else {"imageTag": parts["tag"]}
    findings: list[Json] = []
    more: dict[str, str] = {}
    status = ""
    for _ in range(_PAGES):
        found = reader.read(
            "ecr",
            "DescribeImageScanFindings",
            absent=_NOT_SCANNED,
            registryId=parts["registry"],
            repositoryName=parts["name"],
            imageId=which if parts["digest"] or parts["tag"] else {"imageTag": "latest"},
            maxResults=_PAGE,
            **more,
        )
        if found is None:
            return None
        answer = document(found)
        status = text(mapping(answer, "imageScanStatus"), "status")
        scanned = mapping(answer, "imageScanFindings")
        findings += [_basic(item) for item in items(scanned.get("findings"))]
        for item in items(scanned.get("enhancedFindings")):
            findings += of_inspector(item)
        more = {"nextToken": text(answer, "nextToken")}
        if not more["nextToken"]:
            return findings, status, True
    return findings, status, False


def _basic(scanned: Document) -> Document:
    said = {text(item, "key"): text(item, "value") for item in items(scanned.get("attributes"))}
    id_ = text(scanned, "name")
    return {
        "ecosystem": "",
        "package": said.get("package_name", ""),
        "version": said.get("package_version", ""),
        "id": id_,
        "ids": [id_],
        "severity": by_word(text(scanned, "severity")),
        "fixed_in": [],
        "summary": text(scanned, "description")[:300],
        "places": [],
    }


# ------------------------------------------------------------------------------- Inspector


def of_inspector(finding: Document) -> list[Document]:
    """The findings in an active Inspector finding about packages; none in any other.

    `layer` is the Lambda layer that a package comes from, "" for the function's own.
    """
    if text(finding, "status") not in ("", "ACTIVE"):
        return []
    details = mapping(finding, "packageVulnerabilityDetails")
    id_ = text(details, "vulnerabilityId")
    score = finding.get("inspectorScore")
    word = text(finding, "severity")
    points = round(score * 10) if isinstance(score, (int, float)) else by_word(word)
    return [
        {
            "ecosystem": text(item, "packageManager"),
            "package": text(item, "name"),
            "version": text(item, "version"),
            "id": id_,
            "ids": [id_],
            "severity": points,
            "fixed_in": _fixed(text(item, "fixedInVersion")),
            "summary": text(finding, "title")[:300],
            "places": [text(item, "filePath")] if text(item, "filePath") else [],
            "layer": text(item, "sourceLambdaLayerArn"),
        }
        for item in items(details.get("vulnerablePackages"))
    ]


def _fixed(version: str) -> list[Json]:
    return [version] if version and version.lower() not in ("notavailable", "not available") else []


# ECR's and Inspector's words, each the top of its band.
_BY_WORD = {"CRITICAL": 100, "HIGH": 89, "MEDIUM": 69, "LOW": 39, "INFORMATIONAL": 0}


def by_word(word: str) -> int | None:
    """A severity in points (0 to 100) by AWS's word for it; None for an unknown one."""
    return _BY_WORD.get(word.upper())
