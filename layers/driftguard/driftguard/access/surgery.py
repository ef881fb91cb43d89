"""Takes openings out of a policy and leaves all else as it was.

What comes out is a document that AWS accepts: nothing (None) where a policy may be deleted, a Deny
where it may not, and for a KMS key always a statement by which its own account can manage it.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy

from .document import UnreadableError, as_list, element, element_key, load, read, text_of
from .patterns import covers

Entry = Mapping[str, object]
Offending = Mapping[int, set[str]]  # position of a statement -> its offending principals as written


def without_openings(
    service: str, document: Mapping[str, object] | str, offending: Offending, own: str
) -> dict[str, object] | None:
    """The document without the offending principals, or None when no statement is left."""
    loaded, _ = load(document)
    key = element_key(loaded, "Statement")
    if key is None:
        raise UnreadableError("the policy has no Statement")
    before = as_list(loaded[key])
    after = list(_kept(before, offending))
    if service == "kms" and offending and not any(_manages(entry, own) for entry in after):
        after = _with_manager(before, offending, own, loaded)
    if not after and service == "iam-trust":
        after = [_deny_all()]
    if not after:
        return None
    single = not isinstance(loaded[key], list | tuple) and len(after) == 1
    result = {
        name: loaded[name] if name != key else (after[0] if single else after) for name in loaded
    }
    return deepcopy(result)


def _kept(entries: object, offending: Offending) -> Iterator[object]:
    for index, entry in enumerate(as_list(entries)):
        if index not in offending or not isinstance(entry, Mapping):
            yield entry
            continue
        remaining = _without_principals(entry, offending[index])
        if remaining is not None:
            yield remaining


def _without_principals(entry: Entry, names: set[str]) -> Entry | None:
    """The statement without these principals, None if it names nobody else."""
    key = element_key(entry, "Principal")
    if key is None:  # NotPrincipal: whom it lets in is not written down one by one
        return None
    principals = entry[key]
    if not isinstance(principals, Mapping):
        left = _left(principals, names)
        return {**entry, key: left} if left else None
    remaining = {family: _left(listed, names) for family, listed in principals.items()}
    remaining = {family: listed for family, listed in remaining.items() if listed}
    return {**entry, key: remaining} if remaining else None


def _left(listed: object, names: set[str]) -> object:
    """A list without these names, or a single name unless it is one of them."""
    if isinstance(listed, list | tuple):
        return [item for item in listed if text_of(item) not in names]
    return None if text_of(listed) in names else listed


def _deny_all() -> dict[str, object]:
    return {
        "Sid": "NobodyIsTrusted",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sts:AssumeRole",
    }


def _manages(entry: object, own: str) -> bool:
    """Whether a statement lets somebody in the own account change the key's policy."""
    try:
        statements = read({"Statement": [entry]}).statements
    except UnreadableError:
        return False
    return any(
        statement.allows
        and not statement.principals_excluded
        and not statement.actions_excluded
        and any(
            principal.account == own or principal.kind == "everyone"
            for principal in statement.principals
        )
        and any(covers(action, "kms:putkeypolicy") for action in statement.actions)
        for statement in statements
    )


def _with_manager(
    before: object, offending: Offending, own: str, document: Mapping[str, object]
) -> list[object]:
    """The statements, with the account's own root in place of whoever managed the key, or added."""
    root = f"arn:{_partition(document)}:iam::{own}:root"
    after: list[object] = []
    managed = False
    for index, entry in enumerate(as_list(before)):
        if index not in offending or not isinstance(entry, Mapping):
            after.append(entry)
            continue
        remaining = _without_principals(entry, offending[index])
        if remaining is not None:
            after.append(remaining)
        elif not managed and element(entry, "Action") is not None:
            key = element_key(entry, "Principal")
            candidate = {**entry, key: {"AWS": root}} if key else None
            if candidate and not element(entry, "Condition") and _manages(candidate, own):
                after.append(candidate)
                managed = True
    if not managed:
        after.insert(
            0,
            {
                "Sid": "OwnAccountManagesKey",
                "Effect": "Allow",
                "Principal": {"AWS": root},
                "Action": "kms:*",
                "Resource": "*",
            },
        )
    return after


def _partition(document: Mapping[str, object]) -> str:
    """The AWS partition that the document's ARNs are in."""
    found = re.search(r"arn:(aws-[a-z-]+):", repr(document))
    return found[1] if found else "aws"
