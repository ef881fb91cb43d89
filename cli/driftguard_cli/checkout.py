"""Finds the checkout of Driftguard that a command works on."""

from __future__ import annotations

from pathlib import Path

from .errors import Trouble

# The checkout that an editable installation runs from.
OWN = Path(__file__).resolve().parents[2]


def project_root() -> Path:
    """Return the checkout around the working directory, or else the one this code runs from."""
    here = Path.cwd()
    for folder in (here, *here.parents, OWN):
        if (folder / "template.yaml").is_file() and (folder / "layers" / "driftguard").is_dir():
            return folder
    raise Trouble(
        f"There is no checkout of Driftguard at {here} or above, and this command works on its "
        "template.yaml. Run it from a clone."
    )
