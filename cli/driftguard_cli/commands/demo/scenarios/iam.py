"""IAM: a user's access key, and a role."""

from __future__ import annotations

import json

from ..account import STRANGER, Account
from ..events import Event, api_call, exposed_key
from .model import Scenario, Staged, allow, by_policy, policy_of

_QUARANTINE = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"


def _leaked_key(account: Account) -> Staged:
    iam, user = account.client("iam"), "deployer"
    iam.create_user(UserName=user)
    deploys = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}
    iam.put_user_policy(UserName=user, PolicyName="deploy", PolicyDocument=policy_of(deploys))
    leaked, other = (
        iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"] for _ in range(2)
    )

    # AWS leaves this mark beside its event, and the guard believes no event without it.
    iam.attach_user_policy(UserName=user, PolicyArn=_QUARANTINE)

    def active() -> set[str]:
        keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        return {key["AccessKeyId"] for key in keys if key["Status"] == "Active"}

    def siblings() -> object:
        deploy = iam.get_user_policy(UserName=user, PolicyName="deploy")["PolicyDocument"]
        return {"other key": other in active(), "deploy": deploy}

    return Staged(
        f"user {user}",
        "two access keys",
        lambda: exposed_key(account, leaked),
        lambda: active() & {leaked},
        siblings,
    )


def _backdoor(account: Account) -> Staged:
    iam, role = account.client("iam"), "report-reader"
    service = allow("Runs", {"Service": "lambda.amazonaws.com"}, "sts:AssumeRole")
    colleague = account.arn("iam", "role/analyst")

    def trust(*people: str) -> str:
        return policy_of(service, allow("Analysts", {"AWS": list(people)}, "sts:AssumeRole"))

    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust(colleague))

    def strike() -> Event:
        written = trust(colleague, f"arn:aws:iam::{STRANGER}:root")
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=written)
        asked = {"roleName": role, "policyDocument": written}
        return api_call(account, "iam", "UpdateAssumeRolePolicy", asked)

    return by_policy(
        f"role {role}",
        "for a Lambda function and the analysts",
        lambda: json.dumps(iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]),
        strike,
    )


LEAKED_KEY = Scenario(
    "leaked-access-key",
    "iam.leaked-key",
    "has left an access key in a public repository, where AWS found it",
    _leaked_key,
)
BACKDOOR = Scenario(
    "backdoored-role",
    "iam.trust-external",
    "slips a strange account in among those who may assume a role",
    _backdoor,
)
