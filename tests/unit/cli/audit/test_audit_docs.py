"""The queries in docs/audit.md run as they stand there, and name what there is."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import boto3
import pytest

from driftguard.audit import AuditTable, Entry
from driftguard.audit.chain import entry_item, next_entry
from driftguard.audit.items import item_of
from tests.support.audit import a_decision, decided
from tests.support.world import ROOT, table_properties

DOCS = (ROOT / "docs" / "audit.md").read_text()
COMMANDS = re.findall(r"^(aws dynamodb query .*?[^\\])$", DOCS, re.M | re.S)
_JSON = {"expression_attribute_names", "expression_attribute_values"}


def parameters(command: str) -> dict[str, Any]:
    """The command's options as boto3 takes them."""
    words = iter(shlex.split(command.replace("\\\n", " "))[3:])
    given: dict[str, Any] = {}
    for word in words:
        name = word.removeprefix("--").replace("-", "_")
        if name == "no_scan_index_forward":
            given["ScanIndexForward"] = False
        elif name == "consistent_read":
            given["ConsistentRead"] = True
        elif name == "max_items":
            given["Limit"] = int(next(words))
        else:
            value = next(words)
            key = "".join(part.capitalize() for part in name.split("_"))
            given[key] = json.loads(value) if name in _JSON else value
    return given | {"TableName": "audit"}


@pytest.mark.parametrize("command", COMMANDS, ids=[str(n) for n in range(len(COMMANDS))])
def test_a_query_of_the_docs_runs(table: AuditTable, command: str) -> None:
    decided(table, a_decision())
    boto3.client("dynamodb").query(**parameters(command))


def test_there_are_queries_in_the_docs() -> None:
    assert len(COMMANDS) == 5


def test_partiql_names_the_key_of_the_index_it_reads() -> None:
    keys = {
        one["IndexName"]: one["KeySchema"][0]["AttributeName"]
        for one in table_properties()["audit"]["GlobalSecondaryIndexes"]
    }
    statements = re.findall(r'FROM "AUDIT_TABLE"\."([\w-]+)"\s+WHERE "?(\w+)"? =', DOCS)
    assert len(statements) == 2
    assert all(keys[index] == attribute for index, attribute in statements)


def test_athenas_columns_are_attributes_of_items() -> None:
    columns = re.findall(r"^    (\w+): struct<([sn]): string>", DOCS, re.M)
    item = item_of(a_decision()) | entry_item("dg-1", _entry())
    assert len(columns) > 20
    for name, kind in columns:
        assert kind.upper() in item[name], name


def _entry() -> Entry:
    return next_entry(a_decision(version=1), event="decided", note="", by="guard")


def test_the_docs_name_every_index() -> None:
    for one in table_properties()["audit"]["GlobalSecondaryIndexes"]:
        assert f"`{one['IndexName']}`" in DOCS
