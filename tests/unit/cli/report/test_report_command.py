"""`driftguard report`: reads an account and a stack's record, and writes where it is told to."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from click.testing import Result
from typer.testing import CliRunner

from driftguard.audit import AuditTable
from driftguard.aws.client import Aws
from driftguard.model import Place, Status
from driftguard.state.keys import exemptions_key
from driftguard.state.table import StateTable
from driftguard_cli.errors import Misuse, Trouble
from driftguard_cli.main import app
from tests.support.answering import answering
from tests.support.audit import a_decision, decided, moved
from tests.support.guardrails.held import new_group
from tests.support.sweeping import open_up

INGRESS = ("--control", "ec2.open-ingress")


def report(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", *arguments])


def as_json(*arguments: str) -> Any:
    result = report(*arguments, "--format", "json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.fixture
def stack(table: AuditTable) -> AuditTable:
    """A stack whose record has a decision that was reverted, and then not undone."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {
            "AuditTable": {"Value": table.name},
            "StateTable": {"Value": "state"},
            "FingerprintSalt": {"Value": "salt"},
        },
    }
    boto3.client("cloudformation").create_stack(
        StackName="driftguard", TemplateBody=json.dumps(template)
    )
    at = "2026-11-20T10:00:0{}.000Z".format
    reverted = moved(table, decided(table, a_decision(1, at(0), done=1)), Status.REVERTED, at(4))
    undoing = moved(table, reverted, Status.UNDOING, at(6), event="undo-asked")
    moved(table, undoing, Status.REVERTED, at(8), event="undo-refused")
    return table


PERIOD = ("--since", "2026-11-20", "--until", "2026-11-21")


def test_without_a_stack_the_report_has_what_is_risky_now_and_says_so(
    account: None, tmp_path: Path
) -> None:
    group = new_group("web")
    open_up(group)
    written = tmp_path / "report.html"
    result = report(*INGRESS, "--output", str(written))
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert f"1 risk written to {written}" in result.stderr
    assert "Only what is risky now: There is no stack `driftguard` in us-east-1" in result.stderr
    page = written.read_text()
    assert f"security-group/{group}" in page
    assert "This report has no decisions. There is no stack" in page


def test_the_time_to_revert_is_that_of_the_log_not_of_the_last_step(stack: AuditTable) -> None:
    told = as_json(*INGRESS, *PERIOD)
    (decision,) = told["decided"]["decisions"]
    assert decision["updated"] == "2026-11-20T10:00:08.000Z"
    assert decision["reverted_at"] == "2026-11-20T10:00:04.000Z"
    assert told["decided"]["seconds_to_revert"]["all"] == {"reverts": 1, "p50": 4.0, "p95": 4.0}
    assert told["decided"]["asks_a_day"] == {"2026-11-20": 0, "2026-11-21": 0}


def test_what_the_stack_exempts_is_no_risk(stack: AuditTable) -> None:
    group = new_group("honeypot")
    open_up(group)
    assert len(as_json(*INGRESS)["now"]["risks"]) == 1
    give(group)
    told = as_json(*INGRESS)
    assert [one["exempt_until"] for one in told["now"]["risks"]] == ["2999-01-01T00:00:00.000Z"]
    assert told["now"]["by_severity"]["high"] == 0
    (accepted,) = [one for one in told["accepted"] if one["source"] == "run time"]
    assert (accepted["resource"], accepted["by"], accepted["reason"]) == (group, "alice", "bait")


def give(group: str) -> None:
    """Has people exempt a group at run time."""
    state = StateTable(Aws(), "state", Place("123456789012", "us-east-1"))
    entry = {
        "resource": group,
        "until": "2999-01-01T00:00:00.000Z",
        "reason": "bait",
        "by": "alice",
    }
    record = state.record(exemptions_key(state.place, "ec2.open-ingress"))
    state.write(record.saying({"entries": {"ex-1": entry}}))


def test_from_the_record_alone_nothing_is_swept(
    stack: AuditTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "DescribeSecurityGroups", "AccessDenied")
    told = as_json("--from-record-only", *PERIOD)
    assert told["now"] is None
    assert len(told["decided"]["decisions"]) == 1


