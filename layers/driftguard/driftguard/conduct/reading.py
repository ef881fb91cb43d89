"""Reads a principal's conduct for the guard, where it looks at it."""

from __future__ import annotations

from driftguard.aws.client import Aws
from driftguard.documents import Document
from driftguard.frozen import dataclass
from driftguard.model import Place
from driftguard.state.keys import conduct_key
from driftguard.state.table import StateTable


@dataclass(frozen=True, slots=True)
class ConductIn:
    """Gives the records of principals' conduct in a state table, by their sort keys."""

    table: str
    place: Place

    def __call__(self, aws: Aws, record: str) -> Document:
        """The record; an empty one where there is none."""
        pk, _ = conduct_key(self.place, self.place.account)
        return StateTable(aws, self.table, self.place).record((pk, record)).document
