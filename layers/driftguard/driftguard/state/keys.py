"""State records, and the keys that they are kept under.

A partition key is `<kind>#<account>#<region>`, and for some kinds more:
`trust#123456789012#eu-west-1`, `baseline#123456789012#eu-west-1#s3.versioning-suspended`. The kind
stands first, because IAM tells by it who may write what (`dynamodb:LeadingKeys` in the template).
What is too long for a key is cut (`cut_to_key_length`), so a key is never read as what it names.

Account and region (`Place`) are those of the resource where a record is about one resource
(`Resource.place`), and where the guard stands if a record is about a control or the whole guard.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from driftguard.aws.dynamodb import MOST_OF_SORT_KEY, Item, Key, cut_to_key_length
from driftguard.documents import Document, digest
from driftguard.frozen import dataclass
from driftguard.model import Place, Resource

from .item_format import UnknownFormat, must_be_known

# The version of the format that the items of the state table are written in.
STATE_FORMAT = 1

ALL = "all"

_FREEZE = "freeze"
# From how many bytes on a document is compressed, and how many it may have then.
# Source: Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB" (an item: 400 KB).
_PLAIN = 100_000
_MOST_PACKED = 350_000
# What a compressed document may open to: more was not written here.
_MOST_OPENED = 64_000_000


class TooLarge(ValueError):
    """A state record is too large to be kept; the message names it and its size."""


@dataclass(frozen=True, slots=True)
class StateRecord:
    """One remembered thing. `version` 0: not stored yet. `expires`: epoch seconds, 0 for never.

    `unreadable` says why its item could not be read, "" where it could: the document is empty then,
    but a freeze's, and whatever is written next is written over it.
    """

    key: Key
    document: Document = field(default_factory=dict)
    version: int = 0
    expires: int = 0
    unreadable: str = ""

    def saying(self, document: Document, *, expires: int = 0) -> StateRecord:
        """The record with other contents, to be written over this version of it."""
        return replace(self, document=document, expires=expires)


@dataclass(frozen=True, slots=True)
class StateRecords:
    """The state records that one read found; any other is an empty one.

    `place` is where the guard stands that they belong to.
    """

    place: Place
    records: Mapping[Key, StateRecord] = field(default_factory=dict)

    @classmethod
    def of(cls, place: Place, items: Iterable[Item]) -> StateRecords:
        """The state records in a table's items."""
        found = [record_of(item) for item in items]
        return cls(place, {record.key: record for record in found})

    def __getitem__(self, key: Key) -> StateRecord:
        return self.records.get(key) or StateRecord(key)


def partition(kind: str, place: Place, *names: str) -> str:
    """The partition key of this kind of item: `kind#account#region`, and the names after it.

    Raises `ValueError` for a place without account or region.
    """
    if not place.account or not place.region:
        raise ValueError(f"a key of kind {kind} needs an account and a region, and has {place}")
    return cut_to_key_length("#".join((kind, place.account, place.region, *names)))


def _sort(text: str) -> str:
    return cut_to_key_length(text, MOST_OF_SORT_KEY)


def freeze_key(place: Place, scope: str) -> Key:
    """Where a freeze is kept. `scope` is `all`, `account#<id>` or `control#<id>`."""
    return partition(_FREEZE, place), _sort(scope)


def freezes_of(place: Place) -> str:
    """The partition of all freezes of the guard that stands there."""
    return partition(_FREEZE, place)


def freeze_keys(place: Place, account: str, control: str) -> tuple[Key, ...]:
    """Where the freezes are that hold for a control in an account; the one for all comes first."""
    scopes = (ALL, f"account#{account}", f"control#{control}")
    return tuple(freeze_key(place, scope) for scope in scopes)


def circuit_breaker_key(place: Place) -> Key:
    """Where the reverts of the last window, and what has tripped, are kept."""
    return partition("circuit-breaker", place), "reverts"


def incident_key(place: Place, account: str, who: str) -> Key:
    """Where the open requests of one caller's current incident in an account are kept."""
    return partition("incident", place, account), digest(who)[:32]


def baselines_of(place: Place, control: str) -> str:
    """The partition that holds all baselines of a control in a place."""
    return partition("baseline", place, control)


def baseline_key(control: str, resource: Resource) -> Key:
    """Where the baseline of a resource is kept."""
    return baselines_of(resource.place, control), _sort(resource.arn)


def baseline_log_key(control: str, resource: Resource, version: int) -> Key:
    """Where one version of a baseline is kept for good."""
    return partition("baseline-log", resource.place, control, resource.arn), f"{version:08d}"


def round_key(place: Place) -> Key:
    """Where the progress of the sweep of an account and region is kept."""
    return partition("sweep", place), "round"


def overdue_key(place: Place) -> Key:
    """Where it is kept how far the sweep has come in looking for what is overdue."""
    return partition("sweep", place), "overdue"


