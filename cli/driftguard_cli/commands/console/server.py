"""Serves the console on 127.0.0.1 until it is interrupted."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from starlette.types import ASGIApp

from ...errors import Trouble

# Only this machine: there is no option for another address.
_HERE = "127.0.0.1"
_WAITING = 64
_MOVED = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Driftguard</title>
<meta http-equiv="refresh" content="0;url={address}"></head><body></body></html>"""


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket on a port of this machine that takes connections; 0 is any free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        try:
            taken.bind((_HERE, port))
            taken.listen(_WAITING)
        except OSError as error:
            raise Trouble(
                f"Port {port} of {_HERE} cannot be used: {error.strerror}. Name another with "
                "--port, or leave --port out to take a free one."
            ) from error
        yield taken


def serve(application: ASGIApp, on: socket.socket) -> None:
    """Serves an application until Ctrl-C."""
    with suppress(KeyboardInterrupt):
        server(application).run(sockets=[on])


def server(application: ASGIApp) -> uvicorn.Server:
    """What serves it. Nothing is logged but errors: an address may hold a token."""
    config = uvicorn.Config(
        application,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


@contextmanager
def opened(address: str, browse: Callable[[str], object] = webbrowser.open) -> Iterator[None]:
    """Opens the browser at an address that nobody else may see.

    The arguments of a program can be read by everybody on the machine. So the browser is given a
    file that only this user can read, and that leads to the address.
    """
    with TemporaryDirectory(prefix="driftguard-") as folder:
        file = Path(folder) / "console.html"
        file.touch(0o600)
        file.write_text(_MOVED.format(address=address), encoding="utf-8")
        browse(file.as_uri())
        yield
