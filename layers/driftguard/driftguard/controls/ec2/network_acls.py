"""Network ACLs that let the internet reach administration ports.

A Deny with a lower number shuts the ports of administration alone. The entry itself stays where it
may let replies in: they come to the ports from 1024 up, 3389 among them.

Sources: Amazon VPC User Guide, "Network ACL rules" (rules are evaluated from the lowest number up,
and the first that matches decides; numbers go up to 32766) and "Ephemeral ports".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from driftguard.access.network import is_public_range
from driftguard.access.public_ranges import covers, meet
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text, whole_number
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    NOT_IN_USE,
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
    Use,
)

from ..control import Control, Cuts, References
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
    cuts = Cuts(
        "administration from inside, which the entry or one behind it lets in",
        "the entries of the network ACL",
        "does anybody inside administer the subnets by these ports?",
    )
    baselined = True
    settings = NetworkAclSettings

    def screen(self, change: Change, settings: NetworkAclSettings) -> Iterable[Candidate]:
        acl, number = string(change.request, "networkAclId"), string(change.request, "ruleNumber")
        replaced = change.name == "ReplaceNetworkAclEntry"
        asked = _asked(change.request)
        hint: Document = {
            "rule": whole_number(number) or 0,
            "replaced": replaced,
            "ports": [port for port in settings.admin_ports if _reaches(asked, port)],
        }
        if acl and _opens(asked, settings):
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
            ports = ", ".join(map(str, _opened(entry, state, settings)))
            if ports:
                said = f"rule {_number(entry)} lets {_source(entry)} reach port {ports}"
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
        untouched = tuple(
            f"rule {_number(item)}" for item in items(observation.state["entries"]) if item != entry
        )
        if before is None and observation.state.get("replaced"):
            return Plan((), advice=f"What rule {number} said before it was replaced is not known.")
        if before is not None:
            step = Step(_call("Replace", acl, before), (_call("Replace", acl, entry),))
            return Plan((step,), untouched=untouched)
        denies = _denies(entry, observation.state, _opened(entry, observation.state, settings))
        if not denies and _is_for_administration(entry, settings):
            step = Step(_deletion(acl, number), (_call("Create", acl, entry),))
            return Plan((step,), untouched=untouched)
        if not denies:
            return Plan((), advice=f"There is no number left for a Deny before rule {number}.")
        steps = tuple(
            Step(_call("Create", acl, deny), (_deletion(acl, _number(deny)),)) for deny in denies
        )
        advice = f"If nobody needs rule {number}, delete it, and the Deny entries with it."
        return Plan(steps, untouched=(*untouched, f"rule {number}"), advice=advice)

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        """Whether a Deny would shut out others than the internet: the entries tell."""
        entry = _entry(state, state.get("rule"))
        ports = [port for port in _listed(state, "ports") if isinstance(port, int)]
        if state.get("replaced"):
            # It goes back to what it was, or nothing is done.
            return NOT_IN_USE
        if entry is None or not ports:
            return Use(unknown=self.cuts.question)
        first = min((_number(deny) for deny in _denies(entry, state, ports)), default=0)
        shut_out = [
            item
            for item in items(state["entries"])
            if item != entry
            and _number(item) > first
            and text(item, "RuleAction") == "allow"
            and meet(_source(item), _source(entry))
            and any(_reaches(item, port) for port in ports)
        ]
        told = ", ".join(f"rule {_number(item)} lets {_source(item)} in" for item in shut_out)
        return Use(told) if told else NOT_IN_USE


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


def _opened(entry: Document, state: Document, settings: NetworkAclSettings) -> list[int]:
    """The administration ports that an entry opens, and none of the others does or shuts."""
    if not _opens(entry, settings):
        return []
    entries = list(items(state["entries"]))
    earlier = [item for item in entries if _number(item) < _number(entry)]
    return [
        port
        for port in settings.admin_ports
        if _reaches(entry, port)
        and not any(_decides(item, entry, port) for item in earlier)
        and not _open_without(entry, entries, port)
    ]


def _open_without(entry: Document, entries: list[Document], port: int) -> bool:
    """Whether an entry behind lets the same in, so that this one has opened nothing."""
    later = (item for item in entries if _number(item) > _number(entry))
    decisive = next((item for item in later if _decides(item, entry, port)), None)
    return decisive is not None and text(decisive, "RuleAction") == "allow"


def _entry(state: Document, number: Json) -> Document | None:
    return next((item for item in items(state["entries"]) if _number(item) == number), None)


def _listed(state: Document, name: str) -> list[Json]:
    value = state.get(name)
    return list(value) if isinstance(value, (list, tuple)) else []


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
    low, high = (whole_number(text(ports, end)) for end in ("From", "To"))
    if protocol not in ("6", "tcp") or low is None or high is None:
        return True
    return low <= port <= high


def _decides(item: Document, entry: Document, port: int) -> bool:
    """Whether an entry is about everybody whom another is about, at this port."""
    return _reaches(item, port) and covers(_source(item), _source(entry))


def _is_for_administration(entry: Document, settings: NetworkAclSettings) -> bool:
    """Whether an entry lets nothing else in, so that nothing else goes with it."""
    ports = mapping(entry, "PortRange")
    low, high = (whole_number(text(ports, end)) for end in ("From", "To"))
    if text(entry, "Protocol").lower() not in ("6", "tcp") or low is None or high is None:
        return False
    return sum(low <= port <= high for port in set(settings.admin_ports)) == high - low + 1


def _denies(entry: Document, state: Document, ports: list[int]) -> list[Document]:
    """The entries that shut the opened ports before this one opens them; none without room.

    They have the highest free numbers below it, so that what is let in before stays so.
    """
    taken = {_number(item) for item in items(state["entries"])}
    free = (number for number in range(_number(entry) - 1, 0, -1) if number not in taken)
    numbers = sorted(number for _, number in zip(ports, free, strict=False))
    if len(numbers) < len(ports):
        return []
    source: Document = {
        name: entry[name] for name in ("CidrBlock", "Ipv6CidrBlock") if entry.get(name)
    }
    return [
        {
            "RuleNumber": number,
            "Protocol": "6",
            "RuleAction": "deny",
            "Egress": False,
            **source,
            "PortRange": {"From": port, "To": port},
        }
        for number, port in zip(numbers, ports, strict=True)
    ]


def _deletion(acl: Resource, number: int) -> Call:
    parameters: Document = {"NetworkAclId": acl.id, "RuleNumber": number, "Egress": False}
    return Call(
        "ec2",
        "DeleteNetworkAclEntry",
        parameters,
        on=(acl.arn,),
        settled_by=("InvalidNetworkAclEntry.NotFound",),
    )


def _call(operation: str, acl: Resource, entry: Document) -> Call:
    """Creates an entry, or replaces it, as EC2 described it."""
    return Call(
        "ec2", f"{operation}NetworkAclEntry", {"NetworkAclId": acl.id, **entry}, on=(acl.arn,)
    )


CONTROLS = (NetworkAclOpen(),)
