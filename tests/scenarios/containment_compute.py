"""Scenarios of the controls that contain an instance or a function.

No emulator has GuardDuty's findings.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3

from driftguard.events.cloudtrail import change_from_event
from driftguard.model import Change
from tests.scenarios.lambda_ import FUNCTION, code, function_snapshot, make_function
from tests.scenarios.model import ACCOUNT, Fake, Scenario, Staged

DETECTOR = "12abc34d567e8fa901bc2d34e56789f0"
MINES = "CryptoCurrency:EC2/BitcoinTool.B"
CALLS_HOME = "Backdoor:Lambda/C&CActivity.B"
GROUP = "AttackSequence:EC2/CompromisedInstanceGroup"


# -------------------------------------------------------------------------- GuardDuty's findings


def finding(type_: str, resource: dict[str, Any], **service: Any) -> dict[str, Any]:
    """A finding as EventBridge brings it."""
    id_ = uuid.uuid4().hex
    return {
        "schemaVersion": "2.0",
        "accountId": ACCOUNT,
        "region": "us-east-1",
        "partition": "aws",
        "id": id_,
        "arn": f"arn:aws:guardduty:us-east-1:{ACCOUNT}:detector/{DETECTOR}/finding/{id_}",
        "type": type_,
        "resource": resource,
        "service": {
            "serviceName": "guardduty",
            "detectorId": DETECTOR,
            "resourceRole": "TARGET",
            "eventFirstSeen": "2026-11-24T11:41:07Z",
            "eventLastSeen": "2026-11-24T11:58:22Z",
            "archived": False,
            "count": 3,
            **service,
        },
        "severity": 8.0,
        "createdAt": "2026-11-24T12:01:16.204Z",
        "updatedAt": "2026-11-24T12:01:16.204Z",
        "title": "It is querying a name that is associated with cryptocurrency.",
        "description": "It is querying a name that is associated with cryptocurrency.",
    }


def reported(found: dict[str, Any]) -> Change:
    """The change that the finding's event is."""
    event: dict[str, Any] = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "GuardDuty Finding",
        "source": "aws.guardduty",
        "account": ACCOUNT,
        "time": "2026-11-24T12:05:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": found,
    }
    return change_from_event(event)


def telling(*found: dict[str, Any]) -> dict[tuple[str, str], Fake]:
    """GuardDuty's API, which knows these findings, in its own spelling; CloudTrail knows none."""

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["DetectorId"] == DETECTOR
        return {"Findings": [_spelled(one) for one in found if one["id"] in asked["FindingIds"]]}

    return {
        ("guardduty", "GetFindings"): get,
        ("cloudtrail", "LookupEvents"): lambda _: {"Events": []},
    }


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {f"{name[:1].upper()}{name[1:]}": _spelled(held) for name, held in value.items()}
    return [_spelled(one) for one in value] if isinstance(value, list) else value


def about_instance(id_: str, type_: str = MINES) -> dict[str, Any]:
    """A finding about one instance."""
    details = {"instanceId": id_, "instanceType": "t3.micro", "instanceState": "running"}
    return finding(type_, {"resourceType": "Instance", "instanceDetails": details})


def about_function(arn: str, type_: str = CALLS_HOME) -> dict[str, Any]:
    """A finding about one function."""
    details = {"functionArn": arn, "functionName": arn.split(":")[6], "functionVersion": "$LATEST"}
    return finding(type_, {"resourceType": "Lambda", "lambdaDetails": details})


# ---------------------------------------------------------------------------------- an instance


def _subnets(ec2: Any) -> tuple[str, list[str]]:
    """The default VPC, and two of its subnets in different zones."""
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    asked = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    found = ec2.describe_subnets(Filters=asked)["Subnets"]
    return vpc["VpcId"], [subnet["SubnetId"] for subnet in found[:2]]


