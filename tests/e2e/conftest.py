"""The labs of the end-to-end tests: the real template, really deployed, on free ports.

One does what the shipped policy says; in the other people are asked, also in Slack, by a stand-in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.labs import running
from tests.e2e.world import World
from tests.support import slack_stand_in
from tests.support.slack_stand_in import SlackStandIn


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("lab")) as world:
        yield world


@pytest.fixture(scope="session")
def slack() -> Iterator[SlackStandIn]:
    with slack_stand_in.running() as slack:
        yield slack


@pytest.fixture(scope="session")
def asking(tmp_path_factory: pytest.TempPathFactory, slack: SlackStandIn) -> Iterator[World]:
    """A lab whose policy asks people: tests/e2e/asking.yaml."""
    given = ("--policy", str(Path(__file__).with_name("asking.yaml")))
    given += ("--parameter", "SlackSecretArn=slack-app")
    folder = tmp_path_factory.mktemp("asking")
    with running(folder, *given, SLACK_API_URL=f"{slack.url}/api") as world:
        secret = {
            "bot_token": slack_stand_in.TOKEN,
            "signing_secret": slack_stand_in.SIGNING_SECRET,
        }
        world.secrets.create_secret(Name="slack-app", SecretString=json.dumps(secret))
        yield world
