"""Trims botocore's service models: whole operations stay, with everything they take and give.

What goes is what no kept operation reaches, and what botocore reads in no call: prose, and the
lists and patterns of allowed values, which it leaves to AWS to check.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

# A part of one of botocore's JSON files.
Model: TypeAlias = "Mapping[str, object]"

_PROSE = frozenset({"documentation", "deprecatedMessage", "deprecatedSince"})
_UNCHECKED = frozenset({"enum", "max", "pattern"})


def trimmed_service(model: Model, operations: Collection[str]) -> Model:
    """A service's model with these operations and the shapes that they reach."""
    kept = {
        name: _operation(_mapping(operation))
        for name, operation in _mapping(model["operations"]).items()
        if name in operations
    }
    shapes = _mapping(model["shapes"])
    reached = reached_from(kept.values(), shapes)
    rest = {key: value for key, value in model.items() if key not in _PROSE | {"examples"}}
    return {
        **rest,
        "operations": kept,
        "shapes": {name: _shape(_mapping(shapes[name])) for name in shapes if name in reached},
    }


def trimmed_paginators(model: Model, operations: Collection[str]) -> Model:
    """A service's paginators, of these operations alone."""
    paginators = _mapping(model["pagination"])
    return {"pagination": {name: paginators[name] for name in paginators if name in operations}}


def trimmed_endpoints(model: Model, prefixes: Collection[str]) -> Model:
    """The endpoints of every region and partition, of services with these endpoint prefixes."""
    partitions = model["partitions"]
    assert isinstance(partitions, list)
    return {
        **model,
        "partitions": [
            {**partition, "services": _only(partition["services"], prefixes)}
            for partition in partitions
        ],
    }


def reached_from(operations: Collection[Model], shapes: Model) -> frozenset[str]:
    """The shapes that these operations name, and all that those name, at any depth."""
    reached: set[str] = set()
    wanted = [name for operation in operations for name in _named_by_operation(operation)]
    while wanted:
        name = wanted.pop()
        if name not in reached:
            reached.add(name)
            wanted.extend(_named_by_shape(_mapping(shapes[name])))
    return frozenset(reached)


def _named_by_operation(operation: Model) -> Iterator[str]:
    for key in ("input", "output"):
        if key in operation:
            yield str(_mapping(operation[key])["shape"])
    errors = operation.get("errors", [])
    assert isinstance(errors, list)
    for error in errors:
        yield str(_mapping(error)["shape"])


def _named_by_shape(shape: Model) -> Iterator[str]:
    for _, reference in _references(shape):
        yield str(reference["shape"])


def _references(shape: Model) -> Iterator[tuple[str, Model]]:
    """What a structure, list or map refers to, by member name or by `member`, `key`, `value`."""
    for name, reference in _mapping(shape.get("members", {})).items():
        yield name, _mapping(reference)
    for key in ("member", "key", "value"):
        if key in shape:
            yield key, _mapping(shape[key])


def _operation(operation: Model) -> Model:
    """An operation without prose: its own, and that of what it refers to."""
    kept = dict(_without(operation, _PROSE))
    for key in ("input", "output"):
        if key in kept:
            kept[key] = _without(_mapping(kept[key]), _PROSE)
    if "errors" in kept:
        errors = kept["errors"]
        assert isinstance(errors, list)
        kept["errors"] = [_without(_mapping(error), _PROSE) for error in errors]
    return kept


def _shape(shape: Model) -> Model:
    """A shape without prose and without what only AWS checks. Every member stays."""
    kept = dict(_without(shape, _PROSE | _UNCHECKED))
    references = {
        name: _without(reference, _PROSE | _UNCHECKED) for name, reference in _references(shape)
    }
    if "members" in kept:
        return {**kept, "members": references}
    return {**kept, **references}


def _without(model: Model, keys: Collection[str]) -> Model:
    return {key: value for key, value in model.items() if key not in keys}


def _only(model: Model, keys: Collection[str]) -> Model:
    return {key: value for key, value in model.items() if key in keys}


def _mapping(value: object) -> Model:
    assert isinstance(value, Mapping), value
    return value
