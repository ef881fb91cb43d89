"""`driftguard lab up`, `down`, `status`, `env` and `emit`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ...checkout import project_root
from ...decisions import as_json_whole, status_in_words
from ...errors import Misuse
from ...operator_requests import known_control
from ...terminal import Console
from . import emitting
from .errors import LabError
from .house import down, up
from .record import Lab, load
from .recorded import eventless, recorded_at
from .reporting import interruptions_told, progress

app = typer.Typer(
    help="The whole pipeline on this machine, for trying things out.", no_args_is_help=True
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder", help="Where the lab keeps its files; .lab in the checkout by default."
    ),
]


@app.command("up")
def up_command(
    as_json: JsonOption = False,
    folder: FolderOption = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="A stack parameter, such as AutonomyCeiling=observe. May be repeated."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="The guard policy to build with; policies/guard.yaml of the checkout by default.",
        ),
    ] = None,
) -> None:
    """Start the emulators, build and deploy the stack, and leave it all running.

    Exits 1 if it does not come up, and takes down what did.

    Example: eval "$(driftguard lab up --parameter AutonomyCeiling=ask)"
    """
    with interruptions_told(), progress(Console(stderr=True, highlight=False)) as tell:
        root = project_root()
        lab = up(root, _folder(folder, root), _parameters(parameter or []), tell, policy)
    if as_json:
        typer.echo(json.dumps(lab.told(), indent=2))
    else:
        _show(lab)


@app.command("down")
def down_command(as_json: JsonOption = False, folder: FolderOption = None) -> None:
    """Stop the lab's processes and remove its files.

    Exits 0 also where none is running.
    """
    with interruptions_told():
        where = _folder(folder, None if folder else project_root())
        stopped = down(where)
    if as_json:
        typer.echo(json.dumps({"stopped": stopped}))
    else:
        typer.echo("The lab is down." if stopped else "There was no lab running.")


@app.command("status")
def status_command(as_json: JsonOption = False, folder: FolderOption = None) -> None:
    """Say whether a lab runs, where it listens, what it has recorded, and which part is dead.

    Exits 1 unless the whole lab runs.
    """
    lab = load(_folder(folder, None if folder else project_root()))
    dead = [process for process in lab.processes if not process.alive] if lab else []
    if as_json:
        told = {
            "running": lab is not None and lab.running,
            "dead": [{"name": one.name, "log": str(one.log)} for one in dead],
            "recorded": recorded_at(lab) if lab else [],
            "eventless": list(eventless()),
            **(lab.told() if lab else {}),
        }
        typer.echo(json.dumps(told, indent=2))
    elif lab is None:
        typer.echo("There is no lab. Start one with: driftguard lab up")
    else:
        typer.echo(_standing(lab))
        for one in dead:
            typer.echo(f"{one.name} is dead; its last words are in {one.log}")
        typer.echo(_places(lab))
        recorded = recorded_at(lab)
        last = f", the last one {recorded[-1]}" if recorded else ""
        typer.echo(f"Calls recorded so far: {len(recorded)}{last}.")
        typer.echo(f"No call leads to these events; `lab emit` does: {', '.join(eventless())}.")
    if lab is None or not lab.running:
        raise typer.Exit(1)


@app.command("env")
def env_command(folder: FolderOption = None) -> None:
    """Print what points a shell's AWS tools at the lab that runs.

    Changes that they make are seen as on AWS: the lab records the calls that
    controls watch, and puts the records on its bus. Exits 1 if no lab runs.

    Example: eval "$(driftguard lab env)"
    """
    _export(_running(folder))


@app.command("emit")
def emit_command(
    file: Annotated[
        Path | None,
        typer.Argument(help="An EventBridge event or one CloudTrail record, as JSON."),
    ] = None,
    control: Annotated[
        str, typer.Option(help="Instead of a file: the example of this control.")
    ] = "",
    harmless: Annotated[
        bool, typer.Option("--harmless/--risky", help="Which of the control's two examples.")
    ] = False,
    forged: Annotated[
        bool,
        typer.Option(
            "--forged", help="A finding of GuardDuty's that GuardDuty itself knows nothing of."
        ),
    ] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for decisions.")] = 20,
    as_json: JsonOption = False,
    folder: FolderOption = None,
) -> None:
    """Put an event on the lab's bus, and say what the guard decided, or why nothing followed.

    The event becomes the lab's own: its account and region, a new id, now. The
    state decides: a resource that is not in the lab's account is gone for the
    guard. GuardDuty in the lab's account knows a finding that is emitted, unless
    it is forged.

    Exits 1 if there is no lab.

    Example: driftguard lab emit --control ec2.open-ingress --harmless
    """
    if (file is None) == (not control):
        raise Misuse("Name a FILE or a --control, one of the two.")
    if control:
        example = "harmless" if harmless else "risky"
        file = project_root() / "events" / known_control(control).id / f"{example}.json"
    assert file is not None
    lab = _running(folder)
    emitted = emitting.own(emitting.read(file), lab)
    if forged and not emitted.is_of_guardduty:
        raise Misuse("--forged is for findings of GuardDuty, and this event is none.")
    if emitted.is_of_guardduty and not forged:
        emitting.know(lab, emitted)
    emitted = emitting.emit(lab, emitted)
    with Console(stderr=True).status("waiting for the guard"):
        decisions = emitting.followed(lab, emitted, wait)
    if as_json:
        told = [as_json_whole(decision) for decision in decisions]
        typer.echo(json.dumps({"event": emitted.id, "decisions": told}, indent=2))
        return
    console = Console(highlight=False)
    console.print(f"{emitted.name} is on the bus as event {emitted.id}.", markup=False)
    for decision in decisions:
        line = f"{decision.id}: {decision.control} {status_in_words(decision)}: {decision.summary}"
        console.print(line, markup=False)
    if not decisions:
        console.print(
            f"No decision followed within {wait:g} s. This says why, control by control:\n"
            f"  driftguard explain {file} --live",
            markup=False,
        )


def _running(folder: Path | None) -> Lab:
    """The lab that runs. Raises `LabError` where none does, or a part of it is dead."""
    lab = load(_folder(folder, None if folder else project_root()))
    if lab is None or not lab.running:
        raise LabError(f"{_standing(lab)} `driftguard lab status` says more.")
    return lab


def _standing(lab: Lab | None) -> str:
    if lab is None:
        return "There is no lab: start one with `driftguard lab up`."
    if lab.running:
        return "The lab runs."
    if not lab.ready:
        return "The lab is not up: it is starting, or its start has failed."
    return "The lab is dead: end it with `driftguard lab down` and start it again."


def _folder(folder: Path | None, root: Path | None) -> Path:
    if folder is not None:
        return folder.resolve()
    assert root is not None
    return root / ".lab"


def _parameters(given: list[str]) -> dict[str, str]:
    for parameter in given:
        if "=" not in parameter:
            raise LabError(f"A parameter is NAME=VALUE, and {parameter!r} has no '='.")
    return dict(parameter.split("=", 1) for parameter in given)


def _places(lab: Lab) -> str:
    at = lab.endpoints
    return (
        f"Make calls at {at.recorder}: what controls watch is recorded and put on the bus.\n"
        f"The pipeline listens at {at.pipeline}, the guarded account at {at.account}: calls that "
        "are made there leave no event."
    )


def _show(lab: Lab) -> None:
    """What a person wants to know on stderr, what a shell can evaluate on stdout."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"\n{_places(lab)}", markup=False)
    for name, value in lab.outputs.items():
        console.print(f"  {name}: [dim]{value}[/]")
    console.print(f"Logs are in {lab.folder}. Stop the lab with: driftguard lab down")
    console.print('Point your tools at it with these, or with: eval "$(driftguard lab up)"\n')
    _export(lab)


def _export(lab: Lab) -> None:
    typer.echo("unset AWS_PROFILE AWS_SESSION_TOKEN")
    for name, value in lab.environment.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
