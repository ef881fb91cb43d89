"""What finding decisions costs, with a hundred thousand of them in the audit table.

    make bench            a table; exits 1 if a first page takes a second or anything scans
    make bench JSON=1     one JSON object; with --along, under `audit` in the one on stdin

Every filter of `driftguard audit list` is asked for its first page of 50. The table is a stand-in
that answers Query and BatchGetItem from SQLite, with a B-tree for each of the template's indexes,
DynamoDB's own limits (1 MB a page) and prices (half a unit per 4 KB of an index, one per 4 KB of an
item read consistently); anything else, a Scan above all, is an error. So the time is what our code
and the index take; on AWS each call adds its round trip of a few milliseconds.
"""

from __future__ import annotations

import argparse
import json
import math
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

from house import template
from rich.console import Console
from rich.table import Table

from driftguard.audit import AuditTable
from driftguard.audit.items import item_of
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.aws.client import GUARD, Aws
from driftguard.model import (
    Actor,
    Autonomy,
    Call,
    Candidate,
    Certainty,
    Decision,
    Plan,
    Resource,
    Ruling,
    Status,
    Step,
)

PAGE = 50
_ANSWER_BYTES = 1_000_000
_UNIT_BYTES = 4096
_END = datetime(2026, 11, 24, 12, tzinfo=UTC)
_DAYS = 365
ACCOUNTS = tuple(f"{n:012d}" for n in range(111111111111, 111111111121))
REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-2", "")
# Mostly people, one pipeline that does a third of it all, and the root user twice a year.
PEOPLE = tuple(f"person{n}@example.com" for n in range(200))
OUTCOMES = (
    *[Status.REVERTED] * 70,
    *[Status.OBSERVED] * 20,
    *[Status.DENIED] * 5,
    *[Status.UNDONE] * 3,
    Status.FAILED,
    Status.EXPIRED,
)


# ------------------------------------------------------------------------------ the decisions


def decisions(count: int) -> Iterator[Decision]:
    """A year of decisions, the same ones every time."""
    random = Random(1)
    kinds = [
        (f"{service}.control-{n}", random.randrange(20, 100))
        for service in ("ec2", "s3", "iam", "kms", "rds")
        for n in range(12)
    ]
    for number in range(count):
        control, severity = random.choice(kinds)
        account, region = random.choice(ACCOUNTS), random.choice(REGIONS)
        id_ = f"sg-{random.randrange(5000):017x}"
        resource = Resource(
            "security-group",
            id_,
            account,
            region,
            f"arn:aws:ec2:{region}:{account}:security-group/{id_}",
        )
        at = _END - timedelta(days=_DAYS) * (1 - number / count)
        yield _decision(number, control, severity, resource, _actor(random, account), at, random)


def _actor(random: Random, account: str) -> Actor:
    role, session = ("developer", random.choice(PEOPLE))
    if random.random() < 1 / 3:
        role, session = "pipeline", "deploy"
    if random.random() < 0.00002:
        root = f"arn:aws:iam::{account}:root"
        return Actor(root, root, "Root", account, "192.0.2.1", "console.amazonaws.com")
    return Actor(
        principal=f"arn:aws:iam::{account}:role/{role}",
        session=f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        kind="AssumedRole",
        account=account,
        source="192.0.2.1",
        agent="aws-cli/2.31 md/awscrt#0.27 ua/2.1 os/linux md/arch#x86_64 lang/python",
    )


def _decision(
    number: int,
    control: str,
    severity: int,
    resource: Resource,
    actor: Actor,
    at: datetime,
    random: Random,
) -> Decision:
    permissions = [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": "0.0.0.0/0"}
        for port in (22, 3389, 5432)
    ]
    call = Call(
        "ec2",
        "RevokeSecurityGroupIngress",
        {"GroupId": resource.id, "IpPermissions": permissions},
        on=(resource.arn,),
    )
    back = replace(call, operation="AuthorizeSecurityGroupIngress")
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Decision(
        id=f"dg-{random.getrandbits(96):024x}",
        control=control,
        title="A security group is open to the internet",
        severity=severity,
        candidate=Candidate(resource, Certainty.EVIDENT),
        change_id=f"{number:032x}",
        change_name="AuthorizeSecurityGroupIngress",
        change_time=stamp,
        actor=actor,
        status=random.choice(OUTCOMES) if number % 5000 else Status.ASKED,
        summary=f"{resource.id} lets the internet in on ports 22, 3389 and 5432",
        granted=Autonomy.REVERT,
        autonomy=Autonomy.REVERT,
        rulings=(Ruling("ceiling", Autonomy.REVERT, "the stack's ceiling is revert"),),
        plan=Plan((Step(call, (back,)),), untouched=("port 443 from everywhere",)),
        state={"rules": permissions},
        before="0123456789abcdef",
        decided=stamp,
        updated=stamp,
        version=2,
        head="0" * 64,
    )


# ------------------------------------------------------------------------------ the stand-in


@dataclass
class Standin:
    """Answers as DynamoDB would, from SQLite; counts what it charges.

    `indexes` are the template's by name, each with its key; `projected` is what they hold.
    """

    indexes: dict[str, str]
    projected: set[str]
    database: sqlite3.Connection = field(default_factory=lambda: sqlite3.connect(""))
    calls: list[str] = field(default_factory=list)
    units: float = 0.0

    @classmethod
    def of_the_template(cls) -> Standin:
        properties = template()["Resources"]["AuditTable"]["Properties"]
        indexes = {
            global_secondary_index["IndexName"]: global_secondary_index["KeySchema"][0][
                "AttributeName"
            ]
            for global_secondary_index in properties["GlobalSecondaryIndexes"]
            if global_secondary_index["KeySchema"][1]["AttributeName"] == "decided"
        }
        projected = {
            name
            for global_secondary_index in properties["GlobalSecondaryIndexes"]
            if global_secondary_index["IndexName"] in indexes
            for name in global_secondary_index["Projection"]["NonKeyAttributes"]
        }
        return cls(indexes, projected | {"pk", "sk", "decided"})

    def fill(self, count: int) -> None:
        keys = list(self.indexes.values())
        columns = ", ".join(f'"{key}" TEXT' for key in keys)
        told = f"pk TEXT PRIMARY KEY, decided TEXT, lean TEXT, item TEXT, {columns}"
        self.database.execute(f"CREATE TABLE items ({told})")
        marks = ", ".join("?" * (4 + len(keys)))
        self.database.executemany(
            f"INSERT INTO items VALUES ({marks})", map(self._row, map(item_of, decisions(count)))
        )
        for key in keys:
            self.database.execute(f'CREATE INDEX "by_{key}" ON items ("{key}", decided, pk)')
        self.database.execute("ANALYZE")
        self.database.commit()

    def _row(self, item: Mapping[str, Mapping[str, object]]) -> tuple[object, ...]:
        lean = {name: value for name, value in item.items() if name in self.projected}
        keys = [item.get(key, {}).get("S") for key in self.indexes.values()]
        return (item["pk"]["S"], item["decided"]["S"], json.dumps(lean), json.dumps(item), *keys)

    def some_resource(self) -> str:
        """The ARN of the resource that the last decision but one is about."""
        newest = "SELECT resource FROM items ORDER BY decided DESC LIMIT 1 OFFSET 1"
        return str(self.database.execute(newest).fetchone()[0])

    # What the library calls.

    def query(self, **asked: Any) -> dict[str, Any]:
        self.calls.append("Query")
        key = self.indexes[asked["IndexName"]]
        values = {
            name: next(iter(value.values()))
            for name, value in asked["ExpressionAttributeValues"].items()
        }
        forward = asked["ScanIndexForward"]
        where = [f'"{key}" = :key', "decided BETWEEN :since AND :until"]
        bound = {"key": values[":key"], "since": values[":since"], "until": values[":until"]}
        if start := asked.get("ExclusiveStartKey"):
            where.append(f"(decided, pk) {'>' if forward else '<'} (:at, :pk)")
            bound |= {"at": start["decided"]["S"], "pk": start["pk"]["S"]}
        order = "" if forward else " DESC"
        ordered = f"ORDER BY decided{order}, pk{order}"
        rows = self.database.execute(
            f"SELECT lean FROM items WHERE {' AND '.join(where)} {ordered}", bound
        )
        return self._page(rows, asked, values)

    def _page(
        self, rows: Iterator[tuple[str]], asked: Mapping[str, Any], values: Mapping[str, str]
    ) -> dict[str, Any]:
        items, scanned, size, last = [], 0, 0, None
        for (lean,) in rows:
            if scanned == asked["Limit"] or size > _ANSWER_BYTES:
                break
            item = json.loads(lean)
            scanned, size, last = scanned + 1, size + _size(item), item
            if _matches(item, asked, values):
                items.append(item)
        else:
            last = None
        units = math.ceil(size / _UNIT_BYTES) / 2
        self.units += units
        answer = {
            "Items": items,
            "Count": len(items),
            "ScannedCount": scanned,
            "ConsumedCapacity": {"CapacityUnits": units},
        }
        return answer | ({"LastEvaluatedKey": last} if last else {})

    def batch_get_item(self, **asked: Any) -> dict[str, Any]:
        self.calls.append("BatchGetItem")
        ((name, wanted),) = asked["RequestItems"].items()
        assert len(wanted["Keys"]) <= 100
        found = []
        for key in wanted["Keys"]:
            (text,) = self.database.execute(
                "SELECT item FROM items WHERE pk = ?", (key["pk"]["S"],)
            ).fetchone()
            found.append(json.loads(text))
            self.units += math.ceil(_size(found[-1]) / _UNIT_BYTES)
        return {"Responses": {name: found}}


