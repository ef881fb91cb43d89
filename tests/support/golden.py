"""Golden files: how what people see looked when somebody last looked at it."""

from __future__ import annotations

import os
from pathlib import Path

# Set to write the files anew: then look at what changed, and commit it.
WRITE = "DRIFTGUARD_WRITE_GOLDEN"


def assert_golden(file: Path, shown: str) -> None:
    """Holds what is shown against its golden file, and names how to accept a change."""
    if os.environ.get(WRITE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(shown)
    assert file.exists(), f"no golden file {file}: run once with {WRITE}=1 and look at it"
    assert shown == file.read_text(), f"not as in {file}: if that is right, run with {WRITE}=1"
