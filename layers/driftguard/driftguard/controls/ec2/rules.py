"""Security-group rules: as records ask for them, as EC2 describes them, as calls name them."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.access.public_ranges import parsed
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text, whole_number
from driftguard.model import Call, Resource, Step

from .records import RESERVED, any_of, tag_specifications, tags_told

GROUP = any_of("security-group")
RULE = any_of("security-group-rule")

# EC2 gives a rule a new id when it is made again, and takes no tag of `aws:` back.
MADE_ANEW = frozenset({"SecurityGroupRuleId", "SecurityGroupRuleArn", RESERVED})

# The numbers that stand for the protocols that EC2 calls by name.
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}


def permissions_asked(request: Document) -> Iterator[Document]:
    """What a request permits, flat, nested or of ModifySecurityGroupRules, in boto3's shape."""
    if text(request, "ipProtocol") or text(request, "cidrIp"):
        yield {
            "IpProtocol": text(request, "ipProtocol"),
            "FromPort": request.get("fromPort"),
            "ToPort": request.get("toPort"),
            "IpRanges": [{"CidrIp": text(request, "cidrIp")}] if text(request, "cidrIp") else [],
        }
    for item in items(request.get("ipPermissions")):
        yield {
            "IpProtocol": text(item, "ipProtocol"),
            "FromPort": item.get("fromPort"),
            "ToPort": item.get("toPort"),
            "IpRanges": [{"CidrIp": text(r, "cidrIp")} for r in items(item.get("ipRanges"))],
            "Ipv6Ranges": [
                {"CidrIpv6": text(r, "cidrIpv6")} for r in items(item.get("ipv6Ranges"))
            ],
            "PrefixListIds": [
                {"PrefixListId": text(r, "prefixListId")} for r in items(item.get("prefixListIds"))
            ],
            "UserIdGroupPairs": [
                {"GroupId": group}
                for r in items(item.get("groups"))
                if (group := text(r, "groupId"))
            ],
        }
    for update in items(request.get("SecurityGroupRule")):
        yield permission_of(mapping(update, "SecurityGroupRule"))


def rules_of(reader: Reader, group: str) -> list[Document]:
    """A group's rules, both directions; their tags of `aws:` as `tags_told` says."""
    return [
        _with_settable_tags(document(rule))
        for rule in reader.pages(
            "ec2",
            "DescribeSecurityGroupRules",
            "SecurityGroupRules",
            Filters=[{"Name": "group-id", "Values": [group]}],
        )
    ]


def _with_settable_tags(rule: Document) -> Document:
    return {**rule, **tags_told(rule)} if rule.get("Tags") else rule


def described(reader: Reader, group: str) -> Document | None:
    """A group by its id, or by its name in the default VPC; None when it is gone."""
    named = {"GroupIds" if group.startswith("sg-") else "GroupNames": [group]}
    answer = reader.read(
        "ec2",
        "DescribeSecurityGroups",
        absent=("InvalidGroup.NotFound", "InvalidGroupId.Malformed"),
        **named,
    )
    return next(items(document(answer).get("SecurityGroups")), None)


def arn_of(resource: Resource, group: str) -> str:
    """The ARN of a group that its resource may have known by name only."""
    return f"{resource.arn.partition(':security-group/')[0]}:security-group/{group}"


