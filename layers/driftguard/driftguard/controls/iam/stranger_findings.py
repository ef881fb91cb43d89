"""Reads GuardDuty's findings about credentials that a stranger seems to use.

It takes findings about an access key, a federated user or the root user. It leaves out findings
that GuardDuty itself rates low or that are about a deed and not about its actor (`Discovery`,
`Policy`, `Stealth`), console sign-ins, samples, findings that the owner archived, and those of
other accounts, which an administrator's account gets as well.

Sources: Amazon GuardDuty User Guide, "GuardDuty IAM finding types", "Finding details" (access key)
and "Processing GuardDuty findings with Amazon EventBridge".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.documents import Document, Json, flag, mapping, text
from driftguard.model import Candidate, Certainty, Change

from ..control import Trigger, resource

GUARDDUTY = "aws.guardduty"
TRIGGER = Trigger(GUARDDUTY, "GuardDuty Finding")
# How the ids of access keys begin. Source: IAM User Guide, "IAM identifiers".
LASTING, TEMPORARY = "AKIA", "ASIA"

# Known bad callers, and credentials that AWS has seen in the wrong hands.
_EVIDENT = frozenset(
    {
        "CredentialAccess:IAMUser/CompromisedCredentials",
        "Recon:IAMUser/MaliciousIPCaller",
        "Recon:IAMUser/TorIPCaller",
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS",
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
        "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS",
        "UnauthorizedAccess:IAMUser/TorIPCaller",
    }
)
# Unusual, but perhaps by the owner; or as right as a list of addresses that people keep themselves.
_SUSPECTED = frozenset(
    {
        "CredentialAccess:IAMUser/AnomalousBehavior",
        "DefenseEvasion:IAMUser/AnomalousBehavior",
        "Exfiltration:IAMUser/AnomalousBehavior",
        "Impact:IAMUser/AnomalousBehavior",
        "InitialAccess:IAMUser/AnomalousBehavior",
        "PenTest:IAMUser/KaliLinux",
        "PenTest:IAMUser/ParrotLinux",
        "PenTest:IAMUser/PentooLinux",
        "Persistence:IAMUser/AnomalousBehavior",
        "PrivilegeEscalation:IAMUser/AnomalousBehavior",
        "Recon:IAMUser/MaliciousIPCaller.Custom",
        "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
    }
)


def known_types() -> frozenset[str]:
    """The types of findings that are read here."""
    return _EVIDENT | _SUSPECTED


def used_by_strangers(change: Change) -> Iterator[Candidate]:
    """The candidate of a finding: a lasting key, a federated user's key, or the root user.

    The temporary keys of roles and users are contained by the controls of `containment`.

    The hint holds the key's id, and the finding's type, id (`claim`) and detector, by which it can
    be read back; `suspected` where GuardDuty may be wrong.
    """
    finding, service = text(change.request, "type"), mapping(change.request, "service")
    key = mapping(mapping(change.request, "resource"), "accessKeyDetails")
    about = text(change.request, "accountId") or change.account
    if about != change.account or flag(service.get("archived")) or is_sample(service):
        return
    id_, owner, kind = (text(key, name) for name in ("accessKeyId", "userName", "userType"))
    if not id_ or finding not in _EVIDENT | _SUSPECTED:
        return
    hint: dict[str, Json] = {
        "key": id_,
        "finding": finding,
        "claim": text(change.request, "id"),
        "detector": text(service, "detectorId"),
    }
    if finding in _SUSPECTED:
        hint["suspected"] = True
    certainty = Certainty.POSSIBLE if finding in _SUSPECTED else Certainty.EVIDENT
    if kind == "Root":
        where = resource(change, "iam.root", "root", "iam::{account}:root")
        yield Candidate(where, certainty, {**hint, "root": True})
    elif kind == "IAMUser" and id_.startswith(LASTING):
        # IAM has no ARN for a key; this one only names it in the record.
        tail = f"iam::{{account}}:access-key/{id_}"
        yield Candidate(resource(change, "iam.access-key", id_, tail), certainty, hint)
    elif kind == "FederatedUser" and owner and id_.startswith(TEMPORARY):
        where = resource(change, "iam.user", owner, f"iam::{{account}}:user/{owner}")
        yield Candidate(where, certainty, {**hint, "owner": owner})


def is_sample(service: Document) -> bool:
    """Whether somebody only tried out how a finding looks."""
    details = mapping(service, "additionalInfo")
    said = text(details, "value").replace(" ", "")
    return flag(details.get("sample")) is True or '"sample":true' in said
