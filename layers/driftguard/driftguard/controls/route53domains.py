"""Route 53 domains: a domain can be moved away to another registrar."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import References, Trigger, resource
from .mechanisms.switch import Switch

# Amazon Route 53 Developer Guide, "Logging Amazon Route 53 API calls with AWS CloudTrail", has
# domains under a source of their own; published detections look for them under Route 53's.
_SOURCES = ("route53domains.amazonaws.com", "route53.amazonaws.com")
_LOCKED = "clientTransferProhibited"


def _unlocked(change: Change) -> Iterator[Candidate]:
    domain = text(change.request, "domainName")
    if change.name == "DisableDomainTransferLock" and domain:
        # Domains have no ARN; this one only names it in the record.
        where = f"route53domains:::domain/{domain}"
        yield Candidate(resource(change, "route53domains.domain", domain, where), Certainty.EVIDENT)


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
    # The registrar works on it for a while: the same request, again, is refused as a duplicate.
    return Call(
        "route53domains",
        operation,
        {"DomainName": domain.id},
        on=("*",),
        settled_by=("DuplicateRequest",),
    )


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
    reads=("route53domains:GetDomainDetail",),
    writes={
        "route53domains:EnableDomainTransferLock": ("*",),
        "route53domains:DisableDomainTransferLock": ("*",),
    },
    candidates=_unlocked,
    read=_read,
    risky=lambda state, _: "" if state["locked"] else "can be moved to another registrar",
    safe=lambda state, _: {**state, "locked": True},
    put=_put,
    proven="stub",
)

CONTROLS = (LOCK_OFF,)
