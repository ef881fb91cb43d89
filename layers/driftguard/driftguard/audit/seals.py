"""The daily seal: one root over the ends of all logs that grew on a day, chained to the day before.

A leaf says that a decision's log stood at this entry, with this hash, at the end of the day; and
because the log is a chain, it covers every entry before it too. The leaves of a day follow from
the log entries dated on it, which never change, and not from the decisions as they stand now: they
can be derived again at any time.

A seal's hash covers the root and the seal before it. It is kept in the table, under keys that only
the sealing role may write, and published, so that there is a copy where nobody with access to the
table can change it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from driftguard.aws.calls import AwsError, Client, told_apart
from driftguard.documents import digest, stamp, whole_number
from driftguard.model import Place
from driftguard.state.item_format import UnknownFormat, format_of, written_in

from .chain import LOG, later_format
from .items import AUDIT_FORMAT, Item
from .merkle import root
from .table import AuditTable

SEAL = "seal"
# What a seal's item holds under the seal's own names.
_TEXTS = ("account", "region", "root", "previous", "sealed", "hash")
# An item holds 400 KB; a leaf is a line of at most 110 bytes.
_LEAVES_AN_ITEM = 3000


@dataclass(frozen=True, slots=True, order=True)
class Leaf:
    """The last entry of a decision's log at the end of the day."""

    decision: str
    entry: int
    hash: str

    def __str__(self) -> str:
        """As it is hashed and stored: `dg-1f… 2 9c0e…`."""
        return f"{self.decision} {self.entry} {self.hash}"

    @classmethod
    def parsed(cls, line: str) -> Leaf:
        """The leaf in a stored line; one that is no leaf reads as an empty one."""
        decision, _, rest = line.partition(" ")
        entry, _, hash_ = rest.partition(" ")
        return cls(decision, whole_number(entry) or 0, hash_)


@dataclass(frozen=True, slots=True)
class Seal:
    """One day, sealed. `previous` is the hash of the seal of the day before, "" for the first.

    `account` and `region` are those of the guard whose record is sealed, `format` is the version of
    the format that the seal is stored in.
    """

    format: int
    account: str
    region: str
    day: str
    root: str
    leaves: int
    previous: str
    sealed: str
    hash: str = ""

    def expected_hash(self) -> str:
        """What `hash` must be."""
        place = [self.account, self.region]
        return digest(
            [self.format, *place, self.day, self.root, self.leaves, self.previous, self.sealed]
        )

    @property
    def leaves_key(self) -> str:
        """The partition that the day's leaves are kept in."""
        return f"{SEAL}#{self.day}"


def make_seal(place: Place, day: str, leaves: Sequence[Leaf], previous: str, sealed: str) -> Seal:
    """The seal over a day's leaves, in whatever order they come."""
    seal = Seal(
        format=AUDIT_FORMAT,
        account=place.account,
        region=place.region,
        day=day,
        root=root(map(str, sorted(leaves))),
        leaves=len(leaves),
        previous=previous,
        sealed=sealed,
    )
    return replace(seal, hash=seal.expected_hash())


def day_after(day: str, days: int = 1) -> str:
    """The day that many days later."""
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


@dataclass(frozen=True, slots=True)
class Sealed:
    """What came of a run: how many days it sealed, and the seals that it published."""

    made: int
    published: Sequence[Seal]


