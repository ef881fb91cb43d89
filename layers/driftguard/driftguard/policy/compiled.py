"""Reads the compiled policy's JSON. What it leaves out has the default in `bounds`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from driftguard.access.principals import Trusted
from driftguard.documents import Document, items, mapping, text
from driftguard.model import Autonomy

from .bounds import (
    Anomalies,
    Bounds,
    BreakGlass,
    ChangeWindow,
    Exemption,
    Limit,
    Ownership,
    Preparations,
    Scope,
    Sweep,
)
from .model import Person, Policy, Route, Terms

T = TypeVar("T")


def bounds_of(compiled: Document) -> Bounds:
    """The bounds in a compiled policy."""
    usual = Bounds()
    ownership = mapping(compiled, "ownership")
    anomalies = mapping(compiled, "anomalies")
    swept = mapping(compiled, "sweep")
    preparations = mapping(compiled, "preparations")
    return Bounds(
        circuit_breaker=_over(usual.circuit_breaker, mapping(compiled, "circuit_breaker")),
        flapping=_over(usual.flapping, mapping(compiled, "flapping")),
        ownership=Ownership(
            autonomy=_level(ownership) if ownership else usual.ownership.autonomy,
            roles=texts_of(ownership, "roles"),
            believe_agents=ownership.get("believe_agents") is True,
            tags=tags_of(ownership),
        ),
        break_glass=tuple(
            BreakGlass(text(item, "actor"), text(item, "reason"))
            for item in items(compiled.get("break_glass"))
        ),
        protected=tuple(_limits(compiled, "protected")),
        change_windows=tuple(_windows(compiled)),
        in_use=tuple(_limits(compiled, "in_use")),
        pinned=tuple(_pinned(compiled)),
        earning=_over(usual.earning, mapping(compiled, "earned")),
        baselines=_over(usual.baselines, mapping(compiled, "baselines")),
        rollout=_over(usual.rollout, mapping(compiled, "rollout")),
        sweep=Sweep(_level(swept), int(text(swept, "most"))) if swept else usual.sweep,
        anomalies=_over(Anomalies(), anomalies) if "anomalies" in compiled else None,
        preparations=(
            _over(Preparations(), preparations)._replace(
                ask_at_once=texts_of(preparations, "ask_at_once")
            )
            if "preparations" in compiled
            else None
        ),
    )


def texts_of(container: Document, name: str) -> tuple[str, ...]:
    """The texts of a list; none where there is no list."""
    value = container.get(name)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def tags_of(container: Document) -> Mapping[str, str]:
    """The tags under `tags`."""
    return {name: str(value) for name, value in mapping(container, "tags").items()}


def scope_of(entry: Document) -> Scope:
    """What a limit, a window or a pin is for."""
    return Scope(
        controls=texts_of(entry, "controls") or ("*",),
        resources=texts_of(entry, "resources") or ("*",),
        actors=texts_of(entry, "actors") or ("*",),
        tags=tags_of(entry),
    )


def _limits(compiled: Document, name: str) -> Iterator[Limit]:
    for item in items(compiled.get(name)):
        yield Limit(scope_of(item), _level(item), text(item, "reason"))


def _windows(compiled: Document) -> Iterator[ChangeWindow]:
    for item in items(compiled.get("change_windows")):
        days = item.get("days")
        yield ChangeWindow(
            name=text(item, "name"),
            scope=scope_of(item),
            autonomy=_level(item),
            opens=int(text(item, "opens")),
            closes=int(text(item, "closes")),
            days=tuple(int(str(day)) for day in days) if isinstance(days, list) else (),
            zone=text(item, "zone"),
            outside=item.get("outside") is True,
        )


def _pinned(compiled: Document) -> Iterator[Scope]:
    for item in items(compiled.get("pinned")):
        yield scope_of(item)
    for name, control in mapping(compiled, "controls").items():
        if isinstance(control, Mapping) and control.get("drift") == "pinned":
            yield Scope(controls=(name,))


def _level(entry: Document) -> Autonomy:
    return Autonomy.named(text(entry, "autonomy"))


def _over(usual: T, said: Document) -> T:
    """The usual terms, overridden by what a document names."""
    fields: Any = usual
    return cast(T, fields._replace(**{name: said[name] for name in fields._fields if name in said}))


COMPILED = Path(__file__).parents[1] / "guard.json"


def from_compiled(compiled: Document) -> Policy:
    """The policy in its compiled form."""
    controls = {
        name: control
        for name, control in mapping(compiled, "controls").items()
        if isinstance(control, Mapping)
    }
    default, by_default = _granted(text(mapping(compiled, "defaults"), "autonomy"))
    levels = {
        name: _granted(text(control, "autonomy"))
        for name, control in controls.items()
        if "autonomy" in control
    }
    return Policy(
        default=default,
        autonomy={name: level for name, (level, _) in levels.items()},
        earned=frozenset(name for name, (_, earned) in levels.items() if earned),
        earned_by_default=by_default,
        may_cut=frozenset(
            name for name, control in controls.items() if control.get("may_cut") is True
        ),
        bounds=bounds_of(compiled),
        settings={name: mapping(control, "settings") for name, control in controls.items()},
        trusted=Trusted(
            **{
                kind: frozenset(str(name) for name in named)
                for kind, named in mapping(compiled, "trusted").items()
                if isinstance(named, list)
            }
        ),
        people=tuple(
            Person(
                text(item, "name"), *(texts_of(item, kind) for kind in ("slack", "iam", "email"))
            )
            for item in items(compiled.get("people"))
        ),
        approvals=tuple(_terms(item) for item in items(compiled.get("approvals"))) or (Terms(),),
        routes=tuple(
            Route(
                text(item, "channel"),
                texts_of(item, "accounts"),
                texts_of(item, "controls"),
                int(text(item, "min_severity")),
            )
            for item in items(mapping(compiled, "slack").get("routes"))
        ),
        digest_over=int(text(mapping(compiled, "slack"), "digest_over") or 10),
        notifications=int(text(mapping(compiled, "notifications"), "a_day") or 50),
        notify_from=int(text(mapping(compiled, "notifications"), "min_severity") or 30),
        exemptions=tuple(
            Exemption(
                control=text(item, "control"),
                resource=text(item, "resource"),
                until=text(item, "until"),
                reason=text(item, "reason"),
                actor=text(item, "actor") or "*",
                tags=tags_of(item),
            )
            for item in items(compiled.get("exemptions"))
        ),
    )


def _granted(name: str) -> tuple[Autonomy, bool]:
    """`earned` grants what `revert` does, once the record carries it."""
    return (Autonomy.REVERT, True) if name == "earned" else (Autonomy.named(name), False)


def _terms(entry: Document) -> Terms:
    return Terms(
        quorum=int(text(entry, "quorum")),
        seconds=int(text(entry, "expires")),
        timeout_action=text(entry, "timeout_action"),
        approvers=texts_of(entry, "approvers"),
        controls=texts_of(entry, "controls"),
        min_severity=int(text(entry, "min_severity")),
    )


def shipped(path: Path = COMPILED) -> Policy:
    """The policy that was compiled into this layer at build."""
    return from_compiled(json.loads(path.read_text()))
