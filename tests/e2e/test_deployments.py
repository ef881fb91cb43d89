"""Functions that are deployed with an insecure library run their old code again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.labs import running
from tests.e2e.world import World, eventually
from tests.support.advisories import stand_in
from tests.support.advisories.stand_in import StandIn
from tests.support.deployments.packages import (
    ADVISORIES,
    OLD_LODASH,
    OLD_LOG4J,
    OLD_REQUESTS,
    package,
)
from tests.support.inventory.making_zips import Content

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def osv() -> Iterator[StandIn]:
    found = StandIn()
    found.add(*ADVISORIES)
    with stand_in.running(found):
        yield found


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, osv: StandIn) -> Iterator[World]:
    """A lab that rolls deployments back, and asks the stand-in what is insecure."""
    policy = str(Path(__file__).with_name("deployments.yaml"))
    told = ("--policy", policy, "--parameter", f"AdvisoriesUrl={osv.address}")
    with running(tmp_path_factory.mktemp("deployments"), *told) as world:
        yield world


@dataclass(frozen=True)
class Function:
    """A function in the lab, with an alias `live`."""

    world: World
    name: str

    def deploy(self, code: bytes) -> str:
        """Puts code into `$LATEST` and publishes it; the version."""
        client, settled = self.world.lambdas, self._is_settled
        client.update_function_code(FunctionName=self.name, ZipFile=code)
        eventually(settled, f"{self.name} updated", also=self.world.log_tail)
        return str(client.publish_version(FunctionName=self.name)["Version"])

    def lead(self, version: str) -> None:
        """Has `live` lead to a version."""
        self.world.lambdas.update_alias(
            FunctionName=self.name, Name="live", FunctionVersion=version
        )

    def tell(self, version: str) -> None:
        """Has CloudTrail tell that `live` was led to a version."""
        asked = {"functionName": self.name, "name": "live", "functionVersion": version}
        self.world.api_call("lambda", "UpdateAlias20150331", asked)

    def leads_to(self) -> str:
        found = self.world.lambdas.get_alias(FunctionName=self.name, Name="live")
        return str(found["FunctionVersion"])

    def answers(self, qualifier: str = "live") -> str:
        """What it returns when somebody calls."""
        answer = self.world.lambdas.invoke(FunctionName=self.name, Qualifier=qualifier)
        return str(json.loads(answer["Payload"].read())["answer"])

    def _is_settled(self) -> bool:
        found = self.world.lambdas.get_function_configuration(FunctionName=self.name)
        return str(found["LastUpdateStatus"]) == "Successful"


@pytest.fixture
def orders(lab: World) -> Function:
    """A function whose version 1 is clean and returns "old"; `live` leads to it."""
    found = Function(lab, f"orders-{uuid4()}")
    lab.lambdas.create_function(
        FunctionName=found.name,
        Runtime="python3.12",
        Role=f"arn:aws:iam::{lab.account}:role/orders",
        Handler="app.handler",
        Code={"ZipFile": package("old")},
    )
    version = lab.lambdas.publish_version(FunctionName=found.name)["Version"]
    lab.lambdas.create_alias(FunctionName=found.name, Name="live", FunctionVersion=version)
    return found


@pytest.mark.parametrize(
    ("library", "named"),
    [
        (OLD_REQUESTS, "requests 2.19.0"),
        (OLD_LODASH, "lodash 4.17.15"),
        (OLD_LOG4J, "org.apache.logging.log4j:log4j-core 2.14.1"),
    ],
    ids=["a wheel", "a node module", "a jar in a jar"],
)
def test_calls_run_the_old_code_again_and_an_undo_brings_the_new(
    lab: World, orders: Function, library: dict[str, Content], named: str
) -> None:
    bad = orders.deploy(package("new", library))
    orders.lead(bad)
    orders.tell(bad)

    decision = lab.decision(orders.name, "reverted", "lambda.insecure-library")

    assert f"{orders.name}:{bad} (live)" in decision["summary"]
    assert named in decision["summary"]
    assert orders.leads_to() == "1"
    assert (orders.answers(), orders.answers("$LATEST")) == ("old", "old")
    lab.driftguard("undo", decision["pk"], "--yes", "--reason", "the vendor needs it until Friday")
    lab.decision(orders.name, "undone", "lambda.insecure-library")
    assert orders.leads_to() == bad
    assert (orders.answers(), orders.answers("$LATEST")) == ("new", "new")
    assert lab.log(decision["pk"])[-1] == "undone"


def test_calls_run_the_newest_code_that_is_clean(lab: World, orders: Function) -> None:
    fine = orders.deploy(package("newer"))
    bad = orders.deploy(package("bad", OLD_REQUESTS))
    orders.lead(bad)
    orders.tell(bad)

    lab.decision(orders.name, "reverted", "lambda.insecure-library")

    assert orders.leads_to() == fine
    assert (orders.answers(), orders.answers("$LATEST")) == ("newer", "newer")
