"""The security group that cuts an instance off: one for each instance and VPC, without rules. Pure.

Connections that a security group tracks outlive a change of groups. A flow is not tracked where
rules let everything through, both ways, and it ends at once when such a rule goes. So the group is
given those two rules first, each interface is moved into it, and then the rules are taken away. It
is a group of this instance alone: no other contained instance is ever opened with it.

For as long as those calls take, everything reaches the instance. AWS's own runbook does the same.

Sources: Amazon EC2 User Guide, "Amazon EC2 security group connection tracking" (untracked
connections); AWS Security Incident Response User Guide, "Contain" (source containment); AWS Systems
Manager Automation runbook reference, "AWSSupport-ContainEC2Instance".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from driftguard.aws.references import group_id
from driftguard.documents import Document, Json, documents, text
from driftguard.model import Call, Resource, Step

from ..control import Busy

# What every group of ours is tagged with: the instance that it is for.
TAG = "driftguard:quarantine"
# With what a group is tagged for each target group that its instance was taken from.
TAKEN = "driftguard:taken-from:"
# EC2 takes so many tags for a resource; some are left to people.
_MOST_TAKEN = 40

_PREFIX = "driftguard-quarantine-"

# A new group may not be shown yet by the time the next call names it.
# Source: Amazon EC2 Developer Guide, "Eventual consistency in the Amazon EC2 API".
BUSY = (Busy("InvalidGroup.NotFound", f"there is no group {_PREFIX}"),)

_V4: Document = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
_V6: Document = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
OPEN: tuple[Document, ...] = (_V4, _V6)
_WAYS = ("Ingress", "Egress")


def name_for(instance: str) -> str:
    """The name of an instance's group in any VPC."""
    return f"{_PREFIX}{instance}"


def taken_from(target_group: str) -> str:
    """The tag that says that a group's instance was taken from this target group, given by ARN."""
    return f"{TAKEN}{target_group.rpartition(':targetgroup/')[2]}"


def is_closed(group: Document) -> bool:
    """Whether nothing passes a group as it was read."""
    return not any(documents(group, way) for way in _WAYS)


def steps(
    instance: Resource,
    vpc: str,
    group: Document | None,
    interfaces: Sequence[Document],
    targets: Iterable[str],
) -> Iterator[Step]:
    """What moves interfaces of one VPC into the instance's group there, and closes it.

    `group` is the group as read, with its rules in either direction as single permissions; None
    where there is none. `interfaces` are those that are not in it, `targets` the ARNs of the target
    groups that the instance is taken from.
    """
    account = instance.arn.partition(":instance/")[0]
    groups = f"{account}:security-group/*"
    name = name_for(instance.id)
    id_ = group_id(name, vpc)
    if group is None:
        yield _make(instance, f"{account}:vpc/{vpc}", groups, vpc, targets)
    rules = {way: [] if group is None else documents(group, way) for way in _WAYS}

    def rule(operation: str, way: str, permissions: Sequence[Json], *settled: str) -> Call:
        parameters: Document = {"GroupId": id_, "IpPermissions": permissions}
        return Call("ec2", f"{operation}SecurityGroup{way}", parameters, (groups,), settled)

    if interfaces:
        for way in _WAYS:
            # One by one: a group that is new, or was opened before, has some of these already.
            for everybody in OPEN:
                if everybody not in rules[way]:
                    yield Step(
                        rule("Authorize", way, [everybody], "InvalidPermission.Duplicate"),
                        (rule("Revoke", way, [everybody], "InvalidPermission.NotFound"),),
                    )
        on = (*_arns(account, interfaces), groups)
        for interface in interfaces:
            yield Step(_put(interface, [id_], on), (_put(interface, interface["groups"], on),))
    for way in _WAYS:
        more = [one for one in rules[way] if one not in OPEN]
        opened = [one for one in OPEN if interfaces or one in rules[way]]
        if opened or more:
            yield Step(rule("Revoke", way, [*opened, *more]), ())


def _make(instance: Resource, vpc_arn: str, groups: str, vpc: str, targets: Iterable[str]) -> Step:
    """The step that makes the group; its undo leaves the group where anything else is in it."""
    name = name_for(instance.id)
    tags = {TAG: instance.id, **{taken_from(arn): "1" for arn in [*targets][:_MOST_TAKEN]}}
    make: Document = {
        "GroupName": name,
        "Description": f"Cuts {instance.id} off: contained by Driftguard. Keep it without rules.",
        "VpcId": vpc,
        "TagSpecifications": [
            {
                "ResourceType": "security-group",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    }
    delete = Call(
        "ec2",
        "DeleteSecurityGroup",
        {"GroupId": group_id(name, vpc)},
        (groups,),
        # Something else is in it, or names it: it stays, without rules.
        settled_by=("DependencyViolation", "InvalidGroup.NotFound"),
    )
    call = Call("ec2", "CreateSecurityGroup", make, (vpc_arn, groups), ("InvalidGroup.Duplicate",))
    return Step(call, (delete,))


def _put(interface: Document, groups: Json, on: tuple[str, ...]) -> Call:
    parameters: Document = {"NetworkInterfaceId": interface["interface"], "Groups": groups}
    return Call("ec2", "ModifyNetworkInterfaceAttribute", parameters, on)


def _arns(account: str, interfaces: Sequence[Document]) -> list[str]:
    """The interfaces' ARNs, all the same for each of them: the plan's session holds them once.

    Source: AWS STS API Reference, "AssumeRole" (a session policy's 2,048 characters).
    """
    if len(interfaces) > _NAMED:
        return [f"{account}:network-interface/*"]
    return [f"{account}:network-interface/{text(one, 'interface')}" for one in interfaces]


# How many ARNs of a kind a session policy has room for; beyond that it names the kind.
_NAMED = 4
