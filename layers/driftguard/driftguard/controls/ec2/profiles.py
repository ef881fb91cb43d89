"""Instances that were given the role of an administrator.

Source: Amazon EC2 User Guide, "Attach an IAM role to an instance".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import Control, Cuts, References
from ..privilege import UnreadableError, broad_by_name, why_admin
from .records import BUSY, EVERY, any_of, found, inner, named, on, string

_GONE = ("NoSuchEntity",)
_HOLDING = ("associating", "associated")


@dataclass(frozen=True, slots=True)
class InstanceProfileSettings:
    """`allowed_profiles`: instance profiles that any instance may carry, whatever they may do.

    Systems Manager's quick set-up gives its own to instances without one.
    """

    allowed_profiles: tuple[str, ...] = ("AmazonSSMRoleForInstancesQuickSetup",)


class InstanceProfileSwapped(Control[InstanceProfileSettings]):
    """An instance now carries a profile whose role is an administrator's.

    Whoever is on the instance is that administrator. A profile where there was none is taken off;
    one that took another's place is not put back, since AWS gives each association an id that the
    undo could not know: people are asked. They are asked as well about an instance that was
    launched with the profile, because its software may be made for it.
    """

    id = "ec2.instance-profile-swapped"
    title = "Instance given an administrator's role"
    severity = 85
    references = References(attack=("T1098", "T1078.004"))
    triggers = (
        on("AssociateIamInstanceProfile"),
        on("ReplaceIamInstanceProfileAssociation"),
        on("RunInstances"),
    )
    reads = (
        "ec2:DescribeIamInstanceProfileAssociations",
        "iam:GetInstanceProfile",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    )
    writes = {
        "ec2:DisassociateIamInstanceProfile": (any_of("instance"),),
        "ec2:AssociateIamInstanceProfile": (any_of("instance"),),
        "iam:PassRole": ("arn:{partition}:iam::{account}:role/*",),
    }
    cuts = Cuts(
        "the software on the instance that uses the role by now",
        question="does software on the instance use the role?",
    )
    busy = BUSY
    baselined = True
    volatile = frozenset({"association"})
    settings = InstanceProfileSettings

    def screen(self, change: Change, settings: InstanceProfileSettings) -> Iterable[Candidate]:
        if change.name == "RunInstances":
            yield from _launched(change, settings)
            return
        asked = inner(change.request, "iamInstanceProfile")
        profile = string(asked, "name") or string(asked, "arn").rpartition("/")[2]
        made = inner(change.response, "iamInstanceProfileAssociation")
        id_ = string(change.request, "instanceId") or string(made, "instanceId")
        if (
            id_
            and (profile or omitted(change.request))
            and profile not in settings.allowed_profiles
        ):
            replaced = change.name == "ReplaceIamInstanceProfileAssociation"
            yield named(change, "instance", id_, Certainty.POSSIBLE, {"replaced": replaced})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        if candidate.resource.id == EVERY:
            return _administrators(reader)
        asked = [{"Name": "instance-id", "Values": [candidate.resource.id]}]
        for association in _associations(reader, Filters=asked):
            profile = text(mapping(association, "IamInstanceProfile"), "Arn")
            roles = _roles(reader, profile.rpartition("/")[2])
            return {
                **candidate.hint,
                "association": text(association, "AssociationId"),
                "profile": profile,
                "roles": [text(role, "Arn") for role in roles],
                "admin": "; ".join(why for role in roles if (why := _why(reader, role))),
            }
        return None

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for association in _associations(reader):
            yield found(reader, "instance", text(association, "InstanceId"))

    def assess(
        self, state: Document, baseline: Document | None, settings: InstanceProfileSettings
    ) -> Finding | None:
        if "instances" in state:
            return Finding(f"instances carry an administrator's role: {', '.join(_texts(state))}")
        profile = text(state, "profile")
        name = profile.rpartition("/")[2]
        if not state["admin"] or name in settings.allowed_profiles:
            return None
        if baseline is not None and baseline["profile"] == profile:
            return None
        return Finding(f"the instance carries {name}, an administrator's: {state['admin']}")

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: InstanceProfileSettings,
    ) -> Plan:
        state, instance = observation.state, candidate.resource
        if "instances" in state:
            return Plan((), advice="Look which of them were launched by this call.")
        if baseline is not None or state.get("replaced"):
            before = text(baseline, "profile").rpartition("/")[2] if baseline else "the one before"
            return Plan((), advice=f"Replace the profile by {before}, and stop what used the new.")
        roles = state["roles"]
        assert isinstance(roles, (list, tuple))
        take_off = Call(
            "ec2",
            "DisassociateIamInstanceProfile",
            {"AssociationId": state["association"]},
            on=(instance.arn,),
            settled_by=("InvalidAssociationID.NotFound",),
        )
        give = Call(
            "ec2",
            "AssociateIamInstanceProfile",
            {"InstanceId": instance.id, "IamInstanceProfile": {"Arn": state["profile"]}},
            on=(instance.arn, *(str(role) for role in roles)),
        )
        advice = "Credentials that the instance took already work for some hours more: revoke them."
        return Plan((Step(take_off, (give,)),), advice=advice)


def _launched(change: Change, settings: InstanceProfileSettings) -> Iterable[Candidate]:
    """The instances of a record that were launched with a profile."""
    hint: Document = {"replaced": False}
    for item in items(change.response.get("instancesSet")):
        given = inner(item, "iamInstanceProfile")
        name = string(given, "arn").rpartition("/")[2]
        if name and name not in settings.allowed_profiles:
            id_ = text(item, "instanceId")
            yield named(change, "instance", id_, Certainty.POSSIBLE, hint)
    if omitted(change.response) and inner(change.request, "iamInstanceProfile"):
        yield named(change, "instance", EVERY, Certainty.POSSIBLE)


def _administrators(reader: Reader) -> Document | None:
    """All instances that carry an administrator's role; None if there are none."""
    carried: dict[str, list[str]] = {}
    for association in _associations(reader):
        profile = text(mapping(association, "IamInstanceProfile"), "Arn")
        carried.setdefault(profile, []).append(text(association, "InstanceId"))
    found: list[Json] = []
    for profile, ids in sorted(carried.items()):
        roles = _roles(reader, profile.rpartition("/")[2])
        if any(_why(reader, role) for role in roles):
            found += sorted(ids)
    return {"instances": found} if found else None


