"""`driftguard audit`: shows what was decided, why and by whom, and proves the record whole."""

from __future__ import annotations

import typer

from .exports import export
from .listing import list_decisions
from .proof import verify
from .stats import stats
from .story import show

app = typer.Typer(help="What was decided, and why.", no_args_is_help=True)
app.command("list")(list_decisions)
app.command("show")(show)
app.command("verify")(verify)
app.command("export")(export)
app.command("stats")(stats)
