"""The reference pages: every command, option, parameter, output and alarm is on them, once."""

from __future__ import annotations

import re
from typing import Any

import typer

from driftguard_cli.generate import reference
from driftguard_cli.generate.limits import loaded
from driftguard_cli.generate.reference import settings
from driftguard_cli.main import app
from driftguard_cli.policy_file import schema
from tests.support.each import each
from tests.support.world import ROOT

TEMPLATE = (ROOT / "template.yaml").read_text()
WHOLE = loaded(TEMPLATE)
COMMANDS = dict(reference.commands(typer.main.get_command(app)))
SECTIONS = {
    section.split("\n", 1)[0]: section
    for section in reference.commands_page().split("\n## driftguard ")[1:]
}


def test_the_pages_are_up_to_date() -> None:
    for path, page in reference.pages(ROOT, TEMPLATE).items():
        assert path.read_text() == page, f"{path.name} is out of date: run `make generate`"


def test_every_command_has_its_section_and_those_of_developers_have_none() -> None:
    assert list(SECTIONS) == list(COMMANDS)
    assert {"audit list", "undo", "policy check"} <= set(SECTIONS)
    assert not any(name.split()[0] in ("generate", "sdk") for name in SECTIONS)


@each("name", COMMANDS)
def test_a_section_has_every_option_and_says_where_the_command_works(name: str) -> None:
    section = SECTIONS[name]
    for parameter in COMMANDS[name].params:
        for option in parameter.opts:
            shown = option if option.startswith("-") else parameter.name.upper()
            assert f"`{shown}" in section, f"{name} says nothing of {shown}"
    talks = any(one.opts[0] == "--region" for one in COMMANDS[name].params)
    assert ("It talks to AWS" in section) is talks
    for row in re.findall(r"^\|.*\|$", section, re.M):
        assert len(re.findall(r"(?<!\\)\|", row)) == 3, row


def test_the_stacks_page_has_every_parameter_output_alarm_and_what_stays() -> None:
    page = reference.stack_page(TEMPLATE)
    resources: dict[str, Any] = WHOLE["Resources"]
    kept = {name for name, one in resources.items() if "Retain" in one.get("DeletionPolicy", "")}
    alarms = {name for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    assert {"AuditTable", "StateTable"} <= kept
    before, stays = page.split("## What outlives the stack")
    assert set(re.findall(r"^\| `(\w+)` \|", stays, re.M)) == kept
    told = set(re.findall(r"^\| `(\w+)` \|", before, re.M))
    assert told == set(WHOLE["Parameters"]) | set(WHOLE["Outputs"]) | alarms


def test_the_policys_page_has_every_key_with_its_default() -> None:
    made = schema.schema()
    page = settings.page(made)
    every = made["properties"]
    headings = set(re.findall(r"^## `(\w+)`$", page, re.M))
    assert headings == set(every) - {"version"}
    for name, entry in made["$defs"].items():
        if "Settings_of" in name or name == "Controls" or "properties" not in entry:
            continue
        for key in entry["properties"]:
            assert key == "settings" or re.search(rf"^\| `{key}` \|", page, re.M) or name in APART
    assert "| `expires` | length of time, as `30m`, `24h`, `7d` | `1d` |" in page
    assert "| `quorum` | whole number, from 1 | `1` | How many people must agree. |" in page
    for row in re.findall(r"^\|.*\|$", page, re.M):
        assert len(re.findall(r"(?<!\\)\|", row)) in (4, 5), row


# What only the settings of single controls hold; docs/controls.md has those.
APART = {"AllowedAdvisory"}
