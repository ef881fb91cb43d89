"""`driftguard console`: the stack in a browser, on this machine and under your own identity.

`gate` lets one browser in; `server` serves; `app` has the addresses. `now`, `listing`, `story`,
`controls`, `exceptions` and `looking` are the pages; `acting` and `exceptions` send what people do
to the signed API, as the commands do. `rendering` and `plot` write HTML.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer

from ...aws_options import on_aws
from ...policy_file.at_hand import PolicyAtHand, PolicyOption
from ...stack import Stack, StackOption


@on_aws
def console(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0: a free one.")
    ] = 0,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only print the address; open no browser.")
    ] = False,
    policy: PolicyOption = None,
    stack: StackOption = "driftguard",
) -> None:
    """Look at the stack in a browser, and act on it, under your own identity.

    Serves pages on 127.0.0.1 alone, until Ctrl-C. The address that it prints
    lets in one browser, once. What you do goes to the signed API, as with the
    commands: the guard says whether it counts. Nothing is sent anywhere else.

    Exits 0 when it is interrupted; 1 if it cannot start, with the reason.

    Example: driftguard console --region eu-west-1
    """
    # What serves HTTP is loaded for this command alone.
    from . import server
    from .app import application
    from .gate import Gate
    from .rendering import prepare
    from .site import Site

    deployed, at_hand = Stack.to_change(stack), PolicyAtHand.found(policy)
    with server.listening(port) as taken:
        gate = Gate(taken.getsockname()[1])
        prepare()
        site = Site.of(deployed, at_hand, gate.base, gate.csrf)
        typer.echo(f"The console is at {gate.address}")
        typer.echo("The address lets in one browser, once. Ctrl-C ends the console.", err=True)
        with nullcontext() if no_open else server.opened(gate.address):
            server.serve(gate.before(application(site)), taken)