def test_from_the_record_alone_needs_a_stack(account: None) -> None:
    result = report("--from-record-only")
    assert isinstance(result.exception, Trouble)
    assert "There is no stack `driftguard`" in str(result.exception)


REGIONS = ("--in-region", "us-east-1", "--in-region", "eu-west-1")


def test_each_region_is_swept_and_a_region_that_is_named_twice_once(account: None) -> None:
    open_up(new_group("here"))
    there = boto3.client("ec2", region_name="eu-west-1")
    made = there.create_security_group(GroupName="there", Description="there")["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
    there.authorize_security_group_ingress(GroupId=made, **rule)
    told = as_json(*INGRESS, *REGIONS, *REGIONS)
    assert [one["region"] for one in told["now"]["places"]] == ["us-east-1", "eu-west-1"]
    assert sorted(one["region"] for one in told["now"]["risks"]) == ["eu-west-1", "us-east-1"]


def test_iam_is_looked_at_in_the_first_region_only(account: None) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    boto3.client("iam").create_role(RoleName="open", AssumeRolePolicyDocument=trust)
    told = as_json("--control", "iam.trust-external", *REGIONS)["now"]
    assert len(told["places"]) == 2
    assert (told["looked_at"], len(told["risks"])) == (1, 1)


def test_all_regions_are_those_that_the_account_has_enabled(
    account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"Regions": [{"RegionName": "us-west-2"}, {"RegionName": "eu-west-1"}]}
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", answered(answer))
    told = as_json(*INGRESS, "--all-regions")
    assert [one["region"] for one in told["now"]["places"]] == ["eu-west-1", "us-west-2"]


def answered(regions: dict[str, Any]) -> Callable[..., Any]:
    """What answers `DescribeRegions`, and has moto answer all else."""

    def call(self: Any, operation: str, parameters: Any) -> Any:
        if operation == "DescribeRegions":
            assert "AllRegions" not in parameters
            return regions
        return real(self, operation, parameters)

    real = BaseClient._make_api_call
    return call


def test_each_profile_is_swept_with_its_own_credentials(
    account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    keys = "aws_access_key_id = a\naws_secret_access_key = b\n"
    config.write_text(f"[profile one]\n{keys}[profile two]\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    told = as_json(*INGRESS, "--in-profile", "one", "--in-profile", "two")
    # moto has one account for all: it is one place, and was swept twice.
    assert len(told["now"]["places"]) == 1
    assert told["now"]["looked_at"] == 2
    result = report(*INGRESS, "--in-profile", "three")
    assert isinstance(result.exception, Misuse)


def test_what_could_not_be_read_is_named_and_the_report_is_written_nevertheless(
    account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("s3").create_bucket(Bucket="unreadable")
    answering(monkeypatch, "GetBucketPolicy", "AccessDenied")
    result = report("--control", "s3.public-policy", "--format", "json")
    assert result.exit_code == 1
    assert "Not complete: 1 read failed" in result.stderr
    (failed,) = json.loads(result.stdout)["now"]["not_read"]
    assert failed["resource"] == "arn:aws:s3:::unreadable"
    assert "s3:GetBucketPolicy" in failed["why"]


@pytest.mark.parametrize("format_", ["csv", "ocsf", "html"])
def test_every_format_goes_to_standard_output(account: None, format_: str) -> None:
    open_up(new_group("web"))
    result = report(*INGRESS, "--format", format_)
    assert result.exit_code == 0
    if format_ == "csv":
        assert [row["kind"] for row in csv.DictReader(io.StringIO(result.stdout))] == ["risk"]
    elif format_ == "ocsf":
        assert json.loads(result.stdout)["status"] == "New"
    else:
        assert result.stdout.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--output", "/no/such/folder/report.html"), "there is no folder /no/such/folder"),
        (("--all-regions", "--in-region", "eu-west-1"), "not both"),
        (("--since", "last week"), "is not a time"),
        (("--control", "x3.*"), "is no control"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(
    account: None, arguments: tuple[str, ...], why: str
) -> None:
    result = report(*arguments)
    assert isinstance(result.exception, Misuse)
    assert why in str(result.exception)
