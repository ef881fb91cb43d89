"""Proves that the record is unchanged since it was sealed, or names where it was changed.

Four things are compared: the chain of seals; each day's stored leaves with its root; each log with
itself, with its decision and with the leaves; and the day's index with the leaves. Somebody who
rewrites an entry must rewrite all of them, and every seal since; then only the published copy
(`published`) still differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .chain import Entry, Fault, Tampering, fault_in, later_format
from .items import AUDIT_FORMAT
from .merkle import root
from .seals import Leaf, Seal, Sealer, day_after
from .table import AuditTable

# How many decisions are read at a time.
_READERS = 8
# How many days are looked at where nothing is sealed yet.
_LOOK_BACK = 7


class Unknown(LookupError):
    """Neither the table nor any seal names this decision."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at, and what is wrong with it: the first fault found in each place."""

    days: tuple[str, ...] = ()
    decisions: int = 0
    entries: int = 0
    faults: tuple[Fault, ...] = ()
    unsealed: tuple[str, ...] = field(default=())

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies one audit table."""

    table: AuditTable

    @property
    def sealer(self) -> Sealer:
        """Where the seals are read."""
        return Sealer(self.table)

    def everything(self, today: str) -> Proof:
        """All sealed days, and what has been logged since the last seal."""
        seals = self.sealer.every()
        faults = list(faults_in_chain(seals))
        since = day_after(seals[-1].day) if seals else day_after(today, -_LOOK_BACK)
        heads = {day: self.sealer.heads(day) for day in _days(min(since, today), today)}
        # Yesterday may not be sealed yet; a day before it should be, if anything was logged then.
        late = [day for day in heads if day < day_after(today, -1) and (seals or heads[day])]
        if late:
            faults.append(Fault(Tampering.MISSING, "the day is not sealed", day=late[0]))
        unsealed = [leaf.decision for leaves in heads.values() for leaf in leaves]
        return self._prove(seals, faults, unsealed, tuple(heads))

    def day(self, day: str, published: str = "") -> Proof:
        """One sealed day: its place in the chain of seals, and every decision whose log grew."""
        seals = self.sealer.every()
        mine = [seal for seal in seals if seal.day == day]
        faults = [fault for fault in faults_in_chain(seals) if fault.day <= day_after(day)]
        if not mine:
            if not any(fault.day == day for fault in faults):
                faults.append(Fault(Tampering.MISSING, "the day is not sealed", day=day))
            return Proof((day,), faults=tuple(faults))
        if published and mine[0].hash != published:
            text = f"the seal is {mine[0].hash}, and {published} was published"
            faults.append(Fault(Tampering.EDITED, text, day=day))
        return self._prove(mine, faults)

    def decision(self, decision: str) -> Proof:
        """One decision: its log, and every seal that covers it. Raises `Unknown`."""
        seals = self.sealer.every()
        stored = self.table.partition(decision)
        _, log = fault_in(decision, stored)
        # Of a decision that was removed nothing says when it was: all seals are asked.
        days = {entry.day for entry in log}
        asked = [seal for seal in seals if not log or seal.day in days]
        leaves = {seal.day: self.sealer.leaves(seal) for seal in asked}
        points = {
            day: leaf
            for day, found in leaves.items()
            for leaf in found
            if leaf.decision == decision
        }
        if not stored and not points:
            raise Unknown(decision)
        return _summed(
            [self._decision(decision, points, _sealed(seals))], tuple(sorted(points)), []
        )

    # ------------------------------------------------------------------------------------

    def _prove(
        self,
        seals: Sequence[Seal],
        faults: list[Fault],
        unsealed: Iterable[str] = (),
        open_days: tuple[str, ...] = (),
    ) -> Proof:
        points: dict[str, dict[str, Leaf]] = {decision: {} for decision in unsealed}
        days = []
        for seal in seals:
            days.append(seal.day)
            leaves = self.sealer.leaves(seal)
            if root(map(str, leaves)) != seal.root or len(leaves) != seal.leaves:
                text = "the leaves stored with the seal do not lead to its root"
                faults.append(Fault(Tampering.EDITED, text, day=seal.day))
            for leaf in leaves:
                points.setdefault(leaf.decision, {})[seal.day] = leaf
            for leaf in self.sealer.heads(seal.day):
                points.setdefault(leaf.decision, {})
        sealed = _sealed(seals)
        with ThreadPoolExecutor(_READERS) as readers:
            found = readers.map(
                lambda item: self._decision(item[0], item[1], sealed), sorted(points.items())
            )
            return _summed(found, tuple(days), faults, open_days)

    def _decision(
        self, decision: str, points: Mapping[str, Leaf], sealed: frozenset[str]
    ) -> tuple[Fault | None, int]:
        """The first thing wrong with a decision, and how many entries its log has.

        A decision that is being written may look wrong for a moment, so it is looked at again.
        """
        for _ in range(2):
            fault, log = fault_in(decision, self.table.partition(decision))
            fault = fault or fault_against_seals(decision, log, points, sealed)
            if fault is None:
                break
        return fault, len(log)


def faults_in_chain(seals: Iterable[Seal]) -> Iterator[Fault]:
    """Seals that were edited, removed, or put in; oldest first."""
    before: Seal | None = None
    for seal in seals:
        if before is not None:
            expected = day_after(before.day)
            if seal.day != expected:
                yield Fault(Tampering.MISSING, "the seal of this day is missing", day=expected)
            elif seal.previous != before.hash:
                text = f"the seal does not follow that of {before.day}: one of them was made anew"
                yield Fault(Tampering.EDITED, text, day=seal.day)
        elif seal.previous:
            text = "the seals before this one are missing"
            yield Fault(Tampering.MISSING, text, day=seal.day)
        if seal.format > AUDIT_FORMAT:
            text = f"the seal is {later_format(seal.format)}"
            yield Fault(Tampering.UNREADABLE, text, day=seal.day)
        elif seal.hash != seal.expected_hash():
            yield Fault(Tampering.EDITED, "the seal was edited", day=seal.day)
        before = seal


def fault_against_seals(
    decision: str, log: Iterable[Entry], points: Mapping[str, Leaf], sealed: frozenset[str]
) -> Fault | None:
    """Where a log that holds together is not the one that was sealed.

    `points` are the leaves that name the decision, by their day.
    """
    entries = {entry.number: entry for entry in log}
    for day, leaf in sorted(points.items()):
        entry = entries.get(leaf.entry)
        if entry is None:
            text = f"entry {leaf.entry}, sealed on {day}, is missing"
            return Fault(Tampering.MISSING, text, decision, leaf.entry, day)
        if entry.hash != leaf.hash:
            text = (
                f"entry {leaf.entry} is not the one that was sealed on {day}: "
                "it, or one before it, was edited and hashed anew"
            )
            return Fault(Tampering.EDITED, text, decision, leaf.entry, day)
    for entry in entries.values():
        point = points.get(entry.day)
        if entry.day in sealed and (point is None or entry.number > point.entry):
            text = f"entry {entry.number} was added after its day, {entry.day}, was sealed"
            return Fault(Tampering.EXTRA, text, decision, entry.number, entry.day)
    return None


def _summed(
    found: Iterable[tuple[Fault | None, int]],
    days: tuple[str, ...],
    faults: list[Fault],
    unsealed: tuple[str, ...] = (),
) -> Proof:
    decisions = entries = 0
    for fault, length in found:
        decisions += 1
        entries += length
        if fault is not None:
            faults.append(fault)
    return Proof(days, decisions, entries, tuple(faults), unsealed)


def _sealed(seals: Iterable[Seal]) -> frozenset[str]:
    return frozenset(seal.day for seal in seals)


def _days(first: str, last: str) -> Iterator[str]:
    while first <= last:
        yield first
        first = day_after(first)
