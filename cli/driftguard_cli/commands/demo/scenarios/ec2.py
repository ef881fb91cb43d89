"""EC2: a security group."""

from __future__ import annotations

from ..account import Account
from ..events import Event, api_call
from .model import Scenario, Staged

_RISKY = ("22 from 0.0.0.0/0", "22 from ::/0")


def _open_group(account: Account) -> Staged:
    ec2 = account.client("ec2")
    [network] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    group: str = ec2.create_security_group(
        GroupName="web", Description="The shop's web servers", VpcId=network["VpcId"]
    )["GroupId"]

    def allow(port: int, **ranges: object) -> list[dict[str, str]]:
        given = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **ranges}
        made: list[dict[str, str]] = ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[given]
        )["SecurityGroupRules"]
        return made

    def rules(*, risky: bool) -> dict[str, str]:
        """The ingress rules, by id."""
        pages = ec2.get_paginator("describe_security_group_rules").paginate(
            Filters=[{"Name": "group-id", "Values": [group]}]
        )
        every = {
            rule["SecurityGroupRuleId"]: f"{rule['FromPort']} from "
            f"{rule.get('CidrIpv4') or rule.get('CidrIpv6')} ({rule.get('Description', '')})"
            for page in pages
            for rule in page["SecurityGroupRules"]
            if not rule["IsEgress"]
        }
        return {name: rule for name, rule in every.items() if rule.startswith(_RISKY) == risky}

    def strike() -> Event:
        made = allow(
            22,
            IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "temporary"}],
            Ipv6Ranges=[{"CidrIpv6": "::/0", "Description": "temporary"}],
        )
        ports = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22}
        asked = {
            **ports,
            "groups": {},
            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0", "description": "temporary"}]},
            "ipv6Ranges": {"items": [{"cidrIpv6": "::/0", "description": "temporary"}]},
            "prefixListIds": {},
        }
        answered = [
            {
                "groupOwnerId": account.id,
                "groupId": group,
                "securityGroupRuleId": rule["SecurityGroupRuleId"],
                "isEgress": False,
                **ports,
                **{key[0].lower() + key[1:]: rule[key] for key in rule if key.startswith("Cidr")},
            }
            for rule in made
        ]
        return api_call(
            account,
            "ec2",
            "AuthorizeSecurityGroupIngress",
            {"groupId": group, "ipPermissions": {"items": [asked]}},
            {"_return": True, "securityGroupRuleSet": {"items": answered}},
        )

    allow(443, IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "customers"}])
    allow(22, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "operators, by VPN"}])
    return Staged(
        f"security group {group} (web)",
        "443 for everybody, SSH from 10.0.0.0/8 only",
        strike,
        lambda: rules(risky=True),
        lambda: rules(risky=False),
    )


OPEN_GROUP = Scenario(
    "open-security-group",
    "ec2.open-ingress",
    "opens SSH on the web servers to the whole internet, over IPv4 and IPv6",
    _open_group,
)
