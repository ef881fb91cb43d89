"""The lab itself: it says that it runs, and cleans up when it is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.world import DRIFTGUARD, ROOT, World, eventually, run

pytestmark = pytest.mark.e2e


def test_up_again_finds_the_lab_that_runs(lab: World) -> None:
    again = run("lab", "up", "--json", "--folder", lab.lab["folder"])
    assert again.returncode == 0, again.stderr
    assert {**json.loads(again.stdout), "folder": lab.lab["folder"]} == lab.lab


def test_the_stack_is_all_that_the_template_says(lab: World) -> None:
    queue = lab.sqs.get_queue_attributes(
        QueueUrl=lab.lab["ChangesQueue"], AttributeNames=["RedrivePolicy"]
    )
    backups = lab.dynamodb.describe_continuous_backups(TableName=lab.lab["AuditTable"])
    expiry = lab.dynamodb.describe_time_to_live(TableName=lab.lab["StateTable"])

    assert json.loads(queue["Attributes"]["RedrivePolicy"])["maxReceiveCount"] == 5
    point_in_time = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert point_in_time["PointInTimeRecoveryStatus"] == "ENABLED"
    assert expiry["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_start_leaves_nothing_running(
    tmp_path: Path, number: signal.Signals
) -> None:
    starting = subprocess.Popen(
        [DRIFTGUARD, "lab", "up", "--folder", str(tmp_path / "lab")],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    record = tmp_path / "lab" / "lab.json"
    try:
        eventually(
            lambda: record.exists() and len(json.loads(record.read_text())["processes"]) == 4,
            "both emulators, the recorder, and sam at work",
        )
        ids = [one["pid"] for one in json.loads(record.read_text())["processes"]]
        time.sleep(0.5)
        starting.send_signal(number)
        _, told = starting.communicate(timeout=30)

        assert starting.returncode == 128 + number
        assert "taken down" in told
        assert not [pid for pid in ids if _runs(pid)]
        assert not record.exists()
    finally:
        starting.kill()
        run("lab", "down", "--folder", str(tmp_path / "lab"))


def test_down_without_a_lab_says_so(tmp_path: Path) -> None:
    down = run("lab", "down", "--folder", str(tmp_path / "lab"))
    assert down.returncode == 0
    assert "no lab" in down.stdout


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] in "ZX")


def test_an_example_is_emitted_and_what_followed_is_said(lab: World) -> None:
    folder = ("--folder", lab.lab["folder"])
    status = run("lab", "status", *folder)
    assert status.returncode == 0, status.stdout
    exported = run("lab", "env", *folder)
    assert f"export AWS_ENDPOINT_URL={lab.lab['recorder_endpoint']}" in exported.stdout.replace(
        "'", ""
    )
    # The group of the example is not in the lab's account: gone, and so nothing follows.
    emitted = run("lab", "emit", "--control", "ec2.open-ingress", "--wait", "5", *folder)
    assert emitted.returncode == 0, emitted.stderr
    assert "AuthorizeSecurityGroupIngress is on the bus as event " in emitted.stdout
    assert "No decision followed within 5 s." in emitted.stdout
