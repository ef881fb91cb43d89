"""IAM: somebody gives another user, or the root user, a new way to sign in, or takes a factor."""

from __future__ import annotations

import json
from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Use

from ..control import NOTHING, Cuts, References, Trigger, resource
from ..mechanisms.advice import Advice
from ..mechanisms.switch import Switch
from .key_use import last_use
from .principals import BUSY, GONE, IAM, USERS, by_aws, of_another, principal, read

QUARANTINE = "DriftguardDenyConsole"

# The console works with temporary credentials, which carry the time that they were issued; the
# user's access keys do not, and go on working.
# Source: IAM User Guide, "AWS global condition context keys", aws:TokenIssueTime.
_DENY_CONSOLE: Document = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "DenyConsole",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"Null": {"aws:TokenIssueTime": "false"}},
        }
    ],
}


# ------------------------------------------------------------------------------- access keys


def _key_made(change: Change) -> Iterator[Candidate]:
    user = of_another(change)
    key = text(mapping(change.response, "accessKey"), "accessKeyId")
    if user and key and not by_aws(change):
        # IAM has no ARN for a key; this one only names it in the record.
        tail = f"iam::{{account}}:user/{user}/access-key/{key}"
        where = resource(change, "iam.access-key", f"{user}/{key}", tail)
        yield Candidate(where, Certainty.EVIDENT)


def _read_key(where: Resource, reader: Reader) -> Document | None:
    user, _, key = where.id.partition("/")
    who = read(reader, "User", user)
    if who is None:
        return None
    for access_key in reader.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=user):
        if access_key["AccessKeyId"] == key:
            return {
                "arn": who["Arn"],
                "user": user,
                "key": key,
                "status": str(access_key["Status"]),
            }
    return None


def _why_key(state: Document, baseline: Document | None) -> str:
    if state["status"] != "Active":
        return ""
    return f"access key {state['key']} of {state['user']} was made by somebody else, and works"


def _key_off(state: Document, baseline: Document | None) -> Document:
    return {**state, "status": "Inactive"}


def _set_key(where: Resource, state: Document) -> Call:
    parameters = {
        "UserName": state["user"],
        "AccessKeyId": state["key"],
        "Status": state["status"],
    }
    return Call("iam", "UpdateAccessKey", parameters, on=(text(state, "arn"),))


def _key_used(where: Resource, state: Document, reader: Reader) -> Use:
    used = last_use(reader, text(state, "key"))
    return Use(f"the key was used: {used}") if used else NOT_IN_USE


KEY_FOR_OTHER_USER = Switch(
    id="iam.key-for-other-user",
    title="Access key made for another user",
    severity=80,
    cuts=Cuts(
        "the workload that the key was made for",
        told_by="whether the key was ever used",
        question="was the key made for a workload?",
    ),
    uses=_key_used,
    reads_use=("iam:GetAccessKeyLastUsed",),
    busy=BUSY,
    references=References(
        security_hub=("IAM.3",),
        attack=("T1098.001",),
        stratus=(
            "aws.persistence.iam-backdoor-user",
            "aws.persistence.iam-create-admin-user",
        ),
    ),
    triggers=(Trigger(IAM, "CreateAccessKey"),),
    reads=("iam:GetUser", "iam:ListAccessKeys"),
    writes={"iam:UpdateAccessKey": USERS},
    candidates=_key_made,
    read=_read_key,
    risky=_why_key,
    safe=_key_off,
    put=_set_key,
)


def _root_key_made(change: Change) -> Iterator[Candidate]:
    if change.actor.kind == "Root" and not text(change.request, "userName"):
        where = resource(change, "iam.root", "root", "iam::{account}:root")
        yield Candidate(where, Certainty.EVIDENT)


def _read_root(root: Resource, reader: Reader) -> Document | None:
    summary = document(reader.read("iam", "GetAccountSummary"))
    keys = mapping(summary, "SummaryMap").get("AccountAccessKeysPresent")
    return {"keys": keys} if keys else None


ROOT_KEY = Advice(
    id="iam.root-key",
    title="Access key made for the root user",
    severity=95,
    cuts=NOTHING,
    references=References(security_hub=("IAM.4",), attack=("T1098.001", "T1078.004")),
    triggers=(Trigger(IAM, "CreateAccessKey"),),
    reads=("iam:GetAccountSummary",),
    revert="Only the root user, or central root access from the management account, can.",
    candidates=_root_key_made,
    why="the root user has an access key",
    advice="Sign in as the root user and delete its access key; see what it was used for.",
    read=_read_root,
)


# ------------------------------------------------------------------------- console passwords


def _another_user(change: Change) -> Iterator[Candidate]:
    user = of_another(change)
    if user:
        yield Candidate(principal(change, "User", user), Certainty.EVIDENT)


