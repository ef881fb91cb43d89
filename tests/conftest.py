"""What the tests share: a fake account in moto, and a guard that guards it."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
import time_machine
from botocore.loaders import Loader
from hypothesis import settings
from moto import mock_aws

from tests.support import each, mended_moto, quick_moto
from tests.support.world import REGION, ROOT, Clock, Fakes, World, make_tables, new_guard, warm_aws

# How many examples a property test tries (tests/support/properties.py says how many times that).
# `--hypothesis-profile` chooses; else it is `ci` where the environment says CI, and there the
# examples are the same ones every time.
settings.register_profile("default", max_examples=30, deadline=None)
settings.register_profile("ci", settings.get_profile("ci"), max_examples=30)
settings.register_profile("long", max_examples=1_000, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--case", default="", help="of a table, only the cases with this in their id")
    parser.addoption(
        "--days-later", type=float, default=0, help="run so many days after the tests were read"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Prepares the process; with --case, tables try those cases only."""
    each.only(config.getoption("--case"))
    prepare()


def prepare() -> None:
    """Makes this process one that never speaks to a real account, and is quick with a fake one."""
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        # Wide enough that no line of a command's output is broken, however the tests are run.
        "COLUMNS": "200",
        "AWS_EC2_METADATA_DISABLED": "true",
        # Else each fake account is filled with six hundred images, twice: a fifth of a second.
        "MOTO_AMIS_PATH": str(ROOT / "tests/support/images.json"),
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
    }
    boto3.client = _client_once
    Loader.__init__ = _loader_once  # type: ignore[method-assign]
    quick_moto.install()
    mended_moto.install()


_new_loader = Loader.__init__
_models: dict[tuple[str, ...], dict[object, object]] = {}


def _loader_once(self: Loader, *args: Any, **kwargs: Any) -> None:
    """A service's model is read once a process from each SDK: that is most of a cold client."""
    _new_loader(self, *args, **kwargs)
    self._cache = _models.setdefault(tuple(self.search_paths), {})


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


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    """Installs a scenario's fakes for the length of a test."""
    return Fakes(monkeypatch)


def pytest_collection_finish(session: pytest.Session) -> None:
    """With --days-later, the clock then moves on: what took the day while its file was read."""
    keep_what_is_loaded()
    if later := session.config.getoption("--days-later"):
        time_machine.travel(timedelta(days=later)).start()


def keep_what_is_loaded() -> None:
    """Leaves what is loaded by now out of garbage collections: all of moto and the SDK's models.

    They stay for good, and looking through them again and again took a quarter of the tests' time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
