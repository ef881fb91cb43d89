"""Loads the detectors of Yelp's detect-secrets, and nothing else of it.

Its package imports a scanner of repositories, and each of its detectors imports `requests`, for
asking the issuer whether a secret works. Driftguard sends no secret anywhere. So the package's own
`__init__` is passed by, and `requests` is an empty stand-in while the detectors are imported:
installed with `--no-deps`, detect-secrets needs nothing but the standard library, and no detector
that is loaded here could verify if it tried.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType, SimpleNamespace
from typing import Any

_PACKAGE = "detect_secrets"


@cache
def plugin(module: str, name: str) -> Any:
    """One of the library's detectors, by its module and class; imported at the first use."""
    with _standing_in():
        return getattr(import_module(f"{_PACKAGE}.plugins.{module}"), name)()


@contextmanager
def _standing_in() -> Iterator[None]:
    before = {name: sys.modules.get(name) for name in (_PACKAGE, "requests")}
    sys.modules |= {_PACKAGE: _package(), "requests": _requests()}
    try:
        yield
    finally:
        for name, module in before.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


@cache
def _package() -> ModuleType:
    """The package with nothing in it but the way to its modules."""
    found = PathFinder.find_spec(_PACKAGE)
    if found is None or found.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
    package = ModuleType(_PACKAGE)
    package.__path__ = found.submodule_search_locations
    return package


@cache
def _requests() -> ModuleType:
    """All that the detectors name at import; there is nothing to call."""
    stand_in: Any = ModuleType("requests")
    stand_in.exceptions = SimpleNamespace(RequestException=OSError)
    stand_in.Response = object
    made: ModuleType = stand_in
    return made
