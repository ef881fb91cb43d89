"""Containment of an EC2 instance: evidence is taken, and then nothing reaches it or leaves it.

Sources: AWS Security Incident Response User Guide, "Contain"; Amazon GuardDuty User Guide,
"Remediating a potentially compromised Amazon EC2 instance"; Amazon EC2 User Guide, "Amazon EC2
security group connection tracking" (automatically tracked connections); Amazon VPC User Guide,
"Control traffic to your AWS resources using security groups" (what they do not filter).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from driftguard.aws.client import Reader
from driftguard.documents import Document, documents, items, mapping, text
from driftguard.frozen import dataclass
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan, Use

from ..control import Busy, Control, Cuts, References, resource
from ..ec2 import records
from ..iam.stranger_findings import TRIGGER
from . import findings, instance_plan, instance_state, quarantine, secrets_read
from .finding_types import Target
from .findings import ContainmentSettings, claimed_of, told

_GROUPS = records.any_of("security-group")
_INTERFACES = records.any_of("network-interface")
_VPCS = records.any_of("vpc")
_INSTANCES = records.any_of("instance")
_VOLUMES = records.any_of("volume")
# A snapshot's ARN names no account.
_SNAPSHOTS = "arn:{partition}:ec2:{region}::snapshot/*"
_TARGETS = "arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/*"
_BALANCERS = "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/*"
_SCALING = "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*"

_NOT_CUT = (
    "Not cut: connections that AWS tracks always (through a NAT gateway, a Network Load Balancer, "
    "PrivateLink, an egress-only internet gateway, a firewall endpoint) live until they time out; "
    "a Deny for the other end's addresses in the network ACL of its subnet ends them at once, for "
    "all of the subnet. The VPC's DNS resolver, time service and metadata service still answer. "
    "Pods with groups of their own are not in the instance's groups. While the groups change, "
    "everything reaches it for a few seconds, so that open connections end."
)
_EVIDENCE = (
    "An undo keeps the snapshots: delete them when they are no longer needed. Memory is not kept: "
    "take it before anybody stops the instance."
)


@dataclass(frozen=True, slots=True)
class InstanceSettings(ContainmentSettings):
    """As of every containment, and how much of a load balancer's targets may be contained.

    People are asked where more than `most_of_targets` percent of the targets of a target group or
    a Classic Load Balancer would be contained at a time, and always where no healthy one would be
    left.
    """

    most_of_targets: int = 50


class Instance(Control[InstanceSettings]):
    """GuardDuty reports that an instance behaves as compromised.

    Snapshots of its volumes are taken first. Then it is protected from termination, put on standby
    in its Auto Scaling group, taken from its target groups and Classic Load Balancers, and each of
    its interfaces is moved into a security group without rules, which is made for it. An undo puts
    all of that back, and keeps the snapshots. It goes on running. People are asked where any of
    these would be left with no healthy target, or with too few.
    """

    id = "containment.instance"
    title = "An instance is compromised"
    severity = 90
    references = References(attack=("T1496", "T1071", "T1210"))
    triggers = (TRIGGER,)
    reads = (*findings.READS, *instance_state.READS, *secrets_read.READS)
    volatile = instance_state.VOLATILE | {findings.TOLD}
    writes = {
        "autoscaling:EnterStandby": (_SCALING,),
        "autoscaling:ExitStandby": (_SCALING,),
        "autoscaling:UpdateAutoScalingGroup": (_SCALING,),
        "ec2:AuthorizeSecurityGroupEgress": (_GROUPS,),
        "ec2:AuthorizeSecurityGroupIngress": (_GROUPS,),
        "ec2:CreateSecurityGroup": (_GROUPS, _VPCS),
        "ec2:CreateSnapshots": (_INSTANCES, _SNAPSHOTS, _VOLUMES),
        "ec2:CreateTags": (_GROUPS, _SNAPSHOTS),
        "ec2:DeleteSecurityGroup": (_GROUPS,),
        "ec2:DescribeSecurityGroups": ("*",),
        "ec2:ModifyInstanceAttribute": (_INSTANCES,),
        "ec2:ModifyNetworkInterfaceAttribute": (_GROUPS, _INTERFACES),
        "ec2:RevokeSecurityGroupEgress": (_GROUPS,),
        "ec2:RevokeSecurityGroupIngress": (_GROUPS,),
        "elasticloadbalancing:DeregisterInstancesFromLoadBalancer": (_BALANCERS,),
        "elasticloadbalancing:DeregisterTargets": (_TARGETS,),
        "elasticloadbalancing:RegisterInstancesWithLoadBalancer": (_BALANCERS,),
        "elasticloadbalancing:RegisterTargets": (_TARGETS,),
    }
    granted_where = quarantine.CONDITIONS
    contains = True
    cuts = Cuts(
        "everything that the instance serves, and everything that it calls",
        told_by="whether it answers requests behind a load balancer",
        question="what needs the instance?",
    )
    # Sources: Amazon EC2 API Reference, "Error codes for the Amazon EC2 API"; Amazon EC2 Auto
    # Scaling API Reference, "UpdateAutoScalingGroup", errors.
    busy = (
        *records.BUSY,
        *quarantine.BUSY,
        Busy("ConcurrentSnapshotLimitExceeded"),
        Busy("SnapshotCreationPerVolumeRateExceeded"),
        Busy("ScalingActivityInProgress"),
    )
    settings = InstanceSettings

    def screen(self, change: Change, settings: InstanceSettings) -> Iterable[Candidate]:
        hint = claimed_of(change, Target.INSTANCE, settings)
        if hint is None:
            return
        for id_ in instances_of(change.request, change.account):
            where = f"ec2:{{region}}:{{account}}:instance/{id_}"
            yield Candidate(resource(change, "ec2.instance", id_, where), Certainty.EVIDENT, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        id_ = candidate.resource.id
        state = instance_state.state_of(id_, text(candidate.hint, "claim"), reader)
        if state is None:
            return None
        said = told(
            candidate.hint, reader, lambda found: id_ in instances_of(found, reader.account)
        )
        return {**state, findings.TOLD: said}

    def follow_up(self, candidate: Candidate, state: Document, reader: Reader) -> Iterable[str]:
        return secrets_read.by_session(candidate.resource.id, reader) if state["profile"] else ()

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        serves = [text(one, "group") for one in documents(state, "shares") if one["ours"]]
        if serves:
            return Use(f"it answers requests of {instance_plan.names(serves)}")
        return Use(unknown=self.cuts.question)

    def assess(
        self, state: Document, baseline: Document | None, settings: InstanceSettings
    ) -> Finding | None:
        left = instance_plan.left(state)
        if not left:
            return None
        if not findings.stands(state, settings):
            # A containment that has begun goes on: in the middle of it, everything passes.
            begun = f"the containment of instance {state['instance']} has begun: {'; '.join(left)}"
            return Finding(begun) if instance_plan.is_half_moved(state) else None
        summary = f"instance {state['instance']} is compromised: {'; '.join(left)}"
        return findings.finding(state, settings, Target.INSTANCE, summary, self.severity)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: InstanceSettings,
    ) -> Plan:
        state = observation.state
        return Plan(
            instance_plan.steps(candidate.resource, state, text(candidate.hint, "claim")),
            untouched=tuple(_untouched(state)),
            advice=" ".join((*_beside(state), _NOT_CUT, _EVIDENCE)),
            drastic=instance_plan.too_much(state, settings.most_of_targets),
        )


def _untouched(state: Document) -> Iterator[str]:
    yield "the instance goes on running"
    for one in documents(state, "interfaces"):
        if one.get("managed"):
            yield f"interface {text(one, 'interface')}, which an AWS service keeps"
    if state.get("protected") is None:
        yield "termination of a Spot Instance, which AWS may end at any time"


def _beside(state: Document) -> Iterator[str]:
    """What is to be done beside the plan."""
    if profile := text(state, "profile"):
        yield (
            f"Sessions of the role in {profile.rpartition('/')[2]} that were given to the instance "
            "work elsewhere: see containment.role-sessions."
        )
    if group := text(mapping(state, "scaling"), "group"):
        yield (
            f"Auto Scaling group {group} runs with one instance less: raise its desired capacity "
            "if it needs another one."
        )


# How EC2 names instances.
_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")


def instances_of(found: Document, account: str) -> list[str]:
    """The ids of the account's instances that a finding, as events have it, is about.

    An attack sequence lists the resources of all its signals.
    """
    details = mapping(mapping(found, "resource"), "instanceDetails")
    named = [text(details, "instanceId")]
    sequence = mapping(mapping(mapping(found, "service"), "detection"), "sequence")
    for one in items(sequence.get("resources")):
        if text(one, "resourceType") == "EC2_INSTANCE" and text(one, "accountId") == account:
            named.append(text(one, "uid").rpartition("/")[2])
    return [id_ for id_ in dict.fromkeys(named) if _ID.fullmatch(id_)]


CONTROLS = (Instance(),)
