"""Says what a remediation changes: what goes, and what comes. Pure.

A call that writes a whole document is held against the call that undoes it, and only what differs
is told. A call that adds or takes away a part is told with that part. Nothing is told of a
parameter whose name speaks of a secret: a message has more readers than an account.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from driftguard.aws.references import HELD
from driftguard.documents import Json, parsed
from driftguard.frozen import dataclass
from driftguard.model import Call, Step

# A part of a document as one line, in characters, and how many such lines of one call.
_LONGEST = 300
_LINES = 12
# Deeper than this a value is told as JSON: no reader follows that many brackets.
_DEPTH = 40
NOT_SHOWN = "(not shown)"
_SECRET = re.compile(r"secret|password|token|credential|privatekey|environment|userdata", re.I)
_TAKES = re.compile(
    r"^(Revoke|Delete|Remove|Detach|Disassociate|Deregister|Disable|Stop|Cancel|Deactivate|Leave|"
    r"Reject|Terminate|Release|Unassign|Untag)"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One call of a plan: what it is called, what goes by it, and what comes.

    `unnamed` counts what of both is not named.
    """

    call: str
    goes: tuple[str, ...] = ()
    comes: tuple[str, ...] = ()
    unnamed: int = 0


def of_plan(steps: Sequence[Step]) -> list[Difference]:
    """What each call of a plan changes, in order."""
    return [_of_step(step) for step in steps]


def _of_step(step: Step) -> Difference:
    call = step.call
    before = next((one for one in step.undo if _is_alike(call, one)), None)
    if before is not None:
        now, then = _told(before.parameters), _told(call.parameters)
        goes, comes = [*_apart(now, then, "")], [*_apart(then, now, "")]
    elif _TAKES.match(call.operation):
        # A call that deletes names only what it deletes from: the undo has what that was.
        given = {**(step.undo[0].parameters if step.undo else {}), **call.parameters}
        goes, comes = [*_parts(call, given)], []
    else:
        goes, comes = [], [*_parts(call, call.parameters)]
    left = max(0, len(goes) - _LINES) + max(0, len(comes) - _LINES)
    name = f"{call.service}:{call.operation}"
    return Difference(name, tuple(goes[:_LINES]), tuple(comes[:_LINES]), left)


def _is_alike(call: Call, undo: Call) -> bool:
    return (call.service, call.operation) == (undo.service, undo.operation)


def _parts(call: Call, parameters: Mapping[str, Json]) -> Iterator[str]:
    """The parameters of a call without those that only say which resource it is about."""
    for name, value in parameters.items():
        if not (isinstance(value, str) and value and _is_named(value, call)):
            yield _line(name, harmless(name, _read(value)))


def _is_named(value: str, call: Call) -> bool:
    return any(arn == value or re.split(r"[:/]", arn)[-1] == value for arn in call.on)


def _told(parameters: Mapping[str, Json]) -> Mapping[str, Json]:
    return {name: harmless(name, _read(value)) for name, value in parameters.items()}


def _read(value: Json) -> Json:
    """A document that is kept as text, parsed, so that a single statement shows."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return parsed(value)
        except ValueError:
            return value
    return value


def _apart(of: Json, beside: Json, where: str) -> Iterator[str]:
    """What the first value has and the second has not, each as a line."""
    if of == beside:
        return
    if isinstance(of, Mapping) and isinstance(beside, Mapping) and HELD not in of:
        for name in of:
            here = f"{where}.{name}" if where else name
            if name not in beside:
                yield _line(here, of[name])
            else:
                yield from _apart(of[name], beside[name], here)
    elif isinstance(of, (list, tuple)) and isinstance(beside, (list, tuple)):
        yield from (_line(where, value) for value in of if value not in beside)
    else:
        yield _line(where, of)


def _line(where: str, value: Json) -> str:
    while isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    return _clipped(f"{where}: {_words(value)}" if where else _words(value))


def _words(value: Json, depth: int = 0) -> str:
    """A value as people read it: `Effect Allow, Principal *`, without quotation marks."""
    if isinstance(value, str):
        return value or "(empty)"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    if depth < _DEPTH and isinstance(value, Mapping):
        if HELD in value:
            return "(as it is kept)"
        return ", ".join(f"{name} {_inner(one, depth)}" for name, one in value.items()) or "none"
    if depth < _DEPTH and isinstance(value, (list, tuple)):
        return "; ".join(_inner(one, depth) for one in value) or "none"
    return json.dumps(value, ensure_ascii=False)


def _inner(value: Json, depth: int) -> str:
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return _inner(value[0], depth + 1) if depth < _DEPTH else _words(value, _DEPTH)
    words = _words(value, depth + 1)
    return f"({words})" if isinstance(value, (Mapping, list, tuple)) and value else words


def harmless(name: str, value: Json) -> Json:
    """A parameter's value without what stands under a name that speaks of a secret."""
    if _SECRET.search(name):
        return NOT_SHOWN
    if isinstance(value, Mapping):
        return {key: harmless(key, inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [harmless("", inner) for inner in value]
    return value


def _clipped(line: str) -> str:
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
