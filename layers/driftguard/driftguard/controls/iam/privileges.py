"""IAM: somebody is made an administrator, by a policy attached or a group joined."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.access.policy import Trusted
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from ..control import References, Trigger
from ..mechanisms.granted import Granted
from ..privilege import broad_by_name
from .principals import (
    ARNS,
    BUSY,
    GONE,
    GROUPS,
    IAM,
    KINDS,
    LAST_ADMINISTRATOR,
    READS_ADMINISTRATORS,
    READS_OF_A_POLICY,
    attached,
    by_aws,
    kind_of,
    named,
    other_administrator,
    principal,
    read,
    why_group,
    why_policy,
)

# -------------------------------------------------------------------------- a policy is attached


def _attached_to(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    kind, name = named(change)
    policy = text(change.request, "policyArn")
    if not name or not policy or by_aws(change):
        return
    if broad_by_name(policy):
        yield Candidate(principal(change, kind, name), Certainty.EVIDENT, {"policy": policy})
    elif ":iam::aws:policy/" not in policy:
        yield Candidate(principal(change, kind, name), Certainty.POSSIBLE, {"policy": policy})


def _read_attachment(candidate: Candidate, reader: Reader) -> Document | None:
    kind, policy = kind_of(candidate.resource), text(candidate.hint, "policy")
    who = read(reader, kind, candidate.resource.id)
    if who is None:
        return None
    there = policy in attached(reader, kind, candidate.resource.id)
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
    cuts=LAST_ADMINISTRATOR,
    uses=lambda who, _, reader: other_administrator(reader, who.id),
    reads_use=READS_ADMINISTRATORS,
    busy=BUSY,
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
    candidates=_attached_to,
    read=_read_attachment,
    risky=_why_attached,
    steps=_detach,
)


# ---------------------------------------------------------------------------- a member is added


def _member_added(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    user, group = text(change.request, "userName"), text(change.request, "groupName")
    if change.name == "AddUserToGroup" and user and group:
        # What the group may do is not in the record.
        who = principal(change, "User", user)
        yield Candidate(who, Certainty.POSSIBLE, {"group": group})


def _read_membership(candidate: Candidate, reader: Reader) -> Document | None:
    user, name = candidate.resource.id, text(candidate.hint, "group")
    group = read(reader, "Group", name)
    if group is None or read(reader, "User", user) is None:
        return None
    groups = reader.pages("iam", "ListGroupsForUser", "Groups", UserName=user)
    there = any(membership["GroupName"] == name for membership in groups)
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
    cuts=LAST_ADMINISTRATOR,
    uses=lambda who, _, reader: other_administrator(reader, who.id),
    reads_use=READS_ADMINISTRATORS,
    busy=BUSY,
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
    candidates=_member_added,
    read=_read_membership,
    risky=_why_member,
    steps=_leave,
)

CONTROLS = (ADMIN_ATTACHED, GROUP_ADMIN_MEMBER)