def _read_console(user: Resource, reader: Reader) -> Document | None:
    who = read(reader, "User", user.id)
    if who is None or not _has_password(reader, user.id):
        return None
    denied = reader.read(
        "iam", "GetUserPolicy", UserName=user.id, PolicyName=QUARANTINE, absent=GONE
    )
    return {"arn": who["Arn"], "denied": document(denied).get("PolicyDocument")}


def _has_password(reader: Reader, user: str) -> bool:
    return reader.read("iam", "GetLoginProfile", UserName=user, absent=GONE) is not None


def _why_console(state: Document, baseline: Document | None) -> str:
    return "" if state["denied"] == _DENY_CONSOLE else "can sign in to the console since now"


def _deny_console(state: Document, baseline: Document | None) -> Document:
    return {**state, "denied": _DENY_CONSOLE}


def _put_denial(user: Resource, state: Document) -> Call:
    parameters = {"UserName": user.id, "PolicyName": QUARANTINE}
    on = (text(state, "arn"),)
    if state["denied"] is None:
        return Call("iam", "DeleteUserPolicy", parameters, on=on, settled_by=GONE)
    written = {"PolicyDocument": json.dumps(state["denied"])}
    return Call("iam", "PutUserPolicy", {**parameters, **written}, on=on)


def _keys(user: Resource, state: Document, reader: Reader) -> Use:
    """Whether the user may have temporary credentials: they are given for access keys."""
    for key in reader.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=user.id):
        if key["Status"] == "Active":
            return Use(unknown=LOGIN_PROFILE_CREATED.cuts.question)
    return NOT_IN_USE


LOGIN_PROFILE_CREATED = Switch(
    id="iam.login-profile-created",
    title="Console password made for another user",
    severity=80,
    cuts=Cuts(
        "the user's temporary credentials, as they are given after a second factor",
        told_by="whether the user has an access key, for which they are given",
        question="does anything of the user's work with temporary credentials?",
    ),
    uses=_keys,
    reads_use=("iam:ListAccessKeys",),
    busy=BUSY,
    references=References(
        attack=("T1098.001", "T1136.003"),
        stratus=("aws.persistence.iam-create-user-login-profile",),
    ),
    triggers=(Trigger(IAM, "CreateLoginProfile"),),
    reads=("iam:GetLoginProfile", "iam:GetUser", "iam:GetUserPolicy"),
    writes={"iam:PutUserPolicy": USERS, "iam:DeleteUserPolicy": USERS},
    candidates=_another_user,
    read=_read_console,
    risky=_why_console,
    safe=_deny_console,
    put=_put_denial,
    advice="Deleting the password could not be undone: nobody knows it. Console sessions are "
    "denied instead; delete the password once it is clear that nobody needs it.",
)


def _read_password(user: Resource, reader: Reader) -> Document | None:
    return {"password": True} if _has_password(reader, user.id) else None


LOGIN_PROFILE_CHANGED = Advice(
    id="iam.login-profile-changed",
    title="Console password of another user changed",
    severity=75,
    cuts=NOTHING,
    references=References(
        attack=("T1098.001",),
        stratus=("aws.privilege-escalation.iam-update-user-login-profile",),
    ),
    triggers=(Trigger(IAM, "UpdateLoginProfile"),),
    reads=("iam:GetLoginProfile",),
    revert="The password from before is not known to anybody but its user.",
    candidates=_another_user,
    why="somebody else set the user's console password",
    advice="Ask the user; if they did not want it, set a new password and end their sessions.",
    read=_read_password,
)


# ------------------------------------------------------------------------------------ factors


def _read_factors(user: Resource, reader: Reader) -> Document | None:
    """The state of a user without any device; None if there is a device, or no user."""
    if read(reader, "User", user.id) is None:
        return None
    devices = [*reader.pages("iam", "ListMFADevices", "MFADevices", UserName=user.id)]
    return None if devices else {"devices": 0}


# DeleteVirtualMFADevice does not say whose device it was; IAM refuses it for one that is active,
# so that the user's last factor always goes by DeactivateMFADevice.
MFA_DEACTIVATED = Advice(
    id="iam.mfa-deactivated",
    title="Another user's MFA device deactivated",
    severity=75,
    cuts=NOTHING,
    references=References(security_hub=("IAM.5", "IAM.19"), attack=("T1556.006",)),
    triggers=(Trigger(IAM, "DeactivateMFADevice"),),
    reads=("iam:GetUser", "iam:ListMFADevices"),
    revert="Enabling a device takes two codes from it.",
    candidates=_another_user,
    why="the user's last MFA device was deactivated by somebody else",
    advice="Ask the user; have them enable a device again.",
    read=_read_factors,
)

CONTROLS = (
    KEY_FOR_OTHER_USER,
    ROOT_KEY,
    LOGIN_PROFILE_CREATED,
    LOGIN_PROFILE_CHANGED,
    MFA_DEACTIVATED,
)
