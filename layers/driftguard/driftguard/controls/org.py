"""AWS Organizations: an account leaves, or a policy that bounds accounts no longer applies.

Organizations records what is done to the organization in its management account; there, or in a
delegated administrator's, the guard can put a policy back.
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Step, Use

from .control import NOTHING, Busy, Cuts, References, Trigger, partition_of, resource
from .mechanisms.advice import Advice
from .mechanisms.granted import Granted

# Source: AWS Organizations API Reference, "AttachPolicy".
_BUSY = (Busy("ConcurrentModificationException"),)
_SOURCE = "organizations.amazonaws.com"
_ABSENT = ("PolicyNotFoundException", "TargetNotFoundException")
_POLICY = "arn:{partition}:organizations::*:policy/*/*/*"
_TARGETS = tuple(
    f"arn:{{partition}}:organizations::*:{kind}" for kind in ("account/*/*", "ou/*/*", "root/*/*")
)

# Tag policies only advise how to tag. Each other type, newer ones too, bounds or protects.
_ADVISING = ("TAG_POLICY",)
# AWS attaches these everywhere; they allow all, so that to detach one only takes rights away.
_ALLOWING = ("p-FullAWSAccess", "p-RCPFullAWSAccess")


# ----------------------------------------------------------------------------- policies detached


def _detached(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    policy, target = text(change.request, "policyId"), text(change.request, "targetId")
    if policy and target and policy not in _ALLOWING:
        # What type of policy it is, and whether it is attached again by now, is not in the record.
        where = f"organizations::{{account}}:policy/{policy}"
        found = resource(change, "org.policy", policy, where)
        yield Candidate(found, Certainty.POSSIBLE, {"target": target})


def _read_attachment(candidate: Candidate, reader: Reader) -> Document | None:
    answer = reader.read(
        "organizations", "DescribePolicy", PolicyId=candidate.resource.id, absent=_ABSENT
    )
    if answer is None:
        return None
    summary = mapping(mapping(document(answer), "Policy"), "PolicySummary")
    target, kind = text(candidate.hint, "target"), text(summary, "Type")
    targets = reader.pages(
        "organizations", "ListTargetsForPolicy", "Targets", PolicyId=candidate.resource.id
    )
    arn = arn_of(reader, target)
    if arn is None:
        return None
    return {
        "arn": text(summary, "Arn"),
        "name": text(summary, "Name"),
        "type": kind,
        "target": target,
        "target_arn": arn,
        "attached": any(attached["TargetId"] == target for attached in targets),
    }


def arn_of(reader: Reader, target: str) -> str | None:
    """The ARN of an account, an organizational unit or the root; None when it is gone."""
    if target.startswith("r-"):
        roots = reader.pages("organizations", "ListRoots", "Roots")
        return next((str(root["Arn"]) for root in roots if root["Id"] == target), None)
    if target.startswith("ou-"):
        unit = reader.read(
            "organizations",
            "DescribeOrganizationalUnit",
            OrganizationalUnitId=target,
            absent=("OrganizationalUnitNotFoundException",),
        )
        return text(mapping(document(unit), "OrganizationalUnit"), "Arn") or None
    account = reader.read(
        "organizations", "DescribeAccount", AccountId=target, absent=("AccountNotFoundException",)
    )
    return text(mapping(document(account), "Account"), "Arn") or None


def _why_detached(state: Document, trusted: Trusted) -> str:
    if state["attached"] or state["type"] in _ADVISING:
        return ""
    return f"{state['name']} no longer applies to {state['target']}"


def _used(policy: Resource, state: Document, reader: Reader) -> Use:
    """Whether another policy of the type has come in its place.

    An account may do what all the policies that apply to it allow: an old and a new list of what is
    allowed leave only what is in both.
    """
    attached = reader.pages(
        "organizations",
        "ListPoliciesForTarget",
        "Policies",
        TargetId=text(state, "target"),
        Filter=text(state, "type"),
    )
    others = [
        name for found in attached if (name := str(found["Id"])) not in (*_ALLOWING, policy.id)
    ]
    return Use(unknown=POLICY_DETACHED.cuts.question) if others else NOT_IN_USE


def _attach(policy: Resource, state: Document) -> tuple[Step, ...]:
    parameters = {"PolicyId": policy.id, "TargetId": state["target"]}
    on = (text(state, "arn"), text(state, "target_arn"))
    there = Call(
        "organizations",
        "AttachPolicy",
        parameters,
        on=on,
        settled_by=("DuplicatePolicyAttachmentException",),
    )
    back = Call(
        "organizations",
        "DetachPolicy",
        parameters,
        on=on,
        settled_by=("PolicyNotAttachedException",),
    )
    return (Step(there, (back,)),)


POLICY_DETACHED = Granted(
    id="org.policy-detached",
    title="Organization's policy detached",
    severity=85,
    cuts=Cuts(
        "what another policy allows, if that one came in its place",
        told_by="whether another policy of the type applies to the target",
        question="did another policy come in its place?",
    ),
    uses=_used,
    reads_use=("organizations:ListPoliciesForTarget",),
    busy=_BUSY,
    references=References(attack=("T1562.001", "T1484")),
    triggers=(Trigger(_SOURCE, "DetachPolicy"),),
    reads=(
        "organizations:DescribeAccount",
        "organizations:DescribeOrganizationalUnit",
        "organizations:DescribePolicy",
        "organizations:ListRoots",
        "organizations:ListTargetsForPolicy",
    ),
    writes={
        "organizations:AttachPolicy": (_POLICY, *_TARGETS),
        "organizations:DetachPolicy": (_POLICY, *_TARGETS),
    },
    candidates=_detached,
    read=_read_attachment,
    risky=_why_detached,
    steps=_attach,
)


# ------------------------------------------------------------------------------------- departures


def _gone(change: Change) -> Iterator[Candidate]:
    if change.name == "DisablePolicyType":
        kind, root = text(change.request, "policyType"), text(change.request, "rootId")
        if kind and root and kind not in _ADVISING:
            where = f"organizations::{{account}}:root/{root}"
            found = resource(change, "org.root", root, where)
            yield Candidate(found, Certainty.EVIDENT, {"disabled": kind})
        return
    account = text(change.request, "accountId") or change.account
    arn = f"arn:{partition_of(change.region)}:organizations::{change.account}:account/{account}"
    found = Resource("org.account", account, change.account, change.region, arn)
    yield Candidate(found, Certainty.EVIDENT, {"left": account})


LEAVE = Advice(
    id="org.leave",
    title="Account no longer bound by its organization",
    severity=90,
    cuts=NOTHING,
    references=References(attack=("T1562.001",)),
    triggers=(
        Trigger(_SOURCE, "LeaveOrganization"),
        Trigger(_SOURCE, "RemoveAccountFromOrganization"),
        Trigger(_SOURCE, "DisablePolicyType"),
    ),
    revert="To rejoin takes an invitation from the management account; a policy type enabled "
    "again comes back without what was attached.",
    candidates=_gone,
    why="the organization's policies no longer bind what they bound",
    advice="From the management account: invite the account again, or enable the policy type and "
    "attach its policies anew.",
)

CONTROLS = (POLICY_DETACHED, LEAVE)
