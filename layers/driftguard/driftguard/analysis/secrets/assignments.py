"""Finds values that a text assigns to names: in shell, YAML, JSON, XML, properties, templates.

Only names that may tell of a secret are looked for; `judgment` says whether name and value together
are a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .exposed import Hidden

_TELLING = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credential|creds|key|salt|auth|contrase)"
)
_VALUE = (
    r"(?:\\\"(?P<escaped>[^\"\\\n]{1,4096})\\\""
    r"|\"(?P<double>(?:[^\"\\\n]|\\.){1,4096})\""
    r"|'(?P<single>[^'\n]{1,4096})'"
    r"|(?P<bare>[^\s\"'`,;&<>{}()\[\]|\\]{1,2048}))"
)
_NAME_END = r"[\w.-]{0,40}(?:\\?[\"'])?\]?"
# The value is only looked ahead at: another assignment may stand within it.
_ASSIGNED = re.compile(
    rf"{_TELLING}{_NAME_END}(?P<sign>[ \t]{{0,8}}(?::=|=>|=|:)[ \t]{{0,8}})(?={_VALUE})",
    re.IGNORECASE,
)
_OPTION = re.compile(
    rf"(?<!\S)--?(?P<name>[\w-]{{0,40}}?{_TELLING}[\w-]{{0,20}})[ \t]+(?!-)(?={_VALUE})",
    re.IGNORECASE,
)
_ELEMENT = re.compile(
    rf"<(?P<name>[\w.:-]{{0,40}}?{_TELLING}[\w.:-]{{0,20}})>(?=(?P<bare>[^<>\n]{{1,512}})</)",
    re.IGNORECASE,
)
# Name and value side by side, as in task definitions, tags and parameters.
_PAIR = re.compile(
    rf"[\"']?\b(?:parameter)?(?:name|key)[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?(?P<name>[\w.-]{{1,64}})"
    rf"[\"']?\s{{0,40}},?\s{{0,40}}[\"']?\b(?:parameter)?value[\"']?\s{{0,4}}[:=]\s{{0,4}}(?={_VALUE})",
    re.IGNORECASE,
)
# A template's parameter: the name stands over its default.
_DEFAULT = re.compile(
    rf"^(?P<indent>[ \t]{{0,20}})[\"']?(?P<name>\w{{1,64}})[\"']?:[ \t]{{0,4}}\{{?[ \t]{{0,4}}\n"
    rf"(?:(?P=indent)[ \t]{{1,20}}[\"']?(?!default\b)\w+[\"']?:[ \t]+\S[^\n]*\n){{0,12}}?"
    rf"(?P=indent)[ \t]{{1,20}}[\"']?default[\"']?:[ \t]{{0,4}}(?={_VALUE})",
    re.IGNORECASE | re.MULTILINE,
)
_NAME_BEFORE = re.compile(r"[\w.-]{0,60}\Z")
# As in `--from-literal=password=…`.
_OPTION_BEFORE = re.compile(r"(?:^|\s)--[\w-]{1,40}=\Z")
# A bare value that is followed by more words is prose or code.
_ENDS = re.compile(r"[ \t]*(?:$|[,;&}\])]|#|//)", re.MULTILINE)
_CODE = re.compile(r"\s*[(\[{]")


_VALUES = ("escaped", "double", "single", "bare")


@dataclass(frozen=True, slots=True)
class Assigned:
    """A name, and the value that it is given, with the part of the text that the value takes up."""

    name: str
    value: Hidden
    start: int
    end: int


def assignments(text: str) -> Iterator[Assigned]:
    """Every value that stands by a name which may tell of a secret."""
    for match in _ASSIGNED.finditer(text):
        before = _NAME_BEFORE.search(text, max(match.start() - 60, 0), match.start())
        start = before.start() if before else match.start()
        name = text[start : match.start("sign")]
        if _is_handed_on(name, match["bare"]):
            continue
        if not _is_within(text, start, match) and _is_whole(text, match):
            yield _assigned(name, match)
    for expression in (_OPTION, _ELEMENT, _PAIR, _DEFAULT):
        for match in expression.finditer(text):
            yield _assigned(match["name"], match)


def _assigned(name: str, match: re.Match[str]) -> Assigned:
    group = next(value for value in _VALUES if match.groupdict().get(value))
    return Assigned(name.strip("\\\"'-].:"), Hidden(match[group]), *match.span(group))


def _is_handed_on(name: str, bare: str | None) -> bool:
    """Whether code hands on what it has: `password=password`, `self.token = token`.

    A password that is its own name, letter by letter and without quotes, guards nothing either.
    """
    called = name.rstrip("\\\"'] ").rpartition(".")[2]
    return bare is not None and bare.rpartition(".")[2] == called


def _is_within(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether the name is part of a value: of an ARN (`…:secret:prod/db`), or behind a sign."""
    before = text[start - 1 : start]
    if before == "=":
        return not _OPTION_BEFORE.search(text, max(start - 48, 0), start)
    return match["sign"] == ":" and before in (":", "/")


def _is_whole(text: str, match: re.Match[str]) -> bool:
    """Whether the value is all that is assigned; without quotes, it could be the start of more."""
    end = match.end("bare")
    if end < 0:
        return True
    if _CODE.match(text, end):
        return False
    return match["sign"] in ("=", ":=") or _ENDS.match(text, end) is not None
