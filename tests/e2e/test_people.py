"""What people do: freeze, unfreeze, undo."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.e2e.making import make_bucket, policy_text, publish_bucket
from tests.e2e.world import World, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture
def frozen(lab: World) -> Any:
    lab.driftguard("freeze", "--reason", "a migration is under way")
    yield
    lab.driftguard("unfreeze", "--reason", "it is over")


@pytest.mark.usefixtures("frozen")
def test_with_the_freeze_on_nothing_changes_and_the_decision_says_why(lab: World) -> None:
    bucket = make_bucket(lab)
    text = publish_bucket(lab, bucket)

    eventually(lambda: lab.decisions(bucket), "a decision", also=lab.log_tail)
    time.sleep(2.0)
    [decision] = lab.decisions(bucket)
    assert decision["status"] == "observed"
    assert "frozen" in decision["reason"] or "freeze" in decision["reason"]
    assert "a migration is under way" in decision["reason"]
    assert policy_text(lab, bucket) == text


def test_undo_brings_back_to_the_byte_what_was_reverted(lab: World) -> None:
    bucket = make_bucket(lab)
    text = publish_bucket(lab, bucket)
    decision = lab.decision(bucket, "reverted")
    assert policy_text(lab, bucket) != text

    lab.driftguard("undo", decision["pk"], "--yes")

    lab.decision(bucket, "undone")
    assert policy_text(lab, bucket) == text
    subjects = eventually(
        lambda: [one["Subject"] for one in lab.messages(decision["pk"])][1:], "a second message"
    )
    assert "undone" in subjects[0]