def _texts(state: Document) -> list[str]:
    ids = state["instances"]
    return [str(id_) for id_ in ids] if isinstance(ids, (list, tuple)) else []


def _associations(reader: Reader, **parameters: object) -> Iterable[Document]:
    pages = reader.pages(
        "ec2",
        "DescribeIamInstanceProfileAssociations",
        "IamInstanceProfileAssociations",
        **parameters,
    )
    return (
        association
        for association in map(document, pages)
        if text(association, "State") in _HOLDING
    )


def _roles(reader: Reader, profile: str) -> list[Document]:
    answer = reader.read("iam", "GetInstanceProfile", InstanceProfileName=profile, absent=_GONE)
    return list(items(mapping(document(answer), "InstanceProfile").get("Roles")))


def _why(reader: Reader, role: Document) -> str:
    """Why a role is an administrator's, in words; "" if it is not."""
    name = text(role, "RoleName")
    for policy in map(
        document,
        reader.pages("iam", "ListAttachedRolePolicies", "AttachedPolicies", RoleName=name),
    ):
        arn = text(policy, "PolicyArn")
        if broad_by_name(arn):
            return f"it has {text(policy, 'PolicyName')}"
        # AWS's other policies are known not to make an administrator.
        if ":iam::aws:policy/" not in arn and (why := _why_document(_managed(reader, arn))):
            return f"{text(policy, 'PolicyName')} {why}"
    for inline in reader.pages("iam", "ListRolePolicies", "PolicyNames", RoleName=name):
        answer = reader.read(
            "iam", "GetRolePolicy", RoleName=name, PolicyName=str(inline), absent=_GONE
        )
        if why := _why_document(document(answer).get("PolicyDocument")):
            return f"{inline} {why}"
    return ""


def _managed(reader: Reader, arn: str) -> Json:
    answer = reader.read("iam", "GetPolicy", PolicyArn=arn, absent=_GONE)
    version = text(mapping(document(answer), "Policy"), "DefaultVersionId")
    if not version:
        return None
    answer = reader.read("iam", "GetPolicyVersion", PolicyArn=arn, VersionId=version, absent=_GONE)
    return mapping(document(answer), "PolicyVersion").get("Document")


def _why_document(policy: Json) -> str:
    if not isinstance(policy, (str, dict)):
        return ""
    try:
        return why_admin(policy if isinstance(policy, str) else json.dumps(policy))
    except UnreadableError:
        return ""


CONTROLS = (InstanceProfileSwapped(),)
