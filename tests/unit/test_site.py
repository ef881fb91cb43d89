"""The documentation site: what its hooks make of links, and that a dead link stays one.

`make docs` builds the site itself, and fails at any warning.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.support.world import ROOT

SETTINGS = (ROOT / "mkdocs.yml").read_text()


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "site" / "hooks.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Files:
    """The pages of the site, as MkDocs gives them to a hook."""

    def get_file_from_path(self, path: str) -> str | None:
        pages = {"index.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"}
        there = path in pages or (ROOT / "docs" / path).is_file()
        return path if there else None


def turned(hooks: ModuleType, page: str, markdown: str) -> Any:
    at = SimpleNamespace(file=SimpleNamespace(src_uri=page))
    return hooks.on_page_markdown(markdown, page=at, files=Files())


@pytest.mark.parametrize(
    ("page", "link", "leads"),
    [
        ("index.md", "[a](docs/audit.md#queries)", "[a](audit.md#queries)"),
        ("index.md", "![flow](docs/flow.svg)", "![flow](flow.svg)"),
        ("index.md", "[c](CHANGELOG.md)", "[c](CHANGELOG.md)"),
        ("autonomy.md", "[r](../README.md#limits)", "[r](index.md#limits)"),
        ("how-to/upgrade.md", "[c](../../CHANGELOG.md)", "[c](../CHANGELOG.md)"),
        ("how-to/undo.md", "[e](exemptions.md)", "[e](exemptions.md)"),
        ("how-to/undo.md", "[s](../reference/stack.md#x)", "[s](../reference/stack.md#x)"),
        ("decisions/README.md", "[1](0001-events-wake-state-decides.md)", None),
        ("index.md", "[here](#deploying)", None),
        ("index.md", "[out](https://example.com/docs/audit.md)", None),
        ("SECURITY.md", "[m](Makefile)", "m (`Makefile`)"),
        ("audit.md", "[gone](nowhere.md)", None),
    ],
)
def test_links_lead_to_where_the_site_has_the_page(
    hooks: ModuleType, page: str, link: str, leads: str | None
) -> None:
    assert turned(hooks, page, f"See {link}, please.") == f"See {leads or link}, please."


def test_the_site_fetches_nothing_and_any_warning_fails_it() -> None:
    settings = yaml.safe_load(SETTINGS)
    assert settings["theme"]["font"] is False
    assert settings["strict"] is True
    assert set(settings["validation"]["links"].values()) == {"warn"}
    assert "http" not in SETTINGS
    check = next(
        line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("check:")
    )
    assert "docs" in check.split()


def test_the_hooks_know_every_page_of_the_repositorys_top(hooks: ModuleType) -> None:
    assert set(hooks.TOP) == {path.name for path in Path(ROOT).glob("*.md")}
