"""What an organization's id and the paths in it tell of each other.

A path begins with the id of its organization. So who is outside an organization by one key is not
inside it by the other, and a request that would have to be both is made by nobody.

Source: IAM User Guide, "AWS global condition context keys" (aws:PrincipalOrgPaths).
"""

from collections.abc import Mapping
from dataclasses import replace

from ..patterns import has_wildcard
from .budget import Budget
from .constraint import Constraint
from .key_state import KeyState, several_values

PAIRS = tuple((f"aws:{of}orgid", f"aws:{of}orgpaths") for of in ("principal", "source", "vpce"))


def of_one_organization(
    states: Mapping[str, KeyState], budget: Budget
) -> dict[str, KeyState] | None:
    """The states of whoever has an id and paths of one organization; None if nobody has.

    A caller has both keys or neither. Of the other pairs AWS does not say that for every service.
    """
    narrowed = dict(states)
    for pair in PAIRS:
        one, paths = (states.get(name) for name in pair)
        if one is None or paths is None:
            continue
        if pair is PAIRS[0] and not (one.missing and paths.missing):
            one, paths = replace(one, missing=False), replace(paths, missing=False)
            narrowed |= zip(pair, (one, paths), strict=True)
        if one.missing or paths.missing:
            continue
        if not (one.present and paths.present and _agree(one, paths, budget)):
            return None
    return narrowed


def _agree(one: KeyState, paths: KeyState, budget: Budget) -> bool:
    ids = _ids(paths) if one.named is None else one.named
    return ids is None or any(_has_paths(id_, one, paths, budget) for id_ in sorted(ids))


def _has_paths(id_: str, one: KeyState, paths: KeyState, budget: Budget) -> bool:
    """Whether an organization may have this id, and such paths."""
    if not all(test.accepts(id_, budget) for test in one.constraints):
        return False
    inside = (f"{id_}/*",)
    within = Constraint("", "text", "stringlike", inside, every=True, quantified=True)
    return several_values((*paths.constraints, within), budget)


def _ids(paths: KeyState) -> frozenset[str] | None:
    """The ids that a path may begin with, by the test that leaves fewest; None if it may be any."""
    left: frozenset[str] | None = None
    for test in paths.constraints:
        if not test.quantified or test.relation != "text" or test.complement:
            continue
        ids = [found.pattern.partition("/") for found in test.patterns]
        if any(has_wildcard(id_) or not slash for id_, slash, _ in ids):
            continue
        if left is None or len(ids) < len(left):
            left = frozenset(id_ for id_, _, _ in ids)
    return left
