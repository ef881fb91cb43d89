"""The part of YAML that lock files are written in; everything else is refused, not guessed.

Read are documents, block mappings and sequences at any indentation, flow mappings and sequences,
plain and quoted scalars, block scalars, keys behind `?`, and comments. Refused are anchors, tags,
tabs for indentation, repeated keys. All scalars are texts: `1.10` stays `1.10`.

Source: "YAML Ain't Markup Language", version 1.2, chapters 6 to 9.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TypeAlias, TypeVar

from ..troubles import Unreadable

Value: TypeAlias = "str | list[Value] | dict[str, Value]"

Parsed = TypeVar("Parsed")

# Deeper no lock file goes, and the recursion ends well before Python's does.
_DEEPEST = 64
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"|\'((?:[^\']|\'\')*+)\'')
_PLAIN = re.compile(r"(?:[^:#\s]|:(?=[^\s])|(?<=\S)#|[ \t]++(?!#))++")
_FLOW_PLAIN = re.compile(r"(?:[^:#,\[\]{}\s]|:(?=[^\s,\[\]{}])|(?<=\S)#|[ \t]++(?!#))++")
_COMMENT = re.compile(r"[ \t]*+(?:(?<!\S)#.*)?")
_BEHIND_KEY = re.compile(r"[ \t]*+:(?:[ \t]++|$)")
_ITEM = re.compile(r"-(?: |$)")
_BLOCK_SCALAR = re.compile(r"[|>][+-]?[1-9]?[+-]?[ \t]*(?:#.*)?")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "e": "\x1b", "b": "\b", "a": "\a"}
_NOT_READ = "&*!%@`"


def documents(data: bytes) -> list[Value]:
    """The documents of a file that are not empty. `Unreadable` where one is not understood."""
    lines = data.decode("utf-8-sig").splitlines()
    parts: list[list[tuple[int, str]]] = [[]]
    for number, line in enumerate(lines, start=1):
        if line.startswith("%") and not any(map(_says_something, parts[-1])):
            continue
        if line == "---" or line.startswith(("--- ", "---\t")):
            parts.append([(number, line[4:])])
        elif line.rstrip() == "...":
            parts.append([])
        else:
            parts[-1].append((number, line))
    return [_Reading(part).document() for part in parts if any(map(_says_something, part))]


def _says_something(line: tuple[int, str]) -> bool:
    text = line[1].strip()
    return bool(text) and not text.startswith("#")


@dataclass(slots=True)
class _Reading:
    """One document while it is read: its lines, each with its number, and the next of them.

    `cut` holds how much of a line was taken already: `- name: x` is a mapping inside of a sequence.
    """

    lines: list[tuple[int, str]]
    at: int = 0
    cut: dict[int, int] = field(default_factory=dict)

    def document(self) -> Value:
        value = self.block(0, 0)
        if self.peek() is not None:
            raise self.not_understood()
        return value

    def not_understood(self) -> Unreadable:
        number = self.lines[min(self.at, len(self.lines) - 1)][0]
        return Unreadable(f"has YAML in line {number:,} that is not understood here")

    def peek(self) -> tuple[int, str] | None:
        """The indentation and the text of the next line that says something."""
        while self.at < len(self.lines):
            line = self.lines[self.at][1]
            start = self.cut.get(self.at, 0)
            text = line[start:].lstrip(" ")
            if text.strip() and not text.startswith("#"):
                if text.startswith("\t"):
                    raise self.not_understood()
                return len(line) - len(text), text.rstrip()
            self.at += 1
        return None

    def block(self, least: int, depth: int) -> Value:
        """The value that stands from here on, at least so far indented; "" where there is none."""
        found = self.peek()
        if depth > _DEEPEST:
            raise self.not_understood()
        if found is None or found[0] < least:
            return ""
        indent, text = found
        if _ITEM.match(text):
            return self.sequence(indent, depth)
        if text.startswith("? ") or self.key(text) is not None:
            return self.mapping(indent, depth)
        self.at += 1
        return self.inline(text, least, depth)

    def sequence(self, indent: int, depth: int) -> Value:
        items: list[Value] = []
        while (found := self.peek()) and found[0] == indent and _ITEM.match(found[1]):
            self.cut[self.at] = indent + 1
            items.append(self.block(indent + 1, depth + 1))
        if found and found[0] > indent:
            raise self.not_understood()
        return items

    def mapping(self, indent: int, depth: int) -> Value:
        table: dict[str, Value] = {}
        while (found := self.peek()) and found[0] == indent:
            text = found[1]
            if text.startswith("? "):
                key, value = self.explicit(indent, depth)
            else:
                parsed = self.key(text)
                if parsed is None:
                    break
                key, rest = parsed
                self.at += 1
                value = self.value(rest, indent, depth)
            if key in table:
                self.at -= 1
                raise self.not_understood()
            table[key] = value
        if found and found[0] > indent:
            raise self.not_understood()
        return table

    def explicit(self, indent: int, depth: int) -> tuple[str, Value]:
        """`? a long key`, and `: its value` in the next line."""
        self.cut[self.at] = indent + 1
        key = self.block(indent + 1, depth + 1)
        found = self.peek()
        if not isinstance(key, str):
            raise self.not_understood()
        if found is None or found[0] != indent or not re.match(r":(?: |$)", found[1]):
            return key, ""
        self.cut[self.at] = indent + 1
        return key, self.block(indent + 1, depth + 1)

    def value(self, rest: str, indent: int, depth: int) -> Value:
        """What stands behind a key's colon, or below it."""
        if rest:
            return self.inline(rest, indent + 1, depth)
        found = self.peek()
        # A sequence may stand as far left as the key that it belongs to.
        if found and found[0] == indent and _ITEM.match(found[1]):
            return self.sequence(indent, depth + 1)
        return self.block(indent + 1, depth + 1)

    def inline(self, text: str, least: int, depth: int) -> Value:
        """A value that begins in the line before the next, and may go on below."""
        if text[0] in "|>":
            if not _BLOCK_SCALAR.fullmatch(text):
                raise self.not_understood()
            return "\n".join(self.lines_below(least))
        if text[0] in _NOT_READ:
            raise self.not_understood()
        if text[0] in "\"'":
            return self.going_on(text, least, _quoted)
        if text[0] in "[{":
            return self.going_on(text, least, partial(_flow, depth=depth))
        plain = _PLAIN.match(text)
        if not plain or not _COMMENT.fullmatch(text, plain.end()):
            raise self.not_understood()
        below = [] if plain.end() < len(text) else [line for line, _ in self.lines_from(least)]
        if any(self.key(line) is not None for line in below):
            raise self.not_understood()
        return " ".join([plain[0].rstrip(), *below])

    def lines_below(self, least: int) -> Iterator[str]:
        """The lines of a block scalar, as they are but for their indentation."""
        while self.at < len(self.lines):
            line = self.lines[self.at][1]
            if line.strip() and len(line) - len(line.lstrip(" ")) < least:
                break
            self.at += 1
            yield line.strip()

    def going_on(self, text: str, least: int, parse: Callable[[str], tuple[Parsed, int]]) -> Parsed:
        """What `parse` makes of a text, and of the lines below as long as it raises `IndexError`.

        It takes twice as many lines each time, so that what never ends is read in linear time.
        """
        ends, following, more = [len(text)], [self.at], 1
        while True:
            try:
                value, end = parse(text)
                break
            except IndexError:
                taken = list(islice(self.lines_from(least), more))
            except ValueError:
                raise self.not_understood() from None
            if not taken:
                raise self.not_understood()
            for line, at in taken:
                # A backslash at a line's end joins it to the next one.
                if text.endswith("\\"):
                    raise self.not_understood()
                text = f"{text} {line}"
                ends.append(len(text))
                following.append(at)
            more *= 2
        last = bisect_left(ends, end)
        self.at = following[last]
        if not _COMMENT.fullmatch(text, end, ends[last]):
            raise self.not_understood()
        return value

    def lines_from(self, least: int) -> Iterator[tuple[str, int]]:
        """The next lines, so far indented, and which line follows each.

        Inside of a scalar an empty line is a line's end, and `#` no comment: that is refused.
        """
        while True:
            start = self.at
            found = self.peek()
            if not found or found[0] < least:
                return
            if self.at > start:
                raise self.not_understood()
            self.at += 1
            yield found[1], self.at

    def key(self, text: str) -> tuple[str, str] | None:
        """The key that a line begins with, and what stands behind its colon; None for no key."""
        if text[0] in "\"'":
            quoted = _QUOTED.match(text)
            if not quoted:
                return None
            name, end = _unquoted(quoted), quoted.end()
        elif text[0] in _NOT_READ or text[0] in "[{|>#":
            return None
        else:
            plain = _PLAIN.match(text)
            if not plain:
                return None
            name, end = plain[0].rstrip(), plain.end()
        behind = _BEHIND_KEY.match(text, end)
        if not behind:
            return None
        rest = text[behind.end() :]
        return name, "" if rest.startswith("#") else rest


