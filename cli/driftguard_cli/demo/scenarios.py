"""What the intruder does, and how to see from outside whether it was put right.

A scenario changes the account with the account's own API and sends the event that AWS would. What
it looks at afterwards is the account alone: it knows nothing of how Driftguard works.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from . import events
from .account import Account, policy_of

# What is in the account, as plain values that can be compared.
State: TypeAlias = "Mapping[str, object]"

_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One risky change.

    `strike` makes it and returns what sends its event. `risk` is what of it is (still) there,
    `siblings` all that must stay, `text` the two together, as exactly as an undo must restore them.
    """

    id: str
    control: str
    title: str
    strike: Callable[[Account], Callable[[], None]]
    risk: Callable[[Account], object]
    siblings: Callable[[Account], State]
    text: Callable[[Account], str]


# ------------------------------------------------------------------------- a security group


def _open_ssh(account: Account) -> Callable[[], None]:
    made = account.ec2.authorize_security_group_ingress(
        GroupId=account.web,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 22,
                "ToPort": 22,
                "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "temporary"}],
                "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "temporary"}],
            }
        ],
    )["SecurityGroupRules"]
    asked = {
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "groups": {},
        "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0", "description": "temporary"}]},
        "ipv6Ranges": {"items": [{"cidrIpv6": "::/0", "description": "temporary"}]},
        "prefixListIds": {},
    }
    rules = [
        {
            "groupOwnerId": account.id,
            "groupId": account.web,
            "securityGroupRuleId": rule["SecurityGroupRuleId"],
            "isEgress": False,
            "ipProtocol": "tcp",
            "fromPort": 22,
            "toPort": 22,
            **{key[0].lower() + key[1:]: rule[key] for key in rule if key.startswith("Cidr")},
        }
        for rule in made
    ]
    return lambda: events.api_call(
        account,
        "ec2",
        "AuthorizeSecurityGroupIngress",
        {"groupId": account.web, "ipPermissions": {"items": [asked]}},
        {"_return": True, "securityGroupRuleSet": {"items": rules}},
    )


def _rules(account: Account) -> dict[str, str]:
    """The ingress rules of the web group, by id."""
    pages = account.ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [account.web]}]
    )
    return {
        rule["SecurityGroupRuleId"]: f"{rule['FromPort']} from "
        f"{rule.get('CidrIpv4') or rule.get('CidrIpv6')} ({rule.get('Description', '')})"
        for page in pages
        for rule in page["SecurityGroupRules"]
        if not rule["IsEgress"]
    }


def _is_open_ssh(rule: str) -> bool:
    return rule.startswith(("22 from 0.0.0.0/0", "22 from ::/0"))


def _rules_text(account: Account) -> str:
    # AWS gives a rule that comes back a new id; all else of it must be as it was.
    return "\n".join(sorted(_rules(account).values()))


def _open_rules(account: Account) -> object:
    return sorted(rule for rule in _rules(account).values() if _is_open_ssh(rule))


def _other_rules(account: Account) -> State:
    return {name: rule for name, rule in _rules(account).items() if not _is_open_ssh(rule)}


# -------------------------------------------------------------------------------- a bucket


