"""Keys that a stranger may use by a grant."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.access.principals import is_dead
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
from driftguard.model import (
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import NOTHING, Control, References, Trigger, TrustSettings
from ..mechanisms.sharing import is_trusted
from .key import BUSY, GONE, KEYS, KMS, SETTLING, call, key_of


class ExternalGrant(Control[TrustSettings]):
    """A grant lets a stranger use the key.

    The undo makes the same grant again; its id and token are new.
    """

    id = "kms.external-grant"
    title = "Key granted to a foreign account"
    severity = 82
    references = References(attack=("T1098", "T1537"))
    triggers = (Trigger(KMS, "CreateGrant"),)
    reads = ("kms:ListGrants",)
    writes = {"kms:CreateGrant": KEYS, "kms:RevokeGrant": KEYS}
    volatile = frozenset({"GrantId"})
    cuts = NOTHING
    settling = SETTLING
    busy = BUSY
    settings = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        key, grantee = key_of(change), text(change.request, "granteePrincipal")
        if key is None:
            return
        if not grantee and not text(change.request, "granteeServicePrincipal"):
            yield Candidate(key, Certainty.POSSIBLE)
        elif _stranger(grantee, change.account, settings):
            yield Candidate(key, Certainty.EVIDENT)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        key = candidate.resource
        if reader.read("kms", "ListGrants", KeyId=key.id, Limit=1, absent=GONE) is None:
            return None
        found = map(document, reader.pages("kms", "ListGrants", "Grants", KeyId=key.id))
        wanted = (
            "Constraints",
            "GrantId",
            "GranteePrincipal",
            "Name",
            "Operations",
            "RetiringPrincipal",
        )
        grants: list[dict[str, Json]] = [
            {name: grant[name] for name in wanted if grant.get(name)} for grant in found
        ]
        grants.sort(key=_canonical)
        return {"owner": key.account, "grants": grants}

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        foreign = self._foreign(state, settings)
        if not foreign:
            return None
        who = ", ".join(text(grant, "GranteePrincipal") for grant in foreign)
        return Finding(f"{who} may use the key", tuple(foreign))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        foreign = self._foreign(observation.state, settings)
        steps = tuple(_revoke(candidate.resource, grant) for grant in foreign)
        untouched = tuple(
            f"grant to {text(grant, 'GranteePrincipal')}"
            for grant in items(observation.state["grants"])
            if grant not in foreign
        )
        return Plan(steps, untouched=untouched)

    def _foreign(self, state: Document, settings: TrustSettings) -> list[Document]:
        own = text(state, "owner")
        return [
            grant
            for grant in items(state["grants"])
            if _stranger(text(grant, "GranteePrincipal"), own, settings)
        ]


def _stranger(grantee: str, own: str, settings: TrustSettings) -> bool:
    """Whether a grantee is a stranger; AWS's services are known by their host names.

    A deleted user or role, of which only the unique id is left, is nobody.
    """
    is_service = not grantee.startswith("arn:") and "." in grantee
    if not grantee or is_service or is_dead("AWS", grantee):
        return False
    return not is_trusted(grantee, own, settings.trusted)


def _revoke(key: Resource, grant: Document) -> Step:
    again: dict[str, Json] = {name: value for name, value in grant.items() if name != "GrantId"}
    revoke = call(key, "RevokeGrant", {"GrantId": grant["GrantId"]}, *GONE)
    return Step(revoke, (call(key, "CreateGrant", again),))


def _canonical(grant: Document) -> str:
    return f"{text(grant, 'GranteePrincipal')}|{text(grant, 'Name')}|{grant.get('Operations')}"


CONTROLS = (ExternalGrant(),)
