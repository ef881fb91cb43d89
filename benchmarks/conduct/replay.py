"""Runs made-up days through the function's own code, over tables in memory."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from driftguard.aws.dynamodb import Key
from driftguard.conduct.asking import Asking
from driftguard.conduct.record import Pending
from driftguard.conduct.score import ASKED
from driftguard.conduct.watcher import Batch, Counts, Watcher
from driftguard.documents import Document
from driftguard.events.sighting import Sighting
from driftguard.model import Place
from driftguard.state.keys import StateRecord, StateRecords

from .account import ACCOUNT, REGION, Principal, ordinary

HERE = Place(ACCOUNT, REGION)


@dataclass
class Table:
    """The state table, in memory; `written` and `read` are units of DynamoDB."""

    place: Place = HERE
    records: dict[Key, StateRecord] = field(default_factory=dict)
    written: int = 0
    read: int = 0

    def recall(self, *keys: Key) -> StateRecords:
        found = {key: self.records[key] for key in keys if key in self.records}
        self.read += sum(_units(self.records.get(key), 4_096) for key in keys)
        return StateRecords(self.place, found)

    def record(self, key: Key) -> StateRecord:
        self.read += _units(self.records.get(key), 4_096)
        return self.records.get(key) or StateRecord(key)

    def put(self, record: StateRecord) -> StateRecord:
        stored = StateRecord(
            record.key, json.loads(json.dumps(record.document)), record.version + 1, record.expires
        )
        self.records[record.key] = stored
        self.written += _units(stored, 1_024)
        return stored


def _units(record: StateRecord | None, size: int) -> int:
    length = len(json.dumps(record.document, separators=(",", ":"))) if record else 0
    return max(1, -(-(length + 150) // size))


class Answers(StrEnum):
    """What people do with questions about what is ordinary.

    They accept each on the same day; or none, so that all expire; or the policy only has them told.
    """

    ACCEPT = "accept"
    NEVER = "never answer"
    OBSERVE = "are only told"


@dataclass
class People:
    """What is known of their answers: which principals' conduct they accepted, and when last."""

    accepted: dict[str, int] = field(default_factory=dict)

    def is_clean(self, principal: str, over: Pending) -> bool:
        if over.score < ASKED:
            return True
        on = self.accepted.get(principal)
        return on is not None and on >= over.day - 30


@dataclass
class Account:
    """An account that is watched: its table, its people, and what they were asked."""

    table: Table = field(default_factory=Table)
    people: People = field(default_factory=People)
    asked: list[tuple[int, str, int, str]] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    answers: Answers = Answers.ACCEPT
    at: datetime | None = None

    def take(self, at: datetime, sightings: Iterable[Sighting]) -> None:
        """Takes one batch."""
        self.at = at
        grouped: dict[str, list[Sighting]] = {}
        for one in sightings:
            grouped.setdefault(one.actor.principal, []).append(one)
        asking = Asking(observes=self.answers is Answers.OBSERVE)
        watcher = Watcher(self.table, self.people, self._send, lambda: at, asking)  # type: ignore[arg-type]
        messages = {who: [""] for who in grouped}
        watcher.take(Batch(grouped, messages, self.counts, set(grouped)))

    def _send(self, event: Document) -> None:
        detail = event["detail"]
        assert isinstance(detail, dict)
        identity, asked = detail["userIdentity"], detail["requestParameters"]
        who = identity["sessionContext"].get("sessionIssuer", {}).get("arn") or identity["arn"]
        reasons = ""
        for record in self.table.records.values():
            if record.key[1] == asked["record"]:
                said = record.document["unusual"][-1]
                reasons = "; ".join(said["reasons"])
        self.asked.append((asked["day"], who, asked["score"], reasons))
        if self.answers is Answers.ACCEPT:
            self.people.accepted[who] = asked["day"]

    def copy(self) -> Account:
        """The same account, for something else to happen to it."""
        return copy.deepcopy(self)

    def live(self, everybody: list[Principal], days: Iterable[int], rng: random.Random) -> None:
        """Lets ordinary days pass."""
        for day in days:
            batches = [batch for one in everybody for batch in ordinary(one, day, rng)]
            for at, sightings in sorted(batches, key=lambda batch: batch[0]):
                self.take(at, sightings)
