"""Has moto do what AWS documents where a call that comes twice would show the difference.

A call is sent again when its answer is lost, and by a worker that takes up what another began. So
what AWS keeps as a set, or replaces, must not grow with each call.
"""

from __future__ import annotations

from moto.cloudtrail.models import Trail
from moto.rds.models import SnapshotAttributesMixin


def install() -> None:
    """Puts all of these in their places."""
    Trail.put_insight_selectors = _replaced  # type: ignore[method-assign]
    SnapshotAttributesMixin.modify_attribute = _once  # type: ignore[method-assign]


def _replaced(trail: Trail, insight_selectors: list[dict[str, str]]) -> None:
    """CloudTrail API Reference, PutInsightSelectors: the selectors are those of the last call."""
    trail.insight_selectors[:] = insight_selectors


_modify = SnapshotAttributesMixin.modify_attribute


def _once(
    snapshot: SnapshotAttributesMixin,
    attribute_name: str,
    values_to_add: list[str] | None,
    values_to_remove: list[str] | None,
) -> None:
    """RDS API Reference, ModifyDBSnapshotAttribute: accounts are added to those authorized."""
    there = snapshot.attributes.get(attribute_name, [])
    new = [value for value in values_to_add or [] if value not in there]
    _modify(snapshot, attribute_name, new, values_to_remove)
