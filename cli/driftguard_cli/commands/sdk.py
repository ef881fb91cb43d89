"""`driftguard sdk trim`: cuts the SDK of a layer down to what the Lambdas call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..checkout import project_root
from ..sdk.operations import calls_of
from ..sdk.tree import trim as trim_tree

app = typer.Typer(help="The AWS SDK that the layers ship.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The AWS SDK that the layers ship."""


@app.command()
def trim(
    folder: Annotated[Path, typer.Argument(help="Where packages were installed to.")],
) -> None:
    """Take out of an installed botocore what no Lambda calls: services, operations, shapes, prose.

    What is left is whole: an operation keeps every member that it takes or gives. `sam build` does
    this to the layer; exits 1 if there is no botocore in the folder.

    Example: driftguard sdk trim .aws-sam/build/DependenciesLayer/python
    """
    root = project_root()
    kept = trim_tree(
        folder, calls_of(root / "layers" / "driftguard" / "driftguard", root / "functions")
    )
    operations = sum(map(len, kept.values()))
    typer.echo(f"botocore: {operations} operations of {len(kept)} services are left")
