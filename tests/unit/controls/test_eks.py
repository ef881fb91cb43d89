"""EKS: what was there before stays, and an update is waited for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.documents import Document
from driftguard.model import (
    NOT_IN_USE,
    Candidate,
    Certainty,
    Observation,
    Plan,
    Resource,
    Status,
)
from tests.scenarios.eks import eks
from tests.support.world import Fakes, World

ARN = "arn:aws:eks:us-east-1:123456789012:cluster/prod"
CLUSTER = Resource("eks.cluster", "prod", "123456789012", "us-east-1", ARN)
OFFICE, BRANCH, EVERYWHERE = "203.0.113.0/24", "198.51.100.0/24", "0.0.0.0/0"
public: Any = control("eks.public-endpoint")


def endpoint(*ranges: str, private: bool = True, open_: bool = True) -> Document:
    return {
        "endpointPublicAccess": open_,
        "endpointPrivateAccess": private,
        "publicAccessCidrs": sorted(ranges),
    }


def asked_for(state: Document, baseline: Document) -> Any:
    candidate = Candidate(CLUSTER, Certainty.EVIDENT)
    plan: Plan = public.plan(candidate, Observation(state, ""), baseline, NoSettings())
    return plan.steps[0].call.parameters["resourcesVpcConfig"]


def test_a_range_that_was_added_beside_the_internet_stays() -> None:
    """Kind 1: only the internet goes."""
    now = endpoint(EVERYWHERE, BRANCH)
    assert asked_for(now, endpoint(OFFICE)) == endpoint(OFFICE, BRANCH)


def test_private_access_that_was_added_stays() -> None:
    """Kind 4: nodes may reach the API by it from now on."""
    now = endpoint(EVERYWHERE, private=True)
    assert asked_for(now, endpoint(OFFICE, private=False)) == endpoint(OFFICE, private=True)


def test_private_access_that_was_taken_away_comes_back() -> None:
    now = endpoint(EVERYWHERE, private=False)
    assert asked_for(now, endpoint(OFFICE, private=True)) == endpoint(OFFICE, private=True)


def described(status: str, made: datetime, *, audit: bool = False) -> Any:
    on, off = (["audit"], ["api"]) if audit else ([], ["api", "audit"])
    logging = [{"types": on, "enabled": True}, {"types": off, "enabled": False}]
    return {
        "cluster": {
            "name": "prod",
            "status": status,
            "createdAt": made,
            "logging": {"clusterLogging": [one for one in logging if one["types"]]},
        }
    }


def no_logs() -> Any:
    asked = {"clusterLogging": [{"types": ["api", "audit"], "enabled": False}]}
    return eks("UpdateClusterConfig", {"name": "prod", "logging": asked})


@pytest.mark.parametrize(("hours", "status"), [(0, None), (30, Status.ASKED)])
def test_logs_that_a_new_cluster_never_had_it_did_not_lose(
    world: World, fakes: Fakes, hours: int, status: Status | None
) -> None:
    """Kind 3: Terraform says `false` of them."""
    made = datetime(2026, 11, 24, 11, 50, tzinfo=UTC) - timedelta(hours=hours)
    answered = described("ACTIVE", made)
    fakes.install({("eks", "DescribeCluster"): lambda _: answered})
    found = world.handle(no_logs())
    assert [one.status for one in found] == ([status] if status else [])


def test_a_cluster_that_is_updating_is_read(world: World, fakes: Fakes) -> None:
    """Kind 6: that EKS is at work is no error; the engine waits for what is evident."""
    answered = described("UPDATING", datetime(2026, 1, 1, tzinfo=UTC), audit=True)
    fakes.install({("eks", "DescribeCluster"): lambda _: answered})
    judge = control("eks.logging-off")
    (candidate,) = judge.screen(no_logs(), judge.settings())
    assert candidate.certainty is Certainty.EVIDENT
    state = judge.observe(candidate, world.guard.aws.reader("123456789012", "us-east-1"))
    assert state is not None
    assert state["audit"] is True
    assert judge.settling.seconds > 15 * 60


# ------------------------------------------------------------------------------ its entries

STRANGER = "arn:aws:iam::999999999999:role/nodes"


def shut_out(kind: str) -> Plan:
    judge: Any = control("eks.external-access")
    state: Document = {
        "cluster": "prod",
        "principal": STRANGER,
        "owner": "123456789012",
        "arn": "arn:aws:eks:us-east-1:123456789012:access-entry/prod/role/999999999999/nodes/1",
        "type": kind,
        "username": "system:node:{{EC2PrivateDNSName}}",
        "groups": ["system:nodes"],
        "tags": {},
        "policies": [],
    }
    candidate = Candidate(CLUSTER, Certainty.EVIDENT)
    plan: Plan = judge.plan(candidate, Observation(state, ""), None, judge.settings())
    return plan


@pytest.mark.parametrize(("kind", "named"), [("STANDARD", True), ("EC2_LINUX", False)])
def test_only_an_entry_of_people_is_given_its_name_and_groups_back(kind: str, named: bool) -> None:
    """Kind 5: EKS refuses both for nodes."""
    (step,) = shut_out(kind).steps
    create = step.undo[0].parameters
    assert ("username" in create) is named
    assert ("kubernetesGroups" in create) is named


@pytest.mark.parametrize("rescoped", [True, False])
def test_access_in_single_namespaces_is_not_lost_unasked(rescoped: bool) -> None:
    """Kind 2: associating a policy again replaces its scope, and nothing tells the one before."""
    judge: Any = control("eks.admin-access")
    answer = judge.in_use(Candidate(CLUSTER, Certainty.EVIDENT), {"rescoped": rescoped}, None)
    assert (answer != NOT_IN_USE) is rescoped
