"""What secrets are fingerprinted with: kept apart, and asked for only when a secret was found."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.aws.calls import AwsError
from driftguard.aws.client import Aws, Surroundings
from driftguard.aws.secrets_manager import BadSecret, SaltIn
from driftguard.controls.mechanisms.exposed_secret import looked_at
from driftguard_cli.errors import Trouble
from driftguard_cli.stack import Stack
from tests.support.world import ACCOUNT, REGION

KEPT_IN = "driftguard-salt"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The operations that are asked for."""
    made: list[str] = []
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def noted(client: Any, operation: str, parameters: Any) -> Any:
        made.append(operation)
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    yield made


def kept(salt: str) -> None:
    boto3.client("secretsmanager").create_secret(Name=KEPT_IN, SecretString=salt)


def aws() -> Aws:
    """What a cold Lambda holds."""
    return Aws(surroundings=Surroundings(salt=SaltIn(KEPT_IN)))


def texts(value: str) -> list[tuple[str, str]]:
    return [("Environment.Variables.DB_PASSWORD", value)]


def made_up() -> str:
    return "".join(secrets.choice("bcdfghjkmnpqrstvwxz") for _ in range(20)) + "7!Q"


def test_it_is_read_once_and_only_when_a_secret_was_found(account: None, calls: list[str]) -> None:
    kept(secrets.token_hex(32))
    calls.clear()
    reader = aws().reader(ACCOUNT, REGION)

    assert looked_at([("Environment.Variables.LOG_LEVEL", "debug")], reader) == ((), "")
    assert calls == []
    for _ in range(3):
        found, _ = looked_at(texts(made_up()), reader)
        assert len(found) == 1
    assert calls == ["GetSecretValue"]


def test_one_secret_has_one_fingerprint_in_every_cold_start(account: None) -> None:
    kept(secrets.token_hex(32))
    value = made_up()
    marks = {looked_at(texts(value), aws().reader(ACCOUNT, REGION))[0] for _ in range(2)}
    assert len(marks) == 1


def test_another_salt_tells_nothing_of_it(account: None) -> None:
    value = made_up()
    marks = set()
    for _ in range(2):
        kept(secrets.token_hex(32))
        marks.add(looked_at(texts(value), aws().reader(ACCOUNT, REGION))[0])
        boto3.client("secretsmanager").delete_secret(
            SecretId=KEPT_IN, ForceDeleteWithoutRecovery=True
        )
    assert len(marks) == 2


def test_where_it_cannot_be_had_nothing_is_called_clean(account: None) -> None:
    reader, value = aws().reader(ACCOUNT, REGION), made_up()
    with pytest.raises(AwsError, match="GetSecretValue") as caught:
        looked_at(texts(value), reader)
    assert value not in str(caught.value)
    kept("short")
    with pytest.raises(BadSecret, match="too short"):
        looked_at(texts(value), reader)
    with pytest.raises(AwsError, match="nothing says"):
        looked_at(texts(value), Aws().reader(ACCOUNT, REGION))


def test_the_command_line_uses_the_stacks_own(account: None) -> None:
    kept(secrets.token_hex(32))
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"FingerprintSalt": {"Value": KEPT_IN}},
    }
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(StackName="driftguard", TemplateBody=json.dumps(template))
    del template["Outputs"]
    cloudformation.create_stack(StackName="older", TemplateBody=json.dumps(template))
    value = made_up()

    mine = Stack.named("driftguard").aws.reader(ACCOUNT, REGION)

    assert looked_at(texts(value), mine) == looked_at(texts(value), aws().reader(ACCOUNT, REGION))
    with pytest.raises(Trouble, match="deploy this version first"):
        looked_at(texts(value), Stack.named("older").aws.reader(ACCOUNT, REGION))
