"""`driftguard console`: what it prints, serves and says where it cannot start."""

from __future__ import annotations

import re
import socket
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, build_opener

import boto3
import pytest
from typer.testing import CliRunner

from driftguard_cli.commands.console import server
from driftguard_cli.errors import Trouble
from driftguard_cli.main import app
from tests.support.console import running
from tests.support.doors import Door
from tests.support.world import World


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, int]]:
    """What the command serves, and on which port."""
    found: list[tuple[Any, int]] = []
    monkeypatch.setattr(
        server, "serve", lambda made, taken: found.append((made, taken.getsockname()[1]))
    )
    return found


def test_it_prints_an_address_that_lets_one_in_and_says_what_it_is_about(
    door: Door, served: list[tuple[Any, int]]
) -> None:
    boto3.client("iam").create_account_alias(AccountAlias="the-shop")
    result = CliRunner().invoke(app, ["console", "--no-open"])
    assert result.exit_code == 0, result.output
    ((application, port),) = served
    (address,) = re.findall(r"http://127\.0\.0\.1:\d+/\S+", result.stdout)
    assert f"127.0.0.1:{port}/" in address
    assert "stack driftguard, account 123456789012, us-east-1" in result.stderr
    client = build_opener(HTTPCookieProcessor())
    with server.listening(port) as taken, running(application, taken):
        assert client.open(address).status == 200
        with pytest.raises(HTTPError, match="403"):
            client.open(address)
        page = client.open(address.partition("enter")[0]).read().decode()
    assert "Waiting for people" in page
    assert "123456789012 (the-shop)" in page


@pytest.mark.usefixtures("door", "served")
def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = CliRunner().invoke(app, ["console", "--no-open", "--port", str(port)])
    assert isinstance(result.exception, Trouble)
    assert f"Port {port} of 127.0.0.1 cannot be used" in str(result.exception)


def test_without_a_stack_it_says_how_to_deploy_one(
    world: World, served: list[tuple[Any, int]]
) -> None:
    result = CliRunner().invoke(app, ["console", "--no-open"])
    assert "There is no stack `driftguard` in us-east-1" in str(result.exception)
    assert served == []
