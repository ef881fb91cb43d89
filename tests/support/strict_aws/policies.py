"""What rules need to know of a policy document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

# The unique ids that stand in a policy for a user, a role or a group that has been deleted.
_UNIQUE_ID = re.compile(r"^(AIDA|AROA|AGPA)[A-Z0-9]{4,}$")


def statements(document: str | None) -> list[dict[str, Any]]:
    """The statements of a document; none if it cannot be read."""
    try:
        parsed = json.loads(document or "{}")
    except ValueError:
        return []
    found = parsed.get("Statement", []) if isinstance(parsed, dict) else []
    return [found] if isinstance(found, dict) else [s for s in found if isinstance(s, dict)]


def listed(value: Any) -> list[Any]:
    """A value that may stand alone or in a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def principals(statement: dict[str, Any]) -> Iterator[str]:
    """The AWS principals that a statement names."""
    for member in ("Principal", "NotPrincipal"):
        named = statement.get(member)
        yield from listed(named.get("AWS") if isinstance(named, dict) else named)


def unique_ids(document: str | None) -> list[str]:
    """The unique ids among a document's principals."""
    return [
        principal
        for statement in statements(document)
        for principal in principals(statement)
        if _UNIQUE_ID.match(principal)
    ]


def is_unique_id(principal: str) -> bool:
    """Whether a principal is the id of an IAM entity instead of an ARN or an account."""
    return bool(_UNIQUE_ID.match(principal))


def allows(statement: dict[str, Any], *actions: str) -> bool:
    """Whether an Allow statement covers one of these actions, wildcards included."""
    patterns = [str(action).lower() for action in listed(statement.get("Action"))]
    return statement.get("Effect") == "Allow" and any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), action.lower())
        for pattern in patterns
        for action in actions
    )


def lets_everybody_in(document: str | None) -> bool:
    """Whether a statement allows everybody, and no condition narrows it.

    A part of what "public" means: enough to refuse a plainly public document. A document with any
    condition is let through.
    """
    return any(
        statement.get("Effect") == "Allow"
        and "*" in principals(statement)
        and not statement.get("Condition")
        for statement in statements(document)
    )
