"""Finds values in JSON and in shell whose own name says nothing.

In JSON a name around them may tell: `{"tokens": ["…"]}`, `{"password": {"value": "…"}}` and
`{"secrets": {"billing": "…"}}`. Where none does, randomness alone must.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .assignments import Assigned
from .exposed import Hidden
from .names import Telling, telling

_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|[{}\[\],:]", re.DOTALL)
_TELLS = frozenset({Telling.PASSWORD, Telling.SECRET, Telling.TOKEN})
# A variable by itself on its line. Shorter values say too little without a name.
_SET = re.compile(
    r"^[ \t]{0,40}(?:export[ \t]+|ENV[ \t]+|set[ \t]+|-[ \t]+)?(?P<name>[A-Za-z_]\w{0,64})"
    r"(?:=|:[ \t]+)(?P<quote>[\"']?)(?P<value>[A-Za-z0-9+/_-]{32,256}={0,2})(?P=quote)[ \t]*$",
    re.MULTILINE,
)
# Longer ones are data.
_LONGEST = 256
# Deeper than any configuration: the rest of such a text is read by its own names alone.
_DEEPEST = 64


def nested(text: str) -> Iterator[Assigned]:
    """The values of a text by themselves, or by the nearest telling name around them.

    A value whose own name tells of a secret, or of a setting, is left to those who read names.
    """
    if text.lstrip()[:1] in ("{", "["):
        yield from _in_json(text)
    for match in _SET.finditer(text):
        if telling(match["name"]) is Telling.NOTHING:
            yield Assigned(match["name"], Hidden(match["value"]), *match.span("value"), True)


def _in_json(text: str) -> Iterator[Assigned]:
    around: list[str] = []
    name, key = "", ""
    for token in _TOKEN.finditer(text):
        match token.group()[0]:
            case "{" | "[":
                if len(around) >= _DEEPEST:
                    return
                around.append(name)
                name = key if _tells(key) else name
                key = ""
            case "}" | "]":
                name = around.pop() if around else ""
                key = ""
            case ",":
                key = ""
            case ":":
                pass
            case _:
                if not key and _is_key(text, token.end()):
                    key = token.group()[1:-1]
                elif (name or len(token.group()) < _LONGEST) and (
                    not key or telling(key) is Telling.NOTHING
                ):
                    value = Hidden(_plain(token.group()))
                    yield Assigned(name or key, value, token.start() + 1, token.end() - 1, True)


def _is_key(text: str, end: int) -> bool:
    return text[end : end + 8].lstrip()[:1] == ":"


def _tells(key: str) -> bool:
    return bool(key) and telling(key) in _TELLS


def _plain(literal: str) -> str:
    try:
        return str(json.loads(literal, strict=False))
    except ValueError:
        return literal[1:-1]
