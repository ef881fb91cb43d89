"""IAM: a role can be assumed from outside the account."""

from __future__ import annotations

import json
from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger
from ..mechanisms.resource_policy import OpenPolicy
from .principals import BUSY, IAM, ROLES, by_aws, found, of_aws, principal, read


def _trusting(change: Change) -> Iterator[Candidate]:
    # A request that is too long for the record is left out of it; the answer still names the role.
    made = text(mapping(change.response, "role"), "roleName")
    name = text(change.request, "roleName") or made
    if name and not by_aws(change):
        yield Candidate(principal(change, "Role", name), Certainty.POSSIBLE)


def _roles(reader: Reader) -> Iterator[Resource]:
    """The roles that somebody made, named as records name them: without a path."""
    for role in reader.pages("iam", "ListRoles", "Roles"):
        described = document(role)
        if not of_aws(text(described, "Arn")):
            name = text(described, "RoleName")
            yield found(reader, "iam.role", name, f"role/{name}")


def _trust_written(change: Change) -> Json:
    return text(change.request, "policyDocument", "assumeRolePolicyDocument") or None


def _read_trust(role: Resource, reader: Reader) -> Document | None:
    described = read(reader, "Role", role.id)
    if described is None:
        return None
    return {
        "arn": described["Arn"],
        "policy": json.dumps(described["AssumeRolePolicyDocument"]),
    }


def _put_trust(role: Resource, written: str, state: Document) -> Call:
    parameters = {"RoleName": role.id, "PolicyDocument": written}
    return Call("iam", "UpdateAssumeRolePolicy", parameters, on=(text(state, "arn"),))


TRUST_EXTERNAL = OpenPolicy(
    id="iam.trust-external",
    title="Role can be assumed from outside",
    severity=90,
    cuts=NOTHING,
    busy=BUSY,
    references=References(
        attack=("T1098", "T1199"),
        stratus=(
            "aws.persistence.iam-backdoor-role",
            "aws.persistence.iam-create-backdoor-role",
        ),
    ),
    triggers=(Trigger(IAM, "UpdateAssumeRolePolicy"), Trigger(IAM, "CreateRole")),
    reads=("iam:GetRole", "iam:ListRoles"),
    found_by=_roles,
    writes={"iam:UpdateAssumeRolePolicy": ROLES},
    service="iam-trust",
    candidates=_trusting,
    written=_trust_written,
    read=_read_trust,
    put=_put_trust,
)

CONTROLS = (TRUST_EXTERNAL,)
