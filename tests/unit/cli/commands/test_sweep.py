"""`driftguard sweep`: what is risky now, told to a person who has deployed nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from driftguard import controls
from driftguard_cli.main import app
from tests.support.answering import answering
from tests.support.guardrails.held import new_group
from tests.support.sweeping import open_up


def sweep(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sweep", *arguments], env={"COLUMNS": "200"})


def as_json(*arguments: str) -> Any:
    return json.loads(sweep(*arguments, "--json").stdout)


def test_what_is_risky_is_named_and_the_exit_code_says_that_something_is(account: None) -> None:
    group = new_group("web")
    open_up(group)
    result = sweep("--control", "ec2.open-ingress")
    assert result.exit_code == 1
    (line,) = [one for one in result.stdout.splitlines() if group in one]
    assert "ec2.open-ingress" in line
    assert "lets the internet in: tcp 22 from 0.0.0.0/0" in line
    assert "1 risky, of 2 looked at by 1 controls" in result.stdout


def test_what_is_clean_exits_with_0_and_needs_no_stack(account: None) -> None:
    new_group("shut")
    result = sweep("--control", "ec2.open-ingress", "--control", "s3.public-*")
    assert result.exit_code == 0, result.output
    assert "0 risky, of 2 looked at by 4 controls" in result.stdout


def test_programs_get_one_document(account: None) -> None:
    group = new_group("web")
    open_up(group)
    told = as_json("--control", "ec2.open-ingress", "--region", "us-east-1")
    assert (told["account"], told["region"], told["looked_at"]) == ("123456789012", "us-east-1", 2)
    (found,) = told["found"]
    assert found["resource"].endswith(f"security-group/{group}")
    assert (found["control"], found["severity"], found["exempt_until"]) == (
        "ec2.open-ingress",
        85,
        "",
    )


def test_what_the_policy_exempts_is_shown_and_not_flagged(account: None, tmp_path: Path) -> None:
    group = new_group("honeypot")
    open_up(group)
    policy = tmp_path / "guard.yaml"
    policy.write_text(
        f"""
        version: 1
        exemptions:
          - {{control: ec2.open-ingress, resource: {group}, until: 2999-12-31, reason: bait}}
        """
    )
    result = sweep("--control", "ec2.open-ingress", "--policy", str(policy))
    assert result.exit_code == 0, result.output
    assert "exempt until 3000-01-01" in result.stdout
    assert "0 risky, 1 exempt" in result.stdout


def test_what_could_not_be_read_is_never_clean(
    account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("s3").create_bucket(Bucket="unreadable")
    answering(monkeypatch, "GetBucketPolicy", "AccessDenied")
    result = sweep("--control", "s3.public-policy")
    assert result.exit_code == 2
    assert "not read: s3.public-policy arn:aws:s3:::unreadable" in result.stdout
    assert "s3:GetBucketPolicy" in result.stdout
    (failed,) = as_json("--control", "s3.public-policy")["failed"]
    assert failed["resource"] == "arn:aws:s3:::unreadable"


def test_what_fails_in_another_way_keeps_nothing_else_from_being_looked_at(
    account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_up(new_group("web"))
    boto3.client("s3").create_bucket(Bucket="odd")

    def odd(*_: object) -> None:
        raise KeyError("Grants")

    monkeypatch.setattr(control("s3.public-acl"), "observe", odd)
    result = sweep("--control", "s3.public-acl", "--control", "ec2.open-ingress")
    assert result.exit_code == 1
    assert "not read: s3.public-acl arn:aws:s3:::odd KeyError: 'Grants'" in result.stdout
    assert "1 risky" in result.stdout


def control(name: str) -> type:
    return next(type(one) for one in controls.every() if one.id == name)


@pytest.mark.parametrize(
    ("name", "why"),
    [("iam.leaked-key", "cannot be swept"), ("no.such", "is no control"), ("x3.*", "no control")],
)
def test_a_control_that_cannot_be_swept_is_an_error(account: None, name: str, why: str) -> None:
    result = sweep("--control", name)
    assert result.exit_code != 0
    assert why in str(result.exception)
