"""Names parameters that a plan does not hold: large or secret values stay where they are kept.

A plan is recorded and shown; a function's code is too large for that, and a parameter's value may
be a secret. So a parameter may be `{"$held": {...}}`. `resolver` fetches its value when the call is
made, under the plan's own session, and checks that it is the one that was meant.

What is not known before the call is made is named too: the token of a web ACL's last change, the id
of a security group that an earlier step makes.

Sources: AWS Lambda API Reference, "FunctionConfiguration" (`CodeSha256`); AWS Systems Manager API
Reference, "GetParameterHistory"; AWS WAF API Reference, "UpdateWebACL" (`LockToken`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from driftguard.documents import Document, Json, mapping, text

HELD = "$held"


def function_code(function: str, arn: str, sha256: str) -> Document:
    """The deployment package of the version of a function whose `CodeSha256` this is."""
    return {HELD: {"kind": "function-code", "function": function, "arn": arn, "sha256": sha256}}


def parameter_value(name: str, arn: str, version: int) -> Document:
    """The value that a parameter had in a version of it."""
    return {HELD: {"kind": "parameter-value", "name": name, "arn": arn, "version": version}}


def lock_token(arn: str) -> Document:
    """The token that the next change of a web ACL needs: every change gives it another."""
    return {HELD: {"kind": "lock-token", "arn": arn}}


def group_id(name: str, vpc: str) -> Document:
    """The id of the security group of this name in a VPC, where a name is given once."""
    return {HELD: {"kind": "security-group", "name": name, "vpc": vpc, "arn": "*"}}


def grants_in(value: Json) -> Iterator[tuple[str, str]]:
    """The IAM actions, each with its ARN, that are needed to fetch what a value names."""
    for reference in wanted(value):
        arn = text(reference, "arn")
        if reference["kind"] == "function-code":
            yield "lambda:ListVersionsByFunction", arn
            # Of one version; whether IAM asks about that, or about the function, is not written.
            yield "lambda:GetFunction", arn
            yield "lambda:GetFunction", f"{arn}:*"
        elif reference["kind"] == "lock-token":
            yield "wafv2:GetWebACL", arn
        elif reference["kind"] == "security-group":
            yield "ec2:DescribeSecurityGroups", arn
        else:
            yield "ssm:GetParameterHistory", arn


def wanted(value: Json) -> Iterator[Document]:
    """The references in a call's parameters, wherever they stand."""
    if isinstance(value, Mapping):
        if HELD in value:
            yield mapping(value, HELD)
        else:
            for inner in value.values():
                yield from wanted(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from wanted(inner)
