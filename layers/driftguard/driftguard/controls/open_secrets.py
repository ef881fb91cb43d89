"""Secrets in configuration that many can read: what every such control has in common.

The secret itself is read, and goes nowhere: a facet holds its kind, its place and a fingerprint
under the stack's own salt. What was there before (in the baseline) is not asked about again, so a
secret that a person let stand is known; a new one beside it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ..aws import Reader
from ..model import Autonomy, Change, Document, Facet, Json, Plan, Resource, Risk, Step, Suspect
from ..trail import items, text
from .control import Control, NoSettings
from .mechanisms import Declared, Suspects

if TYPE_CHECKING:
    from ..exposure import Exposed

ADVICE = (
    "Move it to AWS Secrets Manager and rotate it: whoever could read the configuration has it."
)
_UNREAD = "Look at it yourself, and report the fault: a detector could not read it to its end."
# How many secrets are named in one line; all of them are in the state.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """What a resource shows to who may read it: every text with its place.

    `beside` is what an undo must find as it was; no secret stands in it.
    """

    texts: list[tuple[str, str]] = field(repr=False)
    beside: Document = field(default_factory=dict)


# What a resource shows; None when it is gone.
Values: TypeAlias = "Callable[[Resource, Reader], Shown | None]"


@dataclass(frozen=True, kw_only=True)
class OpenSecret(Declared, Control[NoSettings]):
    """A secret stands in the open in a resource's configuration.

    `values` reads what may hold one. `earlier` names what was there before and holds none, and
    `steps` is the remedy, from the resource and the whole state; none where there is none.
    """

    suspects: Suspects
    values: Values
    earlier: Callable[[Resource, Document, Reader], Json] = lambda _resource, _shown, _reader: None
    steps: Callable[[Resource, Document], tuple[Step, ...]] = lambda _resource, _state: ()
    advice: str = ADVICE
    baselined: bool = True
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        return self.suspects(change)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        shown = self.values(suspect.resource, reader)
        if shown is None:
            return None
        exposed, unread = looked_at(shown.texts, reader)
        if unread:
            return {**shown.beside, "exposed": [], "unread": unread}
        if not exposed:
            return {**shown.beside, "exposed": []}
        earlier = self.earlier(suspect.resource, shown.beside, reader)
        known: Document = {} if earlier is None else {"earlier": earlier}
        return {**shown.beside, "exposed": [*map(_as_document, exposed)], **known}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        before = baseline or {}
        known = {text(one, "fingerprint") for one in items(before.get("exposed"))}
        new = [one for one in items(state.get("exposed")) if text(one, "fingerprint") not in known]
        if new:
            return Risk(f"a secret in the open: {_in_words(new)}", tuple(new))
        unread = text(state, "unread")
        if unread and unread != text(before, "unread"):
            return Risk(f"perhaps a secret in the open: {unread}", at_most=Autonomy.ASK)
        return None

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        if "unread" in facet.state:
            return Plan((), advice=_UNREAD)
        return Plan(self.steps(suspect.resource, facet.state), advice=self.advice)


def looked_at(texts: Iterable[tuple[str, str]], reader: Reader) -> tuple[tuple[Exposed, ...], str]:
    """The secrets in texts, fingerprinted with the stack's salt; and why one could not be read.

    An access key's id alone is no secret. Where there is none, the salt is not asked for.
    """
    # Only here: the detectors are heavy, and few changes can hold a secret.
    from ..exposure import DetectorFailed, secrets_in, told_of
    from ..exposure.aws_keys import ACCESS_KEY_ID

    try:
        found = [one for one in secrets_in(texts) if one.found.kind != ACCESS_KEY_ID]
    except DetectorFailed as error:
        return (), str(error)
    return (told_of(found, reader.aws.salt()) if found else ()), ""


def is_clean(texts: Iterable[tuple[str, str]], reader: Reader) -> bool:
    """Whether the texts could be read, and hold no secret."""
    return looked_at(texts, reader) == ((), "")


def fingerprint_of(value: str, reader: Reader) -> str:
    """What tells one value from another, and nothing else of it."""
    from ..exposure.findings import Hidden, checked, fingerprint

    return fingerprint(Hidden(value), checked(reader.aws.salt()))


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


def _as_document(one: Exposed) -> Document:
    """All that may be told of a secret, as a facet keeps it."""
    told: dict[str, Json] = {
        "kind": one.kind,
        "place": one.place,
        "fingerprint": one.fingerprint,
    }
    return told | ({"key_id": one.key_id} if one.key_id else {})


def _in_words(found: list[Document]) -> str:
    named = list(dict.fromkeys(f"{one['kind']} in {one['place']}" for one in found))
    more = f", and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more
