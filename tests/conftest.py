"""What the tests share: a fake account in moto, and a guard that guards it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
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
from botocore.validate import validate_parameters
from moto import mock_aws

from driftguard import policy
from driftguard.audit import AuditTable
from driftguard.aws import Aws, Surroundings
from driftguard.model import Autonomy, Change, Decision
from driftguard.pipeline import Guard
from driftguard.policy import source
from driftguard.state import StateTable
from tests.scenarios.model import Fake, Staged

ROOT = Path(__file__).parents[1]
ACCOUNT = "123456789012"
REGION = "us-east-1"
REMEDIATOR = f"arn:aws:iam::{ACCOUNT}:role/driftguard-remediator"


def pytest_configure() -> None:
    """No test ever speaks to a real account."""
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        # Wide enough that no line of a command's output is broken, however the tests are run.
        "COLUMNS": "200",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
    }
    boto3.client = _client_once


_new_client = boto3.client
_clients: dict[tuple[str, str], Any] = {}


def _client_once(service: str, *args: Any, **kwargs: Any) -> Any:
    """The tests' own clients, built once a process: building one costs more than most tests."""
    if args or kwargs:
        return _new_client(service, *args, **kwargs)
    key = (service, os.environ.get("AWS_ENDPOINT_URL", ""))
    if key not in _clients:
        _clients[key] = _new_client(service)
    return _clients[key]


@cache
def warm_aws() -> Aws:
    """The guard's clients, as a Lambda that has been warm since the first test holds them."""
    return Aws(REMEDIATOR, Surroundings(salt=lambda _: b"a salt for tests only"))


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


def shipped_policy() -> policy.Policy:
    """The policy that this project ships."""
    return policy.from_compiled(source.read(ROOT / "policies" / "guard.yaml"))


class _Template(yaml.SafeLoader):
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


def make_tables() -> None:
    """The two tables, as the template makes them."""
    for name, properties in table_properties().items():
        boto3.client("dynamodb").create_table(TableName=name, **properties)


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

    def with_policy(self, change: Callable[[policy.Policy], policy.Policy]) -> Guard:
        return replace(self.guard, policy=change(self.guard.policy))

    def handle(self, change: Change, guard: Guard | None = None) -> list[Decision]:
        return list((guard or self.guard).handle(change))

    def one(self, change: Change, guard: Guard | None = None) -> Decision:
        (decision,) = self.handle(change, guard)
        return decision

    def log(self, decision: Decision) -> list[str]:
        return [entry.event for entry in self.audit.log(decision.id)]


@pytest.fixture
def account() -> Iterator[None]:
    """A new, empty account in moto."""
    with mock_aws():
        yield


@pytest.fixture
def world(account: None) -> World:
    """A guarded account with the shipped policy."""
    make_tables()
    return World(new_guard(clock := Clock(), warm_aws()), clock)


@dataclass
class Fakes:
    """Operations that no emulator has, answered by a scenario's fakes.

    Both directions are validated against the service's model, so that a parameter or a member that
    the service does not know fails the test.
    """

    monkeypatch: pytest.MonkeyPatch

    def surround(self, guard: Guard, staged: Staged) -> None:
        """Tells the guard what a scenario's stack would have told it."""
        told = replace(guard.aws.surroundings, advisories=staged.advisories)
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
            answer = fake(parameters)
            if code := answer.get("Error", {}).get("Code"):
                raise ClientError({"Error": {"Code": code, "Message": "a fake's"}}, operation)
            if model.output_shape:
                validate_parameters(answer, model.output_shape)
            return answer

        self.monkeypatch.setattr(BaseClient, "_make_api_call", answered)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    """Installs a scenario's fakes for the length of a test."""
    return Fakes(monkeypatch)


def new_guard(clock: Clock, aws: Aws | None = None) -> Guard:
    """A guard with clients of its own, as a cold Lambda has it, unless it is given some."""
    aws = aws or Aws(REMEDIATOR)
    return Guard(
        aws=aws,
        audit=AuditTable(aws, "audit"),
        state=StateTable(aws, "state"),
        policy=shipped_policy(),
        ceiling=Autonomy.REVERT,
        account=ACCOUNT,
        remediator_role_arn=REMEDIATOR,
        now=clock.now,
        sleep=clock.sleep,
    )
