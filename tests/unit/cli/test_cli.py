"""The command line on a deployed stack: tables people read, JSON for machines, clear errors."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from driftguard.audit.queries import Finder
from driftguard.model import Decision
from driftguard.state import freezes
from driftguard.state.keys import freeze_key
from driftguard_cli.main import app, run
from tests.support.records import flat_ingress
from tests.support.world import HERE, World

OUTPUTS = ("AuditTable", "StateTable", "ChangesQueue", "DeadLetterQueue")


@pytest.fixture
def stack(world: World) -> dict[str, str]:
    """A stack in moto with the outputs that the command line looks for."""
    sqs = boto3.client("sqs")
    outputs = {
        "AuditTable": "audit",
        "StateTable": "state",
        "ChangesQueue": sqs.create_queue(QueueName="changes")["QueueUrl"],
        "DeadLetterQueue": sqs.create_queue(QueueName="dead")["QueueUrl"],
    }
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(
        StackName="driftguard", TemplateBody=json.dumps(template)
    )
    return outputs


@pytest.fixture
def decision(world: World, stack: dict[str, str]) -> Decision:
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=made["GroupId"], IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    return world.one(flat_ingress(made["GroupId"], 22, "0.0.0.0/0"))


def told(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def as_json(*arguments: str) -> Any:
    result = told(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_list_shows_decisions_and_filters_them(decision: Decision) -> None:
    assert decision.id in told("audit", "list").stdout
    assert [one["decision"] for one in as_json("audit", "list")] == [decision.id]
    assert as_json("audit", "list", "--control", "s3.public-acl") == []
    assert as_json("audit", "list", "--status", "failed") == []
    assert len(as_json("audit", "list", "--resource", decision.candidate.resource.id)) == 1


def test_show_tells_the_story_with_its_log(decision: Decision) -> None:
    shown = told("audit", "show", decision.id).stdout
    assert "lets the internet in" in shown
    assert "decided" in shown
    assert "The log is whole." in shown
    whole = as_json("audit", "show", decision.id)
    assert [entry["event"] for entry in whole["log"]] == ["decided", "reverted"]


def test_show_names_a_log_that_was_edited(world: World, decision: Decision) -> None:
    key = {"pk": {"S": decision.id}, "sk": {"S": "log#0001"}}
    boto3.client("dynamodb").update_item(
        TableName="audit",
        Key=key,
        UpdateExpression="SET note = :n",
        ExpressionAttributeValues={":n": {"S": "nothing happened"}},
    )
    assert "does not hold together: entry 1 was edited" in told("audit", "show", decision.id).stdout


def test_undo_dry_run_prints_the_calls_and_asks_nobody(decision: Decision, world: World) -> None:
    (call,) = as_json("undo", decision.id, "--dry-run")["calls"]
    assert call.startswith("ec2:AuthorizeSecurityGroupIngress(")
    assert len(world.audit.log(decision.id)) == 2


def test_without_a_signed_api_the_freeze_is_written_directly(
    world: World, stack: dict[str, str]
) -> None:
    result = told("freeze", "--reason", "release night", "--hours", "2", "--json")
    assert result.exit_code == 0
    assert "has no output `SignedApiUrl`" in result.stderr
    assert json.loads(result.stdout)["decision"] is None
    frozen = world.state.record(freeze_key(HERE, "all"))
    assert freezes.holds(frozen, world.clock.now())
    assert not freezes.holds(frozen, world.clock.now() + timedelta(hours=3))
    assert frozen.document["reason"] == "release night"

    assert as_json("unfreeze", "--direct", "--reason", "over")["counted"]
    assert not freezes.holds(world.state.record(freeze_key(HERE, "all")), world.clock.now())


def test_lifting_needs_the_signed_api_unless_it_is_said(stack: dict[str, str]) -> None:
    told("freeze", "--reason", "release night")
    result = told("unfreeze", "--reason", "over")
    assert "has no output `SignedApiUrl`" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["audit", "show", "dg-none"], "There is no decision dg-none"),
        (["audit", "list", "--status", "odd"], "There is no status `odd`"),
        (["audit", "list", "--stack", "other"], "There is no stack `other`"),
        (["baseline", "show", "s3.none", "arn:x"], "there is no control `s3.none`"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_exit_code_1(
    stack: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["driftguard", *arguments])
    with pytest.raises(SystemExit) as exit_:
        run()
    assert exit_.value.code == 1
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_controls_lists_what_each_needs() -> None:
    listed = {one["id"]: one for one in as_json("controls")}
    assert listed["ec2.open-ingress"]["writes"]["ec2:RevokeSecurityGroupIngress"]
    assert listed["ec2.open-ingress"]["triggers"]


def test_a_missing_permission_is_a_sentence(
    decision: Decision, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from driftguard.aws.calls import Refused

    def refused(self: Finder, *_: object, **__: object) -> Any:
        raise Refused("not allowed to call dynamodb:Query: no. Give the role …")

    monkeypatch.setattr(Finder, "index_items", refused)
    monkeypatch.setattr("sys.argv", ["driftguard", "audit", "list"])
    with pytest.raises(SystemExit):
        run()
    assert "not allowed to call dynamodb:Query" in capsys.readouterr().err


def test_a_fault_of_its_own_is_a_sentence_with_a_code_that_no_verdict_uses(
    decision: Decision, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`driftguard scan` says insecure by exiting 1: an accident must not say so."""

    def faulty(self: Finder, *_: object, **__: object) -> Any:
        raise IndexError("list index out of range")

    monkeypatch.setattr(Finder, "index_items", faulty)
    monkeypatch.setattr("sys.argv", ["driftguard", "audit", "list"])
    with pytest.raises(SystemExit) as exit_:
        run()
    assert exit_.value.code == 70
    error = capsys.readouterr().err
    assert "a bug in Driftguard, IndexError: list index out of range" in error
    assert f"{__file__}:" in error
    assert "Traceback" not in error
    monkeypatch.setenv("DRIFTGUARD_TRACEBACK", "1")
    with pytest.raises(IndexError):
        run()
