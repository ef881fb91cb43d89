"""What the commands have in common: the filters, a decision as JSON, how its status is coloured."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from driftguard.audit.items import GLOBAL
from driftguard.audit.queries import Filters
from driftguard.messages.sns import as_json, said
from driftguard.model import Decision, Status
from driftguard.remedy import inverse

from ..trouble import Trouble

console = Console(highlight=False)

DecisionArgument = Annotated[str, typer.Argument(help="The decision's id: dg-…")]

SinceOption = Annotated[
    str, typer.Option(help="From then on: 2026-11-24, 2026-11-24T10:00:00Z, 36h or 7d (ago).")
]
UntilOption = Annotated[str, typer.Option(help="Until then, included: the same forms.")]
AccountOption = Annotated[str, typer.Option(help="Only in this account.")]
RegionOption = Annotated[
    str, typer.Option(help=f"Only in this region; `{GLOBAL}` for what has none.")
]
ResourceOption = Annotated[str, typer.Option(help="Only of this resource: its ARN or its id.")]
ActorOption = Annotated[
    str,
    typer.Option(
        help="Only changes by this one: an ARN, or a user, role session or service by name."
    ),
]
ControlOption = Annotated[str, typer.Option(help="Only this control's.")]
StatusOption = Annotated[str, typer.Option(help="Only those that stand so.")]
SeverityOption = Annotated[
    int, typer.Option("--min-severity", min=0, max=100, help="Only as severe as this, 0 to 100.")
]

COLOUR = {
    Status.REVERTED: "green",
    Status.DENIED: "green",
    Status.FAILED: "red",
    Status.ASKED: "yellow",
    Status.EXPIRED: "yellow",
    Status.UNDONE: "cyan",
}

_AGO = re.compile(r"(\d+)([hd])")
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?Z?)?")


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """As decisions are stamped."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def counted(number: int, what: str) -> str:
    """`1 day`, `1,204 days`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def moment(text: str, at: datetime) -> str:
    """A time as people write it, as the index sorts it; `36h` and `7d` are so long before `at`."""
    if ago := _AGO.fullmatch(text):
        number, unit = int(ago[1]), ago[2]
        return stamp(at - (timedelta(hours=number) if unit == "h" else timedelta(days=number)))
    if text and not _TIME.fullmatch(text):
        raise Trouble(f"`{text}` is no time. Write 2026-11-24, 2026-11-24T10:00:00Z, 36h or 7d.")
    # Without the Z it is a prefix, and so includes the whole of the day, minute or second.
    return text.removesuffix("Z")


def filters_of(
    *,
    since: str,
    until: str,
    account: str,
    region: str,
    resource: str,
    actor: str,
    control: str,
    status: str,
    min_severity: int,
    days: int,
) -> Filters:
    """The filters of a command; `days` is how far back it looks where nothing else is asked."""
    if status and status not in set(Status):
        raise Trouble(f"There is no status `{status}`. Known: {', '.join(Status)}.")
    at = now()
    asked = Filters(
        since=moment(since, at),
        until=moment(until, at) or stamp(at)[:10],
        account=account,
        region=region,
        resource=resource,
        actor=actor,
        control=control,
        status=status,
        min_severity=min_severity,
    )
    if asked.since > asked.until + "~":
        raise Trouble(f"The time ends before it starts: {asked.since} is after {asked.until}.")
    return asked if asked.since else _from(asked, days)


def _from(asked: Filters, days: int) -> Filters:
    if not days and asked.names_one:
        return asked
    today = datetime.fromisoformat(asked.until[:10]).date()
    return replace(asked, since=(today - timedelta(days=(days or 7) - 1)).isoformat())


def as_json_whole(decision: Decision) -> dict[str, object]:
    """All that is recorded of a decision, for programs."""
    return {
        **as_json(decision),
        "certainty": decision.suspect.certainty.value,
        "done": decision.done,
        "attempt": decision.attempt,
        "state": decision.state,
        "undo": [said(step.call) for step in inverse(decision.plan, decision.done).steps],
        "before": decision.before,
        "after": decision.after,
        "head": decision.head,
    }


def known(found: Decision | None, decision: str) -> Decision:
    """The decision, or trouble for who asked for one that there is not."""
    if found is None:
        raise Trouble(
            f"There is no decision {decision}. `driftguard audit list` names those there are."
        )
    return found