def _unquoted(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[2].replace("''", "'")
    return _ESCAPE.sub(_unescaped, found[1]) if "\\" in found[1] else found[1]


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number < 0x110000 else "\N{REPLACEMENT CHARACTER}"
    return _ESCAPED.get(code, code)


def _quoted(text: str) -> tuple[str, int]:
    """A quoted scalar and where it ends. `IndexError` where it goes on below."""
    found = _QUOTED.match(text)
    if not found:
        raise IndexError
    return _unquoted(found), found.end()


def _flow(text: str, at: int = 0, depth: int = 0) -> tuple[Value, int]:
    """A flow value, and where it ends.

    `IndexError` where it goes on below, `ValueError` where it is none.
    """
    if depth > _DEEPEST:
        raise ValueError
    at = _skipped(text, at)
    if text[at] == "[":
        return _flow_sequence(text, at + 1, depth)
    if text[at] == "{":
        return _flow_mapping(text, at + 1, depth)
    return _flow_scalar(text, at)


def _flow_scalar(text: str, at: int) -> tuple[str, int]:
    if text[at] in "\"'":
        quoted = _QUOTED.match(text, at)
        if not quoted:
            raise ValueError
        return _unquoted(quoted), quoted.end()
    plain = None if text[at] in _NOT_READ else _FLOW_PLAIN.match(text, at)
    if not plain:
        raise ValueError
    return plain[0].rstrip(), plain.end()


def _flow_sequence(text: str, at: int, depth: int) -> tuple[Value, int]:
    items: list[Value] = []
    while text[at := _skipped(text, at)] != "]":
        value, at = _flow(text, at, depth + 1)
        items.append(value)
        at = _skipped(text, at)
        if text[at] == ",":
            at += 1
        elif text[at] != "]":
            raise ValueError
    return items, at + 1


def _flow_mapping(text: str, at: int, depth: int) -> tuple[Value, int]:
    table: dict[str, Value] = {}
    while text[at := _skipped(text, at)] != "}":
        key, at = _flow_scalar(text, at)
        at = _skipped(text, at)
        value: Value = ""
        if text[at] == ":":
            at = _skipped(text, at + 1)
            if text[at] not in ",}":
                value, at = _flow(text, at, depth + 1)
                at = _skipped(text, at)
        if key in table:
            raise ValueError
        table[key] = value
        if text[at] == ",":
            at += 1
        elif text[at] != "}":
            raise ValueError
    return table, at + 1


def _skipped(text: str, at: int) -> int:
    while text[at] in " \t":
        at += 1
    return at
