"""`driftguard audit`: what people and machines see of the record."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import time_machine
from click.testing import Result
from typer.testing import CliRunner

from driftguard.audit import AuditTable
from driftguard.audit.seals import Sealer
from driftguard.model import Actor, Choice, Decision, Status, Vote
from driftguard_cli.main import app
from tests.support.audit import a_decision, decided, group, moved
from tests.support.world import HERE

TODAY = datetime(2026, 11, 24, 0, 0, 1, tzinfo=UTC)


def stamp(days_ago: int = 0, seconds: float = 0) -> str:
    at = TODAY - timedelta(days=days_ago) + timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    """It is noon of that day: a run across midnight would have two days of its own."""
    with time_machine.travel(TODAY.replace(hour=12)):
        yield


@pytest.fixture
def deployed(table: AuditTable) -> AuditTable:
    """The table, as the output of a stack."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"AuditTable": {"Value": table.name}},
    }
    boto3.client("cloudformation").create_stack(
        StackName="driftguard", TemplateBody=json.dumps(template)
    )
    return table


@pytest.fixture
def decisions(deployed: AuditTable) -> list[Decision]:
    """One reverted two days ago, one asked about yesterday, one undone today."""
    first = decided(deployed, a_decision(1, stamp(2), done=1))
    first = moved(deployed, first, Status.REVERTED, stamp(2, 0.8))
    second = a_decision(2, stamp(1), status=Status.ASKED, quorum=2, resource=group("sg-2"))
    second = decided(deployed, second)
    third = a_decision(3, stamp(), severity=95, control="s3.public-acl", done=1)
    third = moved(deployed, decided(deployed, third), Status.REVERTED, stamp(0, 1))
    third = moved(deployed, third, Status.UNDOING, stamp(0, 2), event="undo-asked", by="bob")
    third = moved(deployed, third, Status.UNDONE, stamp(0, 3), note="exactly as before")
    Sealer(deployed).seal_until(stamp(1)[:10], stamp(), HERE)
    Sealer(deployed).seal_until(stamp()[:10], stamp(), HERE)
    return [first, second, third]


def told(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments], env={"COLUMNS": "200"})


def as_json(*arguments: str) -> Any:
    result = told(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def listed(*arguments: str) -> list[int]:
    return [int(one["decision"][3:], 16) for one in as_json("list", *arguments)]


def test_what_is_contained_is_listed_whenever_it_was(deployed: AuditTable) -> None:
    assert "Nothing is contained." in told("list", "--contained").stdout
    held = a_decision(7, stamp(40), control="containment.instance", done=1)
    moved(deployed, decided(deployed, held), Status.REVERTED, stamp(40, 1))
    released = a_decision(8, stamp(1), control="containment.instance", done=1)
    moved(deployed, decided(deployed, released), Status.UNDONE, stamp(1, 1))
    # It was safe already: nothing was done.
    safe = a_decision(9, stamp(1), control="containment.user")
    moved(deployed, decided(deployed, safe), Status.REVERTED, stamp(1, 1))
    assert listed("--contained") == [7]
    assert listed("--contained", "--control", "containment.user") == []
    assert listed("--contained", "--days", "3") == []
    assert "--status" in str(told("list", "--contained", "--status", "failed").exception)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], [3, 2, 1]),
        (["--days", "1"], [3]),
        (["--since", stamp(1)[:10]], [3, 2]),
        (["--since", stamp(1)[:10], "--until", stamp(1)[:10]], [2]),
        (["--until", stamp(1), "--since", "30d"], [2, 1]),
        (["--status", "asked"], [2]),
        (["--control", "s3.public-acl"], [3]),
        (["--min-severity", "90"], [3]),
        (["--resource", "sg-2"], [2]),
        (["--resource", group("sg-2").arn], [2]),
        (["--actor", "alice@example.com"], [3, 2, 1]),
        (["--account", "123456789012", "--resource-region", "us-east-1", "--limit", "2"], [3, 2]),
        (["--resource-region", "global"], []),
    ],
)
def test_list_filters(decisions: list[Decision], arguments: list[str], found: list[int]) -> None:
    assert listed(*arguments) == found


def test_list_says_when_there_are_more(decisions: list[Decision]) -> None:
    shown = told("list", "--limit", "2").stdout
    assert f"--until {decisions[1].decided}" in shown
    assert "There are more" not in told("list", "--limit", "3").stdout


def test_list_explains_how_it_found_them(decisions: list[Decision]) -> None:
    shown = told("list", "--status", "asked", "--min-severity", "50", "--explain").stdout
    assert "by-status: status = asked" in shown
    assert "severity >= 50" in shown
    explained = as_json("list", "--status", "asked", "--explain")
    assert explained["plan"]["index"] == "by-status"
    assert explained["usage"]["queries"] == 1
    assert len(explained["decisions"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--since", "yesterday"], "`yesterday` is not a time"),
        (["list", "--since", "2026-11-24", "--until", "2026-11-01"], "ends before it starts"),
        (["verify", "--day", "2026-13-01"], "is not a day"),
        (["verify", "--day", "2026-11-01", "--decision", "dg-1"], "not both"),
        (["verify", "--published", "ab"], "give --day too"),
        (["verify", "--decision", "dg-none"], "There is no decision dg-none"),
    ],
)
def test_what_cannot_be_asked_is_said(
    deployed: AuditTable, arguments: list[str], said: str
) -> None:
    result = told(*arguments)
    assert result.exit_code == 1
    assert said in str(result.exception)


# -------------------------------------------------------------------------------------- show


