"""Resource Access Manager: resources shared with somebody outside the organization.

Only RAM itself, and not a record, says which principals are outside. So an account that is in the
organization, though the policy does not name it, is looked at and left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Settling, Trigger, resource
from .mechanisms.sharing import SHARED_WITH, Sharing, is_trusted

_SOURCE = "ram.amazonaws.com"
_SHARE = ("arn:{partition}:ram:{region}:{account}:resource-share/*",)
_GONE = ("UnknownResourceException",)
_ON = ("ASSOCIATING", "ASSOCIATED")


def _shares(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    made = mapping(change.response, "resourceShare")
    arn = text(made, "resourceShareArn") or text(change.request, "resourceShareArn")
    strangers = _strangers(change, trusted)
    certainty = _certainty(change, strangers)
    if not arn.startswith("arn:") or certainty is None:
        return
    where = resource(change, "ram.resource-share", arn, arn.split(":", 2)[2])
    yield Candidate(where, certainty, {SHARED_WITH: [*strangers]})


def _strangers(change: Change, trusted: Trusted) -> list[str]:
    named = change.request.get("principals")
    principals = named if isinstance(named, (list, tuple)) else [named] if named else []
    return sorted(
        str(principal)
        for principal in principals
        if _is_stranger(str(principal), change.account, trusted)
    )


def _certainty(change: Change, strangers: list[str]) -> Certainty | None:
    """The record's certainty; None if it names no outsider and does not open the share."""
    if strangers:
        return Certainty.EVIDENT
    opened = change.name == "UpdateResourceShare" and (
        flag(change.request.get("allowExternalPrincipals")) is not False
    )
    return Certainty.POSSIBLE if opened or omitted(change.request) else None


def _is_stranger(principal: str, own: str, trusted: Trusted) -> bool:
    """Whether this principal is a stranger to the policy. The own organization is none.

    RAM takes no other organization's ARN, and lets only its own services be shared with.
    Source: AWS RAM User Guide, "Creating a resource share in AWS RAM".
    """
    inside = ":organizations::" in principal or principal.endswith(".amazonaws.com")
    return not inside and not is_trusted(principal, own, trusted)


def _read(share: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "ram", "GetResourceShares", resourceOwner="SELF", resourceShareArns=[share.id], absent=_GONE
    )
    described = document(found).get("resourceShares")
    if not isinstance(described, (list, tuple)) or not described:
        return None
    if text(document(described[0]), "status") in ("DELETING", "DELETED"):
        return None
    associations = reader.pages(
        "ram",
        "GetResourceShareAssociations",
        "resourceShareAssociations",
        associationType="PRINCIPAL",
        resourceShareArns=[share.id],
    )
    outside = {
        str(association["associatedEntity"])
        for association in associations
        if association["status"] in _ON and association["external"]
    }
    return {"grantees": [*sorted(outside)]}


def _put(operation: str, share: Resource, principals: list[Json]) -> Call:
    parameters: Document = {"resourceShareArn": share.id, "principals": principals}
    return Call("ram", operation, parameters, on=(share.arn,))


# A principal that is associated again has to accept the invitation again.
EXTERNAL_SHARE = Sharing(
    id="ram.external-share",
    title="Resources shared outside the organization",
    severity=85,
    references=References(attack=("T1537",)),
    triggers=(
        Trigger(_SOURCE, "CreateResourceShare"),
        Trigger(_SOURCE, "AssociateResourceShare"),
        Trigger(_SOURCE, "UpdateResourceShare"),
    ),
    reads=("ram:GetResourceShareAssociations", "ram:GetResourceShares"),
    writes={"ram:DisassociateResourceShare": _SHARE, "ram:AssociateResourceShare": _SHARE},
    cuts=NOTHING,
    settling=Settling(
        5 * 60,
        "a principal is ASSOCIATING or DISASSOCIATING before it is done (AWS RAM API Reference, "
        "ResourceShareAssociation)",
    ),
    candidates=_shares,
    read=_read,
    account_of=str,
    share=lambda share, some: _put("AssociateResourceShare", share, some),
    unshare=lambda share, some: _put("DisassociateResourceShare", share, some),
    proven="stub",
)

CONTROLS = (EXTERNAL_SHARE,)