def permission_of(rule: Document) -> dict[str, Json]:
    """A rule as the one permission that authorizes it: a rule has exactly one source."""
    permission: dict[str, Json] = {"IpProtocol": text(rule, "IpProtocol")}
    if permission["IpProtocol"] != "-1":
        permission |= {
            key: rule[key] for key in ("FromPort", "ToPort") if rule.get(key) is not None
        }
    description: dict[str, Json] = {}
    if "Description" in rule:
        description["Description"] = rule["Description"]
    if "CidrIpv4" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIpv4"], **description}]
    if "CidrIpv6" in rule:
        permission["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **description}]
    if "PrefixListId" in rule:
        permission["PrefixListIds"] = [{"PrefixListId": rule["PrefixListId"], **description}]
    group = mapping(rule, "ReferencedGroupInfo")
    if group:
        named = {k: group[k] for k in ("GroupId", "UserId", "VpcId") if group.get(k)}
        permission["UserIdGroupPairs"] = [{**named, **description}]
    return permission


def request_of(rule: Document) -> dict[str, Json]:
    """A rule as ModifySecurityGroupRules takes it: its group by id alone.

    Source: Amazon EC2 API Reference, "SecurityGroupRuleRequest".
    """
    names = ("IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6", "PrefixListId")
    asked = {name: rule[name] for name in names if rule.get(name) is not None}
    if group := text(mapping(rule, "ReferencedGroupInfo"), "GroupId"):
        asked["ReferencedGroupId"] = group
    return {**asked, "Description": text(rule, "Description")}


def edit(group_arn: str, before: Document, now: Document) -> Step:
    """Puts an edited rule back as it was, under its id; the undo edits it again."""
    prefix, _, group = group_arn.partition(":security-group/")
    id_ = text(now, "SecurityGroupRuleId")
    region = prefix.split(":")[3]
    # Another account, or AWS itself, may own a prefix list.
    lists = {
        f"{prefix.split(':ec2:')[0]}:ec2:{region}:*:prefix-list/{name}"
        for rule in (before, now)
        if (name := text(rule, "PrefixListId"))
    }

    def to(rule: Document) -> Call:
        update: Document = {"SecurityGroupRuleId": id_, "SecurityGroupRule": request_of(rule)}
        return Call(
            "ec2",
            "ModifySecurityGroupRules",
            {"GroupId": group, "SecurityGroupRules": [update]},
            on=(group_arn, f"{prefix}:security-group-rule/{id_}", *sorted(lists)),
            settled_by=("InvalidSecurityGroupRuleId.NotFound",),
        )

    return Step(to(before), (to(now),))


_NAMED_ONE_BY_ONE = 10


def revocation(
    group_arn: str, rules: list[Document], *, direction: str = "Ingress"
) -> tuple[Step, ...]:
    """Takes away these rules of one direction, by id; the undo authorizes each again.

    The undo makes one call a rule: its own tags come back with it, and a rule that is there again
    already does not stop the others. AWS gives each a new id, hence the wildcard.
    """
    if not rules:
        return ()
    prefix, _, group = group_arn.partition(":security-group/")
    ids: list[Json] = [text(rule, "SecurityGroupRuleId") for rule in rules]
    # A session's policy is short: many rules are named by their group alone, which bounds them all.
    named = ids if len(ids) <= _NAMED_ONE_BY_ONE else ["*"]
    revoke = Call(
        "ec2",
        f"RevokeSecurityGroup{direction}",
        {"GroupId": group, "SecurityGroupRuleIds": ids},
        on=(group_arn, *(f"{prefix}:security-group-rule/{rule_id}" for rule_id in named)),
        settled_by=("InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound"),
    )
    undo = tuple(
        Call(
            "ec2",
            f"AuthorizeSecurityGroup{direction}",
            {
                "GroupId": group,
                "IpPermissions": [permission_of(rule)],
                **tag_specifications("security-group-rule", rule.get("Tags")),
            },
            on=(group_arn, f"{prefix}:security-group-rule/*"),
            settled_by=("InvalidPermission.Duplicate",),
        )
        for rule in rules
    )
    return (Step(revoke, undo),)


def group_named(request: Document, response: Document) -> str:
    """The group that a record is about: its id, or its name in a default VPC."""
    made = next(items(mapping(response, "securityGroupRuleSet")), {})
    return (
        text(request, "groupId", "GroupId") or text(made, "groupId") or text(request, "groupName")
    )


def in_order(rule: Document) -> str:
    """A key that sorts rules the same way every time."""
    return f"{ports_of(rule)}|{source_of(rule)}|{rule.get('Description', '')}"


def ports_of(rule: Document) -> str:
    """A rule's ports, in words."""
    protocol, low, high = text(rule, "IpProtocol"), rule.get("FromPort"), rule.get("ToPort")
    if protocol == "-1":
        return "all traffic"
    if low in (None, -1) or high in (None, -1):
        return f"all {protocol}"
    return f"{protocol} {low}" if low == high else f"{protocol} {low}-{high}"


def source_of(rule: Document) -> str:
    """A rule's source, or its destination."""
    return text(rule, "CidrIpv4", "CidrIpv6", "PrefixListId") or text(
        mapping(rule, "ReferencedGroupInfo"), "GroupId"
    )


def sources_in(permission: Document) -> Iterator[Document]:
    """The sources of a boto3 permission, each as a rule names its one."""
    for item in items(permission.get("IpRanges")):
        yield {"CidrIpv4": text(item, "CidrIp")}
    yield from items(permission.get("Ipv6Ranges"))
    yield from items(permission.get("PrefixListIds"))
    for pair in items(permission.get("UserIdGroupPairs")):
        yield {"ReferencedGroupInfo": {"GroupId": text(pair, "GroupId")}}


def _port(written: str) -> int | None:
    """A port, or -1: every type of ICMP."""
    return -1 if written == "-1" else whole_number(written)


def key_of(rule: Document) -> str:
    """A rule as `ports|source`, the key to find it again whatever its id.

    Records spell ranges as they were asked for; EC2 keeps `10.1.2.3/8` as `10.0.0.0/8`.
    """
    ports: Document = {name: _port(text(rule, name)) for name in ("FromPort", "ToPort")}
    protocol = text(rule, "IpProtocol").lower()
    source = source_of(rule)
    network = parsed(source) if "/" in source else None
    named = {**rule, **ports, "IpProtocol": _PROTOCOLS.get(protocol, protocol)}
    return f"{ports_of(named)}|{network or source}"


def made_by(request: Document, response: Document) -> list[Json]:
    """The keys of the rules that a record made; the request must do where no response tells them.

    Older records, and those of some services, have none.
    """
    made = [
        rule
        for rule in items(mapping(response, "securityGroupRuleSet"))
        if text(rule, "ipProtocol")
    ]
    if made:
        return [key_of(_as_described(rule)) for rule in made]
    return [
        key_of({**permission, **source})
        for permission in permissions_asked(request)
        for source in sources_in(permission)
    ]


def _as_described(made: Document) -> Document:
    """A rule of a response, spelt as EC2 describes it."""
    capital = {name[:1].upper() + name[1:]: value for name, value in made.items()}
    group = {"GroupId": text(mapping(made, "referencedGroupInfo"), "groupId")}
    return {**capital, "ReferencedGroupInfo": group}
