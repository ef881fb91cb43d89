"""Rewrites the data folder of an installed botocore, so that only what is called is left.

Each service keeps one API version, the newest, in three files without white space or compression:
model, paginators, endpoint rules. The Lambdas use no waiter.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from botocore.loaders import Loader

from ..errors import Trouble
from .models import Model, trimmed_endpoints, trimmed_paginators, trimmed_service
from .operations import Calls, called
from .whole import differences

# The operations that are left, by boto3's name of the service.
Kept: TypeAlias = "Mapping[str, frozenset[str]]"

_ENDPOINTS = "endpoints"
# What botocore reads of every service, beside the endpoints.
_COMMON = ("_retry", "partitions", "sdk-default-configuration")
_RULES = "endpoint-rule-set-1"
_NOTICE = "CHANGED.txt"
# Source: Apache License 2.0, section 4(b): changed files say that they were changed.
_CHANGED = """\
The files in this folder are botocore's, changed by Driftguard's build (`driftguard sdk trim`):
services, operations and shapes that Driftguard does not use were taken out, and the documentation
with them. Nothing was added. botocore's license and notice are in its dist-info folder.
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """The data of a botocore that is installed in some folder, whatever botocore runs this."""

    data: Path
    loader: Loader

    @classmethod
    def below(cls, folder: Path) -> Installed:
        """The botocore in a folder that packages were installed into. Raises `Trouble`."""
        data = folder / "botocore" / "data"
        if not (data / f"{_ENDPOINTS}.json").is_file():
            raise Trouble(f"There is no botocore in {folder}.")
        return cls(data, Loader(extra_search_paths=[str(data)], include_default_search_paths=False))

    def load(self, service: str, kind: str) -> Model:
        """One of a service's files, in its newest version; empty if there is none."""
        if service not in self.loader.list_available_services(kind):
            return {}
        loaded: Model = self.loader.load_service_model(service, kind)
        return loaded

    def services(self) -> list[str]:
        """All services, by boto3's names of them."""
        return list(self.loader.list_available_services("service-2"))

    def common(self, name: str) -> Model:
        """A file that is of no service."""
        loaded: Model = self.loader.load_data(name)
        return loaded


def trim(folder: Path, calls: Calls) -> Kept:
    """Trims the botocore in a folder. Returns the operations that are left in it.

    Raises `Trouble`, and leaves all as it is, if a call would not be the same afterwards.
    """
    installed = Installed.below(folder)
    trimmed = installed.data.with_name("data.trimmed")
    shutil.rmtree(trimmed, ignore_errors=True)
    trimmed.mkdir()
    kept: dict[str, frozenset[str]] = {}
    prefixes: set[str] = set()
    for service in installed.services():
        if service not in calls.services:
            continue
        model = installed.load(service, "service-2")
        operations = _called(service, model, calls)
        if operations:
            kept[service] = operations
            prefixes |= {service, _metadata(model, "endpointPrefix")}
            _write_service(trimmed / service, installed, service, model, operations)
    for name in _COMMON:
        _write(trimmed / f"{name}.json", installed.common(name))
    _write(
        trimmed / f"{_ENDPOINTS}.json", trimmed_endpoints(installed.common(_ENDPOINTS), prefixes)
    )
    (trimmed / _NOTICE).write_text(_CHANGED)
    shutil.rmtree(installed.data)
    trimmed.rename(installed.data)
    return kept


def _called(service: str, model: Model, calls: Calls) -> frozenset[str]:
    operations = model["operations"]
    assert isinstance(operations, Mapping)
    return called(service, operations, calls)


def _metadata(model: Model, key: str) -> str:
    metadata = model["metadata"]
    assert isinstance(metadata, Mapping)
    return str(metadata[key])


def _write_service(
    folder: Path, installed: Installed, service: str, model: Model, operations: frozenset[str]
) -> None:
    version = folder / _metadata(model, "apiVersion")
    version.mkdir(parents=True)
    trimmed = trimmed_service(model, operations)
    lost = differences(model, trimmed, operations)
    if lost:
        raise Trouble(f"Trimming {service} would cut what is called: {', '.join(lost)}.")
    _write(version / "service-2.json", trimmed)
    _write(version / f"{_RULES}.json", installed.load(service, _RULES))
    paginators = installed.load(service, "paginators-1")
    if paginators:
        _write(version / "paginators-1.json", trimmed_paginators(paginators, operations))


def _write(path: Path, model: Model) -> None:
    path.write_text(json.dumps(model, separators=(",", ":")))
