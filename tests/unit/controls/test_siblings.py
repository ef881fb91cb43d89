"""Every operation that can bring about what a control watches wakes it, or has a reason not to."""

from __future__ import annotations

import json

import pytest

from driftguard.model import Certainty
from tests.support.each import each
from tests.support.records import ACCOUNT, REGION
from tests.support.siblings import reasons, unwatched
from tests.support.siblings.shapes import Case, screened, without

STRANGER = "999999999999"
HERE = f"{REGION}:{ACCOUNT}"


def test_every_sibling_is_a_trigger_or_has_a_reason() -> None:
    """For one that is new: make it a trigger, or say in tests/support/siblings why it is none."""
    new = [one for one in unwatched() if (one.control, one.operation) not in reasons()]
    assert [f"{one.control}: {one.operation} ({', '.join(one.by)})" for one in new] == []


def test_no_reason_is_left_over() -> None:
    there = {(sibling.control, sibling.operation) for sibling in unwatched()}
    assert sorted(reasons().keys() - there) == []


# ---------------------------------------------------------------------- each sibling's own shape


POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "all",
            "Effect": "Allow",
            "Principal": {"AWS": STRANGER},
            "Action": "lambda:InvokeFunction",
            "Resource": f"arn:aws:lambda:{HERE}:function:orders",
        }
    ],
}
STANDARD = "arn:aws:securityhub:::standards/cis-aws-foundations-benchmark/v/1.4.0"
BALANCER = f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/app/shop/50dc6c495c0c9188"
DETECTOR = "12abc34d567e8fa901bc2d34e56789f0"


def restored(name: str, kind: str) -> Case:
    """A database that was restored from what is not encrypted."""
    short = "db" if kind == "dBInstance" else "cluster"
    return Case(
        "rds.unencrypted-created",
        "rds",
        name,
        {f"{kind}Identifier": "orders"},
        {f"{kind}Identifier": "orders", "storageEncrypted": False},
        f"arn:aws:rds:{HERE}:{short}:orders",
        Certainty.EVIDENT,
    )


CASES = (
    Case(
        "lambda.public-invoke",
        "lambda",
        "PutResourcePolicy20241031",
        {
            "resourceArn": f"arn:aws:lambda:{HERE}:function:orders",
            "policy": json.dumps(POLICY),
        },
        {"revisionId": "1"},
        f"arn:aws:lambda:{HERE}:function:orders",
        Certainty.EVIDENT,
    ),
    Case(
        "securityhub.control-disabled",
        "securityhub",
        "BatchUpdateStandardsControlAssociations",
        {
            "StandardsControlAssociationUpdates": [
                {
                    "StandardsArn": STANDARD,
                    "SecurityControlId": "S3.1",
                    "AssociationStatus": "DISABLED",
                }
            ]
        },
        {"UnprocessedAssociationUpdates": []},
        f"arn:aws:securityhub:{HERE}:security-control/S3.1",
        Certainty.EVIDENT,
    ),
    Case(
        "guardduty.addresses-trusted",
        "guardduty",
        "CreateTrustedEntitySet",
        {"detectorId": DETECTOR, "name": "partners", "format": "TXT", "activate": True},
        {"trustedEntitySetId": "4ec1a0"},
        f"arn:aws:guardduty:{HERE}:detector/{DETECTOR}/trustedentityset/4ec1a0",
        Certainty.EVIDENT,
    ),
    Case(
        "eks.public-endpoint",
        "eks",
        "CreateCluster",
        {"name": "shop", "resourcesVpcConfig": {"subnetIds": ["subnet-1", "subnet-2"]}},
        {"cluster": {"name": "shop"}},
        f"arn:aws:eks:{HERE}:cluster/shop",
        Certainty.EVIDENT,
    ),
    Case(
        "cloudwatch.alarm-silenced",
        "monitoring",
        "PutCompositeAlarm",
        {"alarmName": "root-use", "alarmRule": "TRUE", "actionsEnabled": False},
        None,
        f"arn:aws:cloudwatch:{HERE}:alarm:root-use",
        Certainty.POSSIBLE,
    ),
    Case(
        "ec2.open-ingress",
        "ec2",
        "RestoreManagedPrefixListVersion",
        {
            "RestoreManagedPrefixListVersionRequest": {
                "PrefixListId": "pl-1",
                "PreviousVersion": 1,
                "CurrentVersion": 3,
            }
        },
        {"RestoreManagedPrefixListVersionResponse": {"prefixList": {"prefixListId": "pl-1"}}},
        f"arn:aws:ec2:{HERE}:prefix-list/pl-1",
        Certainty.POSSIBLE,
    ),
    Case(
        "ec2.unencrypted-volume",
        "ec2",
        "CopyVolumes",
        {"CopyVolumesRequest": {"SourceVolumeId": "vol-1"}},
        {
            "CopyVolumesResponse": {
                "volumeSet": {"item": {"volumeId": "vol-2", "encrypted": False}},
                "requestId": "r",
            }
        },
        f"arn:aws:ec2:{HERE}:volume/vol-2",
        Certainty.EVIDENT,
    ),
    Case(
        "elb.security-groups",
        "elasticloadbalancing",
        "CreateLoadBalancer",
        {"name": "shop", "securityGroups": ["sg-1"], "subnets": ["subnet-1"]},
        {"loadBalancers": [{"loadBalancerArn": BALANCER, "securityGroups": ["sg-1"]}]},
        BALANCER,
        Certainty.POSSIBLE,
    ),
    Case(
        "rds.master-password",
        "rds",
        "ModifyTenantDatabase",
        {
            "dBInstanceIdentifier": "orders",
            "tenantDBName": "eu",
            "masterUserPassword": "****",
        },
        {"tenantDatabase": {"dBInstanceIdentifier": "orders", "tenantDBName": "eu"}},
        f"arn:aws:rds:{HERE}:db:orders",
        Certainty.EVIDENT,
    ),
    Case(
        "rds.protection-off",
        "rds",
        "PromoteReadReplica",
        {"dBInstanceIdentifier": "orders", "backupRetentionPeriod": 0},
        {"dBInstanceIdentifier": "orders"},
        f"arn:aws:rds:{HERE}:db:orders",
        Certainty.EVIDENT,
    ),
    Case(
        "s3.acls-enabled",
        "s3",
        "CreateBucket",
        {
            "bucketName": "uploads",
            "Host": "s3.amazonaws.com",
            "x-amz-object-ownership": "ObjectWriter",
        },
        None,
        "arn:aws:s3:::uploads",
        Certainty.EVIDENT,
    ),
    restored("CreateDBInstanceReadReplica", "dBInstance"),
    restored("RestoreDBInstanceFromDBSnapshot", "dBInstance"),
    restored("RestoreDBInstanceFromS3", "dBInstance"),
    restored("RestoreDBInstanceToPointInTime", "dBInstance"),
    restored("RestoreDBClusterFromS3", "dBCluster"),
    restored("RestoreDBClusterFromSnapshot", "dBCluster"),
    restored("RestoreDBClusterToPointInTime", "dBCluster"),
)


