"""Runs trials on some processes, and tells what came of them in tables of 80 columns."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario

from .choosing import named, trials
from .judging import End, Verdict, wrong
from .kinds import KINDS, MEANINGS
from .trials import Life, Trial, begun, calls_of, forked

PAIRS = "pairs"
_WELL = (End.RIGHT, End.ASKED)
# Ends that people must see to; where the fault passed by itself, that is told, though it is no lie.
_STOPPED = (End.TOLD, End.WAITS)
_PASSING = frozenset(("throttled", "500", "busy", "lost", "resent", "late", "reset", "killed"))
COLUMNS = (*(kind.name for kind in KINDS), PAIRS)


@dataclass(frozen=True)
class Row:
    """What came of one scenario's trials. `untroubled` is how it ends when nothing goes wrong."""

    scenario: str
    untroubled: Verdict
    calls: tuple[str, ...]
    ends: tuple[tuple[Trial, Verdict], ...]


@dataclass(frozen=True)
class Wanted:
    """Which trials: all of a scenario's with so many pairs, every `step`th, or `only` one."""

    pairs: int
    seed: str
    only: str = ""
    step: int = 1


def row(name: str, wanted: Wanted) -> Row:
    """The trials of one scenario."""
    scenario = next(known for known in SCENARIOS if str(known) == name)
    if wanted.only:
        return _only(scenario, named(wanted.only), wanted.seed)
    # What a process works out once, each of its copies then has from the start: half their time.
    with begun(scenario) as life:
        life.live({})
    with begun(scenario) as life:
        untroubled, calls = calls_of(life)
        told = tuple(map(str, calls))
        if untroubled.end not in _WELL:
            return Row(name, untroubled, told, ())
        every = list(trials(scenario, calls, wanted.pairs, wanted.seed))[:: wanted.step]
        ends = tuple((trial, _ended(life, trial, wanted.seed)) for trial in every)
    return Row(name, untroubled, told, ends)


def _ended(life: Life, trial: Trial, seed: str) -> Verdict:
    try:
        return forked(lambda: life.live(trial.strikes, f"{seed} {trial}"))
    except RuntimeError as error:
        return wrong(f"the trial broke: {error}")


def _only(scenario: Scenario, trial: Trial, seed: str) -> Row:
    """One trial; how the scenario ends when nothing goes wrong is not asked."""

    def lived() -> tuple[Verdict, tuple[str, ...]]:
        verdict = life.live(trial.strikes, f"{seed} {trial}")
        return verdict, tuple(map(str, life.hook.calls))

    with begun(scenario) as life:
        verdict, made = forked(lived)
    if missing := {*trial.strikes} - {*made}:
        verdict = wrong(f"there is no call {', '.join(missing)}; there are: {', '.join(made)}")
    return Row(str(scenario), Verdict(End.RIGHT), made, ((trial, verdict),))


def rows(names: list[str], wanted: Wanted, processes: int) -> Iterator[Row]:
    """The rows of these scenarios, each as soon as it is done."""
    if processes == 1:
        yield from (row(name, wanted) for name in names)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, initializer=prepared) as pool:
        for done in as_completed([pool.submit(row, name, wanted) for name in names]):
            yield done.result()


def prepared() -> None:
    """Makes this process one that never speaks to a real account, as the tests' are."""
    from tests import conftest

    conftest.prepare()
    conftest.keep_what_is_loaded()


# ------------------------------------------------------------------------------------ tables


def show(found: list[Row], console: Console) -> None:
    """The matrix, what the ends were, and each fault with the line that shows it again."""
    console.print(_matrix(found))
    console.print(_ends(found))
    calls = {call.rpartition(".")[0] for row in found for call in row.calls}
    sites = sum(len(row.calls) for row in found)
    lives = sum(len(row.ends) for row in found)
    console.print(
        f"{len(found)} controls, {sites} calls ({len(calls)} operations), {lives:,} trials."
    )
    for row in found:
        tell(row, console)


def tell(row: Row, console: Console) -> None:
    """What ended wrong in a row, each with what shows it again."""
    if row.untroubled.end not in _WELL:
        console.print(f"[red]{row.scenario}[/]: {row.untroubled.why}, with nothing wrong")
    for trial, verdict in row.ends:
        if verdict.end is End.WRONG:
            console.print(f"[red]--only {trial}[/]\n    {verdict.why[:300]}", soft_wrap=True)
        elif verdict.end in _STOPPED and set(trial.kinds) <= _PASSING:
            console.print(
                f"did not recover: --only {trial}\n    {verdict.why[:200]}", soft_wrap=True
            )


def faults(found: list[Row]) -> int:
    """How many trials ended wrong."""
    ends = [verdict.end for row in found for _, verdict in row.ends]
    troubled = sum(row.untroubled.end not in _WELL for row in found)
    return ends.count(End.WRONG) + troubled


def _column(trial: Trial) -> str:
    return PAIRS if len(trial.kinds) > 1 else trial.kinds[0]


def _matrix(found: list[Row]) -> Table:
    """How many trials ended well, by control and kind; wrong ones are marked."""
    table = Table(title="Trials by control and fault (x: wrong)", box=None, header_style="bold")
    table.add_column("", max_width=19, no_wrap=True, overflow="ellipsis")
    for column in COLUMNS:
        table.add_column(column[:3], justify="right", no_wrap=True)
    for row in sorted(found, key=lambda row: row.scenario):
        cells = []
        for column in COLUMNS:
            ends = [verdict.end for trial, verdict in row.ends if _column(trial) == column]
            bad = ends.count(End.WRONG)
            cells.append(f"[red]x{bad}[/]" if bad else str(len(ends) or "·"))
        table.add_row(row.scenario, *cells)
    return table


def _ends(found: list[Row]) -> Table:
    table = Table(title="How they ended", box=None, header_style="bold")
    table.add_column("fault", no_wrap=True)
    for end in End:
        table.add_column(end.value.replace(" ", "\n").replace("-", "-\n"), justify="right")
    table.add_column("is")
    for column in COLUMNS:
        counts = Counter(
            verdict.end for row in found for trial, verdict in row.ends if _column(trial) == column
        )
        table.add_row(column, *(f"{counts[end]:,}" for end in End), MEANINGS[column])
    return table
