"""What is public by design, or sealed: none of it is a secret, whatever it looks like.

Keys that issuers give to every visitor of a page, pictures and other files in base64, checksums,
and secrets that were encrypted before they were written down.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from .blocks import Block

# (what the text must hold, form). A form with a group is public in that group.
_FORMS = (
    # A project key of PostHog, and one of Stripe, Clerk and Mapbox, stand in pages.
    ("phc_", r"\bphc_[A-Za-z0-9]{30,60}"),
    ("pk_", r"\bpk_(?:live|test)_[\w=$-]{16,200}"),
    ("pk.eyJ", r"\bpk\.eyJ[\w-]{20,200}\.[\w-]{10,60}"),
    ("sb_publishable_", r"\bsb_publishable_[\w-]{16,80}"),
    # A data source name of Sentry without the secret that it had of old.
    ("@", r"https?://[0-9a-f]{32}@[\w.-]{3,100}/\d{1,20}\b"),
    # A web key of Firebase says which project a page belongs to; rules decide who may do what.
    (
        "AIza",
        r"(?i:firebase|next_public|nuxt_public|react_app|expo_public|vite|gatsby)[\w.-]{0,40}"
        r"[\"']?\s{0,4}[:=]\s{0,4}[\"']?(AIza[\w-]{35})",
    ),
    # Files: PNG, JPEG, GIF, WebP, PDF, icons and fonts by their first bytes.
    (";base64,", r"data:[\w/+.-]{3,80}(?:;[\w=-]{1,40})*;base64,[A-Za-z0-9+/=\s]{8,}"),
    ("iVBORw0KGgo", r"iVBORw0KGgo[A-Za-z0-9+/\s]{16,}={0,2}"),
    ("/9j/", r"/9j/[24][A-Za-z0-9+/\s]{16,}={0,2}"),
    ("R0lGOD", r"R0lGOD[A-Za-z0-9+/\s]{16,}={0,2}"),
    ("UklGR", r"UklGR[A-Za-z0-9+/\s]{16,}={0,2}"),
    ("JVBERi0", r"JVBERi0[A-Za-z0-9+/\s]{16,}={0,2}"),
    ("AAABAA", r"\bAAABAA[A-Za-z0-9+/\s]{64,}={0,2}"),
    ("d09G", r"\bd09G[A-Za-z0-9][A-Za-z0-9+/\s]{64,}={0,2}"),
    # Checksums, as Subresource Integrity and container registries write them.
    ("sha", r"\bsha(?:1|224|256|384|512)[-:=][A-Za-z0-9+/_-]{20,128}={0,2}"),
    # Sealed: by AWS KMS, Bitnami's Sealed Secrets, SOPS, Vault's transit engine, Fernet, Ansible.
    ("AQICAH", r"\bAQICAH[A-Za-z0-9+/]{60,}={0,2}"),
    ("Ag", r"(?<![A-Za-z0-9+/])Ag[A-D][A-Za-z0-9+/]{200,}={0,2}"),
    ("ENC[", r"ENC\[[^][\n]{8,20000}\]"),
    ("vault:v", r"\bvault:v\d{1,4}:[A-Za-z0-9+/=]{20,}"),
    ("gAAAAA", r"\bgAAAAA[\w-]{60,}={0,2}"),
    ("$ANSIBLE_VAULT", r"\$ANSIBLE_VAULT;[\w.;-]{3,60}(?:\s{1,40}[0-9a-f]{2,80})+"),
)
_WEB_KEY = re.compile(r"AIza[\w-]{35}")
_JSON_WEB_TOKEN = re.compile(r"eyJ[\w-]{8,200}\.(eyJ[\w-]{8,2000})\.[\w-]{20,600}")
# What a configuration of Firebase for web pages holds.
_OF_FIREBASE = ("firebaseapp.com", "messagingSenderId")


def public(text: str) -> Iterator[Block]:
    """The parts of a text that are public or sealed."""
    for mark, form in _FORMS:
        if mark in text:
            for match in re.finditer(form, text):
                yield Block(*match.span(1 if match.lastindex else 0))
    if "AIza" in text and any(mark in text for mark in _OF_FIREBASE):
        for match in _WEB_KEY.finditer(text):
            yield Block(*match.span())
    if "eyJ" in text:
        for match in _JSON_WEB_TOKEN.finditer(text):
            if _is_anonymous(match[1]):
                yield Block(*match.span())


def _is_anonymous(body: str) -> bool:
    """Whether a token is for anybody, as the key that Supabase puts into pages is."""
    try:
        claims = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        return False
    return re.search(rb'"role"\s*:\s*"anon"', claims) is not None
