"""A fake account in moto, and a guard that guards it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.model import OperationModel
from botocore.validate import validate_parameters
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from driftguard.audit import AuditTable
from driftguard.aws.client import Aws, Surroundings
from driftguard.engine.guard import Guard
from driftguard.model import Autonomy, Change, Decision, Place
from driftguard.policy import compiled, model
from driftguard.state.table import StateTable
from driftguard_cli.policy_file import loader
from tests.scenarios.model import Fake, Staged

ROOT = Path(__file__).parents[2]


ACCOUNT = "123456789012"


REGION = "us-east-1"


# Where the guard stands.
HERE = Place(ACCOUNT, REGION)


REMEDIATOR = f"arn:aws:iam::{ACCOUNT}:role/driftguard-remediator"
GRANTING = f"arn:aws:iam::{ACCOUNT}:role/driftguard-granting"
CONTAINMENT = f"arn:aws:iam::{ACCOUNT}:role/driftguard-containment"


@cache
def warm_aws() -> Aws:
    """The guard's clients, as a Lambda that has been warm since the first test holds them."""
    own = (REMEDIATOR, GRANTING, CONTAINMENT)
    surroundings = Surroundings(salt=lambda _: b"a salt for tests only", own_roles=own)
    return Aws(
        REMEDIATOR, surroundings, granting_role_arn=GRANTING, containment_role_arn=CONTAINMENT
    )


@dataclass
class Clock:
    """A clock that tests move."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    slept: float = 0.0

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.pass_by(seconds=seconds)

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


@cache
def shipped_policy() -> model.Policy:
    """The policy that this project ships."""
    return compiled.from_compiled(loader.read(ROOT / "policies" / "guard.yaml"))


class _Template(yaml.CSafeLoader):
    """Reads CloudFormation's short forms as null: the tables have none."""


_Template.add_multi_constructor("!", lambda *_: None)


@cache
def table_properties() -> dict[str, dict[str, Any]]:
    """The template's tables: name → what CreateTable is told."""
    resources = yaml.load((ROOT / "template.yaml").read_text(), _Template)["Resources"]
    told = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    return {
        name: {
            key: resources[id_]["Properties"][key]
            for key in told
            if key in resources[id_]["Properties"]
        }
        for name, id_ in (("audit", "AuditTable"), ("state", "StateTable"))
    }


# The tables as moto makes them, empty: a copy costs a twentieth of a call that makes one.
_empty: dict[str, Table] = {}


def make_tables() -> None:
    """The two tables, as the template makes them, in moto's account of this process."""
    tables = dynamodb_backends[ACCOUNT][REGION].tables
    for name, properties in table_properties().items():
        if name not in _empty:
            boto3.client("dynamodb").create_table(TableName=name, **properties)
            _empty[name] = deepcopy(tables[name])
        tables[name] = deepcopy(_empty[name])


@dataclass
class World:
    """A guarded account in moto with a guard in it."""

    guard: Guard
    clock: Clock

    @property
    def audit(self) -> AuditTable:
        return self.guard.audit

    @property
    def state(self) -> StateTable:
        return self.guard.state

    def with_policy(self, change: Callable[[model.Policy], model.Policy]) -> Guard:
        return replace(self.guard, policy=change(self.guard.policy))

    def ask_at_once(self) -> None:
        """Has people asked about preparations like about anything else."""
        self.guard = self.with_policy(
            lambda policy: replace(policy, bounds=policy.bounds._replace(preparations=None))
        )

    def handle(self, change: Change, guard: Guard | None = None) -> list[Decision]:
        return list((guard or self.guard).handle(change))

    def one(self, change: Change, guard: Guard | None = None) -> Decision:
        (decision,) = self.handle(change, guard)
        return decision

    def log(self, decision: Decision) -> list[str]:
        return [entry.event for entry in self.audit.log(decision.id)]


def not_found(operation: OperationModel) -> str:
    """The error code by which a service says that what a call is about is not there.

    Raises `AssertionError` where its model names none.
    """
    codes = [shape.error_code or shape.name for shape in operation.error_shapes]
    says = ("NotFound", "NoSuch", "UnknownResource")
    absent = [code for code in codes if any(word in code for word in says)]
    assert absent, f"{operation.name} has no error for what is not there: {codes}"
    return absent[0]


@dataclass
class Fakes:
    """Operations that no emulator has, answered by a scenario's fakes.

    Both directions are validated against the service's model, so that a parameter or a member that
    the service does not know fails the test. A fake that raises `KeyError` says what the service
    says of what is not there.
    """

    monkeypatch: pytest.MonkeyPatch

    def surround(self, guard: Guard, staged: Staged) -> None:
        """Tells the guard what a scenario's stack would have told it."""
        told = replace(
            guard.aws.surroundings,
            advisories=staged.advisories,
            conduct=lambda _aws, _record: staged.conduct,
        )
        self.monkeypatch.setattr(guard.aws, "surroundings", told)

    def install(self, fakes: Mapping[tuple[str, str], Fake]) -> None:
        original = BaseClient._make_api_call

        def answered(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            fake = fakes.get((client.meta.service_model.service_name, operation))
            if fake is None:
                return original(client, operation, parameters)
            model = client.meta.service_model.operation_model(operation)
            if model.input_shape:
                validate_parameters(parameters, model.input_shape)
            try:
                answer = fake(parameters)
            except KeyError:
                # A fake keeps its things by name: what this call is about is gone by now.
                answer = {"Error": {"Code": not_found(model)}}
            if code := answer.get("Error", {}).get("Code"):
                raise ClientError({"Error": {"Code": code, "Message": "a fake's"}}, operation)
            if model.output_shape:
                validate_parameters(answer, model.output_shape)
            return answer

        self.monkeypatch.setattr(BaseClient, "_make_api_call", answered)


def new_guard(clock: Clock, aws: Aws | None = None) -> Guard:
    """A guard with clients of its own, as a cold Lambda has it, unless it is given some."""
    aws = aws or Aws(REMEDIATOR, granting_role_arn=GRANTING, containment_role_arn=CONTAINMENT)
    return Guard(
        aws=aws,
        audit=AuditTable(aws, "audit"),
        state=StateTable(aws, "state", HERE),
        policy=shipped_policy(),
        ceiling=Autonomy.REVERT,
        account=ACCOUNT,
        remediator_role_arn=REMEDIATOR,
        granting_role_arn=GRANTING,
        containment_role_arn=CONTAINMENT,
        now=clock.now,
        sleep=clock.sleep,
    )
