"""Workers that die in the middle of a plan."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from driftguard.aws.remediator import Remediator
from driftguard.engine.recording import LEASE
from driftguard.model import Call, Decision, Status
from tests.support.approving import approved
from tests.support.round_trips import RoundTrip


class Died(BaseException):
    """The worker is gone: nothing catches it, and nothing more is recorded."""


def dies_after(calls: int) -> Callable[[Remediator, Call], bool]:
    """A remediator whose worker dies right after so many calls of its plan."""
    make, made = Remediator.make, 0

    def making(self: Remediator, call: Call) -> bool:
        nonlocal made
        done = make(self, call)
        made += 1
        if made == calls:
            raise Died
        return done

    return making


def begun(trip: RoundTrip, calls: int, monkeypatch: pytest.MonkeyPatch) -> Decision:
    """A containment that people approved, and whose worker died after so many calls."""
    asked = trip.decided(trip.attacked())
    assert asked.status is Status.ASKED, asked.reason
    with monkeypatch.context() as dying:
        dying.setattr(Remediator, "make", dies_after(calls))
        with pytest.raises(Died):
            approved(trip.guard, asked)
    trip.world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
    return asked
