"""`driftguard undo` shows what comes back, and the record keeps why it was reverted."""

from __future__ import annotations

import json

from driftguard.channels.wording import as_json
from driftguard.model import Status
from driftguard_cli.errors import Trouble
from tests.support.api_requests import BOB
from tests.support.approving import is_open
from tests.support.doors import Door, told


def reverted(door: Door) -> Door:
    door.api.post(BOB)
    assert door.asked.carried_out().status is Status.REVERTED
    return door


def test_what_comes_back_is_shown_and_whoever_does_not_confirm_asks_for_nothing(
    door: Door, group: str
) -> None:
    result = told(reverted(door), "undo", typed="n\n")
    assert isinstance(result.exception, Trouble)
    assert str(result.exception) == "Nothing was undone."
    assert f"This comes back: {door.asked.decision.summary}." in result.stderr
    assert "ec2:AuthorizeSecurityGroupIngress(" in result.stderr
    assert "so that the risk stands AGAIN?" in result.stderr
    assert not is_open(group)


def test_the_record_keeps_why_it_was_reverted_who_undid_it_and_why(door: Door, group: str) -> None:
    before = reverted(door).asked.world.audit.get(door.asked.decision.id)
    assert before is not None
    door.api.obeyed_at_once(door.asked.guard)
    result = told(door, "undo", "--reason", "the vendor needs it", "--json", "--yes")
    assert result.exit_code == 0, result.stderr
    after = json.loads(result.stdout)
    assert is_open(group)
    assert after["status"] == "undone"
    assert after["reason"] == f"{before.reason}; undone by bob ({BOB}): the vendor needs it"
    assert after["actor"] == as_json(before)["actor"]
