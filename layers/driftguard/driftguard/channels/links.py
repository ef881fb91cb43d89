"""Signed links: let people vote by e-mail, by SNS, or by anything that carries a word.

A link's token names one decision, one choice, the state that was shown, whose vote it is and
until when, and is signed with the stack's own key (HMAC-SHA256). Whoever holds it can cast that one
vote and no other. It proves nothing more: a link that a whole list gets is the vote of `link`.

The links of one message share a nonce, so that they are used up together.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import astuple, dataclass

from driftguard.approvals.rules import LINK
from driftguard.model import Choice, Decision

from .wording import moment

# Signed along with the claim: no other signature under this key can be taken for a link's.
_PURPOSE = b"driftguard link 1\n"
# A token of ours is about 250 characters; nothing longer is even looked at.
LONGEST = 2_048


class BadLink(Exception):
    """A token that gives nobody a vote. The message is for the holder of the link."""


class Tampered(BadLink):
    """A token that this stack did not sign, or that is not whole."""


class Expired(BadLink):
    """A token of this stack whose time is up."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a link allows: this person's choice on this decision, as it was shown, until then.

    `person` is a name from the policy's people, or `link` for a link that everybody on a list gets.
    `nonce` becomes the vote's token. `expires` is ISO 8601 in UTC.
    """

    decision: str
    choice: Choice
    fingerprint: str
    person: str
    nonce: str
    expires: str


def sign(claim: Claim, key: bytes) -> str:
    """The claim as a token for a URL."""
    said = json.dumps(astuple(claim), separators=(",", ":"), ensure_ascii=False).encode()
    return f"{_text(said)}.{_text(_signature(said, key))}"


def read(token: str, key: bytes, now: str) -> Claim:
    """The claim in a token. Raises `Tampered` or `Expired`."""
    said, signature = _parts(token)
    if not hmac.compare_digest(signature, _signature(said, key)):
        raise Tampered("This link is not whole, or was not made by this Driftguard.")
    decision, choice, fingerprint, person, nonce, expires = json.loads(said)
    claim = Claim(decision, Choice(choice), fingerprint, person, nonce, expires)
    if now >= claim.expires:
        raise Expired(f"This link was good until {moment(claim.expires)}.")
    return claim


def url(base: str, claim: Claim, key: bytes) -> str:
    """The link itself. Opening it shows what would be decided; only the page's button votes."""
    return f"{base.rstrip('/')}/answer?t={sign(claim, key)}"


def for_decision(
    decision: Decision, base: str, key: bytes, *, person: str = LINK
) -> dict[Choice, str]:
    """The links under one message about an approval request, by choice.

    The same message made twice, because its first delivery failed, has the same links.
    """
    fields = (decision.id, decision.before, person, decision.expires)
    nonce = _text(_signature("\n".join(("nonce", *fields)).encode(), key)[:12])
    return {
        choice: url(
            base,
            Claim(decision.id, choice, decision.before, person, nonce, decision.expires),
            key,
        )
        for choice in Choice
    }


def _parts(token: str) -> tuple[bytes, bytes]:
    said, dot, signature = token.partition(".")
    try:
        if not dot or len(token) > LONGEST:
            raise ValueError("not two parts, or far too long")
        return _bytes(said), _bytes(signature)
    except ValueError as error:
        raise Tampered("This link is not whole: perhaps the mail cut it in two.") from error


def _signature(said: bytes, key: bytes) -> bytes:
    return hmac.new(key, _PURPOSE + said, hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """The bytes in a text of the URL-safe alphabet. Raises `ValueError` for any other spelling."""
    raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _text(raw) != text:
        raise ValueError("not the one spelling of these bytes")
    return raw
