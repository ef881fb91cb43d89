"""What an attacker does to a group, and a record of what the guard kept."""

from __future__ import annotations

from driftguard.aws.client import Reader
from driftguard.controls.control import NOTHING, Control, NoSettings, References
from driftguard.documents import Document
from driftguard.model import (
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
)
from tests.support.guardrails.circumstances import ACCOUNT, ALICE
from tests.support.world import REGION

ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:shop"


SHOP = Candidate(Resource("logs.log-group", "shop", ACCOUNT, REGION, ARN), Certainty.POSSIBLE)


class Kept(Control[NoSettings]):
    """How long something is kept, as a control that forgives a little would judge it.

    A loss of less than a quarter beside the baseline is nothing to it: so every small step is clean
    beside the one before.
    """

    id = "logs.retention-shortened"
    title = "Kept for less time"
    severity = 50
    references = References()
    triggers = ()
    cuts = NOTHING
    reads = ()
    writes = {}
    baselined = True
    settings = NoSettings

    def __init__(self, days: float) -> None:
        self.days = days

    def observe(self, candidate: Candidate, reader: Reader) -> Document:
        return {"days": self.days}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if baseline is None:
            return None
        days, before = float(str(state["days"])), float(str(baseline["days"]))
        return Finding(f"kept for {days} days, not {before}") if days < before * 0.75 else None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        return Plan((), advice="Keep it for longer.")


def touched(number: int) -> Change:
    """One of many small changes."""
    return Change(
        f"event-{number}", "logs.amazonaws.com", "PutRetentionPolicy", ACCOUNT, REGION, "", ALICE
    )
