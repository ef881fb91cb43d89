"""One word, one meaning: pages, help texts and messages hold to docs/glossary.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from click import Command, Group

from driftguard_cli.main import app
from tests.support.each import each
from tests.support.retired_words import RETIRED, RETIRED_NAMES, found, prose
from tests.support.world import ROOT

# The glossary's last column and the change log are where retired words are explained.
EXPLAINING = {"docs/glossary.md", "CHANGELOG.md"}
PAGES = [
    page
    for page in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
    if page.relative_to(ROOT).as_posix() not in EXPLAINING
]
MODULES = [
    module
    for folder in ("layers/driftguard/driftguard", "cli/driftguard_cli", "functions")
    for module in sorted((ROOT / folder).rglob("*.py"))
]
SETTINGS = [ROOT / "template.yaml", *sorted((ROOT / "policies").rglob("*.yaml"))]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@each("page", PAGES, ids=named)
def test_a_page_says_none_of_the_retired_words(page: Path) -> None:
    text = page.read_text()
    assert found(prose(text)) == []
    assert found(text, RETIRED_NAMES) == []


def helps(command: Command, path: str = "driftguard") -> Iterator[tuple[str, str]]:
    """What each command says of itself and of its options."""
    texts = [command.help or "", *(getattr(given, "help", "") or "" for given in command.params)]
    yield path, "\n\n".join(texts)
    if isinstance(command, Group):
        for name, member in command.commands.items():
            yield from helps(member, f"{path} {name}")


HELPS = dict(helps(typer.main.get_command(app)))


@pytest.mark.parametrize("command", HELPS)
def test_a_help_text_says_none_of_the_retired_words(command: str) -> None:
    assert found(HELPS[command]) + found(HELPS[command], RETIRED_NAMES) == []


def messages(module: Path) -> Iterator[str]:
    """Every text of more than one word in a module that is not a docstring."""
    tree = ast.parse(module.read_text())
    passed_over = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            passed_over.update(id(part) for part in node.values)
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            text = "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) in passed_over:
                continue
            text = node.value
        else:
            continue
        if " " in text.strip():
            yield text


@each("module", MODULES, ids=named)
def test_a_message_says_none_of_the_retired_words(module: Path) -> None:
    said = [word for text in messages(module) for word in found(text) + found(text, RETIRED_NAMES)]
    assert said == []


@pytest.mark.parametrize("file", SETTINGS, ids=named)
def test_the_template_and_the_policies_say_none_of_the_retired_words(file: Path) -> None:
    said = [
        f"{number}: {word}"
        for number, line in enumerate(file.read_text().splitlines(), 1)
        for word in found(line) + found(line, RETIRED_NAMES)
    ]
    assert said == []


@pytest.mark.parametrize(
    "sentence",
    [
        "The remedy failed.",
        "Nobody answered: silence means that the change stands.",
        "Its habits are known.",
        "A breaker trips.",
        "Who keeps it? Answer keep.",
        "It is the organisation's behaviour.",
        "The message is parked.",
    ],
)
def test_a_retired_word_is_found(sentence: str) -> None:
    assert found(sentence, RETIRED) != []
