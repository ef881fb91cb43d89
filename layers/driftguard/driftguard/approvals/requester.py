"""Who asks something of the guard, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass

from driftguard.model import Decision
from driftguard.policy.model import Person


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a vote or a request, in words for the person who made it."""

    counted: bool
    text: str
    decision: Decision | None = None


def not_named(identity: str) -> str:
    """Why somebody whom the policy does not know counts for nothing, and which line would help.

    `identity` is what the channel has verified: an ARN, or `slack` and a member's id.
    """
    channel, _, member = identity.rpartition(" ")
    key, value = ("slack", member) if channel == "slack" else ("iam", identity)
    return (
        f"{identity} is not among the policy's people: whoever keeps the policy can add "
        f"`- {{name: NAME, {key}: ['{value}']}}` to `people`"
    )


@dataclass(frozen=True, slots=True)
class Requester:
    """The person who asks for an undo, or agrees to an act.

    `identity` is what the channel has verified; `person` is the policy's person with that identity,
    None if there is none.
    """

    identity: str
    person: Person | None

    @property
    def name(self) -> str:
        """The name for the record."""
        return f"{self.person.name} ({self.identity})" if self.person else self.identity
