"""Works out who can still call when every condition of a statement has to hold.

Each condition is asked whether an arbitrary caller can meet it. A condition that they
cannot meet pins something down: the caller's account, the account of the resource a request comes
from, an organization, a network, one federated identity. All others (dates, TLS, MFA, tags, user
agents, external ids) tell how a caller comes, not who it is, and pin nothing.

Pinning takes an operator that is false when the key is missing. `…IfExists`, `ForAllValues:` and
the negated operators are true then, so they pin nothing, unless another condition demands the key.
`StringEquals` takes `*` and `?` as letters; the `Like` and `Arn` operators take them as wildcards.

For S3 the published list decides (`strict`): only values without a wildcard or policy variable
count. For others a wildcard may stand where it frees nothing that matters: after the account in an
ARN.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .address_ranges import is_range, leaves_nothing, lets_the_world_in
from .document import Condition, Listed
from .patterns import has_wildcard, matches
from .pins import ORGANIZATION_PATHS, Pins, pin
from .principals import account_id
from .spans import contradict

ADDRESS = "aws:sourceip"
# Keys that every request carries.
ALWAYS_THERE = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:securetransport",
        "aws:userid",
    }
)
SEVERAL_VALUES = ORGANIZATION_PATHS | {
    "aws:calledvia",
    "aws:principalservicenameslist",
    "aws:tagkeys",
}
RESOURCE_ACCOUNTS = frozenset({"aws:resourceaccount", "s3:resourceaccount"})
EQUAL = frozenset({"stringequals", "stringequalsignorecase", "bool", "binaryequals"})
LIKE = frozenset({"stringlike", "arnlike", "arnequals"})
UNLIKE = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotlike": "arnlike",
    "arnnotequals": "arnequals",
}
COMPARED = frozenset(
    f"{kind}{relation}"
    for kind in ("numeric", "date")
    for relation in ("equals", "lessthan", "lessthanequals", "greaterthan", "greaterthanequals")
)
POSITIVE = EQUAL | LIKE | COMPARED | {"ipaddress"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the conditions of one statement pin down. None stands for "anyone"."""

    impossible: bool = False  # no request can meet them all
    callers: frozenset[str] | None = None
    caller_arns: frozenset[str] | None = None
    sources: frozenset[str] | None = None
    organizations: frozenset[str] | None = None
    elsewise: bool = False
    providers: frozenset[str] = frozenset()
    pinned_providers: frozenset[str] = frozenset()
    loose: tuple[str, ...] = ()  # keys that are asked for, and pin nothing


def limits(conditions: Iterable[Condition], *, own: str, strict: bool) -> Limits:
    """Everything that the conditions pin down together."""
    by_key: dict[str, list[Condition]] = {}
    for condition in sorted(conditions, key=_order):
        by_key.setdefault(condition.key, []).append(condition)
    pins = Pins()
    loose = []
    for key, entries in by_key.items():
        required = any(_demands(entry) for entry in entries)
        binding = [entry for entry in entries if _binds(entry, required)]
        if _never_met(key, entries, binding, required=required, own=own, strict=strict):
            return Limits(impossible=True)
        if not _pin(pins, key, entries, binding, required=required, own=own, strict=strict):
            loose.append(entries[0].written or "an unreadable condition")
    return Limits(
        callers=pins.callers,
        caller_arns=pins.caller_arns,
        sources=pins.sources,
        organizations=pins.organizations,
        elsewise=bool(pins.elsewise),
        providers=frozenset(pins.providers),
        pinned_providers=frozenset(pins.pinned_providers),
        loose=tuple(loose),
    )


def _order(condition: Condition) -> tuple[str, str, str, bool, Listed]:
    return (
        condition.key,
        condition.operator,
        condition.quantifier,
        condition.if_exists,
        condition.values or (),
    )


def _demands(entry: Condition) -> bool:
    """Whether the condition is false when its key is missing."""
    if entry.values is None or entry.if_exists:
        return False
    if entry.operator == "null":
        return {value.lower() for value in entry.values} == {"false"}
    return entry.quantifier == "any" or (entry.operator in POSITIVE and entry.quantifier != "all")


def _binds(entry: Condition, required: bool) -> bool:
    """Whether this condition has to hold for the key's value, the key being there."""
    return entry.values is not None and (
        required or (not entry.if_exists and entry.quantifier != "all")
    )


