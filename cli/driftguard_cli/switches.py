"""`driftguard freeze|unfreeze|redrive`: what a person does to the guard as a whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from driftguard.aws import told_apart
from driftguard.state import ALL

from .acts import known_control
from .stack import JsonOption, Stack, StackOption
from .trouble import Trouble

console = Console(highlight=False)

OneControl = Annotated[str, typer.Option("--control", help="Only this control.")]
OneAccount = Annotated[str, typer.Option("--account", help="Only in this account.")]


def freeze(
    reason: Annotated[str, typer.Option(help="Why, for who finds the guard frozen.")],
    hours: Annotated[float, typer.Option(help="Lift it by itself after so long; 0: never.")] = 0,
    control: OneControl = "",
    account: OneAccount = "",
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """The kill switch: from the next event on, decide and record, but change nothing.

    Exits 1 if it is not frozen, with the reason.

    Example: driftguard freeze --reason "migration" --hours 2
    """
    scope = _scope(control, account)
    deployed = Stack.named(stack)
    now = datetime.now(UTC)
    until = _stamp(now + timedelta(hours=hours)) if hours else ""
    deployed.state.freeze(
        by=deployed.caller(), reason=reason, since=_stamp(now), until=until, scope=scope
    )
    what = "" if scope == ALL else f" {scope.replace('#', ' ')}"
    lifted = "driftguard unfreeze" + ("" if scope == ALL else f" --{scope.replace('#', ' ')}")
    told = f"Frozen{what}" + (f" until {until}." if until else f". Lift it with `{lifted}`.")
    _say({"frozen": True, "scope": scope, "until": until or None}, told, as_json)


def unfreeze(
    control: OneControl = "",
    account: OneAccount = "",
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Lift the freeze of the whole guard, or the one of a control or an account.

    Exits 0 also where nothing was frozen.
    """
    scope = _scope(control, account)
    was = Stack.named(stack).state.unfreeze(scope)
    told = "Lifted." if was else "Nothing was frozen."
    _say({"frozen": False, "was_frozen": was}, told, as_json)


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
            reason = attributes.get("reason", {}).get("StringValue", "the guard died or timed out")
            parked.append({"message": one["MessageId"], "reason": reason, "body": one["Body"]})
            if dry_run:
                continue
            # Back first, gone second: what is interrupted between the two comes twice, not never.
            with told_apart("sqs", "SendMessage"):
                queue.send_message(
                    QueueUrl=deployed.output("ChangesQueue"), MessageBody=one["Body"]
                )
            with told_apart("sqs", "DeleteMessage"):
                queue.delete_message(
                    QueueUrl=deployed.output("DeadLetterQueue"), ReceiptHandle=one["ReceiptHandle"]
                )
    if as_json:
        typer.echo(json.dumps({"redriven": not dry_run, "messages": parked}, indent=2))
        return
    for each in parked:
        console.print(f"{each['message']}  {each['reason']}", markup=False)
    console.print(f"{len(parked)} {'parked' if dry_run else 'put back'}.")


def _scope(control: str, account: str) -> str:
    if control and account:
        raise Trouble("Freeze a control or an account; each is a freeze of its own.")
    if control:
        return f"control#{known_control(control).id}"
    if account and not (len(account) == 12 and account.isdigit()):
        raise Trouble(f"`{account}` is no account: its id has twelve digits.")
    return f"account#{account}" if account else ALL


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _say(told_: dict[str, object], words: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told_))
    else:
        console.print(words)
