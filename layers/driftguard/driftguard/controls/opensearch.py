"""OpenSearch (and Elasticsearch): domains whose access policy lets in the public or strangers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Settling, Trigger, partition_of, resource
from .mechanisms.resource_policy import OpenPolicy

_ES = "es.amazonaws.com"
# Sources: Amazon OpenSearch Service Developer Guide, "Making configuration changes in Amazon
# OpenSearch Service"; the answer in its words, as UpdateDomainConfig gives it meanwhile.
_SETTLING = Settling(
    3600,
    "a domain takes one change at a time and works on it for minutes to hours (Amazon OpenSearch "
    "Service Developer Guide, “Making configuration changes in Amazon OpenSearch Service”)",
)
_BUSY = (Busy("ValidationException", "in progress"), Busy("ConflictException"))
_DOMAINS = ("arn:{partition}:es:{region}:{account}:domain/*",)


def _domain(change: Change) -> Iterable[Candidate]:
    """The domain of a record that sets a policy. Inside a VPC an open policy is no opening."""
    request = change.request
    name = text(request, "domainName")
    in_vpc = bool(next(items(request.get("vPCOptions")), None))
    if flag(request.get("dryRun")):
        return
    if name and not in_vpc and (request.get("accessPolicies") or omitted(request)):
        tail = f"es:{{region}}:{{account}}:domain/{name}"
        yield Candidate(resource(change, "opensearch.domain", name, tail), Certainty.POSSIBLE)


def _domains(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:es:{reader.region}:{reader.account}:domain"
    for item in items(document(reader.read("opensearch", "ListDomainNames")).get("DomainNames")):
        name = text(item, "DomainName")
        yield Resource("opensearch.domain", name, reader.account, reader.region, f"{where}/{name}")


def _written(change: Change) -> Json:
    return change.request.get("accessPolicies")


def _read(domain: Resource, reader: Reader) -> Document | None:
    """The policy as last set, even while the domain still takes it on.

    A domain in a VPC is reached through its security groups alone, and AWS recommends an open
    policy there (Amazon OpenSearch Service Developer Guide, "About access policies on VPC
    domains"): it counts as having none.
    """
    found = reader.read(
        "opensearch",
        "DescribeDomainConfig",
        absent=("ResourceNotFoundException",),
        DomainName=domain.id,
    )
    if found is None:
        return None
    config = mapping(document(found), "DomainConfig")
    network = mapping(mapping(config, "VPCOptions"), "Options")
    if network.get("VPCId") or network.get("SubnetIds"):
        return {"policy": ""}
    security = mapping(mapping(config, "AdvancedSecurityOptions"), "Options")
    return {
        "policy": text(mapping(config, "AccessPolicies"), "Options"),
        "fine_grained": flag(security.get("Enabled")) is True,
    }


def _spared(state: Document) -> str:
    """Why the policy is for people to amend: an open one is documented beside fine-grained access
    control, where each user signs in to the domain itself.

    Source: Amazon OpenSearch Service Developer Guide, "Fine-grained access control in Amazon
    OpenSearch Service".
    """
    if not state.get("fine_grained"):
        return ""
    return (
        "The domain has fine-grained access control, beside which an open policy is usual: its own "
        "users and roles decide. See that anonymous access is off, or name in the policy who may "
        "reach the domain."
    )


def _put(domain: Resource, written: str, state: Document) -> Call:
    return Call(
        "opensearch",
        "UpdateDomainConfig",
        {"DomainName": domain.id, "AccessPolicies": written},
        on=(domain.arn,),
    )


PUBLIC_POLICY = OpenPolicy(
    id="opensearch.public-policy",
    title="OpenSearch domain open by its access policy",
    severity=88,
    cuts=NOTHING,
    settling=_SETTLING,
    busy=_BUSY,
    references=References(security_hub=("ES.2", "Opensearch.2"), attack=("T1190", "T1530")),
    triggers=tuple(
        Trigger(_ES, name)
        for name in (
            "UpdateDomainConfig",
            "UpdateElasticsearchDomainConfig",
            "CreateDomain",
            "CreateElasticsearchDomain",
        )
    ),
    reads=("es:DescribeDomainConfig", "es:ListDomainNames"),
    found_by=_domains,
    writes={"es:UpdateDomainConfig": _DOMAINS},
    service="opensearch",
    candidates=_domain,
    written=_written,
    read=_read,
    put=_put,
    spared=_spared,
    # An empty policy is how a domain's policy is taken away: then identity policies alone decide.
    delete=lambda domain, state: _put(domain, "", state),
)

CONTROLS = (PUBLIC_POLICY,)
