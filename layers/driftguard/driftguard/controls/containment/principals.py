"""Reads what the containments of roles and users need beside the finding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.model import Autonomy, Call, Candidate, Certainty, Change, Finding, Step

from ..control import resource
from ..iam import principals as iam
from . import findings
from .finding_types import Target
from .findings import ContainmentSettings, HeldSettings, claimed_of, principals_of, told

# The name of the inline policy that contains: whatever bears it is ours.
POLICY = "DriftguardContainment"
# What reading a principal takes, beside the finding.
READS_OF_POLICIES = iam.READS_OF_A_POLICY
_SHIELDED = "iam:ListAttached{kind}Policies", "iam:List{kind}Policies", "iam:Get{kind}Policy"


def reads_of(kind: str) -> tuple[str, ...]:
    """The IAM actions that reading a `Role` or a `User` takes."""
    own = tuple(action.format(kind=kind) for action in _SHIELDED)
    return (f"iam:Get{kind}", *own, *READS_OF_POLICIES)


def reported(change: Change, kind: str, settings: ContainmentSettings) -> Iterator[Candidate]:
    """The roles or users (`kind`) whose credentials a finding is about.

    The hint's `principal`, their unique id, marks them as contained: they have no say in it.
    """
    hint = claimed_of(change, Target.PRINCIPAL, settings)
    if hint is None:
        return
    for one in principals_of(change.request, change.account):
        if one.kind == kind:
            where = resource(change, f"iam.{kind}", one.name, f"iam::{{account}}:{kind}/{one.name}")
            yield Candidate(where, Certainty.EVIDENT, {**hint, "principal": one.id})


def read(reader: Reader, kind: str, candidate: Candidate) -> Document | None:
    """A role or user (`Role`, `User`), and what GuardDuty says of it; None when it is gone.

    `contained` is the inline policy of our name, None where there is none. `untouchable` says why
    it is never contained, `administrator` why it administers the account; "" if it does not.
    """
    name = candidate.resource.id
    found = standing(reader, kind, name)
    if found is None:
        return None
    id_, state = found
    said = told(
        candidate.hint,
        reader,
        lambda found: any(
            (one.kind, one.name) == (kind.lower(), name) and one.id in ("", id_)
            for one in principals_of(found, reader.account)
        ),
    )
    asked = "not" not in said and not state["untouchable"]
    return {
        **state,
        "administrator": why_administrator(reader, kind, name) if asked else "",
        "finding": said,
    }


def standing(reader: Reader, kind: str, name: str) -> tuple[str, dict[str, Json]] | None:
    """A principal's unique id, and how it stands but for findings; None when it is gone."""
    answer = reader.read("iam", f"Get{kind}", absent=iam.GONE, **{f"{kind}Name": name})
    if answer is None:
        return None
    described = mapping(document(answer), kind)
    arn = text(described, "Arn")
    policy = reader.read(
        "iam", f"Get{kind}Policy", absent=iam.GONE, PolicyName=POLICY, **{f"{kind}Name": name}
    )
    return text(described, f"{kind}Id"), {
        "name": name,
        "arn": arn,
        "contained": document(policy).get("PolicyDocument"),
        "untouchable": why_untouchable(arn, reader.aws.surroundings.own_roles),
    }


def denial_step(kind: str, state: Document, denial: Document) -> Step:
    """The step that puts the inline policy of our name on a `Role` or `User` as read.

    Its undo puts back what had that name before, or removes it.
    """

    def call(verb: str, *, settled_by: tuple[str, ...] = (), **more: str) -> Call:
        parameters = {f"{kind}Name": text(state, "name"), "PolicyName": POLICY, **more}
        on = (text(state, "arn"),)
        return Call("iam", f"{verb}{kind}Policy", parameters, on=on, settled_by=settled_by)

    before = state.get("contained")
    put_back = (
        call("Delete", settled_by=iam.GONE)
        if before is None
        else call("Put", PolicyDocument=json.dumps(before))
    )
    return Step(call("Put", PolicyDocument=json.dumps(denial)), (put_back,))


def why_untouchable(arn: str, own_roles: Iterable[str]) -> str:
    """Why a role is never contained, in words; "" where it may be."""
    if arn in own_roles:
        return "it is one of Driftguard's own roles"
    if ":role/aws-reserved/sso.amazonaws.com/" in arn:
        return "only IAM Identity Center can change its roles"
    return "it is an AWS service's own role" if iam.of_aws(arn) else ""


def is_spared(state: Document, settings: HeldSettings) -> bool:
    """Whether the policy's `break_glass` names the principal, with or without its path."""
    arn = text(state, "arn")
    bare = f"{arn.partition('/')[0]}/{arn.rpartition('/')[2]}"
    return any(fnmatchcase(one, pattern) for one in (arn, bare) for pattern in settings.spared)


def why_administrator(reader: Reader, kind: str, name: str) -> str:
    """Why a role or user administers the account, in words; "" if it does not."""
    who = {f"{kind}Name": name}
    for arn in iam.attached(reader, kind, name):
        if why := iam.why_policy(reader, arn):
            return f"its policy {arn.rpartition('/')[2]} {why}"
    for policy in map(str, reader.pages("iam", f"List{kind}Policies", "PolicyNames", **who)):
        if policy != POLICY:
            answer = reader.read(
                "iam", f"Get{kind}Policy", absent=iam.GONE, PolicyName=policy, **who
            )
            if why := iam.why_written(document(answer).get("PolicyDocument")):
                return f"its policy {policy} {why}"
    if kind == "User":
        for group in reader.pages("iam", "ListGroupsForUser", "Groups", **who):
            if why := iam.why_group(reader, str(group["GroupName"])):
                return f"it is in the group {group['GroupName']}: {why}"
    return ""


def limited(made: Finding, state: Document, settings: HeldSettings) -> Finding:
    """A finding that is only told of a break-glass principal, and asked about an administrator."""
    if is_spared(state, settings):
        why = "the policy's break_glass names it, so it is never contained"
        return replace(made, at_most=Autonomy.OBSERVE, at_most_why=why)
    why = text(state, "administrator")
    asked = f"it administers the account ({why}), perhaps as the last one" if why else ""
    return findings.limited(made, asked)
