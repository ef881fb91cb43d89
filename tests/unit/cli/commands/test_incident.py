"""`driftguard incident` shows what belongs together, asks before it acts, and says how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from driftguard.approvals import incidents
from driftguard.engine.guard import Guard
from driftguard.events.commands import Contain
from driftguard.model import Status
from driftguard_cli.errors import Trouble
from driftguard_cli.main import app
from tests.support.api_requests import AtTheSignedApi
from tests.support.doors import Door, served
from tests.support.stolen_session import Stolen
from tests.support.world import World

IN_ORDER = [
    *("iam.admin-attached", "iam.trust-external", "iam.key-for-other-user"),
    *("ec2.open-ingress", "s3.external-policy", "ec2.snapshot-shared"),
]


@pytest.fixture
def stolen(world: World) -> Stolen:
    return Stolen(world)


@pytest.fixture
def at_the_door(stolen: Stolen) -> Iterator[Door]:
    with served(Door(AtTheSignedApi(stolen))) as door:
        door.api.obeyed_at_once(stolen.guard)
        yield door


def said(command: str, *arguments: str, typed: str = "", width: int = 200) -> Result:
    given = ["incident", command, *arguments]
    return CliRunner().invoke(app, given, input=typed, env={"COLUMNS": str(width)})


def controls_of(stolen: Stolen, ids: list[str]) -> list[str]:
    by_id = {one.id: one.control for one in stolen.decisions}
    return [by_id[id_] for id_ in ids]


def carried_out(stolen: Stolen, guard: Guard) -> None:
    list(guard.contain(Contain(stolen.decision.id), print))
    assert stolen.statuses == {Status.REVERTED}


def test_an_incident_is_listed_shown_contained_and_released(
    stolen: Stolen, at_the_door: Door
) -> None:
    first = stolen.decision
    (listed,) = json.loads(said("list", "--json").stdout)
    assert listed["incident"] == first.id
    assert listed["by"] == "assumed-role/ci-build/GitHubActions"
    assert controls_of(stolen, listed["waiting"]) == IN_ORDER

    # Any decision of it names it.
    shown = said("show", stolen.decisions[3].id)
    assert shown.exit_code == 0, shown.stderr
    assert f"incident {first.id}: 6 decisions about" in shown.stdout
    assert f"6 wait for an answer: driftguard incident contain {first.id}" in shown.stdout
    whole = json.loads(said("show", first.id, "--json").stdout)
    found = incidents.found(stolen.world.audit, stolen.world.state, first.id)
    assert found is not None
    assert whole["fingerprint"] == found.fingerprint

    declined = said("contain", first.id, typed="n\n")
    assert str(declined.exception) == "No vote was sent."
    assert "1. " in declined.stderr
    assert "(persistence: keys, trusts and policies are ways back in)" in declined.stderr
    assert stolen.statuses == {Status.ASKED}
    contained = said("contain", first.id, "--reason", "stolen", typed="y\n")
    assert contained.exit_code == 0, contained.stderr
    assert contained.stdout.endswith("6 of 6 are being reverted, in order.\n")
    assert {vote.reason for one in stolen.decisions for vote in stolen.now(one).votes} == {"stolen"}
    again = said("contain", first.id, "--yes")
    assert isinstance(again.exception, Trouble)
    too_early = said("release", first.id, "--reason", "a drill", "--yes")
    assert "The guard still carries out" in str(too_early.exception)
    assert "6 are being carried out: nothing is released until" in said("show", first.id).stdout
    carried_out(stolen, stolen.guard)
    assert stolen.scene.state() == stolen.before | {"keys": ["Inactive"]}

    calls = json.loads(said("release", first.id, "--reason", "x", "--dry-run", "--json").stdout)
    undone = list(dict.fromkeys(one["decision"] for one in calls["calls"]))
    assert controls_of(stolen, undone) == IN_ORDER[::-1]
    declined = said("release", first.id, "--reason", "a drill", typed="n\n")
    assert str(declined.exception) == "Nothing was undone."
    assert "so that the risks stand AGAIN?" in declined.stderr
    released = said("release", first.id, "--reason", "a drill", "--yes", "--timeout", "5")
    assert released.exit_code == 0, (released.stdout, released.stderr, released.exception)
    assert released.stdout.count("undone: exactly as before") == 6
    assert "6 of 6 are undone." in released.stdout
    assert stolen.scene.state() == stolen.after


def test_a_release_that_needs_more_people_is_proposed_and_confirmed(world: World) -> None:
    stolen = Stolen(world, quorum=2)
    with served(Door(AtTheSignedApi(stolen))) as door:
        door.api.obeyed_at_once(stolen.guard)
        first = stolen.decision
        once = said("contain", first.id, "--yes")
        assert "6 wait for more votes" in once.stdout
        found = incidents.found(world.audit, world.state, first.id)
        assert found is not None
        carol = "arn:aws:sts::123456789012:assumed-role/sso/carol"
        said_by_carol = {"incident": first.id, "fingerprint": found.fingerprint}
        status, told = door.api.send(carol, "/contain", json.dumps(said_by_carol))
        assert (status, len(told["decisions"])) == (200, 6)
        carried_out(stolen, stolen.guard)

        proposed = said("release", first.id, "--reason", "a drill", "--yes", "--json")
        assert proposed.exit_code == 1
        act = world.audit.get(json.loads(proposed.stdout)["decision"])
        assert act is not None
        assert act.status is Status.PROPOSED
        assert stolen.statuses == {Status.REVERTED}
        confirming = {"decision": act.id, "fingerprint": act.before, "reason": "agreed"}
        status, told = door.api.send(carol, "/confirm", json.dumps(confirming))
        assert (status, told["counted"]) == (200, True), told
        assert stolen.statuses == {Status.UNDONE}
        assert stolen.scene.state() == stolen.after


def test_what_cannot_be_undone_is_said_and_the_others_are(
    stolen: Stolen, at_the_door: Door
) -> None:
    first = stolen.decision
    assert said("contain", first.id, "--yes").exit_code == 0
    carried_out(stolen, stolen.guard)
    last = stolen.now(stolen.decisions[-1])
    steps = tuple(replace(step, undo=()) for step in last.plan.steps)
    for_good = replace(last, plan=replace(last.plan, steps=steps))
    stolen.world.audit.append(for_good, event="planned", note="x")
    boto3.client("iam").update_assume_role_policy(
        RoleName=stolen.scene.role,
        PolicyDocument=json.dumps(stolen.after["trust"] | {"Id": "somebody was here"}),
    )
    assert (
        f"This stays: {last.summary} ({last.id}): it cannot be undone"
        in said("release", first.id, "--reason", "a drill", typed="n\n").stderr
    )
    released = said("release", first.id, "--reason", "a drill", "--yes", "--timeout", "5")
    assert released.exit_code == 1
    assert "3 of 5 are undone." in released.stdout
    assert "the resource has changed since it was reverted" in released.stdout


def test_what_is_not_there_is_said(door: Door) -> None:
    for name, *more in (("show",), ("contain",), ("release", "--reason", "x")):
        result = said(name, "dg-0", *more)
        assert isinstance(result.exception, Trouble)
        assert "There is no incident or decision dg-0." in str(result.exception)
    # One decision alone is nothing to list.
    assert said("list").stdout == "No incidents in the last 7 days.\n"
    alone = said("show", door.asked.decision.id)
    assert "so that it is no more than that decision" in alone.stdout


def test_usage_errors_exit_2() -> None:
    assert said("show").exit_code == 2
    assert said("release", "dg-1").exit_code == 2
    assert said("list", "--days", "0").exit_code == 2
