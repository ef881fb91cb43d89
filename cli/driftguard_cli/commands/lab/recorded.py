"""What a lab has recorded, and the events that no call at its recorder leads to."""

from __future__ import annotations

import json
from collections.abc import Sequence

from driftguard import controls

from .record import Lab


def recorded_at(lab: Lab) -> Sequence[str]:
    """The names of the calls that were recorded, in order; a refused one says so."""
    try:
        lines = lab.records.read_text().splitlines()
    except FileNotFoundError:
        return []
    records = [json.loads(line) for line in lines]
    return [
        f"{one['eventName']} (refused: {one['errorCode']})"
        if "errorCode" in one
        else one["eventName"]
        for one in records
    ]


def eventless() -> Sequence[str]:
    """The events that services report by themselves: no API call has them for a record."""
    return sorted(
        {
            f"{trigger.source} {trigger.name}"
            for control in controls.every()
            for trigger in control.triggers
            if not trigger.source.endswith(".amazonaws.com")
        }
    )