def exemptions_key(place: Place, control: str) -> Key:
    """Where the exemptions that people gave at run time are kept."""
    return partition("exemption", place, control), ALL


def history_key(control: str, resource: Resource) -> Key:
    """Where a resource's history is kept: its reverts, and the approval request about it."""
    return partition("history", resource.place, control), _sort(resource.arn)


def anomaly_baseline_key(place: Place, account: str, control: str) -> Key:
    """Where the anomaly baseline of a control in an account is kept."""
    return partition("anomaly-baseline", place._replace(account=account)), _sort(control)


def trusted(place: Place) -> str:
    """The partition that holds the records of outcomes of all controls."""
    return partition("trust", place)


def trust_key(place: Place, control: str) -> Key:
    """Where a control's record of outcomes is kept."""
    return trusted(place), _sort(control)


def grants_key(place: Place) -> Key:
    """Where it is kept which controls were granted their reverts, and the answers until then."""
    return trusted(place), ALL


def rollout_key(place: Place, control: str, entry: str) -> Key:
    """Where the time is kept since when this version of a control's policy is in force."""
    return partition("rollout", place, control), _sort(entry)


def record_of(item: Item) -> StateRecord:
    """The state record in an item; an empty one that says why where it cannot be read.

    A freeze holds whatever of it can be read: people may write one by hand.
    """
    key = (str(item["pk"]["S"]), str(item["sk"]["S"]))
    is_freeze = key[0].startswith(f"{_FREEZE}#")
    what = f"the state record {' '.join(key)}"
    try:
        # By hand, whoever is in a hurry writes neither a format nor a version.
        if not (is_freeze and "format" not in item):
            must_be_known(item, STATE_FORMAT, what)
        document = json.loads(_opened(item) if "z" in item else str(item["doc"]["S"]))
        version = 1 if is_freeze and "v" not in item else int(str(item["v"]["N"]))
        expires = int(str(item["expires"]["N"])) if "expires" in item else 0
        if not isinstance(document, Mapping):
            raise TypeError("what it holds is no object")
    except UnknownFormat as error:
        return _junk(key, str(error))
    except (LookupError, TypeError, ValueError, zlib.error, RecursionError) as error:
        return _junk(key, f"{what} cannot be read: {error!r}")
    return StateRecord(key, document, version, expires)


def _junk(key: Key, why: str) -> StateRecord:
    """What stands for an item that cannot be read: a freeze that holds, or an empty record."""
    if key[0].startswith(f"{_FREEZE}#"):
        reason = {"reason": "its item cannot be read"}
        return StateRecord(key, reason, version=1, unreadable=why)
    return StateRecord(key, unreadable=why)


def item_of(record: StateRecord) -> dict[str, dict[str, object]]:
    """The item that holds the next version of a state record; compressed, if that is long.

    Raises `TooLarge`.
    """
    pk, sk = record.key
    item: dict[str, dict[str, object]] = {"pk": {"S": pk}, "sk": {"S": sk}}
    item["format"] = {"N": str(STATE_FORMAT)}
    said = _said(record)
    if len(said) <= _PLAIN:
        item["doc"] = {"S": said.decode()}
    else:
        item["z"] = {"B": _packed(record)}
    item["v"] = {"N": str(record.version + 1)}
    if record.expires:
        item["expires"] = {"N": str(record.expires)}
    return item


def is_storable(record: StateRecord) -> bool:
    """Whether a state record is small enough to be kept."""
    try:
        item_of(record)
    except TooLarge:
        return False
    return True


def _said(record: StateRecord) -> bytes:
    text = json.dumps(record.document, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate is no text that DynamoDB takes.
    return text.encode(errors="replace")


def _packed(record: StateRecord) -> bytes:
    said = _said(record)
    packed = zlib.compress(said)
    if len(packed) > _MOST_PACKED:
        raise TooLarge(
            f"the state record {' '.join(record.key)} holds {len(said):,} bytes, which is too much "
            "to be kept: what was recorded before stays"
        )
    return packed


def _opened(item: Item) -> str:
    packed = item["z"]["B"]
    if not isinstance(packed, bytes):
        raise ValueError("what it holds is no bytes")
    opener = zlib.decompressobj()
    opened = opener.decompress(packed, _MOST_OPENED)
    if not opener.eof:
        raise ValueError("what it holds is cut, or opens to too much")
    return opened.decode()


def named_by(arn: str, place: Place) -> Resource:
    """The resource with this ARN, if nothing else is known of it, for a guard in this place.

    An ARN may leave out its region (a bucket, everything of IAM): the changes of such a resource
    are logged where its guard stands.
    """
    parts = arn.split(":")
    region = parts[3] if len(parts) > 5 and parts[3] else place.region
    return Resource("", "", place.account, region, arn)
