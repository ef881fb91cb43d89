"""Secrets in configuration that many can read: what every such control has in common.

The secret itself is read, and goes nowhere: a facet holds its kind, its place and a fingerprint
under the stack's own salt. What was there before (in the baseline) is not asked about again, so a
secret that a person let stand is known; a new one beside it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ..aws import Reader
from ..exposure.findings import Exposed
from ..model import Change, Document, Facet, Json, Plan, Resource, Risk, Step, Suspect
from ..trail import items, text
from .control import Control, NoSettings
from .mechanisms import Declared, Suspects

# The texts of a resource, each with its place; None when the resource is gone.
Values: TypeAlias = "Callable[[Resource, Reader], list[tuple[str, str]] | None]"

__all__ = ["ADVICE", "OpenSecret", "Suspects", "Values", "as_document", "exposed_in", "texts_in"]

ADVICE = (
    "Move it to AWS Secrets Manager and rotate it: whoever could read the configuration has it."
)


@dataclass(frozen=True, kw_only=True)
class OpenSecret(Declared, Control[NoSettings]):
    """A secret stands in the open in a resource's configuration.

    `values` reads what may hold one. `beside` reads what a remedy needs to know (never a value),
    and `steps` is the remedy, from the resource and the whole state; none where there is none.
    """

    suspects: Suspects
    values: Values
    beside: Callable[[Resource, Reader], Document] = lambda _resource, _reader: {}
    steps: Callable[[Resource, Document], tuple[Step, ...]] = lambda _resource, _state: ()
    advice: str = ADVICE
    baselined: bool = True
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        return self.suspects(change)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        found = self.values(suspect.resource, reader)
        if found is None:
            return None
        exposed = [as_document(one) for one in exposed_in(found, reader)]
        if not exposed:
            return {"exposed": []}
        return {"exposed": list(exposed), **self.beside(suspect.resource, reader)}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        known = {text(one, "fingerprint") for one in items((baseline or {}).get("exposed"))}
        new = [one for one in items(state.get("exposed")) if text(one, "fingerprint") not in known]
        if not new:
            return None
        named = ", ".join(dict.fromkeys(f"{one['kind']} in {one['place']}" for one in new))
        return Risk(f"a secret in the open: {named}", tuple(new))

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        return Plan(self.steps(suspect.resource, facet.state), advice=self.advice)


def exposed_in(values: Iterable[tuple[str, str]], reader: Reader) -> tuple[Exposed, ...]:
    """The secrets in texts, each with its place, fingerprinted with the stack's salt.

    An access key's id alone is none.
    """
    # Only here: the detectors are heavy, and few changes can hold a secret.
    from ..exposure import exposed_in as detected
    from ..exposure.aws_keys import ACCESS_KEY_ID

    found = detected(values, reader.aws.surroundings.salt)
    return tuple(one for one in found if one.kind != ACCESS_KEY_ID)


def as_document(one: Exposed) -> Document:
    """All that may be told of a secret, as a facet keeps it."""
    told: dict[str, Json] = {
        "kind": one.kind,
        "place": one.place,
        "fingerprint": one.fingerprint,
    }
    return told | ({"key_id": one.key_id} if one.key_id else {})


def texts_in(value: Json, place: str) -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, each with its place: `Environment.Variables.NAME`."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from texts_in(one, f"{place}.{name}" if place else name)
    elif isinstance(value, (list, tuple)):
        for number, one in enumerate(value):
            yield from texts_in(one, f"{place}.{number}")
