"""Reads the quarantine groups that there are, and the VPCs that they are for.

Source: Amazon EC2 API Reference, "DescribeSecurityGroups", "DescribeSecurityGroupRules" and
"DescribeVpcs".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text

from ..ec2.rules import permission_of, rules_of
from . import quarantine

READS = ("ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs")

# What is said of a VPC: whether it has addresses of IPv6.
DUAL, IPV4 = "dual-stack", "ipv4"


def addresses(vpcs: list[str], reader: Reader) -> Iterator[tuple[str, str]]:
    """Each VPC, and whether it is `DUAL` or `IPV4`."""
    asked = [{"Name": "vpc-id", "Values": vpcs}]
    for found in reader.pages("ec2", "DescribeVpcs", "Vpcs", Filters=asked) if vpcs else ():
        ranges = items(document(found).get("Ipv6CidrBlockAssociationSet"))
        here = [text(mapping(one, "Ipv6CidrBlockState"), "State") for one in ranges]
        yield text(document(found), "VpcId"), DUAL if "associated" in here else IPV4


def groups(thing: str, vpcs: list[str], reader: Reader) -> Iterator[Document]:
    """The groups that bear the name of a thing's own, whoever made them, with their rules.

    `{vpc, group, finding, Ingress, Egress}`; `finding` is the id of the one that it was made
    because of, "" where it does not say.
    """
    named = (("vpc-id", vpcs), ("group-name", [quarantine.name_for(thing)]))
    asked = [{"Name": name, "Values": values} for name, values in named]
    for found in reader.pages("ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=asked):
        group = text(document(found), "GroupId")
        tags = {text(tag, "Key"): text(tag, "Value") for tag in items(document(found).get("Tags"))}
        rules = [(flag(rule.get("IsEgress")), _bare(rule)) for rule in rules_of(reader, group)]
        ingress: list[Json] = [rule for outward, rule in rules if not outward]
        egress: list[Json] = [rule for outward, rule in rules if outward]
        yield {
            "vpc": text(document(found), "VpcId"),
            "group": group,
            "finding": tags.get(quarantine.FINDING, ""),
            "Ingress": ingress,
            "Egress": egress,
        }


def _bare(rule: Document) -> Document:
    """A rule as the permission that revokes it: without what people wrote of it."""
    return permission_of({key: value for key, value in rule.items() if key != "Description"})
