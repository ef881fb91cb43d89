"""Route 53 domains: a domain can be moved away to another registrar."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Settling, Trigger, partition_of, resource
from .mechanisms.switch import Switch
from .mechanisms.weakened import TOLD

# Amazon Route 53 Developer Guide, "Logging Amazon Route 53 API calls with AWS CloudTrail", has
# domains under a source of their own; published detections look for them under Route 53's.
_SOURCES = ("route53domains.amazonaws.com", "route53.amazonaws.com")
_LOCKED = "clientTransferProhibited"


def _unlocked(change: Change) -> Iterator[Candidate]:
    # The Developer Guide's sample has an object here; API calls have the name itself.
    domain = text(mapping(change.request, "domainName"), "name") or text(
        change.request, "domainName"
    )
    if change.name == "DisableDomainTransferLock" and domain:
        # Domains have no ARN; this one only names it in the record.
        where = f"route53domains:::domain/{domain}"
        found = resource(change, "route53domains.domain", domain, where)
        yield Candidate(found, Certainty.EVIDENT, {TOLD: ["locked"]})


def _domains(reader: Reader) -> Iterator[Resource]:
    """The registered domains. The API is in one region only.

    Source: AWS General Reference, "Amazon Route 53 endpoints and quotas".
    """
    if reader.region != "us-east-1":
        return
    for domain in map(document, reader.pages("route53domains", "ListDomains", "Domains")):
        name = text(domain, "DomainName")
        arn = f"arn:{partition_of(reader.region)}:route53domains:::domain/{name}"
        yield Resource("route53domains.domain", name, reader.account, reader.region, arn)


def _unlocked_now(state: Document, baseline: Document | None) -> str:
    """Why a domain is less protected than before: some registries know no lock at all."""
    was = TOLD in state if baseline is None else baseline["locked"]
    return "can be moved to another registrar" if was and not state["locked"] else ""


def _read(domain: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "route53domains", "GetDomainDetail", DomainName=domain.id, absent=("InvalidInput",)
    )
    if answer is None:
        return None
    status = document(answer).get("StatusList")
    return {"locked": isinstance(status, (list, tuple)) and _LOCKED in status}


def _put(domain: Resource, state: Document) -> Call:
    operation = "EnableDomainTransferLock" if state["locked"] else "DisableDomainTransferLock"
    return Call("route53domains", operation, {"DomainName": domain.id}, on=("*",))


LOCK_OFF = Switch(
    id="route53domains.lock-off",
    title="Domain's transfer lock off",
    severity=85,
    references=References(attack=("T1584.001",)),
    # To enable it wakes it in vain: it is the harmless twin that the record tells apart.
    triggers=tuple(
        Trigger(source, f"{verb}DomainTransferLock")
        for source in _SOURCES
        for verb in ("Disable", "Enable")
    ),
    # Whoever moves the domain away on purpose has just unlocked it: only that is taken back.
    cuts=NOTHING,
    settling=Settling(
        3600,
        "a lock is an operation that the registry works on, and until it is done the domain tells "
        'the lock before (Amazon Route 53 Domains API Reference, "EnableDomainTransferLock")',
    ),
    # Another operation on the domain is under way.
    busy=(Busy("DuplicateRequest"),),
    baselined=True,
    found_by=_domains,
    reads=("route53domains:GetDomainDetail", "route53domains:ListDomains"),
    writes={
        "route53domains:EnableDomainTransferLock": ("*",),
        "route53domains:DisableDomainTransferLock": ("*",),
    },
    candidates=_unlocked,
    read=_read,
    risky=_unlocked_now,
    safe=lambda state, _: {**state, "locked": True},
    put=_put,
    proven="stub",
)

CONTROLS = (LOCK_OFF,)
