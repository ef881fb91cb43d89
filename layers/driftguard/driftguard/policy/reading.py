"""From the compiled policy's JSON to its bounds. What it does not say is as `bounds` has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from ..model import Autonomy, Document
from ..trail import items, mapping, text
from .bounds import Bounds, BreakGlass, ChangeWindow, Habits, Limit, Ownership, Scope, Sweep

T = TypeVar("T")


def bounds_of(compiled: Document) -> Bounds:
    """The bounds in what `source.compiled` made."""
    usual = Bounds()
    ownership = mapping(compiled, "ownership")
    habits = mapping(compiled, "behaviour")
    swept = mapping(compiled, "sweep")
    return Bounds(
        breaker=_over(usual.breaker, mapping(compiled, "breaker")),
        fight=_over(usual.fight, mapping(compiled, "fight")),
        ownership=Ownership(
            autonomy=_level(ownership) if ownership else usual.ownership.autonomy,
            roles=texts_of(ownership, "roles"),
            believe_agents=ownership.get("believe_agents") is True,
            tags=tags_of(ownership),
        ),
        break_glass=tuple(
            BreakGlass(text(one, "actor"), text(one, "reason"))
            for one in items(compiled.get("break_glass"))
        ),
        protected=tuple(_limits(compiled, "protected")),
        change_windows=tuple(_windows(compiled)),
        in_use=tuple(_limits(compiled, "in_use")),
        pinned=tuple(_pinned(compiled)),
        earning=_over(usual.earning, mapping(compiled, "earned")),
        baselines=_over(usual.baselines, mapping(compiled, "baselines")),
        rollout=_over(usual.rollout, mapping(compiled, "rollout")),
        sweep=Sweep(_level(swept), int(text(swept, "most"))) if swept else usual.sweep,
        habits=_over(Habits(), habits) if "behaviour" in compiled else None,
    )


def texts_of(container: Document, name: str) -> tuple[str, ...]:
    """The texts of a list; none where there is no list."""
    value = container.get(name)
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def tags_of(container: Document) -> Mapping[str, str]:
    """The tags under `tags`."""
    return {name: str(value) for name, value in mapping(container, "tags").items()}


def scope_of(one: Document) -> Scope:
    """What a limit, a window or a pin is for."""
    return Scope(
        controls=texts_of(one, "controls") or ("*",),
        resources=texts_of(one, "resources") or ("*",),
        actors=texts_of(one, "actors") or ("*",),
        tags=tags_of(one),
    )


def _limits(compiled: Document, name: str) -> Iterator[Limit]:
    for one in items(compiled.get(name)):
        yield Limit(scope_of(one), _level(one), text(one, "reason"))


def _windows(compiled: Document) -> Iterator[ChangeWindow]:
    for one in items(compiled.get("change_windows")):
        days = one.get("days")
        yield ChangeWindow(
            name=text(one, "name"),
            scope=scope_of(one),
            autonomy=_level(one),
            opens=int(text(one, "opens")),
            closes=int(text(one, "closes")),
            days=tuple(int(str(day)) for day in days) if isinstance(days, list) else (),
            zone=text(one, "zone"),
            outside=one.get("outside") is True,
        )


def _pinned(compiled: Document) -> Iterator[Scope]:
    for one in items(compiled.get("pinned")):
        yield scope_of(one)
    for name, control in mapping(compiled, "controls").items():
        if isinstance(control, Mapping) and control.get("drift") == "pinned":
            yield Scope(controls=(name,))


def _level(one: Document) -> Autonomy:
    return Autonomy.named(text(one, "autonomy"))


def _over(usual: T, said: Document) -> T:
    """The usual terms, with what a document names in their place."""
    fields: Any = usual
    return cast(T, fields._replace(**{name: said[name] for name in fields._fields if name in said}))
