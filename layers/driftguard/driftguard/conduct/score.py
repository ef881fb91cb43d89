"""Scores how unusual a day of a principal's conduct is, 0 to 100, and says why.

Pure. Each signal has a weight, which halves with so many days on which the same was seen; the score
is what is left of 100 when all of them are taken together. What the rest of the account is used to
counts for the principal, too, up to a few days: a new role that does what others do is less
unusual. More days on which something was seen never raise the score.

What bounds whoever makes something usual slowly: one kind of news alone stays below the score that
people are asked about, a day that reaches it is not learned from unless people accepted it, and
what has power takes twice as many days as anything else (`benchmarks/conduct` measures how many).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .memory import DENIED, ENOUGH, FADED, READS, Memory, Seen, known, worth

# From this score on, people are asked, and from this one once more on the same day; from the last
# one on it is told beside other decisions.
ASKED, HIGH = 60, 80
NOTED = 40
# Services by which anybody else's rights, keys, secrets and logs are had.
POWER = frozenset(
    {
        *("account", "cloudtrail", "guardduty", "iam", "identitystore", "kms", "organizations"),
        *("rolesanywhere", "secretsmanager", "sso", "sso-directory", "sts"),
    }
)
# How much each kind of news weighs, 0 to 1.
_SERVICE, _POWER, _NETWORK, _CLIENT, _PRINCIPAL = 0.1, 0.25, 0.35, 0.1, 0.25
_READS: Mapping[int, float] = {8: 0.1, 16: 0.2, 32: 0.35, 64: 0.45, 128: 0.65}
_DENIED: Mapping[int, float] = {4: 0.2, 8: 0.35, 16: 0.45, 32: 0.55, 64: 0.6}
# The first days on which something is seen count nothing: it is as new as on the first of them.
_AT_LEAST = 5.0
# So many more days halve a weight; twice as many that of what has power.
_HALVES, _OF_POWER = 7.0, 14.0
# So many days of the account's own memory count for each of its principals.
_OF_OTHERS, _POWER_OF_OTHERS, _CLIENTS_OF_OTHERS, _BURSTS_OF_OTHERS = 7.0, 5.0, 14.0, 1.0
# How many of the day's services count: the most unusual ones.
_SERVICES = 3
# What weighs less is no reason.
_LEAST = 0.02


class Signal(NamedTuple):
    """One unusual thing: what it is (`service:iam`), how much it weighs (0 to 1), and in words."""

    key: str
    weight: float
    words: str


class Score(NamedTuple):
    """How unusual a day is, 0 to 100, and its signals, the heaviest first."""

    score: int
    signals: tuple[Signal, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """The signals in words."""
        return tuple(signal.words for signal in self.signals)


NOTHING = Score(0)


def score_of(seen: Seen, own: Memory, everybody: Memory, day: int) -> Score:
    """How unusual a day is for a principal (`own`) of an account (`everybody`).

    Nothing, while too little is remembered of the account.
    """
    if known(everybody, day) < ENOUGH:
        return NOTHING
    signals = _signals(seen, _Circumstances(own, everybody, day))
    found = sorted((one for one in signals if one.weight >= _LEAST), key=_heaviest)
    return Score(together(one.weight for one in found), tuple(found))


def heaviest(
    kind: str, values: Iterable[str], most: int, own: Memory, everybody: Memory, day: int
) -> frozenset[str]:
    """The values of a kind (`service`, `network`, `client`) that weigh most, so many of them.

    Whatever comes first, nothing that weighs less keeps it out. All services with power are kept.
    """
    found = set(values)
    if len(found) <= most:
        return frozenset(found)
    at = _Circumstances(own, everybody, day)

    def order(value: str) -> tuple[bool, float, str]:
        if kind != "service":
            return False, -_left(kind, value, at), value
        return value not in POWER, -_of_service(value, at).weight, value

    return frozenset(sorted(found, key=order)[:most])


def together(weights: Iterable[float]) -> int:
    """What several weights come to, 0 to 100."""
    left = 1.0
    for weight in sorted(weights):
        left *= 1.0 - weight
    return round(100 * (1.0 - left))


class _Circumstances(NamedTuple):
    """What a day is held against."""

    own: Memory
    everybody: Memory
    day: int

    def left(self, kind: str, value: str, halves: float, of_others: float) -> float:
        """What is left of a weight, 1 where nobody has ever done the same."""
        own = max(0.0, worth(self.own, kind, value, self.day) - _AT_LEAST)
        others = min(of_others, worth(self.everybody, kind, value, self.day))
        return float(0.5 ** ((own + others) / halves))

    def rarity(self, memory: Memory, kind: str) -> float:
        """What is left of a weight where news of this kind is nothing new."""
        days = max(0.0, worth(memory, "new", kind, self.day) - _AT_LEAST)
        return float(0.5 ** (days / _HALVES))


def _signals(seen: Seen, at: _Circumstances) -> Iterator[Signal]:
    services = [_of_service(one, at) for one in seen.values.get("service", ())]
    yield from sorted(services, key=_heaviest)[:_SERVICES]
    yield from _of_values(seen, "network", _NETWORK, at)
    yield from _of_values(seen, "client", _CLIENT, at)
    if known(at.own, at.day) < FADED:
        weight = _PRINCIPAL * at.rarity(at.everybody, "principal")
        yield Signal("principal", weight, "nothing of it is remembered in this region")
    yield from _of_burst(seen.reads, "reads", READS, _READS, at)
    yield from _of_burst(seen.denied, "denied", DENIED, _DENIED, at)


def _of_service(service: str, at: _Circumstances) -> Signal:
    power = service in POWER
    halves, of_others = (_OF_POWER, _POWER_OF_OTHERS) if power else (_HALVES, _OF_OTHERS)
    left = at.left("service", service, halves, of_others)
    weight = _POWER if power else _SERVICE * at.rarity(at.own, "service")
    words = "first use of" if _is_first(at, "service", service) else "seldom use of"
    return Signal(f"service:{service}", weight * left, f"{words} {service}")


def _left(kind: str, value: str, at: _Circumstances) -> float:
    """What is left of the weight of a network or a client."""
    of_others = _OF_OTHERS if kind == "network" else _CLIENTS_OF_OTHERS
    return at.left(kind, value, _HALVES, of_others)


def _of_values(seen: Seen, kind: str, weight: float, at: _Circumstances) -> Iterator[Signal]:
    """The most unusual of a day's networks, or of its clients."""
    found = [(_left(kind, one, at), one) for one in seen.values.get(kind, ())]
    if found:
        left, value = max(found)
        words = "new" if _is_first(at, kind, value) else "seldom"
        said = f"from the {words} {kind}" if kind == "network" else f"with the {words} {kind}"
        rarity = at.rarity(at.own, kind)
        yield Signal(f"{kind}:{value}", weight * left * rarity, f"{said} {value or 'unknown'}")


def _of_burst(
    reached: int,
    kind: str,
    levels: tuple[int, ...],
    weights: Mapping[int, float],
    at: _Circumstances,
) -> Iterator[Signal]:
    """A burst, by the level that weighs most: a higher one may be as usual as a lower one."""
    found = [
        (weights[one] * at.left(kind, str(one), _HALVES, _BURSTS_OF_OTHERS), one)
        for one in levels
        if one <= reached
    ]
    if found:
        weight, level = max(found)
        words = "different reads" if kind == "reads" else "different calls denied"
        yield Signal(f"{kind}:{level}", weight, f"{level} or more {words} within ten minutes")


def _is_first(at: _Circumstances, kind: str, value: str) -> bool:
    return worth(at.own, kind, value, at.day) < FADED


def _heaviest(signal: Signal) -> tuple[float, str]:
    return -signal.weight, signal.key
