"""How an instance is cut off: from its state to the steps, without AWS."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from driftguard.approvals.rules import inverse
from driftguard.aws.references import group_id
from driftguard.aws.remediator import SESSION_POLICY_LIMIT, compact, session_policy
from driftguard.controls.containment import instance_plan, quarantine
from driftguard.controls.containment.instance import Instance, InstanceSettings
from driftguard.model import Call, Candidate, Certainty, Observation, Plan, Resource, Step
from tests.support.each import each

ID = "i-0123456789abcdef0"
HERE = "arn:aws:ec2:us-east-1:123456789012"
INSTANCE = Resource("ec2.instance", ID, "123456789012", "us-east-1", f"{HERE}:instance/{ID}")
BALANCED = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup"
WEB = f"{BALANCED}/web/0123456789abcdef"
LEGACY = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/legacy"
# As long as EC2 Auto Scaling takes it, with the id that it gives.
GROUP = (
    "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:"
    f"8f4f7fe8-0efa-4646-8060-00a2ddf77cae:autoScalingGroupName/{'web' * 85}"
)
OURS = group_id(quarantine.name_for(ID), "vpc-1")


def interface(id_: str = "eni-1", *groups: str, vpc: str = "vpc-1") -> dict[str, Any]:
    return {"interface": id_, "vpc": vpc, "groups": [*(groups or ("sg-1", "sg-2"))]}


def member(standing: str = "InService", *, least: int = 1, desired: int = 3) -> dict[str, Any]:
    return {"group": "web", "arn": GROUP, "standing": standing, "min": least, "desired": desired}


def own_group(*, ingress: Any = (), egress: Any = (), vpc: str = "vpc-1") -> dict[str, Any]:
    return {"vpc": vpc, "group": "sg-9", "Ingress": [*ingress], "Egress": [*egress]}


def state(**more: Any) -> dict[str, Any]:
    """An instance on the network with one volume, without a load balancer, and protected."""
    return {
        "instance": ID,
        "protected": True,
        "interfaces": [interface()],
        "scaling": {},
        "targets": [],
        "shares": [],
        "volumes": [{"device": "/dev/xvda", "volume": "vol-1"}],
        "evidence": [],
        "quarantine": [],
        "vpcs": {"vpc-1": "ipv4", "vpc-2": "dual-stack"},
        **more,
    }


def steps(**more: Any) -> tuple[Step, ...]:
    return instance_plan.steps(INSTANCE, state(**more), "finding-1")


def operations(found: tuple[Step, ...]) -> list[str]:
    return [step.call.operation for step in found]


def calls(found: tuple[Step, ...], operation: str) -> list[Call]:
    return [step.call for step in found if step.call.operation == operation]


OPENED = ["AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"]
EVERYBODY = quarantine.everybody(sixth=True)
CLOSED = ["RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress"]


def test_evidence_comes_first_and_the_network_last() -> None:
    found = steps(
        protected=False,
        scaling=member(),
        targets=[{"group": WEB, "id": ID, "port": 80}],
    )
    assert operations(found) == [
        "CreateSnapshots",
        "ModifyInstanceAttribute",
        "CreateSecurityGroup",
        "EnterStandby",
        "DeregisterTargets",
        *OPENED,
        "ModifyNetworkInterfaceAttribute",
        *CLOSED,
    ]


def test_evidence_names_the_finding_and_the_devices_and_outlasts_an_undo() -> None:
    (evidence, *_) = steps()
    asked: Any = evidence.call.parameters
    (specification,) = asked["TagSpecifications"]
    tags = {tag["Key"]: tag["Value"] for tag in specification["Tags"]}
    assert tags == {
        "driftguard:evidence-of": ID,
        "driftguard:finding": "finding-1",
        "driftguard:devices": "/dev/xvda=vol-1",
    }
    assert (evidence.additive, evidence.undo) == (True, ())


def test_an_undo_puts_back_groups_in_order_targets_with_ports_standby_and_protection() -> None:
    found = steps(
        protected=False,
        scaling=member(),
        interfaces=[interface("eni-1", "sg-2", "sg-1"), interface("eni-2", "sg-3")],
        targets=[
            {"group": WEB, "id": ID, "port": 80},
            {"group": WEB, "id": ID, "port": 81},
            {"group": f"{WEB}b", "id": "10.0.0.4", "port": 80, "zone": "all"},
            {"group": LEGACY, "id": ID},
        ],
    )
    undone = [step.call for step in inverse(Plan(found), len(found)).steps]
    told = [(call.operation, call.parameters) for call in undone]
    revoked = [one for one in told if one[0].startswith("Revoke")]
    assert [one for one in told if one not in revoked] == [
        (
            "ModifyNetworkInterfaceAttribute",
            {"NetworkInterfaceId": "eni-2", "Groups": ["sg-3"]},
        ),
        (
            "ModifyNetworkInterfaceAttribute",
            {"NetworkInterfaceId": "eni-1", "Groups": ["sg-2", "sg-1"]},
        ),
        (
            "RegisterInstancesWithLoadBalancer",
            {"LoadBalancerName": "legacy", "Instances": [{"InstanceId": ID}]},
        ),
        (
            "RegisterTargets",
            {
                "TargetGroupArn": f"{WEB}b",
                "Targets": [{"Id": "10.0.0.4", "Port": 80, "AvailabilityZone": "all"}],
            },
        ),
        (
            "RegisterTargets",
            {
                "TargetGroupArn": WEB,
                "Targets": [{"Id": ID, "Port": 80}, {"Id": ID, "Port": 81}],
            },
        ),
        ("ExitStandby", {"AutoScalingGroupName": "web", "InstanceIds": [ID]}),
        ("DeleteSecurityGroup", {"GroupId": OURS}),
        ("ModifyInstanceAttribute", {"InstanceId": ID, "DisableApiTermination": {"Value": False}}),
    ]
    # Rules that are gone already are no error; a group in which anything else is stays.
    assert all("InvalidPermission.NotFound" in call.settled_by for call in undone[2:4])
    (delete,) = [call for call in undone if call.operation == "DeleteSecurityGroup"]
    assert "DependencyViolation" in delete.settled_by


def test_no_undo_deletes_a_group_that_was_there_before() -> None:
    found = steps(quarantine=[own_group()])
    assert "CreateSecurityGroup" not in operations(found)
    undone = operations(inverse(Plan(found), len(found)).steps)
    assert "DeleteSecurityGroup" not in undone


@each(
    "least, desired, lowered",
    [(1, 3, None), (2, 3, None), (3, 3, 2), (3, 2, 1)],
)
def test_the_least_size_is_lowered_only_where_the_group_may_not_want_less(
    least: int, desired: int, lowered: int | None
) -> None:
    found = steps(scaling=member(least=least, desired=desired))
    sizes = [call.parameters["MinSize"] for call in calls(found, "UpdateAutoScalingGroup")]
    assert sizes == ([] if lowered is None else [lowered])
    (standby,) = calls(found, "EnterStandby")
    assert standby.parameters["ShouldDecrementDesiredCapacity"] is True
    back = [step.call for step in inverse(Plan(found), len(found)).steps]
    assert [call.parameters["MinSize"] for call in back if "MinSize" in call.parameters] == (
        [] if lowered is None else [least]
    )


@each("standing", ["Standby", "Terminating", "Detached", "Warmed"])
def test_only_what_is_in_service_is_put_on_standby(standing: str) -> None:
    assert calls(steps(scaling=member(standing)), "EnterStandby") == []


def test_everything_passes_before_nothing_does_so_that_no_connection_is_tracked() -> None:
    found = steps(interfaces=[interface("eni-1"), interface("eni-2")])
    after_making = operations(found)[operations(found).index("CreateSecurityGroup") + 1 :]
    assert after_making == [*OPENED, *["ModifyNetworkInterfaceAttribute"] * 2, *CLOSED]
    for opening in OPENED:
        (call,) = calls(found, opening)
        assert call.parameters["IpPermissions"] == [EVERYBODY[0]]
    for closing in CLOSED:
        (call,) = calls(found, closing)
        assert call.parameters["IpPermissions"] == [EVERYBODY[0]]


def test_where_there_is_ipv6_it_passes_too_and_then_no_more() -> None:
    found = steps(interfaces=[interface("eni-1", vpc="vpc-2")])
    for opening in OPENED:
        asked = [call.parameters["IpPermissions"] for call in calls(found, opening)]
        assert asked == [[one] for one in EVERYBODY]
    for closing in CLOSED:
        (call,) = calls(found, closing)
        assert call.parameters["IpPermissions"] == [*EVERYBODY]


@each(
    ("group", "held", "half"),
    [
        (own_group(ingress=EVERYBODY), "sg-9", True),
        (own_group(egress=EVERYBODY[1:]), "sg-9", True),
        (own_group(ingress=EVERYBODY), "sg-1", False),
        (own_group(ingress=[{"IpProtocol": "icmp", "IpRanges": []}]), "sg-9", False),
        (own_group(), "sg-9", False),
    ],
)
def test_what_is_in_its_opened_group_is_half_moved(group: Any, held: str, half: bool) -> None:
    found = state(interfaces=[interface("eni-1", held)], quarantine=[group])
    assert instance_plan.is_half_moved(found) is half


def test_each_vpc_has_a_group_of_its_own() -> None:
    found = steps(interfaces=[interface("eni-1"), interface("eni-2", vpc="vpc-2")])
    made = [call.parameters["VpcId"] for call in calls(found, "CreateSecurityGroup")]
    assert made == ["vpc-1", "vpc-2"]
    moved = [call.parameters["Groups"] for call in calls(found, "ModifyNetworkInterfaceAttribute")]
    assert moved == [[group_id(quarantine.name_for(ID), vpc)] for vpc in ("vpc-1", "vpc-2")]


def test_rules_that_somebody_gave_the_group_go_too() -> None:
    ssh = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": "1.2.3.4/32"}],
    }
    contained = state(
        interfaces=[interface("eni-1", "sg-9")], quarantine=[own_group(ingress=[ssh])]
    )
    found = instance_plan.steps(INSTANCE, contained, "finding-1")
    assert operations(found) == ["RevokeSecurityGroupIngress"]
    assert found[0].call.parameters["IpPermissions"] == [ssh]
    assert instance_plan.left(contained) == ["its quarantine group has rules (sg-9)"]


def test_nothing_is_left_of_a_contained_instance() -> None:
    contained = state(
        interfaces=[interface("eni-1", "sg-9"), {**interface("eni-2"), "managed": True}],
        quarantine=[own_group()],
        scaling=member("Standby"),
    )
    assert instance_plan.left(contained) == []
    assert instance_plan.steps(INSTANCE, contained, "finding-1") == ()


# A worker may die after any call: what the state is by then leads to the rest of the calls.


def carried_out(found: tuple[Step, ...], before: dict[str, Any]) -> dict[str, Any]:
    """The state after these steps, as AWS would have it."""
    after = {**before, "interfaces": [dict(one) for one in before["interfaces"]]}
    groups = {one["vpc"]: dict(one) for one in before["quarantine"]}
    for step in found:
        asked: Any = step.call.parameters
        way = step.call.operation.partition("SecurityGroup")[2]
        match step.call.operation:
            case "CreateSnapshots":
                volumes = [one["volume"] for one in before["volumes"]]
                after["evidence"] = [{"snapshot": f"snap-{one}", "volume": one} for one in volumes]
            case "ModifyInstanceAttribute":
                after["protected"] = True
            case "UpdateAutoScalingGroup":
                after["scaling"] = {**after["scaling"], "min": asked["MinSize"]}
            case "EnterStandby":
                scaling = after["scaling"]
                assert scaling["desired"] - 1 >= scaling["min"]
                lowered = scaling["desired"] - 1
                after["scaling"] = {**scaling, "standing": "Standby", "desired": lowered}
            case "DeregisterInstancesFromLoadBalancer":
                assert asked["Instances"] == [{"InstanceId": ID}]
                assert asked["LoadBalancerName"] == "legacy"
                after["targets"] = [one for one in after["targets"] if one["group"] != LEGACY]
            case "DeregisterTargets":
                group = asked["TargetGroupArn"]
                after["targets"] = [one for one in after["targets"] if one["group"] != group]
            case "CreateSecurityGroup":
                # EC2 lets everything out of a new group.
                sixth = before["vpcs"][asked["VpcId"]] == "dual-stack"
                everybody = quarantine.everybody(sixth=sixth)
                groups[asked["VpcId"]] = own_group(egress=everybody, vpc=asked["VpcId"])
            case "ModifyNetworkInterfaceAttribute":
                for one in after["interfaces"]:
                    if one["interface"] == asked["NetworkInterfaceId"]:
                        assert [*asked["Groups"][0]["$held"].values()][2] == one["vpc"]
                        one["groups"] = ["sg-9"]
            case opening if opening.startswith("Authorize"):
                group = groups[asked["GroupId"]["$held"]["vpc"]]
                group[way] = [
                    *group[way],
                    *(p for p in asked["IpPermissions"] if p not in group[way]),
                ]
            case _:
                group = groups[asked["GroupId"]["$held"]["vpc"]]
                assert all(one in group[way] for one in asked["IpPermissions"])
                group[way] = [one for one in group[way] if one not in asked["IpPermissions"]]
    return {**after, "quarantine": [*groups.values()]}


states = st.builds(
    state,
    protected=st.sampled_from([True, False, None]),
    interfaces=st.lists(st.sampled_from(["vpc-1", "vpc-2"]), min_size=1, max_size=4).map(
        lambda vpcs: [interface(f"eni-{i}", vpc=vpc) for i, vpc in enumerate(vpcs)]
    ),
    scaling=st.just({}) | st.builds(member, least=st.integers(1, 3), desired=st.integers(1, 4)),
    targets=st.sets(st.sampled_from([(WEB, 80), (WEB, 81), (f"{WEB}b", 80), (LEGACY, 0)])).map(
        lambda found: [
            {"group": group, "id": ID, **({"port": port} if port else {})}
            for group, port in sorted(found)
        ]
    ),
    quarantine=st.just([])
    | st.lists(st.sampled_from(EVERYBODY), unique_by=str).map(
        lambda rules: [own_group(ingress=rules)]
    ),
)


def with_groups_where_it_is(before: dict[str, Any]) -> dict[str, Any]:
    here = {one["vpc"] for one in before["interfaces"]}
    return {**before, "quarantine": [one for one in before["quarantine"] if one["vpc"] in here]}


states = states.map(with_groups_where_it_is)


@given(states, st.data())
def test_whatever_was_done_the_rest_leads_to_a_contained_instance(
    before: dict[str, Any], data: st.DataObject
) -> None:
    shown = [step.call for step in instance_plan.steps(INSTANCE, before, "finding-1")]
    while found := instance_plan.steps(INSTANCE, before, "finding-1"):
        assert instance_plan.left(before)
        # What people approved is all that is ever called.
        assert all(step.call in shown for step in found)
        before = carried_out(found[: data.draw(st.integers(1, len(found)))], before)
    assert instance_plan.left(before) == []


def as_long_as_ids_are(before: dict[str, Any]) -> dict[str, Any]:
    """The same state with ids of AWS's length."""
    long = {name: f"{name}-0123456789abcde" for name in ("vpc-1", "vpc-2")}
    interfaces = [
        {**one, "interface": f"{one['interface']}123456789abcdef0", "vpc": long[one["vpc"]]}
        for one in before["interfaces"]
    ]
    vpcs = {long[name]: addresses for name, addresses in before["vpcs"].items()}
    ours = [{**one, "vpc": long[one["vpc"]]} for one in before["quarantine"]]
    targets = [
        {
            **one,
            "group": one["group"]
            .replace("/web/", f"/{'web' * 10}-1/")
            .replace("/legacy", f"/{'legacy' * 5}-1"),
        }
        for one in before["targets"]
    ]
    changed = {"interfaces": interfaces, "vpcs": vpcs, "quarantine": ours, "targets": targets}
    return {**before, **changed}


