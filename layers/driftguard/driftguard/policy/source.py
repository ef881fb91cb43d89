"""The policy file that people edit: YAML in, a validated policy or errors with file and line out.

Used when building and by the command line; needs pydantic and PyYAML, which no Lambda carries.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_type_hints
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    create_model,
    field_serializer,
    model_validator,
)

from .. import controls
from ..controls.control import AnyControl
from ..model import Document

Location: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a policy file. `line` counts from 1."""

    line: int
    where: str
    what: str

    def __str__(self) -> str:
        return (
            f"{self.line}: {self.where}: {self.what}" if self.where else f"{self.line}: {self.what}"
        )


class PolicyError(Exception):
    """The policy file is not valid; `problems` say where and why."""

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(f"{path}:{one}" for one in problems))
        self.problems = tuple(problems)


# ------------------------------------------------------------------------------- the model


class Level(StrEnum):
    """How far a control may go.

    observe: record and tell. ask: put it to people. earned: ask until the record carries it, then
    revert. revert: take it back at once.
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
    """risky: only risk is taken back. pinned: so is any departure from the baseline."""

    RISKY = "risky"
    PINNED = "pinned"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Defaults(_Strict):
    """What holds where a control says nothing of its own."""

    autonomy: Annotated[Level, Field(description="How far controls may go.")] = Level.ASK


def _known_control(name: str) -> str:
    if name not in {one.id for one in controls.every()}:
        raise ValueError(f"there is no control `{name}`{_nearest(name, _control_ids())}")
    return name


class ExemptionEntry(_Strict):
    """Something that is fine: for one control and named resources, until a day, for a reason."""

    control: Annotated[str, AfterValidator(_known_control), Field(description="The control's id.")]
    resource: Annotated[
        str, Field(min_length=1, description="An ARN, or the resource's own id; * and ? match.")
    ]
    until: Annotated[
        dt.date | dt.datetime,
        Field(description="The last day on which it holds (UTC), or the exact end."),
    ]
    reason: Annotated[str, Field(min_length=3, description="Why this is fine, for who reads it.")]
    actor: Annotated[
        str, Field(min_length=1, description="Only changes of this principal; * and ? match.")
    ] = "*"
    tags: Annotated[
        dict[str, str], Field(description="Only where the resource carries all of these.")
    ] = {}


AccountId: TypeAlias = Annotated[str, Field(pattern=r"^\d{12}$")]


class TrustedEntry(_Strict):
    """Whose access is nobody else's business: it is never called external."""

    accounts: Annotated[
        tuple[AccountId, ...], Field(description="Account ids, in quotes: '123456789012'.")
    ] = ()
    organizations: Annotated[tuple[str, ...], Field(description="Organization ids: o-…")] = ()
    principals: Annotated[
        tuple[str, ...], Field(description="ARNs of principals and of identity providers.")
    ] = ()


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
        raise ValueError(f"a question is open for a year at most, and for some time: `{written}`")
    return str(seconds)


Length: TypeAlias = Annotated[str, AfterValidator(_open_for), Field(examples=["24h"])]


class Silence(StrEnum):
    """keep: the change stands. revert: it is taken back. escalate: others are asked, once."""

    KEEP = "keep"
    REVERT = "revert"
    ESCALATE = "escalate"


def _not_reserved(name: str) -> str:
    if name in ("link", "guard", "silence"):
        raise ValueError(f"`{name}` is what the record calls somebody else; choose another name")
    return name


class PersonEntry(_Strict):
    """One human being, under every identity the channels know them by."""

    name: Annotated[str, Field(min_length=1), AfterValidator(_not_reserved)]
    slack: Annotated[tuple[str, ...], Field(description="Slack member ids: U…")] = ()
    iam: Annotated[
        tuple[str, ...], Field(description="ARNs of users, roles, role sessions; * and ? match.")
    ] = ()
    email: tuple[str, ...] = ()


class TermsEntry(_Strict):
    """How a question is put to people."""

    required: Annotated[int, Field(ge=1, description="How many people must agree.")] = 1
    expires: Annotated[Length, Field(description="How long the question stays open.")] = "86400"
    on_expiry: Annotated[Silence, Field(description="What silence means.")] = Silence.KEEP
    approvers: Annotated[
        tuple[str, ...], Field(description="Names from `people`; none means all of them.")
    ] = ()


class RuleEntry(TermsEntry):
    """Terms of their own for some decisions; the first that fits counts."""

    controls: tuple[str, ...] = ("*",)
    min_severity: Annotated[int, Field(ge=0, le=100)] = 0


class ApprovalsEntry(TermsEntry):
    """The terms for every question, and rules for some of them."""

    rules: tuple[RuleEntry, ...] = ()


