"""`driftguard generate`: what follows from the controls' declarations, written where it belongs.

The trigger index, the template's rules and IAM policies, the policy file's JSON Schema, and the
catalogue in docs/. With `--check` nothing is written; the exit code says whether anything would be.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from driftguard import controls
from driftguard.policy import source

from . import template_blocks as blocks
from .catalogue import as_markdown
from .lab.house import project_root


def generate(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if anything is out of date.")
    ] = False,
) -> None:
    """Write what follows from the controls: index, template blocks, policy schema, catalogue.

    Exits 1 if a policy is over AWS's limit; with --check also if any is stale.
    """
    root = project_root()
    stale = {
        path: content
        for path, content in generated(root).items()
        if not path.exists() or path.read_text() != content
    }
    for path, content in stale.items():
        if not check:
            path.write_text(content)
        typer.echo(f"{path.relative_to(root)} {'is out of date' if check else 'written'}")
    for name, used, limit in sizes(generated(root)[root / "template.yaml"]):
        typer.echo(f"{name}: {used:,} of {limit:,}")
        if used > limit:
            typer.echo(f"{name} is over AWS's limit.", err=True)
            raise typer.Exit(1)
    if check and stale:
        typer.echo("Run `make generate` and commit what it writes.", err=True)
        raise typer.Exit(1)


def generated(root: Path) -> dict[Path, str]:
    """Every generated file of the project and what it should contain."""
    every = controls.every()
    template = root / "template.yaml"
    return {
        controls.INDEX: json.dumps(index(), indent=1, sort_keys=True) + "\n",
        template: blocks.with_blocks(template.read_text(), every),
        root / "policies" / "guard.schema.json": json.dumps(source.schema(), indent=2) + "\n",
        root / "docs" / "controls.md": as_markdown(every),
    }


def index() -> dict[str, object]:
    """What a cold start needs to know: the controls that an event wakes, and where each stands."""
    triggers: dict[str, dict[str, list[str]]] = {}
    for control in controls.every():
        for trigger in control.triggers:
            ids = triggers.setdefault(trigger.source, {}).setdefault(trigger.name, [])
            ids.append(control.id)
    modules = {control.id: module for module, control in controls.located()}
    return {"triggers": triggers, "modules": modules}


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their text."""


def _short_form(loader: _Loader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node, deep=True)


_Loader.add_multi_constructor("!", _short_form)


def sizes(template: str) -> list[tuple[str, int, int]]:
    """How near the template is to AWS's limits: what, how much of it is used, the limit."""
    resources = yaml.load(template, _Loader)["Resources"]
    of_kind: dict[str, list[dict[str, object]]] = {}
    for one in resources.values():
        of_kind.setdefault(one["Type"], []).append(one["Properties"])
    rules = of_kind["AWS::Events::Rule"]
    policies = [json.dumps(one["Roles"]) for one in of_kind["AWS::IAM::ManagedPolicy"]]
    return [
        ("template, bytes", len(template.encode()), blocks.TEMPLATE_LIMIT),
        ("resources in the stack", len(resources), blocks.RESOURCES_A_STACK),
        ("rules on the bus", len(rules), blocks.RULES_A_BUS),
        (
            "characters in the longest event pattern",
            max(len(json.dumps(one["EventPattern"])) for one in rules),
            blocks.PATTERN_LIMIT,
        ),
        (
            "managed policies on a role",
            max(policies.count(one) for one in policies),
            blocks.POLICIES_A_ROLE,
        ),
    ]
