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
from driftguard.aws.permissions import KEYS_OF_IDENTITY_CENTER
from driftguard.documents import Document, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from .control import Busy, Cuts, References, Settling, Trigger, resource
from .iam.principals import GONE, READS_OF_A_POLICY, why_policy
from .mechanisms.granted import Granted
from .privilege import UnreadableError, broad_by_name, why_admin, without_admin

_SOURCE = "sso.amazonaws.com"
_INSTANCE = "arn:{partition}:sso:::instance/*"
_SET = "arn:{partition}:sso:::permissionSet/*/*"
_KEYS = (KEYS_OF_IDENTITY_CENTER,)
_ACCOUNT = "arn:{partition}:sso:::account/*"
# Source: IAM Identity Center API Reference, "ConflictException" of each of these calls.
_BUSY = (Busy("ConflictException"),)
_REFERS = "AttachCustomerManagedPolicyReferenceToPermissionSet"
_NO_LONGER_REFERS = "DetachCustomerManagedPolicyReferenceFromPermissionSet"
_SETTLING = Settling(
    300,
    "assignments are made, deleted and provisioned by operations that go on (IAM Identity Center "
    "API Reference, “CreateAccountAssignment”, “DescribeAccountAssignmentCreationStatus”)",
)
_GONE = ("ResourceNotFoundException",)


def _permission_set(change: Change) -> Resource | None:
    arn = text(change.request, "permissionSetArn")
    if not arn.startswith("arn:") or not text(change.request, "instanceArn"):
        return None
    return resource(change, "sso.permission-set", arn, arn.split(":", 2)[2])


def _keys(permission_set: Resource) -> str:
    """The keys under which Identity Center may hold its data."""
    return KEYS_OF_IDENTITY_CENTER.format(
        partition=permission_set.partition, region=permission_set.region
    )


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
    # What the permission set allows is not in the record. Without the operation's id nothing tells
    # whether the assignment is still being made: then it is waited for.
    status = mapping(change.response, "accountAssignmentCreationStatus")
    operation = text(status, "requestId")
    hint = {
        **({"operation": operation} if operation else {}),
        "instance": text(change.request, "instanceArn"),
        "account": text(change.request, "targetId"),
        "principal": text(change.request, "principalId"),
        "kind": text(change.request, "principalType"),
    }
    yield Candidate(where, Certainty.POSSIBLE if operation else Certainty.EVIDENT, hint)


def _is_being_made(instance: str, operation: str, reader: Reader) -> bool:
    """Whether the operation that makes an assignment still goes on: it is not listed before."""
    if not operation:
        return False
    answer = reader.read(
        "sso-admin",
        "DescribeAccountAssignmentCreationStatus",
        InstanceArn=instance,
        AccountAssignmentCreationRequestId=operation,
        absent=_GONE,
    )
    told = mapping(document(answer), "AccountAssignmentCreationStatus")
    return text(told, "Status") == "IN_PROGRESS"


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
    operation = text(hint, "operation")
    if not there:
        there = _is_being_made(of["InstanceArn"], operation, reader)
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
    on = (text(state, "instance"), permission_set.id, account, _keys(permission_set))
    off = Call("sso-admin", "DeleteAccountAssignment", parameters, on=on, settled_by=_GONE)
    return (Step(off, (Call("sso-admin", "CreateAccountAssignment", parameters, on=on),)),)


