"""IAM Identity Center: somebody is assigned an administrator's permission set, or one is made so.

Sources: Service Authorization Reference, "Actions, resources, and condition keys for AWS IAM
Identity Center"; IAM Identity Center API Reference, "ProvisionPermissionSet".
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from .control import References, Trigger, resource
from .mechanisms.granted import Granted
from .privilege import UnreadableError, broad_by_name, why_admin, without_admin

_SOURCE = "sso.amazonaws.com"
_INSTANCE = "arn:{partition}:sso:::instance/*"
_SET = "arn:{partition}:sso:::permissionSet/*/*"
_ACCOUNT = "arn:{partition}:sso:::account/*"
_GONE = ("ResourceNotFoundException",)


def _permission_set(change: Change) -> Resource | None:
    arn = text(change.request, "permissionSetArn")
    if not arn.startswith("arn:") or not text(change.request, "instanceArn"):
        return None
    return resource(change, "sso.permission-set", arn, arn.split(":", 2)[2])


def _of(candidate: Candidate) -> dict[str, str]:
    """The two parameters that every call about a permission set begins with."""
    return {
        "InstanceArn": text(candidate.hint, "instance"),
        "PermissionSetArn": candidate.resource.id,
    }


def _managed(reader: Reader, of: dict[str, str]) -> list[str]:
    operation, key = "ListManagedPoliciesInPermissionSet", "AttachedManagedPolicies"
    return [str(item["Arn"]) for item in reader.pages("sso-admin", operation, key, **of)]


def _inline(reader: Reader, of: dict[str, str]) -> str | None:
    """The inline policy, "" where there is none; None when the permission set is gone."""
    answer = reader.read("sso-admin", "GetInlinePolicyForPermissionSet", absent=_GONE, **of)
    return None if answer is None else text(document(answer), "InlinePolicy")


def _why_written(written: str) -> str:
    try:
        return why_admin(written) if written else ""
    except UnreadableError:
        return ""


# -------------------------------------------------------------------------------- assignments


def _assigned(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    where = _permission_set(change)
    if where is None or change.name != "CreateAccountAssignment":
        return
    # What the permission set allows is not in the record.
    hint = {
        "instance": text(change.request, "instanceArn"),
        "account": text(change.request, "targetId"),
        "principal": text(change.request, "principalId"),
        "kind": text(change.request, "principalType"),
    }
    yield Candidate(where, Certainty.POSSIBLE, hint)


def _read_assignment(candidate: Candidate, reader: Reader) -> Document | None:
    of, hint = _of(candidate), candidate.hint
    inline = _inline(reader, of)
    if inline is None:
        return None
    assignments = reader.pages(
        "sso-admin",
        "ListAccountAssignments",
        "AccountAssignments",
        AccountId=hint["account"],
        **of,
    )
    there = any(
        (assignment["PrincipalId"], assignment["PrincipalType"])
        == (hint["principal"], hint["kind"])
        for assignment in assignments
    )
    broad = [arn.rpartition("/")[2] for arn in _managed(reader, of) if broad_by_name(arn)]
    why = f"has the policy {', '.join(sorted(broad))}" if broad else _why_written(inline)
    return {**hint, "assigned": there, "why": why}


def _why_assigned(state: Document, trusted: Trusted) -> str:
    if not state["assigned"] or not state["why"]:
        return ""
    who = f"{text(state, 'kind').lower()} {state['principal']}"
    return f"is assigned to {who} in account {state['account']}, and {state['why']}"


def _unassign(permission_set: Resource, state: Document) -> tuple[Step, ...]:
    parameters = {
        "InstanceArn": state["instance"],
        "PermissionSetArn": permission_set.id,
        "TargetType": "AWS_ACCOUNT",
        "TargetId": state["account"],
        "PrincipalType": state["kind"],
        "PrincipalId": state["principal"],
    }
    account = f"arn:{permission_set.partition}:sso:::account/{state['account']}"
    on = (text(state, "instance"), permission_set.id, account)
    off = Call("sso-admin", "DeleteAccountAssignment", parameters, on=on, settled_by=_GONE)
    return (Step(off, (Call("sso-admin", "CreateAccountAssignment", parameters, on=on),)),)


ADMIN_ASSIGNED = Granted(
    id="sso.admin-assigned",
    title="Administrator's permission set assigned",
    severity=85,
    references=References(attack=("T1098.003",)),
    # A deletion wakes it in vain: it is the harmless twin that the record tells apart.
    triggers=(
        Trigger(_SOURCE, "CreateAccountAssignment"),
        Trigger(_SOURCE, "DeleteAccountAssignment"),
    ),
    reads=(
        "sso:GetInlinePolicyForPermissionSet",
        "sso:ListAccountAssignments",
        "sso:ListManagedPoliciesInPermissionSet",
    ),
    writes={
        "sso:DeleteAccountAssignment": (_INSTANCE, _SET, _ACCOUNT),
        "sso:CreateAccountAssignment": (_INSTANCE, _SET, _ACCOUNT),
    },
    candidates=_assigned,
    read=_read_assignment,
    risky=_why_assigned,
    steps=_unassign,
    advice="Sessions that began under the assignment last until they expire.",
)


# ----------------------------------------------------------------------------- permission sets


def _widened(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    where = _permission_set(change)
    if where is None:
        return
    hint = {"instance": text(change.request, "instanceArn")}
    if change.name == "AttachManagedPolicyToPermissionSet":
        policy = text(change.request, "managedPolicyArn")
        if broad_by_name(policy):
            yield Candidate(where, Certainty.EVIDENT, {**hint, "managed": policy})
        return
    written = text(change.request, "inlinePolicy")
    try:
        if not written or why_admin(written):
            certainty = Certainty.EVIDENT if written else Certainty.POSSIBLE
            yield Candidate(where, certainty, hint)
    except UnreadableError:
        yield Candidate(where, Certainty.POSSIBLE, hint)


def _read_permission_set(candidate: Candidate, reader: Reader) -> Document | None:
    of = _of(candidate)
    inline = _inline(reader, of)
    if inline is None:
        return None
    operation = "ListAccountsForProvisionedPermissionSet"
    accounts = sorted(
        str(account_id) for account_id in reader.pages("sso-admin", operation, "AccountIds", **of)
    )
    state = {"instance": of["InstanceArn"], "accounts": accounts}
    managed = text(candidate.hint, "managed")
    if managed:
        return {**state, "managed": managed, "attached": managed in _managed(reader, of)}
    return {**state, "inline": inline}


def _why_widened(state: Document, trusted: Trusted) -> str:
    if "managed" in state:
        name = text(state, "managed").rpartition("/")[2]
        return f"has the policy {name}" if state["attached"] else ""
    why = _why_written(text(state, "inline"))
    return f"its inline policy {why}" if why else ""


def _narrow(permission_set: Resource, state: Document) -> tuple[Step, ...]:
    """Takes the policy off, and then provisions: till then accounts keep what they have."""
    of = {"InstanceArn": state["instance"], "PermissionSetArn": permission_set.id}
    on = (text(state, "instance"), permission_set.id)
    if "managed" in state:
        policy = {**of, "ManagedPolicyArn": state["managed"]}
        off = Call(
            "sso-admin", "DetachManagedPolicyFromPermissionSet", policy, on=on, settled_by=_GONE
        )
        back = Call("sso-admin", "AttachManagedPolicyToPermissionSet", policy, on=on)
    else:
        rest = without_admin(json.loads(text(state, "inline")))
        off = (
            Call("sso-admin", "DeleteInlinePolicyFromPermissionSet", of, on=on, settled_by=_GONE)
            if rest is None
            else _put_inline(of, json.dumps(rest), on)
        )
        back = _put_inline(of, text(state, "inline"), on)
    if not state["accounts"]:
        return (Step(off, (back,)),)
    every = f"arn:{permission_set.partition}:sso:::account/*"
    provision = Call(
        "sso-admin",
        "ProvisionPermissionSet",
        {**of, "TargetType": "ALL_PROVISIONED_ACCOUNTS"},
        on=(*on, every),
    )
    return (Step(off, (back, provision)), Step(provision, ()))


def _put_inline(of: Document, written: str, on: tuple[str, ...]) -> Call:
    parameters = {**of, "InlinePolicy": written}
    return Call("sso-admin", "PutInlinePolicyToPermissionSet", parameters, on=on)


ADMIN_PERMISSION_SET = Granted(
    id="sso.admin-permission-set",
    title="Permission set made an administrator's",
    severity=85,
    references=References(attack=("T1098.003",)),
    triggers=(
        Trigger(_SOURCE, "AttachManagedPolicyToPermissionSet"),
        Trigger(_SOURCE, "PutInlinePolicyToPermissionSet"),
    ),
    reads=(
        "sso:GetInlinePolicyForPermissionSet",
        "sso:ListAccountsForProvisionedPermissionSet",
        "sso:ListManagedPoliciesInPermissionSet",
    ),
    writes={
        "sso:DetachManagedPolicyFromPermissionSet": (_INSTANCE, _SET),
        "sso:AttachManagedPolicyToPermissionSet": (_INSTANCE, _SET),
        "sso:PutInlinePolicyToPermissionSet": (_INSTANCE, _SET),
        "sso:DeleteInlinePolicyFromPermissionSet": (_INSTANCE, _SET),
        "sso:ProvisionPermissionSet": (_INSTANCE, _SET, _ACCOUNT),
    },
    candidates=_widened,
    read=_read_permission_set,
    risky=_why_widened,
    steps=_narrow,
)

CONTROLS = (ADMIN_ASSIGNED, ADMIN_PERMISSION_SET)
