"""Exposed secrets: secrets in configuration that many can read.

The secret itself is read but never stored: an observation holds its kind, its place and a
fingerprint under the stack's own salt. Secrets in the baseline are not asked about again, so a
secret that a person accepted is known; a new secret beside it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
from driftguard.model import Autonomy, Candidate, Change, Finding, Observation, Plan, Resource, Step

from ..control import Control, NoSettings
from .declared import Candidates, Declared

if TYPE_CHECKING:
    from driftguard.analysis.secrets import Exposed

ADVICE = (
    "Move it to AWS Secrets Manager and rotate it: whoever could read the configuration has it."
)
_UNREADABLE = (
    "Look at it yourself, and accept it as it is (driftguard baseline accept). What is under a key "
    "is read once the guard's role may use the key."
)
_UNREAD = "Look at it yourself, and report the fault: a detector could not read it to its end."
# How many secrets are named in one line; all of them are in the state.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """The texts that a resource shows to its readers, each with its place.

    `beside` is the rest of the state that an undo must find unchanged, without any secret. `unread`
    says why some of it could not be read, "" where all of it was: what is unread is never clean.
    """

    texts: list[tuple[str, str]] = field(repr=False)
    beside: Document = field(default_factory=dict)
    unread: str = ""


# What a resource shows; None when it is gone.
Values: TypeAlias = "Callable[[Resource, Reader], Shown | None]"


@dataclass(frozen=True, kw_only=True)
class OpenSecret(Declared, Control[NoSettings]):
    """A secret is exposed in a resource's configuration.

    `values` reads what may hold one. `earlier` names what was there before and holds none, and
    `steps` is the remediation, from the resource and the whole state; none where there is none.
    """

    candidates: Candidates
    values: Values
    earlier: Callable[[Resource, Document, Reader], Json] = lambda _resource, _shown, _reader: None
    steps: Callable[[Resource, Document], tuple[Step, ...]] = lambda _resource, _state: ()
    advice: str = ADVICE
    baselined: bool = True
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        return self.candidates(change)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        shown = self.values(candidate.resource, reader)
        if shown is None:
            return None
        beside: Document = {
            **shown.beside,
            **({"unreadable": shown.unread} if shown.unread else {}),
        }
        exposed, unread = looked_at(shown.texts, reader)
        if unread:
            return {**beside, "exposed": [], "unread": unread}
        if not exposed:
            return {**beside, "exposed": []}
        earlier = self.earlier(candidate.resource, shown.beside, reader)
        known: Document = {} if earlier is None else {"earlier": earlier}
        return {**beside, "exposed": [*map(_as_document, exposed)], **known}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        before = baseline or {}
        known = {text(item, "fingerprint") for item in items(before.get("exposed"))}
        new = [
            item for item in items(state.get("exposed")) if text(item, "fingerprint") not in known
        ]
        if new:
            return Finding(f"a secret in the open: {_in_words(new)}", tuple(new))
        unread = text(state, "unread")
        if unread and unread != text(before, "unread"):
            return Finding(f"perhaps a secret in the open: {unread}", at_most=Autonomy.ASK)
        unreadable = text(state, "unreadable")
        if unreadable and unreadable != text(before, "unreadable"):
            summary = f"whether there is a secret cannot be told: {unreadable}"
            return Finding(summary, at_most=Autonomy.OBSERVE, at_most_why=unreadable)
        return None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        if "unread" in observation.state:
            return Plan((), advice=_UNREAD)
        if "unreadable" in observation.state and not observation.state["exposed"]:
            return Plan((), advice=_UNREADABLE)
        return Plan(self.steps(candidate.resource, observation.state), advice=self.advice)


def looked_at(texts: Iterable[tuple[str, str]], reader: Reader) -> tuple[tuple[Exposed, ...], str]:
    """The secrets in texts, fingerprinted with the stack's salt; or why a text was unreadable.

    An access key's id alone is no secret. Where there is none, the salt is not asked for.
    """
    # Only here: the detectors are heavy, and few changes can hold a secret.
    from driftguard.analysis.secrets import DetectorFailed, secrets_in, told_of
    from driftguard.analysis.secrets.aws_keys import ACCESS_KEY_ID

    try:
        found = [secret for secret in secrets_in(texts) if secret.found.kind != ACCESS_KEY_ID]
    except DetectorFailed as error:
        return (), str(error)
    return (told_of(found, reader.aws.salt()) if found else ()), ""


def is_clean(texts: Iterable[tuple[str, str]], reader: Reader) -> bool:
    """Whether the texts could be read, and hold no secret."""
    return looked_at(texts, reader) == ((), "")


def fingerprint_of(value: str, reader: Reader) -> str:
    """The fingerprint of a value, which tells it from others and reveals nothing else."""
    from driftguard.analysis.secrets.exposed import Hidden, checked, fingerprint

    return fingerprint(Hidden(value), checked(reader.aws.salt()))


def texts_in(value: Json, place: str) -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, each with its place: `Environment.Variables.NAME`."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from texts_in(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from texts_in(inner, f"{place}.{number}")


def _as_document(secret: Exposed) -> Document:
    """A secret as an observation keeps it: its kind, place and fingerprint."""
    written: dict[str, Json] = {
        "kind": secret.kind,
        "place": secret.place,
        "fingerprint": secret.fingerprint,
    }
    return written | ({"key_id": secret.key_id} if secret.key_id else {})


def _in_words(found: list[Document]) -> str:
    named = list(dict.fromkeys(f"{secret['kind']} in {secret['place']}" for secret in found))
    more = f", and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more
