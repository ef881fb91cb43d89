"""What many controls really have in common, each one mechanism, declared per control.

- `Sharing`: a resource is shared with grantees; those that are not trusted lose their grant.
- `Switch`: a setting has a value that is safe; a risky one is set back.
- `Weakened`: a configuration is weaker than its baseline; the weakened fields are set back.
- `Removed`: something that watched over the account is gone; it is made again from the baseline.
- `Granted`: one thing was given to another (a policy, a membership, a key), or taken from it.
- `Advice`: there is no safe remedy; people are told what happened and what they can do.

Those over resource policies stand in `policy_bearing.py`.

A control is an instance: its metadata, and the few functions that say how its service reads and
writes the thing. `suspects` names the resources of a change and how sure the record makes us.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ..access.principals import Trusted
from ..aws import Reader
from ..model import (
    Call,
    Certainty,
    Change,
    Document,
    Facet,
    Json,
    Plan,
    Resource,
    Risk,
    Step,
    Suspect,
)
from ..trail import text
from .control import Control, NoSettings, References, Trigger, TrustSettings

Suspects: TypeAlias = "Callable[[Change], Iterable[Suspect]]"
Read: TypeAlias = "Callable[[Resource, Reader], Document | None]"
Grants: TypeAlias = "Mapping[str, tuple[str, ...]]"

# Where a `Weakened` state says which of its fields the record itself told to be weak.
TOLD = "told"


@dataclass(frozen=True, kw_only=True)
class Declared:
    """The metadata that every declared control carries."""

    id: str
    title: str
    severity: int
    references: References = References()
    triggers: tuple[Trigger, ...]
    reads: tuple[str, ...] = ()
    writes: Grants = field(default_factory=dict)
    proven: str = "emulator"
    revert: str = ""
    volatile: frozenset[str] = frozenset()
    momentary: frozenset[str] = frozenset()
    baselined: bool = False
    vanishing: bool = False
    found_by: Callable[[Reader], Iterable[Resource]] | None = None

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        """What the sweep looks at: the resources that `found_by` lists."""
        return self.found_by(reader) if self.found_by else ()

    @property
    def swept(self) -> bool:
        """Whether there is anything to list them by."""
        return self.found_by is not None


@dataclass(frozen=True, kw_only=True)
class Switch(Declared, Control[NoSettings]):
    """A setting that has a safe value.

    `read` answers the state, None when the resource is gone. `risky` says in words why a state is
    risky, "" if it is not; it is given the baseline's state, or None. `put` is the call that sets
    a state's values; `safe` is the state to set, from the risky one and the baseline's. When it
    answers None there is nothing safe to guess, and people are asked with `advice`. A suspect's
    hint becomes part of the state.
    """

    suspects: Suspects
    read: Read
    risky: Callable[[Document, Document | None], str]
    safe: Callable[[Document, Document | None], Document | None]
    put: Callable[[Resource, Document], Call]
    advice: str = ""
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        return self.suspects(change)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        found = self.read(suspect.resource, reader)
        return None if found is None else {**found, **suspect.hint}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        why = self.risky(state, baseline)
        return Risk(why) if why else None

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        safe = self.safe(facet.state, baseline)
        if safe is None:
            return Plan((), advice=self.advice)
        there, back = self.put(suspect.resource, safe), self.put(suspect.resource, facet.state)
        kept = tuple(
            f"{name}: {json.dumps(value)}"
            for name, value in facet.state.items()
            if safe.get(name) == value
        )
        return Plan((Step(there, (back,)),), kept=kept, advice=self.advice)

    def put_back(self, suspect: Suspect, facet: Facet, baseline: Document) -> Plan:
        there, back = (self.put(suspect.resource, one) for one in (baseline, facet.state))
        return Plan((Step(there, (back,)),))


@dataclass(frozen=True, kw_only=True)
class Sharing(Declared, Control[TrustSettings]):
    """A resource shared with grantees: accounts, organisations, or everybody.

    `read` answers `{"grantees": [...]}`, each grantee a JSON value that `share` and `unshare` take
    back, several at once. `account_of` is the account or ARN of a grantee, "*" for everybody.
    """

    suspects: Callable[[Change, Trusted], Iterable[Suspect]]
    read: Read
    account_of: Callable[[Json], str]
    share: Callable[[Resource, list[Json]], Call]
    unshare: Callable[[Resource, list[Json]], Call]
    # Whether the API takes a single grantee a call: then there is a step for each.
    singly: bool = False
    settings: type[TrustSettings] = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Suspect]:
        return self.suspects(change, settings.trusted)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        found = self.read(suspect.resource, reader)
        return None if found is None else {"owner": suspect.resource.account, **found}

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Risk | None:
        strangers = self._strangers(state, settings)
        if not strangers:
            return None
        names = ", ".join(
            "everybody" if (who := self.account_of(one)) == "*" else who for one in strangers
        )
        return Risk(f"shared with {names}", tuple(strangers))

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: TrustSettings
    ) -> Plan:
        resource, strangers = suspect.resource, self._strangers(facet.state, settings)
        steps = tuple(
            Step(self.unshare(resource, some), (self.share(resource, some),))
            for some in ([[one] for one in strangers] if self.singly else [strangers])
        )
        kept = tuple(
            f"shared with {self.account_of(one)}"
            for one in listed(facet.state, "grantees")
            if one not in strangers
        )
        return Plan(steps, kept=kept)

    def _strangers(self, state: Document, settings: TrustSettings) -> list[Json]:
        own = text(state, "owner")
        return [
            one
            for one in listed(state, "grantees")
            if not is_trusted(self.account_of(one), own, settings.trusted)
        ]


@dataclass(frozen=True, kw_only=True)
class Weakened(Declared, Control[NoSettings]):
    """A configuration of several fields, weaker than its baseline in some of them.

    `weaker` names the fields of a state that are weaker than the baseline's, each with a reason;
    it is given None where there is no baseline, and then judges by what is weak in itself.
    `default` is what a weak field is set to without a baseline; a field it does not name is asked
    about. `put` is the call that sets these fields (a whole state, the named fields changed).
    A suspect's hint becomes part of the state: see `told` and `weaker_than_before`.
    """

    suspects: Suspects
    read: Read
    weaker: Callable[[Document, Document | None], Mapping[str, str]]
    put: Callable[[Resource, Document, tuple[str, ...]], Call]
    default: Document = field(default_factory=dict)
    advice: str = ""
    baselined: bool = True
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        return self.suspects(change)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        found = self.read(suspect.resource, reader)
        return None if found is None else {**found, **suspect.hint}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        weak = self.weaker(state, baseline)
        return Risk("; ".join(weak.values()), tuple(weak)) if weak else None

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        weak = tuple(self.weaker(facet.state, baseline))
        before = self.default if baseline is None else baseline
        unknown = [name for name in weak if name not in before]
        if unknown:
            return Plan((), advice=f"What {', '.join(unknown)} was before is not recorded.")
        restored = {**facet.state, **{name: before[name] for name in weak}}
        step = Step(
            self.put(suspect.resource, restored, weak),
            (self.put(suspect.resource, facet.state, weak),),
        )
        kept = tuple(name for name in facet.state if name not in (*weak, *suspect.hint))
        return Plan((step,), kept=kept, advice=self.advice)

    def put_back(self, suspect: Suspect, facet: Facet, baseline: Document) -> Plan:
        state = facet.state
        differs = tuple(name for name in baseline if state.get(name) != baseline[name])
        there = self.put(suspect.resource, {**state, **baseline}, differs)
        return Plan((Step(there, (self.put(suspect.resource, state, differs),)),))


@dataclass(frozen=True, kw_only=True)
class Removed(Declared, Control[NoSettings]):
    """Something that guarded the account was deleted; the baseline says how to make it again.

    `read` answers `{"exists": False}` when it is gone, else its whole configuration with
    `"exists": True`. `restore` are the calls that make it again from the baseline, each with its
    undo. Without a baseline people are asked.
    """

    suspects: Suspects
    read: Read
    restore: Callable[[Resource, Document], tuple[Step, ...]]
    what: str
    # Only what is recorded guarded the account: the deletion of anything else is nobody's matter.
    recorded_only: bool = False
    baselined: bool = True
    vanishing: bool = True
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        return self.suspects(change)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        return self.read(suspect.resource, reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        if state["exists"] or (self.recorded_only and not (baseline or {}).get("exists")):
            return None
        return Risk(f"{self.what} was deleted")

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        if baseline is None or not baseline.get("exists"):
            return Plan((), advice=f"How {self.what} was configured is not recorded; make it anew.")
        return Plan(self.restore(suspect.resource, baseline))


@dataclass(frozen=True, kw_only=True)
class Granted(Declared, Control[TrustSettings]):
    """One thing was given to another that should not have been, or was taken from it.

    The change names both: `suspects` puts into the hint what the resource's id does not say. Only
    that one grant is looked at, so that what was granted before, on purpose, is left alone. `read`
    answers the state, None when either is gone; `risky` says why it is risky, "" if it is not
    (any more); `steps` put it right, each with what brings it back exactly. Without steps people
    are asked, with `advice`.
    """

    suspects: Callable[[Change, Trusted], Iterable[Suspect]]
    read: Callable[[Suspect, Reader], Document | None]
    risky: Callable[[Document, Trusted], str]
    steps: Callable[[Resource, Document], tuple[Step, ...]]
    advice: str = ""
    settings: type[TrustSettings] = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Suspect]:
        return self.suspects(change, settings.trusted)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        return self.read(suspect, reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Risk | None:
        why = self.risky(state, settings.trusted)
        return Risk(why) if why else None

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: TrustSettings
    ) -> Plan:
        return Plan(self.steps(suspect.resource, facet.state), advice=self.advice)


@dataclass(frozen=True, kw_only=True)
class Advice(Declared, Control[NoSettings]):
    """A change without a safe remedy: it is recorded, and people are told what they can do.

    `revert` says why there is none. `read` looks whether the resource still stands as the change
    left it, where that can be known; without it the record is all there is.
    """

    # Nothing is ever called, so nothing was tried against a service.
    proven: str = "stub"
    suspects: Suspects
    why: str
    advice: str
    read: Read | None = None
    settings: type[NoSettings] = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        return self.suspects(change)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        return suspect.hint if self.read is None else self.read(suspect.resource, reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        return Risk(self.why)

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        return Plan((), advice=self.advice)


def evident(find: Callable[[Change], Resource | None], *names: str) -> Suspects:
    """What changes of these names are about: such a call is itself the risk.

    A change of any other name, the call's harmless counterpart, yields nothing.
    """

    def suspects(change: Change) -> Iterable[Suspect]:
        found = find(change) if change.name in names else None
        return () if found is None else (Suspect(found, Certainty.EVIDENT),)

    return suspects


def told(resource: Resource, *weak: str) -> Suspect:
    """The suspect of a record that itself says that these fields were made weak."""
    return Suspect(resource, Certainty.EVIDENT, {TOLD: list(weak)})


def weaker_than_before(
    weak: Callable[[Document], Mapping[str, str]],
) -> Callable[[Document, Document | None], Mapping[str, str]]:
    """For `Weakened`: what is weak now and was not before.

    `weak` names the fields of one state that are weak in themselves. Many are so from the start
    (AWS's own defaults), and that is no drift. Without a baseline only a record's word counts:
    what it was `told`; a sweep records what it finds.
    """

    def weaker(state: Document, baseline: Document | None) -> Mapping[str, str]:
        if baseline is None:
            known = listed(state, TOLD)
            return {name: why for name, why in weak(state).items() if name in known}
        before = weak(baseline)
        return {name: why for name, why in weak(state).items() if name not in before}

    return weaker


def is_trusted(who: str, own: str, trusted: Trusted) -> bool:
    """Whether an account id, an ARN or "*" is the own account or a trusted one.

    Organisations and principals are compared as whole ARNs or ids. A unit of an organisation
    (`arn:…:ou/o-1/ou-2`) is trusted where its organisation is.
    """
    if who in ("*", ""):
        return False
    account = who.split(":")[4] if who.startswith("arn:") and who.count(":") >= 5 else who
    return (
        account == own
        or account in trusted.accounts
        or bool({who, *who.split("/")} & trusted.organizations)
        or bool({who, who.rpartition("/")[2]} & trusted.principals)
    )


def listed(state: Document, name: str) -> list[Json]:
    """The list under a key of a state; an empty one where there is none."""
    value = state.get(name)
    return list(value) if isinstance(value, (list, tuple)) else []
