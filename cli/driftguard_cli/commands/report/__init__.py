"""`driftguard report`: what is risky now and what was decided, as one page or for programs.

`gathering` reads; `model` holds what was read; `figures` counts; `page` and `tables` write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from driftguard import controls
from driftguard.aws.client import Aws
from driftguard.documents import stamp

from ...aws_options import needed_region, on_aws
from ...errors import Misuse, Trouble
from ...policy_file.at_hand import PolicyAtHand, PolicyOption
from ...stack import Stack, StackOption
from ...terminal import Console
from ..audit.shared import SinceOption, UntilOption, counted, filters_of
from ..sweep import chosen_of
from . import gathering, page, tables
from .compliance import requirements
from .model import Recorded, Report, Swept, with_exemptions

_DAYS = 30


class Format(StrEnum):
    """The formats of a report."""

    HTML = "html"
    CSV = "csv"
    JSON = "json"
    OCSF = "ocsf"


_WRITERS: dict[Format, Callable[[Report], str]] = {
    Format.HTML: page.as_html,
    Format.CSV: tables.as_csv,
    Format.JSON: tables.as_json,
    Format.OCSF: tables.as_ocsf,
}


@on_aws
def report(
    format_: Annotated[
        Format, typer.Option("--format", help="One HTML page, or CSV, JSON, OCSF for programs.")
    ] = Format.HTML,
    since: SinceOption = "",
    until: UntilOption = "",
    days: Annotated[
        int, typer.Option(min=0, help=f"How many days back, today included; {_DAYS} if not given.")
    ] = 0,
    in_region: Annotated[
        list[str] | None,
        typer.Option(metavar="REGION", help="Sweep this region instead. Repeatable."),
    ] = None,
    all_regions: Annotated[
        bool, typer.Option("--all-regions", help="Sweep every region that the account has enabled.")
    ] = False,
    in_profile: Annotated[
        list[str] | None,
        typer.Option(metavar="PROFILE", help="Sweep this profile's account instead. Repeatable."),
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONTROL", help="Sweep only these controls; * and ? match. Repeatable."
        ),
    ] = None,
    from_record_only: Annotated[
        bool, typer.Option("--from-record-only", help="Sweep nothing: only what was decided.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file to write, else standard output."),
    ] = None,
    policy: PolicyOption = None,
    stack: StackOption = "driftguard",
) -> None:
    """Report what is risky now, and what the guard decided in a period; change nothing.

    What is risky now is read with your own rights, as `driftguard sweep` does.
    What was decided comes from the stack's record; without a stack the report
    says so and has only the first part. Whoever reads the report knows what is
    open: store it accordingly.

    Exits 0 also where something is risky; 1 if something could not be read,
    which the report names.

    Example: driftguard report --all-regions --days 30 --output report.html
    """
    if output is not None and not output.absolute().parent.is_dir():
        raise Misuse(f"--output: there is no folder {output.absolute().parent}.")
    if all_regions and in_region:
        raise Misuse("Give either --all-regions or --in-region, not both.")
    chosen = chosen_of(control or ["*"])
    period = filters_of(
        since=since,
        until=until,
        days=days or _DAYS,
        **dict.fromkeys(("account", "region", "resource", "actor", "control", "status"), ""),
        min_severity=0,
    )
    at_hand, now = PolicyAtHand.found(policy), datetime.now(UTC)
    with Console(stderr=True).status("reading") as status:
        recorded: Recorded | None = None
        why_no_record = ""
        try:
            found = Stack.named(stack)
        except Trouble as trouble:
            if from_record_only:
                raise
            why_no_record = str(trouble)
        else:
            recorded = gathering.recorded(found, period, at_hand, now, status.update)
        given = recorded.exemptions if recorded else ()
        swept: Swept | None = None
        if not from_record_only:
            regions = _regions(in_region or [], all_regions)
            swept = gathering.swept(chosen, in_profile or [""], regions, at_hand, status.update)
            swept = with_exemptions(swept, recorded) if recorded else swept
        made = Report(
            made=stamp(now),
            policy=at_hand.origin,
            swept=swept,
            recorded=recorded,
            why_no_record=why_no_record,
            exemptions=(*given, *gathering.of_the_policy(at_hand, now)),
            requirements=requirements(controls.every()),
        )
    _write(_WRITERS[format_](made), output)
    _conclude(made, output)


def _regions(named: Sequence[str], every: bool) -> Callable[[Aws], Sequence[str]]:
    """What says in which regions an account is swept."""
    if every:
        return gathering.enabled_regions
    return lambda _: list(dict.fromkeys(named)) or [needed_region()]


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise Trouble(f"{output} could not be written: {error.strerror}.") from error


def _conclude(made: Report, output: Path | None) -> None:
    """Says on stderr what was written and what is missing; exits 1 where something is."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    said = [counted(len(made.risks), "risk")] if made.swept else []
    said += [counted(len(made.decisions), "decision")] if made.recorded else []
    to = f" written to {output}" if output else ""
    console.print(f"{' and '.join(said)}{to}.", markup=False)
    if made.why_no_record:
        console.print(f"Only what is risky now: {made.why_no_record}", markup=False)
    if made.swept and made.swept.unread:
        unread = len(made.swept.unread)
        console.print(f"Not complete: {counted(unread, 'read')} failed; the report names them.")
        raise typer.Exit(1)
