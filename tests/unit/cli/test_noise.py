"""`driftguard noise`: what people would be asked and told over a history."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.organization import history
from click.testing import Result
from typer.testing import CliRunner

from driftguard.policy.model import Policy
from driftguard_cli.commands.noise.counts import Counts
from driftguard_cli.commands.noise.labels import Labels, read
from driftguard_cli.errors import Trouble
from driftguard_cli.main import app
from tests.support.histories import described, json_lines, opened
from tests.support.records import record, session_of

POLICY = "version: 1\ndefaults: {autonomy: ask}\n"
ROLE = "arn:aws:iam::123456789012:role/deployer"


@pytest.fixture
def asking(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def told(tmp_path: Path, policy: Path, *records: Any, options: tuple[str, ...] = ()) -> Result:
    written = tmp_path / "history.jsonl"
    written.write_text(json_lines(records))
    called = ["noise", "--history", str(written), "--policy", str(policy), *options]
    return CliRunner().invoke(app, called)


def figures(tmp_path: Path, policy: Path, *records: Any, **options: Path) -> dict[str, Any]:
    given = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    result = told(tmp_path, policy, *records, options=(*given, "--json"))
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def imported(**more: Any) -> dict[str, Any]:
    return record("ec2.amazonaws.com", "ImportKeyPair", {"keyName": "ops"}, **more)


def test_what_has_a_remediation_is_asked_and_what_has_none_is_told(
    tmp_path: Path, asking: Path
) -> None:
    later = {"eventTime": "2026-11-25T09:00:00Z"}
    found = figures(tmp_path, asking, opened("sg-1"), imported(), described(**later))
    assert found["days"] == 2
    assert found["controls"]["ec2.open-ingress"]["asked"] == 1
    assert found["controls"]["ec2.key-imported"] == {
        "asked": 0,
        "perhaps_asked": 0,
        "reverted": 0,
        "told": 1,
        "perhaps_told": 0,
    }
    assert (found["asked_a_day"], found["told_a_day"]) == (0.5, 0.5)
    assert "precision" not in found


def test_changes_of_one_caller_within_minutes_are_one_incident(
    tmp_path: Path, asking: Path
) -> None:
    def at(minute: int, session: str) -> dict[str, Any]:
        identity = session_of(ROLE)
        identity["arn"] = identity["arn"].replace("/session", f"/{session}")
        identity["accessKeyId"] = f"ASIA{session}"
        time = f"2026-11-24T12:{minute:02}:00Z"
        return opened(f"sg-{minute}{session}", eventTime=time, userIdentity=identity)

    records = [at(0, "a"), at(14, "a"), at(28, "a"), at(44, "a"), at(1, "b")]
    found = figures(tmp_path, asking, *records)
    assert found["controls"]["ec2.open-ingress"]["asked"] == 5
    assert found["incidents"] == 3


def test_with_labels_it_says_how_much_is_right_and_what_is_missed(
    tmp_path: Path, asking: Path
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "eventID,risky\nopen,yes\nmeant,no\nkey,yes\nmissed,yes\nmeant,no\nboth,no\nboth,yes\n"
    )
    records = [
        opened("sg-1", eventID="open"),
        opened("sg-2", eventID="meant"),
        opened("sg-3", eventID="unknown"),
        opened("sg-4", eventID="both"),
        imported(eventID="key"),
    ]
    found = figures(tmp_path, asking, *records, labels=labels)
    assert found["precision"] == {"part": 2, "of": 3, "share": pytest.approx(2 / 3)}
    assert found["recall"] == {"part": 3, "of": 4, "share": 0.75}


HOLDING = POLICY + "preparations: {ask_after: 30m}\n"


def unprotected(name: str, minute: int = 0, **more: Any) -> dict[str, Any]:
    asked = {"dBInstanceIdentifier": name, "deletionProtection": False}
    return record("rds.amazonaws.com", "ModifyDBInstance", asked, **at_minute(minute), **more)


def deleted(name: str, minute: int) -> dict[str, Any]:
    asked = {"dBInstanceIdentifier": name, "skipFinalSnapshot": True}
    return record("rds.amazonaws.com", "DeleteDBInstance", asked, **at_minute(minute))


def at_minute(minute: int) -> dict[str, Any]:
    return {"eventTime": f"2026-11-24T12:{minute:02}:00Z"}


def test_a_preparation_is_asked_about_unless_it_is_over_in_time(
    tmp_path: Path, asking: Path
) -> None:
    """The guard tells of it first, and looks again: so does the history."""
    asking.write_text(HOLDING)
    labels = tmp_path / "labels.csv"
    labels.write_text("eventID,risky\nleft,yes\n")
    records = [
        # Written in any order.
        deleted("soon", 29),
        unprotected("soon"),
        unprotected("late"),
        deleted("late", 30),
        unprotected("left", eventID="left"),
    ]
    found = figures(tmp_path, asking, *records, labels=labels)
    control = found["controls"]["rds.protection-off"]
    assert (control["asked"], control["told"]) == (2, 1)
    assert found["precision_asked"] == {"part": 1, "of": 1, "share": 1.0}
    assert found["recall"] == {"part": 1, "of": 1, "share": 1.0}

    asking.write_text(POLICY)
    found = figures(tmp_path, asking, *records)
    assert found["controls"]["rds.protection-off"]["asked"] == 3


def test_a_preparation_of_whoever_is_asked_about_already_is_asked_about_at_once(
    tmp_path: Path, asking: Path
) -> None:
    asking.write_text(HOLDING)
    records = [
        unprotected("held", 20),
        deleted("held", 25),
        opened("sg-1", **at_minute(10)),
    ]
    found = figures(tmp_path, asking, *records)
    assert found["controls"]["rds.protection-off"]["asked"] == 1


def test_a_key_that_a_tool_ends_is_told(tmp_path: Path, asking: Path) -> None:
    asking.write_text(HOLDING)
    asked = {"keyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "pendingWindowInDays": 30}
    schedule = ("kms.amazonaws.com", "ScheduleKeyDeletion", asked)
    found = figures(
        tmp_path,
        asking,
        record(*schedule),
        record(*schedule, userAgent="HashiCorp/1.0 Terraform/1.13.4"),
        record(*schedule, sourceIPAddress="cloudformation.amazonaws.com"),
    )
    control = found["controls"]["kms.deletion-scheduled"]
    assert (control["asked"], control["told"]) == (1, 2)


def test_labels_that_cannot_be_read_are_refused_by_their_line(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("eventID,risky\na,yes\nb,perhaps\n")
    with pytest.raises(Trouble, match=r"labels\.csv, line 3"):
        read(labels)
    labels.write_text("id,risky\na,yes\n")
    with pytest.raises(Trouble, match="no column eventID"):
        read(labels)
    with pytest.raises(Trouble, match="cannot be read"):
        read(tmp_path / "none.csv")


def test_nothing_found_is_no_share_of_anything() -> None:
    assert Counts().precision(Labels()).share is None
    assert Counts().a_day(0) == 0.0


def test_what_cannot_be_read_makes_it_fail(tmp_path: Path, asking: Path) -> None:
    torn = tmp_path / "torn.jsonl"
    torn.write_text('{"eventName": \n')
    called = ["noise", "--history", str(torn), "--policy", str(asking)]
    assert CliRunner().invoke(app, called).exit_code == 1


def test_on_a_terminal_of_80_columns_no_line_is_longer(
    tmp_path: Path, asking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("driftguard_cli.commands.noise._WIDE", 80)
    shown = told(tmp_path, asking, opened(), imported()).stdout
    assert "asked a day" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    "arranged",
    [lambda _: (history.shipped(), 0.9), lambda folder: (history.after_a_week(folder), 0.95)],
    ids=["shipped", "after a week"],
)
def test_every_risk_of_the_ordinary_month_is_at_least_told(
    tmp_path: Path, arranged: Callable[[Path], tuple[Policy, float]]
) -> None:
    policy, least = arranged(tmp_path)
    counts, labels = history.measured(tmp_path, policy)
    recall = counts.recall_with_possible(labels)
    assert recall.whole > 20
    assert recall.part == recall.whole
    # Nine of ten changes of the month are ends of things by tools, and nobody is asked about them.
    assert counts.controls["data.deleted"].asked == 0
    assert counts.a_day(counts.total.asked) < 1
    precision = counts.precision_asked(labels).share
    assert precision is not None
    assert precision >= least