class Fleet:
    """An Auto Scaling group of three behind a load balancer; one of them is compromised."""

    def __init__(
        self, *, least: int = 1, client: Callable[[str], Any] = lambda name: boto3.client(name)
    ) -> None:
        self.ec2, self.elb = client("ec2"), client("elbv2")
        self.scaling = client("autoscaling")
        self.vpc, subnets = _subnets(self.ec2)
        self.groups = [
            self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)[
                "GroupId"
            ]
            for name in ("web", "admin")
        ]
        self.target_groups = [
            self.elb.create_target_group(
                Name=name, Protocol="HTTP", Port=port, VpcId=self.vpc, TargetType="instance"
            )["TargetGroups"][0]["TargetGroupArn"]
            for name, port in (("web", 80), ("metrics", 9100))
        ]
        balancer = self.elb.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]
        self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Port=80,
            Protocol="HTTP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.target_groups[0]}],
        )
        image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        self.scaling.create_launch_configuration(
            LaunchConfigurationName="web",
            ImageId=image,
            InstanceType="t3.micro",
            SecurityGroups=self.groups,
        )
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName="web",
            LaunchConfigurationName="web",
            MinSize=least,
            MaxSize=4,
            DesiredCapacity=3,
            VPCZoneIdentifier=",".join(subnets),
            TargetGroupARNs=self.target_groups[:1],
        )
        (group,) = self.scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        self.instance, *self.siblings = sorted(one["InstanceId"] for one in group["Instances"])
        self.elb.register_targets(
            TargetGroupArn=self.target_groups[1],
            Targets=[{"Id": one, "Port": 9100} for one in (self.instance, *self.siblings)],
        )
        self.classic = client("elb")
        self.classic.create_load_balancer(
            LoadBalancerName="legacy",
            Listeners=[{"Protocol": "TCP", "LoadBalancerPort": 25, "InstancePort": 25}],
            Subnets=subnets,
        )
        self.classic.register_instances_with_load_balancer(
            LoadBalancerName="legacy",
            Instances=[{"InstanceId": one} for one in (self.instance, *self.siblings)],
        )

    def contained(self) -> str:
        """The name of the group that cuts the instance off."""
        return f"driftguard-quarantine-{self.instance}"

    def snapshot(self) -> dict[str, Any]:
        """All that a containment could touch; groups by their names, as ids are made anew."""
        (group,) = self.scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        found = self.ec2.describe_security_groups()["SecurityGroups"]
        names = {one["GroupId"]: one["GroupName"] for one in found}
        return {
            "interfaces": {
                one["Attachment"]["InstanceId"]: [names[held["GroupId"]] for held in one["Groups"]]
                for one in self.ec2.describe_network_interfaces()["NetworkInterfaces"]
                if "InstanceId" in one.get("Attachment", {})
            },
            "protected": {
                one: self.ec2.describe_instance_attribute(
                    InstanceId=one, Attribute="disableApiTermination"
                )["DisableApiTermination"]["Value"]
                for one in (self.instance, *self.siblings)
            },
            "scaling": {
                "sizes": (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]),
                "instances": {
                    one["InstanceId"]: one["LifecycleState"] for one in group["Instances"]
                },
            },
            "targets": {
                name: sorted(
                    (one["Target"]["Id"], one["Target"]["Port"])
                    for one in self.elb.describe_target_health(TargetGroupArn=arn)[
                        "TargetHealthDescriptions"
                    ]
                )
                for name, arn in zip(("web", "metrics"), self.target_groups, strict=True)
            },
            # AWS keeps a set of them, and moto a list.
            "balanced": sorted(
                {
                    one["InstanceId"]
                    for balancer in self.classic.describe_load_balancers()[
                        "LoadBalancerDescriptions"
                    ]
                    for one in balancer["Instances"]
                }
            ),
            "groups": {
                one["GroupName"]: (one["IpPermissions"], one["IpPermissionsEgress"])
                for one in found
            },
            # A call that is sent again takes another snapshot, which is evidence as well.
            "evidence": {
                one["VolumeId"]
                for one in self.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
                if "Tags" in one
            },
        }

    def volumes(self) -> list[str]:
        """The ids of the instance's volumes."""
        asked = [{"Name": "attachment.instance-id", "Values": [self.instance]}]
        return [one["VolumeId"] for one in self.ec2.describe_volumes(Filters=asked)["Volumes"]]

    def cut_off(self, before: dict[str, Any]) -> dict[str, Any]:
        """What the snapshot is once the instance is contained: of its siblings, as it was."""
        least, desired, most = before["scaling"]["sizes"]
        return {
            "interfaces": before["interfaces"] | {self.instance: [self.contained()]},
            "protected": before["protected"] | {self.instance: True},
            "scaling": {
                "sizes": (min(least, desired - 1), desired - 1, most),
                "instances": before["scaling"]["instances"] | {self.instance: "Standby"},
            },
            "targets": {
                name: [one for one in targets if one[0] != self.instance]
                for name, targets in before["targets"].items()
            },
            "balanced": [one for one in before["balanced"] if one != self.instance],
            "groups": before["groups"] | {self.contained(): ([], [])},
            "evidence": {*before["evidence"], *self.volumes()},
        }


def without_evidence(snapshot: dict[str, Any]) -> dict[str, Any]:
    """What an undo brings back: it keeps the evidence."""
    return {name: held for name, held in snapshot.items() if name != "evidence"}


def instance(least: int = 1) -> Staged:
    """One instance of three mines; the group may want one less, or has its least size."""
    fleet = Fleet(least=least)
    found = about_instance(fleet.instance)
    return Staged(
        lambda: reported(found),
        fleet.snapshot,
        fleet.cut_off,
        fakes=telling(found),
        anew=without_evidence,
    )


