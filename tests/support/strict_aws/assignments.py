"""IAM Identity Center: assignments are made and deleted by operations of their own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from .rule import Account, Proceed, Refusal, Request, Response, of, surrounds

SOON = timedelta(seconds=30)


def _assignment(parameters: Any) -> tuple[str, ...]:
    names = ("InstanceArn", "TargetId", "PermissionSetArn", "PrincipalType", "PrincipalId")
    return tuple(str(parameters.get(name)) for name in names)


_ASSIGNMENTS = of(
    "sso-admin", "CreateAccountAssignment", "DeleteAccountAssignment", "ListAccountAssignments"
)


def _listed(request: Request, assignment: tuple[str, ...]) -> bool:
    asked = (request.get("InstanceArn"), request.get("AccountId"), request.get("PermissionSetArn"))
    return assignment[:3] == asked


def _under_way(account: Account, kind: str) -> Iterable[tuple[str, ...]]:
    keys = [key for key in account.memory if key[0] == kind]
    return [key[1:] for key in keys if account.settling(*key)]


@surrounds(
    "sso.assignment-creation-settles",
    "IAM Identity Center API Reference, CreateAccountAssignment: answers a status IN_PROGRESS, to "
    "be followed by DescribeAccountAssignmentCreationStatus; the assignment is not listed before.",
    _ASSIGNMENTS | of("sso-admin", "DescribeAccountAssignmentCreationStatus"),
)
def assignment_creation(request: Request, account: Account, proceed: Proceed) -> Response:
    kind = "sso.creating"
    response = proceed(request)
    if request.operation == "CreateAccountAssignment":
        account.settle(kind, *_assignment(request.parameters), after=SOON)
        status = response.get("AccountAssignmentCreationStatus", {})
        return {"AccountAssignmentCreationStatus": {**status, "Status": "IN_PROGRESS"}}
    if request.operation == "DescribeAccountAssignmentCreationStatus":
        status = response.get("AccountAssignmentCreationStatus", {})
        if account.settling(kind, *_assignment({**request.parameters, **status})):
            status = {**status, "Status": "IN_PROGRESS"}
        return {"AccountAssignmentCreationStatus": status}
    if request.operation == "ListAccountAssignments":
        creating = [pending for pending in _under_way(account, kind) if _listed(request, pending)]
        hidden = {pending[3:] for pending in creating}
        found = [
            row
            for row in response.get("AccountAssignments", [])
            if (row["PrincipalType"], row["PrincipalId"]) not in hidden
        ]
        return {**response, "AccountAssignments": found}
    return response


@surrounds(
    "sso.assignment-deletion-settles",
    "IAM Identity Center API Reference, DeleteAccountAssignment: answers a status IN_PROGRESS, to "
    "be followed by DescribeAccountAssignmentDeletionStatus; the assignment stays listed until "
    "then.",
    _ASSIGNMENTS | of("sso-admin", "DescribeAccountAssignmentDeletionStatus"),
)
def assignment_deletion(request: Request, account: Account, proceed: Proceed) -> Response:
    kind = "sso.deleting"
    response = proceed(request)
    if request.operation == "DeleteAccountAssignment":
        account.settle(kind, *_assignment(request.parameters), after=SOON)
        status = response.get("AccountAssignmentDeletionStatus", {})
        return {"AccountAssignmentDeletionStatus": {**status, "Status": "IN_PROGRESS"}}
    if request.operation == "DescribeAccountAssignmentDeletionStatus":
        status = response.get("AccountAssignmentDeletionStatus", {})
        if account.settling(kind, *_assignment({**request.parameters, **status})):
            status = {**status, "Status": "IN_PROGRESS"}
        return {"AccountAssignmentDeletionStatus": status}
    if request.operation == "ListAccountAssignments":
        still = [
            {
                "AccountId": assignment[1],
                "PermissionSetArn": assignment[2],
                "PrincipalType": assignment[3],
                "PrincipalId": assignment[4],
            }
            for assignment in _under_way(account, kind)
            if _listed(request, assignment)
        ]
        return {**response, "AccountAssignments": [*response["AccountAssignments"], *still]}
    return response


@surrounds(
    "sso.one-write-at-a-time",
    "IAM Identity Center API Reference, ConflictException: “the previous write did not have time "
    "to propagate”.",
    of("sso-admin", "CreateAccountAssignment", "DeleteAccountAssignment", "ProvisionPermissionSet"),
)
def one_sso_write(request: Request, account: Account, proceed: Proceed) -> Response:
    target = _assignment(request.parameters)
    if request.operation == "ProvisionPermissionSet":
        target = (str(request.get("PermissionSetArn")), str(request.get("TargetId") or "all"))
    key = ("sso.writing", *target)
    if account.settling(*key):
        raise Refusal(
            "ConflictException", "A conflict with a previous successful write is detected."
        )
    response = proceed(request)
    account.settle(*key, after=SOON)
    if request.operation == "ProvisionPermissionSet":
        status = response.get("PermissionSetProvisioningStatus", {})
        return {"PermissionSetProvisioningStatus": {**status, "Status": "IN_PROGRESS"}}
    return response


RULES = (assignment_creation, assignment_deletion, one_sso_write)
