"""Reads one archive in a process of its own, and prints the verdict and the peak of memory.

`python -m tests.inventory.measured ARCHIVE`. The peak is the process's high-water mark as Linux has
it, in bytes; `before` is what Python and the imports took.
"""

import json
import re
import sys
from pathlib import Path

from driftguard.analysis.inventory import inventory


def peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


if __name__ == "__main__":
    before = peak()
    with Path(sys.argv[1]).open("rb") as file:
        result = inventory(file, sys.argv[1])
    told = {
        "before": before,
        "peak": peak(),
        "complete": result.complete,
        "packages": len(result.packages),
        "troubles": result.troubles,
    }
    sys.stdout.write(json.dumps(told))
