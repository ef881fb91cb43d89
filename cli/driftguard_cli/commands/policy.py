"""`driftguard policy check|compile|schema`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from driftguard.policy.compiled import from_compiled

from ..policy_file import loader
from ..policy_file.schema import schema as policy_schema
from ..stack import JsonOption
from ..terminal import Console

app = typer.Typer(
    help="The guard policy: check it, compile it, print its JSON Schema.", no_args_is_help=True
)
console = Console(highlight=False, soft_wrap=True)
complaints = Console(stderr=True, highlight=False, soft_wrap=True)

FileArgument = Annotated[Path, typer.Argument(help="The policy file.")]


@app.command()
def check(file: FileArgument = Path("policies/guard.yaml"), as_json: JsonOption = False) -> None:
    """Say everything that is wrong with a policy file; exits 1 if anything is.

    What is allowed but hardly meant, like an exemption that has ended, is told
    on stderr.

    Example: driftguard policy check policies/guard.yaml
    """
    try:
        policy = from_compiled(loader.read(file))
        advice = loader.advice(file, datetime.now(UTC))
    except loader.PolicyError as error:
        if as_json:
            problems = _told(file, error.problems)
            typer.echo(json.dumps({"valid": False, "problems": problems, "advice": []}, indent=2))
        else:
            complaints.print(str(error), markup=False)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps({"valid": True, "problems": [], "advice": _told(file, advice)}))
    else:
        for one in advice:
            complaints.print(f"{file}:{one}", markup=False)
        rest = "earned" if policy.earned_by_default else policy.default.label
        console.print(
            f"{file} is valid: {len(policy.autonomy)} controls set, "
            f"the rest {rest}, {len(policy.exemptions)} exemptions.",
            markup=False,
        )


def _told(file: Path, problems: Iterable[loader.Problem]) -> list[dict[str, str | int]]:
    return [
        {"file": str(file), "line": one.line, "where": one.where, "problem": one.what}
        for one in problems
    ]


@app.command("compile")
def compile_(
    file: FileArgument = Path("policies/guard.yaml"),
    to: Annotated[
        Path | None, typer.Option(help="Where to write the JSON; standard output if none.")
    ] = None,
) -> None:
    """Validate a policy and write it as the JSON that the Lambdas read.

    Exits 1 if it is not valid, and writes nothing.

    Example: driftguard policy compile policies/guard.yaml --to policy.json
    """
    try:
        compiled = json.dumps(loader.read(file), indent=1, sort_keys=True) + "\n"
    except loader.PolicyError as error:
        complaints.print(str(error), markup=False)
        raise typer.Exit(1) from None
    if to is None:
        typer.echo(compiled, nl=False)
    else:
        to.write_text(compiled)


@app.command()
def schema(as_json: JsonOption = True) -> None:
    """Print the JSON Schema of the policy file, for editors; it is JSON either way.

    Exits 0; no AWS call is made.

    Example: driftguard policy schema > guard.schema.json
    """
    typer.echo(json.dumps(policy_schema(), indent=2))
