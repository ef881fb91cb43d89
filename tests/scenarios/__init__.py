"""Every control's scenarios: the round-trip and permission tests run each of them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.scenarios.model import Scenario

SCENARIOS: tuple[Scenario, ...] = tuple(
    scenario
    for path in sorted(Path(__file__).parent.glob("[!_]*.py"))
    for scenario in getattr(import_module(f"{__name__}.{path.stem}"), "SCENARIOS", ())
)
