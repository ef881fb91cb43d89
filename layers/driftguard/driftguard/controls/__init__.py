"""The controls: one module or package an AWS service, with `CONTROLS`, the controls it holds.

Adding a control touches its module and its two events. `index.json` (made by `make generate`) maps
each event source and name to the ids that watch it, so that a cold start imports one module.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from pkgutil import iter_modules

from ..model import Change
from .control import AnyControl

INDEX = Path(__file__).with_name("index.json")


class UnknownControl(LookupError):
    """No control has this id."""


@cache
def _index() -> dict[str, dict[str, list[str]]]:
    index: dict[str, dict[str, list[str]]] = json.loads(INDEX.read_text())
    return index


def watching(change: Change) -> Iterator[AnyControl]:
    """The controls that this kind of change can concern."""
    for control_id in _index().get(change.source, {}).get(change.name, ()):
        yield control(control_id)


@cache
def control(control_id: str) -> AnyControl:
    """The control of this id (`ec2.open-ingress`). Raises `UnknownControl`."""
    service = control_id.partition(".")[0].replace("-", "_")
    # Lambda's name is Python's too, so its module has the usual underscore after it.
    module_name = f"{service}_" if iskeyword(service) else service
    try:
        module = import_module(f".{module_name}", __name__)
        return next(one for one in module.CONTROLS if one.id == control_id)
    except (ImportError, AttributeError, StopIteration):
        raise UnknownControl(f"there is no control `{control_id}`") from None


def every() -> list[AnyControl]:
    """All controls, by id. Imports every module: for the command line and for generating."""
    found: list[AnyControl] = []
    for module in iter_modules([str(Path(__file__).parent)]):
        found.extend(getattr(import_module(f".{module.name}", __name__), "CONTROLS", ()))
    return sorted(found, key=lambda one: one.id)
