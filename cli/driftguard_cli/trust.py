"""`driftguard trust show|history|reset`: what outcomes say about a control's remedies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftguard import trust
from driftguard.policy import Policy
from driftguard.state import Note, trust_key
from driftguard.trail import text

from .acts import ControlArgument, ReasonOption, act, known_control
from .policy_at_hand import PolicyAtHand, PolicyOption
from .stack import JsonOption, Stack, StackOption

app = typer.Typer(help="What autonomy a control's record has earned.", no_args_is_help=True)
console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Row:
    """The record of one kind of case as it is worth now, beside what the policy says.

    `bound` is the share of right remedies that is exceeded with the policy's confidence; `good` and
    `bad` are weights of outcomes; `outcomes` counts since the last undo. `earned` says whether the
    record is enough, whatever the policy grants; `granted` is that.
    """

    control: str
    case: str
    bound: float
    outcomes: float
    good: float
    bad: float
    pending: int
    earned: bool
    granted: str
    demoted: str


@app.command()
def show(
    control: Annotated[str, typer.Argument(help="Only this control's.")] = "",
    policy: PolicyOption = None,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Show each control's record by kind of case, and whether it has earned to revert.

    Exits 0 also where there is none.

    Example: driftguard trust show ec2.open-ingress --policy policies/packs/earned.yaml
    """
    at_hand = PolicyAtHand.found(policy)
    state = Stack.named(stack).state
    if control:
        known_control(control)
        notes = [state.note(trust_key(control))]
    else:
        notes = state.under(trust_key("")[0])
    now = datetime.now(UTC)
    found = [row for note in notes for row in _rows(note, at_hand.policy, now)]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    if found:
        console.print(_table(found))
    terms = at_hand.policy.bounds.earning
    console.print(
        f"{len(found)} records. Earned: above {terms.threshold:.0%}, {terms.confidence:.0%} sure, "
        f"by {terms.outcomes} outcomes; policy: {at_hand.origin}.",
        markup=False,
    )


@app.command()
def history(
    control: ControlArgument, as_json: JsonOption = False, stack: StackOption = "driftguard"
) -> None:
    """Show the last outcomes that a control's record is made of, newest last.

    Exits 0 also where there are none.

    Example: driftguard trust history ec2.open-ingress
    """
    known_control(control)
    lines = trust.history(Stack.named(stack).state.note(trust_key(control)).document)
    if as_json:
        typer.echo(json.dumps(list(lines), indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("at", "outcome", "case", "by", "decision"):
        table.add_column(column, overflow="fold", no_wrap=column == "decision")
    for one in lines:
        cells = (text(one, name) for name in ("outcome", "case", "by", "decision"))
        table.add_row(text(one, "at")[:19].replace("T", " "), *(Text(cell) for cell in cells))
    if lines:
        console.print(table)
    console.print(f"{len(lines)} outcomes.")


@app.command()
def reset(
    control: ControlArgument,
    case: Annotated[
        str, typer.Argument(help="As `show` names it: `RevokeSecurityGroupIngress by user`.")
    ],
    reason: ReasonOption,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Forget the record of one kind of case: what it had earned is to be earned anew.

    Exits 1 if it is refused, with the reason.

    Example: driftguard trust reset s3.public-policy "PutBucketPolicy by user" --reason "new"
    """
    act(Stack.named(stack), "reset-trust", as_json, control=control, case=case, reason=reason)


def _rows(note: Note, policy: Policy, now: datetime) -> Iterator[Row]:
    control, terms = note.key[1], policy.bounds.earning
    granted = "earned" if policy.earns(control) else policy.granted(control).label
    for case in trust.cases(note.document):
        standing = trust.standing(note.document, case, terms, now)
        record = trust.worth(note.document, case, terms, now)
        yield Row(
            control=control,
            case=case.name,
            bound=round(standing.bound, 4),
            outcomes=round(standing.outcomes, 2),
            good=round(record.good, 2),
            bad=round(record.bad, 2),
            pending=len(record.pending),
            earned=standing.earned,
            granted=granted,
            demoted=record.demoted,
        )


def _table(found: list[Row]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("control", "case", "right in", "outcomes", "good/bad", "policy", "", "demoted"):
        table.add_column(column, overflow="fold", no_wrap=column == "control")
    for one in found:
        table.add_row(
            one.control,
            Text(one.case),
            f"≥ {one.bound:.0%}",
            f"{one.outcomes:g}",
            f"{one.good:g}/{one.bad:g}",
            one.granted,
            Text("earned", "green") if one.earned else Text("not earned", "yellow"),
            one.demoted[:19].replace("T", " "),
        )
    return table
