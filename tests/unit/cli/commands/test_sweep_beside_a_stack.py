"""`driftguard sweep` beside a stack: what people said there counts, if it can be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from driftguard.controls import control
from driftguard.documents import stamp
from driftguard.model import Status
from driftguard.state.exemptions import exempted
from driftguard.state.keys import exemptions_key
from driftguard.sweep.look import sweep as sweep_of_guard
from driftguard_cli.main import app
from tests.support.answering import answering
from tests.support.doors import Door
from tests.support.guardrails.held import new_group
from tests.support.sweeping import open_up
from tests.support.world import REGION, World

INGRESS = ("--control", "ec2.open-ingress")
# Where the stack is that `door` deploys.
COUNTS = "Stack driftguard: its exemptions, baselines and accepted states count."


def sweep(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sweep", *arguments], env={"COLUMNS": "200"})


def as_json(*arguments: str) -> Any:
    return json.loads(sweep(*arguments, "--json").stdout)


def exempt(world: World, group: str, hours: float = 1) -> str:
    """An exemption that somebody gives at run time; until when."""
    now = datetime.now(UTC)
    until = stamp(now + timedelta(hours=hours))
    record = world.state.record(exemptions_key(world.state.place, "ec2.open-ingress"))
    entry = {"resource": group, "until": until, "reason": "bait", "by": "alice"}
    world.state.write(exempted(record, "x-1", entry, now - timedelta(days=1)))
    return until


@pytest.mark.usefixtures("door")
def test_what_people_exempted_at_run_time_is_not_flagged(world: World, group: str) -> None:
    until = exempt(world, group)
    result = sweep(*INGRESS)
    assert result.exit_code == 0, result.output
    assert f"exempt until {until[:10]}: " in result.stdout
    assert "0 risky, 1 exempt, of" in result.stdout
    assert COUNTS in result.stdout
    (found,) = as_json(*INGRESS)["found"]
    assert found["exempt_until"] == until


@pytest.mark.usefixtures("door")
def test_an_exemption_that_has_ended_does_not_count(world: World, group: str) -> None:
    exempt(world, group, hours=-1)
    assert sweep(*INGRESS).exit_code == 1


def test_a_state_that_people_accepted_is_not_flagged_until_it_changes(
    world: World, door: Door, group: str
) -> None:
    asked = door.asked
    asked.vote("bob", "accept")
    accepted = world.audit.get(asked.decision.id)
    assert accepted is not None
    assert accepted.status is Status.DENIED
    result = sweep(*INGRESS)
    assert result.exit_code == 0, result.output
    assert f"accepted by {asked.decision.id}: " in result.stdout
    assert "0 risky, 1 accepted, of" in result.stdout
    (found,) = as_json(*INGRESS)["found"]
    assert found["accepted_by"] == asked.decision.id
    open_up(group, 3389)
    assert sweep(*INGRESS).exit_code == 1


@pytest.mark.usefixtures("door")
def test_what_is_gone_is_found_by_its_baseline(world: World) -> None:
    rules = boto3.client("events")
    rules.put_rule(Name="findings", EventPattern='{"source": ["aws.guardduty"]}', State="ENABLED")
    target = f"arn:aws:sns:{REGION}:123456789012:people"
    rules.put_targets(Rule="findings", Targets=[{"Id": "people", "Arn": target}])
    deleted = control("events.rule-deleted")
    assert {one.outcome for one in sweep_of_guard(world.guard, REGION, only=[deleted])} == {
        "recorded"
    }
    chosen = ("--control", "events.rule-deleted")
    assert sweep(*chosen).exit_code == 0
    rules.remove_targets(Rule="findings", Ids=["people"])
    rules.delete_rule(Name="findings")
    result = sweep(*chosen)
    assert result.exit_code == 1, result.output
    assert "rule/findings" in result.stdout
    # Nothing was written: it is found again.
    assert sweep(*chosen).exit_code == 1


def test_without_a_stack_it_says_what_did_not_count(account: None) -> None:
    open_up(new_group("web"))
    result = sweep(*INGRESS)
    assert result.exit_code == 1
    assert (
        "Only the policy's exemptions count, and nothing is compared with a baseline: "
        f"no stack `driftguard` in {REGION}." in result.stdout
    )
    assert as_json(*INGRESS)["stack_read"] is False


def test_a_stack_that_is_named_must_be_there(account: None) -> None:
    result = sweep(*INGRESS, "--stack", "other")
    assert "There is no stack `other`" in str(result.exception)


@pytest.mark.usefixtures("door")
@pytest.mark.parametrize("operation", ["DescribeStacks", "BatchGetItem"])
def test_a_stack_that_may_not_be_read_is_told_and_the_sweep_goes_on(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    exempt(world, group)
    answering(monkeypatch, operation, "AccessDenied")
    result = sweep(*INGRESS)
    assert result.exit_code == 1, result.output
    assert "Only the policy's exemptions count" in result.stdout
    assert "the stack was not read: " in result.stdout
    assert operation in result.stdout
