"""`driftguard trust`: shows and resets what a control has earned by its outcomes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from driftguard.documents import Document, amount, text
from driftguard.policy.bounds import Earning
from driftguard.policy.model import Policy
from driftguard.state import trust, trust_record
from driftguard.state.granting import answers_of, stake
from driftguard.state.keys import StateRecord, grants_key, trust_key, trusted
from driftguard.state.standing import standing
from driftguard.state.table import StateTable
from driftguard.state.threshold import Threshold, threshold_of

from ..aws_options import on_aws
from ..operator_requests import ControlArgument, ReasonOption, act, known_control
from ..policy_file.at_hand import PolicyAtHand, PolicyOption
from ..rows import Rows
from ..stack import JsonOption, Stack, StackOption
from ..terminal import Console

app = typer.Typer(help="What autonomy a control's record has earned.", no_args_is_help=True)
console = Console(highlight=False)
# How many of the threshold's last moves are shown.
_MOVES = 10


@dataclass(frozen=True, slots=True)
class Row:
    """What the record of one kind of case is worth now, and what the policy grants.

    `bound` is the share of right remediations that is exceeded with the policy's confidence, and
    `threshold` what it must reach; `good` and `bad` are weights of outcomes; `outcomes` counts
    since the last undo. `earned` says whether the record is enough, whatever the policy grants;
    `granted` is that. `first_grant` is when the control was first granted its reverts, or how far
    it is.
    """

    control: str
    case: str
    bound: float
    threshold: float
    outcomes: float
    good: float
    bad: float
    pending: int
    earned: bool
    granted: str
    demoted: str
    first_grant: str


@app.command()
@on_aws
def show(
    control: Annotated[str, typer.Argument(help="Only this control's.")] = "",
    policy: PolicyOption = None,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Show each control's record by kind of case, and whether it has earned to revert.

    Below it stands the threshold that a record must reach, and what moved it last. Exits 0 also
    where there is none.

    Example: driftguard trust show ec2.open-ingress --policy policies/packs/earned.yaml
    """
    at_hand = PolicyAtHand.found(policy)
    state = Stack.named(stack).state
    if control:
        known_control(control)
    found = rows_in(state, at_hand.policy, datetime.now(UTC), control)
    terms = at_hand.policy.bounds.earning
    threshold = threshold_of(state.record(grants_key(state.place)).document, terms)
    if as_json:
        said = {"records": [asdict(row) for row in found], "threshold": threshold._asdict()}
        typer.echo(json.dumps(said, indent=2))
        return
    if found:
        console.print(_listed(found))
    for line in explained(threshold, terms):
        console.print(line, markup=False)
    console.print(
        f"{len(found)} records. Earned: {terms.confidence:.0%} sure to be above the threshold, by "
        f"{terms.outcomes} outcomes; policy: {at_hand.origin}.",
        markup=False,
    )


@app.command()
@on_aws
def history(
    control: ControlArgument, as_json: JsonOption = False, stack: StackOption = "driftguard"
) -> None:
    """Show the last outcomes that a control's record is made of, newest last.

    Exits 0 also where there are none.

    Example: driftguard trust history ec2.open-ingress
    """
    known_control(control)
    state = Stack.named(stack).state
    lines = trust_record.history(state.record(trust_key(state.place, control)).document)
    if as_json:
        typer.echo(json.dumps(list(lines), indent=2))
        return
    rows = Rows(
        *("at", "outcome", "case", "by", "decision"),
        heading=("at", "outcome"),
        whole=("at", "decision"),
    )
    for outcome in lines:
        cells = (text(outcome, name) for name in ("outcome", "case", "by", "decision"))
        rows.add(text(outcome, "at")[:19].replace("T", " "), *cells)
    if lines:
        console.print(rows)
    console.print(f"{len(lines)} outcomes.")


