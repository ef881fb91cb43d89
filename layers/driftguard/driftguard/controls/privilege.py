"""Says whether an identity policy makes its holder an administrator. Pure, no AWS calls.

An administrator's policy grants every action on every resource; everything but what a NotAction
names; or one of the IAM actions that let a caller escalate, over all users, roles, groups or
policies. A condition on the request's target (a required boundary, a tag of the resource) narrows
the grant; a condition on the caller, the time or the network leaves an administrator one.

`iam:PassRole` beside an action that runs code is left out on purpose: deployment roles rightly have
both, and whether it escalates depends on the roles that there are.

Sources: IAM User Guide, "IAM JSON policy elements: NotAction", "Policy evaluation logic" and
"AWS managed policies for job functions"; Service Authorization Reference, "Actions, resources, and
condition keys for AWS Identity and Access Management".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from driftguard.access.document import UnreadableError, as_list, element, element_key, load, text_of
from driftguard.access.patterns import matches
from driftguard.documents import Document, Json

__all__ = ["UnreadableError", "broad_by_name", "why_admin", "without_admin"]

ESCALATIONS = tuple(
    f"iam:{name}"
    for name in (
        "AddUserToGroup",
        "AttachGroupPolicy",
        "AttachRolePolicy",
        "AttachUserPolicy",
        "CreateAccessKey",
        "CreateLoginProfile",
        "CreatePolicyVersion",
        "PutGroupPolicy",
        "PutRolePolicy",
        "PutUserPolicy",
        "SetDefaultPolicyVersion",
        "UpdateAssumeRolePolicy",
        "UpdateLoginProfile",
    )
)
_BROAD_AWS_POLICIES = frozenset({"AdministratorAccess", "IAMFullAccess", "PowerUserAccess"})
_EVERYTHING = re.compile(r"\*+|arn:[^:]*(:\*+)+")
_ALL_OF_A_KIND = re.compile(r"arn:[^:]*:(iam|\*+):[^:]*:[^:]*:(user|role|group|policy)/\*+")
_EVERY_ACTION = re.compile(r"[*:]*\*[*:]*")
_NARROWING = re.compile(
    r"iam:permissionsboundary|iam:policyarn|iam:passedtoservice|iam:awsservicename"
    r"|[a-z0-9]+:resourcetag/.*|aws:requesttag/.*|aws:calledvia(first|last)?"
)
_NAMES_ONE = re.compile(r"(string(equals|like|equalsignorecase)|arn(equals|like))")


def broad_by_name(arn: str) -> bool:
    """Whether this is one of AWS's own policies that make an administrator, in any partition."""
    return ":iam::aws:policy/" in arn and arn.rpartition("/")[2] in _BROAD_AWS_POLICIES


def why_admin(document: Mapping[str, object] | str) -> str:
    """Why the policy makes an administrator, in words; "" if it does not.

    Raises `UnreadableError` for what is no policy document.
    """
    statements = list(_statements(document))
    denies = [
        statement for statement in statements if text_of(element(statement, "Effect")) == "Deny"
    ]
    found: list[str] = []
    for statement in statements:
        if text_of(element(statement, "Effect")) == "Allow":
            found.extend(_why(statement, denies))
    if not found:
        return ""
    shown = list(dict.fromkeys(found))
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return f"allows {', '.join(shown[:3])}{more} on all resources"


def without_admin(document: Document) -> Document | None:
    """The policy without the statements that make an administrator; None if none is left."""
    statements = list(_statements(document))
    denies = [
        statement for statement in statements if text_of(element(statement, "Effect")) == "Deny"
    ]
    left: list[Json] = [
        statement for statement in statements if statement in denies or not _why(statement, denies)
    ]
    if not left:
        return None
    key = element_key(document, "Statement") or "Statement"
    return {**document, key: left}


def _statements(document: Mapping[str, object] | str) -> Iterator[Document]:
    loaded, _ = load(document)
    for statement in as_list(element(loaded, "Statement") or ()):
        if isinstance(statement, Mapping):
            yield statement


def _why(statement: Document, denies: list[Document]) -> list[str]:
    """What one Allow grants that makes an administrator, where no Deny takes it back."""
    if _narrowed(statement):
        return []
    denied = [deny for deny in denies if _unconditional(deny) and _reaches(deny, _EVERYTHING)]
    excluded = element(statement, "NotAction") is not None
    patterns = _texts(statement, "NotAction" if excluded else "Action")
    if _reaches(statement, _EVERYTHING):
        every = any(_EVERY_ACTION.fullmatch(pattern) for pattern in patterns)
        if every is not excluded and not any(_is_blanket(deny) for deny in denied):
            return [f"every action but {', '.join(patterns)}" if excluded else "every action"]
    elif not _reaches(statement, _ALL_OF_A_KIND):
        return []
    return [
        action
        for action in ESCALATIONS
        if _names(statement, action) and not any(_names(deny, action) for deny in denied)
    ]


def _names(statement: Document, action: str) -> bool:
    """Whether the statement is about this action, by its Action or its NotAction."""
    excluded = element(statement, "NotAction") is not None
    patterns = _texts(statement, "NotAction" if excluded else "Action")
    return any(matches(pattern.lower(), action.lower()) for pattern in patterns) is not excluded


def _reaches(statement: Document, all_of: re.Pattern[str]) -> bool:
    """Whether the resources are all there are, but perhaps for those that NotResource names."""
    if element(statement, "NotResource") is not None:
        return not any(_EVERYTHING.fullmatch(text) for text in _texts(statement, "NotResource"))
    return any(all_of.fullmatch(text) for text in _texts(statement, "Resource"))


def _is_blanket(deny: Document) -> bool:
    """Whether a Deny is of every action, or of all but those it names."""
    if element(deny, "NotAction") is not None:
        return True
    return any(_EVERY_ACTION.fullmatch(text) for text in _texts(deny, "Action"))


def _unconditional(statement: Document) -> bool:
    return not element(statement, "Condition")


def _narrowed(statement: Document) -> bool:
    """Whether a condition binds the request's target to a named value."""
    conditions = element(statement, "Condition")
    if not isinstance(conditions, Mapping):
        return False
    return any(
        _NARROWING.fullmatch(str(key).lower())
        and not any(str(value).strip("*") == "" for value in as_list(values))
        for operator, keys in conditions.items()
        if _NAMES_ONE.fullmatch(str(operator).lower().removeprefix("foranyvalue:"))
        and isinstance(keys, Mapping)
        for key, values in keys.items()
    )


def _texts(statement: Document, name: str) -> list[str]:
    found = element(statement, name)
    texts = () if found is None else as_list(found)
    return [text for item in texts if (text := text_of(item)) is not None]
