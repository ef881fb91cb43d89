"""`driftguard lab emit`: an event becomes the lab's own before it is put on the bus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from driftguard.events.cloudtrail import change_from_record
from driftguard_cli.commands.lab import emitting
from driftguard_cli.commands.lab.environment import ACCOUNT_ID, REGION, Endpoints
from driftguard_cli.commands.lab.record import Lab
from driftguard_cli.errors import Misuse
from driftguard_cli.main import app
from tests.support.world import ROOT

FOREIGN = "210987654321"
RECORD: dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{FOREIGN}:user/eve"},
    "eventTime": "2024-01-01T00:00:00Z",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "AuthorizeSecurityGroupIngress",
    "awsRegion": "eu-west-1",
    "requestParameters": {"groupId": "sg-1"},
    "eventID": "e1",
    "recipientAccountId": FOREIGN,
}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    endpoints = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
    return Lab(tmp_path, endpoints)


def test_a_record_of_a_real_trail_is_of_the_labs_account_and_happens_now(lab: Lab) -> None:
    emitted = emitting.own(RECORD, lab)
    change = change_from_record(json.loads(emitted.entry["Detail"]))
    assert (change.account, change.region) == (ACCOUNT_ID, REGION)
    assert change.id == emitted.id != "e1"
    assert change.time > "2026"
    assert FOREIGN not in emitted.entry["Detail"]
    assert emitted.entry["Source"] == "aws.ec2"
    assert emitted.entry["DetailType"] == "AWS API Call via CloudTrail"


@pytest.mark.parametrize("kind", ["risky", "harmless"])
def test_every_example_of_the_project_can_be_emitted(lab: Lab, kind: str) -> None:
    for path in sorted((ROOT / "events").glob(f"*/{kind}.json")):
        written = emitting.read(path)
        entry = emitting.own(written, lab).entry
        assert entry["Source"] == written["source"], path
        assert entry["DetailType"] == written["detail-type"], path
        assert set(json.loads(entry["Detail"])) >= set(written["detail"]), path


@pytest.mark.parametrize(
    ("written", "why"),
    [("{", "is not JSON"), ("[]", "is neither an EventBridge event"), ("{}", "is neither")],
)
def test_what_is_no_event_is_a_sentence(tmp_path: Path, written: str, why: str) -> None:
    file = tmp_path / "event.json"
    file.write_text(written)
    with pytest.raises(Misuse, match=why):
        emitting.read(file)
    with pytest.raises(Misuse, match="cannot be read"):
        emitting.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("emit",), "Name a FILE or a --control, one of the two."),
        (("emit", "--control", "ec2.none"), "There is no control `ec2.none`"),
        (("emit", "--control", "ec2.open-ingress"), "There is no lab: start one with"),
        (("env",), "There is no lab: start one with"),
    ],
)
def test_without_a_lab_or_an_event_it_says_so(
    tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    result = CliRunner().invoke(app, ["lab", *arguments, "--folder", str(tmp_path)])
    assert why in str(result.exception)


def test_status_tells_what_was_recorded_and_what_no_call_leads_to(lab: Lab) -> None:
    lab.save()
    folder = ["--folder", str(lab.folder)]
    before = CliRunner().invoke(app, ["lab", "status", *folder])
    assert "Calls recorded so far: 0." in before.stdout
    refused = RECORD | {"eventName": "StopLogging", "errorCode": "AccessDenied"}
    lab.records.write_text("".join(f"{json.dumps(one)}\n" for one in (RECORD, refused)))
    after = CliRunner().invoke(app, ["lab", "status", *folder])
    assert "so far: 2, the last one StopLogging (refused: AccessDenied)." in after.stdout
    assert "Make calls at http://127.0.0.1:3:" in after.stdout
    assert "aws.guardduty GuardDuty Finding" in after.stdout
    told = json.loads(CliRunner().invoke(app, ["lab", "status", "--json", *folder]).stdout)
    assert told["recorded"][0] == "AuthorizeSecurityGroupIngress"
    assert "aws.health AWS_RISK_CREDENTIALS_EXPOSED" in told["eventless"]


def test_a_lab_that_is_not_up_is_told_apart_from_none(tmp_path: Path, lab: Lab) -> None:
    none = CliRunner().invoke(app, ["lab", "status", "--folder", str(tmp_path)])
    assert (none.exit_code, none.stdout) == (
        1,
        "There is no lab. Start one with: driftguard lab up\n",
    )
    lab.save()
    starting = CliRunner().invoke(app, ["lab", "status", "--folder", str(tmp_path)])
    assert starting.exit_code == 1
    assert starting.stdout.startswith("The lab is not up")
