"""Reads advisories in the Open Source Vulnerability schema into frozen values.

Only fields that say who is affected, and how badly, are read. They are read strictly: leaving out
an event for its odd form could make an affected version look clean.

Source: Open Source Security Foundation, "Open Source Vulnerability format", version 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from driftguard.documents import Document, Json, mapping, text

_SUMMARY = 120


class Unreadable(ValueError):
    """The document is not an advisory; the message says what is wrong with it, and where."""


class Kind(StrEnum):
    """What an event says of its version."""

    INTRODUCED = "introduced"
    FIXED = "fixed"
    LAST_AFFECTED = "last_affected"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Event:
    """From this version on, or up to it, something changes."""

    kind: Kind
    version: str


@dataclass(frozen=True, slots=True)
class Range:
    """A timeline of events. `type` is `SEMVER`, `ECOSYSTEM` or `GIT`, and says how they sort."""

    type: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Rating:
    """A severity by some method: for `CVSS_V3`, `score` is the vector."""

    type: str
    score: str


@dataclass(frozen=True, slots=True)
class Affected:
    """A package, and which of its versions are affected. `words` rate the severity in a word."""

    ecosystem: str
    name: str
    purl: str = ""
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    ratings: tuple[Rating, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advisory:
    """One vulnerability, as one database describes it.

    `modified` and `withdrawn` are RFC 3339 in UTC; `withdrawn` is empty while it stands.
    """

    id: str
    modified: str = ""
    aliases: tuple[str, ...] = ()
    withdrawn: str = ""
    summary: str = ""
    ratings: tuple[Rating, ...] = ()
    words: tuple[str, ...] = ()
    affected: tuple[Affected, ...] = ()


def advisory(document: Json) -> Advisory:
    """The advisory in a document. Raises `Unreadable`; never anything else."""
    if not isinstance(document, Mapping):
        raise Unreadable(f"an advisory is a JSON object, this is a {type(document).__name__}")
    id_ = text(document, "id")
    if not id_:
        raise Unreadable("the advisory has no `id`")
    try:
        return Advisory(
            id=id_,
            modified=text(document, "modified"),
            aliases=_strings(document, "aliases"),
            withdrawn=text(document, "withdrawn"),
            summary=_summary(document),
            ratings=_ratings(document),
            words=_words(document),
            affected=tuple(map(_affected, _objects(document, "affected"))),
        )
    except Unreadable as error:
        raise Unreadable(f"{id_}: {error}") from None


def _affected(entry: Document) -> Affected:
    package = mapping(entry, "package")
    return Affected(
        ecosystem=text(package, "ecosystem"),
        name=text(package, "name"),
        purl=text(package, "purl"),
        ranges=tuple(map(_range, _objects(entry, "ranges"))),
        versions=_strings(entry, "versions"),
        ratings=_ratings(entry),
        words=_words(entry),
    )


def _range(document: Document) -> Range:
    kind = text(document, "type")
    if not kind:
        raise Unreadable("a range has no `type`")
    return Range(
        kind, tuple(event for item in _objects(document, "events") for event in _events(item))
    )


def _events(document: Document) -> Iterator[Event]:
    """The events of an object; old records have several in one object."""
    found = [Event(kind, version) for kind in Kind if (version := text(document, kind))]
    if not found:
        raise Unreadable(f"an event has none of {', '.join(Kind)}")
    yield from found


def _ratings(document: Document) -> tuple[Rating, ...]:
    return tuple(
        Rating(text(rating, "type"), text(rating, "score"))
        for rating in _objects(document, "severity")
    )


def _words(document: Document) -> tuple[str, ...]:
    """The severity in a word, where databases put it outside of the schema."""
    places = (mapping(document, "database_specific"), mapping(document, "ecosystem_specific"))
    return tuple(word.upper() for place in places if (word := text(place, "severity")))


def _summary(document: Document) -> str:
    """One line for people; some databases write nothing but details."""
    line = text(document, "summary") or text(document, "details").strip().partition("\n")[0]
    return line if len(line) <= _SUMMARY else line[: _SUMMARY - 1].rstrip() + "…"


def _objects(container: Document, name: str) -> Iterator[Document]:
    for item in _list(container, name):
        if not isinstance(item, Mapping):
            raise Unreadable(f"`{name}` should hold objects, it holds a {type(item).__name__}")
        yield item


def _strings(container: Document, name: str) -> tuple[str, ...]:
    found = []
    for item in _list(container, name):
        if not isinstance(item, str):
            raise Unreadable(f"`{name}` should hold strings, it holds a {type(item).__name__}")
        found.append(item)
    return tuple(found)


def _list(container: Document, name: str) -> list[Json] | tuple[Json, ...]:
    value = container.get(name)
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise Unreadable(f"`{name}` should be a list, it is a {type(value).__name__}")
    return value
