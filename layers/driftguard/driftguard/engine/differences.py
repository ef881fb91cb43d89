"""Says in words how two states differ, for an undo that is refused. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from driftguard.documents import Document, Json

# A note in a log is read by people: long values are cut, and many differences counted.
_SHOWN = 6
_LENGTH = 300


def in_words(before: Document, after: Document, *, leaving_out: frozenset[str]) -> str:
    """`policy: "…" → "…"; block.BlockPublicAcls: true → false`; "" where nothing differs.

    `leaving_out` are keys that do not count, at any depth: the volatile ones of a control.
    """
    found = list(_differing(_without_text(before), _without_text(after), "", leaving_out))
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more


def _differing(before: Json, after: Json, where: str, leaving_out: frozenset[str]) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after} - leaving_out):
            here = f"{where}.{name}" if where else name
            yield from _differing(before.get(name), after.get(name), here, leaving_out)
    elif isinstance(before, list) and isinstance(after, list):
        for gone in (value for value in before if not _has(after, value, leaving_out)):
            yield f"{where} no longer has {_short(gone)}"
        for new in (value for value in after if not _has(before, value, leaving_out)):
            yield f"{where} now has {_short(new)}"
    else:
        yield f"{where}: {_short(before)} → {_short(after)}"


def _has(values: list[Json], value: Json, leaving_out: frozenset[str]) -> bool:
    return any(not list(_differing(other, value, "", leaving_out)) for other in values)


def _without_text(state: Document) -> Document:
    """The state with the documents it keeps as text parsed, so that a single statement shows."""
    return {name: _read(value) for name, value in state.items()}


def _read(value: Json) -> Json:
    if isinstance(value, str) and value.startswith("{"):
        try:
            parsed: Json = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return parsed
    return value


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}…"
