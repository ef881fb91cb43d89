"""Finds private keys among armored keys and certificates, and among DER in base64.

A private key's lines are taken together, as one secret. Certificates and public keys are public:
they are taken out of the text, so that no other detector reads secrets into them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .exposed import Found, Hidden
from .library import plugin

PRIVATE_KEY = "private key"

# Between dashes in a file, and without them where they were stripped or escaped.
_HEAD = re.compile(r"BEGIN (?P<label>[A-Z0-9 ]{3,40})|PuTTY-User-Key-File-\d")
_AGE_KEY = re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b")
# What a key's own text begins with: a header that is only mentioned has none near.
_BODY = re.compile(r"(?:\\[nrt])?([A-Za-z0-9+/=]{24,})")
_BODY_WITHIN = 600
_LONGEST = 20_000
_NOT_OF_A_BODY = re.compile(r"\\[nrt]|[^A-Za-z0-9+/=]")
# What the library's list lacks.
_MORE_PRIVATE = re.compile(r"BEGIN (?:ENCRYPTED|ANY) PRIVATE KEY|PuTTY-User-Key-File-3")
_PUBLIC = re.compile(r"CERTIFICATE|PUBLIC KEY|X509 CRL|PARAMETERS|SIGNATURE|MESSAGE|PKCS7|CMS")
_DER = re.compile(r"(?<![A-Za-z0-9+/=])M[A-P][A-Za-z0-9+/\s]{60,12000}={0,2}")


@dataclass(frozen=True, slots=True)
class Block:
    """A block that is public: nothing in it is secret."""

    start: int
    end: int


def blocks(text: str) -> Iterator[Found | Block]:
    """The private keys of a text, and its public blocks."""
    for head in _HEAD.finditer(text):
        end = _end(text, head)
        label = head.group("label") or ""
        if _is_private(head.group()):
            body = _BODY.search(text, head.end(), min(head.end() + _BODY_WITHIN, end))
            if body:
                # The same key gets the same fingerprint, however its lines are broken.
                plain = _NOT_OF_A_BODY.sub("", text[body.start(1) : end])
                yield Found(PRIVATE_KEY, head.start(), end, Hidden(plain))
        elif _PUBLIC.search(label):
            yield Block(head.start(), end)
    for key in _AGE_KEY.finditer(text):
        yield Found(PRIVATE_KEY, *key.span(), Hidden(key.group()))
    for encoded in _DER.finditer(text):
        yield from _der(encoded)


def _end(text: str, head: re.Match[str]) -> int:
    """Where the block ends: at its END line, or where the next begins, or after a good while."""
    limit = min(head.end() + _LONGEST, len(text))
    for sign in ("END " + (head.group("label") or "").strip(), "Private-MAC:", "BEGIN "):
        at = text.find(sign, head.end(), limit)
        if at >= 0:
            return at
    return limit


def _is_private(head: str) -> bool:
    detector = plugin("private_key", "PrivateKeyDetector")
    told = any(True for _ in detector.analyze_string(head))
    return told or _MORE_PRIVATE.search(head) is not None


def _der(encoded: re.Match[str]) -> Iterator[Found | Block]:
    """A key or certificate by its first bytes, as X.690 (DER) and the PKCS standards lay them out.

    PKCS #1, PKCS #8 and SEC 1 keys and PKCS #12 files begin with a small version number;
    certificates and public keys with a sequence, or with the long number that is the modulus.
    """
    text = re.sub(r"\s", "", encoded.group())
    try:
        raw = base64.b64decode(text[: len(text) // 4 * 4], validate=True)
    except ValueError:
        return
    inside = _inside_sequence(raw)
    if inside[:2] == b"\x02\x01" and inside[2:3] in (b"\x00", b"\x01", b"\x03"):
        yield Found(PRIVATE_KEY, *encoded.span(), Hidden(text))
    elif inside[:1] == b"\x30" or inside[:3] in (b"\x02\x82\x01", b"\x02\x81\x81", b"\x02\x82\x02"):
        yield Block(*encoded.span())


def _inside_sequence(raw: bytes) -> bytes:
    """What is in a DER sequence that is as long as it says, give or take cut base64; else b""."""
    if raw[:1] != b"\x30" or len(raw) < 40:
        return b""
    first = raw[1]
    if first < 0x80:
        length, at = first, 2
    else:
        at = 2 + (first & 0x7F)
        length = int.from_bytes(raw[2:at], "big")
    return raw[at:] if abs(at + length - len(raw)) <= 3 else b""
