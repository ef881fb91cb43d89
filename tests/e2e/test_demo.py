"""`driftguard demo`, as somebody with a fresh clone would run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.world import DRIFTGUARD, ROOT, eventually

pytestmark = pytest.mark.e2e


def start_demo(folder: Path) -> subprocess.Popen[str]:
    """Starts the demo with `folder` for its temporary files, and no AWS environment at all."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.Popen(
        [DRIFTGUARD, "demo", "--json"],
        cwd=ROOT,
        env={**plain, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_in(folder: Path) -> list[str]:
    """Command lines of running processes that name this folder or have it as their TMPDIR."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            started_with = (process / "environ").read_text(errors="replace")
            command = (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if str(folder) in started_with or str(folder) in command:
            found.append(command.replace("\0", " "))
    return found


def test_the_demo_reverts_every_change_and_leaves_nothing_behind(tmp_path: Path) -> None:
    told, story = start_demo(tmp_path).communicate(timeout=900)
    demo = json.loads(told or "{}")
    assert demo, story

    assert [one["control"] for one in demo["scenarios"]] == [
        "ec2.open-ingress",
        "s3.public-policy",
        "s3.public-acl",
        "s3.bucket-bpa-off",
        "iam.leaked-key",
        "cloudtrail.stopped",
        "iam.trust-external",
        "kms.deletion-scheduled",
        "secretsmanager.public-policy",
        "rds.snapshot-shared",
        "ecr.public-policy",
    ]
    for one in demo["scenarios"]:
        assert one["reverted"], story
        assert one["siblings_intact"], story
        assert one["seconds_to_revert"] < 30.0
        assert one["decision"].startswith("dg-")
    assert demo["undo_exact"] is True
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = start_demo(tmp_path)
    # Once a Lambda worker runs, the demo is in the middle of its first scenario.
    eventually(
        lambda: [one for one in processes_in(tmp_path) if "_worker.py" in one],
        "a worker",
        within=600,
    )
    demo.send_signal(signal.SIGINT)
    _, story = demo.communicate(timeout=120)

    assert demo.returncode == 128 + signal.SIGINT
    assert "taken down" in story
    time.sleep(0.5)
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []
