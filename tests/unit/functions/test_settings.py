"""The functions' settings: what each asks its environment for, and what the template tells it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

import pytest

from driftguard.aws import environment
from driftguard.aws.environment import BadEnvironment
from driftguard.model import Autonomy
from driftguard.policy import compiled
from tests.support.template import of_type, template
from tests.support.world import ROOT, shipped_policy

FUNCTIONS = of_type("AWS::Serverless::Function")
# What a function may read and the template does not say.
ELSEWHERE = {
    "AWS_REGION": "Lambda sets it",
    "SLACK_API_URL": "set in a lab, where a stand-in plays Slack",
}
# What is Powertools' and a function reads as well.
READ_TOO = {"GuardFunction": {"POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME"}}
# A value of each variable that is not just any text.
VALUES = {"AUTONOMY_CEILING": "ask", "SETTLING_SECONDS": "240"}


def variables(function: str) -> set[str]:
    """The variables that the template gives a function, without what only Powertools reads."""
    own: dict[str, Any] = FUNCTIONS[function]["Environment"]["Variables"]
    everywhere: dict[str, Any] = template()["Globals"]["Function"]["Environment"]["Variables"]
    given = {*everywhere, *own}
    theirs = {name for name in given if name.startswith("POWERTOOLS_")}
    return given - (theirs - READ_TOO.get(function, set()))


ColdStart: TypeAlias = "Callable[..., ModuleType]"


@pytest.fixture
def cold_start(monkeypatch: pytest.MonkeyPatch) -> ColdStart:
    """Imports a function's `app` as Lambda does, in the environment that the template gives it."""
    monkeypatch.setattr(compiled, "shipped", shipped_policy)
    monkeypatch.setenv("AWS_REGION", "us-east-1")

    def start(function: str, *missing: str) -> ModuleType:
        for name in variables(function) - set(missing):
            monkeypatch.setenv(name, VALUES.get(name, f"the {name}"))
        folder = FUNCTIONS[function]["CodeUri"]
        spec = spec_from_file_location("app", ROOT / folder / "app.py")
        assert spec and spec.loader
        app = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "app", app)
        spec.loader.exec_module(app)
        return app

    return start


def test_every_function_is_in_the_template() -> None:
    folders = {f"functions/{path.parent.name}" for path in ROOT.glob("functions/*/app.py")}
    assert {one["CodeUri"] for one in FUNCTIONS.values()} == folders


@pytest.mark.parametrize("function", FUNCTIONS)
def test_settings_and_template_name_the_same_variables(
    function: str, cold_start: ColdStart
) -> None:
    settings = cold_start(function).settings
    asked = {field.upper() for field in settings._fields}
    assert asked - set(ELSEWHERE) == variables(function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_variable_reaches_its_setting(function: str, cold_start: ColdStart) -> None:
    settings = cold_start(function).settings
    for name in variables(function) - set(VALUES):
        assert getattr(settings, name.lower()) == f"the {name}"
    assert getattr(settings, "autonomy_ceiling", Autonomy.ASK) is Autonomy.ASK
    assert getattr(settings, "settling_seconds", 240) == 240


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_that_lacks_a_table_says_so(function: str, cold_start: ColdStart) -> None:
    table = "STATE_TABLE" if "STATE_TABLE" in variables(function) else "AUDIT_TABLE"
    with pytest.raises(BadEnvironment) as refused:
        cold_start(function, table)
    assert str(refused.value) == (
        f"{function} cannot start: {table} is missing. "
        f"Set it in template.yaml under {function}, Environment, Variables"
    )


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("functions/*/app.py")), ids=lambda p: p.parent.name
)
def test_no_function_reads_its_environment_otherwise(path: Path) -> None:
    assert "environ[" not in path.read_text()
    assert "import os" not in path.read_text()


# --------------------------------------------------------------------------------- the reader


class Example(NamedTuple):
    table: str
    ceiling: Autonomy
    seconds: int = 60
    address: str = ""


def test_types_say_how_a_variable_is_read() -> None:
    given = {
        "TABLE": "audit",
        "CEILING": "revert",
        "SECONDS": "240",
        "ADDRESS": "https://a.example",
    }
    read = environment.read(Example, "ExampleFunction", given)
    assert read == Example("audit", Autonomy.REVERT, 240, "https://a.example")


@pytest.mark.parametrize("given", [{}, {"SECONDS": "", "ADDRESS": ""}])
def test_a_default_stands_for_what_is_missing_or_empty(given: dict[str, str]) -> None:
    read = environment.read(Example, "ExampleFunction", {"TABLE": "a", "CEILING": "ask", **given})
    assert read == Example("a", Autonomy.ASK, 60, "")


def test_everything_wrong_is_told_at_once() -> None:
    given = {"TABLE": "", "CEILING": "all", "SECONDS": "4m"}
    with pytest.raises(BadEnvironment) as refused:
        environment.read(Example, "ExampleFunction", given)
    assert str(refused.value).startswith(
        "ExampleFunction cannot start: TABLE is missing; "
        "CEILING is `all`, not observe, ask or revert; SECONDS is `4m`, not a whole number."
    )


def test_settings_cannot_be_changed() -> None:
    read = environment.read(Example, "ExampleFunction", {"TABLE": "a", "CEILING": "ask"})
    with pytest.raises(AttributeError):
        read.table = "b"  # type: ignore[misc]
