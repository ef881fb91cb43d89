"""What each guardrail rules where people have spoken; the other rulings are in `test_rulings_on_*`.

For each guardrail a test names the complaint of another tool's users that the ruling answers.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from driftguard.documents import Document
from driftguard.guardrails import declared, plans, registry
from driftguard.guardrails.guardrail import Guardrail
from driftguard.guardrails.judgment import judge
from driftguard.model import Actor, Autonomy, Use
from driftguard.policy.bounds import ChangeWindow, Exemption, Limit, Scope
from driftguard.policy.model import Person
from driftguard.state.exemptions import literal
from driftguard.state.keys import exemptions_key, freeze_key
from tests.support.each import each
from tests.support.guardrails.circumstances import (
    ALICE,
    CONTROL,
    HERE,
    NOW,
    TESTS,
    WEB,
    ahead,
    allowing,
    circumstances,
    group,
    of,
    remembered,
    session,
    user,
)


def test_every_guardrail_has_tests_that_name_the_complaint_it_answers() -> None:
    for one in Path(__file__).parent.glob("test_rulings*.py"):
        import_module(f"tests.unit.guardrails.{one.stem}")
    assert set(TESTS) == {one.check for one in registry.GUARDRAILS}
    for check, tests in TESTS.items():
        said = " ".join(inspect.getdoc(one) or "" for one in tests)
        assert re.search(r"(Custodian|ASR|cleanup|panther|flowpipe) ?#\d+", said), check
        assert len(tests) > 1, f"{check.__name__} needs a case that holds and one that does not"


def test_nothing_in_the_way_is_reverted_and_says_so() -> None:
    judged = judge(circumstances())
    assert (judged.autonomy, judged.rulings) == (Autonomy.REVERT, ())
    assert judged.reason == "policy grants revert"


@each("guardrail", registry.GUARDRAILS, ids=lambda one: one.name)
def test_where_nothing_speaks_against_a_revert_every_guardrail_is_silent(
    guardrail: Guardrail,
) -> None:
    assert guardrail.ruling(circumstances()) is None


# ------------------------------------------------------------------------------- exemptions

SPARED = Exemption(CONTROL, WEB.id, ahead(hours=1), "a honeypot")


def exempting(*exemptions: Exemption) -> Any:
    return replace(allowing(), exemptions=exemptions)


def given(**entry: Any) -> Any:
    """A memory of one exemption that bob gave at run time."""
    usual: Document = {
        "resource": literal(WEB.arn),
        "until": ahead(days=1),
        "reason": "the vendor needs it",
        "by": "bob",
        "identity": user("bob").principal,
    }
    return remembered({exemptions_key(HERE, CONTROL): {"entries": {"ex-1": {**usual, **entry}}}})


@of(declared.exemption)
def test_an_exemption_holds_for_what_it_names_and_for_no_sibling() -> None:
    """Cloud Custodian #6954: exempting one rule exempts its siblings."""
    exempt = exempting(SPARED)
    ruling = declared.exemption(circumstances(policy=exempt))
    assert ruling is not None
    assert ruling.limit is Autonomy.OBSERVE
    assert ruling.reason == f"exempted until {SPARED.until}: a honeypot"
    for sibling in (group("sg-web2"), group("sg-we"), group("SG-WEB")):
        assert declared.exemption(circumstances(policy=exempt, resource=sibling)) is None
    other = circumstances(policy=exempt, control="ec2.open-egress")
    assert declared.exemption(other) is None


@of(declared.exemption)
def test_an_exemption_ends_at_the_very_instant_it_names() -> None:
    """aws-auto-cleanup#127: a waiver expired between the dry run and the delete.

    It is looked at with the time of the decision, so it holds to its last millisecond and no more.
    """
    last = SPARED._replace(until="2026-11-24T12:00:00.001Z")
    over = SPARED._replace(until="2026-11-24T12:00:00.000Z")
    assert declared.exemption(circumstances(policy=exempting(last))) is not None
    assert declared.exemption(circumstances(policy=exempting(over))) is None


@of(declared.exemption)
def test_an_exemption_by_tag_or_actor_holds_only_where_both_are_so() -> None:
    """Cloud Custodian #7244: exempt the buckets that are public on purpose."""
    ours = SPARED._replace(tags={"team": "web-*"}, actor="*:role/deployer")
    deployer = session("deployer", "run-1")
    tagged = circumstances(
        policy=exempting(ours), actor=deployer, tags={"team": "web-shop", "env": "prod"}
    )
    assert declared.exemption(tagged) is not None
    assert declared.exemption(replace(tagged, actor=ALICE)) is None
    assert declared.exemption(replace(tagged, tags={"team": "db"})) is None
    assert declared.exemption(replace(tagged, tags=None)) is None


