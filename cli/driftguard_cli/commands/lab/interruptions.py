"""Turns Ctrl-C, SIGTERM and a closed terminal into an exception, so that `finally` cleans up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked us to stop. Not an `Exception`: nothing but cleaning up may catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell expects of a command that a signal ended."""
        return 128 + self.number


@contextmanager
def interruptible() -> Iterator[None]:
    """Within, a signal raises `Interrupted` wherever the program is."""
    with _handling(_interrupt):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Within, signals wait: a process is never started without being noted, nor half stopped."""
    held: list[int] = []
    with _handling(lambda number, _frame: held.append(number)):
        yield
    if held:
        _interrupt(held[0], None)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


@contextmanager
def _handling(handler: signal.Handlers | object) -> Iterator[None]:
    # A signal that we were told to ignore (nohup, a background job) stays ignored.
    heeded = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