def _publish_assets(account: Account) -> Callable[[], None]:
    written = policy_of(
        account.assets,
        {
            "Sid": "Everybody",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{account.assets}/*",
        },
    )
    account.s3.put_bucket_policy(Bucket=account.assets, Policy=written)
    request = {
        "bucketPolicy": json.loads(written),
        "bucketName": account.assets,
        "Host": f"{account.assets}.s3.amazonaws.com",
        "policy": "",
    }
    return lambda: events.api_call(account, "s3", "PutBucketPolicy", request)


def _policy_text(account: Account) -> str:
    text: str = account.s3.get_bucket_policy(Bucket=account.assets)["Policy"]
    return text


def _statements(account: Account) -> dict[str, object]:
    return {one["Sid"]: one for one in json.loads(_policy_text(account))["Statement"]}


def _open_statements(account: Account) -> object:
    return [sid for sid, one in _statements(account).items() if one["Principal"] == "*"]  # type: ignore[index]


def _other_statements(account: Account) -> State:
    return {sid: one for sid, one in _statements(account).items() if one["Principal"] != "*"}  # type: ignore[index]


def _open_acl(account: Account) -> Callable[[], None]:
    account.s3.put_bucket_acl(Bucket=account.uploads, ACL="public-read")
    request = {
        "bucketName": account.uploads,
        "Host": f"{account.uploads}.s3.amazonaws.com",
        "acl": "",
        "x-amz-acl": "public-read",
    }
    return lambda: events.api_call(account, "s3", "PutBucketAcl", request)


def _open_grants(account: Account) -> object:
    grants = account.s3.get_bucket_acl(Bucket=account.uploads)["Grants"]
    return [one for one in grants if one["Grantee"].get("URI") == _EVERYBODY]


def _other_grants(account: Account) -> State:
    acl = account.s3.get_bucket_acl(Bucket=account.uploads)
    kept = [one for one in acl["Grants"] if one["Grantee"].get("URI") != _EVERYBODY]
    return {"owner": acl["Owner"], "grants": kept}


def _acl_text(account: Account) -> str:
    acl = account.s3.get_bucket_acl(Bucket=account.uploads)
    return json.dumps({"Owner": acl["Owner"], "Grants": acl["Grants"]}, indent=2)


def _drop_block(account: Account) -> Callable[[], None]:
    account.s3.delete_public_access_block(Bucket=account.invoices)
    request = {
        "bucketName": account.invoices,
        "Host": f"{account.invoices}.s3.amazonaws.com",
        "publicAccessBlock": "",
    }
    return lambda: events.api_call(account, "s3", "DeleteBucketPublicAccessBlock", request)


def _switches_off(account: Account) -> object:
    from botocore.exceptions import ClientError

    try:
        block = account.s3.get_public_access_block(Bucket=account.invoices)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchPublicAccessBlockConfiguration":
            return ["no public access block"]
        raise
    switches = block["PublicAccessBlockConfiguration"]
    return [switch for switch, on in switches.items() if not on]


def _switches_text(account: Account) -> str:
    return json.dumps(_switches_off(account))


def _tags(account: Account) -> State:
    return {"tags": account.s3.get_bucket_tagging(Bucket=account.invoices)["TagSet"]}


# -------------------------------------------------------------------------------- a person


def _leak_key(account: Account) -> Callable[[], None]:
    return lambda: events.exposed_key(account, account.leaked_key)


def _keys(account: Account) -> dict[str, str]:
    listed = account.iam.list_access_keys(UserName=account.user)["AccessKeyMetadata"]
    return {one["AccessKeyId"]: one["Status"] for one in listed}


def _keys_text(account: Account) -> str:
    policies = account.iam.list_user_policies(UserName=account.user)["PolicyNames"]
    return json.dumps({"keys": _keys(account), "policies": policies}, indent=2)


def _usable_key(account: Account) -> object:
    return [account.leaked_key] if _keys(account)[account.leaked_key] == "Active" else []


def _other_key(account: Account) -> State:
    deploy = account.iam.get_user_policy(UserName=account.user, PolicyName="deploy")
    return {"key": _keys(account)[account.other_key], "deploy": deploy["PolicyDocument"]}


SCENARIOS = (
    Scenario(
        "open-security-group",
        "ec2.open-ingress",
        "opens SSH on the web servers to the whole internet, over IPv4 and IPv6",
        _open_ssh,
        _open_rules,
        _other_rules,
        _rules_text,
    ),
    Scenario(
        "public-bucket-policy",
        "s3.public-policy",
        "adds a statement to a bucket's policy that lets everybody read",
        _publish_assets,
        _open_statements,
        _other_statements,
        _policy_text,
    ),
    Scenario(
        "public-bucket-acl",
        "s3.public-acl",
        "makes another bucket public by its ACL",
        _open_acl,
        _open_grants,
        _other_grants,
        _acl_text,
    ),
    Scenario(
        "public-access-block-deleted",
        "s3.bucket-bpa-off",
        "deletes the public access block of the bucket with the invoices",
        _drop_block,
        _switches_off,
        _tags,
        _switches_text,
    ),
    Scenario(
        "leaked-access-key",
        "iam.leaked-key",
        "has left an access key in a public repository, where AWS found it",
        _leak_key,
        _usable_key,
        _other_key,
        _keys_text,
    ),
)

# The one that is undone at the end: a policy's text shows to the byte whether undo is exact.
UNDONE = "public-bucket-policy"