@app.command()
@on_aws
def reset(
    control: ControlArgument,
    case: Annotated[
        str, typer.Argument(help="As `show` names it: `RevokeSecurityGroupIngress by user`.")
    ],
    reason: ReasonOption,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Forget the record of one kind of case: it must earn its autonomy again.

    Exits 1 if it is refused, with the reason.

    Example: driftguard trust reset s3.public-policy "PutBucketPolicy by user" --reason "new"
    """
    act(Stack.to_change(stack), "reset-trust", as_json, control=control, case=case, reason=reason)


def explained(threshold: Threshold, terms: Earning) -> Iterator[str]:
    """What the threshold is, why, what it guarantees, and its last moves."""
    step = terms.step
    yield (
        f"Threshold: {threshold.value:.1%}. It began at {terms.threshold:.1%}; "
        f"{threshold.reverts:.0f} reverts by the guard itself and {threshold.approvals:.0f} "
        f"approvals lowered it by {step * terms.wrong:.2%} each, to {terms.floor:.0%} at the "
        f"least; {threshold.wrong:.3g} wrong ones raised it by {step:.1%} each."
    )
    carried_out = threshold.reverts + threshold.approvals
    if carried_out:
        most = terms.wrong + (1.0 - terms.threshold) / (step * carried_out)
        yield (
            f"Wrong: {threshold.wrong / carried_out:.2%} of {carried_out:.0f}; the threshold holds "
            f"that under {most:.2%} now, apart from reverts that nobody has judged yet, and steers "
            f"to {terms.wrong:.2%}."
        )
    if threshold.samples:
        yield f"Samples: people denied {threshold.denied:.0f} of {threshold.samples:.0f}."
    for move in threshold.moves[-_MOVES:]:
        at = text(move, "at")[:19].replace("T", " ")
        to = amount(text(move, "to")) or 0.0
        yield f"  {at}  up to {to:.1%}: {text(move, 'by')}, {text(move, 'decision')}"


def rows_in(state: StateTable, policy: Policy, now: datetime, control: str = "") -> list[Row]:
    """What the records of all controls, or of one, are worth now under a policy."""
    place = state.place
    records = [state.record(trust_key(place, control))] if control else state.under(trusted(place))
    shared = state.record(grants_key(place)).document
    return [
        row
        for record in records
        if record.key != grants_key(place)
        for row in _rows(record, shared, policy, now)
    ]


def _rows(record: StateRecord, shared: Document, policy: Policy, now: datetime) -> Iterator[Row]:
    control, terms = record.key[1], policy.bounds.earning
    granted = "earned" if policy.earns(control) else policy.granted(control).label
    answers = answers_of(shared, control)
    grown = stake(answers.right, answers.wrong, terms.grant)
    for case in trust.cases(record.document):
        stands = standing(record.document, shared, control, case, terms, now)
        worth = trust.worth(record.document, case, terms, now)
        yield Row(
            control=control,
            case=case.name,
            bound=round(stands.bound, 4),
            threshold=round(stands.threshold, 4),
            outcomes=round(stands.outcomes, 2),
            good=round(worth.good, 2),
            bad=round(worth.bad, 2),
            pending=len(worth.pending),
            earned=stands.earned,
            granted=granted,
            demoted=worth.demoted,
            first_grant=answers.granted or f"a stake of {grown:.3g}",
        )


def _listed(found: list[Row]) -> Rows:
    rows = Rows(
        *("control", "case", "right in", "outcomes", "good/bad", "policy", "stands"),
        *("demoted", "first granted"),
        heading=("control", "stands"),
        whole=("control",),
    )
    for row in found:
        rows.add(
            row.control,
            row.case,
            f"≥ {row.bound:.0%}",
            f"{row.outcomes:g}",
            f"{row.good:g}/{row.bad:g}",
            row.granted,
            Text("earned", "green") if row.earned else Text("not earned", "yellow"),
            row.demoted[:19].replace("T", " "),
            row.first_grant[:19].replace("T", " "),
        )
    return rows
