"""Keys that limit what controls may do: scopes, windows, the circuit breaker, earning."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, Field, field_serializer, model_validator

from .names import control_ids, nearest
from .values import (
    WEEK,
    Count,
    Level,
    Limit,
    Seconds,
    Span,
    Strict,
    TimeOfDay,
    UpToRevert,
    Weekday,
    known_zone,
)


class ScopeEntry(Strict):
    """Which changes an entry is for: everything that is given must match; * and ? match."""

    controls: Annotated[tuple[str, ...], Field(description="Control ids.")] = ("*",)
    resources: Annotated[tuple[str, ...], Field(description="ARNs, or the resources' own ids.")] = (
        "*",
    )
    actors: Annotated[tuple[str, ...], Field(description="ARNs of who made the change.")] = ("*",)
    tags: Annotated[dict[str, str], Field(description="Tags that the resource carries.")] = {}

    @model_validator(mode="after")
    def _names_controls(self) -> ScopeEntry:
        _must_name_controls(self.controls)
        return self


def _must_name_controls(patterns: Iterable[str]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(control, pattern) for control in control_ids()):
            raise ValueError(f"no control is called `{pattern}`{nearest(pattern, control_ids())}")


class LimitEntry(ScopeEntry):
    """At most this much autonomy for these changes."""

    autonomy: Limit = Limit.ASK
    reason: Annotated[str, Field(min_length=3)]


class InUseEntry(ScopeEntry):
    """For which changes the guard looks whether the risky part is in use, before it reverts."""

    autonomy: Limit = Limit.ASK


class ChangeWindowEntry(ScopeEntry):
    """Hours in which people are at work; with `outside`, the limit counts in all other hours."""

    name: Annotated[str, Field(min_length=1)]
    days: Annotated[tuple[Weekday, ...], Field(description="None means every day.")] = ()
    opens: TimeOfDay
    closes: TimeOfDay
    zone: Annotated[
        str, AfterValidator(known_zone), Field(description="An IANA time zone: Europe/Berlin.")
    ] = "UTC"
    outside: Annotated[bool, Field(description="The limit counts outside of these hours.")] = False
    autonomy: Limit = Limit.ASK

    @field_serializer("days")
    def _as_numbers(self, days: tuple[Weekday, ...]) -> list[int]:
        return [WEEK.index(day) for day in days]


class CircuitBreakerEntry(Strict):
    """The circuit breaker: at most so many reverts in any window of this length."""

    window: Span = 3600
    actor: Annotated[Count, Field(description="For one actor's changes.")] = 10
    control: Annotated[Count, Field(description="Of one control.")] = 20
    account: Annotated[Count, Field(description="In one account.")] = 50
    whole: Annotated[int, Field(ge=0, le=1000, description="Of the whole guard.")] = 100


class FlappingEntry(Strict):
    """After so many reverts of one resource within the window, people are asked."""

    # No more and no longer than the history of a resource is remembered.
    reverts: Annotated[int, Field(ge=1, le=50)] = 3
    window: Annotated[Seconds, Field(gt=0, le=30 * 86_400)] = 3600
    keep_safe: Annotated[
        bool,
        Field(description="Revert nevertheless while people are asked, if it cuts nothing."),
    ] = True


class OwnershipEntry(Strict):
    """Infrastructure as code: how far its changes may be reverted, and what identifies it."""

    autonomy: UpToRevert = Level.ASK
    roles: Annotated[tuple[str, ...], Field(description="ARNs of deployment roles.")] = ()
    believe_agents: Annotated[
        bool, Field(description="Believe user agents, which any caller can set.")
    ] = False
    tags: Annotated[dict[str, str], Field(description="Tags of a pipeline's resources.")] = {}


class BreakGlassEntry(Strict):
    """Who acts in an emergency: their changes are left alone, and everybody is notified."""

    actor: Annotated[str, Field(min_length=1, description="An ARN; * and ? match.")]
    reason: Annotated[str, Field(min_length=3)]


class EarnedEntry(Strict):
    """When `earned` autonomy is earned."""

    threshold: Annotated[
        float, Field(ge=0.5, lt=1, description="Where the threshold of the score starts.")
    ] = 0.95
    outcomes: Annotated[int, Field(ge=1)] = 20
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.9
    half_life: Span = 180 * 86_400
    settles: Span = 7 * 86_400
    sampling: Annotated[float, Field(ge=0, le=1)] = 0.02
    lowest: Annotated[
        float,
        Field(ge=0, le=1, description="How low it may fall; 1: never below where it starts."),
    ] = 1.0
    wrong: Annotated[
        float, Field(gt=0, le=0.5, description="The share of wrong reverts that it steers to.")
    ] = 0.01
    step: Annotated[
        float, Field(gt=0, le=1, description="How far one wrong revert raises the threshold.")
    ] = 0.05
    grant: Annotated[
        float,
        Field(gt=0, lt=1, description="Of answers, the share of wrong ones that must be refuted."),
    ] = 0.1
    false_grants: Annotated[
        float, Field(gt=0, le=0.5, description="Of first grants, the share that may be luck.")
    ] = 0.1
    unseen: Annotated[
        int, Field(ge=0, description="Severe or cutting reverts in a row that nobody looks at.")
    ] = 20
    severe: Annotated[int, Field(ge=0, le=100, description="What counts as severe there.")] = 85


class AnomaliesEntry(Strict):
    """How far the anomaly score moves severity, and when it makes the guard ask."""

    lower_by: Annotated[int, Field(ge=0, le=100)] = 10
    raise_by: Annotated[int, Field(ge=0, le=100)] = 10
    routine: bool = False
    routine_under: Annotated[int, Field(ge=0, le=100)] = 20
    unusual: bool = False
    unusual_over: Annotated[int, Field(ge=0, le=100)] = 80
    half_life: Span = 30 * 86_400


class BaselinesEntry(Strict):
    """How old a baseline may be to restore from, and whether a control needs one."""

    max_age: Seconds = 90 * 86_400
    required: bool = False


class RolloutEntry(Strict):
    """How long a new or changed entry of a control only observes, and then only asks."""

    observe: Seconds = 0
    ask: Seconds = 0


class PreparationsEntry(Strict):
    """What does no harm yet: people are told at once, and asked about what still stands later."""

    ask_after: Annotated[
        Seconds, Field(le=86_400, description="Asked so long after, if it still stands.")
    ] = 1800
    tell_before: Annotated[
        Seconds,
        Field(ge=3600, le=6 * 86_400, description="Told again so long before it is irreversible."),
    ] = 2 * 86_400
    ask_at_once: Annotated[
        tuple[str, ...], Field(description="Controls that are asked about at once; * and ? match.")
    ] = ()

    @model_validator(mode="after")
    def _names_controls(self) -> PreparationsEntry:
        _must_name_controls(self.ask_at_once)
        return self


class SweepEntry(Strict):
    """How far the guard may go with what the sweep finds, and with how much a round."""

    autonomy: UpToRevert = Level.OBSERVE
    most: Annotated[
        int, Field(ge=0, le=10_000, description="Decisions a round; the rest comes the next day.")
    ] = 100
