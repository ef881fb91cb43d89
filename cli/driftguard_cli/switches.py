"""`driftguard freeze|unfreeze|redrive`: what a person does to the guard as a whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from driftguard import freezes
from driftguard.aws import told_apart
from driftguard.model import Document, stamp
from driftguard.state import ALL, Moved

from .acts import ReasonOption, act, known_control
from .stack import JsonOption, Stack, StackOption
from .trouble import Trouble
from .unfollowed import Unfollowed, is_of_the_stream, unfollowed

console = Console(highlight=False)

OneControl = Annotated[str, typer.Option("--control", help="Only this control.")]
OneAccount = Annotated[str, typer.Option("--account", help="Only in this account.")]
DirectOption = Annotated[
    bool, typer.Option("--direct", help="Around the console: write the state table yourself.")
]


def freeze(
    reason: Annotated[str, typer.Option(help="Why, for who finds the guard frozen.")],
    hours: Annotated[
        float, typer.Option(min=0, max=8784, help="Lift it by itself after so long; 0: never.")
    ] = 0,
    control: OneControl = "",
    account: OneAccount = "",
    direct: DirectOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """The kill switch: from the next event on, decide and record, but change nothing.

    The console sets and records it in your name. If it gives no answer, or IAM
    does not let you ask it, the state table is written directly; the guard
    records that when it first meets it.

    Exits 1 if it is not frozen, with the reason.

    Example: driftguard freeze --reason "migration" --hours 2
    """
    scope, deployed = _scope(control, account), Stack.named(stack)
    seconds = round(hours * 3600)
    if not direct:
        try:
            act(
                deployed,
                "freeze",
                as_json,
                control=control,
                account=account,
                for_seconds=seconds or None,
                reason=reason,
            )
            return
        except Trouble as error:
            # What asks to stop is not kept waiting by what may itself be broken.
            Console(stderr=True, highlight=False).print(str(error), markup=False)
    now = datetime.now(UTC)
    until = stamp(now + timedelta(seconds=seconds)) if seconds else ""
    by = deployed.caller()
    note = freezes.frozen(freezes.anew(scope, now), by=by, reason=reason, at=now, until=until)
    deployed.state.overwrite(note)
    ends = f" until {until}" if until else ""
    _say_direct("freeze", f"Frozen directly: {freezes.scope(note)}{ends}.", as_json)


def unfreeze(
    reason: ReasonOption,
    control: OneControl = "",
    account: OneAccount = "",
    direct: DirectOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Lift the freeze of the whole guard, or the one of a control or an account.

    The console lifts and records it in your name.

    Exits 1 if there is none to lift.

    Example: driftguard unfreeze --reason "the migration is over"
    """
    scope, deployed = _scope(control, account), Stack.named(stack)
    if not direct:
        act(deployed, "unfreeze", as_json, control=control, account=account, reason=reason)
        return
    now, before = datetime.now(UTC), deployed.state.note(("freeze", scope))
    if not freezes.holds(before, now):
        raise Trouble(f"There is no freeze of {freezes.scope(before)} to lift.")
    lifted = freezes.lifted(before, by=deployed.caller(), reason=reason, at=now)
    try:
        deployed.state.write(lifted)
    except Moved:
        raise Trouble("Somebody has just frozen it anew: look again before you lift it.") from None
    _say_direct("unfreeze", f"Lifted directly: the freeze of {freezes.scope(before)}.", as_json)


def redrive(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is parked.")] = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Show what is parked in the dead-letter queue and why, and put it back to be judged again.

    Exits 0 also where nothing is parked.

    Example: driftguard redrive --dry-run
    """
    deployed = Stack.named(stack)
    queue = deployed.aws.client("sqs")
    parked: list[dict[str, str]] = []
    missed: Unfollowed | None = None
    while True:
        with told_apart("sqs", "ReceiveMessage"):
            messages = queue.receive_message(
                QueueUrl=deployed.output("DeadLetterQueue"),
                MaxNumberOfMessages=10,
                MessageAttributeNames=["reason"],
                VisibilityTimeout=30,
            ).get("Messages", [])
        if not messages:
            break
        for one in messages:
            attributes = one.get("MessageAttributes", {})
            usual = "the guard died or timed out"
            bodies = [one["Body"]]
            if is_of_the_stream(one["Body"]):
                usual = "the publisher could not follow the record"
                # All of them with the first, whichever batches they were in.
                bodies = []
                if missed is None:
                    bodies, missed = _missed(deployed)
            reason = attributes.get("reason", {}).get("StringValue", usual)
            parked.append({"message": one["MessageId"], "reason": reason, "body": one["Body"]})
            if dry_run:
                continue
            # Back first, gone second: what is interrupted between the two comes twice, not never.
            for body in bodies:
                with told_apart("sqs", "SendMessage"):
                    queue.send_message(QueueUrl=deployed.output("ChangesQueue"), MessageBody=body)
            with told_apart("sqs", "DeleteMessage"):
                queue.delete_message(
                    QueueUrl=deployed.output("DeadLetterQueue"), ReceiptHandle=one["ReceiptHandle"]
                )
    if as_json:
        typer.echo(json.dumps({"redriven": not dry_run, "messages": parked}, indent=2))
        return
    for each in parked:
        console.print(f"{each['message']}  {each['reason']}", markup=False)
    for open_ in missed.open if missed else ():
        told = f"{open_.id}  open until {open_.expires}, and perhaps nobody was asked: answer it"
        console.print(told, markup=False)
    console.print(f"{len(parked)} {'parked' if dry_run else 'put back'}.")


def _missed(deployed: Stack) -> tuple[list[str], Unfollowed]:
    missed = unfollowed(deployed.audit, stamp(datetime.now(UTC)))
    return [json.dumps(one) for one in missed.messages], missed


def _scope(control: str, account: str) -> str:
    if control and account:
        raise Trouble("Freeze a control or an account; each is a freeze of its own.")
    if control:
        return f"control#{known_control(control).id}"
    if account and not (len(account) == 12 and account.isdigit()):
        raise Trouble(f"`{account}` is no account: its id has twelve digits.")
    return f"account#{account}" if account else ALL


def _say_direct(kind: str, words: str, as_json: bool) -> None:
    """What was done around the console, in the shape of its own answers."""
    text = f"{words} The guard records it when it first meets it."
    if as_json:
        told: Document = {"act": kind, "counted": True, "text": text, "decision": None}
        typer.echo(json.dumps(told, indent=2))
    else:
        console.print(text, markup=False)
