"""Route 53: signing of a zone switched off, query logging deleted, a domain given away.

Sources: Amazon Route 53 API Reference, "DisableHostedZoneDNSSEC" (its keys stay active),
"EnableHostedZoneDNSSEC" (needs one that is), "GetDNSSEC", "DeleteQueryLoggingConfig";
Amazon Route 53 Developer Guide, "Disabling DNSSEC signing" (a zone whose parent still has its DS
record is bogus without signatures); Amazon Route 53 Domains API Reference,
"TransferDomainToAnotherAwsAccount".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Trigger, partition_of, resource
from .mechanisms.advice import Advice
from .mechanisms.switch import Switch
from .mechanisms.weakened import TOLD

_ROUTE53 = "route53.amazonaws.com"
# Domains are logged under a source of their own, or under Route 53's: see `route53domains.py`.
_DOMAINS = ("route53domains.amazonaws.com", _ROUTE53)
_ZONES = ("arn:{partition}:route53:::hostedzone/*",)
_GONE = ("NoSuchHostedZone",)

# ----------------------------------------------------------------------------------- signing


def _unsigned(change: Change) -> Iterator[Candidate]:
    zone = text(change.request, "hostedZoneId", "id").rpartition("/")[2]
    if change.name == "DisableHostedZoneDNSSEC" and zone:
        where = resource(change, "route53.zone", zone, f"route53:::hostedzone/{zone}")
        yield Candidate(where, Certainty.EVIDENT, {TOLD: ["signed"]})


def _zones(reader: Reader) -> Iterator[Resource]:
    """The public zones: private ones cannot be signed. The API is in one region only."""
    if reader.region != "us-east-1":
        return
    for zone in map(document, reader.pages("route53", "ListHostedZones", "HostedZones")):
        if mapping(zone, "Config").get("PrivateZone") is not True:
            id_ = text(zone, "Id").rpartition("/")[2]
            arn = f"arn:{partition_of(reader.region)}:route53:::hostedzone/{id_}"
            yield Resource("route53.zone", id_, reader.account, reader.region, arn)


def _signing(zone: Resource, reader: Reader) -> Document | None:
    found = reader.read("route53", "GetDNSSEC", HostedZoneId=zone.id, absent=_GONE)
    if found is None:
        return None
    status = text(mapping(document(found), "Status"), "ServeSignature")
    keys = items(document(found).get("KeySigningKeys"))
    return {
        "signed": status not in ("", "NOT_SIGNING", "DELETING"),
        "active_keys": sorted(text(key, "Name") for key in keys if text(key, "Status") == "ACTIVE"),
    }


def _why_unsigned(state: Document, baseline: Document | None) -> str:
    was = TOLD in state if baseline is None else baseline["signed"]
    return "answers about the zone are no longer signed" if was and not state["signed"] else ""


def _sign(zone: Resource, state: Document) -> Call:
    operation = "EnableHostedZoneDNSSEC" if state["signed"] else "DisableHostedZoneDNSSEC"
    return Call("route53", operation, {"HostedZoneId": zone.id}, on=(zone.arn,))


DNSSEC_OFF = Switch(
    id="route53.dnssec-off",
    title="Zone no longer signed",
    severity=75,
    # Resolvers that do not validate never notice, and the others refuse the unsigned answers.
    cuts=NOTHING,
    busy=(Busy("ConcurrentModification"), Busy("PriorRequestNotComplete")),
    references=References(attack=("T1584.002", "T1557")),
    # Enabling it is the harmless twin.
    triggers=(
        Trigger(_ROUTE53, "DisableHostedZoneDNSSEC"),
        Trigger(_ROUTE53, "EnableHostedZoneDNSSEC"),
    ),
    reads=("route53:GetDNSSEC", "route53:ListHostedZones"),
    writes={
        "route53:EnableHostedZoneDNSSEC": _ZONES,
        "route53:DisableHostedZoneDNSSEC": _ZONES,
    },
    proven="stub",
    baselined=True,
    found_by=_zones,
    candidates=_unsigned,
    read=_signing,
    risky=_why_unsigned,
    safe=lambda state, _: {**state, "signed": True} if state["active_keys"] else None,
    advice="If the parent zone still has the DS record: activate the key that it names again.",
    put=_sign,
)

# ----------------------------------------------------------------------------- query logging


def _unlogged(change: Change) -> Iterator[Candidate]:
    id_ = text(change.request, "id")
    if change.name == "DeleteQueryLoggingConfig" and id_:
        where = f"route53:::queryloggingconfig/{id_}"
        found = resource(change, "route53.query-logging-config", id_, where)
        yield Candidate(found, Certainty.EVIDENT)


def _deleted(config: Resource, reader: Reader) -> Document | None:
    """The deleted configuration; None if it still exists."""
    found = reader.read(
        "route53", "GetQueryLoggingConfig", Id=config.id, absent=("NoSuchQueryLoggingConfig",)
    )
    return None if found is not None else {"config": config.id}


QUERY_LOGGING_DELETED = Advice(
    id="route53.query-logging-deleted",
    title="Query logging of a public zone deleted",
    severity=60,
    cuts=NOTHING,
    references=References(security_hub=("Route53.2",), attack=("T1562.008",)),
    # To create one is the harmless twin.
    triggers=(
        Trigger(_ROUTE53, "DeleteQueryLoggingConfig"),
        Trigger(_ROUTE53, "CreateQueryLoggingConfig"),
    ),
    reads=("route53:GetQueryLoggingConfig",),
    revert="a new configuration has a new id, which no plan can name to undo it",
    candidates=_unlogged,
    read=_deleted,
    why="queries for a public zone are no longer logged",
    advice="Create the configuration again, for its zone and log group.",
)

# ----------------------------------------------------------------------------------- domains


def _given_away(change: Change) -> Iterator[Candidate]:
    domain = text(mapping(change.request, "domainName"), "name") or text(
        change.request, "domainName"
    )
    if change.name == "TransferDomainToAnotherAwsAccount" and domain:
        where = resource(
            change, "route53domains.domain", domain, f"route53domains:::domain/{domain}"
        )
        hint = {"to": text(change.request, "accountId")}
        yield Candidate(where, Certainty.EVIDENT, hint)


DOMAIN_TRANSFERRED = Advice(
    id="route53domains.transferred",
    title="Domain offered to another account",
    severity=95,
    cuts=NOTHING,
    references=References(attack=("T1584.001",)),
    triggers=tuple(
        Trigger(source, f"{name}ToAnotherAwsAccount")
        for source in _DOMAINS
        # To cancel it is the harmless twin.
        for name in ("TransferDomain", "CancelDomainTransfer")
    ),
    revert="an offer that is withdrawn can only be made again with a new password",
    candidates=_given_away,
    why="another account may take the domain over",
    advice="Cancel the transfer at once, before it is accepted (`aws route53domains "
    "cancel-domain-transfer-to-another-aws-account`), and lock the domain.",
)

CONTROLS = (DNSSEC_OFF, QUERY_LOGGING_DELETED, DOMAIN_TRANSFERRED)
