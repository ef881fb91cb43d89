"""Sharing: a resource shared with accounts that policy does not trust, unshared from them.

Source: AWS Organizations API Reference, "DescribeOrganization" (any account of an organization may
ask which it is).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from driftguard.access.principals import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.model import Call, Candidate, Change, Finding, Observation, Plan, Resource, Step

from ..control import Control, TrustSettings
from .declared import Declared, Read, finding, listed

# Where a candidate says with whom its record shared the resource; empty where the record hides it.
SHARED_WITH = "shared_with"
_DIGITS_OF_AN_ACCOUNT = 12
_UNTOLD = "nothing says with whom the change shared it, and some may have had it for long"


@dataclass(frozen=True, kw_only=True)
class Sharing(Declared, Control[TrustSettings]):
    """A resource shared with grantees: accounts, organizations, or everybody.

    `read` answers `{"grantees": [...]}`, each grantee a JSON value that `share` and `unshare` take
    back, several at once. `account_of` is the account or ARN of a grantee, "*" for everybody.
    Only those with whom the change shared the resource lose it; all others are the sweep's to find.
    They are the strangers that the request names, unless a candidate says them itself, under
    `SHARED_WITH` in its hint. A control that sets `knows_organization` trusts the organization that
    its account belongs to.
    """

    candidates: Callable[[Change, Trusted], Iterable[Candidate]]
    read: Read
    account_of: Callable[[Json], str]
    share: Callable[[Resource, list[Json]], Call]
    unshare: Callable[[Resource, list[Json]], Call]
    # Whether the API takes a single grantee a call: then there is a step for each.
    singly: bool = False
    knows_organization: bool = False
    settings: type[TrustSettings] = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        for candidate in self.candidates(change, settings.trusted):
            if SHARED_WITH in candidate.hint:
                yield candidate
                continue
            named = sorted(
                who
                for who in set(_accounts_in(change.request))
                if not is_trusted(who, change.account, settings.trusted)
            )
            yield replace(candidate, hint={**candidate.hint, SHARED_WITH: list(named)})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = self.read(candidate.resource, reader)
        if found is None:
            return None
        state = {"owner": candidate.resource.account, **found, **candidate.hint}
        with_units = any(
            ":organizations::" in self.account_of(grantee) for grantee in listed(found, "grantees")
        )
        if self.knows_organization and with_units:
            state["organization"] = own_organization(reader)
        return state

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
        doubt = _UNTOLD if SHARED_WITH in state and not listed(state, SHARED_WITH) else ""
        return finding(f"shared with {names}", doubt, tuple(strangers))

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
        own, shared_with = text(state, "owner"), listed(state, SHARED_WITH)
        trusted = settings.trusted
        if organization := text(state, "organization"):
            trusted = replace(trusted, organizations=trusted.organizations | {organization})
        return [
            grantee
            for grantee in listed(state, "grantees")
            if not is_trusted(who := self.account_of(grantee), own, trusted)
            and (not shared_with or who in shared_with)
        ]


def _accounts_in(value: Json) -> Iterator[str]:
    """The account ids in a request, wherever they stand; "*" for everybody."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _accounts_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _accounts_in(inner)
    elif isinstance(value, (str, int)):
        written = str(value)
        if written.lower() == "all":
            yield "*"
        elif written.isdigit() and len(written) == _DIGITS_OF_AN_ACCOUNT:
            yield written


def own_organization(reader: Reader) -> str:
    """The id of the organization that the account belongs to; "" for none."""
    answer = reader.read(
        "organizations", "DescribeOrganization", absent=("AWSOrganizationsNotInUseException",)
    )
    return text(mapping(document(answer), "Organization"), "Id")


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
