"""Checks that a trimmed service model makes the same calls as the whole one.

It reads both models as botocore does when it makes a call, and shares no code with the trimming.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from .models import Model

# What botocore never looks at in a call: AWS checks these itself.
_UNREAD = frozenset({"enum", "max", "pattern"})
_OF_AN_OPERATION = (
    "http",
    "auth",
    "auth_type",
    "idempotent_members",
    "http_checksum",
    "http_checksum_required",
    "request_compression",
    "static_context_parameters",
    "context_parameters",
    "operation_context_parameters",
    "endpoint",
    "endpoint_discovery",
    "is_endpoint_discovery_operation",
    "unsigned_payload",
)


def differences(whole: Model, trimmed: Model, operations: Iterable[str]) -> list[str]:
    """What these operations would do otherwise by the trimmed model; none if it lost nothing."""
    before, after = ServiceModel(dict(whole)), ServiceModel(dict(trimmed))
    found = [] if before.metadata == after.metadata else ["metadata"]
    for name in sorted(operations):
        if name not in after.operation_names:
            found.append(name)
        else:
            old, new = before.operation_model(name), after.operation_model(name)
            found.extend(_of_operation(old, new))
    return found


def _of_operation(before: OperationModel, after: OperationModel) -> Iterator[str]:
    for fact in _OF_AN_OPERATION:
        if str(getattr(before, fact)) != str(getattr(after, fact)):
            yield f"{before.name}: {fact}"
    seen: set[str] = set()
    yield from _of_shapes(f"{before.name}: input", before.input_shape, after.input_shape, seen)
    yield from _of_shapes(f"{before.name}: output", before.output_shape, after.output_shape, seen)
    errors = {shape.name: shape for shape in after.error_shapes}
    for shape in before.error_shapes:
        where = f"{before.name}: error {shape.name}"
        yield from _of_shapes(where, shape, errors.get(shape.name), seen)


def _of_shapes(
    where: str, before: Shape | None, after: Shape | None, seen: set[str]
) -> Iterator[str]:
    """Where two shapes differ, with all that they hold. `seen` has the shapes compared before."""
    if before is None and after is None:
        return
    if before is None or after is None or _facts(before) != _facts(after):
        yield where
        return
    if before.name in seen:
        return
    seen.add(before.name)
    if list(_parts(before)) != list(_parts(after)):
        yield where
        return
    for (name, part), (_, other) in zip(_parts(before).items(), _parts(after).items(), strict=True):
        yield from _of_shapes(f"{where}.{name}", part, other, seen)


def _facts(shape: Shape) -> tuple[object, ...]:
    read = {key: value for key, value in shape.metadata.items() if key not in _UNREAD}
    return shape.name, shape.type_name, shape.serialization, read


def _parts(shape: Shape) -> dict[str, Shape]:
    """What a shape holds, by the name of the member."""
    if isinstance(shape, StructureShape):
        return dict(shape.members)
    if isinstance(shape, ListShape):
        return {"member": shape.member}
    if isinstance(shape, MapShape):
        return {"key": shape.key, "value": shape.value}
    return {}
