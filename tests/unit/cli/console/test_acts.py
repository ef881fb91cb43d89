"""What people do in the console is what the commands do: the guard answers, in its own words."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from driftguard.model import Status
from driftguard.state import freezes
from driftguard.state.exemptions import given_exemptions
from driftguard.state.keys import ALL, exemptions_key, freeze_key
from tests.support.api_requests import BOB
from tests.support.approving import is_open
from tests.support.console import Visitor
from tests.support.doors import Door
from tests.support.operating import acts
from tests.support.world import HERE


def of(door: Door, act: str = "") -> str:
    return f"decisions/{door.asked.decision.id}" + (f"/{act}" if act else "")


def now(door: Door) -> Status:
    found = door.asked.world.audit.get(door.asked.decision.id)
    assert found is not None
    return found.status


@pytest.fixture
def reverted(door: Door) -> Door:
    door.api.post(BOB)
    assert door.asked.carried_out().status is Status.REVERTED
    return door


def test_approving_shows_the_plan_and_is_bobs_vote(
    door: Door, visitor: Visitor, group: str
) -> None:
    shown = visitor.get(of(door, "approve"))
    assert "Approve the remediation, so that the change is reverted?" in shown.words
    assert "ec2:RevokeSecurityGroupIngress" in shown.words
    assert now(door) is Status.ASKED
    done = visitor.submitted(of(door, "approve"), reason="a mistake")
    assert "Thank you: it is being reverted." in done.words
    assert "bob: revert, via api" in done.words
    assert door.asked.carried_out().status is Status.REVERTED
    assert not is_open(group)


def test_denying_lets_the_change_be(door: Door, visitor: Visitor, group: str) -> None:
    assert "Thank you" in visitor.submitted(of(door, "deny"), reason="the vendor").words
    assert now(door) is Status.DENIED
    assert is_open(group)


def test_accepting_for_a_while_exempts_the_resource_until_then(
    door: Door, visitor: Visitor
) -> None:
    done = visitor.submitted(of(door, "accept"), length="2d", reason="a launch")
    assert "Thank you: the change stands until " in done.words
    assert now(door) is Status.DENIED
    assert visitor.get("exceptions").words.count("a launch") == 1


def test_a_length_that_is_none_is_a_sentence_and_what_was_typed_stays(
    door: Door, visitor: Visitor
) -> None:
    answer = visitor.submitted(of(door, "accept"), length="soon", reason="a launch")
    assert answer.status == 409
    assert "`soon` is not a length of time like 30m, 24h or 7d" in answer.words
    assert 'value="a launch"' in answer.body
    assert now(door) is Status.ASKED


def test_a_vote_is_about_what_was_shown_and_nothing_else(door: Door, visitor: Visitor) -> None:
    answer = visitor.submitted(of(door, "approve"), fingerprint="0123456789abcdef")
    assert answer.status == 409
    assert "The resource has changed since you were asked" in answer.words
    assert now(door) is Status.ASKED


def test_a_second_vote_is_told_what_was_decided(door: Door, visitor: Visitor) -> None:
    visitor.submitted(of(door, "approve"))
    again = visitor.submitted(of(door, "deny"))
    assert again.status == 409
    assert "Already approved, by bob via api" in again.words


def test_whom_iam_does_not_let_in_is_told_which_permission_is_missing(
    door: Door, visitor: Visitor
) -> None:
    door.forbids = True
    assert "lambda:InvokeFunctionUrl" in visitor.submitted(of(door, "approve")).words
    assert door.asked.events() == [("decided", "guard")]


def test_an_undo_shows_what_comes_back_and_puts_it_back(
    reverted: Door, visitor: Visitor, group: str
) -> None:
    reverted.api.obeyed_at_once(reverted.asked.guard)
    shown = visitor.get(of(reverted, "undo"))
    assert f"This comes back: {reverted.asked.decision.summary}." in shown.words
    assert "ec2:AuthorizeSecurityGroupIngress(" in shown.words
    done = visitor.submitted(of(reverted, "undo"), reason="the vendor needs it")
    assert "undone by bob" in done.words
    assert now(reverted) is Status.UNDONE
    assert is_open(group)


def test_the_page_follows_an_undo_that_the_guard_has_not_taken_up_yet(
    reverted: Door, visitor: Visitor
) -> None:
    assert "hx-trigger" not in visitor.get(of(reverted)).body.partition('id="story"')[2][:400]
    done = visitor.submitted(of(reverted, "undo"), reason="the vendor needs it")
    assert "undo-requested" in done.words
    assert 'hx-trigger="every 3s, ' in done.body
    assert now(reverted) is Status.REVERTED


def test_an_undo_of_what_has_moved_since_is_refused(
    reverted: Door, visitor: Visitor, group: str
) -> None:
    answer = visitor.submitted(of(reverted, "undo"), version="1")
    assert answer.status == 409
    assert "has moved since it was shown to you" in answer.words
    assert not is_open(group)


def test_what_cannot_be_done_is_not_offered(door: Door, reverted: Door, visitor: Visitor) -> None:
    page = visitor.get(of(reverted))
    assert re.findall(r'id="act-(\w+)"', page.body) == ["undo"]
    assert visitor.submitted(of(reverted, "approve")).status == 409
    assert visitor.get(of(reverted, "destroy")).status == 400
    assert visitor.get(f"decisions/dg-{'0' * 24}").status == 404


def test_an_exemption_is_added_and_ended(door: Door, visitor: Visitor) -> None:
    done = visitor.submitted(
        "exceptions/exempt",
        control="ec2.open-ingress",
        resource="sg-0a1b2c3d4e5f60718",
        length="12h",
        tags="team=web",
        reason="a launch",
    )
    assert done.status == 200, done.words
    key = exemptions_key(HERE, "ec2.open-ingress")
    (one,) = given_exemptions("ec2.open-ingress", door.asked.world.state.recall(key))
    assert (one.resource, dict(one.tags), one.by) == (
        "sg-0a1b2c3d4e5f60718",
        {"team": "web"},
        "bob",
    )
    (link,) = re.findall(r'href="[^"]*/(exceptions/unexempt\?[^"]*)"', done.body)
    ended = visitor.submitted(link.replace("&amp;", "&"), reason="it is over")
    assert ended.status == 200, ended.words
    assert not given_exemptions("ec2.open-ingress", door.asked.world.state.recall(key))
    assert sorted(act.change_name for act in acts(door.asked.world)) == ["exempt", "unexempt"]


def test_an_exemption_that_is_refused_says_why(visitor: Visitor) -> None:
    whole = {
        "control": "ec2.open-ingress",
        "resource": "sg-0a1b2c3d4e5f60718",
        "length": "12h",
        "reason": "a launch",
    }
    refused: list[tuple[dict[str, str], str]] = [
        ({"control": "ec2.open-ingres"}, "There is no control `ec2.open-ingres`"),
        ({"length": "soon"}, "For how long: `soon` is not a length of time"),
        ({"tags": "team"}, "write a tag as KEY=VALUE, not `team`"),
        ({"reason": ""}, "Say why: the record asks for a `reason`."),
    ]
    for filled, complaint in refused:
        answer = visitor.submitted("exceptions/exempt", **{**whole, **filled})
        assert answer.status == 409, filled
        assert complaint in answer.words


def test_a_freeze_is_set_shown_and_lifted(door: Door, visitor: Visitor) -> None:
    done = visitor.submitted("exceptions/freeze", length="2h", reason="a migration")
    assert "everything is frozen for 1 h 59 min more" in done.words
    record = door.asked.world.state.record(freeze_key(HERE, ALL))
    assert freezes.holds(record, door.asked.world.clock.now())
    (act,) = acts(door.asked.world)
    story = visitor.get(f"decisions/{act.id}").words
    assert "a migration" in story
    assert "remediation" not in story
    (link,) = re.findall(r'href="[^"]*/(exceptions/unfreeze\?[^"]*)"', done.body)
    link = link.replace("&amp;", "&")
    moved = visitor.submitted(re.sub(r"version=\d+", "version=77", link), reason="over")
    assert moved.status == 409
    assert "no longer as it was shown" in moved.words
    lifted = visitor.submitted(link, reason="it is over")
    assert "Nothing is frozen." in lifted.words
    assert freezes.is_lifted(door.asked.world.state.record(freeze_key(HERE, ALL)))


def test_what_one_person_proposes_another_agrees_to(door: Door, visitor: Visitor) -> None:
    asked = door.asked
    strict = replace(
        asked.guard.policy, approvals=(replace(asked.guard.policy.approvals[0], quorum=2),)
    )
    door.api.api = replace(door.api.api, desk=replace(asked.desk, policy=strict))
    carol = "arn:aws:sts::123456789012:assumed-role/sso/carol"
    _, said = door.api.post(carol, "/act", act="freeze", for_seconds=3600, reason="a migration")
    assert said["status"] == "proposed", said
    assert said["decision"] in visitor.get("now/requests").body
    shown = visitor.get(f"decisions/{said['decision']}/confirm")
    assert "a migration" in shown.words
    agreed = visitor.submitted(f"decisions/{said['decision']}/confirm", reason="expected")
    assert agreed.status == 200, agreed.words
    assert "everything is frozen" in visitor.get("exceptions").words
