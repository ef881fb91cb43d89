"""How far a containment goes by tags and hours: with the words that the policy has for any control.

A policy file is read, compiled and obeyed here; what each guardrail rules is in `guardrails/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from typer.testing import CliRunner

from driftguard.aws.calls import AwsError
from driftguard.controls import containing
from driftguard.engine.guard import Guard
from driftguard.model import Change, Decision, Status
from driftguard.policy.compiled import from_compiled
from driftguard_cli.main import app
from driftguard_cli.policy_file import loader
from tests.scenarios.containment import POLICY, answering, exfiltrated, make_role, role_snapshot
from tests.support.records import told_by_guardduty
from tests.support.world import ROOT, Fakes, World

ROLE = "containment.role-sessions"
GRANTED = f"""
version: 1
controls:
  {ROLE}:
    autonomy: revert
    may_cut: true
"""
PROD = """
protected:
  - controls: ["containment.*"]
    tags: { env: "prod*" }
    autonomy: ask
    reason: Production is cut off by a person.
"""
BY_DAY = """
change_windows:
  - name: people are at work
    controls: ["containment.*"]
    days: [mon, tue, wed, thu, fri]
    opens: "08:00"
    closes: "18:00"
    zone: Europe/Berlin
    autonomy: ask
"""
AT_NIGHT = BY_DAY.replace("autonomy: ask", "autonomy: ask\n    outside: true")
PROD_BY_DAY = BY_DAY.replace("autonomy: ask", "autonomy: ask\n    tags: { env: prod }")


@pytest.fixture
def found(fakes: Fakes) -> Callable[..., Change]:
    """GuardDuty's finding that sessions of the role `web` are used elsewhere; the role's tags."""

    def made(**tags: str) -> Change:
        change = exfiltrated(make_role(), severity=8)
        if tags:
            listed: Any = [{"Key": name, "Value": value} for name, value in tags.items()]
            boto3.client("iam").tag_role(RoleName="web", Tags=listed)
        fakes.install(answering(lambda: told_by_guardduty(change)))
        return change

    return made


def guard_of(world: World, terms: str, now: str = "") -> Guard:
    """The guard under a policy file with these terms, at a time (ISO 8601)."""
    policy = from_compiled(loader.compiled(f"{GRANTED}{terms}", "guard.yaml"))
    guard = replace(world.guard, policy=policy)
    return replace(guard, now=lambda: datetime.fromisoformat(now)) if now else guard


def contained() -> bool:
    return POLICY in role_snapshot("web")["inline"]


@pytest.mark.parametrize(
    ("terms", "tags", "status"),
    [
        (PROD, {"env": "prod-eu"}, Status.ASKED),
        (PROD, {"env": "test"}, Status.REVERTED),
        (PROD, {}, Status.REVERTED),
        # An entry for everything: its tag has people asked, and hides nothing.
        (
            PROD.replace("containment.*", "*").replace("ask", "observe"),
            {"env": "prod"},
            Status.ASKED,
        ),
        (PROD.replace("ask", "observe"), {"env": "prod"}, Status.OBSERVED),
        ('ownership: { autonomy: observe, tags: { by: "tf" } }', {"by": "tf"}, Status.ASKED),
    ],
)
def test_a_tag_of_what_is_compromised_has_people_asked(
    terms: str, tags: dict[str, str], status: Status, world: World, found: Callable[..., Change]
) -> None:
    decision = world.one(found(**tags), guard_of(world, terms))
    assert decision.status is status, decision.reason
    assert contained() is (status is Status.REVERTED)


# Berlin is an hour ahead of UTC in November, two in July.
@pytest.mark.parametrize(
    ("terms", "tags", "now", "status"),
    [
        (BY_DAY, {}, "2027-07-23T06:00:00+00:00", Status.ASKED),
        (BY_DAY, {}, "2026-11-25T06:59:00+00:00", Status.REVERTED),
        (AT_NIGHT, {}, "2026-11-25T11:00:00+00:00", Status.REVERTED),
        (AT_NIGHT, {}, "2026-11-25T23:00:00+00:00", Status.ASKED),
        (PROD_BY_DAY, {"env": "prod"}, "2026-11-25T11:00:00+00:00", Status.ASKED),
        (PROD_BY_DAY, {"env": "test"}, "2026-11-25T11:00:00+00:00", Status.REVERTED),
    ],
)
def test_people_are_asked_in_hours_and_else_it_is_contained(
    terms: str,
    tags: dict[str, str],
    now: str,
    status: Status,
    world: World,
    found: Callable[..., Change],
) -> None:
    decision = world.one(found(**tags), guard_of(world, terms, now))
    assert decision.status is status, decision.reason
    assert contained() is (status is Status.REVERTED)


def test_where_tags_cannot_be_read_people_are_asked(
    world: World, found: Callable[..., Change], fakes: Fakes
) -> None:
    change, guard = found(env="test"), guard_of(world, PROD)
    fakes.install({("iam", "ListRoleTags"): lambda _: {"Error": {"Code": "AccessDenied"}}})
    with pytest.raises(AwsError, match="ListRoleTags"):
        world.handle(change, guard)
    (decision,) = guard.handle(change, last_chance=True)
    assert decision.status is Status.ASKED
    assert "its tags count here, and could not be read" in decision.reason
    assert not contained()


def test_tags_are_not_read_where_nothing_depends_on_them(
    world: World, found: Callable[..., Change], fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, made = found(), []
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def counted(client: BaseClient, operation: str, parameters: Any) -> Any:
        made.append(operation)
        return original(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    decision = world.one(change, guard_of(world, BY_DAY, "2026-11-25T23:00:00+00:00"))
    assert decision.status is Status.REVERTED
    assert not {"ListRoleTags", "GetResources"} & {*made}


# ----------------------------------------------------------------------- what the author is told


def test_an_entry_for_containments_is_for_all_of_them() -> None:
    policy = from_compiled(loader.compiled(f"{GRANTED}{PROD}"))
    assert [one for one in containing() if not policy.needs_tags(one)] == []


def explained(tmp_path: Path, terms: str) -> dict[str, dict[str, str]]:
    """What `driftguard explain` says of a finding, without a look, by control and guardrail."""
    (tmp_path / "guard.yaml").write_text(f"{GRANTED}{terms}")
    event = ROOT / "events" / ROLE / "risky.json"
    line = ["explain", str(event), "--policy", str(tmp_path / "guard.yaml"), "--json"]
    shown = json.loads(CliRunner().invoke(app, line).stdout)
    return {
        one["control"]: {each["guardrail"]: each["says"] for each in candidate["guardrails"]}
        for one in shown["controls"]
        for candidate in one["candidates"]
    }


def test_explain_says_that_tags_must_be_read_and_which_hours_hold(tmp_path: Path) -> None:
    said = explained(tmp_path, f"{PROD}{BY_DAY}".replace('opens: "08:00"', 'opens: "00:00"'))[ROLE]
    assert said["protected"] == said["unread-tags"] == "cannot tell"
    assert said["change-window"] != "cannot tell"


def decided(decision: Decision) -> list[str]:
    return [one.guardrail for one in decision.rulings]


def test_the_record_says_which_of_them_held_it_back(
    world: World, found: Callable[..., Change]
) -> None:
    guard = guard_of(world, f"{PROD}{BY_DAY}", "2026-11-25T11:00:00+00:00")
    decision = world.one(found(env="prod"), guard)
    assert decided(decision) == ["protected", "change-window"]
    assert "protected: Production is cut off by a person." in decision.reason
    assert "within the change window `people are at work`" in decision.reason
