"""What the audit commands share: filters, times, the colors of a status."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from driftguard.approvals.act import CONTROL as OPERATOR
from driftguard.audit.queries import Filters
from driftguard.controls import is_known
from driftguard.model import GLOBAL, Status

from ...errors import Misuse
from ...policy_file.schema.names import control_ids, nearest
from ...terminal import Console

console = Console(highlight=False)

SinceOption = Annotated[
    str, typer.Option(help="From this time on: 2026-11-24, 2026-11-24T10:00:00Z, 36h or 7d (ago).")
]
UntilOption = Annotated[str, typer.Option(help="Up to this time, included: the same forms.")]
AccountOption = Annotated[str, typer.Option(help="Only in this account.")]
RegionOption = Annotated[
    str,
    typer.Option(
        "--resource-region",
        help=f"Only of resources in this region; `{GLOBAL}` for those without one.",
    ),
]
ResourceOption = Annotated[str, typer.Option(help="Only of this resource: its ARN or its id.")]
ActorOption = Annotated[
    str,
    typer.Option(
        help="Only changes by this actor: an ARN, or a user, role session or service by name."
    ),
]
ControlOption = Annotated[str, typer.Option(help="Only this control's.")]
StatusOption = Annotated[str, typer.Option(help="Only decisions of this status.")]
SeverityOption = Annotated[
    int,
    typer.Option("--min-severity", min=0, max=100, help="Only from this severity up, 0 to 100."),
]

COLOR = {
    Status.REVERTED: "green",
    Status.DENIED: "green",
    Status.FAILED: "red",
    Status.ASKED: "yellow",
    Status.EXPIRED: "yellow",
    Status.PROPOSED: "yellow",
    Status.UNDONE: "cyan",
}

_AGO = re.compile(r"(\d+)([hd])")
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?Z?)?")


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """Return a time in the form that decisions have."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def counted(number: int, what: str) -> str:
    """`1 day`, `1,204 days`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def moment(text: str, at: datetime) -> str:
    """Return a time that a person wrote in the index's form; `36h` and `7d` are before `at`."""
    if ago := _AGO.fullmatch(text):
        number, unit = int(ago[1]), ago[2]
        return stamp(at - (timedelta(hours=number) if unit == "h" else timedelta(days=number)))
    if text and not _TIME.fullmatch(text):
        raise Misuse(f"`{text}` is not a time. Write 2026-11-24, 2026-11-24T10:00:00Z, 36h or 7d.")
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
    """Return a command's filters; `days` is how far back it looks if no time is given."""
    if status and status not in set(Status):
        raise Misuse(f"There is no status `{status}`. Known: {', '.join(Status)}.")
    if control and control != OPERATOR and not is_known(control):
        # An older version's may still be in the record.
        near = nearest(control, control_ids())
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"There is no control `{control}` in this version{near}.", markup=False
        )
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
        raise Misuse(f"The time ends before it starts: {asked.since} is after {asked.until}.")
    return asked if asked.since else _from(asked, days)


def _from(asked: Filters, days: int) -> Filters:
    if not days and asked.names_one:
        return asked
    today = datetime.fromisoformat(asked.until[:10]).date()
    return replace(asked, since=(today - timedelta(days=(days or 7) - 1)).isoformat())
