"""The pages in docs/reference/, made from the command line and the template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from ...policy_file import schema
from .. import metrics
from ..limits import loaded
from . import permissions, settings

_BY_HAND = "`make generate` writes this page from {source}. To change it, change that."

_COMMANDS = f"""\
# Commands

{_BY_HAND.format(source="the commands themselves")}

Each command says the same with `-h`. `--region` and `--profile` stand before a command or
after it; without them `AWS_REGION`, `AWS_DEFAULT_REGION`, `AWS_PROFILE` and `~/.aws/config` decide.
`DRIFTGUARD_STACK` names the stack where it is not called `driftguard`.

## How a command exits

| code | means |
|---|---|
| 0 | it did what was asked |
| 1 | it failed, and standard error says why; or it found what it looks for, if its help says so |
| 2 | its arguments are wrong; or it could not look at everything, if its help says so |
| 70 | a bug in Driftguard; `DRIFTGUARD_TRACEBACK=1` shows the whole trace |

"""
_PARAMETERS = f"""\
# The stack: parameters, outputs, alarms

{_BY_HAND.format(source="`template.yaml`")}

Set a parameter by `sam deploy --parameter-overrides NAME=VALUE`. SAM keeps the last value of one
that you do not name.

"""
_OUTPUTS = """
## Outputs

Values that the stack tells, and where people subscribe.

| output | what it is |
|---|---|
"""
_ALARMS = """
## Alarms

Each tells the topic `AlarmsTopic`. Their metrics in the namespace `Driftguard` are the functions'
own: [Metrics](metrics.md) lists them all. [What it costs](../cost.md) has what alarms cost.

| alarm | rings when | metric |
|---|---|---|
"""
_STAYS = """
## What outlives the stack

These stay when the stack is deleted. [Deleting](../how-to/delete.md) says how to remove them.

| resource | type | |
|---|---|---|
"""
# Where commands that talk to AWS work: said once, at the top of the page.
_EVERYWHERE = ("--region", "--profile")
_KEEP = {
    "Retain": "stays, also when the stack's creation fails",
    "RetainExceptOnCreate": "stays, but is deleted if the stack's creation fails",
    "Snapshot": "a snapshot stays",
}


def commands(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something and is no secret, with its name as it is typed."""
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    for name, one in command.commands.items():
        if not one.hidden:
            yield from commands(one, *path, name)


def commands_page() -> str:
    """Return docs/reference/commands.md: each command with its arguments, options and exits."""
    # Not at the top: the command line imports this package, for `driftguard generate`.
    from ...main import app

    return _COMMANDS + "\n".join(
        _command(name, one) for name, one in commands(typer.main.get_command(app))
    )


def _command(name: str, command: Any) -> str:
    arguments = [one for one in command.params if not one.opts[0].startswith("-")]
    named = [(one.name.upper(), one.required) for one in arguments]
    typed = " ".join(name if needed else f"[{name}]" for name, needed in named)
    section = f"## driftguard {name}\n\n"
    section += "\n\n".join(_paragraph(one) for one in command.help.strip().split("\n\n"))
    section += f"\n\n`driftguard {name}{f' {typed}' if typed else ''}`\n"
    rows = [_option(one) for one in command.params if one.opts[0] not in _EVERYWHERE]
    if rows:
        section += "\n| | |\n|---|---|\n" + "".join(rows)
    if any(one.opts[0] in _EVERYWHERE for one in command.params):
        section += "\nIt talks to AWS, and takes `--region` and `--profile`.\n"
    return section


def _paragraph(text: str) -> str:
    example = re.match(r"Example: (.*)", text.replace("\n", " "))
    if example:
        return f"```console\n{example.group(1).strip()}\n```"
    return re.sub(r"\s*\n\s*", " ", text)


