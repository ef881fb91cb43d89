"""Says about whom the guard is to be told, and whether the day has a place for that. Pure.

A day has few places, and whoever would be first on every day must not take them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from driftguard.documents import Document, mapping, text
from driftguard.model import Actor, Autonomy
from driftguard.policy.bounds import is_of
from driftguard.policy.model import Policy

from .score import ASKED, HIGH
from .telling import CONTROL

# About so many principals of an account people are asked in a day, and of as many others they are
# told without being asked, at most.
MOST_A_DAY = 5
# So many of the places are for what the guard was told of lately, and one is for high scores.
_MOST_AGAIN, _HIGH_ONLY = 3, 1
# The kinds of principals that the control looks at, as their ARNs begin.
_KINDS = frozenset({"role", "root", "user"})
# Roles that only AWS can change.
_OF_AWS = ("role/aws-reserved/", "role/aws-service-role/")


class Manner(StrEnum):
    """What comes of an event: nothing, that people are told, or that they are asked."""

    NOT = "not"
    TOLD = "told"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Asking:
    """What the policy says about unusual conduct.

    From `ask_from` on (60 to 100) people hear of it. `break_glass` are patterns of principals whom
    nothing contains; `own_roles` the ARNs of the roles that plans run under, whose calls the guard
    never looks at. `observes`: people are told of it, and never asked.
    """

    ask_from: int = ASKED
    break_glass: tuple[str, ...] = ()
    own_roles: tuple[str, ...] = ()
    observes: bool = False

    @classmethod
    def of(cls, policy: Policy, own_roles: tuple[str, ...]) -> Asking:
        """By a policy."""
        ask_from = policy.settings.get(CONTROL, {}).get("ask_from")
        return cls(
            max(ASKED, ask_from) if type(ask_from) is int else ASKED,
            tuple(entry.actor for entry in policy.bounds.break_glass),
            own_roles,
            policy.granted(CONTROL) is Autonomy.OBSERVE,
        )

    def manner(self, actor: Actor, score: int) -> Manner:
        """What comes of an event about a principal whose day has this score."""
        kind = kind_of(actor.principal)
        if not kind or actor.principal in self.own_roles or score < self.ask_from:
            return Manner.NOT
        named = actor.principal.rpartition(":")[2]
        spared = any(is_of(pattern, actor) for pattern in self.break_glass)
        if self.observes or kind == "root" or named.startswith(_OF_AWS) or spared:
            return Manner.TOLD
        return Manner.ASKED


def kind_of(arn: str) -> str:
    """What an ARN of IAM is of: `role`, `user` or `root`; "" for any other ARN."""
    kind = arn.rpartition(":")[2].partition("/")[0]
    return kind if arn.split(":")[2:3] == ["iam"] and kind in _KINDS else ""


# ------------------------------------------------------------------------------ a day's places


def places(everybody: Document, day: int) -> dict[str, str]:
    """Who has a place on a day, by the sort keys of their records, and which kind of place."""
    held = mapping(everybody, "asked")
    taken = mapping(held, "of") if held.get("day") == day else {}
    return {sk: text(taken, sk) for sk in taken}


def place(taken: Mapping[str, str], manner: Manner, score: int, *, again: bool) -> str:
    """Which kind of place there is for one more principal, "" for none.

    `again`: the guard was told of the same reasons lately.
    """
    held = [kind for kind in taken.values() if kind.startswith(manner)]
    most = MOST_A_DAY if score >= HIGH else MOST_A_DAY - _HIGH_ONLY
    lately = f"{manner}-again"
    if len(held) >= most or (again and held.count(lately) >= _MOST_AGAIN):
        return ""
    return lately if again else manner


def with_place(everybody: Document, day: int, sk: str, kind: str) -> Document:
    """The account's record with one more place taken."""
    return {**everybody, "asked": {"day": day, "of": {**places(everybody, day), sk: kind}}}
