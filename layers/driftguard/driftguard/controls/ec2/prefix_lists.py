"""Prefix lists that came to hold the internet, and the security groups that use them.

A change of a list changes whom every rule that names it lets in. Taking the range away again would
change what all of them let in, and route tables with them: so people are told, and do it.

Sources: Amazon EC2 API Reference, "ModifyManagedPrefixList", "RestoreManagedPrefixListVersion" (it
names a version, not its ranges), "GetManagedPrefixListEntries" and "DescribeSecurityGroups" (filter
`ip-permission.prefix-list-id`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

from driftguard.access.network import is_public_range, minimal_revoke
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Autonomy, Candidate, Certainty, Change, Finding, Resource

from .records import named
from .rules import permission_of, rules_of

KIND = "ec2.prefix-list"
# A list that is used may be another account's, or AWS's own.
ANY = "arn:{partition}:ec2:{region}:*:prefix-list/*"
ADVICE = "Take the range off the prefix list, or revoke the rules that name it."

# How many groups that use one list are looked at.
_MOST_GROUPS = 50


def changed(change: Change) -> Iterable[Candidate]:
    """The list of a record that added a broad range to it, or that went back to other ranges."""
    id_ = text(change.request, "PrefixListId")
    restored = change.name == "RestoreManagedPrefixListVersion"
    added = [text(entry, "Cidr") for entry in items(change.request.get("AddEntry"))]
    if id_ and (any(map(is_public_range, added)) or restored or omitted(change.request)):
        yield named(change, "prefix-list", id_, Certainty.POSSIBLE)


def observed(prefix_list: Resource, reader: Reader) -> Document:
    """The list's ranges, and the inbound rules of the groups that use it."""
    entries: list[Json] = [
        text(document(entry), "Cidr")
        for entry in reader.pages(
            "ec2", "GetManagedPrefixListEntries", "Entries", PrefixListId=prefix_list.id
        )
    ]
    asked = [{"Name": "ip-permission.prefix-list-id", "Values": [prefix_list.id]}]
    groups = reader.pages("ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=asked)
    using: dict[str, Json] = {}
    for group in islice(groups, _MOST_GROUPS):
        id_ = text(document(group), "GroupId")
        using[id_] = [
            rule
            for rule in rules_of(reader, id_)
            if text(rule, "PrefixListId") == prefix_list.id and not rule.get("IsEgress")
        ]
    return {"prefix_list": prefix_list.id, "entries": entries, "used_by": using}


def holds(state: Document) -> bool:
    """Whether a state is a prefix list's."""
    return "prefix_list" in state


def assessed(state: Document, allowed_public_ports: Collection[int]) -> Finding | None:
    """The finding: the groups that let the internet in by the list."""
    entries = state["entries"]
    assert isinstance(entries, (list, tuple))
    ranges = {text(state, "prefix_list"): [str(cidr) for cidr in entries]}
    using = mapping(state, "used_by")
    opened: list[Json] = [
        group
        for group in using
        if minimal_revoke(
            [permission_of(rule) for rule in items(using[group])],
            allowed_public_ports=allowed_public_ports,
            prefix_lists=ranges,
        )
    ]
    if not opened:
        return None
    names = ", ".join(map(str, opened))
    return Finding(
        f"prefix list {text(state, 'prefix_list')} lets the internet into {names}",
        tuple(opened),
        at_most=Autonomy.ASK,
        at_most_why="every rule and route that names the list would change with it",
    )