@given(states)
def test_the_session_of_a_plan_and_of_its_undo_can_be_opened(before: dict[str, Any]) -> None:
    found = instance_plan.steps(INSTANCE, as_long_as_ids_are(before), "finding-1")
    undone = inverse(Plan(found), len(found)).steps
    for plan in (found, undone):
        policy = compact(session_policy([step.call for step in plan]))
        # As long as the names of partitions and regions are.
        longest = policy.replace("arn:aws:", "arn:aws-us-gov:").replace(
            "us-east-1", "us-gov-west-1"
        )
        assert len(longest) <= SESSION_POLICY_LIMIT


def test_the_group_says_what_its_instance_was_taken_from() -> None:
    """By tags, whose keys may have 128 characters."""
    long = LEGACY.replace("legacy", "l" * 32)
    found = steps(targets=[{"group": one, "id": ID} for one in (WEB, LEGACY, long)])
    (made,) = calls(found, "CreateSecurityGroup")
    asked: Any = made.parameters["TagSpecifications"]
    keys = [tag["Key"] for tag in asked[0]["Tags"]]
    assert set(keys) == {
        quarantine.TAG,
        "driftguard:taken-from:web/0123456789abcdef",
        "driftguard:taken-from:classic:legacy",
        f"driftguard:taken-from:classic:{'l' * 32}",
    }
    assert max(map(len, keys)) <= 128


