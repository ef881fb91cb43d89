"""Secrets Manager: secrets open by their policy, deleted, or no longer rotated."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.advice import Advice
from .mechanisms.declared import evident
from .mechanisms.resource_policy import OpenPolicy
from .mechanisms.switch import Switch

_SECRETS = "secretsmanager.amazonaws.com"
_EVERY = ("arn:{partition}:secretsmanager:{region}:{account}:secret:*",)
_FUNCTIONS = ("arn:{partition}:lambda:{region}:{account}:function:*",)
_GONE = ("ResourceNotFoundException",)
_DEFAULT_WINDOW = 30


def _secret(change: Change) -> Resource | None:
    """The secret of a change, by its ARN, or by its name and whatever AWS added to that."""
    named = text(change.request, "secretId")
    arn = text(change.response, "aRN", "arn", "ARN") or named
    if not arn.startswith("arn:"):
        # Source: AWS Secrets Manager User Guide, "IAM permissions policy examples".
        where = f"secretsmanager:{{region}}:{{account}}:secret:{named}-??????"
        return resource(change, "secretsmanager.secret", named, where) if named else None
    return Resource("secretsmanager.secret", arn, change.account, change.region, arn)


def _call(secret: Resource, operation: str, **parameters: Json) -> Call:
    asked: Document = {"SecretId": secret.id, **parameters}
    return Call("secretsmanager", operation, asked, on=(secret.arn,))


def _describe(secret: Resource, reader: Reader) -> Document | None:
    found = reader.read("secretsmanager", "DescribeSecret", SecretId=secret.id, absent=_GONE)
    return None if found is None else document(found)


def _listed(reader: Reader) -> Iterator[Resource]:
    for listed in reader.pages("secretsmanager", "ListSecrets", "SecretList"):
        arn = text(document(listed), "ARN")
        yield Resource("secretsmanager.secret", arn, reader.account, reader.region, arn)


# ------------------------------------------------------------------------------------ policy


def _policy(secret: Resource, reader: Reader) -> Document | None:
    found = reader.read("secretsmanager", "GetResourcePolicy", SecretId=secret.id, absent=_GONE)
    return None if found is None else {"policy": text(document(found), "ResourcePolicy")}


def _policy_put(change: Change) -> Iterator[Candidate]:
    for candidate in evident(_secret, "PutResourcePolicy")(change):
        yield Candidate(candidate.resource, Certainty.POSSIBLE)


def _put_policy(secret: Resource, written: str, _: Document) -> Call:
    # The undo may have to put a public policy back: the check for that is off.
    parameters: dict[str, Json] = {"ResourcePolicy": written, "BlockPublicPolicy": False}
    return _call(secret, "PutResourcePolicy", **parameters)


# ---------------------------------------------------------------------------------- deletion


def _deleted(change: Change) -> Iterator[Candidate]:
    """The candidates of deletions with a recovery window, which can be taken back."""
    if flag(change.request.get("forceDeleteWithoutRecovery")):
        return
    window = change.request.get("recoveryWindowInDays")
    days = window if isinstance(window, int) else _DEFAULT_WINDOW
    for candidate in evident(_secret, "DeleteSecret")(change):
        yield Candidate(candidate.resource, candidate.certainty, {"window": days})


def _standing(secret: Resource, reader: Reader) -> Document | None:
    """Whether the secret is deleted; None for a secret that a service of AWS keeps.

    Only that service deletes it (AWS Secrets Manager User Guide, "Secrets managed by other AWS
    services").
    """
    found = _describe(secret, reader)
    if found is None or text(found, "OwningService"):
        return None
    return {"deleted": bool(found.get("DeletedDate"))}


def _set_deleted(secret: Resource, state: Document) -> Call:
    if not state["deleted"]:
        return _call(secret, "RestoreSecret")
    return _call(secret, "DeleteSecret", RecoveryWindowInDays=state["window"])


def _destroyed(change: Change) -> Iterator[Candidate]:
    if flag(change.request.get("forceDeleteWithoutRecovery")):
        yield from evident(_secret, "DeleteSecret")(change)


# ---------------------------------------------------------------------------------- rotation


def _rotation(secret: Resource, reader: Reader) -> Document | None:
    """How the secret is rotated: its function and its rules stay when rotation is cancelled.

    None for a secret that a service of AWS keeps and rotates itself.
    """
    found = _describe(secret, reader)
    if found is None or text(found, "OwningService"):
        return None
    return {
        "rotated": flag(found.get("RotationEnabled")) is True,
        "function": text(found, "RotationLambdaARN"),
        "rules": _rules(mapping(found, "RotationRules")),
    }


def _rules(told: Document) -> Document:
    """The rules as they can be set: a schedule is told as a number of days too, and a request may
    name only one of both (AWS Secrets Manager API Reference, "RotationRulesType").
    """
    apart = "AutomaticallyAfterDays" if told.get("ScheduleExpression") else ""
    return {name: value for name, value in told.items() if name != apart}


def _unrotated(state: Document, _: Document | None) -> str:
    return "" if state["rotated"] else "the secret is no longer rotated"


def _set_rotation(secret: Resource, state: Document) -> Call:
    if not state["rotated"]:
        return _call(secret, "CancelRotateSecret")
    parameters: dict[str, Json] = {
        "SecretId": secret.id,
        "RotateImmediately": False,
        "RotationLambdaARN": state["function"],
    }
    if state["rules"]:
        parameters["RotationRules"] = state["rules"]
    on = (secret.arn, text(state, "function"))
    return Call("secretsmanager", "RotateSecret", parameters, on=on)


CONTROLS = (
    OpenPolicy(
        id="secretsmanager.public-policy",
        title="Secret open by its policy",
        severity=90,
        cuts=NOTHING,
        references=References(attack=("T1555.006", "T1098")),
        triggers=(Trigger(_SECRETS, "PutResourcePolicy"),),
        reads=("secretsmanager:GetResourcePolicy", "secretsmanager:ListSecrets"),
        found_by=_listed,
        writes={
            "secretsmanager:DeleteResourcePolicy": _EVERY,
            "secretsmanager:PutResourcePolicy": _EVERY,
        },
        service="secretsmanager",
        candidates=_policy_put,
        written=lambda change: change.request.get("resourcePolicy"),
        read=_policy,
        put=_put_policy,
        delete=lambda secret, _: _call(secret, "DeleteResourcePolicy"),
    ),
    Switch(
        id="secretsmanager.secret-deleted",
        title="Secret deleted",
        severity=75,
        cuts=NOTHING,
        references=References(attack=("T1485", "T1531")),
        triggers=(Trigger(_SECRETS, "DeleteSecret"),),
        reads=("secretsmanager:DescribeSecret",),
        writes={
            "secretsmanager:DeleteSecret": _EVERY,
            "secretsmanager:RestoreSecret": _EVERY,
        },
        candidates=_deleted,
        read=_standing,
        risky=lambda state, _: (
            "the secret will be gone when its recovery window ends" if state["deleted"] else ""
        ),
        safe=lambda state, _: {"deleted": False},
        put=_set_deleted,
    ),
    Advice(
        id="secretsmanager.secret-destroyed",
        title="Secret deleted without recovery",
        severity=80,
        cuts=NOTHING,
        references=References(attack=("T1485", "T1531")),
        triggers=(Trigger(_SECRETS, "DeleteSecret"),),
        reads=("secretsmanager:DescribeSecret",),
        revert="a secret that is deleted without a recovery window is gone at once",
        candidates=_destroyed,
        why="the secret was deleted without a recovery window",
        advice="Make the secret anew, and change the credentials that it held.",
    ),
    Switch(
        id="secretsmanager.rotation-cancelled",
        title="Secret no longer rotated",
        severity=50,
        cuts=NOTHING,
        references=References(security_hub=("SecretsManager.1",)),
        triggers=(
            Trigger(_SECRETS, "CancelRotateSecret"),
            Trigger(_SECRETS, "RotateSecret"),
        ),
        proven="stub",
        reads=("secretsmanager:DescribeSecret",),
        writes={
            "lambda:InvokeFunction": _FUNCTIONS,
            "secretsmanager:CancelRotateSecret": _EVERY,
            "secretsmanager:RotateSecret": _EVERY,
        },
        candidates=evident(_secret, "CancelRotateSecret"),
        read=_rotation,
        risky=_unrotated,
        safe=lambda state, _: {**state, "rotated": True} if state["function"] else None,
        put=_set_rotation,
        advice="The secret is next rotated when its schedule says so.",
    ),
)
