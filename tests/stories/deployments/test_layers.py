"""Layers are looked at as they are published."""

from __future__ import annotations

import pytest

from driftguard.engine.errors import NotYet
from driftguard.model import Change, Status
from tests.support.advisories.stand_in import StandIn
from tests.support.deployments.deploying import By
from tests.support.deployments.functions import lambda_, publish_layer
from tests.support.deployments.packages import OLD_REQUESTS, wheel
from tests.support.inventory.making_zips import zipped
from tests.support.world import World


@pytest.fixture
def by(asking_osv: World) -> By:
    return By(asking_osv, "lambda.insecure-layer")


def published(code: bytes) -> Change:
    """Publishes a layer. Returns the record of it."""
    arn = publish_layer("http", code)
    layer, _, version = arn.rpartition(":")
    made = {"layerArn": layer, "layerVersionArn": arn, "version": int(version)}
    return lambda_(
        "PublishLayerVersion20181031",
        {"layerName": "http"},
        responseElements={**made, "content": {"codeSize": len(code)}},
    )


def test_people_hear_of_a_layer_with_an_insecure_library(by: By) -> None:
    decision = by.on(published(zipped(OLD_REQUESTS)))

    assert decision.status is Status.OBSERVED
    assert decision.summary == "the layer http:1 holds requests 2.19.0 (CVE-2018-18074)"
    assert decision.plan.steps == ()
    assert "Fixed in requests 2.20.0." in decision.plan.advice
    assert decision.candidate.resource.arn.endswith(":layer:http:1")


def test_a_clean_layer_is_nobodys_business(by: By) -> None:
    assert by.all_on(published(zipped(wheel("requests", "2.32.3")))) == []


def test_a_layer_that_nobody_can_judge_is_doubted(by: By, osv: StandIn) -> None:
    osv.always = lambda handler, _: bool(handler.answer({}, 400)) or True
    change = published(zipped(OLD_REQUESTS))

    with pytest.raises(NotYet):
        by.on(change)
    assert by.on(change, last=True).summary.startswith("the layer http:1 could not be checked")


def test_a_layer_that_is_gone_is_gone(by: By) -> None:
    change = published(zipped(OLD_REQUESTS))
    by.world.guard.aws.client("lambda", "us-east-1").delete_layer_version(
        LayerName="http", VersionNumber=1
    )

    assert by.all_on(change) == []
