"""Counts what one change costs: AWS calls, and DynamoDB's request units, by really handling it.

moto plays the account, and does not meter: units follow from the requests and their answers.

Source: Amazon DynamoDB Developer Guide, "DynamoDB on-demand capacity mode" and "Read and write
operations" (a write unit takes 1 KB, twice as many in a transaction; a read unit 4 KB, half of one
where eventual consistency will do; an index takes a write of its own for each item with its key).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any
from unittest.mock import patch

import boto3
from botocore.client import BaseClient
from moto import mock_aws

from driftguard.model import Autonomy, Status
from driftguard.sweep.look import sweep
from tests.support.approving import Asked, approved
from tests.support.records import flat_ingress
from tests.support.world import REGION, Clock, World, make_tables, new_guard, table_properties

# How many resources the sweep is counted over.
_SWEPT = 20


@dataclass
class Meter:
    """What was asked of AWS meanwhile. Units are DynamoDB's; `stored` are bytes that were put."""

    calls: Counter[str] = field(default_factory=Counter)
    reads: float = 0.0
    writes: float = 0.0
    stored: int = 0

    def take(self, client: BaseClient, operation: str, asked: Mapping[str, Any], said: Any) -> None:
        """Counts one call."""
        service = client.meta.service_model.service_name
        self.calls[f"{service}:{operation}"] += 1
        if service == "dynamodb":
            self._meter(operation, asked, said)

    def _meter(self, operation: str, asked: Mapping[str, Any], said: Any) -> None:
        match operation:
            case "TransactWriteItems":
                for item in asked["TransactItems"]:
                    ((kind, write),) = item.items()
                    self._write(write["TableName"], write, twice=True, put=kind == "Put")
            case "PutItem" | "UpdateItem":
                self._write(asked["TableName"], asked, twice=False, put=operation == "PutItem")
            case "GetItem":
                self.reads += _read_units([said.get("Item", {})], consistent=_consistent(asked))
            case "BatchGetItem":
                for table, wanted in asked["RequestItems"].items():
                    found = [*said["Responses"].get(table, [])]
                    missing = [{}] * (len(wanted["Keys"]) - len(found))
                    consistent = _consistent(wanted)
                    self.reads += _read_units([*found, *missing], consistent=consistent)
            case "Query":
                size = sum(map(_size, said.get("Items", [])))
                self.reads += max(1, ceil(size / 4096)) * (1.0 if _consistent(asked) else 0.5)

    def _write(self, table: str, write: Mapping[str, Any], *, twice: bool, put: bool) -> None:
        item = write.get("Item") or {**write["Key"], **write.get("ExpressionAttributeValues", {})}
        size = _size(item)
        self.writes += max(1, ceil(size / 1024)) * (2 if twice else 1)
        self.stored += size if put else 0
        for index in table_properties()[table].get("GlobalSecondaryIndexes", ()):
            if all(key["AttributeName"] in item for key in index["KeySchema"]):
                self.writes += 1

    def for_one_of(self, several: int) -> dict[str, Any]:
        """What is kept of it, a resource or a change."""
        return {
            "calls": {name: count / several for name, count in sorted(self.calls.items())},
            "reads": round(self.reads / several, 2),
            "writes": round(self.writes / several, 2),
            "stored": round(self.stored / several),
        }


def _consistent(asked: Mapping[str, Any]) -> bool:
    return bool(asked.get("ConsistentRead"))


def _read_units(items: list[Mapping[str, Any]], *, consistent: bool) -> float:
    return sum(max(1, ceil(_size(item) / 4096)) for item in items) * (1.0 if consistent else 0.5)


def _size(item: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(value: Any) -> int:
    """The bytes of an attribute, near enough: a list's and a map's own are left out."""
    ((kind, held),) = value.items()
    match kind:
        case "M":
            return _size(held)
        case "L":
            return sum(map(_value, held))
        case "S" | "N":
            return len(str(held).encode())
        case "B":
            return len(held)
        case _:
            return len(json.dumps(held, default=str).encode()) if kind != "BOOL" else 1


@contextmanager
def metered() -> Iterator[Meter]:
    """Meters every call of this process meanwhile."""
    meter, original = Meter(), BaseClient._make_api_call

    def call(client: BaseClient, operation: str, asked: dict[str, Any]) -> Any:
        said = original(client, operation, asked)
        meter.take(client, operation, asked, said)
        return said

    with patch.object(BaseClient, "_make_api_call", call):
        yield meter


def counted(kind: str) -> dict[str, Any]:
    """What one change of a kind costs, or one resource that is swept a second time."""
    return _COUNTED[kind]()


def _harmless() -> dict[str, Any]:
    with _world() as world:
        change = flat_ingress(_group(), 22, "10.0.0.0/8")
        with metered() as meter:
            assert world.handle(change) == []
    return meter.for_one_of(1)


def _fine() -> dict[str, Any]:
    with _world() as world:
        change = flat_ingress(_group(), 22, "0.0.0.0/0")
        with metered() as meter:
            assert world.handle(change) == []
    return meter.for_one_of(1)


def _observed() -> dict[str, Any]:
    with _world() as world:
        guard = world.with_policy(
            lambda given: replace(given, autonomy={}, default=Autonomy.OBSERVE)
        )
        change = _opened()
        with metered() as meter:
            assert world.one(change, guard).status is Status.OBSERVED
    return meter.for_one_of(1)


def _reverted() -> dict[str, Any]:
    with _world() as world:
        change = _opened()
        with metered() as meter:
            assert world.one(change).status is Status.REVERTED
    return meter.for_one_of(1)


def _asked() -> dict[str, Any]:
    with _world() as world:
        group = _group()
        _open(group)
        with metered() as meter:
            request = Asked(world, group)
            assert approved(request.guard, request.decision).status is Status.REVERTED
    return meter.for_one_of(1)


def _swept() -> dict[str, Any]:
    from driftguard import controls

    with _world() as world:
        s3 = boto3.client("s3")
        for number in range(_SWEPT):
            s3.create_bucket(Bucket=f"wares-{number}")
        only = [controls.control("s3.versioning-suspended")]
        list(sweep(world.guard, REGION, only=only))
        with metered() as meter:
            looked_at = list(sweep(world.guard, REGION, only=only))
    return meter.for_one_of(len(looked_at))


_COUNTED = {
    "harmless": _harmless,
    "fine": _fine,
    "observed": _observed,
    "reverted": _reverted,
    "asked": _asked,
    "swept": _swept,
}
KINDS = tuple(_COUNTED)


@contextmanager
def _world() -> Iterator[World]:
    with mock_aws():
        make_tables()
        clock = Clock()
        yield World(new_guard(clock), clock)


def _group() -> str:
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    return str(made["GroupId"])


def _open(group: str) -> None:
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )


def _opened() -> Any:
    group = _group()
    _open(group)
    return flat_ingress(group, 22, "0.0.0.0/0")
