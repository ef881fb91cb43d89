"""The commands of the pages that need neither AWS nor a lab: each is run, as it stands there."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from driftguard.policy.compiled import from_compiled
from driftguard_cli.main import app
from driftguard_cli.policy_file import loader
from tests.support.pages import PAGES, every_line
from tests.support.world import ROOT

# These call AWS for nothing; what they read must be in the repository.
ALONE = ("access", "controls", "explain", "noise", "policy", "replay")
# What a page leaves out, and what only the reader has: a decision, a bucket, the live stack.
NOT_HERE = re.compile(r"…|\bdg-|s3://|--live|\[|>")
# Files that the pages write of, but that a reader brings along.
OWN_FILES = {"event.json", "policy.json", "history/", "labels.csv"}


def can_run(line: str) -> bool:
    words = shlex.split(line, comments=True)[1:]
    if words[0] not in ALONE or NOT_HERE.search(" ".join(words)) or "|" in words:
        return False
    return not OWN_FILES & set(words)


RUN = [line for line in every_line() if can_run(line)]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader sits: what the repository has, and policies of a bucket's own."""
    for name in ("events", "policies"):
        (tmp_path / name).symlink_to(ROOT / name)
    ours = {"AWS": "arn:aws:iam::123456789012:role/app"}
    statement = {"Effect": "Allow", "Principal": ours, "Action": "s3:*", "Resource": "*"}
    for name in ("bucket.json", "bucket-policy.json"):
        (tmp_path / name).write_text(json.dumps({"Statement": [statement]}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("line", RUN)
def test_a_command_of_a_page_does_what_it_says(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    result = CliRunner().invoke(app, shlex.split(line, comments=True)[1:])
    # `explain` exits 1 where something would be reverted or asked about: that is its answer.
    told = result.output + result.stderr
    assert result.exit_code in ((0, 1) if " explain " in line else (0,)), told
    assert result.exception is None or isinstance(result.exception, SystemExit), told
    assert result.stdout.strip()


def test_enough_commands_of_the_pages_are_run() -> None:
    assert {shlex.split(line)[1] for line in RUN} >= {"controls", "explain", "policy", "replay"}
    assert len(RUN) >= 8


def blocks(page: Path) -> Iterator[Any]:
    yield from re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S)


WHOLE_POLICIES = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page))
    if re.search(r"^version: 1$", block, re.M)
]


@pytest.mark.parametrize("block", WHOLE_POLICIES)
def test_a_whole_policy_on_a_page_is_valid(block: str, tmp_path: Path) -> None:
    (tmp_path / "guard.yaml").write_text(block)
    assert from_compiled(loader.read(tmp_path / "guard.yaml"))


def test_the_slack_manifest_asks_for_one_scope_and_sends_votes_to_the_reply_function() -> None:
    page = ROOT / "docs" / "how-to" / "slack.md"
    manifest = next(
        one for block in blocks(page) if "oauth_config" in (one := yaml.safe_load(block))
    )
    # Source: docs.slack.dev, "chat.postMessage" and "chat.update" (required scopes).
    assert manifest["oauth_config"]["scopes"] == {"bot": ["chat:write"]}
    interactivity = manifest["settings"]["interactivity"]
    assert interactivity["is_enabled"] is True
    assert interactivity["request_url"].endswith(".on.aws/slack")
    assert manifest["settings"]["socket_mode_enabled"] is False


def test_what_access_reads_and_answers_is_as_its_help_says(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    asked = {"id": "1", "service": "sqs", "policy": {"Statement": [statement]}, "account": "1" * 12}
    answer = CliRunner().invoke(app, ["access", "policy"], input=json.dumps(asked) + "\n")
    assert json.loads(answer.stdout)["public"] is True
