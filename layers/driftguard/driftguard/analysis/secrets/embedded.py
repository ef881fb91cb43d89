"""Finds texts that are packed into a text: files, scripts and credentials in base64 or gzip.

A cloud-config's `write_files`, a MIME part, a Docker or Kubernetes configuration and a script that
decodes a literal all hold such texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .exposed import Found, Hidden
from .ordinary import is_reference, is_sample
from .unpacking import unpacked

BASIC_AUTH = "basic auth credentials"

# Where so many characters of base64 stand together, a text may be packed into them.
_RUN = re.compile(
    r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{20,}"
    r"(?:(?:\r?\n[ \t]{0,20}|\\{1,2}n)[A-Za-z0-9+/_-]{40,})*"
    r"(?P<rest>(?:\r?\n[ \t]{0,20}|\\{1,2}n)[A-Za-z0-9+/_-]{1,100})?={0,2}(?![A-Za-z0-9+/=])"
)
# RFC 7617: the user's name, a colon and the password, as `auth` of a registry and a header have it.
_AUTHORIZATION = re.compile(
    r"(?:\bauth|_auth|\bbasic)\\{0,3}[\"']?\s{0,4}[:= ]\s{0,4}\\{0,3}[\"']?"
    r"(?P<packed>[A-Za-z0-9+/_-]{8,512}={0,2})(?![A-Za-z0-9+/=])",
    re.IGNORECASE,
)
_PAIR = re.compile(r"[^\s:]{1,200}:(?P<secret>[^\s]{3,400})")
_NEWLINE = re.compile(r"\\{1,2}n")


@dataclass(frozen=True, slots=True)
class Embedded:
    """A text that was packed, and the part of the outer text that it takes up."""

    start: int
    end: int
    text: Hidden


def embedded(text: str) -> Iterator[Embedded]:
    """The texts that are packed into this one; not those that are packed into them."""
    for run in _RUN.finditer(text):
        # The last line is shorter, or is none of the packed text.
        for end in dict.fromkeys((run.end(), run.start("rest"))):
            if end < 0:
                continue
            packed = _NEWLINE.sub("", text[run.start() : end])
            inner = unpacked(packed)
            if inner != packed:
                yield Embedded(run.start(), end, Hidden(inner))
                break


def basic_credentials(text: str) -> Iterator[Found]:
    """A user's name and password in base64, where a name says that they are."""
    for match in _AUTHORIZATION.finditer(text):
        pair = _PAIR.fullmatch(unpacked(match["packed"]))
        if pair and not is_reference(pair["secret"]) and not is_sample(pair["secret"]):
            yield Found(BASIC_AUTH, *match.span("packed"), Hidden(pair["secret"]))
