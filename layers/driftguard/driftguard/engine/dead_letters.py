"""Signs what the guard dead-letters, so that nobody else's message is put back in its place.

The signature (HMAC-SHA256, with a key of the stack's own) covers the message as it was delivered,
the door that it came by, and why it was dead-lettered. `driftguard redrive` checks it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from driftguard.aws.calls import AwsError
from driftguard.aws.secrets_manager import BadSecret
from driftguard.logger import Logger

# Signed along with the message: no other signature under this key can be taken for one of these.
_PURPOSE = b"driftguard dead letter 1\n"
# How much of a value a message attribute holds, in characters.
_LONGEST = 1024

CHANGES = "changes"
COMMANDS = "commands"


class DeadLettered(NamedTuple):
    """What the guard dead-letters: the message, the door it came by, and why it is no good.

    `message` is the id that SQS gave the message when it was delivered to the guard.
    """

    body: str
    message: str
    door: str
    reason: str

    @classmethod
    def of(cls, body: str, message: str, door: str, reason: str) -> DeadLettered:
        """A message to be dead-lettered, as the queue of dead letters takes it."""
        known = message[:_LONGEST] or "unknown"
        return cls(body or "(empty)", known, door, reason[:_LONGEST])

    def attributes(self, key: bytes) -> dict[str, dict[str, str]]:
        """The attributes of the message in the queue; without a key, it is not signed."""
        values = {"message": self.message, "door": self.door, "reason": self.reason}
        if key:
            values["signature"] = self.signature(key)
        return {
            name: {"DataType": "String", "StringValue": value} for name, value in values.items()
        }

    def signature(self, key: bytes) -> str:
        """The signature under this key, in hexadecimal digits."""
        said = json.dumps([*self]).encode()
        return hmac.new(key, _PURPOSE + said, hashlib.sha256).hexdigest()


def is_own(body: str, values: Mapping[str, str], key: bytes) -> bool:
    """Whether the guard with this key dead-lettered this, with these values of attributes."""
    names = ("message", "door", "reason")
    letter = DeadLettered(body, *(values.get(name, "") for name in names))
    signature = values.get("signature", "").encode()
    return bool(key) and hmac.compare_digest(letter.signature(key).encode(), signature)


def key_of(read: Callable[[], bytes], logger: Logger) -> bytes:
    """The key to sign with; none where it cannot be read: unsigned is better than lost."""
    try:
        return read()
    except (AwsError, BadSecret) as error:
        logger.warning("a dead letter is not signed: %s", error)
        return b""