@of(declared.exemption)
def test_an_exemption_given_at_run_time_names_who_gave_it() -> None:
    ruling = declared.exemption(circumstances(remembered=given()))
    assert ruling is not None
    assert ruling.reason.startswith("exempted by bob until")


@of(declared.exemption)
@pytest.mark.parametrize(
    "actor",
    [user("bob"), session("sso", "bob")],
    ids=["the identity that gave it", "another identity of that person"],
)
def test_nobodys_own_change_is_covered_by_an_exemption_that_they_gave(actor: Actor) -> None:
    bob = Person("bob", iam=(user("bob").principal, session("sso", "bob").session))
    carol = Person("carol", iam=(session("sso", "carol").session,))
    policy = replace(allowing(), people=(bob, carol))
    assert declared.exemption(circumstances(policy=policy, remembered=given(), actor=actor)) is None
    others = circumstances(policy=policy, remembered=given(), actor=session("sso", "carol"))
    assert declared.exemption(others) is not None


@of(declared.exemption)
def test_an_exemption_by_an_unnamed_identity_covers_a_change_by_an_unnamed_actor() -> None:
    """Records of some services name nobody: that does not make them who gave the exemption."""
    unnamed = circumstances(remembered=given(identity=""), actor=Actor())
    assert declared.exemption(unnamed) is not None


# ------------------------------------------------------------------------- freeze and ceiling


def freezing(scope: str, **said: str) -> Any:
    return remembered({freeze_key(HERE, scope): {"by": "alice", "reason": "migration", **said}})


@of(declared.freeze)
@pytest.mark.parametrize(
    ("scope", "named"),
    [
        ("all", "frozen by alice: migration"),
        ("account#123456789012", "frozen by alice (account 123456789012): migration"),
        (f"control#{CONTROL}", f"frozen by alice (control {CONTROL}): migration"),
    ],
)
def test_a_freeze_holds_for_all_an_account_or_a_control(scope: str, named: str) -> None:
    """Cloud Custodian #7179: recursion, millions of invocations, and no one switch to stop it."""
    ruling = declared.freeze(circumstances(remembered=freezing(scope)))
    assert ruling is not None
    assert (ruling.limit, ruling.reason) == (Autonomy.OBSERVE, named)


@of(declared.freeze)
@pytest.mark.parametrize("scope", ["account#999999999999", "control#s3.public-acl", "ALL"])
def test_a_freeze_of_something_else_holds_nothing(scope: str) -> None:
    assert declared.freeze(circumstances(remembered=freezing(scope))) is None


@of(declared.freeze)
def test_a_freeze_ends_at_the_very_instant_it_names() -> None:
    one_left = freezing("all", until="2026-11-24T12:00:00.001Z")
    over = freezing("all", until="2026-11-24T12:00:00.000Z")
    ruling = declared.freeze(circumstances(remembered=one_left))
    assert ruling is not None
    assert ruling.reason == "frozen by alice until 2026-11-24T12:00:00.001Z: migration"
    assert declared.freeze(circumstances(remembered=over)) is None


@of(declared.ceiling)
@pytest.mark.parametrize("limit", [Autonomy.OBSERVE, Autonomy.ASK])
def test_the_stacks_ceiling_caps_everything(limit: Autonomy) -> None:
    """panther#1482: users object to a broad role. Whoever deploys says how far it may ever go."""
    ruling = declared.ceiling(circumstances(ceiling=limit))
    assert ruling is not None
    assert (ruling.limit, ruling.reason) == (limit, f"the stack's AutonomyCeiling is {limit.label}")


@of(declared.ceiling)
def test_a_ceiling_of_revert_holds_nothing() -> None:
    assert declared.ceiling(circumstances()) is None


# ------------------------------------------------------------------- windows and protection

NIGHT = ChangeWindow("night shift", Scope(), Autonomy.ASK, opens=22 * 60, closes=6 * 60)
OFFICE = ChangeWindow(
    "office", Scope(), Autonomy.OBSERVE, 9 * 60, 17 * 60, days=(0, 1, 2, 3, 4), zone="Europe/Berlin"
)


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


def windowed(now: datetime, *windows: ChangeWindow) -> Any:
    return declared.change_window(circumstances(now=now, policy=allowing(change_windows=windows)))


