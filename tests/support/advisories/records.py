"""Advisories in OSV's schema, written for the tests: ids and texts are made up."""

from __future__ import annotations

from typing import Any

from driftguard.analysis.advisories import osv
from driftguard.analysis.advisories.osv import Advisory


def timeline(text: str) -> list[dict[str, str]]:
    """Events in a line: `introduced 0, fixed 2.20.0`."""
    events = []
    for event in text.split(", "):
        kind, version = event.split(" ", 1)
        events.append({kind: version})
    return events


def affecting(
    ecosystem: str, name: str, *timelines: str, versions: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """An entry of `affected`: a range for each timeline, of the type that its database uses."""
    kind = "SEMVER" if ecosystem in ("npm", "Go", "crates.io") else "ECOSYSTEM"
    entry: dict[str, Any] = {"package": {"ecosystem": ecosystem, "name": name}} | more
    if timelines:
        entry["ranges"] = [{"type": kind, "events": timeline(one)} for one in timelines]
    if versions:
        entry["versions"] = list(versions)
    return entry


def document(id_: str, *affected: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A whole record."""
    return {
        "schema_version": "1.7.0",
        "id": id_,
        "modified": "2026-01-01T00:00:00Z",
        "affected": list(affected),
    } | more


def advisory(id_: str, *affected: dict[str, Any], **more: Any) -> Advisory:
    """The same, read."""
    return osv.advisory(document(id_, *affected, **more))
