"""Macie comes back as it was, and is not switched off again over what people made since."""

from __future__ import annotations

import boto3

from driftguard.controls import control
from driftguard.documents import Document
from driftguard.engine.differences import in_words
from driftguard.events.commands import Undo
from driftguard.model import Status
from driftguard.sweep.look import sweep
from tests.scenarios.macie import NOTHING_MADE, disabled, session_snapshot
from tests.scenarios.model import Scenario
from tests.support.world import REGION, Fakes, World


def test_the_undo_deletes_nothing_that_people_made_again(world: World, fakes: Fakes) -> None:
    """Kind 2: DisableMacie deletes jobs, lists, identifiers and filters."""
    scenario = Scenario("macie.disabled", disabled)
    guard, staged = world.with_policy(scenario.policy), scenario.stage()
    fakes.install(staged.fakes)
    list(sweep(guard, REGION, only=[control("macie.disabled")]))
    decision = world.one(staged.attack(), guard)
    assert decision.status is Status.REVERTED, decision.reason
    assert session_snapshot() == {"findingPublishingFrequency": "ONE_HOUR", "status": "ENABLED"}

    job = {"jobId": "1", "name": "again", "jobType": "ONE_TIME"}
    fakes.install(NOTHING_MADE | {("macie2", "ListClassificationJobs"): lambda _: {"items": [job]}})
    left = guard.undo(Undo(decision.id, "alice", "a test"))

    assert left.status is Status.REVERTED
    assert session_snapshot() != "off"
    assert boto3.client("macie2").get_macie_session()["status"] == "ENABLED"


def test_what_people_make_is_no_departure_from_a_baseline() -> None:
    one = control("macie.disabled")
    before: Document = {"enabled": True, "settings": {}, "made": {"ListAllowLists": 1}}
    after: Document = {**before, "made": {"ListAllowLists": 2}}

    assert in_words(before, after, leaving_out=one.volatile | one.momentary) == ""
