"""The bounds that a policy sets to what runs by itself: plain values, each one guardrail's terms.

Every default holds back or does nothing; only what a policy says can widen. The values are named
tuples, which cost a cold start a sixth of what dataclasses do; every Lambda loads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple

from driftguard.documents import moment, stamp
from driftguard.model import Actor, Autonomy, Resource

HOUR, DAY = 3600, 86_400
NO_TAGS: Mapping[str, str] = MappingProxyType({})


def fits(pattern: str, name: str) -> bool:
    """Whether a pattern means a name: `*` is any text, `?` any sign; `[*]` and `[?]` are neither.

    Any other bracket is a plain character: it stands for itself, and not for a choice of signs.
    """
    if "[" in pattern:
        pattern = _BRACKETS.sub("[[]", pattern)
    return fnmatchcase(name, pattern)


_BRACKETS = re.compile(r"\[(?![*?]\])")


def names(pattern: str, resource: Resource) -> bool:
    """Whether a pattern with `*` and `?` names a resource, by its ARN or by its own id."""
    return fits(pattern, resource.arn) or fits(pattern, resource.id)


def is_of(pattern: str, actor: Actor) -> bool:
    """Whether a pattern with `*` and `?` is of an actor: its lasting identity or its session."""
    return any(name and fits(pattern, name) for name in (actor.principal, actor.session))


class Exemption(NamedTuple):
    """What a person declared to be fine: a control, resources, perhaps tags and actors, until then.

    It is never wider than what was named: everything it names must hold. `resource` is an ARN or
    what the service calls the resource, and `actor` a principal's ARN, both with `*` and `?`.
    `tags` must all be on the resource. `by` and `identity` are who gave it at run time, `agreed`
    who agreed to it, each by name and ARN. `until` is the first instant at which it no longer holds
    (ISO 8601, UTC).
    """

    control: str
    resource: str
    until: str
    reason: str
    actor: str = "*"
    tags: Mapping[str, str] = NO_TAGS
    by: str = ""
    identity: str = ""
    id: str = ""
    agreed: tuple[tuple[str, str], ...] = ()

    @property
    def givers(self) -> tuple[tuple[str, str], ...]:
        """Everybody who stands for it, each by name and ARN; nobody for one of the policy."""
        return ((self.by, self.identity), *self.agreed) if self.by else ()

    def covers(
        self,
        control: str,
        resource: Resource,
        now: str,
        actor: Actor,
        tags: Mapping[str, str] | None = None,
    ) -> bool:
        """Whether it holds for this control, resource and actor at this time.

        Tags that were not read (None) are not there.
        """
        return (
            control == self.control
            and now < self.until
            and names(self.resource, resource)
            and (self.actor == "*" or is_of(self.actor, actor))
            and carries(tags, self.tags)
        )


def carries(found: Mapping[str, str] | None, wanted: Mapping[str, str]) -> bool:
    """Whether tags hold all that are wanted, the values with `*` and `?`."""
    return all(
        found is not None and name in found and fits(value, found[name])
        for name, value in wanted.items()
    )


class Scope(NamedTuple):
    """What something is for: controls, resources, actors, and tags; everything given must hold."""

    controls: tuple[str, ...] = ("*",)
    resources: tuple[str, ...] = ("*",)
    actors: tuple[str, ...] = ("*",)
    tags: Mapping[str, str] = NO_TAGS

    def holds(
        self, control: str, resource: Resource, actor: Actor, tags: Mapping[str, str] | None
    ) -> bool:
        """Whether the scope includes this case. Tags that were not read (None) are not there."""
        return (
            any(fnmatchcase(control, pattern) for pattern in self.controls)
            and any(names(pattern, resource) for pattern in self.resources)
            and ("*" in self.actors or any(is_of(pattern, actor) for pattern in self.actors))
            and carries(tags, self.tags)
        )

    def singles_out(self, control: str) -> bool:
        """Whether `controls` name the control, or its family: `containment.*`, and not `*`."""
        family = f"{control.partition('.')[0]}."
        return any(
            pattern.startswith(family) and fnmatchcase(control, pattern)
            for pattern in self.controls
        )


class Limit(NamedTuple):
    """The most autonomy within a scope, and why: for protected resources, for example."""

    scope: Scope
    autonomy: Autonomy
    reason: str


class ChangeWindow(NamedTuple):
    """Hours in which people are at work on something (or, `outside`, in which nobody looks).

    `days` are 0 (Monday) to 6, none means every day. `opens` and `closes` are minutes of the day in
    `zone` (an IANA name); a window that closes before it opens lasts over midnight, and belongs to
    the day on which it opens.
    """

    name: str
    scope: Scope
    autonomy: Autonomy
    opens: int
    closes: int
    days: tuple[int, ...] = ()
    zone: str = "UTC"
    outside: bool = False

    def holds(self, now: datetime) -> bool:
        """Whether its limit counts at this time.

        Where the zone's rules cannot be read it always counts: a guardrail that cannot tell holds.
        """
        zone = _zone(self.zone)
        if zone is None:
            return True
        local = now.astimezone(zone)
        return self._is_open(local) is not self.outside

    def _is_open(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        yesterday = (local - timedelta(days=1)).weekday()
        if self.opens < self.closes:
            return self.opens <= minute < self.closes and self._on(local.weekday())
        return (minute >= self.opens and self._on(local.weekday())) or (
            minute < self.closes and self._on(yesterday)
        )

    def _on(self, day: int) -> bool:
        return not self.days or day in self.days


def _zone(name: str) -> tzinfo | None:
    # Only where a policy has change windows: nobody else waits for the zones.
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


class CircuitBreaker(NamedTuple):
    """At most so many reverts in a window (s): of an actor, a control, an account, and in all."""

    window: int = HOUR
    control: int = 20
    account: int = 50
    whole: int = 100
    actor: int = 10


class Flapping(NamedTuple):
    """After so many reverts of one thing within a window (s), people must settle whose it is.

    `keep_safe`: it is reverted nevertheless, where that can be undone and cuts nothing.
    """

    reverts: int = 3
    window: int = HOUR
    keep_safe: bool = True


class Ownership(NamedTuple):
    """Who is an infrastructure-as-code pipeline, and how far its changes may be taken back.

    CloudFormation is known by what AWS itself writes into the record. `roles` are principals with
    `*` and `?`. A user agent is the caller's own word: it counts only where `believe_agents` says
    so. `tags` are those that mark a pipeline's resources, whoever changed them.
    """

    autonomy: Autonomy = Autonomy.ASK
    roles: tuple[str, ...] = ()
    believe_agents: bool = False
    tags: Mapping[str, str] = NO_TAGS


class BreakGlass(NamedTuple):
    """The people who act in an emergency: their changes stay, and everybody hears of them."""

    actor: str
    reason: str


class Earning(NamedTuple):
    """When `earned` autonomy is earned.

    A control's reverts are first granted once its answers refute that `grant` or more of them say
    "wrong"; `false_grants` bounds the share of grants that come by luck (see `state/granting.py`).

    From then on a case's score must reach the control's threshold, with at least `outcomes` right
    outcomes since the last undo. The score is the share of right remediations that is exceeded with
    `confidence`. The threshold starts at `threshold`; each revert by the guard itself lowers it by
    `step * wrong`, but not below the `floor`, and each that proves wrong raises it by `step`, so
    that the share of wrong reverts steers to `wrong` (see `state/threshold.py`).

    Outcomes count half after `half_life` seconds. A revert that nobody undid for `settles` seconds
    counts as a little evidence. `sampling` is the share of earned decisions that people are still
    asked about. After `unseen` reverts of one kind that no person has looked at, people are asked
    about the next one if its control's severity is at least `severe`, or its plan can cut
    somebody off.
    """

    threshold: float = 0.95
    outcomes: int = 20
    confidence: float = 0.9
    half_life: int = 180 * DAY
    settles: int = 7 * DAY
    sampling: float = 0.02
    lowest: float = 1.0
    wrong: float = 0.01
    step: float = 0.05
    grant: float = 0.1
    false_grants: float = 0.1
    unseen: int = 20
    severe: int = 85

    @property
    def floor(self) -> float:
        """The lowest threshold: `lowest` where a policy gives one, else where it starts."""
        return min(self.lowest, self.threshold)


class Anomalies(NamedTuple):
    """How the anomaly score moves severity, and when it makes an approval request.

    `lower_by` and `raise_by` bound the move of a severity (0 to 100). `routine`: a change that is
    this usual (a score of at most `routine_under`) is asked about instead of reverted. `novel`: a
    change this unusual (at least `novel_over`) is asked about instead of only observed.
    """

    lower_by: int = 10
    raise_by: int = 10
    routine: bool = False
    routine_under: int = 20
    unusual: bool = False
    unusual_over: int = 80
    half_life: int = 30 * DAY


class Baselines(NamedTuple):
    """How old a baseline may be to restore from it, in seconds, and whether one is required."""

    max_age: int = 90 * DAY
    required: bool = False


class Rollout(NamedTuple):
    """How long a new entry of a control is only observed, then asked about, in seconds."""

    observe: int = 0
    ask: int = 0


class Sweep(NamedTuple):
    """The most autonomy for what the sweep finds, and how many findings one round may take."""

    autonomy: Autonomy = Autonomy.OBSERVE
    most: int = 100


class Preparations(NamedTuple):
    """When people hear again of a preparation, of which they were told at once.

    They are asked `ask_after` seconds later if it still stands. Of one whose harm comes by itself
    they are told again `tell_before` seconds before that. `ask_at_once` are patterns of controls
    that are always asked about at once.
    """

    ask_after: int = HOUR // 2
    tell_before: int = 2 * DAY
    ask_at_once: tuple[str, ...] = ()

    def again(self, control: str, ends: str, now: datetime) -> str:
        """When it is looked at again (ISO 8601, UTC); "" where people are asked at once."""
        if self.is_asked_at_once(control):
            return ""
        if not ends:
            return stamp(now + timedelta(seconds=self.ask_after)) if self.ask_after else ""
        last = moment(ends)
        before = last - timedelta(seconds=self.tell_before) if last else now
        return stamp(before) if before > now else ""

    def is_asked_at_once(self, control: str) -> bool:
        """Whether people are asked about the control's preparations like about anything else."""
        return any(fnmatchcase(control, pattern) for pattern in self.ask_at_once)


class Bounds(NamedTuple):
    """All bounds of a policy."""

    circuit_breaker: CircuitBreaker = CircuitBreaker()
    flapping: Flapping = Flapping()
    ownership: Ownership = Ownership()
    break_glass: tuple[BreakGlass, ...] = ()
    protected: tuple[Limit, ...] = ()
    change_windows: tuple[ChangeWindow, ...] = ()
    in_use: tuple[Limit, ...] = ()
    pinned: tuple[Scope, ...] = ()
    earning: Earning = Earning()
    baselines: Baselines = Baselines()
    rollout: Rollout = Rollout()
    sweep: Sweep = Sweep()
    anomalies: Anomalies | None = None
    preparations: Preparations | None = None
