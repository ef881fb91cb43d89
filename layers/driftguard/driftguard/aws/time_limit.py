"""Time limits: for a message, for each call in it, and for a service that does not answer.

A message may take so long, and no call may take longer than its own share of that. The SDK's
time-outs bound single silences of the other side, not an answer that comes byte by byte, nor the
sum of its retries. So the end of a call is an alarm that interrupts whatever it waits for; between
two attempts and before the next page of a listing the time is looked at as well.

A service that did not answer a call in time is not asked again for a while: what else waits for
that service fails at once, and what waits for other services goes on.

Source: Python documentation, `signal`: handlers run in the main thread, where Lambda runs its
handlers; an alarm interrupts a system call (PEP 475). Elsewhere only the SDK's time-outs hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import NamedTuple, Protocol

from .calls import Client, Unreachable

# The guard's own record: what was done must be written down even where time is up for the rest.
_OWN = frozenset({"dynamodb", "sqs"})


class OutOfTime(Unreachable):
    """There is no time left for this; whatever it is for must come again."""


class Resting(OutOfTime):
    """The service has just not answered another call, so that it was not asked at all."""


class Rang(TimeoutError):
    """The alarm of a call that took too long; the SDK takes it for a time-out."""


class Patience(NamedTuple):
    """How long to wait, in seconds, and how often the SDK tries.

    `connect` and `read` bound a silence of the other side, `call` everything that one call costs,
    retries included. A service that did not answer in time is not asked again for `rest`.
    """

    connect: float = 3.0
    read: float = 10.0
    call: float = 20.0
    attempts: int = 4
    rest: float = 60.0


PATIENT = Patience()


# What a function keeps for its answer, and the guard for recording how far a message got, in
# seconds: a call to the record may take `Patience.call`.
TO_ANSWER, TO_RECORD = 3.0, 25.0


class Invocation(Protocol):
    """What Lambda tells a handler of the time that it has left."""

    def get_remaining_time_in_millis(self) -> int: ...


class TimeLimit:
    """How long calls may still take. Without a limit, only the SDK's own time-outs hold.

    `clock` counts seconds.
    """

    def __init__(
        self, patience: Patience = PATIENT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.patience = patience
        self._clock = clock
        self._until = self._until_at_all = inf
        # Services by name and region, until when they are not asked.
        self._resting: dict[tuple[str, str], float] = {}

    @contextmanager
    def within(self, seconds: float, recording: float = 0.0) -> Iterator[None]:
        """Lets calls take so many seconds together, and those that record `recording` more.

        A limit inside of another one never ends later than that.
        """
        before = self._until, self._until_at_all
        until = self._clock() + seconds
        self._until = min(self._until, until)
        self._until_at_all = min(self._until_at_all, until + recording)
        try:
            yield
        finally:
            self._until, self._until_at_all = before

    @contextmanager
    def of_function(self, invocation: Invocation, recording: float = 0.0) -> Iterator[None]:
        """Lets calls take the time that the function has; those that record, `recording` more."""
        left = invocation.get_remaining_time_in_millis() / 1000 - TO_ANSWER
        with self.within(left - recording, recording):
            yield

    @contextmanager
    def of_message(self, invocation: Invocation, messages: int) -> Iterator[None]:
        """Lets a message take its share of the time; it is the first of so many to come."""
        left = invocation.get_remaining_time_in_millis() / 1000 - TO_ANSWER
        share = (left - TO_RECORD) / messages
        with self.within(share, recording=left - share):
            yield

    def left(self) -> float:
        """The seconds that are left; infinite without a limit."""
        return self._until - self._clock()

    def check(self, what: str, needed: float = 0.0, *, recording: bool = False) -> None:
        """Raises `OutOfTime` unless more than `needed` seconds are left."""
        until = self._until_at_all if recording else self._until
        if until - self._clock() <= needed:
            raise OutOfTime(f"no time is left for {what}")

    @contextmanager
    def interrupting(self, what: str) -> Iterator[None]:
        """Interrupts the block when time is up. Raises `OutOfTime`."""
        self.check(what)
        if self._until == inf:
            yield
            return
        alarm = _Alarm()
        alarm.set(self.left())
        try:
            yield
        except Exception:
            # Whatever the block makes of the alarm: this is what it was.
            if self.left() <= 0:
                raise OutOfTime(f"no time was left for {what}") from None
            raise
        finally:
            alarm.stop()

    def hold(self, client: Client, service: str) -> None:
        """Holds the calls of one client to the limit, by the events that the SDK emits.

        Source: Boto3 documentation, "Extensibility guide"; the handlers of `before-call`,
        `before-send`, `response-received`, `needs-retry`, `after-call-error`.
        """
        _Held(self, service, client.meta.region_name).register(client)


class _Held:
    """The handlers of one client's events: a call at a time, as the guard makes them."""

    def __init__(self, limit: TimeLimit, service: str, region: str) -> None:
        self._limit, self._service, self._region = limit, service, region
        self._until = inf
        self._alarm = _Alarm()

    def register(self, client: Client) -> None:
        events, id_ = client.meta.events, client.meta.service_model.service_id.hyphenize()
        events.register("before-call", self.begins)
        events.register("before-send", self.is_sent)
        events.register("response-received", self.is_answered)
        events.register("after-call-error", self.has_failed)
        # Before the SDK's own, which is registered under the service's id.
        events.register_first(f"needs-retry.{id_}", self.is_worth_another_attempt)

    def begins(self, event_name: str, **_: object) -> None:
        """Refuses a call that there is no time for, or whose service did not answer others."""
        limit, now = self._limit, self._limit._clock()
        over = limit._until_at_all if self._service in _OWN else limit._until
        call = _called(event_name)
        if over <= now:
            raise OutOfTime(f"{call} was not called: no time is left for it")
        self._until = min(over, now + limit.patience.call) if over < inf else inf
        rests = limit._resting.get((self._service, self._region), -inf)
        if self._until < inf and now < rests:
            raise Resting(
                f"{call} was not called: {self._service} has just not answered "
                f"another call, and is asked again in {rests - now:.0f} s"
            )

    def is_sent(self, event_name: str, **_: object) -> None:
        """Sets the alarm for an attempt, or refuses it."""
        if self._until == inf:
            return
        left = self._until - self._limit._clock()
        if left <= 0:
            raise self._no_time(event_name)
        self._alarm.set(left)

    def is_answered(self, event_name: str, exception: Exception | None = None, **_: object) -> None:
        """Stops the alarm; ends the call, rather than have it tried again, where time is up."""
        self._alarm.stop()
        if exception is not None and self._until <= self._limit._clock():
            raise self._no_time(event_name)

    def is_worth_another_attempt(self, attempts: int, **_: object) -> bool | None:
        """False where the SDK might wait for longer than there is time; else the SDK decides.

        Source: AWS SDKs and Tools Reference Guide, "Retry behavior" (standard mode's backoff).
        """
        longest_pause = min(2.0 ** (attempts - 1), 20.0)
        return None if self._until - self._limit._clock() > longest_pause else False

    def has_failed(self, exception: Exception, **_: object) -> None:
        """Has the service rest if the call took all of its own time, or was not answered."""
        from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

        self._alarm.stop()
        limit, now = self._limit, self._limit._clock()
        if self._until == inf:
            return
        # A call that ends with its message's time says nothing against the service.
        own_time = self._until < (limit._until_at_all if self._service in _OWN else limit._until)
        if isinstance(exception, (ConnectTimeoutError, ReadTimeoutError)) or (
            own_time and isinstance(exception, (OutOfTime, Rang))
        ):
            limit._resting[self._service, self._region] = now + limit.patience.rest

    def _no_time(self, event_name: str) -> OutOfTime:
        return OutOfTime(f"{_called(event_name)} got no whole answer in the time that it may take")


def _called(event_name: str) -> str:
    """`s3:GetBucketPolicy` of `before-call.s3.GetBucketPolicy`."""
    return ":".join(event_name.split(".")[1:])


class _Alarm:
    """Rings once, in the main thread; anywhere else it does nothing."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self, seconds: float) -> None:
        # Only here: whoever makes no call does not pay for it.
        import signal
        import threading

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGALRM, self._ring)
            self._is_set = True
            signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))

    def stop(self) -> None:
        if self._is_set:
            import signal

            self._is_set = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, *_: object) -> None:
        if self._is_set:
            self._is_set = False
            raise Rang("the call took too long")
