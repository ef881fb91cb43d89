"""Judges the calls that a lab's functions have made, from what the lab wrote down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from moto.ec2.models import ec2_backends

from tests.support.iam.evaluator import Statement
from tests.support.iam.judge import OF_PLANS, Judge
from tests.support.iam.template import Stack
from tests.support.world import ACCOUNT, REGION


def judged(calls: Path, physical: Mapping[str, str], parameters: Mapping[str, str]) -> Judge:
    """A judge who has heard every call.

    `physical` are the stack's resources by logical id; `parameters` those it was deployed with.
    """
    given = dict(parameters)
    if secret := given.get("SlackSecretArn"):
        # A lab's is a name, where AWS's is an ARN.
        given["SlackSecretArn"] = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{secret}"
    stack = Stack(parameters=given, names=physical)
    judge = Judge(stack)
    roles = {stack.physical(name): stack.role_of(name) for name in stack.functions}
    # The emulator also deploys what a condition leaves out on AWS.
    left_out = {
        name
        for logical, name in physical.items()
        if logical.endswith("Function") and logical not in stack.functions
    }
    # Process and role → the policy of the plan's session that was opened last.
    sessions: dict[tuple[int, str], list[Statement]] = {}
    for one in _lines(calls):
        if "made" in one:
            # What the judge looks up of a security group.
            tags = {tag["Key"]: tag["Value"] for given in one["tags"] for tag in given}
            ec2_backends[ACCOUNT][REGION].tags[one["made"]] = tags
            continue
        process, service, operation = one["process"], one["service"], one["operation"]
        if one["function"] in left_out:
            continue
        role = OF_PLANS.get(one["acting"]) or roles[one["function"]]
        session = sessions[process, stack.physical(role)] if one["acting"] else None
        judge.judged(role, service, operation, one["parameters"], session)
        if (service, operation) == ("sts", "AssumeRole"):
            assumed = one["parameters"]["RoleArn"].rpartition("/")[2]
            sessions[process, assumed] = json.loads(one["parameters"]["Policy"])["Statement"]
    return judge


def _lines(calls: Path) -> Iterator[dict[str, Any]]:
    for line in calls.read_text().splitlines():
        yield json.loads(line)
