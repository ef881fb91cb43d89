"""Random policies over all operators and kinds of key, the same for the same seed."""

from random import Random
from typing import Any

from .requests import BOOLEANS, FRIEND, MULTIVALUED, NUMBERS, OTHER, OWN

ROLE = f"arn:aws:iam::{OTHER}:role/x"
PRINCIPALS = [OWN, OTHER, FRIEND, f"arn:aws:iam::{OTHER}:root", ROLE]
ACTIONS = ["*", "sqs:*", "sqs:Get*", "sqs:GetOne", "sqs:Put?", "sqs:PutA", "sqs:*One"]
RESOURCES = ["*", "arn:r", "arn:r/*", "arn:r/a/*", "arn:r/a/b", "arn:r/?", "arn:r/*/b"]
VALUES: dict[str, list[str]] = {
    "aws:PrincipalAccount": [
        OWN,
        OTHER,
        FRIEND,
        "9999*",
        "1111*",
        "*",
        "????????????",
        "anonymous",
    ],
    "aws:PrincipalArn": [
        f"arn:aws:iam::{OWN}:role/*",
        f"arn:aws:iam::{OWN}:*",
        ROLE,
        f"arn:aws:iam::{OTHER}:role/?",
        "arn:aws:iam::*:role/x",
        f"arn:*:iam::{OWN}:role/*",
    ],
    "aws:PrincipalOrgID": ["o-ours12345", "o-more12345", "o-*"],
    "aws:PrincipalOrgPaths": [
        "o-ours12345/r-a/ou-1/",
        "o-ours12345/r-a/*",
        "o-ours12345/*",
        "o-*/r-a/*",
    ],
    "aws:PrincipalTag/team": ["blue", "Blue", "bl*", "*ue", "b?ue", "red"],
    "aws:SourceAccount": [OWN, OTHER, "*"],
    "aws:VpceAccount": [OWN, OTHER, "*"],
    "aws:SourceArn": [
        f"arn:aws:sns:us-east-1:{OWN}:t",
        f"arn:aws:sns:us-east-1:{OWN}:*",
        f"arn:aws:sns:us-east-1:{OTHER}:t",
        "arn:aws:sns:us-east-1:*:t",
        f"arn:aws:*:*:{OWN}:*",
    ],
    "aws:SourceVpc": ["vpc-1a2b3c4d", "vpc-5e6f7a8b", "vpc-*"],
    "aws:SourceVpce": ["vpce-1a2b3c4d", "vpce-*"],
    "aws:ResourceAccount": [OWN, OTHER],
    "aws:TagKeys": ["cost", "owner", "c*", "*t", "o?ner"],
    "aws:CalledVia": ["athena.amazonaws.com", "cloudformation.amazonaws.com", "*.amazonaws.com"],
    "aws:SecureTransport": ["true", "false"],
    "aws:PrincipalIsAWSService": ["true", "false"],
    "aws:ViaAWSService": ["true", "false"],
    "s3:max-keys": ["1", "5", "007", "10"],
    "aws:CurrentTime": ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "2040-01-01T00:00:00Z"],
}
# Keys whose values anybody chooses.
FREE = ("aws:PrincipalTag/team", "aws:TagKeys", "aws:CalledVia")
KEYS = [*VALUES, "aws:SourceIp"]
ADDRESSES = ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "52.0.0.0/8", "203.0.113.0/24"]
TEXTS = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
]
ARNS = [*TEXTS[4:], "ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals", "StringEquals"]
RELATIONS = [
    "Equals",
    "NotEquals",
    "LessThan",
    "LessThanEquals",
    "GreaterThan",
    "GreaterThanEquals",
]


def policy_of(seed: int) -> dict[str, Any]:
    """One random policy: an Allow or two, and up to three Denies."""
    random = Random(seed)
    # Only a service that AWS runs has a source: none of the principals that an Allow names.
    sources = random.random() < 0.5
    keys = [key for key in KEYS if sources or key not in ("aws:SourceAccount", "aws:SourceArn")]
    allows = [_statement(random, "Allow", keys, sources) for _ in range(random.choice([1, 1, 2]))]
    denies = [
        _statement(random, "Deny", keys, sources) for _ in range(random.choice([0, 1, 1, 2, 3]))
    ]
    return {"Version": "2012-10-17", "Statement": [*allows, *denies]}


def _statement(
    random: Random, effect: str, keys: list[str], everyone: bool = False
) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": effect}
    named: Any = "*" if everyone or random.random() < 0.5 else {"AWS": _some(random, PRINCIPALS)}
    turned = effect == "Deny" and not everyone and random.random() < 0.15
    if turned:
        named = {"AWS": _some(random, PRINCIPALS)}
    made["NotPrincipal" if turned else "Principal"] = named
    for element, values in (("Action", ACTIONS), ("Resource", RESOURCES)):
        name = f"Not{element}" if random.random() < 0.12 else element
        made[name] = ["*"] if random.random() < 0.5 and name == element else _some(random, values)
    condition: dict[str, dict[str, Any]] = {}
    for _ in range(random.choice([0, 1, 1, 2, 3])):
        operator, key, values = _test(random, keys)
        condition.setdefault(operator, {})[key] = values
    if condition:
        made["Condition"] = condition
    return made


def _some(random: Random, values: list[str]) -> list[str]:
    return random.sample(values, min(len(values), random.choice([1, 1, 2])))


def _test(random: Random, keys: list[str]) -> tuple[str, str, Any]:
    key = random.choice(keys)
    if random.random() < 0.1:
        return "Null", key, random.choice(["true", "false"])
    if key == "aws:SourceIp":
        operator = random.choice(["IpAddress", "NotIpAddress"])
        return _qualified(random, operator, key), key, _some(random, ADDRESSES)
    operators = TEXTS
    if key.lower() in NUMBERS:
        kind = "Date" if key == "aws:CurrentTime" else "Numeric"
        operators = [f"{kind}{relation}" for relation in RELATIONS]
    elif key.lower() in BOOLEANS:
        operators = ["Bool", "StringEquals", "StringNotEquals"]
    elif key.lower().endswith("arn"):
        operators = ARNS
    operator = random.choice(operators)
    values = VALUES[key]
    if operator.startswith("String") and "Equal" in operator and key not in FREE:
        # A star is a letter here, which no account, network or organization has in its name.
        values = [value for value in values if not set("*?") & set(value)]
    return _qualified(random, operator, key), key, _some(random, values)


def _qualified(random: Random, operator: str, key: str) -> str:
    several = key.lower() in MULTIVALUED
    if several or random.random() < 0.15:
        operator = random.choice(["ForAnyValue:", "ForAllValues:"]) + operator
    return operator + ("IfExists" if random.random() < 0.2 else "")
