"""Yarn's lock files: those of Yarn 1, and those of later versions, which are YAML.

Source: Yarn 1, package `@yarnpkg/lockfile` (the grammar); Yarn, "Lexicon", "Lockfile".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..found_packages import Evidence, Said, found, parser
from ..syntax import yaml_text
from ..syntax.json_text import pairs, text
from ..troubles import Trouble, Unreadable

ECOSYSTEM = "npm"
_OWN = ("workspace:", "link:", "portal:", "file:")
_VERSION = re.compile(r"\d+\.\d+\.\d+\S*")
_TOKEN = r'(?:"(?:[^"\\]|\\.)*+"|[^\s":,][^\s:,]*+(?::[^\s:,]++)*+)'
_PATTERNS = re.compile(rf"{_TOKEN}(?:, ?{_TOKEN})*+:")
_FIRST = re.compile(_TOKEN)
_FIELD = re.compile(rf"( {{2,}})({_TOKEN})(?::| +({_TOKEN}|\S+))")
_STRANGE = "is no lock file of Yarn"
_VERSIONLESS = Trouble("names a package without its version")


@parser
def of_yarn_lock(data: bytes, where: str) -> Said:
    """The packages of a yarn.lock. It does not say which are for developing, nor where they go."""
    if re.search(rb"^(?:\xef\xbb\xbf)?__metadata:", data, re.MULTILINE):
        entries = _of_yaml(data)
    else:
        entries = _of_lines(data.decode("utf-8-sig"))
    for pattern, version in entries:
        name = _name(pattern)
        if not version:
            yield _VERSIONLESS
        elif name and _VERSION.fullmatch(version):
            yield found(ECOSYSTEM, name, version, where, Evidence.STATED)


def _of_yaml(data: bytes) -> Iterator[tuple[str, str]]:
    """The first of the patterns of each entry, and its version."""
    for document in yaml_text.documents(data):
        if not isinstance(document, dict):
            raise Unreadable(_STRANGE)
        for patterns, entry in pairs(document):
            if patterns != "__metadata":
                yield patterns.split(",", 1)[0], text(entry, "version")
        if len(pairs(document)) < len(document):
            raise Unreadable(_STRANGE)


def _of_lines(lock: str) -> Iterator[tuple[str, str]]:
    """The same of a lock file of Yarn 1: entries at the margin, their fields below."""
    pattern = version = ""
    is_known = "yarn lockfile v1" in lock
    for line in lock.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if _PATTERNS.fullmatch(line):
            if pattern:
                yield pattern, version
            first = _FIRST.match(line)
            pattern, version = _bare(first[0] if first else ""), ""
            is_known = True
        elif pattern and (field := _FIELD.fullmatch(line.rstrip())):
            if field[1] == "  " and _bare(field[2]) == "version":
                version = _bare(field[3] or "")
        else:
            raise Unreadable(_STRANGE)
    if pattern:
        yield pattern, version
    if not is_known:
        raise Unreadable(_STRANGE)


def _bare(token: str) -> str:
    return token[1:-1] if token.startswith('"') and token.endswith('"') else token


def _name(pattern: str) -> str:
    """The package's name for `name@range`; empty for what is the project's own."""
    name, _, wanted = (pattern[:1] + pattern[1:].replace("@", "\n", 1)).partition("\n")
    if wanted.startswith(_OWN):
        return ""
    alias = wanted.removeprefix("npm:")
    if alias != wanted and "@" in alias[1:]:
        return alias[0] + alias[1:].partition("@")[0]
    return name
