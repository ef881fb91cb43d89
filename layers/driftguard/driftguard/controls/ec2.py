"""EC2: security groups open to the world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..access.network import minimal_revoke
from ..aws import Reader, document
from ..model import (
    Call,
    Certainty,
    Change,
    Document,
    Facet,
    Json,
    Plan,
    Risk,
    Step,
    Suspect,
)
from ..trail import items, mapping, omitted, text
from .control import Control, References, Trigger, resource

_EC2 = "ec2.amazonaws.com"
_GROUP = "arn:{partition}:ec2:{region}:{account}:security-group/*"
_RULE = "arn:{partition}:ec2:{region}:{account}:security-group-rule/*"


@dataclass(frozen=True, slots=True)
class OpenIngressSettings:
    """`allowed_public_ports`: TCP ports that may be open to the world."""

    allowed_public_ports: tuple[int, ...] = (80, 443)


class OpenIngress(Control[OpenIngressSettings]):
    """A security-group rule lets the internet reach a port that is not meant for it.

    The whole group is judged, not only the rule of the event: events come late and out of order,
    and CloudFormation's carry no rule ids. What goes is the one offending source, by rule id.
    """

    id = "ec2.open-ingress"
    title = "Security group open to the internet"
    severity = 85
    references = References(
        security_hub=("EC2.13", "EC2.14", "EC2.18", "EC2.19"),
        attack=("T1562.007",),
        stratus=("aws.exfiltration.ec2-security-group-open-port-22-ingress",),
    )
    triggers = (
        Trigger(_EC2, "AuthorizeSecurityGroupIngress"),
        Trigger(_EC2, "ModifySecurityGroupRules"),
    )
    reads = (
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:GetManagedPrefixListEntries",
    )
    writes = {
        "ec2:RevokeSecurityGroupIngress": (_GROUP, _RULE),
        "ec2:AuthorizeSecurityGroupIngress": (_GROUP, _RULE),
        "ec2:CreateTags": (_RULE,),
    }
    volatile = frozenset({"SecurityGroupRuleId", "SecurityGroupRuleArn"})
    settings = OpenIngressSettings

    def screen(self, change: Change, settings: OpenIngressSettings) -> Iterable[Suspect]:
        permissions = list(_permissions_asked(change.request))
        offending = minimal_revoke(permissions, allowed_public_ports=settings.allowed_public_ports)
        if offending and change.name == "AuthorizeSecurityGroupIngress":
            certainty = Certainty.EVIDENT
        # A modified rule may be an egress rule, and a prefix list's ranges are not in the record.
        elif offending or _unknown(change.request, permissions):
            certainty = Certainty.POSSIBLE
        else:
            return
        group = _group_id(change)
        if group:
            where = f"ec2:{{region}}:{{account}}:security-group/{group}"
            yield Suspect(resource(change, "ec2.security-group", group, where), certainty)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        group = suspect.resource.id
        if not group.startswith("sg-"):
            found = reader.read(
                "ec2",
                "DescribeSecurityGroups",
                GroupNames=[group],
                absent=("InvalidGroup.NotFound",),
            )
            group = next(
                (text(one, "GroupId") for one in items(document(found).get("SecurityGroups"))), ""
            )
            if not group:
                return None
        rules = [
            document(rule)
            for rule in reader.pages(
                "ec2",
                "DescribeSecurityGroupRules",
                "SecurityGroupRules",
                Filters=[{"Name": "group-id", "Values": [group]}],
            )
        ]
        ingress = sorted((rule for rule in rules if not rule.get("IsEgress")), key=_canonical)
        lists = {text(rule, "PrefixListId") for rule in ingress} - {""}
        return {
            "group": group,
            "rules": ingress,
            "prefix_lists": {one: _entries(reader, one) for one in sorted(lists)},
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: OpenIngressSettings
    ) -> Risk | None:
        offending = _offending(state, settings)
        if not offending:
            return None
        opened = ", ".join(f"{_ports(rule)} from {_source(rule)}" for rule in offending)
        return Risk(f"{state['group']} lets the internet in: {opened}", tuple(offending))

    def plan(
        self,
        suspect: Suspect,
        facet: Facet,
        baseline: Document | None,
        settings: OpenIngressSettings,
    ) -> Plan:
        offending = _offending(facet.state, settings)
        ids = [text(rule, "SecurityGroupRuleId") for rule in offending]
        group = text(facet.state, "group")
        prefix = suspect.resource.arn.partition(":security-group/")[0]
        group_arn = f"{prefix}:security-group/{group}"
        revoke = Call(
            "ec2",
            "RevokeSecurityGroupIngress",
            {"GroupId": group, "SecurityGroupRuleIds": ids},
            on=(group_arn, *(f"{prefix}:security-group-rule/{one}" for one in ids)),
            settled_by=("InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound"),
        )
        # One call a rule: its own tags come back with it, and one that is there again already
        # does not stop the others. AWS gives each a new id, hence the wildcard.
        undo = tuple(
            Call(
                "ec2",
                "AuthorizeSecurityGroupIngress",
                {"GroupId": group, "IpPermissions": [_permission(rule)], **_tags(rule)},
                on=(group_arn, f"{prefix}:security-group-rule/*"),
                settled_by=("InvalidPermission.Duplicate",),
            )
            for rule in offending
        )
        kept = tuple(
            f"{_ports(rule)} from {_source(rule)}"
            for rule in items(facet.state["rules"])
            if rule not in offending
        )
        return Plan((Step(revoke, undo),), kept=kept)


# ------------------------------------------------------------------------------- the record


def _permissions_asked(request: Document) -> Iterator[Document]:
    """What a request permits, flat, nested or of ModifySecurityGroupRules, in boto3's shape."""
    if text(request, "ipProtocol") or text(request, "cidrIp"):
        yield {
            "IpProtocol": text(request, "ipProtocol"),
            "FromPort": request.get("fromPort"),
            "ToPort": request.get("toPort"),
            "IpRanges": [{"CidrIp": text(request, "cidrIp")}] if text(request, "cidrIp") else [],
        }
    for one in items(request.get("ipPermissions")):
        yield {
            "IpProtocol": text(one, "ipProtocol"),
            "FromPort": one.get("fromPort"),
            "ToPort": one.get("toPort"),
            "IpRanges": [{"CidrIp": text(r, "cidrIp")} for r in items(one.get("ipRanges"))],
            "Ipv6Ranges": [{"CidrIpv6": text(r, "cidrIpv6")} for r in items(one.get("ipv6Ranges"))],
            "PrefixListIds": [
                {"PrefixListId": text(r, "prefixListId")} for r in items(one.get("prefixListIds"))
            ],
        }
    for update in items(request.get("SecurityGroupRule")):
        yield _permission(mapping(update, "SecurityGroupRule"))


