"""One message a decision, kept up to date; one for all of a storm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.approvals.desk import Desk
from driftguard.channels.channel import NOTHING_NEW
from driftguard.model import Autonomy, Choice, Decision, Status, Vote
from driftguard.policy.bounds import Bounds, BreakGlass
from driftguard.policy.model import Route
from tests.support.guardrails.throwaway import add_full_moon
from tests.support.slack_room import CHANNEL, Room
from tests.support.slack_stand_in import SlackStandIn
from tests.support.world import HERE


def vote(room: Room, decision: Decision, person: str, choice: str = "revert") -> None:
    desk = Desk(room.world.audit, room.world.state, room.policy, room.world.clock.now)
    given = Vote(person, Choice(choice), "slack", "2026-11-24T12:00:00.000Z", decision.before)
    assert desk.vote(decision.id, given).counted


def posted(room: Room, decision: Decision) -> None:
    """Tells of a decision that the table does not have as it is here."""
    digest = room.teller.tell(decision).digest
    assert room.teller.tell_digest(digest, [decision]) == 1


def test_an_approval_request_shows_what_who_why_what_would_be_done_and_the_timeout_action(
    room: Room,
) -> None:
    assert room.tell(decision := room.decide()) == ""
    message = room.message()
    assert message.channel == CHANNEL
    assert "Security group open to the internet: waits for a person" in message.shown
    assert "lets the internet in: tcp 22 from 0.0.0.0/0" in message.shown
    assert "arn:aws:iam::123456789012:user/alice from 203.0.113.9" in message.shown
    assert "ec2:RevokeSecurityGroupIngress\n    goes   IpPermissions: " in message.shown
    assert "If nobody votes until" in message.shown
    assert "the change stands" in message.shown
    assert decision.id in message.shown
    assert list(message.buttons()) == [
        "driftguard.revert",
        "driftguard.accept",
        "driftguard.accept-for",
        "driftguard.details",
    ]


def test_after_a_vote_the_same_message_says_who_when_and_the_outcome(room: Room) -> None:
    decision = room.decide()
    room.tell(decision)
    vote(room, decision, "bob")
    room.tell(room.now(decision))
    message = room.message()
    assert "approved, being reverted" in message.shown
    assert "bob: revert, via slack, 2026-11-24 12:00:00 UTC" in message.shown
    assert "driftguard.revert" not in message.buttons()

    room.guard.carry_out(decision.id)
    room.tell(room.now(decision))
    assert room.message() is message
    assert "Security group open to the internet: reverted" in message.shown
    undo = message.buttons()["driftguard.undo"]
    assert undo["confirm"]["title"]["text"] == "Undo this revert?"


def test_a_reminder_of_what_is_contained_is_a_message_of_its_own(
    room: Room, slack: SlackStandIn
) -> None:
    decision = room.decide()
    held = replace(decision, status=Status.REVERTED, done=1, remind="2026-11-27T12:00:00.000Z")
    room.teller.tell(held)
    at = held.remind
    again = replace(held, version=9, updated=at, told_again=at, remind="2026-11-30T12:00:00.000Z")
    assert room.teller.tell(again).messages == 1
    assert room.teller.tell(again).messages == 0
    _, reminder = slack.posted
    assert "still contained" in reminder.shown and "Since 2026" in reminder.shown
    assert "driftguard.undo" in reminder.buttons()


def test_the_log_goes_into_the_thread_once(room: Room, slack: SlackStandIn) -> None:
    decision = room.decide()
    room.tell(decision)
    vote(room, decision, "bob")
    room.tell(room.now(decision))
    room.guard.carry_out(decision.id)
    room.tell(room.now(decision))
    first, second = slack.thread(room.message())
    assert "decided by guard" in first
    assert "approved by bob via slack: revert via slack" in first
    assert "decided" not in second
    assert "reverted by guard: verified" in second


def test_a_record_that_comes_again_tells_nothing_twice(room: Room, slack: SlackStandIn) -> None:
    decision = room.decide()
    room.tell(decision)
    room.tell(decision)
    vote(room, decision, "bob")
    room.tell(room.now(decision))
    room.tell(room.now(decision))
    assert slack.calls == ["chat.postMessage", "chat.update", "chat.postMessage"]


def test_a_vote_of_two_is_shown_and_the_buttons_stay(room: Room) -> None:
    room.use(Autonomy.ASK, quorum=2)
    decision = room.decide()
    room.tell(decision)
    vote(room, decision, "bob")
    room.tell(room.now(decision))
    assert "bob: revert" in room.message().shown
    assert "2 people must agree" in room.message().shown
    assert "driftguard.accept" in room.message().buttons()


def test_a_decision_without_a_route_is_not_told(room: Room, slack: SlackStandIn) -> None:
    room.teller = replace(room.teller, policy=replace(room.policy, routes=()))
    assert room.tell(room.decide()) == ""
    assert slack.calls == []


def test_what_people_exempted_is_not_told_again(room: Room, slack: SlackStandIn) -> None:
    decision = replace(room.decide(), status=Status.EXEMPTED)
    assert room.teller.tell(decision) == NOTHING_NEW
    assert slack.calls == []


def test_text_from_the_account_mentions_nobody_and_links_nowhere(room: Room) -> None:
    nasty = "<!channel> <https://evil.example|click> & ```"
    decision = replace(room.decide(), summary=nasty, reason=nasty, title=nasty)
    posted(room, decision)
    for block in room.message().blocks:
        for text in (block.get("text", {}), *block.get("fields", [])):
            if text.get("type") == "mrkdwn":
                assert "<!" not in text["text"]
                assert "<https" not in text["text"]
    assert "<!channel>" not in room.message().text


def test_a_plan_of_hundreds_of_long_calls_is_cut_to_what_slack_takes(room: Room) -> None:
    decision = room.decide()
    (step,) = decision.plan.steps
    call = replace(step.call, parameters={"Policy": "&<" * 9000, "MasterUserPassword": "hunter2"})
    plan = replace(
        decision.plan,
        steps=(replace(step, call=call),) * 300,
        untouched=("k" * 500,) * 300,
        advice="a&" * 9000,
    )
    posted(room, replace(decision, plan=plan, summary="s" * 9000, title="t" * 400))
    shown = room.message().shown
    assert "and 290 more" in shown
    assert "hunter2" not in shown


def test_the_state_stays_in_the_account(room: Room) -> None:
    decision = replace(room.decide(), state={"Secret": "the-whole-state"})
    posted(room, decision)
    assert "the-whole-state" not in room.message().shown


def test_advice_without_calls_offers_no_revert(room: Room) -> None:
    decision = room.decide()
    plan = replace(decision.plan, steps=(), advice="Close it by hand.")
    posted(room, replace(decision, plan=plan))
    assert "driftguard.revert" not in room.message().buttons()
    assert "driftguard.accept" in room.message().buttons()


# ------------------------------------------------------------------------------- trouble


def test_a_rate_limit_is_waited_for_and_the_record_comes_again(
    room: Room, slack: SlackStandIn
) -> None:
    first, second = room.decide(), room.decide()
    slack.rate_limit(after=7)
    assert room.tell(first, second) == f"{first.id}-{first.version:06d}"
    assert room.slept == [7.0]
    assert slack.calls == ["chat.postMessage"]
    assert "rate limited for 7 s" in room.troubles[0]
    assert room.tell(first, second) == ""
    assert len(slack.posted) == 1


def test_a_wrong_channel_is_named_with_what_to_do(room: Room, slack: SlackStandIn) -> None:
    slack.refuse("channel_not_found")
    assert room.tell(room.decide()) != ""
    assert "is the channel's id in the policy right" in room.troubles[0]


def test_a_message_that_somebody_deleted_is_posted_anew(room: Room, slack: SlackStandIn) -> None:
    decision = room.decide()
    room.tell(decision)
    slack.messages.clear()
    vote(room, decision, "bob")
    assert room.tell(room.now(decision)) == ""
    assert "approved" in room.message().shown


def test_a_slack_that_is_away_is_an_error_in_words(room: Room) -> None:
    room.teller = replace(
        room.teller, slack=replace(room.teller.slack, api_url="http://127.0.0.1:9/api")
    )
    assert room.tell(room.decide()) != ""
    assert "chat.postMessage got no answer" in room.troubles[0]


# ------------------------------------------------------------------------------- storms


def test_a_storm_is_one_message_with_a_count_that_is_updated_in_place(
    room: Room, slack: SlackStandIn
) -> None:
    room.use(Autonomy.REVERT, digest_over=3)
    decisions = [room.decide() for _ in range(20)]
    assert room.tell(*decisions[:10]) == ""
    assert room.tell(*decisions[10:]) == ""
    *single, storm = slack.posted
    assert len(single) == 3
    assert "17 decisions since" in storm.shown
    assert "17 reverted" in storm.shown
    assert "and 2 more" in storm.shown
    assert storm.edits == 1


def test_an_outcome_in_a_storm_moves_its_count(room: Room, slack: SlackStandIn) -> None:
    room.use(Autonomy.ASK, digest_over=1)
    decisions = [room.decide() for _ in range(3)]
    room.tell(*decisions)
    _, storm = slack.posted
    assert "2 waiting for votes" in storm.shown
    assert "driftguard audit list --status asked" in storm.shown
    vote(room, decisions[2], "bob", "accept")
    room.tell(room.now(decisions[2]))
    assert "1 waiting for votes, 1 accepted" in storm.shown
    room.tell(room.now(decisions[2]))
    assert "1 waiting for votes, 1 accepted" in storm.shown


def test_a_storm_that_slack_would_not_take_comes_again_and_counts_once(
    room: Room, slack: SlackStandIn
) -> None:
    room.use(Autonomy.REVERT, digest_over=1)
    decisions = [room.decide() for _ in range(4)]
    room.tell(decisions[0])
    slack.rate_limit(after=2)
    assert room.tell(*decisions[1:]) == f"{decisions[1].id}-{decisions[1].version:06d}"
    assert room.tell(*decisions[1:]) == ""
    assert "3 decisions since" in slack.posted[1].shown
    assert len(slack.posted) == 2


def test_of_two_workers_one_posts_the_storms_message(room: Room, slack: SlackStandIn) -> None:
    room.use(Autonomy.REVERT, digest_over=1)
    first, second, third = (room.decide() for _ in range(3))
    room.tell(first)
    channel, began = room.teller.tell(second).digest.split()
    tally = room.teller.sent.tally
    tally.claim(tally.storm(channel, began), room.world.clock.now())
    assert room.tell(third) == f"{third.id}-{third.version:06d}"
    assert "another worker posts the digest" in room.troubles[0]
    assert len(slack.posted) == 1
    # The other worker was never heard of again.
    room.world.clock.pass_by(minutes=2)
    assert room.tell(third) == ""
    assert "2 decisions since" in slack.posted[1].shown


def test_after_the_storm_there_is_a_message_for_each_again(room: Room, slack: SlackStandIn) -> None:
    room.use(Autonomy.REVERT, digest_over=1)
    room.tell(*[room.decide() for _ in range(3)])
    room.world.clock.pass_by(minutes=20)
    room.tell(room.decide())
    assert len(slack.posted) == 3
    assert "decisions since" not in slack.posted[2].shown


@pytest.mark.parametrize("name", ["slack", "slack-rate", "slack-digest"])
def test_what_is_kept_expires_by_itself(room: Room, name: str) -> None:
    room.use(Autonomy.REVERT, digest_over=1)
    room.tell(*[room.decide() for _ in range(2)])
    items = [
        item
        for item in boto3.client("dynamodb").scan(TableName="state")["Items"]
        if item["pk"]["S"].startswith(f"{name}#") and "began" not in item
    ]
    assert items
    assert all(int(item["expires"]["N"]) > 1_700_000_000 for item in items)


# ------------------------------------------------------------------------------- what is stored


def stored(kind: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = boto3.client("dynamodb").scan(TableName="state")["Items"]
    return [item for item in items if item["pk"]["S"].startswith(f"{kind}#")]


def test_every_item_carries_where_the_guard_stands_and_names_its_format(room: Room) -> None:
    room.use(Autonomy.REVERT, digest_over=1)
    room.tell(*[room.decide() for _ in range(3)])
    room.teller.sent.first_sight("abc", room.world.clock.now(), keep_seconds=60)
    for kind in ("slack", "slack-rate", "slack-digest", "slack-seen"):
        items = stored(kind)
        assert items
        for item in items:
            assert item["pk"]["S"].split("#")[1:3] == [HERE.account, HERE.region]
            assert item["format"] == {"N": "1"}


# ------------------------------------------------------------------------------- emergencies


def test_who_acts_in_an_emergency_is_told_to_every_channel(room: Room, slack: SlackStandIn) -> None:
    routes = (Route("C0QUIET", controls=("iam.*",)), Route(CHANNEL), Route("C0BOARD"))
    room.use(Autonomy.REVERT)
    who = BreakGlass("arn:aws:iam::123456789012:user/*", "the on-call key in the safe")
    policy = replace(room.policy, routes=routes, bounds=Bounds(break_glass=(who,)))
    room.guard = replace(room.guard, policy=policy)
    room.teller = replace(room.teller, policy=policy)
    decision = room.decide()
    assert decision.status is Status.OBSERVED
    room.tell(decision)
    assert {one.channel for one in slack.posted} == {"C0QUIET", CHANNEL, "C0BOARD"}


def test_what_a_new_guardrail_calls_urgent_is_told_to_every_channel(
    room: Room, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_full_moon(monkeypatch, urgent=True)
    policy = replace(room.policy, routes=(Route(CHANNEL), Route("C0BOARD")))
    room.teller = replace(room.teller, policy=policy)
    room.tell(room.decide())
    assert {one.channel for one in slack.posted} == {CHANNEL, "C0BOARD"}
