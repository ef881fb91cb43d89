"""VPC endpoints whose policy lets everything through, and endpoint services open to strangers.

Sources: AWS PrivateLink Guide, "Control access to VPC endpoints using endpoint policies" (the
default one lets everything through), "Configure an endpoint service"; Amazon EC2 API Reference,
"ModifyVpcEndpoint", "ModifyVpcEndpointServicePermissions",
"ModifyVpcEndpointServiceConfiguration".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from driftguard.access.document import UnreadableError, as_list, element, load
from driftguard.access.principals import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References
from ..ec2.records import any_of, found, named, on, string, value
from ..mechanisms.declared import unrecorded
from ..mechanisms.sharing import SHARED_WITH, Sharing, is_trusted
from ..mechanisms.switch import Switch, since_before
from ..mechanisms.weakened import TOLD, told

# ------------------------------------------------------------------------------------ policies


def _lets_everything_through(written: Json) -> bool:
    """Whether a policy restricts nothing, as the default one; one that cannot be read may not."""
    if not isinstance(written, (str, dict)):
        return False
    try:
        loaded, _ = load(written)
    except UnreadableError:
        return True
    return any(
        isinstance(statement, Mapping) and _is_full(statement)
        for statement in as_list(element(loaded, "Statement"))
    )


def _is_full(statement: Mapping[str, object]) -> bool:
    principal = statement.get("Principal")
    everybody = principal.get("AWS") if isinstance(principal, Mapping) else principal
    whole = (everybody, statement.get("Action"), statement.get("Resource"))
    return (
        statement.get("Effect") == "Allow"
        and not statement.get("Condition")
        and all("*" in as_list(one) for one in whole)
    )


def _opened(change: Change) -> Iterator[Candidate]:
    """The endpoint whose policy was set to let everything through, or reset to the default."""
    id_ = string(change.request, "vpcEndpointId")
    reset = flag(value(change.request, "resetPolicy")) is True
    written = value(change.request, "policyDocument")
    if id_ and (reset or _lets_everything_through(written)):
        yield told(named(change, "vpc-endpoint", id_, Certainty.EVIDENT).resource, "policy")
    elif id_ and omitted(change.request):
        yield named(change, "vpc-endpoint", id_, Certainty.POSSIBLE)


def _endpoints(reader: Reader) -> Iterator[Resource]:
    for endpoint in reader.pages("ec2", "DescribeVpcEndpoints", "VpcEndpoints"):
        yield found(reader, "vpc-endpoint", text(document(endpoint), "VpcEndpointId"))


def _policy(endpoint: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "ec2",
        "DescribeVpcEndpoints",
        VpcEndpointIds=[endpoint.id],
        absent=("InvalidVpcEndpointId.NotFound",),
    )
    for described in items(document(answer).get("VpcEndpoints")):
        if text(described, "State").lower() not in ("deleting", "deleted"):
            return {"policy": text(described, "PolicyDocument")}
    return None


ENDPOINT_OPENED = Switch(
    id="ec2.endpoint-policy-opened",
    title="VPC endpoint lets everything through",
    severity=60,
    cuts=NOTHING,
    references=References(attack=("T1537", "T1562.007")),
    triggers=(on("ModifyVpcEndpoint"),),
    reads=("ec2:DescribeVpcEndpoints",),
    writes={"ec2:ModifyVpcEndpoint": (any_of("vpc-endpoint"),)},
    baselined=True,
    found_by=_endpoints,
    candidates=_opened,
    read=_policy,
    risky=since_before(
        lambda state: (
            "its policy no longer restricts who reaches what through it"
            if _lets_everything_through(state["policy"])
            else ""
        )
    ),
    safe=lambda state, baseline: {**state, "policy": baseline["policy"]} if baseline else None,
    advice="If what the policy was before is not recorded: look it up in the endpoint's template.",
    put=lambda endpoint, state: Call(
        "ec2",
        "ModifyVpcEndpoint",
        {"VpcEndpointId": endpoint.id, "PolicyDocument": state["policy"]},
        on=(endpoint.arn,),
    ),
)

# ------------------------------------------------------------------------- endpoint services


def _texts(value: Json) -> Iterator[str]:
    """The texts in a list as EC2 logs it: bare, under `items`, or each with a tag."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def _let_in(change: Change, trusted: Trusted) -> Iterable[Candidate]:
    id_ = string(change.request, "serviceId")
    strangers = sorted(
        who
        for who in set(_texts(value(change.request, "addAllowedPrincipals")))
        if not is_trusted(who, change.account, trusted)
    )
    if id_ and strangers:
        hint: Document = {SHARED_WITH: [*strangers]}
        yield named(change, "vpc-endpoint-service", id_, Certainty.EVIDENT, hint)
    elif id_ and omitted(change.request):
        yield named(change, "vpc-endpoint-service", id_, Certainty.POSSIBLE, {SHARED_WITH: []})