@dataclass(frozen=True, slots=True)
class Sealer:
    """Reads and writes the seals of an audit table."""

    table: AuditTable

    # --------------------------------------------------------------------------- sealing

    def seal_until(self, today: str, now: str, place: Place) -> list[Seal]:
        """Seals every day before today that is not sealed yet, oldest first.

        `place` is where the guard of the record stands. Raises `UnknownFormat` where the last
        seal is in a later format: what it covers is not known here.

        The first day ever sealed is yesterday. A day that is sealed already is left as it is, so
        that this may be run again at any time, also by two at once.
        """
        last = self.last()
        if last is not None and last.format > AUDIT_FORMAT:
            raise UnknownFormat(f"the seal of {last.day} is {later_format(last.format)}")
        day = day_after(last.day) if last else day_after(today, -1)
        made: list[Seal] = []
        while day < today:
            leaves = self.heads(day)
            seal = make_seal(place, day, leaves, last.hash if last else "", now)
            if not self._write(seal, leaves):
                return made
            made.append(seal)
            last, day = seal, day_after(day)
        return made

    def seal_and_publish(self, now: datetime, place: Place, client: Client, topic: str) -> Sealed:
        """Seals the days before this one and publishes their seals.

        Where all were sealed before, the last seal is published again: the run that made it may
        have died before it could.
        """
        made = self.seal_until(f"{now:%Y-%m-%d}", stamp(now), place)
        last = self.last()
        published = made or ([last] if last else [])
        for seal in published:
            publish(seal, client, topic)
        return Sealed(len(made), published)

    def heads(self, day: str) -> list[Leaf]:
        """The day's leaves as they follow from the log entries dated on it."""
        query = {
            "TableName": self.table.name,
            "IndexName": "by-logged",
            "KeyConditionExpression": "logged = :day",
            "ExpressionAttributeValues": {":day": {"S": day}},
        }
        heads: dict[str, Leaf] = {}
        for item in self.table.query(query):
            leaf = _leaf_of(item)
            before = heads.get(leaf.decision)
            if before is None or before.entry < leaf.entry:
                heads[leaf.decision] = leaf
        return sorted(heads.values())

    def _write(self, seal: Seal, leaves: Sequence[Leaf]) -> bool:
        """Writes the day's leaves and then its seal, which makes them count. False: it was there.

        Leaves are filed under the root that they lead to: what a sealing that died has left behind
        is never taken for another's.
        """
        for number, start in enumerate(range(0, len(leaves), _LEAVES_AN_ITEM), start=1):
            part = leaves[start : start + _LEAVES_AN_ITEM]
            self._put(
                {
                    "pk": seal.leaves_key,
                    "sk": f"{seal.root[:16]}#{number:04d}",
                    "account": seal.account,
                    "region": seal.region,
                    "leaves": "\n".join(map(str, part)),
                }
            )
        texts = {name: getattr(seal, name) for name in _TEXTS}
        return self._put({"pk": SEAL, "sk": seal.day, "count": str(seal.leaves), **texts})

    def _put(self, texts: Mapping[str, str]) -> bool:
        item = {name: {"S": value} for name, value in texts.items()}
        try:
            with told_apart("dynamodb", "PutItem"):
                self.table.client.put_item(
                    TableName=self.table.name,
                    Item={**item, **written_in(AUDIT_FORMAT)},
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except AwsError as error:
            if error.code != "ConditionalCheckFailedException":
                raise
            return False
        return True

    # --------------------------------------------------------------------------- reading

    def last(self) -> Seal | None:
        """The newest seal."""
        return next(self._seals(newest_first=True, limit=1), None)

    def every(self) -> list[Seal]:
        """All seals, oldest first."""
        return list(self._seals(newest_first=False))

    def leaves(self, seal: Seal) -> list[Leaf]:
        """The leaves that were stored with a seal."""
        query = {
            "TableName": self.table.name,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :root)",
            "ExpressionAttributeValues": {
                ":pk": {"S": seal.leaves_key},
                ":root": {"S": seal.root[:16] + "#"},
            },
            "ConsistentRead": True,
        }
        texts = (str(item.get("leaves", {}).get("S", "")) for item in self.table.query(query))
        return [Leaf.parsed(line) for text in texts for line in text.splitlines()]

    def _seals(self, *, newest_first: bool, limit: int = 0) -> Iterator[Seal]:
        query: dict[str, object] = {
            "TableName": self.table.name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": SEAL}},
            "ScanIndexForward": not newest_first,
            "ConsistentRead": True,
        }
        if limit:
            query["Limit"] = limit
        return (_seal_of(item) for item in self.table.query(query))


def _leaf_of(item: Item) -> Leaf:
    number = str(item["sk"]["S"]).removeprefix(LOG)
    hash_ = str(item.get("hash", {}).get("S", ""))
    return Leaf(str(item["pk"]["S"]), whole_number(number) or 0, hash_)


def _seal_of(item: Item) -> Seal:
    def text(name: str) -> str:
        return str(item.get(name, {}).get("S", ""))

    count = whole_number(text("count"))
    return Seal(
        format=format_of(item),
        day=text("sk"),
        leaves=-1 if count is None else count,
        **{name: text(name) for name in _TEXTS},
    )


# ------------------------------------------------------------------------------- publishing


def publish(seal: Seal, client: Client, topic: str) -> None:
    """Publishes a seal, for a copy outside the table. `kind` is an attribute to filter by."""
    machine = {
        "kind": SEAL,
        "format": seal.format,
        "account": seal.account,
        "region": seal.region,
        "day": seal.day,
        "root": seal.root,
        "leaves": seal.leaves,
        "previous": seal.previous,
        "sealed": seal.sealed,
        "hash": seal.hash,
    }
    text = "\n".join(
        [
            f"Driftguard's record of {seal.day} is sealed: {seal.leaves} logs grew that day.",
            "",
            f"Seal      {seal.hash}",
            f"Root      {seal.root}",
            f"Follows   {seal.previous or 'nothing: it is the first seal'}",
            "",
            "Keep this message: it proves the record of this day and of every day before it.",
            f"driftguard audit verify --day {seal.day} --published {seal.hash}",
        ]
    )
    with told_apart("sns", "Publish"):
        client.publish(
            TopicArn=topic,
            Subject=f"[Driftguard] the record of {seal.day} is sealed",
            Message=json.dumps({"default": json.dumps(machine), "email": text}),
            MessageStructure="json",
            MessageAttributes={"kind": {"DataType": "String", "StringValue": SEAL}},
        )
