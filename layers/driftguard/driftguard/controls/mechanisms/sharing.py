"""Sharing: a resource shared with accounts that policy does not trust, unshared from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from driftguard.access.principals import Trusted
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, text
from driftguard.model import Call, Candidate, Change, Finding, Observation, Plan, Resource, Step

from ..control import Control, TrustSettings
from .declared import Declared, Read, listed


@dataclass(frozen=True, kw_only=True)
class Sharing(Declared, Control[TrustSettings]):
    """A resource shared with grantees: accounts, organizations, or everybody.

    `read` answers `{"grantees": [...]}`, each grantee a JSON value that `share` and `unshare` take
    back, several at once. `account_of` is the account or ARN of a grantee, "*" for everybody.
    """

    candidates: Callable[[Change, Trusted], Iterable[Candidate]]
    read: Read
    account_of: Callable[[Json], str]
    share: Callable[[Resource, list[Json]], Call]
    unshare: Callable[[Resource, list[Json]], Call]
    # Whether the API takes a single grantee a call: then there is a step for each.
    singly: bool = False
    settings: type[TrustSettings] = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        return self.candidates(change, settings.trusted)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = self.read(candidate.resource, reader)
        return None if found is None else {"owner": candidate.resource.account, **found}

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        strangers = self._strangers(state, settings)
        if not strangers:
            return None
        names = ", ".join(
            "everybody" if (who := self.account_of(stranger)) == "*" else who
            for stranger in strangers
        )
        return Finding(f"shared with {names}", tuple(strangers))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        resource, strangers = candidate.resource, self._strangers(observation.state, settings)
        steps = tuple(
            Step(self.unshare(resource, some), (self.share(resource, some),))
            for some in ([[stranger] for stranger in strangers] if self.singly else [strangers])
        )
        untouched = tuple(
            f"shared with {self.account_of(grantee)}"
            for grantee in listed(observation.state, "grantees")
            if grantee not in strangers
        )
        return Plan(steps, untouched=untouched)

    def _strangers(self, state: Document, settings: TrustSettings) -> list[Json]:
        own = text(state, "owner")
        return [
            grantee
            for grantee in listed(state, "grantees")
            if not is_trusted(self.account_of(grantee), own, settings.trusted)
        ]


def is_trusted(who: str, own: str, trusted: Trusted) -> bool:
    """Whether an account id, an ARN or "*" is the own account or a trusted one.

    Organizations and principals are compared as whole ARNs or ids. A unit of an organization
    (`arn:…:ou/o-1/ou-2`) is trusted where its organization is.
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
