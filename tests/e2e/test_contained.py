"""An instance is contained by a button in Slack and released by another; a forged finding is not.

It is one of an Auto Scaling group behind a load balancer. Issue 15, Shows 3.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.e2e.asking import http, log_of
from tests.e2e.world import World, eventually
from tests.scenarios.containment_compute import Fleet, about_instance, without_evidence
from tests.support.slack_stand_in import Message, SlackStandIn, signed

pytestmark = pytest.mark.e2e


@pytest.fixture
def fleet(asking: World) -> Fleet:
    made = partial(
        boto3.Session().client,
        endpoint_url=asking.lab["account_endpoint"],
        region_name=asking.lab["region"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    return Fleet(client=made)


def emitted(lab: World, folder: Path, found: dict[str, Any], *how: str) -> list[dict[str, Any]]:
    """The decisions that follow from a finding's event."""
    file = folder / "finding.json"
    event = {"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": found}
    file.write_text(json.dumps(event))
    told = lab.driftguard("lab", "emit", str(file), "--folder", lab.lab["folder"], *how)
    decisions: list[dict[str, Any]] = told["decisions"]
    return decisions


def pressed(lab: World, slack: SlackStandIn, message: Message, button: str, who: str) -> None:
    body = slack.click(message, f"driftguard.{button}", who)
    answered = http("POST", f"{lab.lab['ReplyUrl']}slack", body.encode(), signed(body))
    assert answered.status == 200


def test_it_is_contained_and_released_by_buttons_and_the_record_is_whole(
    asking: World, slack: SlackStandIn, fleet: Fleet, tmp_path: Path
) -> None:
    before, found = fleet.snapshot(), about_instance(fleet.instance)

    assert emitted(asking, tmp_path, found, "--forged", "--wait", "4") == []
    assert (fleet.snapshot(), asking.decisions(fleet.instance)) == (before, [])

    [asked] = emitted(asking, tmp_path, found)
    decision = asked["decision"]
    assert (asked["status"], asked["control"]) == ("asked", "containment.instance")

    def posted() -> Message | None:
        return next((one for one in slack.posted if decision in one.shown), None)

    message = eventually(posted, "a message in Slack", also=asking.log_tail)
    assert fleet.instance in message.shown
    assert fleet.snapshot() == before

    pressed(asking, slack, message, "revert", "U0BOB")
    asking.decision(fleet.instance, "reverted")
    assert fleet.snapshot() == fleet.cut_off(before)

    eventually(lambda: "driftguard.undo" in message.buttons(), "the button that releases it")
    pressed(asking, slack, message, "undo", "U0CAROL")
    asking.decision(fleet.instance, "undone")
    after = fleet.snapshot()
    assert without_evidence(after) == without_evidence(before)
    assert after["evidence"] == {*before["evidence"], *fleet.volumes()}

    log = log_of(asking, decision)
    assert [one.event for one in log] == [
        "decided",
        "approved",
        "carrying-out",
        "reverted",
        "undo-requested",
        "undo-asked",
        "undone",
    ]
    by = {one.event: one.by.partition(" ")[0] for one in log}
    assert (by["approved"], by["undo-requested"]) == ("bob", "carol")
    assert asking.driftguard("audit", "verify")["whole"]
