"""Interfaces that take traffic which is not theirs, and Denies taken out of network ACLs.

Sources: Amazon VPC User Guide, "NAT instances" (the check is off on purpose), "Network ACL rules";
Amazon EC2 API Reference, "ModifyNetworkInterfaceAttribute", "ModifyInstanceAttribute",
"DeleteNetworkAclEntry", "ReplaceNetworkAclEntry".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from ..control import NOTHING, Cuts, References, partition_of
from ..ec2.records import any_of, instance, named, on, string, value
from ..mechanisms.removed import Removed
from ..mechanisms.switch import Switch

# ------------------------------------------------------------------ source and destination check


def _unchecked(change: Change) -> Iterator[Candidate]:
    """The interface, or the instance, whose check was switched off."""
    if flag(value(change.request, "sourceDestCheck")) is not False:
        return
    if interface := string(change.request, "networkInterfaceId"):
        yield named(change, "network-interface", interface, Certainty.EVIDENT)
    elif instance_id := string(change.request, "instanceId"):
        yield named(change, "instance", instance_id, Certainty.EVIDENT)


def _check(resource: Resource, reader: Reader) -> Document | None:
    if resource.kind == "ec2.instance":
        described = instance(reader, resource.id)
        checked = None if described is None else described.get("SourceDestCheck")
    else:
        asked = [{"Name": "network-interface-id", "Values": [resource.id]}]
        listing = reader.pages(
            "ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", Filters=asked
        )
        described = next(map(document, listing), None)
        checked = None if described is None else described.get("SourceDestCheck")
    return None if checked is None else {"checked": flag(checked) is True}


def _set_check(resource: Resource, state: Document) -> Call:
    wanted: Document = {"SourceDestCheck": {"Value": state["checked"]}}
    if resource.kind == "ec2.instance":
        parameters: Document = {"InstanceId": resource.id, **wanted}
        return Call("ec2", "ModifyInstanceAttribute", parameters, on=(resource.arn,))
    parameters = {"NetworkInterfaceId": resource.id, **wanted}
    return Call("ec2", "ModifyNetworkInterfaceAttribute", parameters, on=(resource.arn,))


CHECK_OFF = Switch(
    id="ec2.source-dest-check-off",
    title="Instance takes traffic that is not its own",
    severity=40,
    cuts=Cuts(
        "what it forwards for others, as a NAT instance, a firewall or a node of Kubernetes does",
        question="does it forward traffic for others on purpose?",
    ),
    references=References(attack=("T1557", "T1040")),
    triggers=(on("ModifyNetworkInterfaceAttribute"), on("ModifyInstanceAttribute")),
    reads=("ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces"),
    writes={
        "ec2:ModifyNetworkInterfaceAttribute": (any_of("network-interface"),),
        "ec2:ModifyInstanceAttribute": (any_of("instance"),),
    },
    candidates=_unchecked,
    read=_check,
    risky=lambda state, _: "" if state["checked"] else "it takes traffic that is for others",
    safe=lambda state, _: {"checked": True},
    put=_set_check,
)

# ------------------------------------------------------------------------- Denies of network ACLs

_KIND = "ec2.network-acl-entry"
# The entry that denies whatever no other matches, which nobody can delete.
_LAST = 32767
_DIRECTIONS = {True: "egress", False: "ingress"}
_FIELDS = ("RuleNumber", "Protocol", "Egress", "CidrBlock", "Ipv6CidrBlock", "PortRange")


def _entry_of(acl_arn: str, number: str, egress: bool, account: str, region: str) -> Resource:
    """An entry as a part of its network ACL: it has no ARN of its own."""
    tail = f"{_DIRECTIONS[egress]}/{number}"
    id_ = f"{acl_arn.rpartition('/')[2]}/{tail}"
    return Resource(_KIND, id_, account, region, f"{acl_arn}/{tail}")


def _taken_out(change: Change) -> Iterator[Candidate]:
    acl, number = string(change.request, "networkAclId"), string(change.request, "ruleNumber")
    replaced = change.name == "ReplaceNetworkAclEntry"
    if acl and number and not (replaced and string(change.request, "ruleAction") == "deny"):
        arn = named(change, "network-acl", acl, Certainty.POSSIBLE).resource.arn
        egress = flag(value(change.request, "egress")) is True
        entry = _entry_of(arn, number, egress, change.account, change.region)
        yield Candidate(entry, Certainty.POSSIBLE)


def _denies(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:ec2:{reader.region}:{reader.account}:network-acl"
    for acl in map(document, reader.pages("ec2", "DescribeNetworkAcls", "NetworkAcls")):
        arn = f"{where}/{text(acl, 'NetworkAclId')}"
        for entry in items(acl.get("Entries")):
            if _is_deny(entry):
                number, egress = text(entry, "RuleNumber"), flag(entry.get("Egress")) is True
                yield _entry_of(arn, number, egress, reader.account, reader.region)


def _is_deny(entry: Document) -> bool:
    return text(entry, "RuleAction") == "deny" and int(text(entry, "RuleNumber") or _LAST) < _LAST


def _entry(resource: Resource, reader: Reader) -> Document | None:
    """The Deny; where it is gone, the Allow that has its number now, if there is one."""
    acl, direction, number = resource.id.split("/")
    answer = reader.read(
        "ec2",
        "DescribeNetworkAcls",
        NetworkAclIds=[acl],
        absent=("InvalidNetworkAclID.NotFound",),
    )
    described = next(items(document(answer).get("NetworkAcls")), None)
    if described is None:
        return None
    there: Document = {}
    for entry in items(described.get("Entries")):
        same = _DIRECTIONS[flag(entry.get("Egress")) is True] == direction
        if same and text(entry, "RuleNumber") == number:
            there = _settable(entry)
    return {"exists": text(there, "RuleAction") == "deny", "entry": there or None}


def _settable(entry: Document) -> Document:
    """An entry as the calls that make one take it."""
    icmp: Document = {"IcmpTypeCode": entry["IcmpTypeCode"]} if entry.get("IcmpTypeCode") else {}
    kept = {name: entry[name] for name in _FIELDS if entry.get(name) is not None}
    return {**kept, "RuleAction": text(entry, "RuleAction"), **icmp}


def _put_in(resource: Resource, baseline: Document, state: Document) -> tuple[Step, ...]:
    before, now = baseline["entry"], state["entry"]
    if now:
        there = _call(resource, "ReplaceNetworkAclEntry", before)
        return (Step(there, (_call(resource, "ReplaceNetworkAclEntry", now),)),)
    _, direction, number = resource.id.split("/")
    entry: Document = {"RuleNumber": int(number), "Egress": direction == "egress"}
    there = _call(resource, "CreateNetworkAclEntry", before)
    return (Step(there, (_call(resource, "DeleteNetworkAclEntry", entry),)),)


def _call(resource: Resource, operation: str, entry: object) -> Call:
    parameters: Document = {"NetworkAclId": resource.id.partition("/")[0], **document(entry)}
    return Call("ec2", operation, parameters, on=("/".join(resource.arn.split("/")[:2]),))


DENY_REMOVED = Removed(
    id="ec2.nacl-deny-removed",
    title="Network ACL denies less than before",
    severity=55,
    # What the Deny shut out came back minutes ago.
    cuts=NOTHING,
    references=References(attack=("T1562.007",)),
    triggers=(on("DeleteNetworkAclEntry"), on("ReplaceNetworkAclEntry")),
    reads=("ec2:DescribeNetworkAcls",),
    writes={
        f"ec2:{verb}NetworkAclEntry": (any_of("network-acl"),)
        for verb in ("Create", "Delete", "Replace")
    },
    found_by=_denies,
    candidates=_taken_out,
    read=_entry,
    restore=_put_in,
    what="a Deny of a network ACL",
    recorded_only=True,
)

CONTROLS = (CHECK_OFF, DENY_REMOVED)
