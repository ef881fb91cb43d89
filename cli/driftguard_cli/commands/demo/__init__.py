"""`driftguard demo`: shows risky changes being reverted, in a deployment on this machine."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from ...checkout import project_root
from ...terminal import Console
from ..lab import running
from ..lab.processes import tail
from ..lab.reporting import interruptions_told
from .account import Account
from .scenarios import SCENARIOS
from .screen import Screen
from .story import Outcome, Undo, Witness, outcomes, stage, to_undo, undo

POLICY = Path(__file__).with_name("policy.yaml")


def demo(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; the story goes to stderr.")
    ] = False,
) -> None:
    """Deploy into emulators, make risky changes as an intruder would, and watch them reverted.

    Exits 1 if a change was not reverted, something else was changed, or the undo was not exact.
    """
    with interruptions_told():
        began = time.monotonic()
        seen, undone = _play(Screen(Console(stderr=as_json, highlight=False)), began)
    if as_json:
        typer.echo(json.dumps(_told(seen, undone, time.monotonic() - began), indent=2))
    if not _passed(seen, undone):
        raise typer.Exit(1)


def _play(screen: Screen, began: float) -> tuple[list[Outcome], Undo | None]:
    screen.opening()
    with screen.preparing() as tell, running(project_root(), {}, tell, POLICY) as lab:
        account, witness = Account(lab), Witness(lab)
        tell("staging the account")
        staged = stage(account)
        tell("")
        screen.staged(staged)
        seen = screen.watch(SCENARIOS, outcomes(account, staged, witness))
        screen.told(seen)
        screen.recorded(seen[0])
        chosen = to_undo(seen)
        undone = undo(lab, chosen) if chosen else None
        if undone:
            screen.undone(undone)
        passed = _passed(seen, undone)
        if not passed:
            screen.went_wrong(tail(lab.folder / "ministack.log"))
        screen.verdict(passed=passed, seconds=time.monotonic() - began)
        tell("taking everything down")
    return seen, undone


def _passed(seen: list[Outcome], undone: Undo | None) -> bool:
    return all(outcome.passed for outcome in seen) and undone is not None and undone.exact


def _told(seen: list[Outcome], undone: Undo | None, seconds: float) -> dict[str, object]:
    return {
        "scenarios": [
            {
                "id": outcome.scenario.id,
                "control": outcome.scenario.control,
                "reverted": outcome.reverted,
                "siblings_intact": outcome.siblings_intact,
                "seconds_to_revert": round(outcome.seconds, 2) if outcome.reverted else None,
                "decision": outcome.decision.id if outcome.decision else None,
                "status": outcome.decision.status.value if outcome.decision else None,
                "summary": outcome.decision.summary if outcome.decision else None,
                "reason": outcome.decision.reason if outcome.decision else None,
                "message": outcome.message,
            }
            for outcome in seen
        ],
        "undo_exact": undone is not None and undone.exact,
        "undone": undone.decision if undone else None,
        "seconds": round(seconds, 1),
    }
