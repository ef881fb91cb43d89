"""Works out what an explicit Deny leaves of an Allow.

A Deny takes an Allow away only where it surely meets every request the Allow would let through: the
same or a wider action, resource and principal, and no condition but those the Allow itself demands.
A Deny with a condition of its own does not close anything, however unlikely it is that a caller
gets around it: S3 judges what is granted, statement by statement, and a guard should not lean on a
Deny it cannot prove.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .document import Listed, Statement
from .patterns import covers, matches, overlaps
from .principals import Principal

# Where the actions of a service do not begin with its name.
ACTION_PREFIXES = {
    "efs": "elasticfilesystem",
    "eventbridge": "events",
    "iam-trust": "sts",
    "opensearch": "es",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """One listed pattern, or (`excluded`) everything but the patterns."""

    patterns: Listed
    excluded: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """The service and, where it is known, the resource that a policy is attached to."""

    service: str
    resource: str | None = None


def grants_nothing(statement: Statement, scope: Scope) -> bool:
    """Whether a statement's actions or resources are an empty set."""
    return (
        not _parts(_actions(statement, scope), excluded=statement.actions_excluded)
        or not _parts(_resources(statement, scope), excluded=statement.resources_excluded)
        or (not statement.principals and not statement.principals_excluded)
    )


def escapees(
    allow: Statement, principal: Principal, denies: Sequence[Statement], scope: Scope
) -> tuple[Principal, ...]:
    """The callers of a principal that no Deny stops: the principal, some others, or nobody."""
    left: dict[Principal, None] = {}
    for action in _parts(_actions(allow, scope), excluded=allow.actions_excluded):
        for resource in _parts(_resources(allow, scope), excluded=allow.resources_excluded):
            stopping = [
                deny
                for deny in denies
                if _surely_applies(deny, allow)
                and _is_covered(action, _actions(deny, scope), excluded=deny.actions_excluded)
                and _is_covered(resource, _resources(deny, scope), excluded=deny.resources_excluded)
            ]
            left.update(dict.fromkeys(_not_stopped(principal, stopping)))
            if principal in left:
                return (principal,)
    return tuple(left)


def _surely_applies(deny: Statement, allow: Statement) -> bool:
    """Whether every request that meets the Allow's conditions meets those of the Deny."""
    readable = all(condition.values is not None for condition in deny.conditions)
    return readable and deny.conditions <= allow.conditions


def _not_stopped(principal: Principal, denies: Iterable[Statement]) -> tuple[Principal, ...]:
    remaining: tuple[Principal, ...] = (principal,)
    for deny in denies:
        remaining = tuple(escaped for left in remaining for escaped in _passed_over(left, deny))
    return remaining


def _passed_over(principal: Principal, deny: Statement) -> tuple[Principal, ...]:
    """The callers of a principal that a Deny does not name."""
    if not deny.principals_excluded:
        named = any(_names(other, principal) for other in deny.principals)
        return () if named else (principal,)
    if any(_may_mean(other, principal) for other in deny.principals):
        return (principal,)
    return deny.principals if principal.kind == "everyone" else ()


def _names(denied: Principal, principal: Principal) -> bool:
    """Whether a denied principal includes the whole of another."""
    if denied.kind == "everyone" and not denied.written.startswith("arn:"):
        return denied.family in ("*", "AWS", principal.family)
    if denied.is_whole_account and denied.account == principal.account:
        return principal.kind == "account"
    return (denied.family, denied.written) == (principal.family, principal.written)


def _may_mean(spared: Principal, principal: Principal) -> bool:
    """Whether a principal left out of a Deny may be, or include, the given principal."""
    if spared.kind == "everyone":
        return True
    if principal.kind == "everyone":
        return False
    same_account = bool(spared.account) and spared.account == principal.account
    return same_account or spared.written == principal.written


def _parts(patterns: Listed, *, excluded: bool) -> tuple[_Part, ...]:
    if not excluded:
        return tuple(_Part((pattern,), False) for pattern in patterns)
    return () if "*" in patterns else (_Part(patterns, True),)


def _is_covered(part: _Part, patterns: Listed, *, excluded: bool) -> bool:
    if part.excluded:
        if not excluded:
            return "*" in patterns
        return all(any(covers(wide, pattern) for wide in part.patterns) for pattern in patterns)
    if excluded:
        return not any(overlaps(part.patterns[0], pattern) for pattern in patterns)
    return any(covers(pattern, part.patterns[0]) for pattern in patterns)


def _actions(statement: Statement, scope: Scope) -> Listed:
    """The actions, with every spelling of "all of this service" written as a star."""
    all_of_it = f"{ACTION_PREFIXES.get(scope.service, scope.service)}:*"
    return tuple("*" if covers(action, all_of_it) else action for action in statement.actions)


def _resources(statement: Statement, scope: Scope) -> Listed:
    """The resources; a pattern that means the whole of the judged resource becomes a star."""
    if scope.resource is None:
        return tuple(
            resource if resource.strip("*") or not resource else "*"
            for resource in statement.resources
        )
    contents = (
        [scope.resource, f"{scope.resource}/*"] if scope.service == "s3" else [scope.resource]
    )
    whole = all(
        any(
            matches(resource, content) or covers(resource, content)
            for resource in statement.resources
        )
        for content in contents
    )
    return ("*",) if whole else statement.resources
