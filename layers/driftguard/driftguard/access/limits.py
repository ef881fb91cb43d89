"""Works out who can still call when every key of a request is in the state it may be in.

Each key is asked whether an arbitrary caller can have it so. One that they cannot pins something
down: the caller's account, the account of the resource a request comes from, an organization, a
network, one federated identity. All others (dates, TLS, MFA, tags, user agents, external ids) tell
how a caller comes, not who it is, and pin nothing. A key that may be missing pins nothing either.

For S3 the published list decides on the conditions of an Allow (`strict`): only values without a
wildcard or policy variable count. Elsewhere a wildcard may stand where it frees nothing that
matters: after the account in an ARN.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .address_ranges import is_range, lets_in_the_world, lets_the_world_in
from .document import Listed
from .pins import ARN_PARTS, ARNS, Pins, Reading, pin
from .principals import ACCOUNT
from .reach.budget import Budget
from .reach.constraint import WILD, Constraint, among
from .reach.key_state import KeyState, narrowed
from .reach.principal_tests import ACCOUNT_KEY, ARN_KEY

ADDRESS = "aws:sourceip"
# Of so many values it is worth to find those that the other tests leave; more count as all left.
LOOKED_AT = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """What is pinned down. None stands for "anyone"."""

    callers: frozenset[str] | None = None
    caller_arns: frozenset[str] | None = None
    sources: frozenset[str] | None = None
    networks: frozenset[str] | None = None
    organizations: frozenset[str] | None = None
    network_organizations: frozenset[str] | None = None
    elsewise: bool = False
    providers: frozenset[str] = frozenset()
    pinned_providers: frozenset[str] = frozenset()
    loose: tuple[str, ...] = ()  # keys that an Allow asks for, and that pin nothing


def limits(states: Mapping[str, KeyState], budget: Budget, *, strict: bool) -> Limits:
    """Everything that the keys pin down together. `strict`: by S3's published list."""
    pins = Pins()
    loose = []
    for key, state in sorted(states.items()):
        pinned = not state.missing and _pin(pins, key, state, budget, strict=strict)
        granted = [test for test in state.constraints if test.granted]
        if granted and not pinned:
            loose.append(granted[0].written or "an unreadable condition")
    return Limits(
        callers=_that_may_call(pins.callers, states, budget),
        caller_arns=pins.caller_arns,
        sources=pins.sources,
        networks=pins.networks,
        organizations=pins.organizations,
        network_organizations=pins.network_organizations,
        elsewise=bool(pins.elsewise),
        providers=frozenset(pins.providers),
        pinned_providers=frozenset(pins.pinned_providers),
        loose=tuple(loose),
    )


def _pin(pins: Pins, key: str, state: KeyState, budget: Budget, *, strict: bool) -> bool:
    budget.spend(2 + len(state.constraints))
    if key == ADDRESS and _pins_addresses(state):
        pins.elsewise.append(key)
        return True
    if state.named is not None and state.named_by is not None:
        budget.spend(len(state.named))
        by_list = strict and state.named_by.granted
        return pin(pins, key, tuple(sorted(state.named)), "letters", strict=by_list)
    pinned = False
    for test in state.constraints:
        if test.relation == "text" and not test.complement:
            budget.spend(len(test.values))
            by_list = strict and test.granted
            values = _left_of(test, state, budget)
            pinned |= pin(pins, key, values, _reading(test), strict=by_list)
    return pinned or (not strict and _pin_together(pins, key, state, budget))


def _pin_together(pins: Pins, key: str, state: KeyState, budget: Budget) -> bool:
    """Pins the accounts that texts name, where the tests on an ARN leave no other.

    The star of a text crosses colons, so that a text alone may name the account in any place.
    """
    tests = [test for test in state.constraints if test.relation == "text" and not test.complement]
    if key not in ARNS or not {"text", "arn"} <= set(map(_reading, tests)):
        return False
    split = [value.split(":", ARN_PARTS - 1) for test in tests for value in test.values]
    named = {parts[4] for parts in split if len(parts) == ARN_PARTS}
    owners = tuple(f"arn:*:*:*:{one}:*" for one in sorted(named) if ACCOUNT.fullmatch(one))
    elsewhere = Constraint(key, "text", "arnlike", owners, complement=True, every=True)
    if not owners or narrowed(state, elsewhere, budget) is not None:
        return False
    return pin(pins, key, owners, "arn", strict=False)


def _left_of(test: Constraint, state: KeyState, budget: Budget) -> Listed:
    """The values of a test that the others on its key leave."""
    if not 1 < len(test.values) <= LOOKED_AT or len(state.constraints) < 2:
        return test.values
    return tuple(
        value
        for value in test.values
        if narrowed(state, test.narrowed_to(value), budget) is not None
    )


def _reading(test: Constraint) -> Reading:
    if test.operator not in WILD:
        return "letters"
    return "text" if test.operator == "stringlike" else "arn"


def _pins_addresses(state: KeyState) -> bool:
    ranges = [test for test in state.constraints if test.relation == "address"]
    wanted = [test.values for test in ranges if not test.complement]
    unwanted = [value for test in ranges if test.complement for value in test.values]
    if wanted and not lets_in_the_world(wanted, unwanted):
        return True
    texts = [
        value
        for test in state.constraints
        if test.relation == "text" and not test.complement
        for value in test.values
    ]
    return bool(texts) and all(map(is_range, texts)) and not lets_the_world_in(texts)


def _that_may_call(
    callers: frozenset[str] | None, states: Mapping[str, KeyState], budget: Budget
) -> frozenset[str] | None:
    """The accounts that the tests on the caller's account and on its ARN accept, too."""
    if callers is None:
        return callers
    return frozenset(
        account
        for account in callers
        if not account
        or (
            _may_be(states.get(ACCOUNT_KEY), among(ACCOUNT_KEY, (account,)), budget)
            and _may_be(states.get(ARN_KEY), _arn_in(account), budget)
        )
    )


def _may_be(state: KeyState | None, test: Constraint, budget: Budget) -> bool:
    return state is None or state.missing or narrowed(state, test, budget) is not None


def _arn_in(account: str) -> Constraint:
    return Constraint(ARN_KEY, "text", "arnlike", (f"arn:*:*::{account}:*",))
