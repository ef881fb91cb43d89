"""How right the detectors of secrets are, and what it costs to ask them.

    python benchmarks/exposure.py           tables; exits 1 if a target is missed
    python benchmarks/exposure.py --json    one JSON object; with --along, under `exposure` in the
                                            one on stdin

The corpus is the tests': half of it was held out while the detectors were tuned, which half by a
hash of each case's name. Costs are counts and not seconds, the same on every machine: calls of
regular expressions, instructions (by valgrind's cachegrind), modules loaded and bytes on disk. The
environment that is scanned has a hundred variables and about ten kilobytes.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from driftguard.analysis.secrets import exposed_in  # noqa: E402
from tests.support.secrets.cases import Case  # noqa: E402
from tests.support.secrets.corpus import corpus  # noqa: E402
from tests.support.secrets.made_up import MARKED  # noqa: E402
from tests.support.secrets.scores import Score, by_kind, false_alarms, overall  # noqa: E402

BEYOND_DOUBT = ("AWS access key id", "AWS secret access key", "private key")
MOST_FALSE_ALARMS = 0.02
VARIABLES, CHARACTERS = 100, 10_240
SALT = bytes(16)
AGAIN = 10
CACHEGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
REQUESTED = ("requests", "urllib3", "idna", "certifi", "charset_normalizer", "yaml")

READ = "import json, sys; values = json.load(open(sys.argv[1]))"
IMPORT = f"{READ}; from driftguard.analysis.secrets import exposed_in"
SCAN = f"{IMPORT}; exposed_in(values, bytes(16))"
SCAN_AGAIN = f"{SCAN}; [exposed_in(values, bytes(16)) for _ in range({AGAIN})]"
AS_IT_COMES = f"{READ}; import detect_secrets.plugins.github_token"
TELL = "; print(json.dumps(sorted(sys.modules)))"


# ------------------------------------------------------------------------------- how right


def rightness(cases: tuple[Case, ...]) -> dict[str, Any]:
    """Scores and false alarms of these cases, for JSON."""
    kinds = by_kind(cases)
    ordinary = [case for case in cases if not case.expected]
    alarms = false_alarms(ordinary)
    return {
        "cases": len(cases),
        "all": _figures(overall(kinds.values())),
        "kinds": {kind: _figures(score) for kind, score in kinds.items()},
        "ordinary": len(ordinary),
        "false_alarms": len(alarms),
        "false_alarm_rate": round(len(alarms) / len(ordinary), 4),
    }


def _figures(score: Score) -> dict[str, float]:
    ratios = {"precision": round(score.precision, 4), "recall": round(score.recall, 4)}
    return {**asdict(score), **ratios}


# --------------------------------------------------------------------------------- what it costs


def environment(cases: Iterable[Case]) -> list[tuple[str, str]]:
    """A hundred variables without a secret, ten kilobytes with their names: the corpus' longest.

    What they lack to ten kilobytes is put into one more, with settings in JSON.
    """
    single = (case.values[0] for case in cases if not case.expected)
    known = {place: text for place, text in single if "Variables." in place and "\n" not in text}
    values = sorted(known.items(), key=lambda value: len("".join(value)))[1 - VARIABLES :]
    settings: dict[str, object] = {}
    while _size(values) + len(json.dumps(settings)) < CHARACTERS:
        settings[f"feature-{len(settings)}"] = {"enabled": True, "share": 10}
    return [*values, ("Environment.Variables.FLAGS_AND_SHARES", json.dumps(settings))]


def _size(values: Iterable[tuple[str, str]]) -> int:
    return sum(len(place.rpartition(".")[2]) + len(text) for place, text in values)


def regular_expression_calls(values: list[tuple[str, str]]) -> Counter[str]:
    """How often one scan calls a regular expression, by method."""
    calls = Counter[str]()

    def notice(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and isinstance(getattr(called, "__self__", None), re.Pattern):
            calls[called.__name__] += 1

    sys.setprofile(notice)
    try:
        exposed_in(values, SALT)
    finally:
        sys.setprofile(None)
    return calls


def instructions(program: str, values: Path) -> int:
    """The instructions of a fresh process that runs the program over the values."""
    ended = _run((*CACHEGRIND, sys.executable, "-c", program, str(values)))
    found = re.search(r"I\s+refs:\s+([\d,]+)", ended.stderr)
    assert found, ended.stderr
    return int(found.group(1).replace(",", ""))


def modules(program: str, values: Path) -> set[str]:
    """What a fresh process has loaded at the end of the program."""
    return set(json.loads(_run((sys.executable, "-c", program + TELL, str(values))).stdout))


def _run(command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True)


def costs(cases: tuple[Case, ...]) -> dict[str, Any]:
    """Everything that is counted, for JSON."""
    values = environment(cases)
    told = exposed_in(values, SALT)
    assert not told, told
    token = ("Environment.Variables.INTEGRATION", MARKED[0].made(Random(1))[1])
    calls = regular_expression_calls(values)
    with tempfile.TemporaryDirectory() as folder:
        ordinary, with_token = Path(folder, "ordinary.json"), Path(folder, "token.json")
        ordinary.write_text(json.dumps(values))
        with_token.write_text(json.dumps([*values, token]))
        bare = modules(READ, ordinary)
        loaded = {
            "ordinary": modules(SCAN, ordinary) - bare,
            "token": modules(SCAN, with_token) - bare,
            "as_it_comes": modules(AS_IT_COMES, ordinary) - bare,
        }
        counted = _counted(ordinary, with_token) if shutil.which("valgrind") else None
    return {
        "variables": len(values),
        "characters": _size(values),
        "regular_expression_calls": sum(calls.values()),
        "by_method": dict(calls),
        "modules": {name: len(some) for name, some in loaded.items()},
        "of_the_library": {
            name: sum(module.startswith("detect_secrets") for module in some)
            for name, some in loaded.items()
        },
        "instructions": counted,
        "bytes": {name: _bytes(name) for name in ("detect_secrets", *REQUESTED)},
    }


def _counted(ordinary: Path, with_token: Path) -> dict[str, int]:
    bare, imported = instructions(READ, ordinary), instructions(IMPORT, ordinary)
    first, token = instructions(SCAN, ordinary), instructions(SCAN, with_token)
    return {
        "import": imported - bare,
        "first_scan": first - imported,
        "each_further_scan": (instructions(SCAN_AGAIN, ordinary) - first) // AGAIN,
        "first_scan_with_a_token": token - imported,
        "importing_one_plugin_as_it_comes": instructions(AS_IT_COMES, ordinary) - bare,
    }


def _bytes(package: str) -> int:
    """The size of an installed package's own files; 0 if it is not installed."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return 0
    files = (path for path in Path(spec.origin).parent.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc")


# ------------------------------------------------------------------------------------- telling


def measure() -> dict[str, Any]:
    """Everything, and which targets were missed."""
    cases = corpus()
    right = {
        "all": rightness(cases),
        "tuned": rightness(tuple(case for case in cases if not case.held_out)),
        "held_out": rightness(tuple(case for case in cases if case.held_out)),
    }
    missed = [
        f"recall of {kind}" for kind in BEYOND_DOUBT if right["all"]["kinds"][kind]["recall"] < 1
    ]
    for name, half in right.items():
        if half["false_alarm_rate"] >= MOST_FALSE_ALARMS:
            missed.append(f"false alarms ({name})")
    return {**right, "cost": costs(cases), "missed": missed}


def show(told: Mapping[str, Any], console: Console) -> None:
    """The figures as tables."""
    console.print(_kinds(told))
    console.print(_halves(told))
    console.print(_costs(told["cost"]))
    if told["missed"]:
        console.print(f"[bold red]Missed:[/] {'; '.join(told['missed'])}.")


def _kinds(told: Mapping[str, Any]) -> Table:
    table = Table(box=None, header_style="bold", title="Secrets, by kind")
    table.add_column("kind")
    for column in ("found", "missed", "wrong", "precision", "recall", "held out"):
        table.add_column(column, justify="right")
    for kind, score in told["all"]["kinds"].items():
        half = told["held_out"]["kinds"].get(kind)
        counts = (f"{score[name]}" for name in ("right", "missed", "wrong"))
        ratios = (f"{score[name]:.1%}" for name in ("precision", "recall"))
        held = f"{half['right']} of {half['right'] + half['missed']}" if half else ""
        table.add_row(kind, *counts, *ratios, held)
    return table


def _halves(told: Mapping[str, Any]) -> Table:
    table = Table(box=None, header_style="bold", title="In all")
    table.add_column("cases")
    for column in ("number", "precision", "recall", "ordinary", "false alarms"):
        table.add_column(column, justify="right")
    for key, name in (("tuned", "tuned on"), ("held_out", "held out"), ("all", "all")):
        half = told[key]
        score = half["all"]
        table.add_row(
            name,
            f"{half['cases']}",
            f"{score['precision']:.2%}",
            f"{score['recall']:.2%}",
            f"{half['ordinary']}",
            f"{half['false_alarms']} ({half['false_alarm_rate']:.1%})",
        )
    return table


def _costs(cost: Mapping[str, Any]) -> Table:
    title = f"{cost['variables']} variables, {cost['characters']:,} characters, no secret"
    table = Table(box=None, header_style="bold", title=title)
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_row("calls of regular expressions", f"{cost['regular_expression_calls']:,}")
    for name, count in (cost["instructions"] or {}).items():
        table.add_row(f"instructions: {name.replace('_', ' ')}", f"{count / 1e6:,.1f} M")
    if not cost["instructions"]:
        table.add_row("instructions", "valgrind is not installed")
    for name, count in cost["modules"].items():
        own = cost["of_the_library"][name]
        table.add_row(f"modules loaded: {name.replace('_', ' ')}", f"{count} ({own} the library's)")
    for name, size in cost["bytes"].items():
        where = "shipped" if name == "detect_secrets" else "left out"
        table.add_row(f"bytes of {name} ({where})", f"{size:,}")
    return table


def main() -> None:
    """Measures, tells, and exits 1 if a target is missed, or one of those told along is."""
    along = json.load(sys.stdin) if "--along" in sys.argv[1:] else {}
    with Console(stderr=True).status("scanning and counting (about a minute)"):
        told = measure()
    if "--json" in sys.argv[1:]:
        sys.stdout.write(json.dumps({**along, "exposure": told}, indent=2) + "\n")
    else:
        show(told, Console(highlight=False, soft_wrap=True))
    others = [other for other in along.values() if isinstance(other, dict)]
    if told["missed"] or along.get("missed") or not all(other.get("met", True) for other in others):
        sys.exit(1)


if __name__ == "__main__":
    main()
