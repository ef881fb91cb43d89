"""The values that keys of the policy file take: levels of autonomy, lengths of time, hours."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)


class Level(StrEnum):
    """How far a control may go.

    observe: record and notify. ask: request approval. earned: ask until the record is good enough,
    then revert. revert: revert at once.
    """

    OBSERVE = "observe"
    ASK = "ask"
    EARNED = "earned"
    REVERT = "revert"


class Limit(StrEnum):
    """What a guardrail lets through at most."""

    OBSERVE = "observe"
    ASK = "ask"


class Drift(StrEnum):
    """risky: only risk is reverted. pinned: any departure from the baseline is too."""

    RISKY = "risky"
    PINNED = "pinned"


class Strict(BaseModel):
    """An entry that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _not_earned(level: Level) -> Level:
    if level is Level.EARNED:
        raise ValueError("a limit is observe, ask or revert; only controls can earn autonomy")
    return level


UpToRevert: TypeAlias = Annotated[Level, AfterValidator(_not_earned)]


def seconds_in(written: object) -> int:
    """`30s`, `30m`, `24h` or `7d` as seconds. Raises `ValueError` for anything else."""
    number, unit = str(written)[:-1], str(written)[-1:]
    if not number.isdigit() or unit not in _UNITS:
        raise ValueError(f"`{written}` is not a length of time like 30m, 24h or 7d")
    return int(number) * _UNITS[unit]


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def _open_for(written: str) -> str:
    seconds = seconds_in(written)
    if not 0 < seconds <= 366 * _UNITS["d"]:
        raise ValueError(f"an approval request is open for a year at most, not for `{written}`")
    return str(seconds)


Length: TypeAlias = Annotated[str, AfterValidator(_open_for), Field(examples=["24h"])]


Seconds: TypeAlias = Annotated[
    int,
    BeforeValidator(seconds_in),
    WithJsonSchema({"type": "string", "pattern": r"^\d+[smhd]$", "examples": ["24h"]}),
]
# Date arithmetic fails beyond some thousand years, and no setting needs more than ten.
Span: TypeAlias = Annotated[Seconds, Field(gt=0, le=10 * 366 * 86_400)]
Count: TypeAlias = Annotated[int, Field(ge=0)]


Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def minutes_in(written: object) -> int:
    """`18:30` as minutes of the day. Raises `ValueError` for anything else."""
    hours, colon, minutes = str(written).partition(":")
    right = colon and hours.isdigit() and minutes.isdigit() and len(minutes) == 2
    # Unquoted, YAML reads 18:30 as a number of sixties.
    if isinstance(written, int):
        raise ValueError(
            f"write the time of day in quotes: '{written // 60:02d}:{written % 60:02d}'"
        )
    if not right or int(hours) > 24 or int(minutes) > 59 or int(hours) * 60 + int(minutes) > 1440:
        raise ValueError(f"`{written}` is not a time of day like '18:30'")
    return int(hours) * 60 + int(minutes)


TimeOfDay: TypeAlias = Annotated[
    int,
    BeforeValidator(minutes_in),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,2}:\d{2}$", "examples": ["18:30"]}),
]


def known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone `{name}`; they read like Europe/Berlin") from None
    return name


AccountId: TypeAlias = Annotated[str, Field(pattern=r"^\d{12}$")]
