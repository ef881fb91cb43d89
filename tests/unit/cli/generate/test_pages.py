"""The generated blocks of pages: written between their marks, and up to date."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from driftguard_cli.generate import PAGE_BLOCKS, architecture
from driftguard_cli.generate.pages import PageBlock, with_blocks
from tests.support.world import ROOT

PAGE = """\
# Page

<!-- generated: numbers -->
old
<!-- end -->

Written by people.

<!-- generated: letters -->
<!-- end -->
"""


def test_generated_blocks_of_pages_are_up_to_date() -> None:
    for path, page in with_blocks(ROOT, PAGE_BLOCKS).items():
        assert path.read_text() == page, f"{path.name} is out of date: run `make generate`"


def test_only_the_named_blocks_of_a_page_are_written(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE)
    blocks = [
        PageBlock("page.md", "numbers", lambda root: r"1 \1 2"),
        PageBlock("page.md", "letters", lambda root: "a\nb\n"),
    ]
    written = with_blocks(tmp_path, blocks)
    expected = PAGE.replace("old", r"1 \1 2").replace("letters -->\n", "letters -->\na\nb\n")
    assert written == {tmp_path / "page.md": expected}
    (tmp_path / "page.md").write_text(expected)
    assert with_blocks(tmp_path, blocks) == written


def test_a_page_that_has_lost_its_block_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# Page\n")
    with pytest.raises(ValueError, match=r"page\.md has lost its block `<!-- generated: numbers"):
        with_blocks(tmp_path, [PageBlock("page.md", "numbers", lambda root: "1")])


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A checkout with rooms on three floors, two of which are on one floor."""
    (tmp_path / "pyproject.toml").write_text(
        "[[tool.importlinter.contracts]]\n"
        'type = "layers"\nlayers = ["attic", "kitchen | hall", "cellar"]\n'
    )
    library = tmp_path / "layers" / "driftguard" / "driftguard"
    for room in ("attic", "kitchen"):
        (library / room).mkdir(parents=True)
        (library / room / "__init__.py").write_text(f'"""Is the {room}.\n\nMore of it.\n"""\n')
    for room in ("hall", "cellar"):
        (library / f"{room}.py").write_text(f'"""Is the {room}."""\n')
    return tmp_path


def test_the_map_of_the_rooms_follows_the_contract_and_the_docstrings(house: Path) -> None:
    assert architecture.rooms(house).splitlines() == [
        "| room | purpose |",
        "|---|---|",
        "| `attic` | Is the attic. |",
        "| `kitchen` | Is the kitchen. |",
        "| `hall` | Is the hall. |",
        "| `cellar` | Is the cellar. |",
        "",
        "```mermaid",
        "flowchart TD",
        "    attic --> kitchen & hall --> cellar",
        "```",
    ]


def test_every_floor_points_at_the_one_below() -> None:
    pictured = [
        line.strip().split(" --> ")
        for line in architecture.rooms(ROOT).splitlines()
        if " --> " in line
    ]
    arrows = [pair for line in pictured for pair in itertools.pairwise(line)]
    floors = [" & ".join(floor) for floor in architecture.floors_in(ROOT / "pyproject.toml")]
    assert arrows == list(itertools.pairwise(floors))


def test_a_room_without_a_docstring_is_an_error(house: Path) -> None:
    (house / "layers" / "driftguard" / "driftguard" / "hall.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"hall\.py has no docstring"):
        architecture.rooms(house)
