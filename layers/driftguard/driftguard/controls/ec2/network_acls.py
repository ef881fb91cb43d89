"""Network ACLs that let the internet reach administration ports.

Source: Amazon VPC User Guide, "Network ACL rules": rules are evaluated from the lowest number up,
and the first that matches decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from driftguard.access.network import is_public_range
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import Control, References
from .records import any_of, found, inner, named, on, string, value


@dataclass(frozen=True, slots=True)
class NetworkAclSettings:
    """`admin_ports`: TCP ports that no network ACL may open to the internet."""

    admin_ports: tuple[int, ...] = (22, 3389)


class NetworkAclOpen(Control[NetworkAclSettings]):
    """An entry of a network ACL lets the internet reach a port of administration.

    AWS's own default network ACL lets everything in, and security groups are what holds it back;
    so only the entry that the change made or replaced is judged, never the ones beside it.
    """

    id = "ec2.nacl-open"
    title = "Network ACL open to the internet"
    severity = 60
    references = References(security_hub=("EC2.21",), attack=("T1562.007",))
    triggers = (on("CreateNetworkAclEntry"), on("ReplaceNetworkAclEntry"))
    reads = ("ec2:DescribeNetworkAcls",)
    writes = {
        f"ec2:{call}NetworkAclEntry": (any_of("network-acl"),)
        for call in ("Create", "Delete", "Replace")
    }
    baselined = True
    settings = NetworkAclSettings

    def screen(self, change: Change, settings: NetworkAclSettings) -> Iterable[Candidate]:
        acl, number = string(change.request, "networkAclId"), string(change.request, "ruleNumber")
        replaced = change.name == "ReplaceNetworkAclEntry"
        hint: Document = {"rule": int(number) if number.isdigit() else 0, "replaced": replaced}
        if acl and _opens(_asked(change.request), settings):
            yield named(change, "network-acl", acl, Certainty.EVIDENT, hint)
        elif acl and omitted(change.request):
            yield named(change, "network-acl", acl, Certainty.POSSIBLE, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        answer = reader.read(
            "ec2",
            "DescribeNetworkAcls",
            NetworkAclIds=[candidate.resource.id],
            # The second is what an emulator answers.
            absent=("InvalidNetworkAclID.NotFound", "InvalidRouteTableID.NotFound"),
        )
        for acl in items(document(answer).get("NetworkAcls")):
            entries = sorted(items(acl.get("Entries")), key=_number)
            return {
                **candidate.hint,
                "entries": [entry for entry in entries if not entry.get("Egress")],
            }
        return None

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for acl in reader.pages("ec2", "DescribeNetworkAcls", "NetworkAcls"):
            yield found(reader, "network-acl", text(document(acl), "NetworkAclId"))

    def assess(
        self, state: Document, baseline: Document | None, settings: NetworkAclSettings
    ) -> Finding | None:
        for entry in _judged(state, baseline):
            ports = _opened(entry, state, settings)
            if ports:
                said = f"rule {_number(entry)} lets {_source(entry)} reach port {', '.join(ports)}"
                return Finding(said, (entry,))
        return None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NetworkAclSettings,
    ) -> Plan:
        judged = _judged(observation.state, baseline)
        entry = next(item for item in judged if _opened(item, observation.state, settings))
        acl, number = candidate.resource, _number(entry)
        before = None if baseline is None else _entry(baseline, number)
        if before is not None:
            step = Step(_call("Replace", acl, before), (_call("Replace", acl, entry),))
        elif observation.state.get("replaced"):
            return Plan((), advice=f"What rule {number} said before it was replaced is not known.")
        else:
            parameters: Document = {
                "NetworkAclId": acl.id,
                "RuleNumber": number,
                "Egress": False,
            }
            delete = Call(
                "ec2",
                "DeleteNetworkAclEntry",
                parameters,
                on=(acl.arn,),
                settled_by=("InvalidNetworkAclEntry.NotFound",),
            )
            step = Step(delete, (_call("Create", acl, entry),))
        untouched = tuple(
            f"rule {_number(item)}" for item in items(observation.state["entries"]) if item != entry
        )
        return Plan((step,), untouched=untouched)


def _asked(request: Document) -> Document:
    """The entry that a record makes, as EC2 would describe it."""
    ports = inner(request, "portRange")
    return {
        "Egress": flag(value(request, "egress")),
        "RuleAction": string(request, "ruleAction"),
        "Protocol": string(request, "aclProtocol") or string(request, "protocol"),
        "CidrBlock": string(request, "cidrBlock"),
        "Ipv6CidrBlock": string(request, "ipv6CidrBlock"),
        "PortRange": {"From": value(ports, "from"), "To": value(ports, "to")} if ports else {},
    }


def _judged(state: Document, baseline: Document | None) -> list[Document]:
    """The entry that the record names, if the baseline does not have it just so.

    A sweep has no record: it judges every entry that the baseline does not have. Without a baseline
    it judges none, for what was open from the start is no drift.
    """
    named = _entry(state, state.get("rule"))
    if named is None and (baseline is None or state.get("rule")):
        return []
    entries = items(state["entries"]) if named is None else [named]
    return [entry for entry in entries if not baseline or entry != _entry(baseline, _number(entry))]


def _opened(entry: Document, state: Document, settings: NetworkAclSettings) -> list[str]:
    """The administration ports that an entry opens, unless an earlier entry denies them."""
    if not _opens(entry, settings):
        return []
    denied = [
        item
        for item in items(state["entries"])
        if _number(item) < _number(entry) and text(item, "RuleAction") == "deny"
    ]
    return [
        str(port)
        for port in settings.admin_ports
        if _reaches(entry, port) and not any(_shuts(deny, entry, port) for deny in denied)
    ]


def _entry(state: Document, number: Json) -> Document | None:
    return next((item for item in items(state["entries"]) if _number(item) == number), None)


def _number(entry: Document) -> int:
    number = entry.get("RuleNumber")
    return number if isinstance(number, int) else 0


def _source(entry: Document) -> str:
    return text(entry, "CidrBlock", "Ipv6CidrBlock")


def _opens(entry: Document, settings: NetworkAclSettings) -> bool:
    """Whether an entry by itself lets the internet reach a port of administration."""
    return (
        not entry.get("Egress")
        and text(entry, "RuleAction") == "allow"
        and is_public_range(_source(entry))
        and any(_reaches(entry, port) for port in settings.admin_ports)
    )


def _reaches(entry: Document, port: int) -> bool:
    """Whether an entry is about a TCP port: no other protocol has administration ports."""
    protocol, ports = text(entry, "Protocol").lower(), mapping(entry, "PortRange")
    if protocol not in ("", "-1", "6", "tcp"):
        return False
    low, high = text(ports, "From"), text(ports, "To")
    if protocol not in ("6", "tcp") or not (low.isdigit() and high.isdigit()):
        return True
    return int(low) <= port <= int(high)


def _shuts(deny: Document, entry: Document, port: int) -> bool:
    """Whether an earlier entry keeps the whole internet, of the same kind, from this port."""
    same = bool(text(deny, "CidrBlock")) == bool(text(entry, "CidrBlock"))
    return same and _source(deny).endswith("/0") and _reaches(deny, port)


def _call(operation: str, acl: Resource, entry: Document) -> Call:
    """Creates an entry, or replaces it, as EC2 described it."""
    return Call(
        "ec2", f"{operation}NetworkAclEntry", {"NetworkAclId": acl.id, **entry}, on=(acl.arn,)
    )


CONTROLS = (NetworkAclOpen(),)
