"""The commands of the pages that need a stack: each is run against one in moto, as it stands there.

What a page leaves out of a decision's id is filled in. What is not run here needs more than that: a
trail's history, a lab, an archive, days gone by.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from driftguard_cli.main import app
from tests.support.doors import Door
from tests.support.pages import every_line

ID = re.compile(r"dg-[0-9a-f]+…")
# Commands that only read, and how each begins.
READS = (
    *("audit list", "audit show", "audit stats", "audit export", "circuit-breaker show"),
    *("exempt list", "explain dg-", "trust show", "trust history"),
)
# A record of another month; several decisions; what only the reader has.
NOT_HERE = re.compile(r"…|>|policies/|\bdg-\S+ dg-")


Line = tuple[str, ...]


def beginning(*words: str) -> list[Line]:
    """The lines of pages that begin with one of these, without their comments, each once."""
    every = {tuple(shlex.split(line, comments=True)[1:]) for line in every_line()}
    return sorted(line for line in every if " ".join((*line, "")).startswith(words))


def filled(line: Line, decision: str) -> Line | None:
    """The line with the decision's id; None where it needs what only a reader has."""
    ready = tuple(ID.sub(decision, word) for word in line)
    return None if NOT_HERE.search(" ".join(ready)) else ready


def run(line: Line) -> Result:
    return CliRunner().invoke(app, line, input="y\n", env={"COLUMNS": "120"})


def failures(lines: list[Line], decision: str) -> tuple[int, list[str]]:
    """How many lines were run, and what those that failed said."""
    ready = [one for line in lines if (one := filled(line, decision))]
    failed = []
    for line in ready:
        result = run(line)
        if result.exit_code != 0:
            failed.append(f"{line}: {result.exit_code} {result.output} {result.exception}")
    return len(ready), failed


def test_what_reads_a_stack_runs(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    count, failed = failures(beginning(*READS), door.asked.decision.id)
    assert failed == []
    assert count >= 18


def test_exemptions_are_given_as_it_stands_there(door: Door) -> None:
    count, failed = failures(beginning("exempt add "), door.asked.decision.id)
    assert failed == []
    assert count >= 2


def test_a_freeze_begins_and_ends_as_it_stands_there(door: Door) -> None:
    begun, ended = beginning("freeze "), beginning("unfreeze ")
    acts = [(line, ("unfreeze", *scope(line), "--reason", "over")) for line in begun]
    acts += [(("freeze", *scope(line), "--reason", "first"), line) for line in ended]
    for line in [one for both in acts for one in both]:
        assert_done(line)
        # The door's clock stands still, and one act after another takes a while.
        door.asked.world.clock.pass_by(seconds=5)
    assert min(len(begun), len(ended)) >= 3


def scope(line: Line) -> Line:
    return line[1:3] if line[1] == "--control" else ()


def assert_done(line: Line) -> None:
    result = run(line)
    assert result.exit_code == 0, f"{line}: {result.output}"


VOTED = [line for line in beginning("approve ", "deny ", "accept ") if filled(line, "dg-0")]


@pytest.mark.parametrize("line", VOTED, ids=" ".join)
def test_a_vote_counts_as_it_stands_there(door: Door, line: Line) -> None:
    assert_done(filled(line, door.asked.decision.id) or ())


def test_a_vote_of_each_kind_is_shown_on_a_page() -> None:
    assert {line[0] for line in VOTED} == {"approve", "deny", "accept"}
