"""12.7: what others choose, and what people type, acts on no screen and turns no text around."""

from __future__ import annotations

import ast
import io
import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from driftguard.audit.bounds import bounded
from driftguard.channels import page, sns
from driftguard.channels.message import programs
from driftguard.channels.message import text as message_text
from driftguard.channels.slack import blocks
from driftguard.channels.topic import publish, publish_digest
from driftguard.channels.wording import ApprovalRequest
from driftguard.documents import plain
from driftguard.model import (
    Actor,
    Autonomy,
    Call,
    Choice,
    Decision,
    Plan,
    Ruling,
    Status,
    Step,
    Vote,
)
from driftguard_cli.commands.audit import exports
from driftguard_cli.main import app
from tests.support import strict_aws
from tests.support.audit import a_decision, decided
from tests.support.each import each
from tests.support.world import ROOT, World

# The title of a terminal's window, a cleared screen, C1's CSI, a turned text, an isolate, an
# invisible mark, a tag character, a line separator and a second header.
HOSTILE = (
    "\x1b]0;pwned\x07\x1b[2J\x9b2J a\u202egnp.exe\u2066b\u200e\U000e0041 \u2028 <http://evil|ok> "
    "<!channel> [ok](http://evil) @here ```\r\nBcc: a@b\nFrom: chief"
)


def hostile(text: str = HOSTILE, **fields: Any) -> Decision:
    call = Call("ec2", "RevokeSecurityGroupIngress", {"GroupId": text, text: [text]}, on=("arn",))
    vote = Vote(text, Choice.REVERT, text, text, "before", identity=text, reason=text)
    return a_decision(
        title=text,
        summary=text,
        reason=text,
        change_name=text,
        actor=Actor(text, text, "IAMUser", "1", text, text),
        plan=Plan((Step(call, (call,)),) * 3, untouched=(text,) * 3, advice=text, drastic=text),
        rulings=(Ruling("freeze", Autonomy.REVERT, text),),
        votes=(vote,),
        status=Status.ASKED,
        expires="2026-11-21T10:00:00.000Z",
        **fields,
    )


def acting(shown: str) -> list[str]:
    """What acts in a text of several lines."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [c for c in shown if c != "\n" and unicodedata.category(c) in kinds]


REQUEST = ApprovalRequest("If nobody votes, it stands.", "https://x/answer?t=1", "arn:topic")


def in_csv(decision: Decision) -> str:
    out = io.StringIO(newline="")
    exports._csv([decision], out)
    return out.getvalue().replace("\r\n", "\n")


def in_json(decision: Decision) -> str:
    out = io.StringIO()
    exports._jsonl([decision], out)
    exports._ocsf([decision], out)
    return out.getvalue()


RENDERINGS: dict[str, Callable[[Decision], str]] = {
    "subject": sns.subject,
    "mail": lambda decision: sns.as_email(decision, REQUEST),
    "programs": lambda decision: json.dumps(
        programs.document(decision, REQUEST), ensure_ascii=False
    ),
    "Amazon Q": lambda decision: "\n".join(_texts(sns.as_q(decision, REQUEST))),
    "digest": lambda decision: sns.digest_text([decision] * 3),
    "Slack": lambda decision: "\n".join(_texts(blocks.message(decision, REQUEST))),
    "Slack's details": blocks.details,
    "page to vote": lambda decision: page.approval_request(
        decision, Choice.REVERT, token="t", vote="bob's", timeout="soon"
    ),
    "page to accept": lambda decision: page.approval_request(
        decision, Choice.ACCEPT, token="t", vote="bob's", timeout="soon"
    ),
    "page after": lambda decision: page.outcome(
        decision, decision.title, decision.reason, good=True, token="t"
    ),
    "text": message_text.as_text,
    "CSV": in_csv,
    "JSON": in_json,
}


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in _texts(inner)]
    return []


@pytest.mark.parametrize("render", RENDERINGS.values(), ids=RENDERINGS)
def test_no_rendering_acts(render: Callable[[Decision], str]) -> None:
    shown = render(hostile())
    assert acting(shown) == []
    assert "\nFrom: chief" not in shown
    assert "\nBcc:" not in shown


def test_amazon_q_and_slack_get_no_links_and_mentions() -> None:
    in_q = RENDERINGS["Amazon Q"](hostile())
    in_markdown = "\n".join(_markdown(blocks.message(hostile(), REQUEST)[1]))
    for shown in (in_q, in_markdown):
        assert "<http://evil" not in shown
        assert "<!channel>" not in shown
    assert "](http" not in in_q


def _markdown(value: Any) -> list[str]:
    """What Slack reads links and mentions in: not its plain texts."""
    if isinstance(value, dict) and value.get("type") == "mrkdwn":
        return [value["text"]]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _markdown(inner)]
    return [text for inner in value for text in _markdown(inner)] if isinstance(value, list) else []


@each("prefix", ["", " ", "\t", "\n", "\u2028"])
@each("sign", ["=", "+", "-", "@", "＝"])
def test_no_cell_is_a_formula(prefix: str, sign: str) -> None:
    cell = exports.cell(f"{prefix}{sign}cmd|' /C calc'!A0")
    assert isinstance(cell, str)
    assert cell[0] in "'\ufffd"


COMMANDS = [["audit", "list", "--control", "ec2.open-ingress"], ["audit", "show", "ID"]]


@pytest.fixture
def stack(world: World) -> World:
    outputs = {"AuditTable": {"Value": "audit"}, "StateTable": {"Value": "state"}}
    template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
    boto3.client("cloudformation").create_stack(
        StackName="driftguard", TemplateBody=json.dumps(template)
    )
    return world


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[1])
@pytest.mark.parametrize("as_json", [False, True], ids=["shown", "as JSON"])
def test_no_command_acts(stack: World, command: list[str], as_json: bool) -> None:
    written = decided(stack.audit, hostile())
    called = [written.id if word == "ID" else word for word in command]
    result = CliRunner().invoke(app, called + ["--json"] * as_json)
    assert result.exit_code == 0, result.output
    assert acting(result.output) == []


def test_every_console_of_the_command_line_is_the_plain_one() -> None:
    found = []
    for path in (ROOT / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "rich.console":
                found += [path.name for name in node.names if name.name == "Console"]
    assert found == ["terminal.py"]


@pytest.mark.parametrize("size", [10, 10_000])
@pytest.mark.parametrize("letter", ["x", "\x1b", "ü", '"', "\\", "\U0001f600"])
def test_whatever_its_size_sns_takes_the_message(world: World, size: int, letter: str) -> None:
    """12.8: SNS takes 256 KB of all renderings together, escaped twice."""
    topic = boto3.client("sns").create_topic(Name="decisions")["TopicArn"]
    decision = hostile(letter * size)
    plan = replace(decision.plan, untouched=(letter * size,) * 100)
    # As it is recorded: only that is told.
    decision = bounded(replace(decision, plan=plan))
    with strict_aws.enforced(now=world.clock.now):
        publish(decision, boto3.client("sns"), topic, REQUEST)
        publish_digest([decision] * 40, boto3.client("sns"), topic)


@pytest.mark.parametrize("text", ["plain", "ümlaut 日本", "a\tb\nc", "\x00\x7f\x85\u202e\ud800"])
def test_a_plain_text_stays_as_it_is(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert acting(once) == []
    assert len(once) == len(text)