ADMIN_ASSIGNED = Granted(
    id="sso.admin-assigned",
    title="Administrator's permission set assigned",
    severity=85,
    cuts=Cuts(
        "the account's last administrator",
        question="does somebody else administer the account?",
    ),
    settling=_SETTLING,
    busy=_BUSY,
    references=References(attack=("T1098.003",)),
    # A deletion wakes it in vain: it is the harmless twin that the record tells apart.
    triggers=(
        Trigger(_SOURCE, "CreateAccountAssignment"),
        Trigger(_SOURCE, "DeleteAccountAssignment"),
    ),
    reads=(
        "sso:DescribeAccountAssignmentCreationStatus",
        "sso:GetInlinePolicyForPermissionSet",
        "sso:ListAccountAssignments",
        "sso:ListManagedPoliciesInPermissionSet",
    ),
    writes={
        "kms:Decrypt": _KEYS,
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
    if change.name == _REFERS:
        named = mapping(change.request, "customerManagedPolicyReference")
        name, path = text(named, "name"), text(named, "path") or "/"
        if name:
            yield Candidate(where, Certainty.POSSIBLE, {**hint, "name": name, "path": path})
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
    if name := text(candidate.hint, "name"):
        path = text(candidate.hint, "path")
        return {**state, "name": name, "path": path, **_referred(name, path, of, reader)}
    return {**state, "inline": inline}


def _referred(name: str, path: str, of: dict[str, str], reader: Reader) -> Document:
    """Whether a customer's policy is referred to by name, and why that makes an administrator.

    Each account has a policy of its own by that name: only this account's can be read.
    """
    operation = "ListCustomerManagedPolicyReferencesInPermissionSet"
    references = reader.pages("sso-admin", operation, "CustomerManagedPolicyReferences", **of)
    there = any(
        (str(found["Name"]), str(found.get("Path") or "/")) == (name, path) for found in references
    )
    partition = of["InstanceArn"].split(":")[1]
    arn = f"arn:{partition}:iam::{reader.account}:policy{path}{name}"
    here = there and reader.read("iam", "GetPolicy", PolicyArn=arn, absent=GONE) is not None
    return {"attached": there, "here": here, "why": why_policy(reader, arn) if here else ""}


def _unread(state: Document) -> str:
    """Why people are asked about a policy that nobody here can read."""
    if state.get("here") is not False:
        return ""
    return f"what {state['name']} allows stands in other accounts, and cannot be read from here"


def _why_widened(state: Document, trusted: Trusted) -> str:
    if "managed" in state:
        name = text(state, "managed").rpartition("/")[2]
        return f"has the policy {name}" if state["attached"] else ""
    if "name" in state:
        risky = state["attached"] and (state["why"] or not state["here"])
        why = text(state, "why") or "may make an administrator"
        return f"has the customer's policy {state['name']}, which {why}" if risky else ""
    why = _why_written(text(state, "inline"))
    return f"its inline policy {why}" if why else ""


def _narrow(permission_set: Resource, state: Document) -> tuple[Step, ...]:
    """Takes the policy off, and then provisions: till then accounts keep what they have."""
    of = {"InstanceArn": state["instance"], "PermissionSetArn": permission_set.id}
    on = (text(state, "instance"), permission_set.id, _keys(permission_set))
    if "managed" in state:
        policy: Document = {**of, "ManagedPolicyArn": state["managed"]}
        off = Call(
            "sso-admin", "DetachManagedPolicyFromPermissionSet", policy, on=on, settled_by=_GONE
        )
        back = Call("sso-admin", "AttachManagedPolicyToPermissionSet", policy, on=on)
    elif "name" in state:
        reference = {"Name": state["name"], "Path": state["path"]}
        policy = {**of, "CustomerManagedPolicyReference": reference}
        off = Call("sso-admin", _NO_LONGER_REFERS, policy, on=on, settled_by=_GONE)
        back = Call("sso-admin", _REFERS, policy, on=on)
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
    cuts=Cuts(
        "administrators who had the permission set before",
        question="was it an administrator's permission set before?",
    ),
    settling=_SETTLING,
    busy=_BUSY,
    references=References(attack=("T1098.003",)),
    triggers=(
        Trigger(_SOURCE, "AttachManagedPolicyToPermissionSet"),
        Trigger(_SOURCE, _REFERS),
        Trigger(_SOURCE, "PutInlinePolicyToPermissionSet"),
    ),
    reads=(
        "sso:GetInlinePolicyForPermissionSet",
        "sso:ListAccountsForProvisionedPermissionSet",
        "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
        "sso:ListManagedPoliciesInPermissionSet",
        *READS_OF_A_POLICY,
    ),
    writes={
        "kms:Decrypt": _KEYS,
        f"sso:{_REFERS}": (_INSTANCE, _SET),
        f"sso:{_NO_LONGER_REFERS}": (_INSTANCE, _SET),
        "sso:DetachManagedPolicyFromPermissionSet": (_INSTANCE, _SET),
        "sso:AttachManagedPolicyToPermissionSet": (_INSTANCE, _SET),
        "sso:PutInlinePolicyToPermissionSet": (_INSTANCE, _SET),
        "sso:DeleteInlinePolicyFromPermissionSet": (_INSTANCE, _SET),
        "sso:ProvisionPermissionSet": (_INSTANCE, _SET, _ACCOUNT),
    },
    candidates=_widened,
    read=_read_permission_set,
    risky=_why_widened,
    doubtful=_unread,
    steps=_narrow,
)

CONTROLS = (ADMIN_ASSIGNED, ADMIN_PERMISSION_SET)
