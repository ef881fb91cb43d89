"""IAM Roles Anywhere: a certificate authority from outside may vouch for workloads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, mapping, moment, text
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Step, Use

from .control import Cuts, References, Trigger, resource
from .mechanisms.granted import Granted
from .mechanisms.sharing import is_trusted

_SOURCE = "rolesanywhere.amazonaws.com"
_ANCHOR = ("arn:{partition}:rolesanywhere:{region}:{account}:trust-anchor/*",)
_JUST_MADE = timedelta(minutes=15)
_GONE = ("ResourceNotFoundException",)


def _anchors(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    made = mapping(change.response, "trustAnchor")
    anchor = text(made, "trustAnchorId") or text(change.request, "trustAnchorId")
    described = made or change.request
    if not anchor or flag(described.get("enabled")) is False:
        return
    source = mapping(described, "source")
    if _is_fine(source, change.account, trusted):
        return
    certainty = Certainty.EVIDENT if text(source, "sourceType") else Certainty.POSSIBLE
    where = f"rolesanywhere:{{region}}:{{account}}:trust-anchor/{anchor}"
    yield Candidate(resource(change, "rolesanywhere.trust-anchor", anchor, where), certainty)


def _is_fine(source: Document, own: str, trusted: Trusted) -> bool:
    """Whether the certificates are of AWS Private CA, in the own account or a trusted one."""
    authority = text(mapping(source, "sourceData"), "acmPcaArn")
    kind = text(source, "sourceType")
    return kind == "AWS_ACM_PCA" and is_trusted(authority, own, trusted)


def _read(candidate: Candidate, reader: Reader) -> Document | None:
    anchor = candidate.resource
    answer = reader.read("rolesanywhere", "GetTrustAnchor", trustAnchorId=anchor.id, absent=_GONE)
    if answer is None:
        return None
    described = mapping(document(answer), "trustAnchor")
    source = mapping(described, "source")
    return {
        "owner": anchor.account,
        "name": described["name"],
        "enabled": described["enabled"],
        "source": {
            "sourceType": source.get("sourceType"),
            "sourceData": {"acmPcaArn": text(mapping(source, "sourceData"), "acmPcaArn")},
        },
    }


def _why(state: Document, trusted: Trusted) -> str:
    source = mapping(state, "source")
    if not state["enabled"] or _is_fine(source, text(state, "owner"), trusted):
        return ""
    authority = text(mapping(source, "sourceData"), "acmPcaArn") or "a certificate brought along"
    return f"{state['name']} trusts {authority}: whoever it certifies can assume roles here"


def _used(anchor: Resource, state: Document, reader: Reader) -> Use:
    """Nothing of ours can depend on an anchor that was only just made."""
    answer = reader.read("rolesanywhere", "GetTrustAnchor", trustAnchorId=anchor.id, absent=_GONE)
    made = moment(text(mapping(document(answer), "trustAnchor"), "createdAt"))
    if made is not None and datetime.now(UTC) - made < _JUST_MADE:
        return NOT_IN_USE
    return Use(unknown=TRUST_ANCHOR_CREATED.cuts.question)


def _disable(anchor: Resource, state: Document) -> tuple[Step, ...]:
    parameters = {"trustAnchorId": anchor.id}
    off, on = (
        Call("rolesanywhere", f"{verb}TrustAnchor", parameters, on=(anchor.arn,))
        for verb in ("Disable", "Enable")
    )
    return (Step(off, (on,)),)


TRUST_ANCHOR_CREATED = Granted(
    id="rolesanywhere.trust-anchor-created",
    title="Trust anchor for a certificate authority from outside",
    severity=85,
    cuts=Cuts(
        "workloads that the anchor lets in",
        told_by="whether the anchor was made within the last minutes",
        question="does any workload of yours sign in through the anchor?",
    ),
    uses=_used,
    references=References(
        attack=("T1098.001", "T1649"),
        stratus=("aws.persistence.rolesanywhere-create-trust-anchor",),
    ),
    triggers=(
        Trigger(_SOURCE, "CreateTrustAnchor"),
        Trigger(_SOURCE, "EnableTrustAnchor"),
        Trigger(_SOURCE, "UpdateTrustAnchor"),
    ),
    reads=("rolesanywhere:GetTrustAnchor",),
    reads_use=("rolesanywhere:GetTrustAnchor",),
    writes={
        "rolesanywhere:DisableTrustAnchor": _ANCHOR,
        "rolesanywhere:EnableTrustAnchor": _ANCHOR,
    },
    candidates=_anchors,
    read=_read,
    risky=_why,
    steps=_disable,
    advice="Sessions that the anchor gave already last until they expire, one hour by default.",
    proven="stub",
)

CONTROLS = (TRUST_ANCHOR_CREATED,)