class RouteEntry(_Strict):
    """A Slack channel and what it hears of; the first that fits counts."""

    channel: Annotated[str, Field(description="A channel's id: C…")]
    accounts: tuple[str, ...] = ("*",)
    controls: tuple[str, ...] = ("*",)
    min_severity: Annotated[int, Field(ge=0, le=100)] = 0


class SlackEntry(_Strict):
    """Where Slack hears of decisions."""

    routes: tuple[RouteEntry, ...] = ()
    digest_over: Annotated[
        int, Field(ge=1, description="More decisions a minute than this become one message.")
    ] = 10


# --------------------------------------------------------------------------- its bounds


class ScopeEntry(_Strict):
    """What something is for: everything that is given must hold; * and ? match."""

    controls: Annotated[tuple[str, ...], Field(description="Control ids.")] = ("*",)
    resources: Annotated[tuple[str, ...], Field(description="ARNs, or the resources' own ids.")] = (
        "*",
    )
    actors: Annotated[tuple[str, ...], Field(description="ARNs of who made the change.")] = ("*",)
    tags: Annotated[dict[str, str], Field(description="Tags that the resource carries.")] = {}

    @model_validator(mode="after")
    def _names_controls(self) -> ScopeEntry:
        for pattern in self.controls:
            if not any(fnmatchcase(one, pattern) for one in _control_ids()):
                raise ValueError(
                    f"no control is called `{pattern}`{_nearest(pattern, _control_ids())}"
                )
        return self


class LimitEntry(ScopeEntry):
    """At most this much autonomy where it is for."""

    autonomy: Limit = Limit.ASK
    reason: Annotated[str, Field(min_length=3)]


class InUseEntry(ScopeEntry):
    """Where it is looked at whether the risky part is in use, before it is taken back."""

    autonomy: Limit = Limit.ASK


Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone `{name}`; they read like Europe/Berlin") from None
    return name


class ChangeWindowEntry(ScopeEntry):
    """Hours in which people are at work, or with `outside` those in which nobody looks."""

    name: Annotated[str, Field(min_length=1)]
    days: Annotated[tuple[Weekday, ...], Field(description="None means every day.")] = ()
    opens: TimeOfDay
    closes: TimeOfDay
    zone: Annotated[
        str, AfterValidator(_known_zone), Field(description="An IANA time zone: Europe/Berlin.")
    ] = "UTC"
    outside: Annotated[bool, Field(description="The limit counts outside of these hours.")] = False
    autonomy: Limit = Limit.ASK

    @field_serializer("days")
    def _as_numbers(self, days: tuple[Weekday, ...]) -> list[int]:
        return [_WEEK.index(day) for day in days]


Seconds: TypeAlias = Annotated[
    int,
    BeforeValidator(lambda written: seconds_in(written)),
    WithJsonSchema({"type": "string", "pattern": r"^\d+[smhd]$", "examples": ["24h"]}),
]
# Beyond some years a clock's arithmetic ends, and nobody's patience lasts.
Span: TypeAlias = Annotated[Seconds, Field(gt=0, le=10 * 366 * 86_400)]
Count: TypeAlias = Annotated[int, Field(ge=0)]


class BreakerEntry(_Strict):
    """The blast radius: at most so many reverts in any window of this length."""

    window: Span = 3600
    control: Annotated[Count, Field(description="Of one control.")] = 20
    account: Annotated[Count, Field(description="In one account.")] = 50
    whole: Annotated[int, Field(ge=0, le=1000, description="Of the whole guard.")] = 100


class FightEntry(_Strict):
    """After so many reverts of one thing within the window, people are asked."""

    # No more and no longer than a thing's past is kept (`past`).
    reverts: Annotated[int, Field(ge=1, le=50)] = 3
    window: Annotated[Seconds, Field(gt=0, le=30 * 86_400)] = 3600


def _not_earned(level: Level) -> Level:
    if level is Level.EARNED:
        raise ValueError("a limit is observe, ask or revert; only controls earn")
    return level


UpToRevert: TypeAlias = Annotated[Level, AfterValidator(_not_earned)]


class OwnershipEntry(_Strict):
    """Infrastructure as code: how far its changes may be taken back, and how it is known."""

    autonomy: UpToRevert = Level.ASK
    roles: Annotated[tuple[str, ...], Field(description="ARNs of deployment roles.")] = ()
    believe_agents: Annotated[
        bool, Field(description="Believe user agents, which any caller can set.")
    ] = False
    tags: Annotated[dict[str, str], Field(description="Tags of a pipeline's resources.")] = {}


class BreakGlassEntry(_Strict):
    """Who acts in an emergency: nothing of theirs is touched, and everybody hears of it."""

    actor: Annotated[str, Field(min_length=1, description="An ARN; * and ? match.")]
    reason: Annotated[str, Field(min_length=3)]


