"""`driftguard generate`: writes the generated files of a checkout, or checks them."""

from __future__ import annotations

from typing import Annotated

import typer

from ..checkout import project_root
from ..generate import generated, sizes


def generate(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if anything is out of date.")
    ] = False,
) -> None:
    """Write the generated files: trigger index, template blocks, policy schema, parts of docs/.

    Exits 1 if the template is over a limit of AWS; with --check also if a file is stale.
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