def instance_of_sequence() -> Staged:
    """An attack sequence lists the instance among its resources."""
    fleet = Fleet()
    uid = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{fleet.instance}"
    listed = {
        "uid": uid,
        "name": "web",
        "accountId": ACCOUNT,
        "resourceType": "EC2_INSTANCE",
        "region": "us-east-1",
        "data": {"ec2Instance": {"instanceState": "running"}},
    }
    sequence = {
        "uid": "s-1",
        "description": "A sequence.",
        "resources": [listed],
        "signals": [
            {
                "uid": "s-1-1",
                "type": "FINDING",
                "name": MINES,
                "createdAt": 1795521676.0,
                "updatedAt": 1795521676.0,
                "firstSeenAt": 1795520467.0,
                "lastSeenAt": 1795521502.0,
                "count": 3,
                "resourceUids": [uid],
            }
        ],
    }
    found = finding(GROUP, {"resourceType": "AttackSequence"}, detection={"sequence": sequence})
    return Staged(
        lambda: reported(found),
        fleet.snapshot,
        fleet.cut_off,
        fakes=telling(found),
        anew=without_evidence,
    )


# ---------------------------------------------------------------------------------- a function


def function(reserved: int | None = None, *, provisioned: int = 0) -> Staged:
    """A function calls home; one of its two event sources was off before."""
    client = make_function()
    sqs = boto3.client("sqs")
    mappings = [_mapping(client, sqs, name) for name in ("orders", "returns")]
    client.update_event_source_mapping(UUID=mappings[1], Enabled=False)
    other = client.create_function(
        FunctionName="orders-archive",
        Runtime="python3.12",
        Role=client.get_function(FunctionName="orders")["Configuration"]["Role"],
        Handler="app.handler",
        Code={"ZipFile": code()},
    )["FunctionName"]
    _mapping(client, sqs, "archive", other)
    if reserved is not None:
        client.put_function_concurrency(
            FunctionName="orders", ReservedConcurrentExecutions=reserved
        )
    held = {"live": provisioned} if provisioned else {}

    def snapshot() -> Any:
        listed = client.list_event_source_mappings()["EventSourceMappings"]
        return {
            "function": function_snapshot(),
            "reserved": {
                name: client.get_function_concurrency(FunctionName=name).get(
                    "ReservedConcurrentExecutions"
                )
                for name in ("orders", other)
            },
            "sources": {one["UUID"]: one["State"] for one in listed},
            "provisioned": dict(held),
        }

    def reverted(before: Any) -> Any:
        return before | {
            "reserved": before["reserved"] | {"orders": 0},
            "sources": before["sources"] | {mappings[0]: "Disabled"},
            "provisioned": {},
        }

    found = about_function(f"{FUNCTION}:$LATEST")
    return Staged(
        lambda: reported(found),
        snapshot,
        reverted,
        fakes=telling(found) | _provisioned(held, bool(provisioned)),
    )


def _mapping(client: Any, sqs: Any, queue: str, function: str = "orders") -> str:
    """The id of a mapping that has a function read a new queue."""
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    made = client.create_event_source_mapping(EventSourceArn=arn["QueueArn"], FunctionName=function)
    return str(made["UUID"])


def _provisioned(held: dict[str, int], changes: bool) -> dict[tuple[str, str], Fake]:
    """Lambda's provisioned concurrency, which moto lacks."""

    def listed(_: dict[str, Any]) -> dict[str, Any]:
        configs = [
            {"FunctionArn": f"{FUNCTION}:{name}", "RequestedProvisionedConcurrentExecutions": count}
            for name, count in held.items()
        ]
        return {"ProvisionedConcurrencyConfigs": configs}

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        held[asked["Qualifier"]] = asked["ProvisionedConcurrentExecutions"]
        return {}

    def delete(asked: dict[str, Any]) -> dict[str, Any]:
        del held[asked["Qualifier"]]
        return {}

    fakes: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "ListProvisionedConcurrencyConfigs": listed
    }
    if changes:
        fakes |= {
            "PutProvisionedConcurrencyConfig": put,
            "DeleteProvisionedConcurrencyConfig": delete,
        }
    return {("lambda", name): fake for name, fake in fakes.items()}


# Contained at once, as a policy may say.
AT_ONCE = {"revert": ("*",)}

SCENARIOS = (
    Scenario("containment.instance", instance, settings=AT_ONCE),
    Scenario("containment.instance", partial(instance, least=3), "asked", asked=True),
    Scenario("containment.instance", instance_of_sequence, "sequence", asked=True),
    Scenario("containment.function", function, settings=AT_ONCE),
    Scenario("containment.function", partial(function, 7), "asked", asked=True),
    Scenario("containment.function", partial(function, provisioned=5), "provisioned", asked=True),
)
