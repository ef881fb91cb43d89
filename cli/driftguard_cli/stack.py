"""The deployed stack that the AWS environment points at: its outputs and its tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import typer

from driftguard.audit import AuditTable
from driftguard.aws import Aws, AwsError, SaltIn, Surroundings, told_apart
from driftguard.model import Autonomy
from driftguard.state import StateTable

from .trouble import Trouble

StackOption = Annotated[
    str, typer.Option("--stack", envvar="DRIFTGUARD_STACK", help="The stack's name.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed Driftguard."""

    name: str
    aws: Aws
    outputs: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def named(cls, name: str) -> Stack:
        """The stack of this name in the account and region that the AWS environment points at."""
        aws = Aws()
        if not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
            raise Trouble("No region is set. Set AWS_REGION to where Driftguard is deployed.")
        try:
            with told_apart("cloudformation", "DescribeStacks"):
                found = aws.client("cloudformation").describe_stacks(StackName=name)
        except AwsError as error:
            if error.code == "ValidationError":
                raise Trouble(
                    f"There is no stack `{name}` in this account and region. Deploy it with "
                    "`sam build && sam deploy`, or name yours with --stack."
                ) from error
            raise
        (one,) = found["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in one.get("Outputs", [])}
        given = {each["ParameterKey"]: each["ParameterValue"] for each in one.get("Parameters", [])}
        # As the guard is told it; but what it looks up is not kept: whoever asks changes nothing.
        surroundings = Surroundings(salt=_salt(name, outputs), advisories=_advisories(given) or "")
        return cls(name, Aws(surroundings=surroundings), outputs, given)

    def output(self, name: str) -> str:
        """One of the stack's outputs."""
        if name not in self.outputs:
            raise Trouble(f"The stack `{self.name}` has no output `{name}`: is it a Driftguard?")
        return self.outputs[name]

    @property
    def audit(self) -> AuditTable:
        """Every decision and its log."""
        return AuditTable(self.aws, self.output("AuditTable"))

    @property
    def region(self) -> str:
        """The region that the stack is in."""
        return str(self.aws.client("cloudformation").meta.region_name)

    @property
    def ceiling(self) -> Autonomy:
        """What caps every control of this stack."""
        return Autonomy.named(self.parameters.get("AutonomyCeiling", Autonomy.REVERT.label))

    @property
    def advisories(self) -> str | None:
        """Where it looks vulnerabilities up; "" for nowhere, None where the stack does not say."""
        return _advisories(self.parameters)

    @property
    def state(self) -> StateTable:
        """What people and the guard remember: exemptions, baselines, trust, the freeze."""
        return StateTable(self.aws, self.output("StateTable"))

    def caller(self) -> str:
        """The ARN under which this command runs."""
        with told_apart("sts", "GetCallerIdentity"):
            return str(self.aws.client("sts").get_caller_identity()["Arn"])


def _advisories(parameters: Mapping[str, str]) -> str | None:
    """The source of advisories as the template tells it to the guard."""
    if "AdvisoriesUrl" not in parameters:
        return None
    bucket = parameters.get("AdvisoriesBucket", "")
    if bucket:
        return f"s3://{bucket}/{parameters.get('AdvisoriesPrefix', '')}"
    return parameters["AdvisoriesUrl"]


def _salt(name: str, outputs: Mapping[str, str]) -> Callable[[Aws], bytes]:
    """The stack's own: the same secret has one fingerprint, whoever looks."""
    if "FingerprintSalt" in outputs:
        return SaltIn(outputs["FingerprintSalt"])

    def none(aws: Aws) -> bytes:
        raise Trouble(
            f"The stack `{name}` has no output `FingerprintSalt`, with which secrets are told "
            "apart: deploy this version first."
        )

    return none
