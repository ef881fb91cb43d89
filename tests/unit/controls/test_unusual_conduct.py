"""The control that asks about unusual conduct: on whose word, how far, and about whom never."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from moto import mock_aws

from driftguard.conduct.telling import event_of
from driftguard.events.cloudtrail import change_from_event
from driftguard.model import Actor, Autonomy, Change, Decision, Status
from driftguard.policy.model import Terms
from driftguard.state import incidents
from tests.scenarios.containment import make_role, role_snapshot
from tests.scenarios.containment_conduct import CONTROL, HERE, of_role, remembered, told, unusual
from tests.support.approving import approved
from tests.support.world import ACCOUNT, Clock, World, make_tables, new_guard


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        make_tables()
        clock = Clock()
        yield World(new_guard(clock), clock)


@pytest.fixture
def known(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Has the state table remember this, whatever record is asked for."""

    def remember(document: Any) -> None:
        told = replace(world.guard.aws.surroundings, conduct=lambda _aws, _record: document)
        monkeypatch.setattr(world.guard.aws, "surroundings", told)

    return remember


def decisions(world: World, change: Change, **policy: Any) -> list[Decision]:
    guard = world.with_policy(lambda given: replace(given, **policy))
    return world.handle(change, guard)


def test_whatever_the_policy_grants_people_are_asked(
    world: World, known: Callable[[Any], None]
) -> None:
    shown = unusual(of_role(), make_role())
    known(remembered(shown))
    (decision,) = decisions(
        world, told(shown), autonomy={}, default=Autonomy.REVERT, may_cut=frozenset({CONTROL})
    )
    assert (decision.control, decision.status) == (CONTROL, Status.ASKED)
    assert decision.severity == 72
    assert decision.summary == (
        "web behaves as it never does: conduct score 72: from the new network 198.51.100.0/24; "
        "first use of secretsmanager; 32 or more different reads within ten minutes"
    )
    assert decision.actor.session.endswith("/i-0abcdef1234567890")
    assert of_role().principal in decision.makers
    assert approved(world.guard, decision).status is Status.REVERTED
    assert sorted(role_snapshot("web")["inline"]) == ["DriftguardContainment", "logs"]


def test_no_timeout_contains_anybody(world: World, known: Callable[[Any], None]) -> None:
    shown = unusual(of_role(), make_role())
    known(remembered(shown))
    reverting = Terms(seconds=60, timeout_action="revert")
    world.guard = world.with_policy(
        lambda given: replace(given, autonomy={}, default=Autonomy.REVERT, approvals=(reverting,))
    )
    (decision,) = world.handle(told(shown))
    assert decision.status is Status.ASKED
    world.clock.pass_by(minutes=5)
    # People are asked anew, for longer and longer.
    assert world.guard.expire(decision.id).status is Status.ASKED
    assert list(role_snapshot("web")["inline"]) == ["logs"]


# ------------------------------------------------------------------------- what proves nothing


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(dict, id="nothing"),
        pytest.param(
            lambda: remembered(unusual(of_role(), "", asked=False)), id="not to be asked about"
        ),
        pytest.param(lambda: remembered(unusual(of_role(), "")._replace(day=1)), id="another day"),
        pytest.param(lambda: remembered(unusual(of_role("other"), "")), id="another role"),
        pytest.param(
            lambda: remembered(unusual(of_role(), "AROAOFONETHATISGONE")),
            id="a role of that name that is gone",
        ),
        pytest.param(lambda: {"who": of_role().principal, "unusual": "junk"}, id="junk"),
    ],
)
def test_an_event_that_the_record_does_not_bear_out_is_worth_nothing(
    world: World, known: Callable[[Any], None], document: Callable[[], Any]
) -> None:
    id_ = make_role()
    known(document())
    assert decisions(world, told(unusual(of_role(), id_))) == []


def test_an_event_under_another_id_asks_nothing_more(
    world: World, known: Callable[[Any], None]
) -> None:
    """One event a day and principal: whoever forges more of them asks no more questions."""
    shown = unusual(of_role(), make_role())
    known(remembered(shown))
    (decision,) = decisions(world, told(shown))
    event = event_of(shown, told(shown).id.split("-")[1], HERE)
    forged = {**event, "id": "x", "detail": {**event["detail"], "eventID": "x"}}  # type: ignore[dict-item]
    assert decisions(world, change_from_event(forged)) == []
    assert [one.id for one in decisions(world, told(shown))] == [decision.id]


def test_an_event_about_another_session_than_the_watcher_told_of_is_worth_nothing(
    world: World, known: Callable[[Any], None]
) -> None:
    """Else whoever puts one would have a role contained with what somebody else did."""
    shown = unusual(of_role(), make_role())
    known(remembered(shown))
    for claimed in (
        {"access_key": "ASIAOFSOMEBODYELSE01"},
        {"session": f"arn:aws:sts::{ACCOUNT}:assumed-role/web/somebody-else"},
        {"source_identity": "alice"},
        {"source": "203.0.113.99"},
        {"kind": "IAMUser"},
    ):
        forged = shown._replace(actor=replace(shown.actor, **claimed))
        assert decisions(world, told(forged)) == [], claimed
    assert len(decisions(world, told(shown))) == 1


def test_a_question_joins_what_the_record_knows_the_session_by(
    world: World, known: Callable[[Any], None]
) -> None:
    """Not the address, which a whole office may share, and which is no attacker's by this."""
    actor = replace(of_role(), access_key="ASIAIOSFODNN7EXAMPLE", source_identity="bob")
    shown = unusual(actor, make_role())
    known(remembered(shown))
    (decision,) = decisions(world, told(shown))
    by = ("access-key ASIAIOSFODNN7EXAMPLE", f"source-identity {ACCOUNT} bob")
    assert incidents.reported(decision.state) == by


def test_a_session_of_which_nothing_lasting_is_known_joins_nobody(
    world: World, known: Callable[[Any], None]
) -> None:
    shown = unusual(of_role(), make_role())
    known(remembered(shown))
    (decision,) = decisions(world, told(shown))
    assert incidents.reported(decision.state) == (f"conduct {of_role().principal}",)


# -------------------------------------------------------------------------------- about whom


def test_the_root_user_and_who_is_never_contained_are_told_of(
    world: World, known: Callable[[Any], None]
) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:root"
    shown = unusual(Actor(arn, arn, "Root", ACCOUNT, "198.51.100.7", "Mozilla/5.0"), ACCOUNT)
    known(remembered(shown))
    (decision,) = decisions(world, told(shown))
    assert decision.status is Status.OBSERVED
    assert "root user" in decision.plan.advice


def test_a_federated_caller_is_nobody_that_could_be_contained(world: World) -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/x"
    assert decisions(world, told(unusual(Actor(arn, arn, "FederatedUser", ACCOUNT), "x"))) == []


def test_sessions_that_were_denied_since_are_not_asked_about_again(
    world: World, known: Callable[[Any], None]
) -> None:
    shown = unusual(of_role(), make_role())
    known(remembered(shown))
    (decision,) = decisions(world, told(shown))
    assert approved(world.guard, decision).status is Status.REVERTED
    later = shown._replace(day=shown.day + 1)
    known(remembered(later))
    assert decisions(world, told(later)) == []


def test_a_score_below_the_policys_is_not_told_of(
    world: World, known: Callable[[Any], None]
) -> None:
    shown = unusual(of_role(), make_role())
    known(remembered(shown))
    assert decisions(world, told(shown), settings={CONTROL: {"ask_from": 80}}) == []
