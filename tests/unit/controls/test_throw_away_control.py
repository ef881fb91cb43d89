"""What adding a control touches: its module and its events; the rest is generated."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.world import ROOT

ID = "throwaway.console-enabled"
LIKE = "ec2.serial-console-enabled"
MODULE = '''"""A throw-away service: the serial console once more, under an id of its own."""

from dataclasses import replace

from .ec2.region import CONSOLE_ENABLED

CONTROLS = (replace(CONSOLE_ENABLED, id="throwaway.console-enabled"),)
'''
# What `driftguard generate` writes when a control is added (docs/architecture.md).
GENERATED = {
    "layers/driftguard/driftguard/controls/index.json",
    "policies/guard.schema.json",
    "policies/packs/starter.yaml",
    "docs/controls.md",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with one more control, and what follows from it generated."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("layers", "cli", "policies", "docs", "events"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    for file in ("template.yaml", "pyproject.toml"):
        shutil.copy(ROOT / file, copy)
    (copy / "layers/driftguard/driftguard/controls/throwaway.py").write_text(MODULE)
    shutil.copytree(copy / "events" / LIKE, copy / "events" / ID)
    assert run(copy, "generate").returncode == 0
    return copy


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the copy's own `driftguard`."""
    paths = f"{checkout / 'layers/driftguard'}{os.pathsep}{checkout / 'cli'}"
    return subprocess.run(
        [sys.executable, "-c", "from driftguard_cli.main import run; run()", *arguments],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )


def same(first: Path, second: Path) -> bool:
    """Whether both files are there and hold the same."""
    return first.exists() and first.read_bytes() == second.read_bytes()


def test_a_control_is_added_by_its_module_and_its_events(checkout: Path) -> None:
    files = [path for path in checkout.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    names = [path.relative_to(checkout).as_posix() for path in files]
    written = {name for name in names if not same(ROOT / name, checkout / name)}
    added = {
        "layers/driftguard/driftguard/controls/throwaway.py",
        f"events/{ID}/risky.json",
        f"events/{ID}/harmless.json",
    }
    assert written == added | GENERATED
    assert run(checkout, "generate", "--check").returncode == 0


def test_the_command_line_knows_it_and_an_event_wakes_it(checkout: Path) -> None:
    listed = json.loads(run(checkout, "controls", "--json").stdout)
    assert ID in {entry["id"] for entry in listed}
    risky = f"events/{ID}/risky.json"
    told = run(checkout, "explain", risky, "--policy", "policies/guard.yaml", "--json").stdout
    assert ID in told
