"""What machines read is the same in every process, whatever order its sets have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.inventory.making_zips import Content
from tests.support.scan.making import FAT_JAR, LODASH, REQUESTS, dumped, laid_out

COMMAND = "from driftguard_cli.main import run; run()"
MANY: dict[str, Content] = {
    f"node_modules/{index}/node_modules/lodash/package.json": '{"version": "4.17.15"}'
    for index in range(20)
}


@pytest.mark.parametrize("form", ["sarif", "cyclonedx"])
def test_two_processes_write_the_same_bytes(tmp_path: Path, form: str) -> None:
    laid_out(tmp_path / "app", REQUESTS | LODASH | MANY | {"lib/app.jar": FAT_JAR})
    dumped(tmp_path / "osv")
    told = {_scanned(tmp_path, form, seed) for seed in ("1", "2")}
    assert len(told) == 1
    assert b"CVE-2018-18074" in told.pop()


def _scanned(folder: Path, form: str, seed: str) -> bytes:
    environment = os.environ | {
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "XDG_CACHE_HOME": str(folder / f"cache-{seed}"),
    }
    arguments = ["scan", "app", "--advisories", "osv", "--min-severity", "0", "--format", form]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return done.stdout