def _never_met(
    key: str,
    entries: Sequence[Condition],
    binding: Sequence[Condition],
    *,
    required: bool,
    own: str,
    strict: bool,
) -> bool:
    """Whether no request at all can meet these conditions on one key."""
    present = required or key in ALWAYS_THERE
    if any(entry.values == () and entry.operator in POSITIVE for entry in binding):
        return True
    if present and any(_shuts_out_every_value(entry) for entry in entries):
        return True
    if key in SEVERAL_VALUES:
        return False
    addresses, excluded = _listed(binding, {"ipaddress"}), _listed(entries, {"notipaddress"})
    if addresses is not None and leaves_nothing(addresses, excluded or ()):
        return True
    return (
        contradict(key, binding, dates_count=not strict)
        or any(_is_about_another_account(entry, own) for entry in binding)
        or (required and _candidates(entries, binding) == [])
    )


def _shuts_out_every_value(entry: Condition) -> bool:
    values = {value.lower() for value in entry.values or ()}
    if entry.operator == "null":
        return values == {"true"}
    return entry.operator in ("stringnotlike", "arnnotlike", "arnnotequals") and "*" in values


def _is_about_another_account(entry: Condition, own: str) -> bool:
    """Whether the condition asks for a resource in another account: ours never meets it."""
    return (
        entry.key in RESOURCE_ACCOUNTS
        and entry.operator in EQUAL
        and bool(entry.values)
        and all(account_id(value) not in ("", own) for value in entry.values or ())
    )


def _listed(entries: Iterable[Condition], operators: Iterable[str]) -> list[str] | None:
    """All values under these operators; None when no condition has one."""
    found = [e.values for e in entries if e.operator in operators and e.values is not None]
    return [value for values in found for value in values] if found else None


def _candidates(entries: Sequence[Condition], binding: Sequence[Condition]) -> list[str] | None:
    """The values a required key may have, if a condition lists them. None: any number of values."""
    exact = [entry for entry in binding if _lists_exactly(entry)]
    if not exact:
        return None
    left = list(exact[0].values or ())
    for entry in entries:
        if entry.values is None or any("${" in value for value in entry.values):
            continue
        if entry.operator in UNLIKE:
            left = [v for v in left if not _accepts(UNLIKE[entry.operator], entry.values, v)]
        elif entry.operator in EQUAL | LIKE:
            left = [v for v in left if _accepts(entry.operator, entry.values, v)]
    return left


def _lists_exactly(entry: Condition) -> bool:
    values = entry.values or ()
    if any("${" in value for value in values):
        return False
    return entry.operator in EQUAL or (
        entry.operator in LIKE and not any(has_wildcard(value) for value in values)
    )


def _accepts(operator: str, values: Listed, text: str) -> bool:
    if operator in ("stringequalsignorecase", "bool"):
        return text.lower() in {value.lower() for value in values}
    if operator in LIKE:
        return any(matches(value, text) for value in values)
    return text in values or any(account_id(value) == account_id(text) != "" for value in values)


def _pin(
    pins: Pins,
    key: str,
    entries: Sequence[Condition],
    binding: Sequence[Condition],
    *,
    required: bool,
    own: str,
    strict: bool,
) -> bool:
    if key == ADDRESS:
        if _pins_addresses(entries, binding):
            pins.elsewise.append(key)
            return True
        return False
    candidates = _candidates(entries, binding) if required else None
    if candidates is not None and key not in SEVERAL_VALUES:
        return pin(pins, key, tuple(candidates), patterns=False, own=own, strict=strict)
    pinned = False
    for entry in binding:
        if entry.operator in EQUAL | LIKE:
            patterns = entry.operator in LIKE
            values = entry.values or ()
            pinned |= pin(pins, key, values, patterns=patterns, own=own, strict=strict)
    return pinned


def _pins_addresses(entries: Sequence[Condition], binding: Sequence[Condition]) -> bool:
    ranges = _listed(binding, {"ipaddress"})
    if ranges is not None and not lets_the_world_in(
        ranges, _listed(entries, {"notipaddress"}) or ()
    ):
        return True
    texts = _listed(binding, EQUAL | LIKE) or []
    return bool(texts) and all(map(is_range, texts)) and not lets_the_world_in(texts)
