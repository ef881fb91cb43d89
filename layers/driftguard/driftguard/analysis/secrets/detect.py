"""Finds the secrets in a configuration's values, from the surest detector to the least sure.

The detectors run in this order: private keys, tokens that name their issuer, AWS keys, credentials
in addresses and commands, and last values that their names make suspicious. A later detector does
not report again what an earlier one found.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from .assignments import assignments
from .aws_keys import KeyId, access_keys, key_ids
from .blocks import Block, blocks
from .commands import commanded
from .connections import credentials
from .embedded import basic_credentials, embedded
from .exposed import DetectorFailed, Effort, Exposed, Found, Hidden, checked, fingerprint
from .forms import Form, hinted_forms, tokens_in
from .issued import Issued, hinted, tokens
from .judgment import judged
from .names import name_of
from .nested import nested
from .public import public
from .randomness import is_random
from .unpacking import unpacked

_Told = TypeVar("_Told")
# Base64 in a MIME part in base64 in a file in base64: nobody packs deeper.
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Located:
    """A secret that was found, and its place."""

    place: str
    found: Found


@dataclass(frozen=True, slots=True)
class _Source:
    """A text to be read: by itself, and behind its name as a shell would have it.

    `depth` says in how many other texts it was packed. The place of a packed text is the place
    where it begins in the outermost, so that its own lines are not told.
    """

    place: str
    name: str
    text: Hidden
    assigned: Hidden
    depth: int = 0


@dataclass(frozen=True, slots=True)
class _Packed:
    """What was found in a packed text, and the part of the outer text that it takes up."""

    start: int
    end: int
    found: Found


def exposed_in(values: Iterable[tuple[str, str]], salt: bytes) -> tuple[Exposed, ...]:
    """All that may be told of the secrets in these values: `secrets_in`, without the secrets.

    Raises
    ------
    DetectorFailed
        A detector failed on a text. Nothing of the text is in the error.
    ValueError
        The salt has less than 16 bytes.
    """
    return told_of(secrets_in(values), salt)


def told_of(located: Iterable[Located], salt: bytes) -> tuple[Exposed, ...]:
    """All that may be told of secrets. Raises `ValueError` for a salt of less than 16 bytes."""
    checked(salt)
    # In their order, each once.
    exposed = {
        Exposed(
            secret.found.kind,
            secret.place,
            fingerprint(secret.found.secret, salt),
            secret.found.key_id,
        ): None
        for secret in located
    }
    return tuple(exposed)


def secrets_in(values: Iterable[tuple[str, str]]) -> tuple[Located, ...]:
    """The secrets in these values of one configuration, each given with its place.

    A place ends with the value's name, as `Environment.Variables.DB_PASSWORD` does. Values that
    belong together are given together: an AWS secret access key is known by the id beside it. In a
    text of several lines the line is added to the place: `UserData:12`. A value that is base64 or
    gzip of a text is read as that text, up to 1 MiB of it.

    Raises
    ------
    DetectorFailed
        A detector failed on a text, or the text was made to hold it up. Nothing of the text is in
        the error.
    """
    sources = [_source(place, text) for place, text in values]
    return tuple(_located(sources))


def _located(sources: Sequence[_Source]) -> Iterator[Located]:
    whole = "\n".join(source.assigned.reveal() for source in sources)
    kinds: tuple[Form | Issued, ...] = (*hinted(whole), *hinted_forms(whole))
    ids = [key_id for number, source in enumerate(sources) for key_id in _key_ids(source, number)]
    for number, source in enumerate(sources):
        for place, secret in _placed(source, _read(source, number, kinds, ids)):
            yield Located(place, secret)


def _source(place: str, text: str) -> _Source:
    name, text = name_of(place), unpacked(text)
    return _Source(place, name, Hidden(text), Hidden(f"{name}={text}"))


def _in_packed(source: _Source) -> Iterator[_Packed]:
    """What is found in the texts that are packed into this one."""
    if source.depth >= _DEEPEST:
        return
    for inner in _guarded("packed texts", source, lambda: embedded(source.text.reveal())):
        plain = inner.text.reveal()
        packed = _Source(source.place, "", inner.text, Hidden(f"={plain}"), depth=source.depth + 1)
        for located in _located([packed]):
            yield _Packed(inner.start, inner.end, located.found)


def _read(
    source: _Source, number: int, kinds: Iterable[Form | Issued], ids: Sequence[KeyId]
) -> Iterator[Found | Block | _Packed]:
    """What each detector finds in a text, one after another."""
    text, assigned = source.text, source.assigned
    yield from _behind_name(_guarded("public", source, lambda: public(assigned.reveal())), source)
    yield from _guarded("private keys", source, lambda: blocks(text.reveal()))
    yield from _in_packed(source)
    for kind in kinds:
        yield from _behind_name(_issued(source, kind), source)
    keys = _guarded("AWS keys", source, lambda: access_keys(assigned.reveal(), number, ids))
    yield from _behind_name(keys, source)
    basic = _guarded("basic", source, lambda: basic_credentials(assigned.reveal()))
    yield from _behind_name(basic, source)
    yield from _guarded("credentials", source, lambda: credentials(text.reveal()))
    yield from _guarded("commands", source, lambda: commanded(text.reveal()))
    yield from _guarded("assigned values", source, lambda: _assigned(text.reveal()))
    yield from _guarded("named values", source, lambda: _named(source.name, text.reveal()))


def _issued(source: _Source, kind: Form | Issued) -> list[Found]:
    text = source.assigned.reveal()
    if isinstance(kind, Form):
        return _guarded(kind.kind, source, lambda: tokens_in(kind, text))
    return _guarded(kind.kind, source, lambda: tokens(kind, text))


def _key_ids(source: _Source, number: int) -> list[KeyId]:
    return _guarded("AWS keys", source, lambda: key_ids(source.assigned.reveal(), number))


def _guarded(detector: str, source: _Source, read: Callable[[], Iterable[_Told]]) -> list[_Told]:
    """The detector's findings; or `DetectorFailed`, without any of the text it read."""
    try:
        return list(read())
    except Exception as error:  # noqa: BLE001 - it may quote what was read: only its class goes on
        failure = type(error).__name__
    # Raised out here, the new error has no context that holds the old one.
    raise DetectorFailed(detector, source.place, failure)


