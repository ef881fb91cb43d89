"""AWS Private CA: certificate authorities open by their policy.

Who may issue certificates of a private authority can pass for anybody whom its clients trust.
Source: AWS Private CA API Reference, "PutPolicy", "GetPolicy" and "DeletePolicy".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Trigger, resource
from .mechanisms.resource_policy import OpenPolicy

_PCA = "acm-pca.amazonaws.com"
_AUTHORITIES = ("arn:{partition}:acm-pca:{region}:{account}:certificate-authority/*",)
_KIND = "acmpca.certificate-authority"


def _authority(change: Change) -> Iterator[Candidate]:
    id_ = text(change.request, "resourceArn").partition(":certificate-authority/")[2]
    if id_:
        where = f"acm-pca:{{region}}:{{account}}:certificate-authority/{id_}"
        yield Candidate(resource(change, _KIND, id_, where), Certainty.POSSIBLE)


def _authorities(reader: Reader) -> Iterator[Resource]:
    listing = reader.pages("acm-pca", "ListCertificateAuthorities", "CertificateAuthorities")
    for authority in map(document, listing):
        arn = text(authority, "Arn")
        # One whose deletion is scheduled issues nothing.
        if text(authority, "Status") != "DELETED":
            yield Resource(_KIND, arn.rpartition("/")[2], reader.account, reader.region, arn)


def _policy(authority: Resource, reader: Reader) -> Document:
    found = reader.read(
        "acm-pca",
        "GetPolicy",
        ResourceArn=authority.arn,
        absent=("ResourceNotFoundException", "InvalidStateException"),
    )
    return {"policy": text(document(found), "Policy")}


PUBLIC_POLICY = OpenPolicy(
    id="acmpca.public-policy",
    title="Certificate authority open by its policy",
    severity=88,
    cuts=NOTHING,
    busy=(Busy("ConcurrentModificationException"),),
    references=References(attack=("T1649", "T1098")),
    triggers=(Trigger(_PCA, "PutPolicy"),),
    reads=("acm-pca:GetPolicy", "acm-pca:ListCertificateAuthorities"),
    writes={"acm-pca:PutPolicy": _AUTHORITIES, "acm-pca:DeletePolicy": _AUTHORITIES},
    found_by=_authorities,
    service="acm-pca",
    candidates=_authority,
    written=lambda change: change.request.get("policy"),
    read=_policy,
    put=lambda authority, written, _: Call(
        "acm-pca",
        "PutPolicy",
        {"ResourceArn": authority.arn, "Policy": written},
        on=(authority.arn,),
    ),
    delete=lambda authority, _: Call(
        "acm-pca", "DeletePolicy", {"ResourceArn": authority.arn}, on=(authority.arn,)
    ),
)

CONTROLS = (PUBLIC_POLICY,)
