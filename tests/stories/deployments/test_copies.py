"""A copy of OSV's database in a bucket says what is insecure."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from driftguard.analysis.vulnerabilities import provider
from driftguard.model import Status
from tests.support.deployments.deploying import By
from tests.support.deployments.functions import Function
from tests.support.deployments.packages import ADVISORIES, OLD_REQUESTS, package
from tests.support.inventory.making_zips import Content, zipped
from tests.support.world import World


@pytest.fixture
def world(reverting: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A guard whose advisories lie in a bucket, and whose `/tmp` is the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="advisories")
    files: dict[str, Content] = {f"{one['id']}.json": json.dumps(one) for one in ADVISORIES}
    s3.put_object(Bucket="advisories", Key="osv/PyPI/all.zip", Body=zipped(files))
    aws = reverting.guard.aws
    told = replace(aws.surroundings, advisories="s3://advisories/osv")
    monkeypatch.setattr(aws, "surroundings", told)
    return reverting


def test_a_function_goes_back_on_the_word_of_a_copy(world: World) -> None:
    orders = Function()
    orders.create(package("old"))
    bad = orders.publish(package("new", OLD_REQUESTS))
    orders.put(package("old"))

    decision = By(world, "lambda.insecure-library").on(orders.lead("live", bad))

    assert decision.status is Status.REVERTED, decision.reason
    assert orders.leads("live") == ("1", {})


def test_a_copy_that_was_opened_stays_open(world: World) -> None:
    """To open npm's takes seconds, and there is one look for each version of a function."""
    assert provider(world.guard.aws) is provider(world.guard.aws)
