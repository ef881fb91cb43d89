"""Evaluates policies as IAM does, for one account: identity, resource and session policies.

Source: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators",
"Single-valued vs. multivalued context keys".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

# A statement as JSON, every intrinsic function resolved.
Statement: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True)
class Principal:
    """Who asks: a role by its ARN, or a service by its name. `tags` are the role's own."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def service(self) -> bool:
        return not self.name.startswith("arn:")


@dataclass(frozen=True)
class Asked:
    """What IAM is asked: may this be done with this resource, in this context?

    Keys of the context are in lower case; one that is not there is not in the request.
    """

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def by(self, principal: Principal) -> Asked:
        """The same, with what AWS says of the principal in the context."""
        said = {"aws:securetransport": ("true",)}
        if not principal.service:
            said["aws:principalarn"] = (principal.name,)
        for key, value in principal.tags.items():
            said[f"aws:principaltag/{key.lower()}"] = (value,)
        return Asked(self.action, self.resource, {**said, **self.context})


@dataclass(frozen=True)
class Policies:
    """The policies that decide on one request; None where there is none of a kind."""

    identity: Sequence[Statement]
    resource: Sequence[Statement] = ()
    session: Sequence[Statement] | None = None
    # Whether the resource's policy has to allow, too: a role's trust policy.
    needs_both: bool = False
    # The most that the identity may do.
    boundary: Sequence[Statement] | None = None


def allows(asked: Asked, principal: Principal, policies: Policies) -> bool:
    """Whether AWS would allow it: nothing denies, and what has to allow allows."""
    return refusal(asked, principal, policies) == ""


def refusal(asked: Asked, principal: Principal, policies: Policies) -> str:
    """Why AWS would refuse, or ""."""
    asked = asked.by(principal)
    of_resource = [one for one in policies.resource if _names(one, principal)]
    for kind, statements in (
        ("the role's policies", policies.identity),
        ("the role's boundary", policies.boundary or ()),
        ("the resource's policy", of_resource),
        ("the session's policy", policies.session or ()),
    ):
        for one in matching(statements, asked, "Deny"):
            return f"{kind} deny it: {one.get('Sid') or one['Action']}"
    by_identity = any(matching(policies.identity, asked, "Allow"))
    by_resource = any(matching(of_resource, asked, "Allow"))
    if policies.needs_both and not by_resource:
        return "the resource's policy does not allow it"
    if not (by_identity or (by_resource and not policies.needs_both)):
        return "no policy of the role allows it"
    if policies.boundary is not None and not any(matching(policies.boundary, asked, "Allow")):
        return "the role's boundary does not allow it"
    if policies.session is not None and not any(matching(policies.session, asked, "Allow")):
        return "the session's policy does not allow it"
    return ""


def matching(statements: Iterable[Statement], asked: Asked, effect: str) -> Iterator[Statement]:
    """The statements with this effect that the request falls under."""
    for one in statements:
        if (
            one["Effect"] == effect
            and _covers(one, "Action", asked.action, ignore_case=True)
            and _covers(one, "Resource", asked.resource)
            and _holds(one.get("Condition", {}), asked.context)
        ):
            yield one


def like(value: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """Whether a value fits a pattern with `*` and `?`."""
    return bool(_compiled(pattern, ignore_case).fullmatch(value))


def listed(value: object) -> tuple[str, ...]:
    """An element of a policy, which may be one value or a list of them."""
    if isinstance(value, (list, tuple)):
        return tuple(_text(one) for one in value)
    return (_text(value),)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    wild = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(wild, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _covers(statement: Statement, element: str, value: str, *, ignore_case: bool = False) -> bool:
    """A statement without the element (a role's trust policy has no resource) covers all."""
    if f"Not{element}" in statement:
        return not any(
            like(value, one, ignore_case=ignore_case) for one in listed(statement[f"Not{element}"])
        )
    if element not in statement:
        return True
    return any(like(value, one, ignore_case=ignore_case) for one in listed(statement[element]))


def _names(statement: Statement, principal: Principal) -> bool:
    named = statement.get("Principal", {})
    if named == "*":
        return True
    if principal.service:
        return principal.name in listed(named.get("Service", ()))
    account = principal.name.split(":")[4]
    own = {"*", principal.name, account, f"arn:aws:iam::{account}:root"}
    return bool(own & set(listed(named.get("AWS", ()))))


# ------------------------------------------------------------------------------ conditions


def _exactly(value: str, wanted: str) -> bool:
    return value == wanted


def _whatever_case(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


# An operator without its "Not". ArnEquals and ArnLike behave identically.
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _exactly,
    "StringEqualsIgnoreCase": _whatever_case,
    "StringLike": like,
    "ArnEquals": like,
    "ArnLike": like,
    "Bool": _whatever_case,
}


def _holds(condition: Mapping[str, Any], context: Mapping[str, tuple[str, ...]]) -> bool:
    return all(
        _operator_holds(operator, context.get(key.lower()), listed(wanted))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _operator_holds(operator: str, values: tuple[str, ...] | None, wanted: tuple[str, ...]) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    if plain == "Null":
        return (values is None) == (wanted == ("true",))
    if_exists = plain.endswith("IfExists")
    plain = plain.removesuffix("IfExists")
    negated = "Not" in plain
    compare = _OPERATORS[plain.replace("Not", "")]

    def one_holds(value: str) -> bool:
        return any(compare(value, one) for one in wanted) != negated

    if not values:
        # A key that is missing matches a negated operator, and a ForAllValues.
        return if_exists or negated or quantifier == "ForAllValues"
    if quantifier == "ForAllValues":
        return all(map(one_holds, values))
    if quantifier == "ForAnyValue":
        return any(map(one_holds, values))
    return all(map(one_holds, values))
