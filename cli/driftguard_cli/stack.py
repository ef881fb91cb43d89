"""The deployed stack that the AWS environment points at: its outputs and its tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import typer

from driftguard.audit import AuditTable
from driftguard.aws import Aws, AwsError, Surroundings, told_apart
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
        return cls(
            name,
            # As the template has it: the same secret has one fingerprint, whoever looks.
            Aws(surroundings=Surroundings(salt=one["StackId"].encode())),
            {each["OutputKey"]: each["OutputValue"] for each in one.get("Outputs", [])},
            {each["ParameterKey"]: each["ParameterValue"] for each in one.get("Parameters", [])},
        )

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
    def state(self) -> StateTable:
        """What people and the guard remember: exemptions, baselines, trust, the freeze."""
        return StateTable(self.aws, self.output("StateTable"))

    def caller(self) -> str:
        """The ARN under which this command runs."""
        with told_apart("sts", "GetCallerIdentity"):
            return str(self.aws.client("sts").get_caller_identity()["Arn"])
