"""The shapes that a record comes in, other than a trail's own."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from driftguard_cli.commands.replay.rows import record_in_row, structure
from tests.support.each import each
from tests.support.histories import EC2, described, json_lines, opened, replayed
from tests.support.records import envelope, nested_ingress, permission, record


def table(*rows: dict[str, str]) -> str:
    """CSV as the consoles write it."""
    made = io.StringIO()
    writer = csv.DictWriter(made, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return made.getvalue()


OPENED = json.dumps(opened())


@each(
    "content",
    [
        pytest.param(OPENED, id="one record"),
        pytest.param(json.dumps(opened(), indent=2), id="one record over many lines"),
        pytest.param(json.dumps({"Records": [opened()]}, indent=2), id="log file, pretty"),
        pytest.param(json.dumps({"Records": [opened()]}) + "\n", id="log file, spaced"),
        pytest.param(json.dumps([described(), opened()]), id="list"),
        pytest.param("\n".join(json.dumps(o, indent=1) for o in (described(), opened())), id="jq"),
        pytest.param("\n\n" + OPENED + "\r\n\r\n", id="blank lines"),
        pytest.param("\ufeff" + OPENED, id="byte order mark"),
        pytest.param(json.dumps(envelope(opened())), id="EventBridge"),
        pytest.param(
            json.dumps({"Events": [{"EventId": "e", "CloudTrailEvent": OPENED}]}),
            id="lookup-events",
        ),
        pytest.param(json.dumps({"QueryResultRows": [[{"eventJson": OPENED}]]}), id="Lake, API"),
        pytest.param(json.dumps({"eventJson": OPENED}) + "\n", id="Lake, lines"),
        pytest.param(table({"eventTime": "x", "eventJson": OPENED}), id="Lake, CSV"),
        pytest.param(table({"EVENTJSON": OPENED}), id="Lake, CSV, other case"),
        pytest.param(
            json.dumps(
                {"results": [[{"field": "@message", "value": OPENED}]], "status": "Complete"}
            ),
            id="Logs Insights, API",
        ),
        pytest.param(
            json.dumps([{"@message": opened(), "@timestamp": "x"}]), id="Logs Insights, JSON"
        ),
        pytest.param(table({"@timestamp": "x", "@message": OPENED}), id="Logs Insights, CSV"),
        pytest.param(
            json.dumps({"events": [{"message": OPENED, "timestamp": 1}]}), id="filter-log-events"
        ),
    ],
)
@each("packed", [False, True])
def test_a_record_is_found_however_it_is_wrapped(
    tmp_path: Path, content: str, packed: bool
) -> None:
    path = tmp_path / "history"
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    said = replayed(path)
    assert (said.groups, said.exit_code) == (["sg-1"], 0)


def test_gzip_files_one_after_the_other_are_one(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl.gz"
    parts = [gzip.compress(json_lines([opened(f"sg-{n}")]).encode()) for n in range(3)]
    path.write_bytes(b"".join(parts) + b"\0\0")
    assert replayed(path).groups == ["sg-0", "sg-1", "sg-2"]


def test_a_log_file_may_hold_what_looks_like_the_next_record(tmp_path: Path) -> None:
    inner = [{"a": 1}, {"eventVersion": "1.0"}]
    odd = record(EC2, "CreateTags", {"events": inner, "text": '},{"eventVersion":'})
    whole = {"Records": [opened("sg-1"), odd, opened("sg-2")], "more": []}
    path = tmp_path / "t.json"
    path.write_text(json.dumps(whole, separators=(",", ":")))
    said = replayed(path)
    assert (said.groups, said.exit_code) == (["sg-1", "sg-2"], 0)
    assert "3 records read" in said.errors


class TestFlattened:
    """Rows without the whole record: CloudTrail Lake's maps, Logs Insights' dotted names."""

    row = {
        "eventVersion": "1.10",
        "userIdentity": (
            "{type=AssumedRole, principalid=AROA:x, accountid=123456789012, "
            "arn=arn:aws:sts::123456789012:assumed-role/d/x, sessioncontext={attributes="
            "{creationdate=2026-11-24 12:00:00.000, mfaauthenticated=false}, sessionissuer="
            "{type=Role, arn=arn:aws:iam::123456789012:role/d}, webidfederationdata=null}, "
            "invokedby=null}"
        ),
        "eventTime": "2026-11-24 12:00:00.000",
        "eventSource": EC2,
        "eventName": "AuthorizeSecurityGroupIngress",
        "awsRegion": "us-east-1",
        "errorCode": "",
        "requestParameters": (
            '{groupId=sg-1, ipPermissions={"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,'
            '"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0","description":"a, b=c"}]}}]}}'
        ),
        "responseElements": "{requestId=e91, _return=true}",
        "eventID": "e-1",
        "readOnly": "false",
        "recipientAccountId": "123456789012",
    }

    @pytest.mark.parametrize("lower", [False, True])
    def test_a_row_of_lake_is_put_together(self, tmp_path: Path, lower: bool) -> None:
        row = {k.lower() if lower else k: v for k, v in self.row.items()}
        path = tmp_path / "result_1.csv.gz"
        path.write_bytes(gzip.compress(table(row).encode()))
        said = replayed(path)
        assert [(f["event_time"], f["certainty"]) for f in said.findings] == [
            ("2026-11-24T12:00:00Z", "evident")
        ]
        assert "role/d" in replayed(path, table=True).told

    def test_a_row_of_the_api_is_put_together(self, tmp_path: Path) -> None:
        path = tmp_path / "rows.json"
        cells = [{name: value} for name, value in self.row.items()]
        path.write_text(json.dumps({"QueryResultRows": [cells, cells], "QueryStatus": "FINISHED"}))
        assert replayed(path).groups == ["sg-1"]

    def test_a_failed_call_is_failed_here_too(self, tmp_path: Path) -> None:
        path = tmp_path / "r.csv"
        path.write_text(table({**self.row, "errorCode": "Client.Denied", "readOnly": "true"}))
        assert "1 skipped (1 read-only)" in replayed(path).errors

    def test_dotted_names_are_objects(self) -> None:
        row = {
            "eventName": "AuthorizeSecurityGroupIngress",
            "userIdentity.arn": "arn:aws:iam::123456789012:user/alice",
            "requestParameters.groupId": "sg-1",
            "requestParameters.ipPermissions.items.0.toPort": "22",
            "requestParameters.ipPermissions.items.1.toPort": "23",
            "responseElements.requestId": "",
        }
        assert record_in_row(row) == {
            "eventName": "AuthorizeSecurityGroupIngress",
            "userIdentity": {"arn": "arn:aws:iam::123456789012:user/alice"},
            "requestParameters": {
                "groupId": "sg-1",
                "ipPermissions": {"items": [{"toPort": "22"}, {"toPort": "23"}]},
            },
            "responseElements": {},
        }

    @pytest.mark.parametrize(
        ("printed", "meant"),
        [
            ("{}", {}),
            ("", None),
            ("HIDDEN_DUE_TO_SECURITY_REASONS", "HIDDEN_DUE_TO_SECURITY_REASONS"),
            ('{"groupId": "sg-1"}', {"groupId": "sg-1"}),
            ("{a=null, b=x, y, c={}}", {"a": None, "b": "x, y", "c": {}}),
            (
                '{policyDocument={"Version":"x"}, a=1}',
                {"policyDocument": '{"Version":"x"}', "a": "1"},
            ),
            ('{bucketPolicy={"Version":"x"}}', {"bucketPolicy": {"Version": "x"}}),
            ("{a={b={c=1}}, d=2}", {"a": {"b": {"c": "1"}}, "d": "2"}),
            ("{description=odd } text}", {"description": "odd } text"}),
            ("{no pairs at all}", "{no pairs at all}"),
            ("{a=1", "{a=1"),
        ],
    )
    def test_a_printed_map_is_read(self, printed: str, meant: Any) -> None:
        assert structure(printed) == meant


def test_nested_permissions_survive_as_they_are(tmp_path: Path) -> None:
    change = nested_ingress("sg-7", permission(22, "0.0.0.0/0"))
    path = tmp_path / "t.jsonl"
    path.write_text(json_lines([record(EC2, change.name, dict(change.request))]))
    assert replayed(path).groups == ["sg-7"]
