"""Processes are ended by id, whole groups at a time, and never somebody else's."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from driftguard_cli.commands.lab import processes
from driftguard_cli.commands.lab.errors import LabError
from driftguard_cli.commands.lab.interruptions import Interrupted, interruptible, uninterrupted
from driftguard_cli.commands.lab.processes import Process


def python(tmp_path: Path, code: str) -> Process:
    """Starts a little program."""
    return processes.start(
        "program",
        [sys.executable, "-c", code],
        os.environ,
        log=tmp_path / "program.log",
        cwd=tmp_path,
    )


def wait_for(path: Path) -> str:
    for _ in range(200):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} was not written")


def gone(pid: int) -> bool:
    """Whether no process runs under this id; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


_PARENT = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path("child").write_text(str(child.pid))
time.sleep(60)
"""


def test_stopping_a_process_stops_its_children_too(tmp_path: Path) -> None:
    process = python(tmp_path, _PARENT)
    child = int(wait_for(tmp_path / "child"))

    processes.stop(process)

    assert not process.alive
    assert gone(child)


def test_a_process_that_does_not_listen_is_ended_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_GRACE_SECONDS", 0.3)
    deaf = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("deaf").write_text("yes")
time.sleep(60)
"""
    process = python(tmp_path, deaf)
    wait_for(tmp_path / "deaf")

    processes.stop(process)

    assert not process.alive


def test_a_later_process_under_the_same_id_is_left_alone(tmp_path: Path) -> None:
    process = python(tmp_path, "import time; time.sleep(60)")
    earlier = replace(process, started="long ago")
    try:
        assert not earlier.alive
        processes.stop(earlier)
        assert process.alive
    finally:
        processes.stop(process)


def test_stopping_twice_is_no_trouble(tmp_path: Path) -> None:
    process = python(tmp_path, "import time; time.sleep(60)")
    processes.stop(process)
    processes.stop(process)


def test_a_command_that_fails_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(LabError) as told:
        processes.run(
            "sam build",
            [sys.executable, "-c", "print('no such template'); raise SystemExit(3)"],
            os.environ,
            log=tmp_path / "build.log",
            cwd=tmp_path,
            timeout=30,
        )
    assert "sam build failed with exit code 3" in str(told.value)
    assert "no such template" in str(told.value)


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="did not end within"):
        processes.run(
            "sam deploy",
            [sys.executable, "-c", "import time; time.sleep(60)"],
            os.environ,
            log=tmp_path / "deploy.log",
            cwd=tmp_path,
            timeout=0.3,
        )


def test_a_missing_command_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="make setup"):
        processes.start(
            "ministack", [str(tmp_path / "none")], {}, log=tmp_path / "log", cwd=tmp_path
        )


def test_an_emulator_that_dies_while_starting_is_told_at_once(tmp_path: Path) -> None:
    process = python(tmp_path, "print('address already in use')")
    [port] = processes.free_ports(1)
    with pytest.raises(LabError, match="address already in use"):
        processes.wait_until_ready(process, f"http://127.0.0.1:{port}/", timeout=30)
    processes.stop(process)


def test_an_emulator_that_keeps_silent_is_told_after_the_time_out(tmp_path: Path) -> None:
    process = python(tmp_path, "import time; time.sleep(60)")
    [port] = processes.free_ports(1)
    try:
        with pytest.raises(LabError, match="did not answer"):
            processes.wait_until_ready(process, f"http://127.0.0.1:{port}/", timeout=0.3)
    finally:
        processes.stop(process)


def test_free_ports_differ() -> None:
    assert len(set(processes.free_ports(20))) == 20


def test_a_signal_raises_where_the_program_is() -> None:
    with pytest.raises(Interrupted) as interrupted, interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert interrupted.value.exit_code == 143


def test_a_signal_waits_until_a_step_that_must_not_be_torn_is_done() -> None:
    done = []
    with pytest.raises(Interrupted), interruptible():
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
            done.append("step")
        done.append("more")
    assert done == ["step"]
