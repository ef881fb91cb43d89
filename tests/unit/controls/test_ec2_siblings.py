"""The siblings of what EC2's controls watch (kind 9), and what is over (kind 10)."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from driftguard.access.principals import Trusted
from driftguard.controls import control
from driftguard.controls.control import TrustSettings
from driftguard.model import Candidate, Certainty, Change, Observation
from driftguard.sweep.look import sweep
from tests.scenarios.ec2_instances import launched
from tests.scenarios.ec2_region import wrapped
from tests.scenarios.model import policy_of
from tests.support.records import ACCOUNT, ec2
from tests.support.world import REGION, Fakes, World

STRANGER = "999999999999"


def observed(world: World, control_id: str, made: Change) -> Any:
    judge = control(control_id)
    (candidate,) = judge.screen(made, judge.settings())
    return judge.observe(candidate, world.guard.aws.reader(ACCOUNT, REGION))


# ------------------------------------------------------------------------------- peerings


def peering(status: str) -> Any:
    return {
        "VpcPeeringConnections": [
            {
                "VpcPeeringConnectionId": "pcx-1",
                "Status": {"Code": status},
                "RequesterVpcInfo": {"OwnerId": ACCOUNT},
                "AccepterVpcInfo": {"OwnerId": STRANGER},
            }
        ]
    }


def asked_for_a_peering() -> Change:
    """What the requester's account logs: the other side accepts in its own."""
    info = {
        "vpcPeeringConnectionId": "pcx-1",
        "requesterVpcInfo": {"ownerId": ACCOUNT},
        "accepterVpcInfo": {"ownerId": STRANGER},
    }
    return ec2(
        "CreateVpcPeeringConnection",
        {"vpcId": "vpc-1", "peerVpcId": "vpc-2", "peerOwnerId": STRANGER},
        responseElements={"vpcPeeringConnection": info},
    )


@pytest.mark.parametrize(
    ("status", "told"),
    [("pending-acceptance", True), ("active", True), ("rejected", False), ("deleted", False)],
)
def test_whoever_asks_for_a_peering_is_watched_too(
    world: World, fakes: Fakes, status: str, told: bool
) -> None:
    fakes.install({("ec2", "DescribeVpcPeeringConnections"): lambda _: peering(status)})
    decisions = world.handle(asked_for_a_peering())
    assert [one.control for one in decisions] == (["ec2.peering-external"] if told else [])


def test_the_sweep_finds_a_peering_with_a_stranger(world: World, fakes: Fakes) -> None:
    fakes.install({("ec2", "DescribeVpcPeeringConnections"): lambda _: peering("active")})
    (found,) = sweep(world.guard, REGION, only=[control("ec2.peering-external")])
    assert found.outcome == "risky"


# ------------------------------------------------------------------------------ instances


def administrator() -> None:
    iam = boto3.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}
    document = policy_of({**trust, "Action": "sts:AssumeRole"})
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=document)
    iam.put_role_policy(
        RoleName="admin",
        PolicyName="all",
        PolicyDocument=policy_of({"Effect": "Allow", "Action": "*", "Resource": "*"}),
    )
    iam.create_instance_profile(InstanceProfileName="admin")
    iam.add_role_to_instance_profile(InstanceProfileName="admin", RoleName="admin")


def launch(profile: str, *ids: str, omitted: bool = False) -> Change:
    arn = f"arn:aws:iam::{ACCOUNT}:instance-profile/{profile}"
    made = [{"instanceId": id_, "iamInstanceProfile": {"arn": arn}} for id_ in ids]
    response: Any = {"instancesSet": {"items": made}}
    if omitted:
        response = {"omitted": True, "originalSize": 158211, "reason": "too large"}
    asked = {"instancesSet": {"items": [{}]}, "iamInstanceProfile": {"name": profile}}
    return ec2("RunInstances", asked, responseElements=response)


def test_an_instance_launched_as_an_administrator_is_told(world: World) -> None:
    administrator()
    id_ = launched()
    boto3.client("ec2").associate_iam_instance_profile(
        InstanceId=id_, IamInstanceProfile={"Name": "admin"}
    )
    state = observed(world, "ec2.instance-profile-swapped", launch("admin", id_))
    assert state["admin"]


def test_every_instance_of_a_launch_is_looked_at_unless_the_profile_is_allowed() -> None:
    judge = control("ec2.instance-profile-swapped")
    ids = [one.resource.id for one in judge.screen(launch("web", "i-1", "i-2"), judge.settings())]
    assert ids == ["i-1", "i-2"]
    quick = launch("AmazonSSMRoleForInstancesQuickSetup", "i-1")
    assert list(judge.screen(quick, judge.settings())) == []


def test_a_launch_too_large_for_its_record_is_looked_for(world: World) -> None:
    administrator()
    id_ = launched()
    boto3.client("ec2").associate_iam_instance_profile(
        InstanceId=id_, IamInstanceProfile={"Name": "admin"}
    )
    state = observed(world, "ec2.instance-profile-swapped", launch("admin", omitted=True))
    assert state == {"instances": [id_]}


