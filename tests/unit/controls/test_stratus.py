"""Each technique of Stratus Red Team that a control cites is found in a record of its shape.

The records are ours; their shapes are what CloudTrail writes of the calls that each technique makes
(stratus-red-team.cloud, "List of attack techniques"). A technique that is only tried, and refused,
changes nothing, and none is cited that leaves nothing but data events.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from driftguard import controls
from driftguard.controls.control import AnyControl
from driftguard.model import Change
from tests.scenarios.model import policy_of
from tests.support.records import ACCOUNT, REGION, change

STRANGER = "999999999999"
HERE = f"{REGION}:{ACCOUNT}"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
TRUSTING = policy_of(
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        "Action": "sts:AssumeRole",
    },
)
READING = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
            "Action": ["s3:GetObject", "s3:GetBucketLocation", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::wares/*", "arn:aws:s3:::wares"],
        }
    ],
}
INVOKING = {
    "Sid": "door",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "lambda:InvokeFunction",
    "Resource": f"arn:aws:lambda:{HERE}:function:orders",
}
# By technique: source, event name, request and response of the calls that it makes.
TECHNIQUES: dict[str, tuple[tuple[str, str, Any, Any], ...]] = {
    "aws.defense-evasion.cloudtrail-delete": (
        ("cloudtrail", "DeleteTrail", {"name": "management"}, None),
    ),
    "aws.defense-evasion.cloudtrail-event-selectors": (
        (
            "cloudtrail",
            "PutEventSelectors",
            {
                "trailName": "management",
                "eventSelectors": [
                    {
                        "readWriteType": "ReadOnly",
                        "includeManagementEvents": False,
                        "dataResources": [
                            {"type": "AWS::S3::Object", "values": []},
                            {"type": "AWS::Lambda::Function", "values": []},
                        ],
                        "excludeManagementEventSources": [],
                    }
                ],
            },
            None,
        ),
    ),
    "aws.defense-evasion.cloudtrail-lifecycle-rule": (
        (
            "s3",
            "PutBucketLifecycle",
            {
                "lifecycle": "",
                "bucketName": "trail-logs",
                "LifecycleConfiguration": {
                    "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/",
                    "Rule": {
                        "Status": "Enabled",
                        "Filter": {"Prefix": "*"},
                        "Expiration": {"Days": 1},
                        "ID": "soon",
                    },
                },
                "Host": "trail-logs.s3.us-east-1.amazonaws.com",
            },
            None,
        ),
    ),
    "aws.defense-evasion.cloudtrail-stop": (
        ("cloudtrail", "StopLogging", {"name": "management"}, None),
    ),
    "aws.defense-evasion.dns-delete-logs": (
        (
            "route53resolver",
            "DeleteResolverQueryLogConfig",
            {"originSequenceNumber": 0, "resolverQueryLogConfigId": "rqlc-1"},
            {"resolverQueryLogConfig": {"id": "rqlc-1", "status": "DELETING"}},
        ),
    ),
    "aws.defense-evasion.vpc-remove-flow-logs": (
        (
            "ec2",
            "DeleteFlowLogs",
            {"DeleteFlowLogsRequest": {"FlowLogId": {"content": "fl-1", "tag": 1}}},
            {"DeleteFlowLogsResponse": {"requestId": "r", "unsuccessful": ""}},
        ),
    ),
    "aws.execution.ec2-user-data": (
        (
            "ec2",
            "ModifyInstanceAttribute",
            {"instanceId": "i-1", "userData": "<sensitiveDataRemoved>"},
            {"_return": True},
        ),
    ),
    "aws.execution.sagemaker-update-lifecycle-config": (
        (
            "sagemaker",
            "UpdateNotebookInstanceLifecycleConfig",
            {
                "notebookInstanceLifecycleConfigName": "notebooks",
                "onStart": [{"content": "IyEvYmluL2Jhc2gK"}],
            },
            None,
        ),
    ),
    "aws.exfiltration.ec2-security-group-open-port-22-ingress": (
        (
            "ec2",
            "AuthorizeSecurityGroupIngress",
            {
                "groupId": "sg-1",
                "ipPermissions": {},
                "ipProtocol": "tcp",
                "fromPort": 22,
                "toPort": 22,
                "cidrIp": "0.0.0.0/0",
            },
            {"_return": True},
        ),
    ),
    "aws.exfiltration.ec2-share-ami": (
        (
            "ec2",
            "ModifyImageAttribute",
            {
                "imageId": "ami-1",
                "launchPermission": {"add": {"items": [{"userId": STRANGER}]}},
                "attributeType": "launchPermission",
            },
            {"_return": True},
        ),
    ),
    "aws.exfiltration.ec2-share-ebs-snapshot": (
        (
            "ec2",
            "ModifySnapshotAttribute",
            {
                "snapshotId": "snap-1",
                "createVolumePermission": {"add": {"items": [{"userId": STRANGER}]}},
                "attributeType": "CREATE_VOLUME_PERMISSION",
            },
            {"_return": True},
        ),
    ),
    "aws.exfiltration.rds-share-snapshot": (
        (
            "rds",
            "ModifyDBSnapshotAttribute",
            {
                "dBSnapshotIdentifier": "orders-1",
                "attributeName": "restore",
                "valuesToAdd": [STRANGER],
            },
            {"dBSnapshotIdentifier": "orders-1"},
        ),
    ),
    "aws.exfiltration.s3-backdoor-bucket-policy": (
        (
            "s3",
            "PutBucketPolicy",
            {
                "bucketPolicy": READING,
                "bucketName": "wares",
                "Host": "wares.s3.us-east-1.amazonaws.com",
                "policy": "",
            },
            None,
        ),
    ),
    "aws.impact.ec2-deregister-ami": (
        ("ec2", "DeregisterImage", {"imageId": "ami-1"}, {"_return": True}),
    ),
    "aws.lateral-movement.ec2-serial-console-send-ssh-public-key": (
        (
            "ec2",
            "EnableSerialConsoleAccess",
            {"EnableSerialConsoleAccessRequest": ""},
            {"EnableSerialConsoleAccessResponse": {"serialConsoleAccessEnabled": True}},
        ),
    ),
    "aws.persistence.iam-backdoor-role": (
        (
            "iam",
            "UpdateAssumeRolePolicy",
            {"roleName": "reports", "policyDocument": TRUSTING},
            None,
        ),
    ),
    "aws.persistence.iam-backdoor-user": (
        (
            "iam",
            "CreateAccessKey",
            {"userName": "reports"},
            {
                "accessKey": {
                    "userName": "reports",
                    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
                    "status": "Active",
                    "createDate": "Nov 24, 2026 12:00:00 PM",
                }
            },
        ),
    ),
    "aws.persistence.iam-create-admin-user": (
        (
            "iam",
            "AttachUserPolicy",
            {"userName": "robot", "policyArn": ADMINISTRATOR},
            None,
        ),
        (
            "iam",
            "CreateAccessKey",
            {"userName": "robot"},
            {
                "accessKey": {
                    "userName": "robot",
                    "accessKeyId": "AKIAI44QH8DHBEXAMPLE",
                    "status": "Active",
                    "createDate": "Nov 24, 2026 12:00:00 PM",
                }
            },
        ),
    ),
    "aws.persistence.iam-create-backdoor-role": (
        (
            "iam",
            "CreateRole",
            {"roleName": "robot", "assumeRolePolicyDocument": TRUSTING},
            {"role": {"roleName": "robot", "arn": f"arn:aws:iam::{ACCOUNT}:role/robot"}},
        ),
    ),
    "aws.persistence.iam-create-user-login-profile": (
        (
            "iam",
            "CreateLoginProfile",
            {"userName": "robot", "passwordResetRequired": False},
            {"loginProfile": {"userName": "robot", "passwordResetRequired": False}},
        ),
    ),
    "aws.persistence.lambda-backdoor-function": (
        (
            "lambda",
            "AddPermission20150331v2",
            {
                "functionName": "orders",
                "statementId": "door",
                "action": "lambda:InvokeFunction",
                "principal": "*",
            },
            {"statement": json.dumps(INVOKING)},
        ),
    ),
    "aws.persistence.lambda-overwrite-code": (
        (
            "lambda",
            "UpdateFunctionCode20150331v2",
            {
                "functionName": f"arn:aws:lambda:{HERE}:function:orders",
                "publish": True,
                "dryRun": False,
                "fullyQualifiedArn": {
                    "arnPrefix": {"partition": "aws", "region": REGION, "account": ACCOUNT},
                    "relativeId": {"functionName": "orders"},
                    "functionQualifier": {},
                },
            },
            {"functionName": "orders"},
        ),
    ),
    "aws.persistence.rolesanywhere-create-trust-anchor": (
        (
            "rolesanywhere",
            "CreateTrustAnchor",
            {
                "enabled": True,
                "name": "machines",
                "source": {
                    "sourceType": "CERTIFICATE_BUNDLE",
                    "sourceData": {"x509CertificateData": "-----BEGIN CERTIFICATE-----\nMIIE"},
                },
            },
            {"trustAnchor": {"enabled": True, "name": "machines", "trustAnchorId": "t-1"}},
        ),
    ),
    "aws.privilege-escalation.iam-update-user-login-profile": (
        ("iam", "UpdateLoginProfile", {"userName": "bob"}, None),
    ),
}
CITED = [
    (control, technique) for control in controls.every() for technique in control.references.stratus
]


def made(technique: str) -> list[Change]:
    return [
        change(f"{source}.amazonaws.com", name, request, responseElements=response)
        for source, name, request, response in TECHNIQUES[technique]
    ]


@pytest.mark.parametrize(
    ("control", "technique"), CITED, ids=[f"{one.id}-{technique}" for one, technique in CITED]
)
def test_a_technique_that_is_cited_is_found_in_its_record(
    control: AnyControl, technique: str
) -> None:
    woken = [one for one in made(technique) if control in controls.watching(one)]
    assert [found for one in woken for found in control.screen(one, control.settings())]


def test_every_technique_here_is_cited() -> None:
    assert {technique for _, technique in CITED} == TECHNIQUES.keys()
