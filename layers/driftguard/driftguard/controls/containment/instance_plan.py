"""Plans how an instance is cut off, from its state: evidence first, every step with its undo. Pure.

Sources: Amazon EC2 API Reference, "CreateSnapshots" and "ModifyInstanceAttribute"; Amazon EC2 Auto
Scaling User Guide, "Temporarily remove instances from your Auto Scaling group"; Elastic Load
Balancing API Reference, "DeregisterTargets"; AWS Security Incident Response User Guide, "Contain".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.documents import Document, Json, documents, mapping, text
from driftguard.model import Call, Resource, Step

from . import quarantine

# With what a snapshot is tagged: the instance, the finding, and which device the volume was.
INSTANCE_TAG = "driftguard:evidence-of"
FINDING_TAG = "driftguard:finding"
DEVICES_TAG = "driftguard:devices"
# Source: Amazon EC2 User Guide, "Tag your Amazon EC2 resources" (restrictions).
_LONGEST_TAG = 256

# Where an instance of an Auto Scaling group stands while the group counts on it, and while not.
IN_SERVICE, STANDBY = "InService", "Standby"

# How many target groups a session policy names; beyond that it names them all.
_NAMED = 4


def open_interfaces(state: Document) -> list[Document]:
    """The interfaces that are not in the instance's group alone, and that can be moved into it."""
    ours = {text(group, "vpc"): text(group, "group") for group in documents(state, "quarantine")}
    return [
        one
        for one in documents(state, "interfaces")
        if not one.get("managed") and one["groups"] != [ours.get(text(one, "vpc"))]
    ]


def open_groups(state: Document) -> list[Document]:
    """The instance's own groups through which anything passes."""
    return [one for one in documents(state, "quarantine") if not quarantine.is_closed(one)]


def left(state: Document) -> list[str]:
    """What is still to do until the instance is contained, in words; nothing where it is."""
    said = []
    if interfaces := open_interfaces(state):
        said.append(f"it is on the network ({_list(interfaces, 'interface')})")
    elif groups := open_groups(state):
        said.append(f"its quarantine group has rules ({_list(groups, 'group')})")
    if targets := documents(state, "targets"):
        named = sorted({_name(text(one, "group")) for one in targets})
        said.append(f"it is a target of {', '.join(named)}")
    scaling = mapping(state, "scaling")
    if text(scaling, "standing") == IN_SERVICE:
        said.append(f"Auto Scaling group {text(scaling, 'group')} counts on it")
    if state.get("protected") is False:
        said.append("it can be terminated")
    return said


def steps(instance: Resource, state: Document, finding: str) -> tuple[Step, ...]:
    """The steps from a state to a contained instance; `finding` is the finding's id."""
    return (
        *_evidence(instance, state, finding),
        *_protection(instance, state),
        *_standby(instance, state),
        *_deregistration(state),
        *_isolation(instance, state),
    )


