"""Runs `driftguard scan` and reads what it says."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from click.testing import Result
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from tests.support.scan.making import (
    written,
)


class Scan(Protocol):
    def __call__(self, *arguments: object, **environment: str) -> Result: ...


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


def ids(result: Result, which: str = "flagged") -> list[str]:
    """The ids of findings in a verdict as JSON."""
    return [one["id"] for one in as_json(result)[which]]


def schema() -> Draft7Validator:
    folder = files("cyclonedx.schema._res")

    def read(name: str) -> Any:
        return json.loads(folder.joinpath(name).read_text(encoding="utf-8"))

    registry: Registry[Any] = Registry().with_resources(
        (f"http://cyclonedx.org/schema/{as_named}", Resource.from_contents(read(name)))
        for as_named, name in (
            ("spdx.schema.json", "spdx.SNAPSHOT.schema.json"),
            ("jsf-0.82.schema.json", "jsf-0.82.SNAPSHOT.schema.json"),
        )
    )
    return Draft7Validator(read("bom-1.6.SNAPSHOT.schema.json"), registry=registry)


POLICY = """\
version: 1
controls:
  lambda.insecure-library:
    settings:
      min_severity: {min_severity}
      fix_available: {fix_available}
      allowed: [{allowed}]
"""


ALLOWED = '{{id: {id}, until: {until}, reason: Not reachable., resource: "{resource}"}}'


def policy(
    folder: Path, allowed: str = "", min_severity: int = 70, fix_available: bool = False
) -> Path:
    text = POLICY.format(
        min_severity=min_severity, fix_available=str(fix_available).lower(), allowed=allowed
    )
    return written(folder / "guard.yaml", text)


def allowed(id_: str, until: str = "2999-12-31", resource: str = "*") -> str:
    return ALLOWED.format(id=id_, until=until, resource=resource)
