"""Describes exposed secrets, and wraps texts so that nothing prints them."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import NoReturn

_SHOWN = "<hidden>"
_DIGITS = 16
# What reading a text once may cost, in characters that are looked at: so many times its length, and
# so many for the shortest. Secrets do not lie in one another, so an honest text costs its length.
_TIMES, _AT_LEAST = 4, 64 * 1024
# As long as half the hash. A short password behind a guessable salt could be found by trying.
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Exposed:
    """A secret in the open: all that may be told of it.

    `fingerprint` is the same wherever the same secret is found under the same salt, and tells
    nothing without the salt. `key_id` is the access key's id (AKIA… or ASIA…) where the secret
    belongs to one that was found beside it, or is one.
    """

    kind: str
    place: str
    fingerprint: str
    key_id: str = ""


class Hidden:
    """A text that no print, log, format, pickle or JSON shows. `reveal` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return _SHOWN

    def __format__(self, specification: str) -> str:
        return format(_SHOWN, specification)

    # `copy` and `pickle` both come here; json has no way in by itself.
    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a hidden text cannot be copied or stored")


@dataclass(frozen=True, slots=True)
class Found:
    """A secret in a text, and the part of the text that it takes up."""

    kind: str
    start: int
    end: int
    secret: Hidden
    key_id: str = ""


class Tangled(Exception):
    """A text that costs more to read than any honest one: it was made to hold up its reader."""


@dataclass(slots=True)
class Effort:
    """What a detector may still spend on a text, in characters. More than that is `Tangled`."""

    left: int

    @classmethod
    def on(cls, text: str) -> Effort:
        """The effort that this text may cost."""
        return cls(_TIMES * len(text) + _AT_LEAST)

    def spend(self, characters: int) -> None:
        """Spends the effort for so many more characters. Raises `Tangled`."""
        self.left -= characters
        if self.left < 0:
            raise Tangled


class DetectorFailed(Exception):
    """A detector failed on a text: it could not be read to its end, and is not clean.

    Only the class of the error is kept, because messages of the regular expression engine, of
    codecs and of parsers quote the text.
    """

    def __init__(self, detector: str, place: str, cause: str) -> None:
        super().__init__(f"the detector of {detector} failed with {cause} at {place}")


def fingerprint(secret: Hidden, salt: bytes) -> str:
    """HMAC-SHA256 of the secret under the salt: the first 16 hex digits."""
    # A lone surrogate must not fail: the error would hold the secret.
    text = secret.reveal().encode("utf-8", "surrogatepass")
    return hmac.new(salt, text, hashlib.sha256).hexdigest()[:_DIGITS]


def checked(salt: bytes) -> bytes:
    """The salt, if it is long enough to keep short secrets from being guessed."""
    if len(salt) < _SALT_BYTES:
        raise ValueError(f"a salt needs at least {_SALT_BYTES} bytes")
    return salt
