"""The permissions that commands need: each is real, used, and no more than the command needs."""

from __future__ import annotations

import json
import re

import pytest
import typer

from driftguard_cli.generate import reference
from driftguard_cli.generate.reference import permissions
from driftguard_cli.generate.reference.permissions import COMMANDS, ROLES
from driftguard_cli.main import app
from tests.support.iam import reference as iam
from tests.support.iam.evaluator import Asked
from tests.support.permitted import named, refused
from tests.support.template import flat, statements_of

STATEMENTS = {grant.sid: grant for needs in COMMANDS.values() for grant in needs.grants}
PAGE = permissions.page()
TALK = {
    name
    for name, command in reference.commands(typer.main.get_command(app))
    if any(one.opts[0] == "--region" for one in command.params)
}


def test_every_command_that_talks_to_aws_is_there_and_no_other() -> None:
    assert set(COMMANDS) == TALK


@pytest.mark.parametrize("sid", STATEMENTS)
def test_a_statement_is_one_that_iam_knows(sid: str) -> None:
    grant = STATEMENTS[sid]
    assert re.fullmatch(r"[A-Za-z0-9]+", sid)
    for action in grant.actions:
        assert iam.is_action(action), action
        assert action.split(":")[1] not in ("*", ""), action
    words = re.findall(r"\b[A-Z][A-Z_]+\b", " ".join(grant.resources))
    assert set(words) <= set(permissions.PLACES)
    # Everything is asked for only where IAM knows no resources for the action.
    if grant.resources == ("*",):
        assert not [one for one in grant.actions if iam.knows_resources(one)] or sid == "KnowTrails"


def test_one_sid_means_one_statement() -> None:
    for needs in COMMANDS.values():
        for grant in needs.grants:
            assert STATEMENTS[grant.sid] == grant


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_a_policy_on_the_page_that_iam_takes(role: str) -> None:
    policy = permissions.policy_of_role(role)
    assert json.dumps(policy, indent=2) in PAGE
    assert len(json.dumps(policy, separators=(",", ":"))) < 6_144
    sids = [one["Sid"] for one in policy["Statement"]]
    assert len(sids) == len(set(sids))
    assert set(ROLES[role][1]) <= set(COMMANDS)


def test_whoever_only_reads_can_change_nothing_and_call_nothing() -> None:
    for statement in permissions.policy_of_role("Reader")["Statement"]:
        for action in statement["Action"]:
            assert iam.access_level(action) in ("Read", "List"), action


def test_the_operator_role_of_the_template_has_what_redrive_needs_and_no_more() -> None:
    given = {
        action
        for statement in statements_of("OperatorRole")
        if statement["Effect"] == "Allow"
        for action in flat(statement["Action"])
    }
    wanted = {action for grant in COMMANDS["redrive"].grants for action in grant.actions}
    assert given == wanted


def test_the_page_has_every_command_and_every_statement_and_its_links_lead_somewhere() -> None:
    rows = set(re.findall(r"^\| `([a-z -]+)` \|", PAGE, re.M))
    assert rows == set(COMMANDS)
    headings = {one.lower() for one in re.findall(r"^### (\w+)$", PAGE, re.M)}
    assert headings == {sid.lower() for sid in STATEMENTS}
    assert set(re.findall(r"\(#(\w+)\)", PAGE)) <= headings


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("audit list", Asked("dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:1:table/audit")),
        ("audit list", Asked("sqs:ReceiveMessage", "*")),
        ("doctor", Asked("dynamodb:Query", "arn:aws:dynamodb:us-east-1:123456789012:table/audit")),
    ],
)
def test_a_call_that_is_not_declared_is_refused(command: str, asked: Asked) -> None:
    assert refused(command, asked)


def test_which_command_a_line_runs() -> None:
    assert named(["audit", "list", "--json"]) == "audit list"
    assert named(["undo", "dg-1", "--reason", "audit"]) == "undo"
    assert named(["--version"]) == ""
