"""Plans how an instance is cut off, from its state: evidence first, every step with its undo. Pure.

Sources: Amazon EC2 API Reference, "CreateSnapshots" and "ModifyInstanceAttribute"; Amazon EC2 Auto
Scaling User Guide, "Temporarily remove instances from your Auto Scaling group"; Elastic Load
Balancing API Reference, "DeregisterTargets" and (2012-06-01) "DeregisterInstancesFromLoadBalancer";
AWS Security Incident Response User Guide, "Contain".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from driftguard.documents import Document, Json, documents, mapping, text
from driftguard.model import Call, Resource, Step

from . import own_groups, quarantine

# With what a snapshot is tagged: the instance, the finding, and which device the volume was.
INSTANCE_TAG = "driftguard:evidence-of"
FINDING_TAG = quarantine.FINDING
DEVICES_TAG = "driftguard:devices"
# Source: Amazon EC2 User Guide, "Tag your Amazon EC2 resources" (restrictions).
_LONGEST_TAG = 256

# Where an instance of an Auto Scaling group stands while the group counts on it, and while not.
IN_SERVICE, STANDBY = "InService", "Standby"


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


def is_half_moved(state: Document) -> bool:
    """Whether everything passes the instance's own group, which is to be closed yet."""
    held = [one["groups"] for one in documents(state, "interfaces")]
    return any(
        quarantine.is_opened(group) and [text(group, "group")] in held
        for group in documents(state, "quarantine")
    )


def left(state: Document) -> list[str]:
    """What is still to do until the instance is contained, in words; nothing where it is."""
    said = []
    if interfaces := open_interfaces(state):
        said.append(f"it is on the network ({_list(interfaces, 'interface')})")
    elif groups := open_groups(state):
        said.append(f"its quarantine group has rules ({_list(groups, 'group')})")
    if targets := documents(state, "targets"):
        said.append(f"it is a target of {names(text(one, 'group') for one in targets)}")
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
        *_groups(instance, state),
        *_standby(instance, state),
        *_deregistration(state),
        *_moves(instance, state),
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
    # The id before its name is the group's alone, and the name may take 255 characters.
    on = (f"{text(scaling, 'arn').partition(_NAMED_GROUP)[0]}{_NAMED_GROUP}*",)
    name: Document = {"AutoScalingGroupName": scaling["group"]}
    least, desired = int(text(scaling, "min")), int(text(scaling, "desired"))

    def size(at_least: int) -> Call:
        return Call("autoscaling", "UpdateAutoScalingGroup", {**name, "MinSize": at_least}, on)

    if 0 < desired <= least:
        yield Step(size(desired - 1), (size(least),))
    one: Document = {**name, "InstanceIds": [instance.id]}
    enter = Call("autoscaling", "EnterStandby", {**one, "ShouldDecrementDesiredCapacity": True}, on)
    # An undo that is taken up again may find it in service: whether all is back, the state says.
    leave = Call("autoscaling", "ExitStandby", one, on, settled_by=("ValidationError",))
    yield Step(enter, (leave,))


_NAMED_GROUP = ":autoScalingGroupName/"


def _deregistration(state: Document) -> Iterator[Step]:
    """Out of its target groups, each target with its port and zone, and its load balancers."""
    by_group: dict[str, list[Json]] = {}
    for one in documents(state, "targets"):
        target: Document = {
            key: one[name]
            for key, name in (("Id", "id"), ("Port", "port"), ("AvailabilityZone", "zone"))
            if name in one
        }
        by_group.setdefault(text(one, "group"), []).append(target)
    for group, targets in by_group.items():
        if quarantine.is_classic(group):
            yield _unbalanced(group, targets)
            continue
        parameters: Document = {"TargetGroupArn": group, "Targets": targets}
        # A node of a cluster may be in dozens of them: a session policy cannot name them all.
        on = (f"{group.partition(':targetgroup/')[0]}:targetgroup/*",)
        yield Step(
            Call("elbv2", "DeregisterTargets", parameters, on, _GONE),
            (Call("elbv2", "RegisterTargets", parameters, on, _GONE),),
        )


# A target group or a load balancer that somebody deleted meanwhile has no targets.
_GONE = ("TargetGroupNotFound",)
_GONE_CLASSIC = ("LoadBalancerNotFound",)


def _unbalanced(balancer: str, targets: list[Json]) -> Step:
    """Out of a Classic Load Balancer, given by ARN."""
    instances = [{"InstanceId": text(one, "Id")} for one in targets if isinstance(one, Mapping)]
    asked: Document = {"LoadBalancerName": balancer.rpartition("/")[2], "Instances": instances}
    on = (f"{balancer.rpartition('/')[0]}/*",)
    # Its Auto Scaling group may have taken it out first, as it goes on standby.
    settled = (*_GONE_CLASSIC, "InvalidInstance")
    return Step(
        Call("elb", "DeregisterInstancesFromLoadBalancer", asked, on, settled),
        (Call("elb", "RegisterInstancesWithLoadBalancer", asked, on, _GONE_CLASSIC),),
    )


def _networks(instance: Resource, state: Document) -> list[quarantine.Network]:
    """The VPCs of the instance, by those of its interfaces that can be moved."""
    account = instance.arn.partition(":instance/")[0]
    movable = [one for one in documents(state, "interfaces") if not one.get("managed")]
    ids = [text(one, "interface") for one in movable]
    # The session policy has no room for more: 2,048 characters (AWS STS API Reference, AssumeRole).
    named = ids if len(ids) <= _NAMED else ["*"]
    vpcs = [*dict.fromkeys(text(one, "vpc") for one in movable)]
    return [
        quarantine.Network(
            vpc,
            text(mapping(state, "vpcs"), vpc) == own_groups.DUAL,
            f"{account}:vpc/{vpc if len(vpcs) == 1 else '*'}",
            f"{account}:security-group/*",
            tuple(f"{account}:network-interface/{one}" for one in named),
        )
        for vpc in vpcs
    ]


_NAMED = 2


def _groups(instance: Resource, state: Document) -> Iterator[Step]:
    """The groups that are not there yet, before the instance is taken from its target groups."""
    there = {text(group, "vpc") for group in documents(state, "quarantine")}
    still_open = {text(one, "vpc") for one in open_interfaces(state)}
    targets = sorted({text(one, "group") for one in documents(state, "targets")})
    for network in _networks(instance, state):
        if network.id in still_open - there:
            yield quarantine.make(instance.id, network, quarantine.all_taken_from(targets))


def _moves(instance: Resource, state: Document) -> Iterator[Step]:
    ours = {text(group, "vpc"): group for group in documents(state, "quarantine")}
    for network in _networks(instance, state):
        here = [one for one in open_interfaces(state) if text(one, "vpc") == network.id]
        yield from quarantine.moves(instance.id, network, ours.get(network.id), here)


# ---------------------------------------------------------------------- what it costs others


def too_much(state: Document, most: int) -> str:
    """Why the load balancers would be left with too little; "" where they would not.

    `most` is which share of a target group may be contained at a time, in percent. What is
    contained already counts, by the tags of the quarantine groups that there are.
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


def names(target_groups: Iterable[str]) -> str:
    """The names of target groups, given by their ARNs, in words."""
    return ", ".join(sorted({_name(arn) for arn in target_groups}))


def _name(target_group: str) -> str:
    return target_group.split("/")[1]


def _list(found: Iterable[Document], key: str) -> str:
    return ", ".join(text(one, key) for one in found)
