"""docs/scan.md has the table of the kinds of dependency file, as the catalog has them."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.analysis.inventory.catalog import CATALOG, Treatment
from tests.support.world import ROOT

HEADINGS = {
    Treatment.READ: "read",
    Treatment.ASKS: "asks",
    Treatment.GAP: "gap",
    Treatment.NONE: "none",
}


def table() -> Iterator[str]:
    """A row for each ecosystem and treatment, in the order of the catalog."""
    yield "| | | files |"
    yield "|---|---|---|"
    rows: dict[tuple[str, Treatment], list[str]] = {}
    for kind in CATALOG:
        rows.setdefault((kind.ecosystem, kind.treatment), []).extend(kind.names)
    for (ecosystem, treatment), names in rows.items():
        listed = ", ".join(f"`{name}`" for name in names)
        yield f"| {ecosystem} | {HEADINGS[treatment]} | {listed} |"


def test_the_table_of_kinds_is_that_of_the_catalog() -> None:
    expected = "\n".join(table())
    assert expected in (ROOT / "docs" / "scan.md").read_text(), f"docs/scan.md wants:\n{expected}"


def test_no_name_is_in_the_catalog_twice() -> None:
    names = [name for kind in CATALOG for name in kind.names]
    assert sorted(names) == sorted(set(names))