def _option(parameter: Any) -> str:
    names = [*parameter.opts, *parameter.secondary_opts]
    if not names[0].startswith("-"):
        names = [parameter.name.upper()]
    elif not parameter.is_flag:
        names[0] += f" {parameter.metavar or parameter.name.strip('_').upper()}"
    said = [re.sub(r"\s+", " ", parameter.help or "").strip()]
    if parameter.envvar:
        said.append(f"Also `{parameter.envvar}`.")
    if isinstance(parameter.default, (str, int, float, Path)) and not isinstance(
        parameter.default, bool
    ):
        if str(parameter.default):
            said.append(f"Default: `{parameter.default}`.")
    elif parameter.required:
        said.append("Required.")
    return _row(", ".join(f"`{one}`" for one in names), " ".join(said))


def stack_page(template: str) -> str:
    """Return docs/reference/stack.md: the parameters, outputs and alarms, and what is retained."""
    whole = loaded(template)
    parameters: Mapping[str, Any] = whole["Parameters"]
    page = _PARAMETERS
    for group in whole["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        page += f"## {group['Label']['default']}\n\n| parameter | default | |\n|---|---|---|\n"
        page += "".join(_parameter(name, parameters[name]) for name in group["Parameters"]) + "\n"
    page = page.rstrip("\n") + "\n" + _OUTPUTS
    page += "".join(
        _row(f"`{name}`", _told(one.get("Description", "")), only=one.get("Condition"))
        for name, one in whole["Outputs"].items()
    )
    resources: Mapping[str, Any] = whole["Resources"]
    page += _ALARMS + "".join(_alarms(resources))
    return page + _STAYS + "".join(_retained(resources))


def _parameter(name: str, one: Mapping[str, Any]) -> str:
    default = f"`{one['Default']}`" if str(one.get("Default", "")) else "none"
    allowed = ", ".join(f"`{value}`" for value in one.get("AllowedValues", ()))
    said = _told(one["Description"]) + (f" One of {allowed}." if allowed else "")
    if "MinValue" in one:
        said += f" From {one['MinValue']} to {one['MaxValue']}."
    elif "ConstraintDescription" in one:
        said += f" Takes {_told(one['ConstraintDescription'])}."
    return _row(f"`{name}`", default, said)


def _alarms(resources: Mapping[str, Any]) -> Iterator[str]:
    for name, resource in resources.items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            alarm = resource["Properties"]
            metrics = [(alarm.get("Namespace"), alarm.get("MetricName"))] + [
                (stat["Metric"]["Namespace"], stat["Metric"]["MetricName"])
                for query in alarm.get("Metrics", ())
                if (stat := query.get("MetricStat"))
            ]
            named = dict.fromkeys(f"`{space}` `{metric}`" for space, metric in metrics if metric)
            yield _row(
                f"`{name}`",
                _told(alarm["AlarmDescription"]),
                ", ".join(named),
                only=resource.get("Condition"),
            )


def _retained(resources: Mapping[str, Any]) -> Iterator[str]:
    for name, resource in resources.items():
        kept = _KEEP.get(str(resource.get("DeletionPolicy", "")))
        if kept is not None:
            protected = resource.get("Properties", {}).get("DeletionProtectionEnabled") is True
            kept += "; protected from deletion" if protected else ""
            yield _row(f"`{name}`", resource["Type"], kept, only=resource.get("Condition"))


def _told(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _row(*cells: str, only: str | None = None) -> str:
    said = [*cells[:-1], cells[-1] + (f" (Only if `{only}`.)" if only else "")]
    return "| " + " | ".join(_escaped(cell) for cell in said) + " |\n"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("<", "&lt;")


def pages(root: Path, template: str) -> dict[Path, str]:
    """Return the generated pages of docs/reference/."""
    folder = root / "docs" / "reference"
    return {
        folder / "commands.md": commands_page(),
        folder / "stack.md": stack_page(template),
        folder / "metrics.md": metrics.page(),
        folder / "permissions.md": permissions.page(),
        folder / "policy.md": settings.page(schema.schema()),
    }
