"""`driftguard explain --live` holds deployed code against what the stack would ask, or says not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from driftguard_cli.main import app
from tests.support.advisories.stand_in import StandIn
from tests.support.deployments.functions import Function
from tests.support.deployments.packages import OLD_REQUESTS, package
from tests.support.records import record
from tests.support.world import REMEDIATOR, World

CONTROL = "lambda.insecure-library"
Stacked = Callable[..., None]


@pytest.fixture
def stacked() -> Stacked:
    """Deploys a stack in moto, with these parameters."""

    def deploy(**parameters: str) -> None:
        outputs = {
            "AuditTable": "audit",
            "StateTable": "state",
            "RemediatorRole": REMEDIATOR,
            "ReplyFunction": "driftguard-reply",
        }
        template = {
            "Parameters": {name: {"Type": "String"} for name in parameters},
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        boto3.client("cloudformation").create_stack(
            StackName="driftguard",
            TemplateBody=json.dumps(template),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
        )

    return deploy


@pytest.fixture
def event(reverting: World, tmp_path: Path) -> str:
    """The record of an alias that now leads to a version with an insecure library."""
    orders = Function()
    orders.create(package("old"))
    bad = orders.publish(package("new", OLD_REQUESTS))
    orders.lead("live", bad)
    request = {"functionName": "orders", "name": "live", "functionVersion": bad}
    path = tmp_path / "event.json"
    path.write_text(json.dumps(record("lambda.amazonaws.com", "UpdateAlias20150331", request)))
    return str(path)


def explained(event: str, *options: str) -> tuple[int, Any, str]:
    """The exit code, and what is said of the control: as a document, and all of it to people."""
    runner, given = CliRunner(), ["explain", event, "--live", *options]
    result = runner.invoke(app, [*given, "--json"])
    assert result.stdout, result.exception
    document = json.loads(result.stdout)
    (one,) = [each for each in document["controls"] if each["control"] == CONTROL]
    (candidate,) = one["candidates"]
    shown = runner.invoke(app, given, env={"COLUMNS": "200"}).stdout
    return result.exit_code, {**candidate, "advisories": document["advisories"]}, shown


def test_the_stacks_own_source_is_asked(event: str, stacked: Stacked, osv: StandIn) -> None:
    stacked(AdvisoriesUrl=osv.address, AdvisoriesBucket="", AdvisoriesPrefix="")
    exit_code, one, shown = explained(event)
    assert exit_code == 0
    assert one["seen"].endswith("orders:2 (live) runs requests 2.19.0 (CVE-2018-18074)")
    assert one["plan"]["steps"]
    assert one["advisories"] == osv.address
    assert f"Advisories  {osv.address}" in shown


def test_a_bucket_goes_before_an_address(event: str, stacked: Stacked, osv: StandIn) -> None:
    """As in the template: what says that nothing leaves the account is not overruled."""
    stacked(AdvisoriesUrl=osv.address, AdvisoriesBucket="copies", AdvisoriesPrefix="osv/")
    boto3.client("s3").create_bucket(Bucket="copies")
    _, one, _ = explained(event)
    assert one["advisories"] == "s3://copies/osv/"
    assert "could not be checked" in one["seen"]


def test_a_stack_without_a_source_is_said_to_have_none(event: str, stacked: Stacked) -> None:
    stacked(AdvisoriesUrl="", AdvisoriesBucket="", AdvisoriesPrefix="")
    exit_code, one, shown = explained(event)
    assert (exit_code, one["verdict"]) == (0, "The guard would do nothing.")
    assert one["seen"].startswith("not looked at: the stack has no source of advisories")
    assert "Advisories  none: only what Inspector and ECR have found counts" in shown


def test_where_the_source_is_not_known_nothing_is_called_clean(
    event: str, stacked: Stacked
) -> None:
    stacked()
    exit_code, one, shown = explained(event)
    assert exit_code == 1
    assert one["verdict"] == "It cannot be told."
    assert "name a source with --advisories" in one["trouble"]
    assert "Advisories  unknown: the stack does not say" in shown


def test_a_source_can_be_named(event: str, stacked: Stacked, osv: StandIn) -> None:
    stacked()
    exit_code, one, _ = explained(event, "--advisories", osv.address)
    assert exit_code == 0
    assert "requests 2.19.0" in one["seen"]


def test_looking_keeps_nothing_in_the_state_table(
    event: str, stacked: Stacked, osv: StandIn
) -> None:
    stacked(AdvisoriesUrl=osv.address)
    explained(event)
    assert boto3.client("dynamodb").scan(TableName="state")["Items"] == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--advisories", "https://api.osv.dev"], "--advisories is for --live"),
        (["--live", "--advisories", "api.osv.dev"], "neither an address nor s3://"),
    ],
)
def test_what_is_no_source_is_a_sentence(event: str, options: list[str], why: str) -> None:
    result = CliRunner().invoke(app, ["explain", event, *options])
    assert why in str(result.exception)
