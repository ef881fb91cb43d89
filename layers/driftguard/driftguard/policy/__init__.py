"""The guard policy as the Lambdas read it: compiled JSON, already validated.

`source.py` turns the YAML that people edit into this, with errors that name file and line; it is
used when building and by the command line, and no Lambda imports it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from ..access.policy import Trusted
from ..model import Autonomy, Document, Resource
from ..trail import items, mapping, text

S = TypeVar("S")

COMPILED = Path(__file__).parents[1] / "guard.json"


@dataclass(frozen=True, slots=True)
class Exemption:
    """What a person declared to be fine: for one control, these resources, until then, and why.

    `resource` is an ARN or what the service calls the resource, with `*` and `?`. `until` is the
    first instant at which it no longer holds (ISO 8601, UTC).
    """

    control: str
    resource: str
    until: str
    reason: str

    def covers(self, control: str, resource: Resource, now: str) -> bool:
        """Whether it holds for this control and resource at this time."""
        named = any(fnmatchcase(name, self.resource) for name in (resource.arn, resource.id))
        return named and control == self.control and now < self.until


@dataclass(frozen=True, slots=True)
class Policy:
    """How far each control may go, its settings, and what is exempt."""

    default: Autonomy = Autonomy.ASK
    autonomy: Mapping[str, Autonomy] = field(default_factory=dict)
    settings: Mapping[str, Document] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    trusted: Trusted = Trusted()

    def granted(self, control: str) -> Autonomy:
        """What the policy grants the control, before any guardrail."""
        return self.autonomy.get(control, self.default)

    def settings_of(self, control: str, kind: type[S]) -> S:
        """The control's settings; its own defaults where the policy is silent."""
        given: dict[str, object] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in self.settings.get(control, {}).items()
        }
        if "trusted" in getattr(kind, "__dataclass_fields__", ()):
            given["trusted"] = self.trusted
        return kind(**given)


def from_compiled(compiled: Document) -> Policy:
    """The policy in what `source.compiled` made."""
    controls = {
        name: one for name, one in mapping(compiled, "controls").items() if isinstance(one, Mapping)
    }
    return Policy(
        default=Autonomy.named(text(mapping(compiled, "defaults"), "autonomy")),
        autonomy={
            name: Autonomy.named(text(one, "autonomy"))
            for name, one in controls.items()
            if "autonomy" in one
        },
        settings={name: mapping(one, "settings") for name, one in controls.items()},
        trusted=Trusted(
            **{
                kind: frozenset(str(one) for one in named)
                for kind, named in mapping(compiled, "trusted").items()
                if isinstance(named, list)
            }
        ),
        exemptions=tuple(
            Exemption(text(e, "control"), text(e, "resource"), text(e, "until"), text(e, "reason"))
            for e in items(compiled.get("exemptions"))
        ),
    )


def shipped(path: Path = COMPILED) -> Policy:
    """The policy that was compiled into this layer at build."""
    return from_compiled(json.loads(path.read_text()))