def _unknown(request: Document, permissions: list[Document]) -> bool:
    """Whether the record leaves open what was permitted: omitted, unread, or by prefix list."""
    if omitted(request) or not permissions:
        return True
    return any(True for one in permissions for _ in items(one.get("PrefixListIds")))


def _group_id(change: Change) -> str:
    made = next(items(mapping(change.response, "securityGroupRuleSet")), {})
    return (
        text(change.request, "groupId", "GroupId")
        or text(made, "groupId")
        or text(change.request, "groupName")
    )


# -------------------------------------------------------------------------------- the state


def _offending(state: Document, settings: OpenIngressSettings) -> list[Document]:
    """The rules that let the internet reach an unlisted port."""
    rules = list(items(state["rules"]))
    revoked = minimal_revoke(
        [_permission(rule) for rule in rules],
        allowed_public_ports=settings.allowed_public_ports,
        prefix_lists={
            name: [cidr for cidr in entries if isinstance(cidr, str)]
            for name, entries in mapping(state, "prefix_lists").items()
            if isinstance(entries, (list, tuple))
        },
    )
    gone = [{k: v for k, v in one.items() if v not in ([], None)} for one in revoked]
    return [rule for rule in rules if _permission(rule) in gone]


def _permission(rule: Document) -> dict[str, Json]:
    """A rule as the one permission that authorises it: a rule has exactly one source."""
    permission: dict[str, Json] = {"IpProtocol": text(rule, "IpProtocol")}
    if permission["IpProtocol"] != "-1":
        permission |= {
            key: rule[key] for key in ("FromPort", "ToPort") if rule.get(key) is not None
        }
    told: dict[str, Json] = {}
    if "Description" in rule:
        told["Description"] = rule["Description"]
    if "CidrIpv4" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIpv4"], **told}]
    if "CidrIpv6" in rule:
        permission["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **told}]
    if "PrefixListId" in rule:
        permission["PrefixListIds"] = [{"PrefixListId": rule["PrefixListId"], **told}]
    group = mapping(rule, "ReferencedGroupInfo")
    if group:
        named = {k: group[k] for k in ("GroupId", "UserId", "VpcId") if group.get(k)}
        permission["UserIdGroupPairs"] = [{**named, **told}]
    return permission


def _tags(rule: Document) -> dict[str, Json]:
    tags = [dict(tag) for tag in items(rule.get("Tags"))]
    if not tags:
        return {}
    return {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": tags}]}


def _entries(reader: Reader, prefix_list: str) -> list[Json]:
    """The ranges of a prefix list; one we may not read counts as wide open, being unknown."""
    return [
        text(document(entry), "Cidr")
        for entry in reader.pages(
            "ec2", "GetManagedPrefixListEntries", "Entries", PrefixListId=prefix_list
        )
    ]


def _canonical(rule: Document) -> str:
    return f"{_ports(rule)}|{_source(rule)}|{rule.get('Description', '')}"


def _ports(rule: Document) -> str:
    protocol, low, high = text(rule, "IpProtocol"), rule.get("FromPort"), rule.get("ToPort")
    if protocol == "-1":
        return "all traffic"
    if low in (None, -1) or high in (None, -1):
        return f"all {protocol}"
    return f"{protocol} {low}" if low == high else f"{protocol} {low}-{high}"


def _source(rule: Document) -> str:
    return text(rule, "CidrIpv4", "CidrIpv6", "PrefixListId") or text(
        mapping(rule, "ReferencedGroupInfo"), "GroupId"
    )


CONTROLS = (OpenIngress(),)
