"""A server on this machine that accepts and then does not answer, or only byte by byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 100000\r\n\r\n"


@dataclass
class SlowServer:
    """Where it listens, and how many connections it has accepted."""

    address: str
    accepted: list[socket.socket] = field(default_factory=list)


@contextmanager
def never_answering() -> Iterator[SlowServer]:
    """Accepts, and says nothing."""
    with _serving(lambda _, __: None) as server:
        yield server


@contextmanager
def answering_byte_by_byte(*, head: bytes = _HEAD) -> Iterator[SlowServer]:
    """Sends a byte of its answer every 50 ms, so that no single silence is long."""

    def drip(connection: socket.socket, over: threading.Event) -> None:
        with suppress(OSError):
            for byte in head + b"x" * 100_000:
                if over.wait(0.05):
                    return
                connection.sendall(bytes([byte]))

    with _serving(drip) as server:
        yield server


@contextmanager
def _serving(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[SlowServer]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    server = SlowServer(f"http://127.0.0.1:{listening.getsockname()[1]}")
    over = threading.Event()

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection = listening.accept()[0]
                server.accepted.append(connection)
                threading.Thread(target=answer, args=(connection, over), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        over.set()
        listening.close()
        for connection in server.accepted:
            connection.close()
