"""Finds AWS access keys: ids by their form, secrets by a nearby id or by their name.

An id is no secret and opens nothing alone; it is reported as a kind of its own. A secret access key
is 40 characters without a mark: it counts as one if an id is near, or if its name says so.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from .exposed import Found, Hidden, Tangled
from .library import plugin
from .ordinary import is_sample, wordiness

ACCESS_KEY_ID = "AWS access key id"
SECRET_ACCESS_KEY = "AWS secret access key"

# Unique identifiers, by IAM's user guide: AKIA are access keys, ASIA those of AWS STS.
_ID = re.compile(r"(?<![A-Za-z0-9+])A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9+])")
_SECRET = re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
# A name that says whose secret it is, right before the secret or at the start of its line.
_NAMED = re.compile(
    r"(?:aws|amazon|iam|s3|ses|access)[\w.-]{0,40}?(?:secret|key)|secret[\w.-]{0,8}access",
    re.IGNORECASE,
)
_NAME_WITHIN = 80
# Paths have more words than this; of ten thousand secrets, one has.
_WORDY = 0.8
# Beyond these, in a configuration's other values, nobody tells which id a secret belongs to.
_MOST_IDS = 250
# In one text, an id is beside a secret if no more characters than this are between them.
_NEAR = 800


@dataclass(frozen=True, slots=True)
class KeyId:
    """An access key's id: in which text of all, at which character, and what it is called there."""

    id: str
    text: int
    start: int
    # What stands before it on its line: it may be anything.
    name: str = field(repr=False)


def key_ids(text: str, number: int) -> Iterator[KeyId]:
    """The access key ids in a text, which is the `number`-th of a configuration."""
    for match in _ID.finditer(text):
        # Documentation's ids end with EXAMPLE, and are nobody's.
        if not is_sample(match.group()) and _is_id(match.group()):
            yield KeyId(match.group(), number, match.start(), _name_before(text, match.start()))


def access_keys(text: str, number: int, ids: Sequence[KeyId]) -> Iterator[Found]:
    """The ids and secrets in the `number`-th text, which is a name, `=` and a value.

    `ids` are those of the whole configuration, in their order.
    """
    here = [known for known in ids if known.text == number]
    elsewhere = [known for known in ids if known.text != number]
    for known in here:
        end = known.start + len(known.id)
        yield Found(ACCESS_KEY_ID, known.start, end, Hidden(known.id), known.id)
    for match in _SECRET.finditer(text):
        if not _could_be_secret(match.group()):
            continue
        name = _name_before(text, match.start())
        beside = _nearest(match.start(), here)
        if beside is None and _is_all(match, text):
            beside = _most_alike(name, number, elsewhere)
        if beside or _NAMED.search(name):
            key_id = beside.id if beside else ""
            yield Found(SECRET_ACCESS_KEY, *match.span(), Hidden(match.group()), key_id)


def _is_id(text: str) -> bool:
    return any(True for _ in plugin("aws", "AWSKeyDetector").analyze_string(text))


def _could_be_secret(text: str) -> bool:
    """Neither a hash in hex, nor a path, nor what documentation writes."""
    both_cases = text != text.lower() and text != text.upper()
    return both_cases and wordiness(text) < _WORDY and not is_sample(text)


def _name_before(text: str, at: int) -> str:
    """The text before a position on its line, as far back as a name can be."""
    return text[max(at - _NAME_WITHIN, 0) : at].rpartition("\n")[2].strip(" \t\"'=:,")


def _is_all(secret: re.Match[str], text: str) -> bool:
    """Whether the secret is the whole value."""
    return secret.start() == text.find("=") + 1 and secret.end() == len(text)


def _nearest(start: int, ids: Sequence[KeyId]) -> KeyId | None:
    """The id beside the secret, in the same text."""
    at = bisect(ids, start, key=lambda key_id: key_id.start)
    near = [key_id for key_id in ids[max(at - 1, 0) : at + 1] if abs(key_id.start - start) <= _NEAR]
    return min(near, key=lambda key_id: abs(key_id.start - start), default=None)


def _most_alike(name: str, number: int, ids: Sequence[KeyId]) -> KeyId | None:
    """The id that is called most like the secret, in other values of the configuration.

    As `BACKUP_AWS_ACCESS_KEY_ID` is like `BACKUP_AWS_SECRET_ACCESS_KEY`; of equals, the one whose
    value stands nearest. `Tangled` where there are more ids than any configuration has.
    """
    if len(ids) > _MOST_IDS:
        raise Tangled

    def likeness(key_id: KeyId) -> tuple[float, int]:
        alike = SequenceMatcher(None, name.lower(), key_id.name.lower(), autojunk=False)
        return alike.ratio(), -abs(key_id.text - number)

    return max(ids, key=likeness, default=None)
