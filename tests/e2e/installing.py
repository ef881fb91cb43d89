"""Installs the command line away from the checkout: built, and into a fresh environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.world import ROOT


@dataclass(frozen=True)
class Installed:
    """A fresh environment with Driftguard in it, and a folder without any of the project's files.

    What runs there has nothing of AWS in its environment but what a test gives it.
    """

    environment: Path
    empty: Path

    def __call__(
        self,
        *arguments: str,
        cwd: Path | None = None,
        surroundings: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs `driftguard`."""
        return self.run("driftguard", *arguments, cwd=cwd, surroundings=surroundings)

    def run(
        self,
        program: str,
        *arguments: str,
        cwd: Path | None = None,
        surroundings: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [self.environment / "bin" / program, *arguments],
            cwd=cwd or self.empty,
            env={**kept, "COLUMNS": "100", **(surroundings or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def install(folder: Path, kind: str) -> Installed:
    """Builds the `kind`, wheel or sdist, and installs it with the pinned dependencies."""
    built, environment, empty = folder / "dist", folder / "environment", folder / "empty"
    empty.mkdir()
    _uv("build", f"--{kind}", "--out-dir", built)
    (archive,) = [*built.glob("*.whl"), *built.glob("*.tar.gz")]
    pins = folder / "pins.txt"
    pins.write_text(_uv("export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes"))
    _uv("venv", environment)
    _uv("pip", "install", "--python", environment, "--constraints", pins, archive)
    assert shutil.which("driftguard", path=environment / "bin")
    return Installed(environment, empty)


def _uv(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["uv", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
