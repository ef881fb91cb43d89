"""GuardDuty: members no longer watched, lists of threats off, findings published nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of
from .mechanisms.advice import Advice
from .mechanisms.declared import listed, not_done
from .mechanisms.switch import Switch

_GUARDDUTY = "guardduty.amazonaws.com"
_DETECTOR = "arn:{partition}:guardduty:{region}:{account}:detector/*"
# What is done to members knows no resources.
_MEMBERS = ("*",)
_OWN_ROLE = (
    "arn:{partition}:iam::{account}:role/aws-service-role/guardduty.amazonaws.com/"
    "AWSServiceRoleForAmazonGuardDuty",
)
# GuardDuty's word for whatever it does not know.
_GONE = ("BadRequestException",)
_REFERENCES = References(attack=("T1562.001",))
# How an account that is no member, or not yet, stands to an administrator.
# Source: Amazon GuardDuty User Guide, "Understanding the relationship between GuardDuty
# administrator account and member accounts".
_NO_MEMBER = frozenset(
    {
        *("", "Created", "EmailVerificationFailed", "EmailVerificationInProgress"),
        *("Invited", "Removed", "Resigned"),
    }
)


def _part(change: Change, kind: str, id_: str) -> Resource | None:
    """A part of a detector: a member, a list, a destination."""
    detector = text(change.request, "detectorId")
    if not detector or not id_:
        return None
    here = f"arn:{partition_of(change.region)}:guardduty:{change.region}:{change.account}"
    arn = f"{here}:detector/{detector}/{kind}/{id_}"
    return Resource(f"guardduty.{kind}", id_, change.account, change.region, arn)


def _detector_of(part: Resource) -> str:
    return part.arn.split("/")[1]


def _each_member(change: Change, *names: str) -> Iterator[Candidate]:
    """The members that a call names, if it is one of these, and that it was not refused."""
    refused = not_done(change.response, "UnprocessedAccounts", "AccountId")
    for id_ in listed(change.request, "accountIds") if change.name in names else ():
        member = _part(change, "member", str(id_))
        if member is not None and str(id_) not in refused:
            yield Candidate(member, Certainty.EVIDENT)


# -------------------------------------------------------------------------------- the members


def _relationship(member: Resource, reader: Reader) -> str:
    """How a member stands to this account: `Enabled`, `Disabled`, `Removed`; "" for a stranger."""
    found = reader.read(
        "guardduty",
        "GetMembers",
        DetectorId=_detector_of(member),
        AccountIds=[member.id],
        absent=_GONE,
    )
    told = next(items(document(found).get("Members")), {})
    return text(told, "RelationshipStatus")


def _monitored(member: Resource, reader: Reader) -> Document | None:
    status = _relationship(member, reader)
    return None if status in _NO_MEMBER else {"monitored": status == "Enabled"}


def _monitor(member: Resource, state: Document) -> Call:
    operation = "StartMonitoringMembers" if state["monitored"] else "StopMonitoringMembers"
    parameters = {"DetectorId": _detector_of(member), "AccountIds": [member.id]}
    return Call("guardduty", operation, parameters, on=_MEMBERS)


def _removed(member: Resource, reader: Reader) -> Document | None:
    """The state of an account that is no member any more; None if it is one again."""
    status = _relationship(member, reader)
    return {"relationship": status or "none"} if status in _NO_MEMBER else None


# ---------------------------------------------------------------------------------- the lists

# The lists of hostile addresses, and those of addresses and domains that came after them: how the
# API calls each, and the parameter that names it, by the kind of the resource.
# Source: Amazon GuardDuty User Guide, "Customizing threat detection with entity lists and IP
# address lists".
_LISTS = {
    "threatintelset": ("ThreatIntelSet", "ThreatIntelSetId"),
    "threatentityset": ("ThreatEntitySet", "ThreatEntitySetId"),
}


def _list_named(change: Change, verb: str) -> Resource | None:
    """The list that a change names, if it is this call of one of the kinds."""
    for kind, (called, parameter) in _LISTS.items():
        if change.name == f"{verb}{called}":
            id_ = text(change.request, f"{parameter[0].lower()}{parameter[1:]}")
            return _part(change, kind, id_)
    return None


def _listed(change: Change) -> Iterator[Candidate]:
    list_ = _list_named(change, "Update")
    active = flag(change.request.get("activate"))
    if list_ is not None and active is not True:
        yield Candidate(list_, Certainty.EVIDENT if active is False else Certainty.POSSIBLE)


def _active(list_: Resource, reader: Reader) -> Document | None:
    called, parameter = _LISTS[list_.kind.removeprefix("guardduty.")]
    named = {"DetectorId": _detector_of(list_), parameter: list_.id}
    found = reader.read("guardduty", f"Get{called}", absent=_GONE, **named)
    status = text(document(found), "Status")
    if status in ("", "DELETED", "DELETE_PENDING"):
        return None
    # One that GuardDuty cannot read is an error, and was not switched off.
    return {"active": status not in ("INACTIVE", "DEACTIVATING")}


def _set_active(list_: Resource, state: Document) -> Call:
    called, parameter = _LISTS[list_.kind.removeprefix("guardduty.")]
    parameters: Document = {
        "DetectorId": _detector_of(list_),
        parameter: list_.id,
        "Activate": state["active"],
    }
    role = _OWN_ROLE[0].format(partition=list_.partition, account=list_.account)
    return Call("guardduty", f"Update{called}", parameters, on=(list_.arn, role))


def _deleted_part(change: Change) -> Iterator[Candidate]:
    """A list of threats, or a destination of findings, that was deleted."""
    part = _list_named(change, "Delete")
    if change.name == "DeletePublishingDestination":
        part = _part(change, "publishingDestination", text(change.request, "destinationId"))
    if part is not None:
        deleted = part.kind.removeprefix("guardduty.")
        yield Candidate(part, Certainty.EVIDENT, {"deleted": deleted})


CONTROLS = (
    Switch(
        id="guardduty.monitoring-stopped",
        title="GuardDuty no longer watches a member",
        severity=85,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(_GUARDDUTY, "StopMonitoringMembers"),
            Trigger(_GUARDDUTY, "StartMonitoringMembers"),
        ),
        proven="stub",
        reads=("guardduty:GetMembers",),
        writes={
            "guardduty:StartMonitoringMembers": _MEMBERS,
            "guardduty:StopMonitoringMembers": _MEMBERS,
        },
        candidates=lambda change: _each_member(change, "StopMonitoringMembers"),
        read=_monitored,
        risky=lambda state, _: (
            "" if state["monitored"] else "the member account makes no findings any more"
        ),
        safe=lambda state, _: {"monitored": True},
        put=_monitor,
    ),
    Advice(
        id="guardduty.members-removed",
        title="Account taken out of GuardDuty's members",
        severity=80,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(_GUARDDUTY, "DisassociateMembers"),
            Trigger(_GUARDDUTY, "DeleteMembers"),
            Trigger(_GUARDDUTY, "CreateMembers"),
        ),
        reads=("guardduty:GetMembers",),
        revert="to add a member takes its address, and outside of an organization its consent",
        candidates=lambda change: _each_member(change, "DisassociateMembers", "DeleteMembers"),
        read=_removed,
        why="the account's findings no longer reach this one",
        advice="Add the account again, and see what its detector found meanwhile.",
    ),
    Switch(
        id="guardduty.threat-list-off",
        title="GuardDuty's list of threats switched off",
        severity=65,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=tuple(Trigger(_GUARDDUTY, f"Update{called}") for called, _ in _LISTS.values()),
        proven="stub",
        reads=("guardduty:GetThreatEntitySet", "guardduty:GetThreatIntelSet"),
        writes={
            "guardduty:UpdateThreatEntitySet": (f"{_DETECTOR}/threatentityset/*",),
            "guardduty:UpdateThreatIntelSet": (f"{_DETECTOR}/threatintelset/*",),
            "iam:DeleteRolePolicy": _OWN_ROLE,
            "iam:PutRolePolicy": _OWN_ROLE,
        },
        candidates=_listed,
        read=_active,
        risky=lambda state, _: (
            "" if state["active"] else "no findings are made for what is on the list"
        ),
        safe=lambda state, _: {"active": True},
        put=_set_active,
    ),
    Advice(
        id="guardduty.list-or-destination-deleted",
        title="GuardDuty's list of threats or destination deleted",
        severity=65,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(
            *(Trigger(_GUARDDUTY, f"Delete{called}") for called, _ in _LISTS.values()),
            Trigger(_GUARDDUTY, "DeletePublishingDestination"),
            Trigger(_GUARDDUTY, "CreatePublishingDestination"),
        ),
        revert="what is made again has another id, under which nobody knows it",
        candidates=_deleted_part,
        why="GuardDuty knows fewer threats, or its findings are kept nowhere else any more",
        advice="Make the list or the destination again from its file, its bucket and its key.",
    ),
)
