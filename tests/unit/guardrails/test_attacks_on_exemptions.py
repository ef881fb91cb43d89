"""Attacks on exemptions: none is ever wider than what was named, by whom, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from driftguard.approvals import operators
from driftguard.approvals.operators import Act, Unfit
from driftguard.documents import Document, stamp
from driftguard.guardrails import declared
from driftguard.model import Actor, Resource
from driftguard.policy.bounds import Exemption
from driftguard.policy.model import Person
from driftguard.state.exemptions import exempted, given_exemptions, literal
from driftguard.state.keys import StateRecord, StateRecords, exemptions_key
from tests.support.each import each
from tests.support.guardrails.circumstances import (
    ACCOUNT,
    ALICE,
    CONTROL,
    HERE,
    NOW,
    REGION,
    WEB,
    ago,
    ahead,
    allowing,
    circumstances,
    session,
    user,
)
from tests.support.properties import tried

# Signs that a careless reader of patterns would take for more than they are.
SIGNS = st.text("ab-[]!*?/:\\.", min_size=1, max_size=6)
PLAIN = st.text("ab-/:.", min_size=1, max_size=6)
TAGS = st.dictionaries(st.sampled_from("kl"), SIGNS, max_size=2)


def thing(name: str) -> Resource:
    return Resource("a.thing", name, ACCOUNT, REGION, f"arn:aws:a:{REGION}:{ACCOUNT}:{name}")


exemptions = st.builds(
    Exemption,
    control=st.just(CONTROL),
    resource=SIGNS,
    until=st.just(ahead(days=1)),
    reason=st.just("a reason"),
    actor=SIGNS | st.just("*"),
    tags=TAGS,
)
things = st.builds(thing, SIGNS)
actors = st.builds(Actor, SIGNS, SIGNS)


def covers(one: Exemption, what: Resource, who: Actor, tags: Any = None) -> bool:
    return one.covers(CONTROL, what, stamp(NOW), who, tags)


@tried(3)
@given(exemptions, things, actors, TAGS, SIGNS, SIGNS, SIGNS)
def test_one_constraint_more_never_covers_more(
    one: Exemption, what: Resource, who: Actor, tags: Any, actor: str, tag: str, value: str
) -> None:
    narrower = [one._replace(actor=actor)] if one.actor == "*" else []
    narrower += [one._replace(tags={**one.tags, tag: value})] if tag not in one.tags else []
    narrower += [one._replace(until=stamp(NOW))]
    for less in narrower:
        assert covers(one, what, who, tags) or not covers(less, what, who, tags)


@tried(3)
@given(SIGNS, things, actors)
def test_a_name_without_wildcards_covers_nothing_else(
    name: str, what: Resource, who: Actor
) -> None:
    """Brackets too: `table[1]` is that table, and not `table1`."""
    assume(not set(name) & set("*?"))
    one = Exemption(CONTROL, name, ahead(days=1), "a reason")
    assert covers(one, what, who) == (name in (what.id, what.arn))


@tried(3)
@given(SIGNS, SIGNS)
def test_what_is_kept_for_a_while_covers_that_very_thing_only(name: str, other: str) -> None:
    """A thing may have a name that reads like a pattern: nobody exempts its siblings by that."""
    one = Exemption(CONTROL, literal(thing(name).arn), ahead(days=1), "kept")
    assert covers(one, thing(name), ALICE)
    assert covers(one, thing(other), ALICE) == (name == other)


@tried(3)
@given(PLAIN, PLAIN, PLAIN)
def test_a_wildcard_stands_for_any_text_and_a_question_mark_for_one_sign(
    begins: str, middle: str, ends: str
) -> None:
    name = f"{begins}{middle}{ends}"
    assert covers(Exemption(CONTROL, f"{begins}*{ends}", ahead(days=1), "x"), thing(name), ALICE)
    marks = Exemption(CONTROL, begins + "?" * len(middle) + ends, ahead(days=1), "x")
    assert covers(marks, thing(name), ALICE)
    assert not covers(marks, thing(name + "a"), ALICE)


@pytest.mark.parametrize(
    ("until", "holds"),
    [(ahead(seconds=0.001), True), (ahead(seconds=0), False), (ago(seconds=0.001), False)],
)
def test_it_ends_exactly_at_its_instant(until: str, holds: bool) -> None:
    given = exempted(
        StateRecord(exemptions_key(HERE, CONTROL)),
        "ex-1",
        {"resource": WEB.id, "until": until, "reason": "a reason", "by": "bob"},
        NOW - timedelta(hours=1),
    )
    remembered = StateRecords(HERE, {given.key: given})
    assert (declared.exemption(circumstances(remembered=remembered)) is not None) is holds
    declaring = replace(allowing(), exemptions=(Exemption(CONTROL, WEB.id, until, "a reason"),))
    assert (declared.exemption(circumstances(policy=declaring)) is not None) is holds


@tried(3)
@given(st.sampled_from([user("bob"), session("sso", "bob"), Actor("x", "x")]), st.booleans())
def test_who_gave_an_exemption_does_not_profit_from_it(giver: Actor, known: bool) -> None:
    """Neither by the identity that gave it, nor by another of the person's."""
    arns = (user("bob").principal, session("sso", "*").session, "x")
    policy = replace(allowing(), people=(Person("bob", iam=arns),) if known else ())
    entry: Document = {
        "resource": "*",
        "until": ahead(days=1),
        "reason": "a reason",
        "by": "bob" if known else giver.session,
        "identity": giver.session,
    }
    stored = exempted(StateRecord(exemptions_key(HERE, CONTROL)), "ex-1", entry, NOW)
    case = circumstances(policy=policy, remembered=StateRecords(HERE, {stored.key: stored}))
    assert declared.exemption(replace(case, actor=giver)) is None
    assert declared.exemption(replace(case, actor=ALICE)) is not None
    if known:
        for other in (user("bob"), session("sso", "bob")):
            assert declared.exemption(replace(case, actor=other)) is None


