"""The webhook, PagerDuty and Teams against a stand-in: what they send, when, and what fails."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.aws.time_limit import OutOfTime, TimeLimit
from driftguard.channels.hooks import teams
from driftguard.channels.hooks.news import News, news_in
from driftguard.channels.hooks.pagerduty import PagerDuty, action_of
from driftguard.channels.hooks.post import NotTaken, Post
from driftguard.channels.hooks.teams import Teams
from driftguard.channels.hooks.teller import Hook, Hooked, NotTold, tell_of
from driftguard.channels.hooks.webhook import Webhook
from driftguard.channels.told import ToldOnce
from driftguard.channels.wording import ApprovalRequest
from driftguard.model import Autonomy, Choice, Decision, Plan, Ruling, Status, Vote
from tests.support.audit import a_decision
from tests.support.golden import assert_golden
from tests.support.hook_stand_in import HookStandIn, taking_hooks
from tests.support.slow_server import answering_byte_by_byte, never_answering
from tests.support.world import World, shipped_policy

GOLDEN = Path(__file__).parent.parent / "golden"
KEY = "R0123456789abcdef0123456789abcde"
SECRET = "a-secret-of-both"
EXPIRES = "2026-11-21T10:00:00.000Z"
REQUEST = ApprovalRequest("If nobody votes until 2026-11-21 10:00:00 UTC, the change stands.")
ASKED = a_decision(status=Status.ASKED, expires=EXPIRES, version=2)
BOB = Vote("bob", Choice.REVERT, "slack", "2026-11-20T10:05:00.000Z", "before")


@pytest.fixture
def there() -> Iterator[HookStandIn]:
    with taking_hooks() as there:
        yield there


@dataclass
class Naps:
    """Pauses that a test looks at instead of taking them."""

    taken: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def post(url: str, naps: Naps | None = None, **how: Any) -> Post:
    return Post("the webhook", url, sleep=naps or Naps(), **how)


# ------------------------------------------------------------------------------- posting


def test_what_is_busy_is_tried_again_after_as_long_as_it_asks(there: HookStandIn) -> None:
    there.answer(503)
    there.answer(429, Retry_After="7")
    naps = Naps()
    post(there.url, naps)(b"{}")
    assert len(there.requests) == 3
    assert naps.taken == [1, 7]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413])
def test_what_refuses_is_not_asked_again(there: HookStandIn, status: int) -> None:
    there.answer(status, times=9)
    with pytest.raises(NotTaken, match=f"the webhook answered {status}: look at the address"):
        post(f"{there.url}/?sig={SECRET}")(b"{}")
    assert len(there.requests) == 1


def test_what_stays_busy_is_given_up_for_now(there: HookStandIn) -> None:
    there.answer(500, times=9)
    with pytest.raises(NotTaken, match="answered 500"):
        post(there.url)(b"{}")
    assert len(there.requests) == 3


def test_who_asks_for_a_long_pause_is_left_alone(there: HookStandIn) -> None:
    there.answer(429, times=9, Retry_After="3600")
    naps = Naps()
    with pytest.raises(NotTaken):
        post(there.url, naps)(b"{}")
    assert (len(there.requests), naps.taken) == (1, [])


@pytest.mark.parametrize("status", [301, 302, 307])
def test_no_redirect_is_followed(there: HookStandIn, status: int) -> None:
    there.answer(status, Location=f"{there.url}/elsewhere")
    with pytest.raises(NotTaken, match=str(status)):
        post(there.url)(b"{}")
    assert [one.path for one in there.requests] == ["/"]


def test_a_service_that_does_not_answer_takes_no_longer_than_a_call_may() -> None:
    with never_answering() as slow, pytest.raises((NotTaken, OutOfTime)):
        post(slow.address, call=0.3, tries=1)(b"{}")
    with answering_byte_by_byte(head=b"H") as slow, pytest.raises((NotTaken, OutOfTime)):
        post(slow.address, call=0.3, tries=1)(b"{}")


def test_there_is_no_other_try_when_the_functions_time_is_up(there: HookStandIn) -> None:
    there.answer(500, times=9)
    limit = TimeLimit()
    with limit.within(0.9), pytest.raises(OutOfTime):
        post(there.url, time_limit=limit)(b"{}")
    assert len(there.requests) == 1


@pytest.mark.parametrize(
    "url", ["http://example.com/x", "ftp://x/y", "", "file:///etc/passwd", "https://", "x"]
)
def test_only_https_is_posted_to_and_no_error_tells_the_address(url: str) -> None:
    with pytest.raises(NotTaken) as error:
        post(f"{url}?sig={SECRET}" if url else url)(b"{}")
    assert "is not https://" in str(error.value)
    assert SECRET not in str(error.value)


def test_no_error_and_no_repr_tells_a_secret(there: HookStandIn) -> None:
    address = f"{there.url}/?sig={SECRET}"
    there.answer(404, times=9)
    for hook in (Webhook(post(address), SECRET), PagerDuty(post(address), SECRET)):
        with pytest.raises(NotTaken) as error:
            hook.send(ASKED, None)
        assert SECRET not in str(error.value) + repr(hook) + repr(error.value.__cause__)
    with pytest.raises(NotTaken) as gone:
        post(f"http://127.0.0.1:9/?sig={SECRET}")(b"{}")
    assert SECRET not in str(gone.value)


# ------------------------------------------------------------------------------- the webhook


def test_a_receiver_can_verify_that_the_body_and_its_time_are_ours(there: HookStandIn) -> None:
    Webhook(post(there.url), SECRET, clock=lambda: 1_800_000_000.4).send(ASKED, REQUEST)
    (taken,) = there.requests
    assert taken.headers["X-Driftguard-Timestamp"] == "1800000000"
    assert taken.headers["X-Driftguard-Delivery"] == f"{ASKED.id}-2"
    signed = hmac.new(SECRET.encode(), b"1800000000." + taken.body, sha256).hexdigest()
    assert taken.headers["X-Driftguard-Signature"] == f"v1={signed}"
    said = taken.said
    assert (said["version"], said["decision"], said["status"]) == (1, ASKED.id, "asked")
    assert said["timeout"] == REQUEST.timeout
    assert "state" not in said


def test_a_digest_is_one_delivery_with_one_name(there: HookStandIn) -> None:
    for _ in range(2):
        Webhook(post(there.url), SECRET).send_digest([ASKED, a_decision(2)], 40)
    first, again = there.requests
    assert (first.said["digest"], first.said["count"]) == (True, 40)
    assert [one["decision"] for one in first.said["decisions"]] == [ASKED.id, a_decision(2).id]
    name = "X-Driftguard-Delivery"
    assert first.headers[name] == again.headers[name]


# ------------------------------------------------------------------------------- PagerDuty


@pytest.mark.parametrize(
    ("decision", "action"),
    [
        (ASKED, "trigger"),
        (a_decision(status=Status.FAILED), "trigger"),
        (a_decision(status=Status.PROPOSED), "trigger"),
        (a_decision(status=Status.ASKED, votes=(BOB,), quorum=2), "acknowledge"),
        (a_decision(status=Status.APPROVED), "acknowledge"),
        (a_decision(status=Status.REVERTING), "acknowledge"),
        (a_decision(status=Status.REVERTED), "resolve"),
        (a_decision(status=Status.DENIED), "resolve"),
        (a_decision(status=Status.EXPIRED), "resolve"),
        (a_decision(status=Status.UNDONE), "resolve"),
        (a_decision(status=Status.OBSERVED), ""),
        (a_decision(status=Status.NOTED), ""),
    ],
)
def test_a_decisions_state_says_what_happens_to_its_alert(decision: Decision, action: str) -> None:
    assert action_of(decision) == action


def test_an_alert_begins_and_ends_under_the_decisions_id(there: HookStandIn) -> None:
    hook = PagerDuty(post(there.url), KEY)
    for status in (Status.ASKED, Status.APPROVED, Status.REVERTED, Status.OBSERVED):
        hook.send(a_decision(status=status, expires=EXPIRES), REQUEST)
    events = [one.said for one in there.requests]
    assert [one["event_action"] for one in events] == ["trigger", "acknowledge", "resolve"]
    assert {one["dedup_key"] for one in events} == {ASKED.id}
    assert {one["routing_key"] for one in events} == {KEY}
    payload = events[0]["payload"]
    assert (payload["severity"], payload["class"]) == ("error", "ec2.open-ingress")
    assert payload["custom_details"]["Until"] == REQUEST.timeout
    assert "payload" not in events[2]
    events[0]["routing_key"] = "KEY"
    assert_golden(GOLDEN / "pagerduty" / "asked.json", json.dumps(events[0], indent=1) + "\n")


# ------------------------------------------------------------------------------- Teams


def test_teams_gets_a_card(there: HookStandIn) -> None:
    Teams(post(there.url)).send(ASKED, REQUEST)
    (taken,) = there.requests
    (attachment,) = taken.said["attachments"]
    assert taken.said["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert_golden(
        GOLDEN / "teams" / "asked.json",
        json.dumps(taken.said, indent=1, ensure_ascii=False) + "\n",
    )


def test_teams_gets_a_digest_with_the_most_severe_first(there: HookStandIn) -> None:
    many = [a_decision(number, severity=number) for number in range(1, 31)]
    Teams(post(there.url)).send_digest(many, 300)
    shown = [one["text"] for one in there.requests[0].said["attachments"][0]["content"]["body"]]
    assert shown[0] == "300 decisions in a short time"
    assert many[-1].id in shown[1]
    assert shown[-1] == "and 285 more"


@given(text=st.text(max_size=5_000), number=st.integers(0, 60))
def test_every_card_is_small_enough_and_has_no_link_of_others(text: str, number: int) -> None:
    hostile = f"{text}[ok](http://evil) <at>everyone</at> @here"
    decision = a_decision(
        title=hostile,
        summary=hostile,
        reason=hostile,
        status=Status.ASKED,
        plan=Plan(a_decision().plan.steps, untouched=(hostile,) * number, advice=hostile),
        rulings=(Ruling("ceiling", Autonomy.ASK, hostile),),
    )
    body = teams.card_of(decision, REQUEST)
    assert len(body) <= 28_000
    shown = json.dumps(json.loads(body)["attachments"][0]["content"]["body"], ensure_ascii=False)
    assert "](" not in shown
    assert "<at>" not in shown


# ------------------------------------------------------------------------------- telling


def hooked(world: World, hook: Hook, name: str = "webhook") -> Hooked:
    return Hooked(lambda: hook, ToldOnce(world.state, name), shipped_policy(), world.clock.now)


def test_a_state_is_told_once_and_its_next_state_again(world: World, there: HookStandIn) -> None:
    channel = hooked(world, Webhook(post(there.url), SECRET))
    after = a_decision(status=Status.REVERTED, version=3)
    for decision in (ASKED, ASKED, after, after):
        channel.tell(decision)
    assert [one.said["status"] for one in there.requests] == ["asked", "reverted"]


def test_one_service_that_is_away_keeps_no_other_from_being_told(
    world: World, there: HookStandIn
) -> None:
    with taking_hooks() as away:
        away.answer(500, times=3)
        channels = [
            hooked(world, Webhook(post(away.url), SECRET)),
            hooked(world, PagerDuty(post(there.url), KEY), "pagerduty"),
        ]
        news = [News((ASKED.id,)), News((ASKED.id,), 30)]
        with pytest.raises(NotTold, match="the webhook answered 500"):
            tell_of(news[:1], channels, lambda _: [ASKED])
        assert len(there.requests) == 1
        # Lambda tries again: who was told hears nothing twice.
        assert tell_of(news, channels, lambda _: [ASKED]) == 1
        assert len(there.requests) == 1
        assert len(away.requests) == 4


def test_a_hook_whose_secret_cannot_be_read_is_named(world: World, there: HookStandIn) -> None:
    def unreadable() -> Hook:
        raise ValueError("the secret must be JSON with url")

    broken = Hooked(unreadable, ToldOnce(world.state, "teams"), shipped_policy())
    channels = [broken, hooked(world, Webhook(post(there.url), SECRET))]
    for news in (News((ASKED.id,)), News((ASKED.id,), 30)):
        with pytest.raises(NotTold, match="must be JSON with url"):
            tell_of([news], channels, lambda _: [ASKED])
    assert len(there.requests) == 1


def record(message: object) -> dict[str, Any]:
    return {"EventSource": "aws:sns", "Sns": {"Message": json.dumps(message)}}


def test_what_the_topic_tells_of_is_read_by_its_ids() -> None:
    one, two = {"decision": "dg-1", "status": "asked"}, {"decision": "dg-2"}
    said = [
        one,
        {"incident": "dg-1", "count": 2, "requests": [one, two]},
        {"digest": True, "count": 40, "decisions": [one, two]},
        {"digest": True, "unread": "junk"},
        {"seal": "2026-11-20"},
        {"decision": 5, "requests": "x"},
        ["dg-1"],
    ]
    assert list(news_in([*map(record, said), {}, {"Sns": {"Message": "{"}}])) == [
        News(("dg-1",)),
        News(("dg-1", "dg-2")),
        News(("dg-1", "dg-2"), 40),
    ]


@given(st.binary(max_size=200))
def test_no_message_is_too_odd_to_be_read(junk: bytes) -> None:
    list(news_in([{"Sns": {"Message": junk.decode(errors="replace")}}]))
