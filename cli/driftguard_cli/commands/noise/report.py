"""Prints what people would be asked and told: a table a control, and a few sentences."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from driftguard.documents import Document

from .counts import Counts, OfControl, Share
from .labels import Labels

_COLUMNS = ("asked", "perhaps", "reverted", "told", "perhaps")


def table(counts: Counts) -> Table:
    """One row a control, what is asked about most first, and the sum; figures are of all days."""
    shown = Table(box=None, header_style="bold", padding=(0, 1, 0, 0), show_footer=True)
    total = counts.total
    shown.add_column("control", Text("in all"), overflow="fold")
    for name, sum_ in zip(_COLUMNS, _cells(total), strict=True):
        shown.add_column(name, Text(sum_), justify="right", no_wrap=True)
    shown.add_column("asked a day", Text(_rate(counts, total)), justify="right", no_wrap=True)
    for control, of_control in sorted(counts.controls.items(), key=_rank):
        row = (control, *_cells(of_control), _rate(counts, of_control))
        shown.add_row(*map(Text, row))
    return shown


def words(counts: Counts, labels: Labels) -> Iterator[str]:
    """The figures in sentences; with labels, precision and recall."""
    total, days = counts.total, len(counts.days)
    yield (
        f"{days:,} days: people are asked {counts.a_day(total.asked):.2f} times a day, in "
        f"{counts.incidents:,} incidents, and told {counts.a_day(total.told):.2f} times."
    )
    if total.perhaps_asked or total.perhaps_told:
        yield (
            f"Where the guard finds the resource risky, up to "
            f"{counts.a_day(total.perhaps_asked):.2f} and {counts.a_day(total.perhaps_told):.2f} "
            "more."
        )
    if labels:
        yield (
            f"Precision of what is asked about: {_said(counts.precision_asked(labels))}; with what "
            f"is reverted: {_said(counts.precision(labels))}."
        )
        yield (
            f"Recall, of risks that are at least told: {_said(counts.recall(labels))}; "
            f"with what is possible: {_said(counts.recall_with_possible(labels))}."
        )


def document(counts: Counts, labels: Labels) -> Document:
    """All figures for programs."""
    total = counts.total
    return {
        "days": len(counts.days),
        "asked_a_day": counts.a_day(total.asked),
        "perhaps_asked_a_day": counts.a_day(total.perhaps_asked),
        "told_a_day": counts.a_day(total.told),
        "perhaps_told_a_day": counts.a_day(total.perhaps_told),
        "reverted_a_day": counts.a_day(total.reverted),
        "incidents": counts.incidents,
        "controls": {
            control: {
                "asked": one.asked,
                "perhaps_asked": one.perhaps_asked,
                "reverted": one.reverted,
                "told": one.told,
                "perhaps_told": one.perhaps_told,
            }
            for control, one in sorted(counts.controls.items())
        },
        **(
            {
                "precision": _document(counts.precision(labels)),
                "precision_asked": _document(counts.precision_asked(labels)),
                "recall": _document(counts.recall(labels)),
                "recall_with_possible": _document(counts.recall_with_possible(labels)),
            }
            if labels
            else {}
        ),
    }


def _document(share: Share) -> Document:
    return {"part": share.part, "of": share.whole, "share": share.share}


def _said(share: Share) -> str:
    found = "none" if share.share is None else f"{share.share:.1%}"
    return f"{found} ({share.part} of {share.whole})"


def _cells(one: OfControl) -> tuple[str, ...]:
    counts = (one.asked, one.perhaps_asked, one.reverted, one.told, one.perhaps_told)
    return tuple(f"{count:,}" if count else "" for count in counts)


def _rate(counts: Counts, one: OfControl) -> str:
    return f"{counts.a_day(one.asked):.2f}" if one.asked else ""


def _rank(item: tuple[str, OfControl]) -> tuple[int, int, str]:
    control, one = item
    return -one.asked, -(one.told + one.reverted), control
