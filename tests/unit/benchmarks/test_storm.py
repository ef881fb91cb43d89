"""A small storm through the guard's handler (`make storm`): nothing lost, late or taken twice."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.world import ROOT


def test_in_a_storm_every_risk_is_reverted_once_and_others_are_not_late() -> None:
    """In a process of its own: it replaces the handler's policy and clock for good."""
    command = [sys.executable, str(ROOT / "benchmarks" / "load.py"), "--events", "300", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True)
    told = json.loads(ended.stdout)["load"]
    assert told["missed"] == [], ended.stderr
    assert told["risky"] > 10
    assert ended.returncode == 0
