"""What ships with the command line: the policy, its packs, and the commit it was built from.

An installed package holds them itself. An editable installation has them in its checkout.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from .checkout import OWN

_INSTALLED = Path(__file__).parent


def policies() -> Path:
    """The folder of the shipped policies: `guard.yaml`, and the packs in `packs`."""
    inside = _INSTALLED / "policies"
    return inside if inside.is_dir() else OWN / "policies"


def packs() -> dict[str, Path]:
    """The shipped packs by name."""
    return {path.stem: path for path in sorted((policies() / "packs").glob("*.yaml"))}


def commit() -> str:
    """The short name of the commit that this was built or runs from; "" if nothing tells."""
    inside = _INSTALLED / "COMMIT"
    if inside.is_file():
        return inside.read_text().strip()
    if not (OWN / ".git").exists():
        return ""
    command = ["git", "-C", str(OWN), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