@of(declared.change_window)
@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        (NIGHT, "2026-11-24 22:00", "2026-11-24 21:59"),
        (NIGHT, "2026-11-25 05:59", "2026-11-25 06:00"),
        # Berlin is an hour ahead in winter, two in summer.
        (OFFICE, "2026-11-24 08:00", "2026-11-24 07:59"),
        (OFFICE, "2026-11-24 15:59", "2026-11-24 16:00"),
        (OFFICE, "2026-07-24 07:00", "2026-07-24 06:59"),
        (OFFICE, "2026-11-27 12:00", "2026-11-28 12:00"),  # Friday, Saturday
        # It belongs to the day on which it opens: Friday's night lasts into Saturday.
        (NIGHT._replace(days=(4,)), "2026-11-28 05:59", "2026-11-27 05:59"),
        (NIGHT._replace(days=(4,)), "2026-11-27 23:00", "2026-11-28 23:00"),
        (NIGHT._replace(opens=0, closes=1440, days=(1,)), "2026-11-24 23:59", "2026-11-25 00:00"),
    ],
)
def test_a_change_window_holds_from_its_first_minute_to_before_its_last(
    window: ChangeWindow, inside: str, outside: str
) -> None:
    """Cloud Custodian #6826: acts before Terraform has tagged. While people deploy, it asks."""
    ruling = windowed(at(inside), window)
    assert ruling is not None
    assert ruling.limit is window.autonomy
    assert ruling.reason.startswith(f"within the change window `{window.name}`: at most")
    assert windowed(at(outside), window) is None


@of(declared.change_window)
def test_a_window_may_count_outside_of_its_hours() -> None:
    """Nobody looks at night: what is reverted by day is asked about then."""
    by_day = OFFICE._replace(outside=True, autonomy=Autonomy.ASK)
    ruling = windowed(at("2026-11-24 23:00"), by_day)
    assert ruling is not None
    assert ruling.reason.startswith("outside of the change window `office`")
    assert windowed(at("2026-11-24 12:00"), by_day) is None


@of(declared.change_window)
def test_a_window_whose_hours_cannot_be_told_always_holds() -> None:
    nowhere = NIGHT._replace(zone="Europe/Atlantis")
    assert windowed(NOW, nowhere) is not None
    assert windowed(NOW, nowhere._replace(outside=True)) is not None


@of(declared.change_window)
def test_a_window_holds_only_for_what_it_is_for() -> None:
    elsewhere = NIGHT._replace(scope=Scope(resources=("sg-other",)))
    assert windowed(at("2026-11-24 23:00"), elsewhere) is None


def limit(autonomy: Autonomy, reason: str, **scope: Any) -> Limit:
    return Limit(Scope(**scope), autonomy, reason)


@of(declared.protected)
def test_what_is_protected_is_never_changed_without_a_person() -> None:
    """Cloud Custodian #2917: valid 80/443 rules deleted."""
    shop = limit(Autonomy.ASK, "the shop's front door", resources=("sg-web",))
    policy = allowing(protected=(shop,))
    ruling = declared.protected(circumstances(policy=policy))
    assert ruling is not None
    assert (ruling.limit, ruling.reason) == (Autonomy.ASK, "protected: the shop's front door")
    assert declared.protected(circumstances(policy=policy, resource=group("sg-db"))) is None


@of(declared.protected)
def test_protection_by_tag_counts_only_tags_that_were_read() -> None:
    tagged = allowing(protected=(limit(Autonomy.ASK, "production", tags={"env": "prod*"}),))
    assert declared.protected(circumstances(policy=tagged, tags={"env": "production"}))
    assert declared.protected(circumstances(policy=tagged, tags={"env": "test"})) is None
    assert declared.protected(circumstances(policy=tagged)) is None


def test_of_several_windows_and_limits_the_lowest_counts_in_any_order() -> None:
    asks, watches = limit(Autonomy.ASK, "a"), limit(Autonomy.OBSERVE, "b")
    both = (NIGHT._replace(opens=0, closes=1440), OFFICE._replace(name="b"))
    for order in (slice(None), slice(None, None, -1)):
        case = circumstances(
            policy=allowing(
                protected=(asks, watches)[order],
                in_use=(asks, watches)[order],
                change_windows=both[order],
            ),
            use=Use("a load balancer"),
        )
        for guardrail in (declared.protected, plans.in_use, declared.change_window):
            ruling = guardrail(case)
            assert ruling is not None
            assert ruling.limit is Autonomy.OBSERVE, guardrail