def test_tags_are_only_put_on_what_is_made() -> None:
    (statement,) = [
        one
        for one in session_policy([step.call for step in steps()[:1]])["Statement"]
        if "ec2:CreateTags" in one["Action"]
    ]
    assert statement["Resource"] == ["arn:aws:ec2:us-east-1::snapshot/*"]


# ---------------------------------------------------------------------- the other targets


def share(ours: int, serving: int, contained: int = 0) -> dict[str, Any]:
    return {"group": WEB, "ours": ours, "serving": serving, "contained": contained}


@each(
    "shared, most, said",
    [
        (share(1, 4), 50, ""),
        (share(1, 2), 50, ""),
        (share(0, 4), 50, ""),
        (share(0, 0), 50, ""),
        (share(1, 1), 100, "web would have no healthy target left"),
        (share(2, 2), 50, "web would have no healthy target left"),
        # One after the other: what is contained already counts.
        (share(1, 3, 1), 50, ""),
        (share(1, 3, 2), 50, "3 of 5 targets of web would be contained, of 50% at most"),
        # The policy says how many are enough.
        (share(1, 3, 2), 60, ""),
        (share(1, 4), 20, "1 of 4 targets of web would be contained, of 20% at most"),
        (share(1, 9), 0, "1 of 9 targets of web would be contained, of 0% at most"),
        # It answers nobody any more, so that nobody misses it.
        (share(0, 1, 3), 0, ""),
        ({**share(1, 1), "group": LEGACY}, 50, "legacy would have no healthy target left"),
    ],
)
def test_a_target_group_keeps_most_of_its_healthy_targets(
    shared: dict[str, Any], most: int, said: str
) -> None:
    settings = InstanceSettings(most_of_targets=most)
    seen = Observation({**state(shares=[shared]), "profile": ""}, "2026-11-24T12:00:00.000Z")
    candidate = Candidate(INSTANCE, Certainty.EVIDENT)
    assert Instance().plan(candidate, seen, None, settings).drastic == said