def _evidence(instance: Resource, state: Document, finding: str) -> Iterator[Step]:
    """Snapshots of all volumes at one moment; an undo keeps them."""
    volumes = documents(state, "volumes")
    taken = {text(one, "volume") for one in documents(state, "evidence")}
    if not open_interfaces(state) or all(text(one, "volume") in taken for one in volumes):
        return
    devices = " ".join(f"{text(one, 'device')}={text(one, 'volume')}" for one in volumes)
    tags = {INSTANCE_TAG: instance.id, FINDING_TAG: finding, DEVICES_TAG: devices[:_LONGEST_TAG]}
    account = instance.arn.partition(":instance/")[0]
    parameters: Document = {
        "InstanceSpecification": {"InstanceId": instance.id},
        "Description": f"Evidence of {instance.id}, before Driftguard cut it off",
        "TagSpecifications": [
            {
                "ResourceType": "snapshot",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    }
    region = account.rpartition(":")[0]
    on = (instance.arn, f"{account}:volume/*", f"{region}::snapshot/*")
    yield Step(Call("ec2", "CreateSnapshots", parameters, on), (), additive=True)


def _protection(instance: Resource, state: Document) -> Iterator[Step]:
    def protect(on: bool) -> Call:
        parameters: Document = {"InstanceId": instance.id, "DisableApiTermination": {"Value": on}}
        return Call("ec2", "ModifyInstanceAttribute", parameters, (instance.arn,))

    if state.get("protected") is False:
        yield Step(protect(True), (protect(False),))


def _standby(instance: Resource, state: Document) -> Iterator[Step]:
    """Out of its Auto Scaling group for a while, which wants one instance less meanwhile.

    The group is not to start another one instead: to be as before, it would have to terminate one
    when this one comes back, and nobody can say which. Where it may not want less, its least size
    is lowered by one for as long.
    """
    scaling = mapping(state, "scaling")
    if text(scaling, "standing") != IN_SERVICE:
        return
    name, on = {"AutoScalingGroupName": scaling["group"]}, (text(scaling, "arn"),)
    least, desired = int(text(scaling, "min")), int(text(scaling, "desired"))

    def size(at_least: int) -> Call:
        return Call("autoscaling", "UpdateAutoScalingGroup", {**name, "MinSize": at_least}, on)

    if 0 < desired <= least:
        yield Step(size(desired - 1), (size(least),))
    one: Document = {**name, "InstanceIds": [instance.id]}
    enter = Call("autoscaling", "EnterStandby", {**one, "ShouldDecrementDesiredCapacity": True}, on)
    yield Step(enter, (Call("autoscaling", "ExitStandby", one, on),))


def _deregistration(state: Document) -> Iterator[Step]:
    """Out of its target groups, each target with its port and zone."""
    by_group: dict[str, list[Json]] = {}
    for one in documents(state, "targets"):
        target: Document = {
            key: one[name]
            for key, name in (("Id", "id"), ("Port", "port"), ("AvailabilityZone", "zone"))
            if name in one
        }
        by_group.setdefault(text(one, "group"), []).append(target)
    arns = tuple(by_group)
    if len(arns) > _NAMED:
        arns = (f"{arns[0].partition(':targetgroup/')[0]}:targetgroup/*",)
    for group, targets in by_group.items():
        parameters: Document = {"TargetGroupArn": group, "Targets": targets}
        yield Step(
            Call("elbv2", "DeregisterTargets", parameters, arns),
            (Call("elbv2", "RegisterTargets", parameters, arns),),
        )


def _isolation(instance: Resource, state: Document) -> Iterator[Step]:
    interfaces = open_interfaces(state)
    targets = sorted({text(one, "group") for one in documents(state, "targets")})
    ours = {text(group, "vpc"): group for group in documents(state, "quarantine")}
    vpcs = (*(text(one, "vpc") for one in interfaces), *(vpc for vpc in ours))
    for vpc in dict.fromkeys(vpcs):
        here = [one for one in interfaces if text(one, "vpc") == vpc]
        yield from quarantine.steps(instance, vpc, ours.get(vpc), here, targets)


# ---------------------------------------------------------------------- what it costs others


def too_much(state: Document, most: int) -> str:
    """Why the load balancers would be left with too little; "" where they would not.

    `most` is which share of a target group may be contained at a time, in percent. What is
    contained already counts, by the tags of quarantine groups that are in use.
    """
    said = []
    for share in documents(state, "shares"):
        ours, serving = int(text(share, "ours")), int(text(share, "serving"))
        contained = int(text(share, "contained"))
        if not ours:
            continue
        name = _name(text(share, "group"))
        if ours >= serving:
            said.append(f"{name} would have no healthy target left")
        elif 100 * (ours + contained) > most * (serving + contained):
            out, of = ours + contained, serving + contained
            said.append(f"{out} of {of} targets of {name} would be contained, of {most}% at most")
    return "; ".join(said)


def _name(target_group: str) -> str:
    """A target group's name: the part of its ARN before the last."""
    return target_group.split("/")[1]


def _list(found: Iterable[Document], key: str) -> str:
    return ", ".join(text(one, key) for one in found)