def _matches(item: Mapping[str, Any], asked: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    names = asked["ExpressionAttributeNames"]
    for condition in filter(None, asked.get("FilterExpression", "").split(" AND ")):
        name, operator, value = condition.split()
        ((_, held),) = item.get(names[name], {"S": ""}).items()
        if operator == "=" and held != values[value]:
            return False
        if operator == ">=" and int(held) < int(values[value]):
            return False
    return True


def _size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """An item's size as DynamoDB counts it: names and values in UTF-8."""
    return sum(
        len(name) + len(str(next(iter(value.values()))).encode()) for name, value in item.items()
    )


# ------------------------------------------------------------------------------ the questions


def filters_asked(arn: str) -> dict[str, Filters]:
    """Each filter alone, and a few together. `arn` is of a resource that there is."""
    group = arn.rpartition("/")[2]
    week = (_END - timedelta(days=6)).date().isoformat()
    until = _END.date().isoformat()
    alone = {
        "the last 7 days": Filters(since=week),
        "a month, a year ago": Filters(since="2025-12-01"),
        "--account": Filters(account=ACCOUNTS[3]),
        "--region": Filters(region="eu-central-1"),
        "--region global": Filters(region="global"),
        "--resource ARN": Filters(resource=arn),
        "--resource id": Filters(resource=group),
        "--actor ARN": Filters(actor=f"arn:aws:iam::{ACCOUNTS[3]}:role/developer"),
        "--actor name": Filters(actor=PEOPLE[7]),
        "--control": Filters(control="kms.control-3"),
        "--status reverted": Filters(status="reverted"),
        "--status asked": Filters(status="asked"),
        "--min-severity 90": Filters(min_severity=90),
        "--min-severity 20": Filters(min_severity=20),
        "--control --status failed": Filters(control="kms.control-3", status="failed"),
        "--account --region --min-severity": Filters(
            account=ACCOUNTS[3], region="", min_severity=95
        ),
        "--actor pipeline --status failed": Filters(actor="deploy", status="failed"),
        "all at once": Filters(
            account=ACCOUNTS[3],
            region="us-east-1",
            control="kms.control-3",
            status="reverted",
            min_severity=10,
        ),
        "nothing matches": Filters(
            control="kms.control-3", region="us-east-1", actor="unattributed"
        ),
    }
    ends = {"a month, a year ago": "2025-12-31"}
    return {name: replace(filters, until=ends.get(name, until)) for name, filters in alone.items()}


def ask(standin: Standin, filters: Filters) -> dict[str, Any]:
    """Finds the first page, and says what it took."""
    aws = Aws()
    aws._clients[("dynamodb", "", GUARD)] = standin  # type: ignore[assignment]
    standin.calls.clear()
    standin.units = 0.0
    usage, how = Usage(), plan(filters)
    began = time.perf_counter()
    finder = Finder(AuditTable(aws, "audit"), usage)
    found = list(islice(finder.decisions(filters, how, page=PAGE), PAGE))
    return {
        "seconds": time.perf_counter() - began,
        "index": how.index,
        "found": len(found),
        "calls": len(standin.calls),
        "scans": standin.calls.count("Scan"),
        "index_items": usage.items_read,
        "decisions": usage.decisions_read,
        "units": standin.units,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--along", action="store_true", help="add to the JSON object on stdin")
    parser.add_argument("--decisions", type=int, default=100_000, help="how many are in the table")
    options = parser.parse_args()
    along = json.load(sys.stdin) if options.along else {}
    standin = Standin.of_the_template()
    began = time.perf_counter()
    standin.fill(options.decisions)
    filled = time.perf_counter() - began
    measured = {
        name: ask(standin, filters)
        for name, filters in filters_asked(standin.some_resource()).items()
    }
    met = all(answer["seconds"] < 1 and not answer["scans"] for answer in measured.values())
    if options.json:
        whole = {"decisions": options.decisions, "filled_seconds": filled, "filters": measured}
        sys.stdout.write(json.dumps({**along, "audit": whole | {"met": met}}, indent=2) + "\n")
    else:
        _print(options.decisions, filled, measured)
    others = not along.get("missed") and along.get("replay", {}).get("met", True)
    return 0 if met and others else 1


def _print(count: int, filled: float, measured: Mapping[str, Mapping[str, Any]]) -> None:
    console = Console(highlight=False, width=132)
    console.print(f"{count:,} decisions, written in {filled:.0f} s; first page of {PAGE}:")
    table = Table(box=None, header_style="bold")
    for name in ("filter", "index", "first page", "calls", "index items", "decisions", "found"):
        table.add_column(name, justify="left" if name in ("filter", "index") else "right")
    table.add_column("read units", justify="right")
    for name, answer in measured.items():
        numbers = (answer[key] for key in ("calls", "index_items", "decisions", "found"))
        ms = f"{answer['seconds'] * 1000:.0f} ms"
        table.add_row(
            name, answer["index"], ms, *(f"{n:,}" for n in numbers), f"{answer['units']:g}"
        )
    console.print(table)
    console.print("Scans: none.")


if __name__ == "__main__":
    sys.exit(main())
