"""Has moto replace what AWS replaces.

A call is sent again when its answer is lost, and by a worker that takes up what another began. So
what AWS keeps as a set, or replaces, must not grow with each call.
"""

from __future__ import annotations

from typing import Any

from moto.cloudtrail.models import Trail
from moto.ec2.models.elastic_network_interfaces import (
    NetworkInterface,
    NetworkInterfaceBackend,
)
from moto.elbv2.models import FakeTargetGroup
from moto.rds.models import SnapshotAttributesMixin


def install() -> None:
    """Puts all of these in their places."""
    Trail.put_insight_selectors = _replaced  # type: ignore[method-assign]
    SnapshotAttributesMixin.modify_attribute = _once  # type: ignore[method-assign]
    NetworkInterfaceBackend.modify_network_interface_attribute = _moved  # type: ignore[method-assign]
    NetworkInterface.group_set = property(_own_groups)  # type: ignore[method-assign]
    FakeTargetGroup.deregister = _deregistered  # type: ignore[method-assign]


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


_modify_interface = NetworkInterfaceBackend.modify_network_interface_attribute
_all_groups = NetworkInterface.group_set


def _moved(
    backend: NetworkInterfaceBackend, eni_id: str, group_ids: list[str], *more: Any, **named: Any
) -> None:
    """EC2 API Reference, ModifyNetworkInterfaceAttribute: the groups “replace” the former ones.

    An instance's groups are those of its primary interface (DescribeInstances).
    """
    _modify_interface(backend, eni_id, group_ids, *more, **named)
    interface = backend.get_network_interface(eni_id)
    if group_ids and interface.instance and interface.device_index == 0:
        interface.instance.security_groups = list(interface._group_set)


def _own_groups(interface: NetworkInterface) -> Any:
    """An interface's groups in their order; moto adds its instance's to them, in any."""
    own = interface._group_set
    found = _all_groups.fget(interface)  # type: ignore[attr-defined]
    return own if interface.device_index or set(found) == set(own) else found


_deregister = FakeTargetGroup.deregister


def _deregistered(group: FakeTargetGroup, targets: list[dict[str, Any]]) -> None:
    """Elastic Load Balancing API Reference, DeregisterTargets: it succeeds without the target."""
    _deregister(group, [one for one in targets if one["Id"] in group.targets])
