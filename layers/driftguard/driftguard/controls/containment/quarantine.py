"""The security group that cuts something off: one for each thing and VPC, without rules. Pure.

Connections that a security group tracks outlive a change of groups. A flow is not tracked where
rules let everything through, both ways, and it ends at once when such a rule goes. So the group is
given those two rules first, each interface is moved into it, and then the rules are taken away. It
is a group of this instance alone: no other contained instance is ever opened with it.

For as long as those calls take, everything reaches the instance. AWS's own runbook does the same. A
database is moved into a group that is closed already: RDS may take minutes to move it.

Sources: Amazon EC2 User Guide, "Amazon EC2 security group connection tracking" (untracked
connections); AWS Security Incident Response User Guide, "Contain" (source containment); AWS Systems
Manager Automation runbook reference, "AWSSupport-ContainEC2Instance".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from driftguard.aws.references import group_id
from driftguard.documents import Document, Json, documents
from driftguard.model import Call, Step

from ..control import Busy

# What every group of ours is tagged with: what it is for, an instance's id or a database (`db:NAME`
# or `cluster:NAME`).
TAG = "driftguard:quarantine"
# And the finding because of which it was made, where its evidence is taken last.
FINDING = "driftguard:finding"
# With what a group is tagged for each target group that its instance was taken from.
TAKEN = "driftguard:taken-from:"
# How the ARN of a Classic Load Balancer goes on after the account; its name has no slash.
CLASSIC = "loadbalancer/"
# EC2 takes so many tags for a resource; some are left to people.
_MOST_TAKEN = 40

_PREFIX = "driftguard-quarantine-"

# Rules are changed, and groups deleted, only where the tag says that the group is one of these; and
# tags are put only on what is made. Nobody can use the role to open another group.
# Source: Service Authorization Reference, "Condition keys for Amazon EC2".
_TAGGED: Document = {"StringLike": {f"ec2:ResourceTag/{TAG}": ["cluster:*", "db:*", "i-*"]}}
CONDITIONS: Mapping[str, Document] = {
    "ec2:AuthorizeSecurityGroupEgress": _TAGGED,
    "ec2:AuthorizeSecurityGroupIngress": _TAGGED,
    "ec2:DeleteSecurityGroup": _TAGGED,
    "ec2:RevokeSecurityGroupEgress": _TAGGED,
    "ec2:RevokeSecurityGroupIngress": _TAGGED,
    "ec2:CreateTags": {
        "StringEquals": {"ec2:CreateAction": ["CreateSecurityGroup", "CreateSnapshots"]}
    },
}

# A new group may not be shown yet by the time the next call names it.
# Source: Amazon EC2 Developer Guide, "Eventual consistency in the Amazon EC2 API".
BUSY = (Busy("InvalidGroup.NotFound", f"there is no group {_PREFIX}"),)

_V4: Document = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
_V6: Document = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
_WAYS = ("Ingress", "Egress")


def everybody(*, sixth: bool) -> tuple[Document, ...]:
    """The permissions that let everything through, in a VPC with addresses of IPv6 or without.

    AWS gives a new group one outbound rule for each of them.
    Source: Amazon VPC User Guide, "Security group rules" (default outbound rules).
    """
    return (_V4, _V6) if sixth else (_V4,)


def name_for(thing: str) -> str:
    """The name of a thing's group in any VPC."""
    return f"{_PREFIX}{thing}"


def taken_from(target_group: str) -> str:
    """The tag that says that a group's instance was taken from this target group, given by ARN.

    Or from a Classic Load Balancer: no target group has a colon in its name.
    """
    if is_classic(target_group):
        return f"{TAKEN}classic:{target_group.rpartition('/')[2]}"
    return f"{TAKEN}{target_group.rpartition(':targetgroup/')[2]}"


def is_classic(group: str) -> bool:
    """Whether the ARN of what serves to an instance is a Classic Load Balancer's."""
    return f":{CLASSIC}" in group


def all_taken_from(targets: Iterable[str]) -> dict[str, str]:
    """The tags of a group whose instance was taken from these target groups, given by ARN."""
    return {taken_from(arn): "1" for arn in [*targets][:_MOST_TAKEN]}


def is_closed(group: Document) -> bool:
    """Whether nothing passes a group as it was read."""
    return not any(documents(group, way) for way in _WAYS)


def is_opened(group: Document) -> bool:
    """Whether everything passes a group as it was read, in or out, as while a thing is moved."""
    passing = everybody(sixth=True)
    return any(one in documents(group, way) for way in _WAYS for one in passing)


