"""Says what the shape of each control's example events rests on: `events/shapes.json`.

AWS publishes no schema of CloudTrail's records, so that an example may be wrong where nobody has
recorded the event: the page of the controls says where that is so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class Shape(StrEnum):
    """What the shape of an example event rests on, the surest first."""

    RECORDED = "recorded"
    DOCUMENTED = "documented"
    INFERRED = "inferred"


class Origin(NamedTuple):
    """What a shape rests on, and where to find it."""

    shape: Shape
    source: str


def origins(events: Path) -> Mapping[str, Origin]:
    """What the folder's `shapes.json` says of each kind of event (see `kind_of`)."""
    told = json.loads((events / "shapes.json").read_text())
    return {kind: Origin(Shape(said["shape"]), said["source"]) for kind, said in told.items()}


def kind_of(event: Path) -> str:
    """The kind of an example event: event source and name, or else source and detail type."""
    told = json.loads(event.read_text())
    detail = told.get("detail", {})
    if "eventName" in detail:
        return f"{detail['eventSource']} {detail['eventName']}"
    return f"{told['source']} {told['detail-type']}"


def of_control(events: Path, control_id: str, known: Mapping[str, Origin]) -> Shape:
    """What a control's example events rest on: the least sure of them."""
    found = {known[kind_of(event)].shape for event in (events / control_id).glob("*.json")}
    return max(found, key=list(Shape).index)