class EarnedEntry(_Strict):
    """When `earned` autonomy is earned."""

    threshold: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    outcomes: Annotated[int, Field(ge=1)] = 20
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.9
    half_life: Span = 180 * 86_400
    settles: Span = 7 * 86_400
    probe: Annotated[float, Field(ge=0, le=1)] = 0.02


class BehaviourEntry(_Strict):
    """How what is usual moves severity, and what it turns into a question."""

    lower_by: Annotated[int, Field(ge=0, le=100)] = 10
    raise_by: Annotated[int, Field(ge=0, le=100)] = 10
    routine: bool = False
    routine_under: Annotated[int, Field(ge=0, le=100)] = 20
    novel: bool = False
    novel_over: Annotated[int, Field(ge=0, le=100)] = 80
    half_life: Span = 30 * 86_400


class BaselinesEntry(_Strict):
    """How old a baseline may be that something is restored from, and whether there must be one."""

    max_age: Seconds = 90 * 86_400
    required: bool = False


class RolloutEntry(_Strict):
    """A new or changed entry of a control is observed for so long, then asked about for so long."""

    observe: Seconds = 0
    ask: Seconds = 0


class SweepEntry(_Strict):
    """What the sweep finds: how far it may be taken, and how much of it in one round at most."""

    autonomy: UpToRevert = Level.OBSERVE
    most: Annotated[
        int, Field(ge=0, le=10_000, description="Decisions a round; the rest comes the next day.")
    ] = 100


class PolicyFile(_Strict):
    """The guard policy, version 1."""

    version: Literal[1]
    defaults: Defaults = Defaults()
    breaker: BreakerEntry = BreakerEntry()
    fight: FightEntry = FightEntry()
    ownership: OwnershipEntry = OwnershipEntry()
    break_glass: tuple[BreakGlassEntry, ...] = ()
    protected: tuple[LimitEntry, ...] = ()
    change_windows: tuple[ChangeWindowEntry, ...] = ()
    in_use: tuple[InUseEntry, ...] = ()
    pinned: tuple[ScopeEntry, ...] = ()
    earned: EarnedEntry = EarnedEntry()
    behaviour: BehaviourEntry | None = None
    baselines: BaselinesEntry = BaselinesEntry()
    rollout: RolloutEntry = RolloutEntry()
    sweep: SweepEntry = SweepEntry()
    trusted: TrustedEntry = TrustedEntry()
    people: tuple[PersonEntry, ...] = ()
    approvals: ApprovalsEntry = ApprovalsEntry()
    slack: SlackEntry = SlackEntry()
    exemptions: tuple[ExemptionEntry, ...] = ()

    @model_validator(mode="after")
    def _approvers_are_people(self) -> PolicyFile:
        known = [one.name for one in self.people]
        for terms in (self.approvals, *self.approvals.rules):
            for name in terms.approvers:
                if name not in known:
                    raise ValueError(f"approver `{name}` is not in people{_nearest(name, known)}")
            able = len(terms.approvers or known)
            if known and terms.required > able:
                raise ValueError(f"{terms.required} must agree, but only {able} may answer")
        return self


@cache
def model() -> type[PolicyFile]:
    """The policy's model with an entry for every control, and the settings each one has."""
    entries = {
        f"control_{number}": (
            _entry_model(control) | None,
            Field(default=None, alias=control.id, description=control.title),
        )
        for number, control in enumerate(controls.every())
    }
    by_id = create_model("Controls", __base__=_Strict, **entries)  # type: ignore[call-overload]
    return create_model(
        "GuardPolicy",
        __base__=PolicyFile,
        __doc__=PolicyFile.__doc__,
        controls=(by_id, Field(default_factory=by_id, description="Each control by its id.")),
    )


def _entry_model(control: AnyControl) -> type[BaseModel]:
    hints = get_type_hints(control.settings)
    own = {
        one.name: (hints[one.name], ... if one.default is MISSING else one.default)
        for one in fields(control.settings)
        if one.name != "trusted"
    }
    settings = create_model(f"Settings of {control.id}", __base__=_Strict, **own)  # type: ignore[call-overload]
    return create_model(
        f"Policy of {control.id}",
        __base__=_Strict,
        autonomy=(Level | None, Field(default=None, description="How far this control may go.")),
        drift=(Drift, Field(default=Drift.RISKY, description="What is taken back.")),
        settings=(settings, Field(default_factory=settings)),
    )


def schema() -> Document:
    """The JSON Schema of the policy file, for editors to complete and check as one types."""
    made = model().model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


# ----------------------------------------------------------------------------- reading a file


def read(path: Path) -> Document:
    """The compiled policy of a YAML file. Raises `PolicyError`."""
    try:
        written = path.read_text()
    except OSError as error:
        raise PolicyError(str(path), [Problem(0, "", error.strerror or str(error))]) from error
    return compiled(written, str(path))