@pytest.mark.parametrize(
    ("control_id", "asked", "watched"),
    [
        ("ec2.imdsv1-allowed", {"metadataOptions": {"httpTokens": "optional"}}, True),
        ("ec2.imdsv1-allowed", {}, True),
        ("ec2.imdsv1-allowed", {"metadataOptions": {"httpTokens": "required"}}, False),
        ("ec2.unencrypted-volume", {"blockDeviceMapping": {"items": []}}, False),
        (
            "ec2.unencrypted-volume",
            {"blockDeviceMapping": {"items": [{"ebs": {"encrypted": False}}]}},
            True,
        ),
    ],
)
def test_a_launch_whose_response_is_left_out_is_judged_by_its_request(
    control_id: str, asked: Any, watched: bool
) -> None:
    omitted = {"omitted": True, "originalSize": 158211, "reason": "responseElements too large"}
    judge = control(control_id)
    found = list(
        judge.screen(ec2("RunInstances", asked, responseElements=omitted), judge.settings())
    )
    assert [one.certainty for one in found] == [Certainty.POSSIBLE] * watched


# ------------------------------------------------------------------------------- mirrors


def test_a_target_that_another_account_shares_is_its_owners(world: World, fakes: Fakes) -> None:
    """Kind 5: the session's policy names the owner's ARN, or AWS refuses the undo."""
    session = {
        "TrafficMirrorSessionId": "tms-1",
        "TrafficMirrorTargetId": "tmt-theirs",
        "TrafficMirrorFilterId": "tmf-1",
        "NetworkInterfaceId": "eni-1",
        "SessionNumber": 1,
        "Tags": [
            {"Key": "aws:cloudformation:stack-name", "Value": "spy"},
            {"Key": "by", "Value": "mallory"},
        ],
    }
    target = {"TrafficMirrorTargetId": "tmt-theirs", "OwnerId": STRANGER}
    fakes.install(
        {
            ("ec2", "DescribeTrafficMirrorSessions"): lambda _: {
                "TrafficMirrorSessions": [session]
            },
            ("ec2", "DescribeTrafficMirrorTargets"): lambda _: {"TrafficMirrorTargets": [target]},
        }
    )
    asked = {"NetworkInterfaceId": "eni-1", "TrafficMirrorTargetId": "tmt-theirs"}
    made = wrapped("CreateTrafficMirrorSession", asked, {})
    judge = control("ec2.traffic-mirror")
    (candidate,) = judge.screen(made, judge.settings())
    state = observed(world, "ec2.traffic-mirror", made)
    (step,) = judge.plan(candidate, Observation(state, ""), None, judge.settings()).steps
    (create,) = step.undo
    assert f"arn:aws:ec2:{REGION}:{STRANGER}:traffic-mirror-target/tmt-theirs" in create.on
    assert create.parameters["TagSpecifications"] == [
        {"ResourceType": "traffic-mirror-session", "Tags": [{"Key": "by", "Value": "mallory"}]}
    ]


# ----------------------------------------------------------------------- what is over


def flow_logs_deleted(*, refused: Any = "") -> Change:
    asked = {"FlowLogId": {"tag": 1, "content": "fl-1"}}
    return wrapped("DeleteFlowLogs", asked, {"unsuccessful": refused})


@pytest.mark.parametrize("gone", [True, False])
def test_nothing_is_to_be_logged_of_a_network_that_is_gone(world: World, gone: bool) -> None:
    vpc = boto3.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    judge = control("vpc.flow-logs-deleted")
    state = observed(world, "vpc.flow-logs-deleted", flow_logs_deleted())
    baseline = {"exists": True, "ResourceId": "vpc-0gone" if gone else vpc}
    assert (judge.assess(state, baseline, judge.settings()) is None) is gone


@pytest.mark.parametrize(
    "refused",
    [
        {"item": {"resourceId": "fl-1", "error": {"code": "InvalidFlowLogId.NotFound"}}},
        {"item": [{"resourceId": "fl-1"}]},
        {"items": [{"resourceId": "fl-1"}]},
        [{"resourceId": "fl-1"}],
    ],
)
def test_a_deletion_that_was_refused_deleted_nothing(refused: Any) -> None:
    judge = control("vpc.flow-logs-deleted")
    assert list(judge.screen(flow_logs_deleted(refused=refused), judge.settings())) == []


def test_a_key_pair_that_was_thrown_away_is_nothing_to_tell_of(world: World) -> None:
    client = boto3.client("ec2")
    client.create_key_pair(KeyName="packer_1")
    made = ec2("CreateKeyPair", {"keyName": "packer_1"})
    assert [one.control for one in world.handle(made)] == ["ec2.key-imported"]
    client.delete_key_pair(KeyName="packer_1")
    made = ec2("CreateKeyPair", {"keyName": "packer_1"})
    assert world.handle(made) == []


def test_an_instance_that_goes_needs_no_protection(world: World) -> None:
    id_, client = launched(), boto3.client("ec2")
    client.terminate_instances(InstanceIds=[id_])
    asked = {"instanceId": id_, "disableApiTermination": {"value": False}}
    made = ec2("ModifyInstanceAttribute", asked)
    assert observed(world, "ec2.termination-protection-off", made) is None


def test_a_trusted_partner_may_be_peered_with() -> None:
    judge = control("ec2.peering-external")
    trusted = TrustSettings(Trusted(accounts=frozenset({STRANGER})))
    found: list[Candidate] = list(judge.screen(asked_for_a_peering(), trusted))
    assert found == []
