"""The processes of a lab. Each leads its own group, writes to its own log and is ended by id.

A process is identified by its id and its start time: the system may have given the id alone to
another process since, which the lab must never end.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError
from .interruptions import uninterrupted

_GRACE_SECONDS = 3.0
_TAIL_LINES = 25
# Linux tells here; elsewhere we ask `ps`.
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A running process of ours. `started` tells it from any later one with the same id."""

    name: str
    pid: int
    started: str
    log: Path

    @property
    def alive(self) -> bool:
        """Whether this very process, and not a later one under its id, still runs."""
        return _started_at(self.pid) == self.started


def start(
    name: str, command: Sequence[str], environment: Mapping[str, str], *, log: Path, cwd: Path
) -> Process:
    """Starts a process as the leader of its own group, its output going to `log`."""
    try:
        with uninterrupted(), log.open("ab") as output:
            child = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            return Process(name, child.pid, _started_at(child.pid) or "", log)
    except OSError as error:
        raise LabError(
            f"{name} could not be started: {error.strerror}: {command[0]}. Run `make setup`."
        ) from error


def stop(process: Process) -> None:
    """Ends a process and its whole group: politely, and after a few seconds by force."""
    if not process.alive:
        return
    _signal_group(process, signal.SIGTERM)
    _wait_until(lambda: not process.alive, _GRACE_SECONDS)
    # The children of a leader that has ended may still be at it.
    _signal_group(process, signal.SIGKILL)
    _reap(process.pid)
    _wait_until(lambda: not _group_runs(process.pid), _GRACE_SECONDS)


def run(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    log: Path,
    cwd: Path,
    timeout: float,
    note: Callable[[Process], None] = lambda _process: None,
) -> None:
    """Runs a command to its end. A failure quotes the end of its log; an interruption ends it.

    `note` hears of the process as soon as there is one.
    """
    process = start(name, command, environment, log=log, cwd=cwd)
    try:
        note(process)
        code = _wait(process, timeout)
    finally:
        stop(process)
    if code is None:
        raise LabError(f"{name} did not end within {timeout:.0f} seconds.\n{tail(log)}")
    if code != 0:
        raise LabError(f"{name} failed with exit code {code}.\n{tail(log)}")


def wait_until_ready(process: Process, url: str, timeout: float) -> None:
    """Waits until the process answers at `url`; says why if it ends or keeps silent."""
    deadline = time.monotonic() + timeout
    while not answers(url):
        if not process.alive:
            raise LabError(f"{process.name} ended while starting.\n{tail(process.log)}")
        if time.monotonic() > deadline:
            raise LabError(
                f"{process.name} did not answer at {url} within {timeout:.0f} seconds.\n"
                f"{tail(process.log)}"
            )
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Whether a GET of `url` succeeds. Never by way of a proxy: the lab is on this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for listening in sockets:
            listening.bind(("127.0.0.1", 0))
        return [listening.getsockname()[1] for listening in sockets]


def tail(log: Path) -> str:
    """The end of a log, introduced by where the whole of it is."""
    with suppress(OSError):
        lines = log.read_text(errors="replace").strip().splitlines()[-_TAIL_LINES:]
        return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])
    return f"Its log {log} could not be read."


def _wait(process: Process, timeout: float) -> int | None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        pid, status = os.waitpid(process.pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    return None


def _wait_until(reached: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.02)


def _group_runs(leader: int) -> bool:
    """Whether any process of a group still runs. Those that only wait to be reaped do not."""
    if not _is_linux():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, 0)
            return True
        return False
    for process in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _parent, group, *_ = _fields(process)
            if group == str(leader) and state not in "ZX":
                return True
    return False


def _signal_group(process: Process, number: signal.Signals) -> None:
    # macOS answers EPERM where only zombies are left of a group.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _started_at(pid: int) -> str | None:
    """When the process with this id started, as the system spells it; None if it is no more."""
    if _is_linux():
        with suppress(OSError):
            state, *more = _fields(_PROC / str(pid) / "stat")
            # The start is counted from the boot: only both together are unique.
            boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
            return None if state in "ZX" else f"{boot}+{more[18]}"
        return None
    shown = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return None if not shown or shown.startswith("Z") else shown.partition(" ")[2].strip()


def _is_linux() -> bool:
    return (_PROC / "self" / "stat").exists()


def _fields(stat: Path) -> list[str]:
    """The fields of a process's `stat` from its state on: the name before may hold spaces."""
    return stat.read_text().rpartition(")")[2].split()
