"""Takes a batch of management events: remembers whose conduct they show, and has the guard look.

It writes by principal and not by event, and only what a batch adds: most batches of a principal add
nothing to what its day has shown. It decides nothing: what it sends is a hint, and what people are
asked about is bounded for each day, whatever arrives here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from driftguard.aws.dynamodb import Moved
from driftguard.documents import Document, parsed, text
from driftguard.events.sighting import Sighting, sighting_of
from driftguard.state.keys import StateRecord, StateRecords, conduct_key
from driftguard.state.table import StateTable

from . import asking
from . import record as records
from . import unusual as days
from .memory import day_of
from .past import Past
from .telling import event_of

# How often a record is worked out anew because somebody else has written it meanwhile.
_ROUNDS = 4


@dataclass(slots=True)
class Counts:
    """What came of a batch; `written` counts state records."""

    events: int = 0
    unread: int = 0
    principals: int = 0
    written: int = 0
    looks: int = 0
    over_budget: int = 0

    def as_document(self) -> dict[str, int]:
        """For the log."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch of messages shows of each principal, by its ARN, and which of them show it.

    What nobody could be compromised by, and what cannot be read, is in no message of a principal:
    it is not delivered again. `left` are the principals that are still to be taken.
    """

    sightings: Mapping[str, Sequence[Sighting]]
    messages: Mapping[str, Sequence[str]]
    counts: Counts
    left: set[str]

    @classmethod
    def of(cls, records: Iterable[Document], account: str) -> Batch:
        """The batch in the records that Lambda gives; only what was done in this account counts."""
        sightings: dict[str, list[Sighting]] = {}
        messages: dict[str, list[str]] = {}
        counts = Counts()
        for record in records:
            counts.events += 1
            try:
                sighting = sighting_of(parsed(text(record, "body")))
            except ValueError:
                counts.unread += 1
                continue
            if sighting is not None and sighting.account == account:
                who = sighting.actor.principal
                sightings.setdefault(who, []).append(sighting)
                messages.setdefault(who, []).append(text(record, "messageId"))
        counts.principals = len(sightings)
        return cls(sightings, messages, counts, set(sightings))

    def failed(self) -> list[str]:
        """The messages that must be delivered again."""
        return [message for who in sorted(self.left) for message in self.messages[who]]


@dataclass(frozen=True, slots=True)
class Watcher:
    """Watches the principals of the account that its state table's guard stands in.

    `send` puts an event into the queue of changes; `asking` says whom people can be asked about.
    """

    state: StateTable
    past: Past
    send: Callable[[Document], None]
    now: Callable[[], datetime]
    asking: asking.Asking

    def take(self, batch: Batch) -> None:
        """Takes what a batch shows of each principal; who could not be taken is left in it."""
        for _ in range(_ROUNDS):
            if batch.left:
                self._round(batch)

    def _round(self, batch: Batch) -> None:
        """Takes each once; those that somebody else has written meanwhile are left."""
        sightings = {who: batch.sightings[who] for who in sorted(batch.left)}
        counts = batch.counts
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
                return
        unusual_ones: list[tuple[str, StateRecord, days.Unusual]] = []
        for who, seen in sightings.items():
            record = found[keys[who]]
            document, unusual = records.taken(folded[who], everybody, seen, now)
            try:
                if document != record.document:
                    record = self.state.put(record.saying(document, expires=_expires(now)))
                    counts.written += 1
            except Moved:
                continue
            if unusual is not None:
                unusual_ones.append((who, record, unusual))
            else:
                batch.left.discard(who)
        # Whom people were not asked about for the longest comes first, and then the highest score.
        unusual_ones.sort(
            key=lambda one: (days.last_asked(one[1].document, day_of(now)), -one[2].score)
        )
        for who, record, unusual in unusual_ones:
            try:
                self._ask(record, unusual, counts)
            except Moved:
                continue
            batch.left.discard(who)

    def _folded(
        self,
        sightings: Mapping[str, Sequence[Sighting]],
        found: StateRecords,
        everybody: Document,
        day: int,
    ) -> tuple[Document, dict[str, Document]]:
        """The account's record and the principals', with the days that are over learned from."""
        folded: dict[str, Document] = {}
        for who in sightings:
            document = found[self._key(who)].document
            over = records.pending(document, day)
            if over is not None:
                clean = self.past.is_clean(who, over)
                document, everybody = records.folded(document, everybody, over, clean=clean)
            folded[who] = document
        return everybody, folded

    def _ask(self, record: StateRecord, unusual: days.Unusual, counts: Counts) -> None:
        """Has the guard look, where people can be asked or told, and the day has a place for it.

        The records say so first: the guard believes no event of which they do not. A look that is
        sent twice, because that it was sent could not be said, is one decision and takes one place.
        """
        manner = self.asking.manner(unusual.actor, unusual.score)
        if manner is asking.Manner.NOT:
            return
        day, sk = unusual.day, record.key[1]
        shared = self.state.record(self._everybody)
        places = asking.places(shared.document, day)
        if sk not in places:
            again = days.is_again(record.document, unusual)
            place = asking.place(places, manner, unusual.score, again=again)
            if not place:
                counts.over_budget += 1
                return
            self.state.put(shared.saying(asking.with_place(shared.document, day, sk, place)))
            counts.written += 1
        document, unusual = days.sending(record.document, unusual)
        if document != record.document:
            record = self.state.put(record.saying(document, expires=record.expires))
            counts.written += 1
        due = unusual.told(unusual.band)
        whose = due.actor if due is not None else unusual.actor
        self.send(event_of(unusual._replace(actor=whose), sk, self.state.place))
        counts.looks += 1
        document = days.sent(document, unusual)
        self.state.put(record.saying(document, expires=record.expires))
        counts.written += 1

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
