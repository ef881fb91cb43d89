"""Services go back to the revision before, when an image of theirs turns out to be insecure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.aws.permissions import grants_of
from driftguard.engine.errors import NotYet
from driftguard.events.commands import Undo
from driftguard.model import Change, Status
from tests.support.deployments.deploying import By
from tests.support.deployments.functions import Function
from tests.support.deployments.services import (
    REGISTRY,
    REPOSITORY,
    ROLE,
    Service,
    basic,
    ecs,
    enhanced,
    push,
    scan_completed,
)
from tests.support.records import ACCOUNT
from tests.support.world import Fakes, World

BAD = basic("CVE-2022-3602", "CRITICAL")


@pytest.fixture
def by(reverting: World) -> By:
    return By(reverting, "ecs.insecure-image")


@pytest.fixture
def orders(by: By) -> Service:
    """A service that runs a clean image."""
    found = Service()
    found.create(found.register(push("1")))
    return found


def deploy(service: Service, image: str, *more: str) -> Change:
    return service.deploy(service.register(image, *more))


def test_a_service_goes_back_to_the_revision_before_and_forth_again(
    by: By, orders: Service
) -> None:
    decision = by.on(deploy(orders, push("2", BAD)))

    assert decision.status is Status.REVERTED, decision.reason
    assert decision.summary == "shop/orders runs orders:2 with openssl 3.0.1 (CVE-2022-3602)"
    assert orders.runs() == "orders:1"
    undone = by.world.guard.undo(Undo(decision.id, "alice", "a test"))
    assert undone.status is Status.UNDONE
    assert orders.runs() == "orders:2"
    assert list(by.world.audit.log(decision.id))[-1].note == "exactly as before"


def test_it_may_pass_the_roles_of_both_revisions_and_no_others(by: By, orders: Service) -> None:
    decision = by.on(deploy(orders, push("2", BAD)))

    (step,) = decision.plan.steps
    for call in (step.call, *step.undo):
        assert dict(grants_of(call))["iam:PassRole"] == (ROLE, ROLE)


def test_every_container_of_a_revision_counts(by: By, orders: Service) -> None:
    deploy(orders, push("2"), push("sidecar", BAD))

    decision = by.on(deploy(orders, push("3"), push("sidecar-2", BAD)))

    assert decision.status is Status.REVERTED
    assert orders.runs() == "orders:1"


def test_inspectors_findings_in_images_count_unless_somebody_suppressed_them(
    by: By, orders: Service
) -> None:
    suppressed = enhanced("CVE-2021-45046", "log4j-core", "2.14.1", status="SUPPRESSED")
    assert by.all_on(deploy(orders, push("2", suppressed))) == []

    told = enhanced("CVE-2021-44228", "log4j-core", "2.14.1")
    decision = by.on(deploy(orders, push("3", told)))

    assert decision.summary == "shop/orders runs orders:3 with log4j-core 2.14.1 (CVE-2021-44228)"


def test_where_no_revision_is_clean_people_are_told_what_to_do(by: By) -> None:
    orders = Service()
    revision = orders.register(push("1", BAD))
    orders.create(revision)
    created = ecs("CreateService", {"cluster": "shop", "serviceName": "orders"})

    decision = by.on(created)

    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()
    assert decision.plan.advice.startswith("No earlier revision is known to be clean.")


def test_what_codedeploy_deploys_is_not_ours_to_change(by: By) -> None:
    orders = Service()
    orders.create(orders.register(push("1")), deploymentController={"type": "CODE_DEPLOY"})

    decision = by.on(deploy(orders, push("2", BAD)))

    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()


def test_and_people_are_told_so_and_what_there_is_to_go_back_to(by: By) -> None:
    orders = Service()
    orders.create(orders.register(push("1")), deploymentController={"type": "CODE_DEPLOY"})

    decision = by.on(deploy(orders, push("2", BAD)))

    assert decision.plan.advice.startswith("CODE_DEPLOY deploys it: have it go back to orders:1.")


def without_a_task_set(name: str) -> Service:
    """A service of an external controller that has made no primary task set yet."""
    found = Service(name)
    found.client.create_cluster(clusterName="shop")
    found.client.create_service(
        cluster="shop", serviceName=name, deploymentController={"type": "EXTERNAL"}
    )
    return found


def test_a_service_that_runs_no_revision_yet_is_let_be(by: By) -> None:
    without_a_task_set("empty")
    created = ecs("CreateService", {"cluster": "shop", "serviceName": "empty"})

    assert by.all_on(created) == []


def test_and_hides_no_other_from_a_scan(by: By) -> None:
    without_a_task_set("empty")
    orders = Service()
    orders.create(orders.register(push("1")))
    deploy(orders, push("2", BAD))

    decision = by.on(scan_completed(CRITICAL=1))

    assert decision.status is Status.REVERTED
    assert orders.runs() == "orders:1"


@pytest.mark.parametrize(
    "registry",
    [
        f"{ACCOUNT}.dkr-ecr.us-east-1.on.aws",
        f"{ACCOUNT}.dkr-ecr-fips.us-east-1.on.aws",
        f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com",
    ],
)
def test_an_image_is_known_by_each_name_of_its_registry(
    by: By, orders: Service, registry: str
) -> None:
    push("2", BAD)

    assert by.on(deploy(orders, f"{registry}/{REPOSITORY}:2")).status is Status.REVERTED


@pytest.mark.parametrize(
    "image",
    [
        "public.ecr.aws/nginx/nginx:1.27",
        "999999999999.dkr.ecr.us-east-1.amazonaws.com/x:1",
        "nginx",
    ],
)
def test_an_image_that_nobody_here_scans_is_nobodys_question(
    by: By, orders: Service, image: str
) -> None:
    assert by.all_on(deploy(orders, image)) == []


def test_but_it_is_no_way_back_either(by: By) -> None:
    orders = Service()
    orders.create(orders.register("nginx"))
    deploy(orders, push("unscanned", scanned=False))

    decision = by.on(deploy(orders, push("2", BAD)))

    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()


def test_a_scan_that_is_under_way_is_waited_for(by: By, orders: Service) -> None:
    change = deploy(orders, push("2", status="IN_PROGRESS"))

    with pytest.raises(NotYet, match="IN_PROGRESS"):
        by.on(change)
    assert by.on(change, last=True).status is Status.OBSERVED


@pytest.mark.parametrize(
    ("request_", "looked_at"),
    [
        ({"desiredCount": 3}, False),
        ({"forceNewDeployment": True}, True),
        ({"taskDefinition": "orders:1"}, True),
    ],
)
def test_only_what_may_run_another_image_is_looked_at(
    by: By, orders: Service, request_: dict[str, Any], looked_at: bool
) -> None:
    change = ecs("UpdateService", {"cluster": "shop", "service": "orders", **request_})

    cases = [one for one in by.world.guard.screen(change).cases if one.control.id == by.control]

    assert bool(cases) is looked_at


# ------------------------------------------------------------------- the scan comes after


def test_a_scan_that_ends_later_finds_the_services_that_run_the_image(
    by: By, orders: Service
) -> None:
    stock, web = Service("stock"), Service("web")
    stock.create(stock.register("nginx"))
    web.create(web.register(push("web")))
    bad = push("2", BAD)
    deploy(orders, bad)
    deploy(web, bad)

    decision = by.on(scan_completed(CRITICAL=1))

    assert decision.status is Status.REVERTED, decision.reason
    assert decision.candidate.resource.kind == "ecr.image"
    assert [one.runs() for one in (orders, stock, web)] == ["orders:1", "stock:1", "web:1"]
    undone = by.world.guard.undo(Undo(decision.id, "alice", "a test"))
    assert undone.status is Status.UNDONE
    assert [one.runs() for one in (orders, stock, web)] == ["orders:2", "stock:1", "web:2"]


def test_an_image_that_no_service_runs_is_let_be(by: By, orders: Service) -> None:
    push("2", BAD)

    assert by.all_on(scan_completed(CRITICAL=1)) == []


@pytest.mark.parametrize("counts", [{}, {"MEDIUM": 9}, {"CRITICAL": 0}])
def test_a_scan_that_found_nothing_severe_is_dropped_by_its_record(
    by: By, counts: dict[str, int]
) -> None:
    assert list(by.world.guard.screen(scan_completed(**counts)).cases) == []


def test_more_services_than_one_plan_can_hold_are_told_to_people(by: By) -> None:
    fine, bad = push("1"), push("2", BAD)
    services = [Service(f"s{number}") for number in range(7)]
    for one in services:
        one.create(one.register(fine))
        deploy(one, bad)

    decision = by.on(scan_completed(CRITICAL=1))

    assert decision.status is Status.OBSERVED
    assert decision.plan.advice.startswith("7 services run it, too many for one plan.")


def test_services_that_were_not_searched_are_no_all_clear(
    by: By, orders: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driftguard.controls.ecs_images._MOST_SEARCHED", 0)
    change = scan_completed(CRITICAL=1)

    with pytest.raises(NotYet, match="more than 0 services"):
        by.on(change)
    assert by.on(change, last=True).status is Status.OBSERVED


# ------------------------------------------------------------------- images of functions


def test_a_function_of_an_image_goes_back_to_the_image_before(
    reverting: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions of images are scanned by ECR; here under the digests that moto makes up."""
    monkeypatch.setenv("MOTO_LAMBDA_STUB_ECR", "true")
    aws = reverting.guard.aws
    told: dict[str, list[Any]] = {}

    def scanned(asked: dict[str, Any]) -> dict[str, Any]:
        digest = asked["imageId"]["imageDigest"]
        return {
            "registryId": ACCOUNT,
            "repositoryName": asked["repositoryName"],
            "imageId": asked["imageId"],
            "imageScanStatus": {"status": "COMPLETE"},
            "imageScanFindings": {"findings": told.get(digest, [])},
        }

    fakes.install({("ecr", "DescribeImageScanFindings"): scanned})
    monkeypatch.setattr(aws, "surroundings", replace(aws.surroundings, advisories="https://x.test"))
    orders = Function()
    role = boto3.client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument="{}")
    orders.client.create_function(
        FunctionName="orders",
        PackageType="Image",
        Role=role["Role"]["Arn"],
        Code={"ImageUri": f"{REGISTRY}/{REPOSITORY}:1"},
    )
    orders.publish()
    orders.client.update_function_code(FunctionName="orders", ImageUri=f"{REGISTRY}/{REPOSITORY}:2")
    bad = orders.publish()
    told[f"sha256:{orders.sha256()}"] = [BAD]

    decision = By(reverting, "lambda.insecure-library").on(orders.lead("live", bad))

    assert orders.leads("live") == ("1", {})
    update = decision.plan.steps[-1].call
    assert update.operation == "UpdateFunctionCode"
    assert update.parameters["ImageUri"] == f"{REGISTRY}/{REPOSITORY}@sha256:{orders.sha256('1')}"
