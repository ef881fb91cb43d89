"""The safety net: a risk that no event tells of is found, asked about, reverted once approved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.asking import Question, message
from tests.e2e.labs import running
from tests.e2e.making import permission, web_group
from tests.e2e.world import World

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A lab in which nothing that the sweep finds has to wait for late events."""
    policy = str(Path(__file__).with_name("sweep.yaml"))
    given = ("--policy", policy, "--parameter", "SettlingSeconds=0")
    with running(tmp_path_factory.mktemp("unattributed"), *given) as world:
        yield world


def sweep(lab: World) -> dict[str, Any]:
    answer = lab.lambdas.invoke(FunctionName=lab.lab["SweepFunction"], Payload=b"{}")
    told: dict[str, Any] = json.load(answer["Payload"])
    assert "FunctionError" not in answer, told
    return told


def test_what_was_opened_behind_the_guards_back_is_found_asked_about_and_reverted(
    swept: World,
) -> None:
    group = web_group(swept)
    opened = permission(22, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    swept.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[opened])

    assert sweep(swept)["sent"] >= 1

    decision = swept.decision(group, "asked")["pk"]
    question = Question(swept, group, decision, message(swept, decision))
    assert question.message["change"]["name"] == "found by the sweep"
    assert question.is_open()
    # However often it sweeps meanwhile, that is the one question.
    standing = sweep(swept)
    assert (standing["sent"], standing["unreached"]) == (0, [])
    assert question.press().status == 200
    swept.decision(group, "reverted")
    assert not question.is_open()
    assert [one.event for one in question.log()] == [
        *("decided", "approved", "carrying-out", "reverted"),
    ]
