"""Work that takes minutes, in the background: one piece of a kind at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TypeAlias

from driftguard.aws.calls import AwsError

from ...errors import Trouble
from ..audit.shared import now, stamp

# What work calls now and then with a line for people, and gives up where that raises.
Telling: TypeAlias = "Callable[[str], None]"
Work: TypeAlias = "Callable[[Telling], object]"


class Stopped(Exception):
    """Somebody stopped the work."""


@dataclass(slots=True)
class Job:
    """A piece of work: what it is, how far it is, and how it ended.

    `result` is None until it has ended well; `failed` says why it has not, "" while it may.
    """

    what: str
    begun: str
    line: str = "starting"
    result: object = None
    failed: str = ""
    ended: str = ""
    stop: bool = False

    def tell(self, line: str) -> None:
        """Says how far the work is. Raises `Stopped` once somebody has stopped it."""
        if self.stop:
            raise Stopped
        self.line = line


@dataclass(slots=True)
class Jobs:
    """The last piece of work of each kind."""

    _last: dict[str, Job] = field(default_factory=dict)
    _starting: Lock = field(default_factory=Lock)

    def last(self, kind: str) -> Job | None:
        """The last piece of work of this kind, whether or not it has ended."""
        return self._last.get(kind)

    def start(self, kind: str, what: str, work: Work) -> Job:
        """Starts work. Raises `Trouble` while one of its kind goes on."""
        with self._starting:
            last = self._last.get(kind)
            if last is not None and not last.ended:
                raise Trouble("One is going on already: wait for it, or stop it.")
            job = self._last[kind] = Job(what, stamp(now()))
        # Nothing waits for it when the console ends: it changes nothing.
        Thread(target=_carried_out, args=(job, work), daemon=True).start()
        return job


def _carried_out(job: Job, work: Work) -> None:
    try:
        job.result = work(job.tell)
    except Stopped:
        job.failed = "It was stopped."
    except (Trouble, AwsError) as error:
        job.failed = str(error)
    except Exception as error:  # noqa: BLE001 - whoever waits for it must be told
        job.failed = f"A bug in Driftguard, {type(error).__name__}: {error}. Please report it."
    job.ended = stamp(now())
