"""Security groups open to the world."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from driftguard.access.network import minimal_revoke
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan, Resource

from ..control import Control, References
from .records import found, named, on
from .rules import (
    GROUP,
    MADE_ANEW,
    RULE,
    arn_of,
    described,
    group_named,
    in_order,
    permission_of,
    permissions_asked,
    ports_of,
    revocation,
    rules_of,
    source_of,
)


@dataclass(frozen=True, slots=True)
class OpenIngressSettings:
    """`allowed_public_ports`: TCP ports that may be open to the world."""

    allowed_public_ports: tuple[int, ...] = (80, 443)


class OpenIngress(Control[OpenIngressSettings]):
    """A security-group rule lets the internet reach a port that is not meant for it.

    The whole group is judged, not only the rule of the event: events come late and out of order,
    and CloudFormation's carry no rule ids. Only the offending source is removed, by rule id.
    """

    id = "ec2.open-ingress"
    title = "Security group open to the internet"
    severity = 85
    references = References(
        security_hub=("EC2.13", "EC2.14", "EC2.18", "EC2.19"),
        attack=("T1562.007",),
        stratus=("aws.exfiltration.ec2-security-group-open-port-22-ingress",),
    )
    triggers = (on("AuthorizeSecurityGroupIngress"), on("ModifySecurityGroupRules"))
    reads = (
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:GetManagedPrefixListEntries",
    )
    reads_use = ("ec2:DescribeNetworkInterfaces",)
    writes = {
        "ec2:RevokeSecurityGroupIngress": (GROUP, RULE),
        "ec2:AuthorizeSecurityGroupIngress": (GROUP, RULE),
        "ec2:CreateTags": (RULE,),
    }
    volatile = MADE_ANEW
    narrow = True
    settings = OpenIngressSettings

    def screen(self, change: Change, settings: OpenIngressSettings) -> Iterable[Candidate]:
        permissions = list(permissions_asked(change.request))
        offending = minimal_revoke(permissions, allowed_public_ports=settings.allowed_public_ports)
        if offending and change.name == "AuthorizeSecurityGroupIngress":
            certainty = Certainty.EVIDENT
        # A modified rule may be an egress rule, and a prefix list's ranges are not in the record.
        elif offending or _unknown(change.request, permissions):
            certainty = Certainty.POSSIBLE
        else:
            return
        group = group_named(change.request, change.response)
        if group:
            yield named(change, "security-group", group, certainty)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        group = candidate.resource.id
        if not group.startswith("sg-"):
            group = text(described(reader, group) or {}, "GroupId")
            if not group:
                return None
        rules = rules_of(reader, group)
        ingress = sorted((rule for rule in rules if not rule.get("IsEgress")), key=in_order)
        lists = {text(rule, "PrefixListId") for rule in ingress} - {""}
        return {
            "group": group,
            "rules": ingress,
            "prefix_lists": {id_: _entries(reader, id_) for id_ in sorted(lists)},
        }

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for security_group in reader.pages("ec2", "DescribeSecurityGroups", "SecurityGroups"):
            yield found(reader, "security-group", text(document(security_group), "GroupId"))

    def assess(
        self, state: Document, baseline: Document | None, settings: OpenIngressSettings
    ) -> Finding | None:
        offending = _offending(state, settings)
        if not offending:
            return None
        opened = ", ".join(f"{ports_of(rule)} from {source_of(rule)}" for rule in offending)
        return Finding(f"{state['group']} lets the internet in: {opened}", tuple(offending))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: OpenIngressSettings,
    ) -> Plan:
        offending = _offending(observation.state, settings)
        group = arn_of(candidate.resource, text(observation.state, "group"))
        untouched = tuple(
            f"{ports_of(rule)} from {source_of(rule)}"
            for rule in items(observation.state["rules"])
            if rule not in offending
        )
        return Plan(revocation(group, offending), untouched=untouched)

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> str:
        """The load balancers behind which the group stands.

        Source: Amazon EC2 API Reference, "NetworkInterface" (`RequesterId`, `InterfaceType`).
        """
        filters = [{"Name": "group-id", "Values": [text(state, "group")]}]
        interfaces = reader.pages(
            "ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", Filters=filters
        )
        names = sorted(
            {name for interface in interfaces if (name := _load_balancer(document(interface)))}
        )
        return f"the group is attached to {', '.join(names)}" if names else ""


def _load_balancer(interface: Document) -> str:
    """The load balancer that a network interface belongs to; "" for none."""
    kind = text(interface, "InterfaceType")
    if text(interface, "RequesterId") != "amazon-elb" and not kind.endswith("load_balancer"):
        return ""
    name = text(interface, "Description").removeprefix("ELB ")
    return f"load balancer {name or text(interface, 'NetworkInterfaceId')}"


# ------------------------------------------------------------------------------- the record


def _unknown(request: Document, permissions: list[Document]) -> bool:
    """Whether the record leaves open what was permitted: omitted, unread, or by prefix list."""
    if omitted(request) or not permissions:
        return True
    return any(True for permission in permissions for _ in items(permission.get("PrefixListIds")))


# -------------------------------------------------------------------------------- the state


def _offending(state: Document, settings: OpenIngressSettings) -> list[Document]:
    """The rules that let the internet reach an unlisted port."""
    rules = list(items(state["rules"]))
    revoked = minimal_revoke(
        [permission_of(rule) for rule in rules],
        allowed_public_ports=settings.allowed_public_ports,
        prefix_lists={
            name: [cidr for cidr in entries if isinstance(cidr, str)]
            for name, entries in mapping(state, "prefix_lists").items()
            if isinstance(entries, (list, tuple))
        },
    )
    gone = [{k: v for k, v in rule.items() if v not in ([], None)} for rule in revoked]
    return [rule for rule in rules if permission_of(rule) in gone]


def _entries(reader: Reader, prefix_list: str) -> list[Json]:
    """The ranges of a prefix list; an unreadable list counts as wide open."""
    return [
        text(document(entry), "Cidr")
        for entry in reader.pages(
            "ec2", "GetManagedPrefixListEntries", "Entries", PrefixListId=prefix_list
        )
    ]


CONTROLS = (OpenIngress(),)
