"""What ECR and Inspector have found in container images.

Source: Amazon ECR API Reference, "DescribeImageScanFindings".
"""

from __future__ import annotations

import re

from ..aws import Reader, document
from ..deployed import by_word, of_inspector
from ..model import Document, Json
from ..trail import items, mapping, text

_IMAGE = re.compile(
    r"(?P<registry>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/(?P<name>[^:@]+)"
    r"(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_NOT_SCANNED = ("ScanNotFoundException", "ImageNotFoundException", "RepositoryNotFoundException")


def of_image(image: str, reader: Reader) -> Document:
    """The findings in an image: `{"findings": [...], "unknown": "why" | ""}`.

    Only images of ECR can be looked at; an image of elsewhere is not known.
    """
    parts = _IMAGE.fullmatch(image)
    if parts is None:
        return {"findings": [], "unknown": f"{image or 'the image'} is not an image of ECR"}
    if parts["digest"]:
        which = {"imageDigest": parts["digest"]}
    else:
        which = {"imageTag": parts["tag"] or "latest"}
    found = reader.read(
        "ecr",
        "DescribeImageScanFindings",
        absent=_NOT_SCANNED,
        registryId=parts["registry"],
        repositoryName=parts["name"],
        imageId=which,
    )
    if found is None:
        return {"findings": [], "unknown": f"{image} was never scanned"}
    answer = document(found)
    status = text(mapping(answer, "imageScanStatus"), "status")
    unknown = "" if status in ("COMPLETE", "ACTIVE") else f"the scan of {image} is {status}"
    scanned = mapping(answer, "imageScanFindings")
    findings: list[Json] = [_basic(one) for one in items(scanned.get("findings"))]
    for one in items(scanned.get("enhancedFindings")):
        findings += of_inspector(one)
    return {"findings": findings, "unknown": unknown}


def _basic(one: Document) -> Document:
    said = {text(each, "key"): text(each, "value") for each in items(one.get("attributes"))}
    id_ = text(one, "name")
    return {
        "ecosystem": "",
        "package": said.get("package_name", ""),
        "version": said.get("package_version", ""),
        "id": id_,
        "ids": [id_],
        "severity": by_word(text(one, "severity")),
        "fixed_in": [],
        "summary": text(one, "description")[:300],
        "places": [],
    }
