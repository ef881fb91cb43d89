"""The layers' Makefiles: byte code by the Lambda's Python, and a word where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.world import ROOT

TOOLS = Path(sys.executable).parent


def built(into: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Builds the library's layer for Lambda, with this program as the Lambda's Python."""
    return subprocess.run(
        [
            *("make", "-f", "layers/driftguard/Makefile", "build-DriftguardLayer"),
            *(f"ARTIFACTS_DIR={into}", f"LAMBDA_PYTHON={python}"),
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("python", [sys.executable, "python-that-nobody-has"])
def test_a_layer_has_byte_code_or_the_build_says_that_it_has_not(
    tmp_path: Path, python: str
) -> None:
    made = built(tmp_path, python)
    assert made.returncode == 0, made.stderr
    sources = {path.stem for path in tmp_path.rglob("*.py")}
    compiled = {path.name.split(".")[0] for path in tmp_path.rglob("*.pyc")}
    assert (compiled == sources) == (python == sys.executable)
    assert ("ships without byte code" in made.stderr) == (python != sys.executable)
    assert not compiled or "warning" not in made.stderr
