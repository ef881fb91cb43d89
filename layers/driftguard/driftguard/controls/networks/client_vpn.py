"""Client VPN: everybody who can connect reaches everything.

Sources: AWS Client VPN Administrator Guide, "AWS Client VPN authorization rules"; Amazon EC2 API
Reference, "AuthorizeClientVpnIngress", "RevokeClientVpnIngress",
"DescribeClientVpnAuthorizationRules".
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.access.network import is_public_range
from driftguard.access.principals import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from ..control import Cuts, References
from ..ec2.records import BUSY, any_of, named, on, string, value
from ..mechanisms.granted import Granted

_GONE = ("InvalidClientVpnEndpointId.NotFound",)


def _authorized(change: Change, _: Trusted) -> Iterable[Candidate]:
    endpoint = string(change.request, "clientVpnEndpointId")
    to = string(change.request, "targetNetworkCidr")
    every_group = flag(value(change.request, "authorizeAllGroups")) is True
    if endpoint and every_group and to and is_public_range(to):
        hint: Document = {"to": to}
        yield named(change, "client-vpn-endpoint", endpoint, Certainty.EVIDENT, hint)


def _rule(candidate: Candidate, reader: Reader) -> Document | None:
    """The rule for everybody, while it is in force or about to be."""
    to, id_ = text(candidate.hint, "to"), candidate.resource.id
    endpoint = reader.read(
        "ec2", "DescribeClientVpnEndpoints", ClientVpnEndpointIds=[id_], absent=_GONE
    )
    if endpoint is None:
        return None
    listing = reader.pages(
        "ec2",
        "DescribeClientVpnAuthorizationRules",
        "AuthorizationRules",
        ClientVpnEndpointId=id_,
    )
    for rule in map(document, listing):
        status = text(mapping(rule, "Status"), "Code")
        in_force = status in ("authorizing", "active")
        if flag(rule.get("AccessAll")) and text(rule, "DestinationCidr") == to and in_force:
            return {"to": to, "granted": True, "description": text(rule, "Description")}
    return {"to": to, "granted": False, "description": ""}


def _revoke(endpoint: Resource, state: Document) -> tuple[Step, ...]:
    rule: Document = {"ClientVpnEndpointId": endpoint.id, "TargetNetworkCidr": state["to"]}
    described: Document = {"Description": text(state, "description")}
    there = Call(
        "ec2",
        "RevokeClientVpnIngress",
        {**rule, "RevokeAllGroups": True},
        on=(endpoint.arn,),
        settled_by=("InvalidClientVpnEndpointAuthorizationRuleNotFound",),
    )
    back = Call(
        "ec2",
        "AuthorizeClientVpnIngress",
        {**rule, "AuthorizeAllGroups": True, **(described if described["Description"] else {})},
        on=(endpoint.arn,),
        settled_by=("InvalidClientVpnDuplicateAuthorizationRule",),
    )
    return (Step(there, (back,)),)


VPN_OPEN = Granted(
    id="ec2.vpn-open-to-all",
    title="Client VPN lets everybody reach everything",
    severity=60,
    cuts=Cuts(
        "what people reach through the VPN by this rule alone",
        question="do people need it right now?",
    ),
    busy=BUSY,
    references=References(attack=("T1133",)),
    triggers=(on("AuthorizeClientVpnIngress"),),
    reads=("ec2:DescribeClientVpnAuthorizationRules", "ec2:DescribeClientVpnEndpoints"),
    writes={
        "ec2:RevokeClientVpnIngress": (any_of("client-vpn-endpoint"),),
        "ec2:AuthorizeClientVpnIngress": (any_of("client-vpn-endpoint"),),
    },
    proven="stub",
    candidates=_authorized,
    read=_rule,
    risky=lambda state, _: (
        f"all who can connect reach {state['to']} through it" if state["granted"] else ""
    ),
    steps=_revoke,
)

CONTROLS = (VPN_OPEN,)
