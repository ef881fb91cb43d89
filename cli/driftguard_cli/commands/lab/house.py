"""Brings a lab up and takes it down."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from . import deploy, environment, processes, record
from .environment import Endpoints
from .errors import LabError
from .interruptions import uninterrupted
from .record import Lab

# Hears what is being done now, one short line at a time.
Tell: TypeAlias = Callable[[str], None]

_START_SECONDS = 60.0
# A lab guards nothing real, and shows all that plans and undos do.
OF_LABS: Mapping[str, str] = {"MayGrant": "true", "Containment": "true"}
# Every API call of the lab's functions, one line of JSON each.
CALLS = "calls.jsonl"


def up(
    root: Path,
    folder: Path,
    parameters: Mapping[str, str],
    tell: Tell,
    policy: Path | None = None,
) -> Lab:
    """Starts the emulators and deploys the stack. Whatever stops it takes all of it down again.

    `policy` is the guard policy that the stack is built with: the checkout's own if None.
    """
    parameters = {**OF_LABS, **parameters}
    guarding = policy or root / "policies" / "guard.yaml"
    if not guarding.is_file():
        raise LabError(f"There is no policy at {guarding}.")
    with _only_one(folder):
        if running := _already(folder, parameters, guarding):
            tell("already running")
            return running
        _clear(folder)
        shutil.copyfile(guarding, folder / deploy.POLICY)
        try:
            return _bring_up(root, folder, parameters, tell)
        except BaseException:
            with uninterrupted():
                _clear(folder, keep_logs=True)
            raise


def down(folder: Path) -> bool:
    """Ends the lab's processes, by id, and removes its folder. False: there was none."""
    if not folder.is_dir():
        return False
    with uninterrupted(), _only_one(folder):
        existed = record.load(folder) is not None
        _clear(folder)
        shutil.rmtree(folder)
        return existed


@contextmanager
def running(
    root: Path, parameters: Mapping[str, str], tell: Tell, policy: Path | None = None
) -> Iterator[Lab]:
    """A lab of one's own, in a temporary folder, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="driftguard-lab-"))
    try:
        lab = up(root, folder, parameters, tell, policy)
    except LabError:
        # Nothing runs any more, and the error names logs that somebody may want to read.
        raise
    except BaseException:
        shutil.rmtree(folder)
        raise
    try:
        yield lab
    finally:
        down(folder)


def _bring_up(root: Path, folder: Path, parameters: Mapping[str, str], tell: Tell) -> Lab:
    tell("starting the emulators and building (sam build)")
    pipeline, account, recorder = map("http://127.0.0.1:{}".format, processes.free_ports(3))
    endpoints = Endpoints(pipeline, account, recorder)
    lab = Lab(folder, endpoints, parameters=dict(parameters))
    lab = _start_emulators(lab, root)
    deploy.build(lab, root)
    for process, ready in zip(
        lab.processes,
        (
            f"{endpoints.account}/moto-api/",
            f"{endpoints.pipeline}/_ministack/health",
            f"{endpoints.recorder}/_driftguard/recorder",
        ),
        strict=True,
    ):
        processes.wait_until_ready(process, ready, _START_SECONDS)
    tell("deploying (sam deploy)")
    lab = replace(lab, outputs=deploy.deploy(lab, root), ready=True)
    lab.save()
    tell("")
    return lab


def _start_emulators(lab: Lab, root: Path) -> Lab:
    lab.temporary.mkdir()
    # moto behind the rules of AWS that it does not know, on a clock that lets minutes settle soon.
    python = str(environment.tools(root) / "python")
    account = [python, "-m", "tests.support.strict_aws.server", "--hasten", "60"]
    account += ["-H", "127.0.0.1", "-p"]
    # The pipeline's emulator runs Lambda code on its own interpreter: it has a lean environment.
    lean = root / ".venv" / "emulator" / "bin" / "python"
    pipeline = [str(lean), str(Path(__file__).with_name("emulator.py"))]
    recorder = [python, "-m", "driftguard_cli.commands.lab.recorder"]
    recorder += ["--port", _port(lab.endpoints.recorder), "--records", str(lab.records)]
    recorder += ["--account", lab.endpoints.account, "--pipeline", lab.endpoints.pipeline]
    with uninterrupted():
        for name, command, variables in (
            (
                "moto_server",
                [*account, _port(lab.endpoints.account)],
                environment.for_account(root),
            ),
            ("ministack", pipeline, environment.for_pipeline(lab.endpoints, lab.folder / CALLS)),
            ("recorder", recorder, environment.for_recorder(root)),
        ):
            started = processes.start(
                name,
                command,
                environment.clean(variables, lab.temporary),
                log=lab.folder / f"{name}.log",
                cwd=lab.folder,
            )
            lab = lab.with_process(started)
            lab.save()
    return lab


def _port(endpoint: str) -> str:
    return endpoint.rpartition(":")[2]


def _already(folder: Path, parameters: Mapping[str, str], policy: Path) -> Lab | None:
    lab = record.load(folder)
    if lab is None or not lab.running:
        return None
    if lab.parameters != dict(parameters):
        raise LabError(
            f"A lab with other parameters is running in {folder}: {lab.parameters or 'none'}. "
            "Take it down first: driftguard lab down."
        )
    deployed_policy = folder / deploy.POLICY
    if not (deployed_policy.is_file() and deployed_policy.read_bytes() == policy.read_bytes()):
        raise LabError(
            f"A lab with another policy than {policy} is running in {folder}. "
            "Take it down first: driftguard lab down."
        )
    return lab


def _clear(folder: Path, *, keep_logs: bool = False) -> None:
    """Ends what a lab left running and removes its files, but for the lock and maybe the logs."""
    lab = record.load(folder)
    for process in reversed(lab.processes if lab else ()):
        processes.stop(process)
    for path in folder.iterdir():
        if path.name == _LOCK or (keep_logs and path.suffix == ".log"):
            continue
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


_LOCK = "lock"


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """One command at a time in a lab's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LabError(
                f"Another `driftguard lab` is at work in {folder}. "
                "Wait until it is done, or stop it with Ctrl-C."
            ) from error
        yield
