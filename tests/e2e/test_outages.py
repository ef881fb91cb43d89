"""Five changes whose reverts once took a service down: with the shipped policy nothing is cut.

Each goes through the deployed stack, and the account stands behind the rules of AWS that its
emulator does not know.
"""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.making import make_bucket, named, permission, web_group
from tests.e2e.test_security_groups import flat, ingress, nested, response
from tests.e2e.world import World, eventually

pytestmark = pytest.mark.e2e

# Long enough for a revert that should not come: the promise is ten seconds.
_A_REVERT = 12.0
_SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def web_site(lab: World) -> str:
    """A bucket that has served a web site to everybody for long, without any block."""
    bucket = make_bucket(lab)
    reads = {
        "Sid": "Readers",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    site = {"IndexDocument": {"Suffix": "index.html"}}
    lab.s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [reads]})
    lab.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    return bucket


def test_a_web_site_whose_block_is_tightened_stays_open(lab: World) -> None:
    """Kinds 1 and 2: two switches are set where none were; the other two stay off."""
    bucket = web_site(lab)
    asked = dict(zip(_SWITCHES, (True, True, False, False), strict=True))
    lab.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=asked)
    lab.api_call(
        "s3",
        "PutBucketPublicAccessBlock",
        named(
            bucket,
            publicAccessBlock="",
            PublicAccessBlockConfiguration={
                "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/",
                **asked,
            },
        ),
    )
    time.sleep(_A_REVERT)
    now = lab.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert now == asked
    assert "reverted" not in {decision["status"] for decision in lab.decisions(bucket)}


def test_a_rule_of_long_ago_stays_beside_the_one_that_is_revoked(lab: World) -> None:
    """Kind 1: a VPN that has been open since years, and somebody adds 8443."""
    group = web_group(lab)
    vpn = {**permission(1194, IpRanges=[{"CidrIp": "0.0.0.0/0"}]), "IpProtocol": "udp"}
    lab.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[vpn])
    legitimate = ingress(lab, group)
    made = lab.ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[permission(8443, IpRanges=[{"CidrIp": "0.0.0.0/0"}])]
    )["SecurityGroupRules"]
    record = lab.record(
        "ec2", "AuthorizeSecurityGroupIngress", flat(group, 8443), response(lab, group, made)
    )
    lab.send_record("ec2", record)
    assert lab.decision(group, "reverted")["control"] == "ec2.open-ingress"
    assert ingress(lab, group) == legitimate


def test_an_edited_rule_is_not_deleted(lab: World) -> None:
    """Kind 2: 10.0.0.0/8 becomes everybody: whoever comes from inside keeps their way in."""
    group = web_group(lab)
    before = ingress(lab, group)
    (rule,) = [id_ for id_, found in before.items() if found["FromPort"] == 22]
    edited = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "CidrIpv4": "0.0.0.0/0",
        "Description": "operators",
    }
    lab.ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": edited}],
    )
    request = {
        "ModifySecurityGroupRulesRequest": {
            "GroupId": group,
            "SecurityGroupRule": {
                "SecurityGroupRuleId": rule,
                "tag": 1,
                "SecurityGroupRule": edited,
            },
        }
    }
    lab.api_call("ec2", "ModifySecurityGroupRules", request)
    asked = lab.decision(group, "asked")
    assert asked["control"] == "ec2.open-ingress"
    assert rule in ingress(lab, group)


def test_a_policy_that_only_bears_the_name_of_the_quarantine_disables_no_key(lab: World) -> None:
    """Kind 7: the name of AWS's policy on a customer's own."""
    user = f"user-{uuid4()}"
    lab.iam.create_user(UserName=user)
    for _ in range(2):
        lab.iam.create_access_key(UserName=user)
    policy = f"arn:aws:iam::{lab.account}:policy/AWSCompromisedKeyQuarantineV3"
    lab.api_call("iam", "AttachUserPolicy", {"userName": user, "policyArn": policy})
    time.sleep(_A_REVERT)
    keys = lab.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    assert {key["Status"] for key in keys} == {"Active"}
    assert "reverted" not in {decision["status"] for decision in lab.decisions(user)}


def test_the_node_ports_of_a_kubernetes_load_balancer_stay_open(lab: World) -> None:
    """Kind 4: Kubernetes opens a node port for its network load balancer's clients."""
    group = web_group(lab)
    everybody = {
        "CidrIp": "0.0.0.0/0",
        "Description": "kubernetes.io/rule/nlb/client=a8f1c2d3e4b5968778695a4b3c2d1e0f",
    }
    made: list[dict[str, Any]] = lab.ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[permission(31234, IpRanges=[everybody])]
    )["SecurityGroupRules"]
    opened = ingress(lab, group)
    request = nested(group, 31234)
    (asked,) = request["ipPermissions"]["items"]  # type: ignore[index]
    asked["ipv6Ranges"] = {}
    asked["ipRanges"] = {
        "items": [{"cidrIp": everybody["CidrIp"], "description": everybody["Description"]}]
    }
    record = lab.record("ec2", "AuthorizeSecurityGroupIngress", request, response(lab, group, made))
    lab.send_record("ec2", record)
    decision = lab.decision(group, "asked")
    eventually(lambda: "cut" in decision["reason"], "what it would cut", within=1.0)
    assert ingress(lab, group) == opened
