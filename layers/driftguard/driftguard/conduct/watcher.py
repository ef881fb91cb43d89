"""Takes a batch of management events: remembers whose conduct they show, and has the guard look.

It writes by principal and not by event, and only what a batch adds: most batches of a principal add
nothing to what its day has shown. It decides nothing: what it sends is a hint, and what people are
asked about is bounded for each day, whatever arrives here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from driftguard.aws.dynamodb import Moved
from driftguard.documents import Document, Json, mapping
from driftguard.events.cloudtrail import Unparsable
from driftguard.events.sighting import Sighting, sighting_of
from driftguard.state.keys import StateRecord, StateRecords, conduct_key
from driftguard.state.table import StateTable

from . import record as records
from .memory import day_of
from .past import Past
from .telling import event_of

# How many principals of an account people are asked about in a day, at most.
MOST_A_DAY = 5
# How often a record is worked out anew because somebody else has written it meanwhile.
_ROUNDS = 4


@dataclass(slots=True)
class Counts:
    """What came of a batch. `failed` are the principals whose events must come again."""

    events: int = 0
    unread: int = 0
    principals: int = 0
    written: int = 0
    looks: int = 0
    over_budget: int = 0
    failed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Watcher:
    """Watches the principals of the account that its state table's guard stands in.

    `send` puts an event into the queue of changes.
    """

    state: StateTable
    past: Past
    send: Callable[[Document], None]
    now: Callable[[], datetime]

    def take(self, sightings: Mapping[str, Sequence[Sighting]], counts: Counts) -> None:
        """Takes what was seen of each principal, by its ARN."""
        left = dict(sightings)
        counts.principals += len(left)
        for _ in range(_ROUNDS):
            left = self._round(left, counts)
            if not left:
                return
        counts.failed.update(left)

    def _round(
        self, sightings: Mapping[str, Sequence[Sighting]], counts: Counts
    ) -> dict[str, Sequence[Sighting]]:
        """Takes them once; those that somebody else has written meanwhile are left."""
        keys = {who: self._key(who) for who in sightings}
        found = self.state.recall(self._everybody, *keys.values())
        now = self.now()
        shared = found[self._everybody]
        everybody, folded = self._folded(sightings, found, shared.document, day_of(now))
        if everybody != shared.document:
            try:
                # Before the principals' own: whoever takes a day up again adds nothing twice.
                self.state.put(shared.saying(everybody))
                counts.written += 1
            except Moved:
                return dict(sightings)
        left: dict[str, Sequence[Sighting]] = {}
        for who, seen in sightings.items():
            record = found[keys[who]]
            document, unusual = records.taken(folded[who], everybody, seen, now)
            try:
                if document != record.document:
                    record = self.state.put(record.saying(document, expires=_expires(now)))
                    counts.written += 1
                if unusual is not None:
                    self._ask(record, unusual, now, counts)
            except Moved:
                left[who] = seen
        return left

    def _folded(
        self,
        sightings: Mapping[str, Sequence[Sighting]],
        found: StateRecords,
        everybody: Document,
        day: int,
    ) -> tuple[Document, dict[str, Document]]:
        """The account's record and the principals', with the days that are over learned from."""
        folded: dict[str, Document] = {}
        for who in sorted(sightings):
            document = found[self._key(who)].document
            over = records.pending(document, day)
            if over is not None:
                clean = self.past.is_clean(who, over)
                document, everybody = records.folded(document, everybody, over, clean=clean)
            folded[who] = document
        return everybody, folded

    def _ask(
        self, record: StateRecord, unusual: records.Unusual, now: datetime, counts: Counts
    ) -> None:
        """Has the guard look, unless people were asked about enough principals today.

        The record says that it was done only afterwards: a look that is sent twice is one decision.
        """
        day = day_of(now)
        shared = self.state.record(self._everybody)
        asked = mapping(shared.document, "asked")
        count = asked.get("count") if asked.get("day") == day else 0
        so_far = count if isinstance(count, int) else 0
        if so_far >= MOST_A_DAY:
            counts.over_budget += 1
            return
        self.send(event_of(unusual, record.key[1], self.state.place))
        counts.looks += 1
        more: Json = {"day": day, "count": so_far + 1}
        self.state.put(shared.saying({**shared.document, "asked": more}))
        document = records.asked(record.document, day)
        self.state.put(record.saying(document, expires=record.expires))
        counts.written += 2

    @property
    def _everybody(self) -> tuple[str, str]:
        return conduct_key(self.state.place, self.state.place.account)

    def _key(self, who: str) -> tuple[str, str]:
        return conduct_key(self.state.place, self.state.place.account, who)


# A principal that was not seen for so long, in seconds, is forgotten: all of it has faded.
_FORGOTTEN = 240 * 86_400


def _expires(now: datetime) -> int:
    """When a record ends that was written today; the same for a week, so as not to be news."""
    return (int(now.timestamp()) // (7 * 86_400) + 1) * 7 * 86_400 + _FORGOTTEN


def by_principal(
    messages: Mapping[str, Json], account: str, counts: Counts
) -> tuple[dict[str, list[Sighting]], dict[str, list[str]]]:
    """What messages show of each principal of the account, and which messages show it."""
    seen: dict[str, list[Sighting]] = {}
    shown_by: dict[str, list[str]] = {}
    for id_, event in messages.items():
        counts.events += 1
        try:
            sighting = sighting_of(event)
        except Unparsable:
            counts.unread += 1
            continue
        if sighting is not None and sighting.account == account:
            seen.setdefault(sighting.actor.principal, []).append(sighting)
            shown_by.setdefault(sighting.actor.principal, []).append(id_)
    return seen, shown_by
