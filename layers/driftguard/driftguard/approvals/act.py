"""What an operator asks of the guard, as values: the act, who agrees to it, and its effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from driftguard.documents import Document, Json, digest, stamp, text
from driftguard.model import Plan
from driftguard.state import freezes
from driftguard.state.keys import StateRecord

CONTROL = "driftguard.operator"
FREEZES = freezes.ACTS
# The kind of an actor whose name is only what a freeze's state record says.
UNPROVEN = "Unproven"
# The act that has a revert undone, where that needs more than one person.
UNDO = "undo"
# The act that has all reverts of an incident undone.
RELEASE = "release"
LONGEST_REASON = 1000


class Unfit(ValueError):
    """An act that cannot be done as asked; the message tells the operator why."""


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator asks for: its kind, its arguments, and the operator (`identity`: an ARN).

    `agreed` are the others who agree to it, each by name and ARN.
    """

    kind: str
    said: Document
    person: str
    identity: str
    at: datetime
    agreed: tuple[tuple[str, str], ...] = ()

    @property
    def people(self) -> Iterator[tuple[str, str]]:
        """Everybody who stands for the act, each by name and ARN."""
        yield self.person, self.identity
        yield from self.agreed

    @property
    def id(self) -> str:
        """The id of the decision that records the act.

        Whoever wants the same undone, as the record has it, asks for the same act.
        """
        asked: list[Json] = [self.kind, self.identity, stamp(self.at), self.said]
        if self.kind == UNDO:
            asked = [self.kind, self.said.get("decision"), self.said.get("outcome")]
        elif self.kind == RELEASE:
            asked = [self.kind, self.said.get("incident"), self.said.get("members")]
        return "dg-" + digest(asked)[:24]

    @property
    def by(self) -> str:
        """Everybody who stands for the act, as the record names them."""
        return " and ".join(
            f"{name} ({identity})" if name else identity for name, identity in self.people
        )

    @property
    def reason(self) -> str:
        """The operator's reason. Raises `Unfit` if there is none."""
        reason = text(self.said, "reason")[:LONGEST_REASON]
        if not reason:
            raise Unfit("Say why: the record asks for a `reason`.")
        return reason


@dataclass(frozen=True, slots=True)
class Made:
    """A change that led to a state: its decision, its maker, and whether that is the caller."""

    decision: str
    who: str
    own: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The effects of an act: a line for people, state records to write, and its subject.

    `state` is all that people agree to; `ends` is when the effect ends by itself (ISO 8601, UTC).
    `plan` are the calls that an undo makes.
    """

    title: str
    summary: str
    records: tuple[StateRecord, ...]
    resource: str
    state: Document
    ends: str = ""
    plan: Plan = Plan(())
