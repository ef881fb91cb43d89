"""Says what is risky in each AWS service, and plans how to take it back.

There is one module or package an AWS service, with `CONTROLS`, the controls it holds. Adding a
control touches its module and its two events. `index.json` (made by `make generate`) maps
each event source and name to the ids that watch it, so that a cold start imports one module.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from driftguard.model import Change

from .control import AnyControl

INDEX = Path(__file__).with_name("index.json")


class UnknownControl(LookupError):
    """No control has this id."""


@cache
def _index() -> Mapping[str, Any]:
    index: Mapping[str, Any] = json.loads(INDEX.read_text())
    return index


def watching(change: Change) -> Iterator[AnyControl]:
    """The controls that this kind of change can concern."""
    for control_id in _index()["triggers"].get(change.source, {}).get(change.name, ()):
        yield control(control_id)


@cache
def control(control_id: str) -> AnyControl:
    """The control of this id (`ec2.open-ingress`). Raises `UnknownControl`."""
    where = _index()["modules"].get(control_id)
    if where is None:
        raise UnknownControl(f"there is no control `{control_id}`")
    module = import_module(f".{where}", __name__)
    return next(known for known in module.CONTROLS if known.id == control_id)


def is_known(control_id: str) -> bool:
    """Whether there is a control of this id. Imports none."""
    return control_id in _index()["modules"]


def containing() -> list[str]:
    """The ids of the controls that contain. Imports no others."""
    held = (id_ for id_, where in _index()["modules"].items() if where.startswith("containment."))
    return [id_ for id_ in held if control(id_).contains]


def every() -> list[AnyControl]:
    """All controls, by id. Imports every module: for the command line and for generating."""
    return [known for _, known in located()]


@cache
def located() -> list[tuple[str, AnyControl]]:
    """All controls by id, each with the module (below this package) that holds it."""
    prefix = f"{__name__}."
    modules = [import_module(walk_package.name) for walk_package in walk_packages(__path__, prefix)]
    found = [
        (module.__name__.removeprefix(prefix), known)
        for module in modules
        for known in getattr(module, "CONTROLS", ())
    ]
    return sorted(found, key=lambda item: item[1].id)