def _services(reader: Reader) -> Iterator[Resource]:
    listing = reader.pages(
        "ec2", "DescribeVpcEndpointServiceConfigurations", "ServiceConfigurations"
    )
    for service in listing:
        yield found(reader, "vpc-endpoint-service", text(document(service), "ServiceId"))


def _grantees(service: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "ec2",
        "DescribeVpcEndpointServicePermissions",
        ServiceId=service.id,
        absent=("InvalidVpcEndpointServiceId.NotFound", "InvalidVpcEndpointService.NotFound"),
    )
    if answer is None:
        return None
    allowed = items(document(answer).get("AllowedPrincipals"))
    return {"grantees": sorted(text(one, "Principal") for one in allowed)}


def _permit(service: Resource, change: str, grantees: list[Json]) -> Call:
    parameters: Document = {"ServiceId": service.id, f"{change}AllowedPrincipals": grantees}
    return Call("ec2", "ModifyVpcEndpointServicePermissions", parameters, on=(service.arn,))


_SERVICES = (any_of("vpc-endpoint-service"),)

SERVICE_SHARED = Sharing(
    id="ec2.endpoint-service-shared",
    title="Endpoint service open to a stranger",
    severity=70,
    cuts=NOTHING,
    references=References(attack=("T1537", "T1133")),
    triggers=(on("ModifyVpcEndpointServicePermissions"),),
    reads=(
        "ec2:DescribeVpcEndpointServiceConfigurations",
        "ec2:DescribeVpcEndpointServicePermissions",
    ),
    writes={"ec2:ModifyVpcEndpointServicePermissions": _SERVICES},
    found_by=_services,
    candidates=_let_in,
    read=_grantees,
    account_of=str,
    share=lambda service, grantees: _permit(service, "Add", grantees),
    unshare=lambda service, grantees: _permit(service, "Remove", grantees),
)


def _unasked(change: Change) -> Iterator[Candidate]:
    id_ = string(change.request, "serviceId")
    if id_ and flag(value(change.request, "acceptanceRequired")) is False:
        where = named(change, "vpc-endpoint-service", id_, Certainty.EVIDENT).resource
        yield Candidate(where, Certainty.EVIDENT, {TOLD: ["acceptance"]})


def _acceptance(service: Resource, reader: Reader) -> Document | None:
    asked = [{"Name": "service-id", "Values": [service.id]}]
    listing = reader.pages(
        "ec2", "DescribeVpcEndpointServiceConfigurations", "ServiceConfigurations", Filters=asked
    )
    for described in map(document, listing):
        if text(described, "ServiceId") == service.id:
            return {"acceptance": flag(described.get("AcceptanceRequired")) is True}
    return None


SERVICE_ACCEPTS = Switch(
    id="ec2.endpoint-service-auto-accept",
    title="Endpoint service accepts connections unasked",
    severity=55,
    cuts=NOTHING,
    references=References(attack=("T1133",)),
    triggers=(on("ModifyVpcEndpointServiceConfiguration"),),
    reads=("ec2:DescribeVpcEndpointServiceConfigurations",),
    writes={"ec2:ModifyVpcEndpointServiceConfiguration": _SERVICES},
    baselined=True,
    found_by=_services,
    candidates=_unasked,
    read=_acceptance,
    risky=since_before(
        lambda state: "" if state["acceptance"] else "connections to it are accepted unasked"
    ),
    asks=unrecorded,
    safe=lambda state, _: {**state, "acceptance": True},
    put=lambda service, state: Call(
        "ec2",
        "ModifyVpcEndpointServiceConfiguration",
        {"ServiceId": service.id, "AcceptanceRequired": state["acceptance"]},
        on=(service.arn,),
    ),
)

CONTROLS = (ENDPOINT_OPENED, SERVICE_SHARED, SERVICE_ACCEPTS)
