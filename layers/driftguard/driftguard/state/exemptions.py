"""Exemptions that people gave at run time, one state record a control."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from driftguard.documents import Document, mapping, stamp, text
from driftguard.policy.bounds import Exemption

from .keys import StateRecord, StateRecords, exemptions_key

# How many exemptions of one control people may give at run time: a state record has to stay small.
MOST_EXEMPTIONS = 500

_EXEMPTIONS_BYTES = 300_000


class TooMany(ValueError):
    """A control has as many exemptions as can be kept; the message says what to do."""


def exempted(record: StateRecord, id_: str, entry: Document, now: datetime) -> StateRecord:
    """The state record with one exemption more. Those that have ended are forgotten.

    Raises `TooMany` when there are too many.
    """
    given = mapping(record.document, "entries")
    held = {
        other: mapping(given, other)
        for other in given
        if text(mapping(given, other), "until") > stamp(now)
    }
    held[id_] = entry
    size = len(json.dumps(held, ensure_ascii=False).encode())
    if len(held) > MOST_EXEMPTIONS or size > _EXEMPTIONS_BYTES:
        raise TooMany(
            f"there are {len(held) - 1} exemptions of this control already, and no room for more: "
            "write what is for long into the policy file, or remove some with "
            "`driftguard exempt remove`"
        )
    return record.saying({"entries": held})


def literal(name: str) -> str:
    """A pattern that names exactly this: what would be a wildcard stands for itself."""
    return "".join(f"[{character}]" if character in "*?" else character for character in name)


def given_exemptions(control: str, remembered: StateRecords) -> list[Exemption]:
    """The exemptions of a control that people gave at run time, those that have ended included."""
    given = mapping(remembered[exemptions_key(remembered.place, control)].document, "entries")
    return [_exemption(control, id_, mapping(given, id_)) for id_ in given]


def _exemption(control: str, id_: str, entry: Mapping[str, object]) -> Exemption:
    tags, agreed = entry.get("tags"), entry.get("agreed")
    return Exemption(
        control=control,
        resource=str(entry.get("resource", "")),
        until=str(entry.get("until", "")),
        reason=str(entry.get("reason", "")),
        actor=str(entry.get("actor") or "*"),
        tags={str(k): str(v) for k, v in tags.items()} if isinstance(tags, Mapping) else {},
        by=str(entry.get("by", "")),
        identity=str(entry.get("identity", "")),
        id=id_,
        agreed=tuple((str(one[0]), str(one[1])) for one in agreed if isinstance(one, list))
        if isinstance(agreed, list)
        else (),
    )
