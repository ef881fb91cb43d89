"""Tells the calls that a role of their own makes, and words them where the stack has none.

Calls that give somebody rights are the granting role's: they can give anybody any rights, because
IAM looks neither into a document nor at who is to hold it. The calls of a containment are the
containment role's. Where the stack has no such role, people make them, with the commands that are
written here.

Sources: Service Authorization Reference, "AWS Identity and Access Management", "AWS IAM Identity
Center", "Amazon EKS", "AWS Organizations".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from driftguard.documents import Json, mapping, text
from driftguard.model import Call, Plan

from .permissions import grants_of
from .references import HELD

# Actions that give rights, or that lift what bounds them.
GIVE_RIGHTS = frozenset(
    {
        "eks:AssociateAccessPolicy",
        "eks:CreateAccessEntry",
        "iam:AddClientIDToOpenIDConnectProvider",
        "iam:AddUserToGroup",
        "iam:AttachGroupPolicy",
        "iam:AttachRolePolicy",
        "iam:AttachUserPolicy",
        "iam:CreateOpenIDConnectProvider",
        "iam:CreateSAMLProvider",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteUserPermissionsBoundary",
        "iam:PutGroupPolicy",
        "iam:PutRolePolicy",
        "iam:PutUserPolicy",
        "iam:SetDefaultPolicyVersion",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateSAMLProvider",
        "organizations:DetachPolicy",
        "sso:AttachCustomerManagedPolicyReferenceToPermissionSet",
        "sso:AttachManagedPolicyToPermissionSet",
        "sso:CreateAccountAssignment",
        "sso:PutInlinePolicyToPermissionSet",
    }
)

# Actions that calls with the ones above may need beside them.
WITH_GRANTS = frozenset({"eks:TagResource", "iam:TagOpenIDConnectProvider", "iam:TagSAMLProvider"})

# The longest commands that are shown, in characters; what is longer is in the record. Those of a
# containment stand nowhere else: a stack without its role plans none.
_SHOWN = 1_500
_SHOWN_OF_CONTAINMENTS = 6_000


def gives_rights(action: str, arns: Iterable[str]) -> bool:
    """Whether an action on these ARNs gives rights: on a service's own role nobody's but its own.

    Source: IAM User Guide, "Service-linked roles".
    """
    if action not in GIVE_RIGHTS:
        return False
    roles = [arn for arn in arns if ":role/" in arn]
    return not roles or not all(":role/aws-service-role/" in arn for arn in roles)


def granting(call: Call) -> bool:
    """Whether a call gives rights, so that the granting role makes it."""
    return any(gives_rights(action, arns) for action, arns in grants_of(call))


def left_to_people(plan: Plan) -> Plan:
    """The plan of a stack without a granting role: what gives rights is advice, with commands."""
    given = [step.call for step in plan.steps if granting(step.call)]
    if not given:
        return plan
    rest = tuple(step for step in plan.steps if not granting(step.call))
    return replace(plan, steps=rest, advice=" ".join(filter(None, (by_hand(given), plan.advice))))


def containing_left_to_people(plan: Plan) -> Plan:
    """The plan of a stack without a containment role: all of it is advice, with commands."""
    if not plan.steps:
        return plan
    by_people = contained_by_hand(step.call for step in plan.steps)
    return replace(plan, steps=(), advice=" ".join(filter(None, (by_people, plan.advice))))


def by_hand(calls: Iterable[Call]) -> str:
    """Says that people have to make these calls, which give rights, and how."""
    return _without("granting role (its parameter MayGrant)", calls, _SHOWN)


def contained_by_hand(calls: Iterable[Call]) -> str:
    """Says that people have to make these calls of a containment or its release, and how."""
    role = "containment role (its parameter Containment)"
    return _without(role, calls, _SHOWN_OF_CONTAINMENTS)


def _without(role: str, calls: Iterable[Call], most: int) -> str:
    commands = "; ".join(map(command_of, calls))
    said = commands if len(commands) <= most else "the record has the calls (driftguard audit)"
    return f"This stack has no {role}, so do it by hand: {said}."


def command_of(call: Call) -> str:
    """The AWS CLI's command for a call: `aws iam attach-user-policy --user-name …`."""
    # Only here: most stacks have the role, and most plans give no rights.
    import shlex

    from botocore import xform_name

    words = ["aws", call.service, xform_name(call.operation, "-")]
    for name, value in call.parameters.items():
        words += [f"--{xform_name(name, '-')}", _written(value)]
    return shlex.join(words)


def _written(value: Json) -> str:
    shown = _shown(value)
    return shown if isinstance(shown, str) else json.dumps(shown)


def _shown(value: Json) -> Json:
    """A parameter with its references in words: people fill in what a call would fetch."""
    if isinstance(value, Mapping):
        if HELD in value:
            reference = mapping(value, HELD)
            return f"<{text(reference, 'kind')} {text(reference, 'name', 'function', 'arn')}>"
        return {name: _shown(inner) for name, inner in value.items()}
    return [_shown(one) for one in value] if isinstance(value, (list, tuple)) else value
