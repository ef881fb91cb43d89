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


NO_CONTROL = "There is no control `s3.public-acll`; did you mean `s3.public-acl`?"
NO_TIME = "`yesterday` is not a time. Write 2026-11-24, 2026-11-24T10:00:00Z, 36h or 7d"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["audit", "show", "dg-none"], 1, "There is no decision dg-none. `driftguard audit list`"),
        (["audit", "list", "--stack", "other"], 1, "There is no stack `other` in us-east-1"),
        (["audit", "list", "--status", "odd"], 2, "There is no status `odd`. Known: "),
        (["audit", "list", "--since", "yesterday"], 2, NO_TIME),
        (["audit", "list", "--until", "2026-01-01", "--since", "2026-01-02"], 2, "The time ends"),
        (["audit", "verify", "--day", "soon"], 2, "`soon` is not a day. Write 2026-11-24."),
        (["baseline", "show", "s3.public-acll", "arn:x"], 2, NO_CONTROL),
        (["freeze", "--control", "s3.public-acll", "--reason", "x"], 2, NO_CONTROL),
        (["freeze", "--account", "12", "--reason", "x"], 2, "`12` is not an account's id"),
        (
            ["exempt", "add", "s3.public-acll", "b", "--for", "1d", "--reason", "x"],
            2,
            NO_CONTROL,
        ),
        (
            ["exempt", "add", "s3.public-acl", "b", "--for", "soon", "--reason", "x"],
            2,
            "--for: `soon` is not a length of time like 30m, 24h or 7d",
        ),
        (["sweep", "--control", "s3.public-acll"], 2, "`s3.public-acll` is no control; did you"),
        (["replay", "/nowhere"], 2, "There is no file or folder /nowhere."),
        (["replay", "--since", "soon", "."], 2, "write a day (2026-11-24)"),
        (["explain", "/nowhere"], 2, "/nowhere is neither a file that can be read"),
        (["approve"], 2, "Missing argument"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_what_goes_wrong_is_a_sentence_on_stderr_and_the_exit_code_that_help_says(
    stack: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["driftguard", *arguments])
    with pytest.raises(SystemExit) as exit_:
        run()
    output, error = capsys.readouterr()
    assert exit_.value.code == code
    assert said in error
    assert "Traceback" not in error
    assert output == ""


def test_a_control_that_is_no_more_is_searched_for_and_said_to_be_unknown(
    decision: Decision,
) -> None:
    result = told("audit", "list", "--control", "s3.public-acll")
    assert result.exit_code == 0
    assert "no control `s3.public-acll` in this version; did you mean" in result.stderr


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_can_be_asked_for_in_short(word: str) -> None:
    assert told("audit", "list", word).stdout.strip().startswith("Usage:")


def test_without_arguments_help_is_shown_and_all_is_well() -> None:
    result = told()
    assert result.exit_code == 0
    assert "--install-completion" in result.stdout


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