def compiled(written: str, path: str = "policy") -> Document:
    """The policy as the Lambdas read it. Raises `PolicyError` naming every problem and its line."""
    try:
        root = yaml.compose(written, Loader=yaml.SafeLoader)
        twice = list(_duplicates(root, ())) if root else []
        if twice:
            raise PolicyError(path, twice)
        plain = yaml.safe_load(written)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 0
        problem = Problem(line, "", f"not valid YAML: {error.problem or error}")
        raise PolicyError(path, [problem]) from error
    except yaml.YAMLError as error:
        raise PolicyError(path, [Problem(0, "", f"not valid YAML: {error}")]) from error
    if root is None or not isinstance(plain, dict):
        raise PolicyError(
            path, [Problem(1, "", "a policy is a mapping; see `driftguard policy schema`")]
        )
    try:
        policy = model().model_validate(plain)
    except ValidationError as error:
        problems = [
            _problem(
                root,
                one["loc"],
                one["type"],
                one["msg"],
                one["input"],
                str(one.get("ctx", {}).get("expected", "")),
            )
            for one in error.errors()
        ]
        raise PolicyError(path, sorted(problems, key=lambda one: one.line)) from error
    return _as_document(policy)


def _as_document(policy: PolicyFile) -> Document:
    made = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    made["exemptions"] = [
        {**one.model_dump(mode="json"), "until": _instant(one.until)} for one in policy.exemptions
    ]
    made["approvals"] = [
        {"controls": ["*"], "min_severity": 0, **one.model_dump(mode="json", exclude={"rules"})}
        for one in (*policy.approvals.rules, policy.approvals)
    ]
    return made


def _instant(until: dt.date | dt.datetime) -> str:
    """The first moment at which it no longer holds: a day lasts to its end."""
    if not isinstance(until, dt.datetime):
        until = dt.datetime.combine(until + dt.timedelta(days=1), dt.time(), dt.UTC)
    aware = until if until.tzinfo else until.replace(tzinfo=dt.UTC)
    return aware.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --------------------------------------------------------------------------------- problems


def _problem(
    root: yaml.Node, loc: Location, kind: str, message: str, given: object, expected: str
) -> Problem:
    loc = tuple(part for part in loc if part not in ("date", "datetime", "function-after"))
    where = ".".join(str(part) for part in loc)
    line = _line(root, loc)
    if kind == "extra_forbidden":
        known = _keys_at(loc[:-1])
        name = str(loc[-1])
        what = "there is no control" if loc[:-1] == ("controls",) else "unknown key"
        return Problem(line, where, f"{what} `{name}`{_nearest(name, known)}")
    if kind == "missing":
        return Problem(line, where, f"`{loc[-1]}` is missing")
    if kind in ("enum", "literal_error"):
        allowed = re.findall(r"'([^']*)'", expected) or [expected]
        return Problem(
            line,
            where,
            f"`{given}` is not one of {', '.join(allowed)}{_nearest(str(given), allowed)}",
        )
    return Problem(line, where, message.removeprefix("Value error, "))


def _line(node: yaml.Node, loc: Location) -> int:
    """The line of the deepest part of the location that stands in the file."""
    line = node.start_mark.line + 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next((p for p in node.value if p[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _duplicates(node: yaml.Node, loc: Location) -> Iterator[Problem]:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            where = ".".join(map(str, (*loc, name)))
            if name in seen:
                yield Problem(
                    line, where, f"`{name}` stands twice; the first is in line {seen[name]}"
                )
            seen.setdefault(name, line)
            yield from _duplicates(value, (*loc, name))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _duplicates(value, (*loc, number))


def _keys_at(loc: Location) -> list[str]:
    """The keys that the schema knows at a place in the file."""
    whole = schema()
    here: object = whole
    for part in loc:
        step = _resolved(here, whole)
        here = (
            step.get("items") if isinstance(part, int) else _get(step.get("properties"), str(part))
        )
    return list(_mapping(_resolved(here, whole).get("properties")))


def _resolved(node: object, whole: Document) -> Mapping[str, object]:
    found = _mapping(node)
    for option in found.get("anyOf", []):  # type: ignore[attr-defined]
        if _mapping(option).get("type") != "null":
            return _resolved(option, whole)
    reference = found.get("$ref")
    if isinstance(reference, str):
        return _mapping(_get(whole.get("$defs"), reference.rpartition("/")[2]))
    return found


def _get(node: object, key: str) -> object:
    return _mapping(node).get(key)


def _mapping(node: object) -> Mapping[str, object]:
    return node if isinstance(node, Mapping) else {}


def _control_ids() -> list[str]:
    return [one.id for one in controls.every()]


def _nearest(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean `{close[0]}`?" if close else f"; known: {', '.join(known[:12])}"