_Part = TypeVar("_Part", Found, Block)


def _behind_name(findings: Iterable[_Part], source: _Source) -> Iterator[_Part]:
    """Moves findings from `name=text` to the text alone; drops those within the name."""
    before = len(source.name) + 1
    for found in findings:
        if found.start >= before:
            yield replace(found, start=found.start - before, end=found.end - before)


def _assigned(text: str) -> Iterator[Found]:
    effort = Effort.on(text)
    for assignment in (*assignments(text), *nested(text)):
        effort.spend(assignment.end - assignment.start)
        value = unpacked(assignment.value.reveal())
        kind = judged(assignment.name, value)
        if kind and not (assignment.loose and not is_random(value)):
            yield Found(kind, assignment.start, assignment.end, Hidden(value))


def _named(name: str, text: str) -> Iterator[Found]:
    """The value as a whole, if it is one: not a text of many lines."""
    value = text.strip()
    kind = "" if "\n" in value else judged(name, value)
    if kind:
        yield Found(kind, 0, len(text), Hidden(value))


def _placed(
    source: _Source, findings: Iterable[Found | Block | _Packed]
) -> Iterator[tuple[str, Found]]:
    """Each secret with its place. What overlaps something told before is left out."""
    starts: list[int] = []
    ends: list[int] = []
    packed: tuple[int, int] | None = None
    newlines = [] if source.depth else _newlines(source.text)
    for found in findings:
        at = bisect_left(starts, found.end)
        # One packed text may hold several secrets.
        again = isinstance(found, _Packed) and packed == (found.start, found.end)
        if at and ends[at - 1] > found.start and not again:
            continue
        if not again:
            starts.insert(at, found.start)
            ends.insert(at, found.end)
        if isinstance(found, Block):
            continue
        line = bisect_right(newlines, found.start) + 1
        place = f"{source.place}:{line}" if newlines else source.place
        if isinstance(found, _Packed):
            packed = (found.start, found.end)
            yield place, found.found
        else:
            yield place, found


def _newlines(text: Hidden) -> list[int]:
    """Where lines end, in a text of several."""
    plain = text.reveal()
    if "\n" not in plain.strip():
        return []
    return [at for at, character in enumerate(plain) if character == "\n"]