@each("case", CASES, ids=str)
def test_what_a_sibling_did_is_found_in_its_record(case: Case) -> None:
    (found,) = screened(case)
    assert (found.resource.arn, found.certainty) == (case.arn, case.certainty)


BY_NAME = {str(case): case for case in CASES}
HARMLESS = (
    without(
        BY_NAME["lambda.public-invoke-PutResourcePolicy20241031"],
        policy=json.dumps(POLICY).replace(STRANGER, ACCOUNT),
    ),
    without(
        BY_NAME["securityhub.control-disabled-BatchUpdateStandardsControlAssociations"],
        StandardsControlAssociationUpdates=[
            {"StandardsArn": STANDARD, "SecurityControlId": "S3.1", "AssociationStatus": "ENABLED"}
        ],
    ),
    without(BY_NAME["guardduty.addresses-trusted-CreateTrustedEntitySet"], activate=False),
    without(
        BY_NAME["eks.public-endpoint-CreateCluster"],
        resourcesVpcConfig={"endpointPublicAccess": False, "endpointPrivateAccess": True},
    ),
    without(
        BY_NAME["eks.public-endpoint-CreateCluster"],
        resourcesVpcConfig={"publicAccessCidrs": ["203.0.113.0/24"]},
    ),
    without(BY_NAME["cloudwatch.alarm-silenced-PutCompositeAlarm"], actionsEnabled=True),
    without(BY_NAME["rds.protection-off-PromoteReadReplica"], backupRetentionPeriod=None),
    without(
        BY_NAME["s3.acls-enabled-CreateBucket"], **{"x-amz-object-ownership": "BucketOwnerEnforced"}
    ),
    BY_NAME["s3.acls-enabled-CreateBucket"]._replace(request={"bucketName": "uploads"}),
    BY_NAME["rds.unencrypted-created-RestoreDBInstanceFromS3"]._replace(
        response={"dBInstanceIdentifier": "orders", "storageEncrypted": True}
    ),
)


@pytest.mark.parametrize("case", HARMLESS, ids=str)
def test_a_sibling_that_did_nothing_of_the_kind_is_harmless(case: Case) -> None:
    assert screened(case) == []


def test_a_header_of_a_list_names_who_owns_objects_too() -> None:
    """Records of older versions have headers as lists of one."""
    case = without(
        BY_NAME["s3.acls-enabled-CreateBucket"], **{"x-amz-object-ownership": ["ObjectWriter"]}
    )
    assert len(screened(case)) == 1
