"""IAM: somebody is made an administrator, by a policy attached, written, switched, or a group."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ...access.policy import Trusted
from ...aws import Reader, document
from ...model import Call, Certainty, Change, Document, Json, Resource, Step, Suspect
from ...trail import flag, items, mapping, omitted, text
from ..control import References, Trigger, resource
from ..mechanisms import Granted, Switch
from ..privilege import UnreadableError, broad_by_name, why_admin, without_admin
from .principals import (
    ARNS,
    GONE,
    GROUPS,
    IAM,
    KINDS,
    READS_OF_A_POLICY,
    attached,
    by_aws,
    found,
    kind_of,
    named,
    principal,
    read,
    why_group,
    why_policy,
    why_version,
    why_written,
)

_POLICIES = ("arn:{partition}:iam::{account}:policy/*",)


def _certainty(written: Json, request: Document) -> Certainty | None:
    """How sure a policy in a record makes us; None when it makes nobody an administrator."""
    if omitted(request) or not isinstance(written, (str, dict)):
        return Certainty.POSSIBLE
    try:
        return Certainty.EVIDENT if why_admin(written) else None
    except UnreadableError:
        return Certainty.POSSIBLE


# -------------------------------------------------------------------------- a policy is attached


def _attached_to(change: Change, trusted: Trusted) -> Iterator[Suspect]:
    kind, name = named(change)
    policy = text(change.request, "policyArn")
    if not name or not policy or by_aws(change):
        return
    if broad_by_name(policy):
        yield Suspect(principal(change, kind, name), Certainty.EVIDENT, {"policy": policy})
    elif ":iam::aws:policy/" not in policy:
        yield Suspect(principal(change, kind, name), Certainty.POSSIBLE, {"policy": policy})


def _read_attachment(suspect: Suspect, reader: Reader) -> Document | None:
    kind, policy = kind_of(suspect.resource), text(suspect.hint, "policy")
    who = read(reader, kind, suspect.resource.id)
    if who is None:
        return None
    there = policy in attached(reader, kind, suspect.resource.id)
    return {
        "arn": who["Arn"],
        "policy": policy,
        "attached": there,
        "why": why_policy(reader, policy) if there else "",
    }


def _why_attached(state: Document, trusted: Trusted) -> str:
    policy = text(state, "policy").rpartition("/")[2]
    return f"{policy} is attached, which {state['why']}" if state["why"] else ""


def _detach(principal_: Resource, state: Document) -> tuple[Step, ...]:
    kind = kind_of(principal_)
    parameters = {f"{kind}Name": principal_.id, "PolicyArn": state["policy"]}
    on = (text(state, "arn"),)
    off = Call("iam", f"Detach{kind}Policy", parameters, on=on, settled_by=GONE)
    return (Step(off, (Call("iam", f"Attach{kind}Policy", parameters, on=on),)),)


ADMIN_ATTACHED = Granted(
    id="iam.admin-attached",
    title="Administrator's policy attached",
    severity=90,
    references=References(
        security_hub=("IAM.1", "IAM.2"),
        attack=("T1098.003",),
        stratus=("aws.persistence.iam-create-admin-user",),
    ),
    triggers=tuple(Trigger(IAM, f"Attach{kind}Policy") for kind in KINDS),
    reads=(
        *(f"iam:Get{kind}" for kind in KINDS),
        *(f"iam:ListAttached{kind}Policies" for kind in KINDS),
        *READS_OF_A_POLICY,
    ),
    writes={
        f"iam:{verb}{kind}Policy": ARNS[kind] for verb in ("Detach", "Attach") for kind in KINDS
    },
    suspects=_attached_to,
    read=_read_attachment,
    risky=_why_attached,
    steps=_detach,
)


# --------------------------------------------------------------------------- a policy is written


def _written_for(change: Change) -> Iterator[Suspect]:
    kind, name = named(change)
    policy = text(change.request, "policyName")
    certainty = _certainty(change.request.get("policyDocument"), change.request)
    if name and policy and certainty and not by_aws(change):
        # IAM has no ARN for an inline policy; this one only names it in the record.
        id_ = f"{kind.lower()}/{name}/{policy}"
        where = resource(change, "iam.inline-policy", id_, f"iam::{{account}}:{id_}")
        yield Suspect(where, certainty)


def _inline_policies(reader: Reader) -> Iterator[Resource]:
    lists = {"User": "UserPolicyList", "Role": "RolePolicyList", "Group": "GroupPolicyList"}
    for kind, key in lists.items():
        details = f"{kind}DetailList"
        for one in reader.pages("iam", "GetAccountAuthorizationDetails", details, Filter=[kind]):
            for policy in items(document(one).get(key)):
                id_ = f"{kind.lower()}/{one[f'{kind}Name']}/{text(policy, 'PolicyName')}"
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


ADMIN_INLINE = Switch(
    id="iam.admin-inline",
    title="Inline policy makes an administrator",
    severity=90,
    references=References(security_hub=("IAM.1", "IAM.21", "KMS.2"), attack=("T1098.003",)),
    triggers=tuple(Trigger(IAM, f"Put{kind}Policy") for kind in KINDS),
    reads=(
        "iam:GetAccountAuthorizationDetails",
        *(f"iam:Get{kind}" for kind in KINDS),
        *(f"iam:Get{kind}Policy" for kind in KINDS),
    ),
    writes={f"iam:{verb}{kind}Policy": ARNS[kind] for verb in ("Put", "Delete") for kind in KINDS},
    suspects=_written_for,
    read=_read_inline,
    risky=_why_inline,
    safe=_safe_inline,
    put=_put_inline,
    baselined=True,
    found_by=_inline_policies,
)


# -------------------------------------------------------------------------- a version is switched


def _policy_changed(change: Change) -> Iterator[Suspect]:
    policy = text(change.request, "policyArn")
    certainty: Certainty | None = Certainty.POSSIBLE
    if change.name == "CreatePolicyVersion" and not omitted(change.request):
        if flag(change.request.get("setAsDefault")) is not True:
            return
        certainty = _certainty(change.request.get("policyDocument"), change.request)
    if policy and certainty:
        tail = policy.split(":", 2)[2]
        yield Suspect(resource(change, "iam.policy", policy, tail), certainty)


def _own_policies(reader: Reader) -> Iterator[Resource]:
    for one in reader.pages("iam", "ListPolicies", "Policies", Scope="Local"):
        arn = str(one["Arn"])
        yield found(reader, "iam.policy", arn, arn.split(":", 5)[5])


def _read_versions(policy: Resource, reader: Reader) -> Document | None:
    if reader.read("iam", "GetPolicy", PolicyArn=policy.id, absent=GONE) is None:
        return None
    versions = [
        document(one)
        for one in reader.pages("iam", "ListPolicyVersions", "Versions", PolicyArn=policy.id)
    ]
    ids = sorted(text(one, "VersionId") for one in versions)
    why = {one: why_version(reader, policy.id, one) for one in ids}
    return {
        "default": next(text(one, "VersionId") for one in versions if one["IsDefaultVersion"]),
        "why": {one: reason for one, reason in why.items() if reason},
        "versions": ids,
    }


def _why_default(state: Document, baseline: Document | None) -> str:
    why = text(mapping(state, "why"), text(state, "default"))
    return f"version {state['default']} {why}" if why else ""


def _version_before(state: Document, baseline: Document | None) -> Document | None:
    """The version that was the default before: as recorded, or the only other one there is."""
    versions = state["versions"]
    assert isinstance(versions, (list, tuple))
    others = [one for one in versions if one != state["default"]]
    if baseline is not None:
        others = [one for one in others if one == baseline["default"]]
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
    references=References(security_hub=("IAM.1",), attack=("T1098.003", "T1548")),
    triggers=(Trigger(IAM, "CreatePolicyVersion"), Trigger(IAM, "SetDefaultPolicyVersion")),
    reads=("iam:ListPolicies", "iam:ListPolicyVersions", *READS_OF_A_POLICY),
    writes={"iam:SetDefaultPolicyVersion": _POLICIES},
    suspects=_policy_changed,
    read=_read_versions,
    risky=_why_default,
    safe=_version_before,
    put=_set_version,
    advice="See which version the policy had before, and make it the default again.",
    baselined=True,
    found_by=_own_policies,
)


# ---------------------------------------------------------------------------- a member is added


def _member_added(change: Change, trusted: Trusted) -> Iterable[Suspect]:
    user, group = text(change.request, "userName"), text(change.request, "groupName")
    if change.name == "AddUserToGroup" and user and group:
        # What the group may do is not in the record.
        who = principal(change, "User", user)
        yield Suspect(who, Certainty.POSSIBLE, {"group": group})


def _read_membership(suspect: Suspect, reader: Reader) -> Document | None:
    user, name = suspect.resource.id, text(suspect.hint, "group")
    group = read(reader, "Group", name)
    if group is None or read(reader, "User", user) is None:
        return None
    groups = reader.pages("iam", "ListGroupsForUser", "Groups", UserName=user)
    there = any(one["GroupName"] == name for one in groups)
    return {
        "group": name,
        "arn": group["Arn"],
        "member": there,
        "why": why_group(reader, name) if there else "",
    }


def _why_member(state: Document, trusted: Trusted) -> str:
    return f"is a member of {state['group']}: {state['why']}" if state["why"] else ""


def _leave(user: Resource, state: Document) -> tuple[Step, ...]:
    parameters = {"GroupName": state["group"], "UserName": user.id}
    on = (text(state, "arn"),)
    off = Call("iam", "RemoveUserFromGroup", parameters, on=on, settled_by=GONE)
    return (Step(off, (Call("iam", "AddUserToGroup", parameters, on=on),)),)


GROUP_ADMIN_MEMBER = Granted(
    id="iam.group-admin-member",
    title="User added to a group of administrators",
    severity=85,
    references=References(attack=("T1098.003",)),
    # A removal wakes it in vain: it is the harmless twin that the record tells apart.
    triggers=(Trigger(IAM, "AddUserToGroup"), Trigger(IAM, "RemoveUserFromGroup")),
    reads=(
        "iam:GetGroup",
        "iam:GetGroupPolicy",
        "iam:GetUser",
        "iam:ListAttachedGroupPolicies",
        "iam:ListGroupPolicies",
        "iam:ListGroupsForUser",
        *READS_OF_A_POLICY,
    ),
    writes={"iam:RemoveUserFromGroup": GROUPS, "iam:AddUserToGroup": GROUPS},
    suspects=_member_added,
    read=_read_membership,
    risky=_why_member,
    steps=_leave,
)

CONTROLS = (ADMIN_ATTACHED, ADMIN_INLINE, POLICY_VERSION_ADMIN, GROUP_ADMIN_MEMBER)