class Network(NamedTuple):
    """A VPC that an instance has interfaces in, and what calls about it are on.

    `sixth`: it has addresses of IPv6. `arn` is its ARN, `groups` those of its security groups,
    `interfaces` those of the instance's interfaces; each may be a pattern. They are the same
    whatever is left to do, so that a plan that goes on makes the calls that people were shown.
    """

    id: str
    sixth: bool
    arn: str
    groups: str
    interfaces: tuple[str, ...]


def make(thing: str, network: Network, tags: Mapping[str, str], *, let_go: bool = False) -> Step:
    """The step that makes a thing's group, with these tags beside ours.

    Its undo leaves the group where anything else is in it, without rules. `let_go`: what was in it
    leaves it only after a while, so that the undo has to wait for that.
    """
    name = name_for(thing)
    tagged = {TAG: thing, **tags}
    parameters: Document = {
        "GroupName": name,
        "Description": f"Cuts {thing} off: Driftguard contains it. Must have no rules.",
        "VpcId": network.id,
        "TagSpecifications": [
            {
                "ResourceType": "security-group",
                "Tags": [{"Key": key, "Value": value} for key, value in tagged.items()],
            }
        ],
    }
    # It is in use elsewhere, or somebody deleted it.
    used = () if let_go else ("DependencyViolation",)
    delete = Call(
        "ec2",
        "DeleteSecurityGroup",
        {"GroupId": group_id(name, network.id)},
        (network.groups,),
        settled_by=(*used, "InvalidGroup.NotFound"),
    )
    on = (network.arn, network.groups)
    there = ("InvalidGroup.Duplicate",)
    return Step(Call("ec2", "CreateSecurityGroup", parameters, on, there), (delete,))


def closings(thing: str, network: Network, group: Document | None) -> Iterator[Step]:
    """The steps that close a thing's group before it is moved into it; `group` as in `moves`.

    No undo opens it again: it is deleted.
    """
    passing = everybody(sixth=network.sixth)
    made: Document = {"Ingress": [], "Egress": passing}
    for way in _WAYS:
        rules = documents(made if group is None else group, way)
        ordered = [
            *(one for one in passing if one in rules),
            *(one for one in rules if one not in passing),
        ]
        if ordered:
            gone = "InvalidPermission.NotFound"
            yield Step(_rule("Revoke", way, thing, network, ordered, gone), ())


def moves(
    instance: str, network: Network, group: Document | None, interfaces: Sequence[Document]
) -> Iterator[Step]:
    """The steps that move interfaces into the instance's group, and close it.

    `group` is the group as read, with its rules in either direction as single permissions; None
    where it is made first. `interfaces` are those that are not in it.
    """
    passing = everybody(sixth=network.sixth)
    id_ = group_id(name_for(instance), network.id)
    rules = {way: [] if group is None else documents(group, way) for way in _WAYS}

    def rule(operation: str, way: str, permissions: Sequence[Json], *settled: str) -> Call:
        return _rule(operation, way, instance, network, permissions, *settled)

    for way in _WAYS if interfaces else ():
        # One by one: a group that is new, or was opened before, has some of these already.
        for permission in (one for one in passing if one not in rules[way]):
            # The rule may be gone by the time of an undo, and so may the group.
            gone = ("InvalidPermission.NotFound", "InvalidGroup.NotFound")
            yield Step(
                rule("Authorize", way, [permission], "InvalidPermission.Duplicate"),
                (rule("Revoke", way, [permission], *gone),),
            )
    for interface in interfaces:
        yield Step(
            _put(network, interface, [id_]), (_put(network, interface, interface["groups"]),)
        )
    for way in _WAYS:
        more = [one for one in rules[way] if one not in passing]
        opened = [one for one in passing if interfaces or one in rules[way]]
        if opened or more:
            yield Step(rule("Revoke", way, [*opened, *more]), ())


def _rule(
    operation: str,
    way: str,
    thing: str,
    network: Network,
    permissions: Sequence[Json],
    *settled: str,
) -> Call:
    id_ = group_id(name_for(thing), network.id)
    parameters: Document = {"GroupId": id_, "IpPermissions": permissions}
    operation = f"{operation}SecurityGroup{way}"
    return Call("ec2", operation, parameters, (network.groups,), settled)


def _put(network: Network, interface: Document, groups: Json) -> Call:
    parameters: Document = {"NetworkInterfaceId": interface["interface"], "Groups": groups}
    on = (*network.interfaces, network.groups)
    return Call("ec2", "ModifyNetworkInterfaceAttribute", parameters, on)