# --------------------------------------------------------------------- what is asked for


def asked(**said: Any) -> Act:
    usual: dict[str, Any] = {
        "control": CONTROL,
        "resource": "sg-web",
        "for_seconds": 3600,
        "reason": "the vendor needs it",
    }
    return Act("exempt", {**usual, **said}, "bob", user("bob").principal, NOW)


@each(
    "said",
    [
        {"tags": ["team=web"]},
        {"tags": "team=web"},
        {"tags": {"team": ["web"]}},
        {"tags": None},
        {"actor": [ALICE.principal]},
        {"actor": {}},
        {"actor": ""},
        {"resource": ""},
        {"resource": "*"},
        {"resource": "?*"},
        {"resource": "arn:*"},
        {"resource": "arn:aws:*"},
        {"resource": "*:*"},
        {"resource": ["sg-1", "sg-2"]},
        {"for_seconds": 0},
        {"for_seconds": True},
        {"for_seconds": 3600.5},
        {"for_seconds": 367 * 86_400},
        {"for_seconds": None},
        {"reason": ""},
        {"control": "ec2.*"},
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused_and_never_read_as_wider(said: Any) -> None:
    with pytest.raises(Unfit):
        operators.done(asked(**said), StateRecords(HERE))


def test_what_is_given_is_what_was_named() -> None:
    actor = ALICE.principal
    what = operators.done(asked(tags={"team": "web"}, actor=actor), StateRecords(HERE))
    remembered = StateRecords(HERE, {stored.key: stored for stored in what.records})
    (one,) = given_exemptions(CONTROL, remembered)
    assert (one.resource, one.actor, one.tags) == ("sg-web", actor, {"team": "web"})
    assert one.until == ahead(hours=1)
    assert (one.by, one.identity) == ("bob", user("bob").principal)
