"""Unpacks texts: user data and values out of their base64 and gzip, within bounds."""

from __future__ import annotations

import base64
import re
import zlib

# EC2 takes 16 KB of user data, Lambda 4 KB of environment, CloudFormation 1 MB of template. What
# unpacks to more is read up to here.
_MOST = 1 << 20
# base64 of gzip of base64: nobody wraps deeper.
_LAYERS = 4
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_URL_SAFE = str.maketrans("+/", "-_")
_GZIP = b"\x1f\x8b"
_AS_GZIP = 16 + zlib.MAX_WBITS


def unpacked(text: str) -> str:
    """The text, decoded as long as it is base64 or gzip of a text; else as it is.

    No more than 1 MiB of characters is kept of any layer.
    """
    text = text[:_MOST]
    for _ in range(_LAYERS):
        inner = _decoded(text)
        if inner is None:
            break
        text = inner
    return text


def _decoded(text: str) -> str | None:
    plain = "".join(text.split()) if "\n" in text else text.strip()
    if len(plain) % 4 == 1 or not _BASE64.fullmatch(plain):
        return None
    try:
        raw = base64.b64decode(
            plain.rstrip("=").replace("-", "+").replace("_", "/")
            + "=" * (-len(plain.rstrip("=")) % 4)
        )
    except ValueError:
        return None
    if raw.startswith(_GZIP):
        return _inflated(raw)
    try:
        inner = raw.decode()
    except UnicodeDecodeError:
        return None
    return inner if _is_text(inner) else None


def _inflated(raw: bytes) -> str | None:
    try:
        inner = zlib.decompressobj(_AS_GZIP).decompress(raw, _MOST)
    except zlib.error:
        return None
    return inner.decode("utf-8", "replace")


def _is_text(text: str) -> bool:
    return all(character.isprintable() or character in "\t\r\n" for character in text)
