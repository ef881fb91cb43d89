"""Rows for people: a table where one can be read, else one block a row.

A table that is too narrow breaks every field into a column of two characters. So a table is printed
only if no field has to be broken into pieces that are shorter than a few words.
"""

from __future__ import annotations

from collections.abc import Collection

from rich import console as rich_console
from rich.cells import cell_len
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftguard.channels.wording import severity_name

# What a field that may be broken needs at least, in characters: a few words.
_LEAST = 24
_BETWEEN = 2

_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
INFORMATIONAL = severity_name(0)
# The names of severities, the worst first.
SEVERITIES = (*_STYLES, INFORMATIONAL)


def severity_in_words(severity: int) -> Text:
    """Return a severity (0 to 100) by its name, in its color."""
    name = severity_name(severity)
    return Text(name, _STYLES.get(name, ""))


class Rows:
    """Rows of named fields. `heading` names those that stand in the first line of a block.

    Those in `whole` are never broken: people copy them to the next command.
    """

    def __init__(
        self, *columns: str, heading: Collection[str], whole: Collection[str] = ()
    ) -> None:
        self._columns = columns
        self._heading, self._whole = frozenset(heading), frozenset(whole)
        self._rows: list[tuple[list[Text], str]] = []

    def add(self, *fields: str | Text, style: str = "") -> None:
        """Adds a row: a field for each column, "" where it has none."""
        cells = [field if isinstance(field, Text) else Text(field) for field in fields]
        self._rows.append((cells, style))

    def __rich_console__(
        self, console: rich_console.Console, options: rich_console.ConsoleOptions
    ) -> rich_console.RenderResult:
        if self._needed() <= options.max_width:
            yield self._table()
        else:
            for number, (cells, style) in enumerate(self._rows):
                if number and self._begins(cells):
                    yield ""
                yield from self._block(cells, style)

    def _begins(self, cells: list[Text]) -> bool:
        """Whether a row has a heading of its own; without one it goes on with the row before."""
        named = zip(self._columns, cells, strict=True)
        return any(column in self._heading and cell.plain for column, cell in named)

    def _needed(self) -> int:
        """The width that a table needs at least to be read."""
        widths = []
        for number, column in enumerate(self._columns):
            natural = max((cell_len(cells[number].plain) for cells, _ in self._rows), default=0)
            least = natural if column in self._whole else min(natural, _LEAST)
            widths.append(max(least, cell_len(column)))
        return sum(widths) + _BETWEEN * len(widths)

    def _table(self) -> Table:
        table = Table(box=None, header_style="bold", padding=(0, _BETWEEN, 0, 0))
        for column in self._columns:
            table.add_column(column, overflow="fold", no_wrap=column in self._whole)
        for cells, style in self._rows:
            table.add_row(*cells, style=style)
        return table

    def _block(self, cells: list[Text], style: str) -> rich_console.RenderResult:
        named = dict(zip(self._columns, cells, strict=True))
        first = [cell for column, cell in named.items() if column in self._heading and cell.plain]
        line = Text("  ", style or "bold").join(first)
        line.stylize(style or "bold")
        if line.plain:
            yield line
        fields = Table.grid(padding=(0, _BETWEEN, 0, 0))
        fields.add_column(style="dim")
        fields.add_column(overflow="fold", style=style)
        for column, cell in named.items():
            if column not in self._heading and cell.plain:
                fields.add_row(column, cell)
        if fields.row_count:
            yield Padding(fields, (0, 0, 0, 2))