def test_show_tells_what_was_done_and_undone(decisions: list[Decision]) -> None:
    shown = told("show", decisions[2].id).stdout
    for words in ("undone", "✓ ec2:Revoke", "✓ undone by ec2:Authorize", "by bob", "+1.0 s"):
        assert words in shown
    assert "The log is whole." in shown
    assert "It is sealed" not in shown
    assert "It is sealed" in told("show", decisions[0].id).stdout


def test_show_tells_who_voted(deployed: AuditTable, decisions: list[Decision]) -> None:
    from dataclasses import replace

    vote = Vote("carol", Choice.ACCEPT, "slack", stamp(0, 5), "ab", reason="a test")
    answered = replace(decisions[1], votes=(vote,), updated=stamp(0, 5))
    deployed.append(answered, event="answered", note="keep via slack", by="carol")
    shown = told("show", decisions[1].id).stdout
    assert "Votes (2 needed)" in shown
    assert "carol votes accept via slack: a test" in shown
    assert as_json("show", decisions[1].id)["votes"][0]["person"] == "carol"


def test_a_decision_that_waits_for_aws_says_so(deployed: AuditTable) -> None:
    """Kind 6: it is neither failed nor done."""
    waiting = decided(deployed, a_decision(7, stamp(), settles_by=stamp(0, 600)))
    assert "reverting, waiting for AWS" in told("show", waiting.id).stdout
    assert "reverting, waiting for AWS" in told("list").stdout
    assert as_json("show", waiting.id)["settles_by"] == stamp(0, 600)


def test_show_prints_what_an_attacker_named_as_it_is(deployed: AuditTable) -> None:
    evil = Actor(session="arn:aws:sts::1:assumed-role/r/[red]eve[/red]", source="192.0.2.1")
    one = decided(deployed, a_decision(9, stamp(), actor=evil, resource=group("[bold]x")))
    assert "[red]eve[/red]" in told("show", one.id).stdout
    assert "[bold]x" in told("list").stdout


# ------------------------------------------------------------------------------------ verify


def test_verify_proves_a_whole_record(decisions: list[Decision]) -> None:
    shown = told("verify")
    assert shown.exit_code == 0
    assert "The record is whole: 3 decisions with 7 log entries, sealed on 2 days" in shown.stdout
    day = stamp(1)[:10]
    assert as_json("verify", "--day", day)["days"] == [day]
    assert as_json("verify", "--decision", decisions[0].id)["whole"]


def test_verify_names_what_was_edited(decisions: list[Decision]) -> None:
    boto3.client("dynamodb").update_item(
        TableName="audit",
        Key={"pk": {"S": decisions[0].id}, "sk": {"S": "log#0002"}},
        UpdateExpression="SET note = :n",
        ExpressionAttributeValues={":n": {"S": "nothing happened"}},
    )
    shown = told("verify")
    assert shown.exit_code == 1
    assert f"The record is broken: {decisions[0].id}: entry 2 was edited." in shown.stdout
    result = told("verify", "--json")
    assert result.exit_code == 1
    (fault,) = json.loads(result.stdout)["faults"]
    assert (fault["kind"], fault["decision"], fault["entry"]) == ("edited", decisions[0].id, 2)


def test_verify_compares_with_what_was_published(
    deployed: AuditTable, decisions: list[Decision]
) -> None:
    seal = Sealer(deployed).every()[-1]
    assert as_json("verify", "--day", seal.day, "--published", seal.hash)["whole"]
    shown = told("verify", "--day", seal.day, "--published", "0" * 64)
    assert shown.exit_code == 1
    assert "was published" in shown.stdout


# ------------------------------------------------------------------------------------ export


def test_export_writes_json_lines_oldest_first(decisions: list[Decision]) -> None:
    lines = [json.loads(line) for line in told("export").stdout.splitlines()]
    assert [one["decision"] for one in lines] == [one.id for one in decisions]


def test_export_writes_csv_that_no_spreadsheet_takes_for_a_formula(deployed: AuditTable) -> None:
    decided(deployed, a_decision(1, stamp(), summary='=HYPERLINK("http://evil")', reason="-1"))
    (row,) = csv.DictReader(io.StringIO(told("export", "--format", "csv").stdout))
    assert row["summary"] == '\'=HYPERLINK("http://evil")'
    assert row["reason"] == "'-1"
    assert row["calls"].startswith("ec2:RevokeSecurityGroupIngress")


def test_export_writes_ocsf_to_a_file(decisions: list[Decision], tmp_path: Path) -> None:
    to = tmp_path / "findings.jsonl"
    result = told("export", "--format", "ocsf", "--status", "asked", "--to", str(to))
    assert result.exit_code == 0
    (finding,) = map(json.loads, to.read_text().splitlines())
    assert (finding["class_uid"], finding["status"]) == (2004, "In Progress")
    assert "1 decision written" in result.stderr


# ------------------------------------------------------------------------------------- stats


def test_stats_count_per_day_and_control(decisions: list[Decision]) -> None:
    counted = as_json("stats", "--days", "3")
    assert [one["day"] for one in counted["days"]] == [stamp(2)[:10], stamp(1)[:10], stamp()[:10]]
    assert counted["days"][1]["statuses"] == {"asked": 1}
    assert counted["controls"][0] == {
        "control": "ec2.open-ingress",
        "statuses": {"reverted": 1, "asked": 1},
    }


def test_stats_are_drawn(decisions: list[Decision]) -> None:
    shown = told("stats", "--days", "3").stdout
    assert "█" in shown
    assert "1 undone" in shown


def test_stats_of_nothing(deployed: AuditTable) -> None:
    assert "No decisions in the last 14 days." in told("stats").stdout
