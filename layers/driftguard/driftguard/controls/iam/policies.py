"""IAM: a policy that is written, or switched to another version, makes administrators."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, moment, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Use

from ..control import NOTHING, Cuts, References, Trigger, resource
from ..mechanisms.switch import Switch
from ..privilege import UnreadableError, why_admin, without_admin
from .principals import (
    ARNS,
    BUSY,
    GONE,
    IAM,
    KINDS,
    READS_OF_A_POLICY,
    by_aws,
    found,
    named,
    read,
    why_version,
    why_written,
)

_JUST_MADE = timedelta(minutes=15)
_POLICIES = ("arn:{partition}:iam::{account}:policy/*",)


def _certainty(written: Json, request: Document) -> Certainty | None:
    """The certainty that a policy in a record gives; None if it makes no administrator."""
    if omitted(request) or not isinstance(written, (str, dict)):
        return Certainty.POSSIBLE
    try:
        return Certainty.EVIDENT if why_admin(written) else None
    except UnreadableError:
        return Certainty.POSSIBLE


# --------------------------------------------------------------------------- a policy is written


def _written_for(change: Change) -> Iterator[Candidate]:
    kind, name = named(change)
    policy = text(change.request, "policyName")
    certainty = _certainty(change.request.get("policyDocument"), change.request)
    if name and policy and certainty and not by_aws(change):
        # IAM has no ARN for an inline policy; this one only names it in the record.
        id_ = f"{kind.lower()}/{name}/{policy}"
        where = resource(change, "iam.inline-policy", id_, f"iam::{{account}}:{id_}")
        yield Candidate(where, certainty)


def _inline_policies(reader: Reader) -> Iterator[Resource]:
    lists = {"User": "UserPolicyList", "Role": "RolePolicyList", "Group": "GroupPolicyList"}
    for kind, key in lists.items():
        details = f"{kind}DetailList"
        for item in reader.pages("iam", "GetAccountAuthorizationDetails", details, Filter=[kind]):
            for policy in items(document(item).get(key)):
                id_ = f"{kind.lower()}/{item[f'{kind}Name']}/{text(policy, 'PolicyName')}"
                yield found(reader, "iam.inline-policy", id_, id_)


def _read_inline(policy: Resource, reader: Reader) -> Document | None:
    kind, who, name = _parts(policy)
    carrier = read(reader, kind, who)
    if carrier is None:
        return None
    parameters = {f"{kind}Name": who, "PolicyName": name}
    answer = reader.read("iam", f"Get{kind}Policy", absent=GONE, **parameters)
    if answer is None:
        return None
    return {"arn": carrier["Arn"], "document": document(answer)["PolicyDocument"]}


def _why_inline(state: Document, baseline: Document | None) -> str:
    return why_written(state["document"])


def _safe_inline(state: Document, baseline: Document | None) -> Document:
    """The policy as it was before; else without the statements that make an administrator."""
    if baseline is not None:
        return {**state, "document": baseline["document"]}
    return {**state, "document": without_admin(mapping(state, "document"))}


def _put_inline(policy: Resource, state: Document) -> Call:
    kind, who, name = _parts(policy)
    parameters = {f"{kind}Name": who, "PolicyName": name}
    on = (text(state, "arn"),)
    if state["document"] is None:
        return Call("iam", f"Delete{kind}Policy", parameters, on=on, settled_by=GONE)
    written = {"PolicyDocument": json.dumps(state["document"])}
    return Call("iam", f"Put{kind}Policy", {**parameters, **written}, on=on)


def _parts(policy: Resource) -> tuple[str, str, str]:
    kind, who, name = policy.id.split("/")
    return kind.capitalize(), who, name


def _held_before(policy: Resource, state: Document, reader: Reader) -> Use:
    """Whether the policy may have given the rights before: not to whom was only just made."""
    kind, who, _ = _parts(policy)
    made = moment(text(read(reader, kind, who) or {}, "CreateDate"))
    if made is not None and datetime.now(UTC) - made < _JUST_MADE:
        return NOT_IN_USE
    return Use(unknown=ADMIN_INLINE.cuts.question)


ADMIN_INLINE = Switch(
    id="iam.admin-inline",
    title="Inline policy makes an administrator",
    severity=90,
    cuts=Cuts(
        "what works with the rights that the policy gave before",
        told_by="whether the user, role or group was made within the last minutes",
        question="did the policy make an administrator before?",
    ),
    uses=_held_before,
    reads_use=tuple(f"iam:Get{kind}" for kind in KINDS),
    busy=BUSY,
    references=References(security_hub=("IAM.1", "IAM.21", "KMS.2"), attack=("T1098.003",)),
    triggers=tuple(Trigger(IAM, f"Put{kind}Policy") for kind in KINDS),
    reads=(
        "iam:GetAccountAuthorizationDetails",
        *(f"iam:Get{kind}" for kind in KINDS),
        *(f"iam:Get{kind}Policy" for kind in KINDS),
    ),
    writes={f"iam:{verb}{kind}Policy": ARNS[kind] for verb in ("Put", "Delete") for kind in KINDS},
    candidates=_written_for,
    read=_read_inline,
    risky=_why_inline,
    safe=_safe_inline,
    put=_put_inline,
    baselined=True,
    found_by=_inline_policies,
)


# -------------------------------------------------------------------------- a version is switched


def _policy_changed(change: Change) -> Iterator[Candidate]:
    policy = text(change.request, "policyArn")
    certainty: Certainty | None = Certainty.POSSIBLE
    if change.name == "CreatePolicyVersion" and not omitted(change.request):
        if flag(change.request.get("setAsDefault")) is not True:
            return
        certainty = _certainty(change.request.get("policyDocument"), change.request)
    if policy and certainty:
        tail = policy.split(":", 2)[2]
        yield Candidate(resource(change, "iam.policy", policy, tail), certainty)


def _own_policies(reader: Reader) -> Iterator[Resource]:
    for policy in reader.pages("iam", "ListPolicies", "Policies", Scope="Local"):
        arn = str(policy["Arn"])
        yield found(reader, "iam.policy", arn, arn.split(":", 5)[5])


def _read_versions(policy: Resource, reader: Reader) -> Document | None:
    found = reader.read("iam", "GetPolicy", PolicyArn=policy.id, absent=GONE)
    if found is None:
        return None
    attached = mapping(document(found), "Policy").get("AttachmentCount") or 0
    versions = [
        document(version)
        for version in reader.pages("iam", "ListPolicyVersions", "Versions", PolicyArn=policy.id)
    ]
    ids = sorted(text(version, "VersionId") for version in versions)
    why = {id_: why_version(reader, policy.id, id_) for id_ in ids}
    return {
        "default": next(
            text(version, "VersionId") for version in versions if version["IsDefaultVersion"]
        ),
        "why": {id_: reason for id_, reason in why.items() if reason},
        "versions": ids,
        "attached": bool(attached),
    }


def _why_default(state: Document, baseline: Document | None) -> str:
    """Why a version is a risk. A policy that is attached to nobody grants nothing, and one that is
    only a permissions boundary neither: IAM counts its uses as a boundary apart.

    Source: IAM API Reference, "Policy" (AttachmentCount, PermissionsBoundaryUsageCount).
    """
    if not state["attached"]:
        return ""
    why = text(mapping(state, "why"), text(state, "default"))
    return f"version {state['default']} {why}" if why else ""


def _version_before(state: Document, baseline: Document | None) -> Document | None:
    """The version that was the default before: the recorded one, or the only other version."""
    versions = state["versions"]
    assert isinstance(versions, (list, tuple))
    others = [version for version in versions if version != state["default"]]
    if baseline is not None:
        others = [version for version in others if version == baseline["default"]]
    if len(others) != 1 or others[0] in mapping(state, "why"):
        return None
    return {**state, "default": others[0]}


def _set_version(policy: Resource, state: Document) -> Call:
    parameters = {"PolicyArn": policy.id, "VersionId": state["default"]}
    return Call("iam", "SetDefaultPolicyVersion", parameters, on=(policy.arn,))


POLICY_VERSION_ADMIN = Switch(
    id="iam.policy-version-admin",
    title="Policy's new default version makes administrators",
    severity=90,
    cuts=NOTHING,
    busy=BUSY,
    references=References(security_hub=("IAM.1",), attack=("T1098.003", "T1548")),
    triggers=(Trigger(IAM, "CreatePolicyVersion"), Trigger(IAM, "SetDefaultPolicyVersion")),
    reads=("iam:ListPolicies", "iam:ListPolicyVersions", *READS_OF_A_POLICY),
    writes={"iam:SetDefaultPolicyVersion": _POLICIES},
    candidates=_policy_changed,
    read=_read_versions,
    risky=_why_default,
    safe=_version_before,
    put=_set_version,
    advice="See which version the policy had before, and make it the default again.",
    baselined=True,
    found_by=_own_policies,
)

CONTROLS = (ADMIN_INLINE, POLICY_VERSION_ADMIN)
