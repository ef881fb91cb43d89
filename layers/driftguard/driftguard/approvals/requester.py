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
