"""Judges a history in several processes: cuts it into tasks, and returns outcomes in order.

The tasks that are running bound the memory, whatever the size of the history. Several small files
form a task, and the process that judges them opens them. A large file is cut here into portions at
the ends of lines; if it is not compressed, the judging process reads its lines, too.
"""

from __future__ import annotations

import gc
import os
import signal
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeAlias

from driftguard.policy.model import Policy

from ...errors import Trouble
from .judge import Judge, Tally
from .origins import SMALL, Fetched, LocalFile, Origin, S3Object
from .portions import CHUNK, Lines, Portion, Rows, Unreadable, is_lines, portions
from .window import Window

_TASK = 1 << 20
_RANGE = 8 << 20
# Less than this is judged sooner than processes have been started.
_ALONE = 2 << 20
# How much smaller gzip makes a history, for the progress that is shown: a guess.
_PACKED = 12


@dataclass(frozen=True, slots=True)
class Files:
    """Small files."""

    origins: tuple[LocalFile | Fetched, ...]

    @property
    def size(self) -> int:
        return sum(origin.size for origin in self.origins)


@dataclass(frozen=True, slots=True)
class Part:
    """A portion of a large file, or why the file ends early. `size` is its bytes in the file."""

    name: str
    size: int
    portion: Portion | None
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Range:
    """Whole lines of a large file, from one byte to another."""

    name: str
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


Task: TypeAlias = "Files | Part | Range"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a task: for each portion its file and its tally."""

    size: int
    tallies: tuple[tuple[str, Tally], ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """What all judges share: policy, window, the guard's own roles."""

    policy: Policy
    window: Window
    own_roles: tuple[str, ...] = ()

    def judge(self) -> Judge:
        """Return a judge with these values."""
        return Judge(self.policy, self.window, self.own_roles)


# --------------------------------------------------------------------------------- handing out


def tasks(origins: Iterable[Origin]) -> Iterator[Task]:
    """The work of a history, in order."""
    small: list[LocalFile | Fetched] = []
    for origin in origins:
        if not isinstance(origin, S3Object) and origin.size <= SMALL:
            small.append(origin)
            if len(small) < 256 and sum(file.size for file in small) < _TASK:
                continue
        if small:
            yield Files(tuple(small))
        if not small or small[-1] is not origin:
            yield from _large(origin)
        small = []
    if small:
        yield Files(tuple(small))


def _large(origin: Origin) -> Iterator[Task]:
    if isinstance(origin, LocalFile):
        try:
            with Path(origin.name).open("rb") as file:
                if is_lines(file.read(CHUNK)):
                    yield from _ranges(origin, file)
                    return
        except OSError as error:
            yield Part(origin.name, origin.size, None, error.strerror or str(error))
            return
    left = origin.size
    try:
        for portion in portions(origin.chunks()):
            size = min(left, len(portion.data) // _PACKED if not isinstance(portion, Rows) else 0)
            left -= size
            yield Part(origin.name, size, portion)
        yield Part(origin.name, left, None)
    except Unreadable as error:
        yield Part(origin.name, left, None, str(error))


def _ranges(origin: LocalFile, file: BinaryIO) -> Iterator[Range]:
    start = 0
    while start < origin.size:
        file.seek(min(start + _RANGE, origin.size))
        file.readline()
        yield Range(origin.name, start, file.tell())
        start = file.tell()


# ------------------------------------------------------------------------------------ working


def outcomes(tasks: Iterator[Task], bench: Bench, processes: int) -> Generator[Outcome, None, None]:
    """Yield the outcome of each task, in order. A short history is judged in this process."""
    first: list[Task] = []
    size = 0
    for task in tasks:
        first.append(task)
        size += task.size
        if size > _ALONE:
            break
    else:
        processes = 1
    work = chain(first, tasks)
    if processes > 1:
        return _side_by_side(work, bench, processes)
    judge = bench.judge()
    return (_done(task, judge) for task in work)


def processors() -> int:
    """How many processors we may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _side_by_side(
    work: Iterator[Task], bench: Bench, processes: int
) -> Generator[Outcome, None, None]:
    pool = ProcessPoolExecutor(processes, initializer=_take_seat, initargs=(bench,))
    under_way: deque[Future[Outcome]] = deque()
    try:
        for task in work:
            under_way.append(pool.submit(_done_here, task))
            if len(under_way) > 2 * processes:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    except BrokenProcessPool as error:
        raise Trouble(
            "A process that judged records was killed, perhaps for want of memory. "
            "Try again with --processes 1."
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


_seated: list[Judge] = []


def _take_seat(bench: Bench) -> None:
    """Prepares a new process, which leaves Ctrl-C to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _seated[:] = [bench.judge()]
    gc.freeze()


def _done_here(task: Task) -> Outcome:
    return _done(task, _seated[0])


def _done(task: Task, judge: Judge) -> Outcome:
    # Parsed JSON has no cycles: looking for some in the midst of it costs a third of the time.
    paused = gc.isenabled()
    gc.disable()
    try:
        return Outcome(task.size, tuple(_tallies(task, judge)))
    finally:
        if paused:
            gc.enable()


def _tallies(task: Task, judge: Judge) -> Iterator[tuple[str, Tally]]:
    if isinstance(task, Files):
        for origin in task.origins:
            yield from _of_file(origin, judge)
    elif isinstance(task, Range):
        try:
            with Path(task.name).open("rb") as file:
                file.seek(task.start)
                yield task.name, judge.judge(Lines(file.read(task.size)))
        except OSError as error:
            yield task.name, _unreadable(error.strerror or str(error))
    elif task.portion is not None:
        yield task.name, judge.judge(task.portion)
    elif task.failed:
        yield task.name, _unreadable(task.failed)


def _of_file(origin: Origin, judge: Judge) -> Iterator[tuple[str, Tally]]:
    try:
        for portion in portions(origin.chunks()):
            yield origin.name, judge.judge(portion)
    except Unreadable as error:
        yield origin.name, _unreadable(str(error))


def _unreadable(why: str) -> Tally:
    tally = Tally()
    tally.complain(0, 0, why)
    return tally
