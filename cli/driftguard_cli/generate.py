"""`driftguard generate`: what follows from the controls' declarations, written where it belongs.

The trigger index, the template's rules and IAM statements, and the policy file's JSON Schema. With
`--check` nothing is written; the exit code says whether anything would be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer
import yaml

from driftguard import controls
from driftguard.controls.control import AnyControl, Trigger
from driftguard.policy import source

from .lab.house import project_root

# AWS Health spells its events in its own way; the others are CloudTrail's.
_FINDINGS = {"aws.health": "AWS Health Event"}
_CLOUDTRAIL = "AWS API Call via CloudTrail"


def generate(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if out of date.")
    ] = False,
) -> None:
    """Write what follows from the controls: index, template blocks, policy schema."""
    root = project_root()
    stale = [
        path.relative_to(root)
        for path, content in generated(root).items()
        if not path.exists() or path.read_text() != content
    ]
    if not check:
        for path in stale:
            (root / path).write_text(generated(root)[root / path])
    for path in stale:
        typer.echo(f"{path} {'is out of date' if check else 'written'}")
    if check and stale:
        typer.echo("Run `make generate` and commit what it writes.", err=True)
        raise typer.Exit(1)


def generated(root: Path) -> dict[Path, str]:
    """Every generated file of the project and what it should contain."""
    every = controls.every()
    template = root / "template.yaml"
    return {
        controls.INDEX: json.dumps(index(every), indent=1, sort_keys=True) + "\n",
        template: template_with_blocks(template.read_text(), every),
        root / "policies" / "guard.schema.json": json.dumps(source.schema(), indent=2) + "\n",
    }


def index(every: Iterable[AnyControl]) -> dict[str, dict[str, list[str]]]:
    """Event source → event name → the controls that it wakes."""
    found: dict[str, dict[str, list[str]]] = {}
    for control in every:
        for trigger in control.triggers:
            ids = found.setdefault(trigger.source, {}).setdefault(trigger.name, [])
            ids.append(control.id)
    return found


def template_with_blocks(template: str, every: list[AnyControl]) -> str:
    """The template with its generated blocks written anew."""
    blocks: dict[str, Callable[[list[AnyControl]], object]] = {
        "rules": rules,
        "reads": reads,
        "writes": writes,
    }
    for name, make in blocks.items():
        block = re.compile(rf"^( *)# generated: {name}\n.*?^ *# end generated$", re.M | re.S)
        match = block.search(template)
        if match is None:
            raise ValueError(f"template.yaml has lost its block `# generated: {name}`")
        indent = match.group(1)
        dumped = yaml.dump(make(every), Dumper=_Dumper, sort_keys=False, width=100)
        body = "".join(f"{indent}{line}\n" if line else "\n" for line in dumped.splitlines())
        new = f"{indent}# generated: {name}\n{body}{indent}# end generated"
        template = template[: match.start()] + new + template[match.end() :]
    return template


# ------------------------------------------------------------------------------- the blocks


class _Tagged(str):
    """A value behind a CloudFormation short form."""

    tag: str


class _Sub(_Tagged):
    tag = "!Sub"


class _GetAtt(_Tagged):
    tag = "!GetAtt"


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: block style, lists indented, no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


def _represent(dumper: yaml.SafeDumper, value: _Tagged) -> yaml.Node:
    return dumper.represent_scalar(value.tag, str(value))


_Dumper.add_representer(_Sub, _represent)
_Dumper.add_representer(_GetAtt, _represent)


def rules(every: list[AnyControl]) -> dict[str, object]:
    """One EventBridge rule a service: the successful calls that wake some control."""
    by_source: dict[str, set[str]] = {}
    for control in every:
        for trigger in control.triggers:
            by_source.setdefault(trigger.source, set()).update(event_names(trigger))
    return {
        rule_name(where): {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": f"Changes of {where} that wake a control.",
                "EventPattern": pattern(where, sorted(names)),
                "Targets": [
                    {
                        "Id": "changes",
                        "Arn": _GetAtt("ChangesQueue.Arn"),
                        "DeadLetterConfig": {"Arn": _GetAtt("DeadLetterQueue.Arn")},
                    }
                ],
            },
        }
        for where, names in sorted(by_source.items())
    }


def event_names(trigger: Trigger) -> tuple[str, ...]:
    """The names that the event goes by: Lambda's carry the API's date and version."""
    return (trigger.name,)


def pattern(where: str, names: list[str]) -> dict[str, object]:
    """The event pattern of a service's rule. Failed calls changed nothing and wake nobody."""
    if where in _FINDINGS:
        detail: dict[str, object] = {"eventTypeCode": names}
        return {"source": [where], "detail-type": [_FINDINGS[where]], "detail": detail}
    service = where.removesuffix(".amazonaws.com")
    return {
        "source": [f"aws.{service}"],
        "detail-type": [_CLOUDTRAIL],
        "detail": {
            "eventSource": [where],
            "eventName": names,
            "errorCode": [{"exists": False}],
        },
    }


def rule_name(where: str) -> str:
    """The rule's logical id: `ec2.amazonaws.com` → `Ec2Changes`, `aws.health` → `HealthChanges`."""
    service = where.removesuffix(".amazonaws.com").removeprefix("aws.")
    return "".join(part.capitalize() for part in re.split(r"[^a-z0-9]+", service)) + "Changes"


def reads(every: list[AnyControl]) -> list[object]:
    """What the guard may read: all that the controls read. Listings have no resource level."""
    actions = sorted({action for control in every for action in control.reads})
    return [{"Sid": "ReadConfiguration", "Effect": "Allow", "Action": actions, "Resource": "*"}]


def writes(every: list[AnyControl]) -> list[object]:
    """What plans may change: one statement for each set of ARNs."""
    arns_of: dict[str, set[str]] = {}
    for control in every:
        for action, patterns in control.writes.items():
            arns_of.setdefault(action, set()).update(patterns)
    grouped: dict[tuple[str, ...], list[str]] = {}
    for action, touched in sorted(arns_of.items()):
        grouped.setdefault(tuple(sorted(touched)), []).append(action)
    return [
        {
            "Effect": "Allow",
            "Action": actions,
            "Resource": [_Sub(in_template(arn)) for arn in arns],
        }
        for arns, actions in grouped.items()
    ]


def in_template(arn: str) -> str:
    """A control's ARN pattern with CloudFormation's pseudo parameters."""
    return (
        arn.replace("{partition}", "${AWS::Partition}")
        .replace("{region}", "${AWS::Region}")
        .replace("{account}", "${AWS::AccountId}")
    )
