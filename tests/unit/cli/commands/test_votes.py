"""`driftguard approve|deny|accept`: shown, confirmed, then signed and sent over real HTTP."""

from __future__ import annotations

import json

import pytest

from driftguard.model import Status
from driftguard_cli.errors import Trouble
from tests.support.approving import is_open, unreadable
from tests.support.doors import Door, told


def test_approving_shows_the_plan_asks_and_reverts(
    door: Door,
    group: str,
) -> None:
    result = told(door, "approve", "--reason", "a mistake", typed="y\n")
    assert result.exit_code == 0
    assert "ec2:RevokeSecurityGroupIngress" in result.stderr
    assert "so that the change is REVERTED?" in result.stderr
    assert result.stdout.endswith("Thank you: it is being reverted.\n")
    assert door.asked.carried_out().status is Status.REVERTED
    assert not is_open(group)


def test_whoever_does_not_confirm_sends_no_vote(door: Door) -> None:
    result = told(door, "deny", typed="n\n")
    assert isinstance(result.exception, Trouble)
    assert str(result.exception) == "No vote was sent."
    assert "so that the change STANDS?" in result.stderr
    assert door.asked.events() == [("decided", "guard")]


def test_accepting_for_a_while_says_until_when(door: Door) -> None:
    result = told(door, "accept", "--for", "2d", "--yes", "--json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert (said["choice"], said["status"], said["person"]) == ("accept", "denied", "bob")
    assert said["text"].startswith("Thank you: the change stands until ")


def test_a_length_that_is_none_is_a_sentence(door: Door) -> None:
    result = told(door, "accept", "--for", "soon", "--yes")
    assert "`soon` is not a length of time like 30m, 24h or 7d" in str(result.exception)


def test_a_second_vote_is_told_what_was_decided(door: Door) -> None:
    told(door, "approve", "--yes")
    again = told(door, "deny")
    assert again.exit_code == 1
    assert again.stdout.startswith("already approved, by bob via api")


def test_whom_iam_does_not_let_in_is_told_which_permission_is_missing(door: Door) -> None:
    door.forbids = True
    result = told(door, "approve", "--yes")
    assert "lambda:InvokeFunctionUrl" in str(result.exception)
    assert door.asked.events() == [("decided", "guard")]


def test_a_decision_that_cannot_be_read_keeps_no_other_from_being_voted_on(
    door: Door, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = f"dg-{'1' * 24}"
    with monkeypatch.context() as meanwhile:
        unreadable(meanwhile, unread)
        result = told(door, "approve", unread, "--yes")
    assert result.exit_code == 1
    assert f"{unread}: " in result.stderr
    assert "out of order" in result.stderr
    assert door.asked.carried_out().status is Status.REVERTED
    assert not is_open(group)


def test_several_are_voted_on_one_after_the_other_whatever_becomes_of_one(
    door: Door, group: str
) -> None:
    unknown = f"dg-{'0' * 24}"
    result = told(door, "approve", unknown, "--yes")
    assert result.exit_code == 1
    assert f"{unknown}: There is no decision {unknown}." in result.stderr
    assert door.asked.carried_out().status is Status.REVERTED
    assert not is_open(group)
