"""Reads the stack's secrets from AWS Secrets Manager: signing keys, Slack's secrets, a salt.

Read at the first use and kept for a few minutes, so that a warm Lambda asks rarely and a rotated
secret is taken up without a deployment. (Not the salt: it is for good.) Nothing of a secret is ever
logged.
"""

from __future__ import annotations

import json
import time
from dataclasses import field

from driftguard.documents import Document
from driftguard.frozen import dataclass

from .calls import told_apart
from .client import Aws

# Seconds for which a secret that was read is good.
_KEPT = 300.0
# Bytes that a salt has at least: as many as the hash it is for.
_SALT = 32


class BadSecret(Exception):
    """A secret is malformed. The message names the secret, and never quotes it."""


@dataclass(frozen=True, slots=True)
class SlackSecret:
    """The bot token of a Slack app, and the secret that signs requests to it."""

    bot_token: str = field(repr=False)
    signing_secret: str = field(repr=False)


def salt_in(secret: str, aws: Aws) -> bytes:
    """The salt for fingerprints of exposed secrets.

    Raises `BadSecret` where it is too short to keep a short password from being guessed.
    """
    with told_apart("secretsmanager", "GetSecretValue"):
        answer = aws.client("secretsmanager").get_secret_value(SecretId=secret)
    salt = str(answer.get("SecretString", "")).encode()
    if len(salt) < _SALT:
        raise BadSecret(f"the secret {secret} is too short to fingerprint others with")
    return salt


@dataclass(frozen=True, slots=True)
class Secrets:
    """The stack's secrets, each by its ARN or name. No `slack_secret` means: no Slack.

    `key_secret` holds the key that one kind of thing is signed with: links, or dead letters.
    """

    aws: Aws
    key_secret: str
    slack_secret: str = ""
    _read: dict[str, tuple[float, str]] = field(default_factory=dict, repr=False)

    def signing_key(self) -> bytes:
        """The key to sign with. Raises `BadSecret` for one that is too short."""
        key = self._text(self.key_secret).encode()
        if len(key) < 32:
            raise BadSecret(f"the secret {self.key_secret} is too short to sign with")
        return key

    def slack(self) -> SlackSecret | None:
        """Slack's secrets; None where the stack has none."""
        if not self.slack_secret:
            return None
        return SlackSecret(*self.parts(self.slack_secret, "bot_token", "signing_secret"))

    def parts(self, secret: str, *names: str) -> list[str]:
        """The texts under these names in a secret that is a JSON object.

        Raises `BadSecret` where one of them is missing or empty.
        """
        try:
            found: Document = json.loads(self._text(secret))
            texts = [str(found[name] or "") for name in names]
        except (ValueError, KeyError, TypeError):
            # Not chained: the parser's own message quotes what it could not parse.
            texts = [""]
        if not all(texts):
            raise BadSecret(f"the secret {secret} must be JSON with {' and '.join(names)}")
        return texts

    def part(self, secret: str, name: str) -> str:
        """The text under a name that a secret may leave out; "" where it does."""
        try:
            return self.parts(secret, name)[0]
        except BadSecret:
            return ""

    def _text(self, secret: str) -> str:
        now = time.monotonic()
        read_at, text = self._read.get(secret, (-_KEPT, ""))
        if now - read_at >= _KEPT:
            with told_apart("secretsmanager", "GetSecretValue"):
                answer = self.aws.client("secretsmanager").get_secret_value(SecretId=secret)
            text = str(answer.get("SecretString", ""))
            self._read[secret] = (now, text)
        return text


@dataclass(frozen=True, slots=True)
class SaltIn:
    """The salt that is kept in a secret of AWS Secrets Manager, by its ARN or name."""

    secret: str

    def __call__(self, aws: Aws) -> bytes:
        # Only here: most changes hold no secret.
        from .secrets_manager import salt_in

        return salt_in(self.secret, aws)
