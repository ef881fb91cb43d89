"""The deployed stack that the AWS environment points at: its outputs and its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import typer

from driftguard.audit import AuditTable
from driftguard.aws.calls import AwsError, told_apart
from driftguard.aws.client import Aws, Surroundings
from driftguard.aws.secrets_manager import SaltIn
from driftguard.model import Autonomy, Place
from driftguard.state.table import StateTable

from .aws_options import needed_region, profile_in_force
from .errors import Trouble
from .terminal import Console

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
    account: str = ""

    @classmethod
    def named(cls, name: str) -> Stack:
        """Return the stack of this name in the account and region of the AWS environment."""
        aws, region = Aws(), needed_region()
        try:
            with told_apart("cloudformation", "DescribeStacks"):
                found = aws.client("cloudformation").describe_stacks(StackName=name)
        except AwsError as error:
            if error.code == "ValidationError":
                raise Trouble(
                    f"There is no stack `{name}` in {region}, in the account of "
                    f"{_credentials()}. Deploy it with `sam build && sam deploy`, or name yours "
                    "with --stack, --region and --profile."
                ) from error
            raise
        (described,) = found["Stacks"]
        outputs = {
            output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])
        }
        given = {
            parameter["ParameterKey"]: parameter["ParameterValue"]
            for parameter in described.get("Parameters", [])
        }
        # As the guard gets them, but without its caches: a command that reads changes nothing.
        surroundings = Surroundings(salt=_salt(name, outputs), advisories=_advisories(given) or "")
        account = described["StackId"].split(":")[4]
        return cls(name, Aws(surroundings=surroundings), outputs, given, account)

    @classmethod
    def to_change(cls, name: str) -> Stack:
        """Return the stack of this name, and tell on stderr which one is about to be changed."""
        stack = cls.named(name)
        where = f"stack {name}, account {stack.account}, {stack.region}, with {_credentials()}"
        Console(stderr=True, highlight=False, soft_wrap=True).print(where, markup=False)
        return stack

    def output(self, name: str) -> str:
        """One of the stack's outputs."""
        if name not in self.outputs:
            raise Trouble(f"The stack `{self.name}` has no output `{name}`: is it Driftguard's?")
        return self.outputs[name]

    @property
    def audit(self) -> AuditTable:
        """The audit table: every decision and its log."""
        return AuditTable(self.aws, self.output("AuditTable"))

    @property
    def region(self) -> str:
        """The region that the stack is in."""
        return str(self.aws.client("cloudformation").meta.region_name)

    @property
    def ceiling(self) -> Autonomy:
        """The autonomy that no control of this stack exceeds."""
        return Autonomy.named(self.parameters.get("AutonomyCeiling", Autonomy.REVERT.label))

    @property
    def advisories(self) -> str | None:
        """Where the stack looks up vulnerabilities: "" for nowhere, None if it does not say."""
        return _advisories(self.parameters)

    @property
    def state(self) -> StateTable:
        """The state table: exemptions, baselines, trust, freezes and more."""
        return StateTable(self.aws, self.output("StateTable"), Place(self.account, self.region))

    def caller(self) -> str:
        """The ARN under which this command runs."""
        with told_apart("sts", "GetCallerIdentity"):
            return str(self.aws.client("sts").get_caller_identity()["Arn"])


def _credentials() -> str:
    """Whose credentials a command uses, as people name them."""
    profile = profile_in_force()
    return f"the profile `{profile}`" if profile else "the credentials of the environment"


def _advisories(parameters: Mapping[str, str]) -> str | None:
    """The source of advisories as the template tells it to the guard."""
    if "AdvisoriesUrl" not in parameters:
        return None
    bucket = parameters.get("AdvisoriesBucket", "")
    if bucket:
        return f"s3://{bucket}/{parameters.get('AdvisoriesPrefix', '')}"
    return parameters["AdvisoriesUrl"]


def _salt(name: str, outputs: Mapping[str, str]) -> Callable[[Aws], bytes]:
    """Return what reads the stack's salt, so that a secret has one fingerprint for everybody."""
    if "FingerprintSalt" in outputs:
        return SaltIn(outputs["FingerprintSalt"])

    def none(aws: Aws) -> bytes:
        raise Trouble(
            f"The stack `{name}` has no output `FingerprintSalt`, with which secrets are told "
            "apart: deploy this version first."
        )

    return none
