"""What the wheel and the sdist hold beyond the code: the shipped policies, and their commit."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Where an sdist keeps the commit: it has no .git to ask.
COMMIT = "COMMIT"


class Shipped(BuildHookInterface[Any]):
    """Adds the files. An editable installation reads the checkout instead."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds them to the wheel inside the package, to the sdist at the top."""
        if version == "editable":
            return
        root = Path(self.root)
        self._made = tempfile.TemporaryDirectory()
        commit = Path(self._made.name, COMMIT)
        commit.write_text(_commit(root))
        if self.target_name == "wheel":
            build_data["force_include"][str(root / "policies")] = "driftguard_cli/policies"
            build_data["force_include"][str(commit)] = f"driftguard_cli/{COMMIT}"
        elif not (root / COMMIT).exists():
            build_data["force_include"][str(commit)] = COMMIT

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes what only the build needed."""
        if version != "editable":
            self._made.cleanup()


def _commit(root: Path) -> str:
    """The commit that is built: the sdist's, or the checkout's; "" where there is neither."""
    if (root / COMMIT).exists():
        return (root / COMMIT).read_text()
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude", "*"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return described.stdout.strip()
