"""Scenarios of instances: their metadata, their protection, the role that they carry."""

from __future__ import annotations

from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.ec2_region import wrapped
from tests.scenarios.model import Scenario, Staged, policy_of
from tests.support.records import ec2

METADATA = {
    "HttpTokens": "required",
    "HttpPutResponseHopLimit": 2,
    "HttpEndpoint": "enabled",
    "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled",
}


def launched() -> str:
    """The id of a new instance."""
    client = boto3.client("ec2")
    image = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    (one,) = client.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"]
    return str(one["InstanceId"])


def metadata() -> Staged:
    client, id_ = boto3.client("ec2"), launched()

    def set_to(**options: Any) -> None:
        client.modify_instance_metadata_options(InstanceId=id_, **{**METADATA, **options})

    set_to()

    def attack() -> Change:
        set_to(HttpTokens="optional")
        return wrapped(
            "ModifyInstanceMetadataOptions", {"InstanceId": id_, "HttpTokens": "optional"}, {}
        )

    def snapshot() -> Any:
        (found,) = client.describe_instances(InstanceIds=[id_])["Reservations"]
        return found["Instances"][0]["MetadataOptions"]

    return Staged(attack, snapshot)


def protection() -> Staged:
    client, id_ = boto3.client("ec2"), launched()

    def protect(value: bool) -> None:
        client.modify_instance_attribute(InstanceId=id_, DisableApiTermination={"Value": value})

    protect(True)

    def attack() -> Change:
        protect(False)
        asked = {"instanceId": id_, "disableApiTermination": {"value": False}}
        return ec2("ModifyInstanceAttribute", asked)

    def snapshot() -> Any:
        return client.describe_instance_attribute(
            InstanceId=id_, Attribute="disableApiTermination"
        )["DisableApiTermination"]

    return Staged(attack, snapshot, baseline=True)


def profile() -> Staged:
    client, iam, id_ = boto3.client("ec2"), boto3.client("iam"), launched()
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}
    iam.create_role(
        RoleName="admin",
        AssumeRolePolicyDocument=policy_of({**trust, "Action": "sts:AssumeRole"}),
    )
    everything = policy_of({"Effect": "Allow", "Action": "*", "Resource": "*"})
    made = iam.create_policy(PolicyName="everything", PolicyDocument=everything)["Policy"]
    iam.attach_role_policy(RoleName="admin", PolicyArn=made["Arn"])
    iam.create_instance_profile(InstanceProfileName="admin")
    iam.add_role_to_instance_profile(InstanceProfileName="admin", RoleName="admin")

    def attack() -> Change:
        client.associate_iam_instance_profile(InstanceId=id_, IamInstanceProfile={"Name": "admin"})
        asked = {"IamInstanceProfile": {"Name": "admin"}, "InstanceId": id_}
        return wrapped("AssociateIamInstanceProfile", asked, {})

    def snapshot() -> Any:
        return client.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]

    return Staged(attack, snapshot, anew=without_ids)


def without_ids(associations: Any) -> Any:
    """Associations without the ids that EC2 makes anew."""
    return [{k: v for k, v in one.items() if k != "AssociationId"} for one in associations]


SCENARIOS = (
    Scenario("ec2.imdsv1-allowed", metadata),
    Scenario("ec2.termination-protection-off", protection),
    Scenario("ec2.instance-profile-swapped", profile),
)
