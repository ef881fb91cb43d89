"""The house rules: which way imports go, what a Lambda loads, how big things are."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from driftguard.documents import whole_number
from tests.support.each import each
from tests.support.world import ROOT

LIBRARY = Path("layers/driftguard/driftguard")
CLI = Path("cli/driftguard_cli")
# Entries of the library's top level: the rooms, and the few modules that all of them speak in.
ENTRIES = 18
LINES = 400
# Modules that no Lambda may load before it makes its first client; the last four, never.
# (Powertools imports the bare package `botocore`, to name itself to AWS; that costs nothing.)
HEAVY = ("boto3", "botocore.session", "botocore.client", "pydantic", "yaml", "typer", "rich")


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


# ---------------------------------------------------------------------------------- imports


def contracts(root: Path) -> subprocess.CompletedProcess[str]:
    """Checks the import contracts of a tree, as `make lint` does."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root / LIBRARY.parent}:{root / CLI.parent}"},
        capture_output=True,
        text=True,
    )


def test_the_contracts_are_kept() -> None:
    checked = contracts(ROOT)
    assert checked.returncode == 0, checked.stdout
    assert "Contracts: 4 kept, 0 broken." in checked.stdout


ROOMS = "Rooms: imports go down only"
LEAN = "The library imports nothing that a Lambda lacks"
# What is added to which module of the library, and what the linter says of it under which contract.
BROKEN = {
    "an upward import": (
        {"state/table.py": "from driftguard.engine import errors"},
        ROOMS,
        "driftguard.state.table -> driftguard.engine.errors",
    ),
    "an upward import in a function": (
        {"access/acl.py": "def late():\n    from driftguard.aws import tags"},
        ROOMS,
        "driftguard.access.acl -> driftguard.aws.tags",
    ),
    "an upward import for types": (
        {"model.py": "if TYPE_CHECKING:\n    from driftguard.policy.model import Policy"},
        ROOMS,
        "driftguard.model -> driftguard.policy.model",
    ),
    "a module in no room": ({"helpers.py": "HELP = True"}, ROOMS, "helpers\n"),
    "what a Lambda lacks": (
        {"policy/model.py": "def late():\n    import pydantic"},
        LEAN,
        "driftguard.policy.model -> pydantic",
    ),
    "the command line": (
        {"sweep/look.py": "def late():\n    from driftguard_cli import errors"},
        LEAN,
        "driftguard.sweep.look -> driftguard_cli.errors",
    ),
    "the SDK outside of aws": (
        {"audit/table.py": "def late():\n    import boto3"},
        "Only aws imports the SDK",
        "driftguard.audit.table -> boto3",
    ),
    "a circle inside of a room": (
        {
            "access/network.py": "def late():\n    from . import document",
            "access/document.py": "from . import network",
        },
        "No circles",
        "-> .document (1 import)",
    ),
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the linter says of a copy that breaks everything, by contract."""
    copy = tmp_path_factory.mktemp("copy")
    for package in (LIBRARY, CLI):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, copy / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for edits, _, _ in BROKEN.values():
        for where, text in edits.items():
            with (copy / LIBRARY / where).open("a") as module:
                module.write(f"\n\n{text}\n")
    checked = contracts(copy)
    assert checked.returncode == 1, checked.stderr
    _, *told = re.split(r"^(.+)\n-+\n", checked.stdout.partition("Broken contracts")[2], flags=re.M)
    return dict(zip(told[::2], told[1::2], strict=True))


@pytest.mark.parametrize("what", BROKEN)
def test_a_contract_is_broken_by(what: str, complaints: dict[str, str]) -> None:
    _, contract, told = BROKEN[what]
    assert told in complaints[contract]


def test_no_lambda_loads_what_is_heavy_before_its_first_client() -> None:
    """Every module of the library but the one that a first client needs, in a new process."""
    names = [
        ".".join(path.relative_to(ROOT / LIBRARY.parent).with_suffix("").parts)
        for path in modules(str(LIBRARY))
        if path.relative_to(ROOT / LIBRARY) != Path("aws/credentials.py")
    ]
    script = (
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name.removesuffix('.__init__'))\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == []


def test_the_index_names_only_modules_of_controls() -> None:
    """They are loaded by name, which the contracts cannot see."""
    controls = ROOT / LIBRARY / "controls"
    index = json.loads((controls / "index.json").read_text())
    for module in set(index["modules"].values()):
        place = controls.joinpath(*module.split("."))
        assert place.with_suffix(".py").is_file() or (place / "__init__.py").is_file(), module
    triggered = {
        control
        for by_name in index["triggers"].values()
        for watching in by_name.values()
        for control in watching
    }
    assert triggered == set(index["modules"])


# ------------------------------------------------------------------------------------ sizes


def test_the_librarys_top_level_fits_on_a_page() -> None:
    entries = {path.name for path in (ROOT / LIBRARY).iterdir() if path.name[0] not in "_."}
    assert len(entries - {"guard.json"}) <= ENTRIES, sorted(entries)


def test_no_module_is_long() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in modules(str(LIBRARY), str(CLI), "functions")
        if (count := len(path.read_text().splitlines())) > LINES
    }
    assert long == {}


# --------------------------------------------------------------------------------- numbers

# These check by themselves that `int` takes what they found: by a pattern, or in a `try`.
NUMBERS = {
    ("documents.py", "whole_number"),
    ("access/public_ranges.py", "parsed"),
    ("access/network.py", "_integer"),
    ("analysis/advisories/semver.py", "_identifier"),
    ("analysis/advisories/exchange.py", "_retry_after"),
    ("analysis/advisories/registries.py", "gem_key"),
    ("analysis/inventory/tars.py", "_pax"),
}


def test_no_text_of_others_is_made_a_number_that_int_refuses() -> None:
    """`isdigit` is true of `²` and of five thousand digits: `whole_number` is there for that."""
    found = {
        (str(path.relative_to(ROOT / LIBRARY)), function.name)
        for path in modules(str(LIBRARY))
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        and (said := ast.unparse(function))
        and re.search(r"\.is(digit|decimal|numeric)\(\)", said)
        and re.search(r"\b(int|float)\(", said)
    }
    assert found == NUMBERS


@each(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("9" * 5_000, None),
        ("²", None),
        ("١", None),
        ("-1", None),
        ("+1", None),
        ("1_000", None),
        (" 1", None),
        ("", None),
    ],
)
def test_a_whole_number_is_one_that_everybody_reads_alike(text: str, number: int | None) -> None:
    assert whole_number(text) == number


# --------------------------------------------------------------------------------- template


def test_the_templates_generated_blocks_stand_together_at_its_end() -> None:
    """Nothing is written by hand behind the first of them, but comments that introduce the next."""
    _, *blocks = (ROOT / "template.yaml").read_text().split("  # generated: ")
    names = [block.split("\n", 1)[0] for block in blocks]
    assert names == ["rules", "reads", "writes", "watching", "dashboard"]
    for block in blocks:
        _, end, after = block.partition("  # end generated\n")
        assert end
        assert all(line.startswith("  #") for line in after.splitlines() if line)
