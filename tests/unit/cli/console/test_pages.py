"""What the pages of the console show, what they read for it, and that nothing acts on a reader."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.documents import stamp
from driftguard.model import Actor, Choice, Status, Vote
from driftguard.state.beta import Beta
from driftguard_cli.commands.console.listing import asked_for
from driftguard_cli.commands.console.plot import densities, plotted
from driftguard_cli.commands.console.rendering import length
from driftguard_cli.commands.console.site import Notices, Visit
from driftguard_cli.commands.console.story import side_by_side
from tests.support.approving import MALLORY, open_up
from tests.support.audit import a_decision, decided
from tests.support.audit import group as a_group
from tests.support.console import Visitor, lived_in
from tests.support.doors import Door
from tests.support.records import flat_ingress
from tests.support.reporting import HOSTILE
from tests.support.world import ROOT, World

PAGES = ("", "decisions", "controls", "controls/ec2.open-ingress", "exceptions", "sweep", "history")


class Calls:
    """The calls that the console makes, by operation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: Counter[str] = Counter()
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def counted(client: BaseClient, operation: str, parameters: Any) -> Any:
            self.made[operation] += 1
            return original(client, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", counted)

    def of(self, visitor: Visitor, path: str) -> Counter[str]:
        self.made.clear()
        assert visitor.get(path).status == 200
        return Counter(self.made)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


def test_what_is_contained_is_shown_until_it_is_released(door: Door, visitor: Visitor) -> None:
    assert "Nothing is contained." in visitor.get("now/contained").body
    world = door.asked.world
    held = a_decision(7, stamp(world.clock.now()), control="containment.instance", done=1)
    decided(world.audit, replace(held, status=Status.REVERTED))
    assert held.id in visitor.get("now/contained").body


def many(world: World, count: int) -> list[str]:
    """So many decisions of today, the newest first; two at each time."""
    day = f"{world.clock.at:%Y-%m-%d}"
    made = [
        decided(
            world.audit,
            a_decision(number, f"{day}T00:{number // 2:02}:00.000Z", status=Status.OBSERVED),
        )
        for number in range(count)
    ]
    return [one.id for one in reversed(made)]


def test_each_page_says_where_one_is_and_as_whom(visitor: Visitor) -> None:
    for path in PAGES:
        page = visitor.get(path)
        assert page.status == 200, page.words
        for fact in ("Account 123456789012", "Region us-east-1", "Stack driftguard", "You arn:"):
            assert fact in page.words
        assert page.body.count("<h1>") == page.body.count("<main ") == 1, path
        assert page.body.count('aria-current="page"') == 1, path


def test_the_first_page_has_what_waits_what_was_decided_and_the_health(
    door: Door, visitor: Visitor
) -> None:
    page = visitor.get("")
    assert page.words.count(door.asked.decision.summary) == 2
    assert "closes in" in page.words
    health = visitor.get("now/health")
    assert "dead letters : none" in health.words
    assert "nobody hears of any decision" in health.words


def test_the_first_page_reads_no_more_the_more_decisions_there_are(
    door: Door, visitor: Visitor, calls: Calls
) -> None:
    few = calls.of(visitor, "")
    many(door.asked.world, 120)
    after = calls.of(visitor, "")
    # Decisions that wait: by three statuses. The last ones: by day, and no day before today.
    assert after["Query"] <= few["Query"] <= 10
    assert after["BatchGetItem"] <= 4
    assert after.total() <= 8
    listed = calls.of(visitor, "decisions")
    assert listed["Query"] <= 1 + 1
    assert listed["BatchGetItem"] == 1
    assert "Scan" not in after + listed


def test_every_decision_is_on_one_page_and_on_one_page_only(door: Door, visitor: Visitor) -> None:
    wanted = many(door.asked.world, 120)
    query, found, pages = {"control": "ec2.open-ingress"}, list[str](), 0
    while True:
        shown = asked_for(visitor.site, Visit(visitor.site, query=query), 49)
        found += [one.id for one in shown.decisions]
        pages += 1
        if not shown.next:
            break
        query = dict(
            part.split("=", 1)
            for part in shown.next.replace("%2C", ",").replace("%3A", ":").split("&")
        )
    found.remove(door.asked.decision.id)
    assert found == wanted
    assert pages == 3
    first = visitor.get("decisions?control=ec2.open-ingress")
    assert "Earlier ones" in first.words


# A query, and whether an open request about a security group is among what it finds.
QUERIES = (
    ("status=asked", True),
    ("status=reverted", False),
    ("control=s3.public-acl", False),
    ("severity=90", False),
    ("search=123456789012", True),
    ("search=asked", True),
    ("search=ec2.open-ingress", True),
    ("search=sg-nothing", False),
    ("since=36h", True),
    ("until=2020-01-01&since=2019-12-31", False),
)


def test_filters_and_searches_find_what_they_say(door: Door, visitor: Visitor) -> None:
    for query, seen in QUERIES:
        page = visitor.get(f"decisions?{query}")
        assert page.status == 200, page.words
        assert (door.asked.decision.summary in page.words) is seen, query


def test_a_search_for_a_decision_leads_to_it(door: Door, visitor: Visitor) -> None:
    answer = visitor.get(f"decisions?search={door.asked.decision.id}")
    assert answer.headers["location"].endswith(f"/decisions/{door.asked.decision.id}")
    elsewhere = visitor.get("decisions?search=dg-/../../%0d%0aSet-Cookie:x").headers
    assert elsewhere["location"].endswith("/decisions/dg-%2F..%2F..%2F%0D%0ASet-Cookie%3Ax")


def test_a_filter_that_is_none_is_a_sentence(visitor: Visitor) -> None:
    for query, complaint in (
        ("since=tomorrow", "`tomorrow` is not a time"),
        ("status=nonsense", "There is no status `nonsense`"),
        ("severity=x", "A severity is a number"),
        ("since=2026-02-02&until=2026-02-01", "The time ends before it starts"),
    ):
        page = visitor.get(f"decisions?{query}")
        assert page.status == 400, query
        assert complaint in page.words


def test_what_others_chose_is_text_on_every_page(door: Door, visitor: Visitor) -> None:
    actor = Actor(session=f"arn:aws:sts::1:assumed-role/x/{HOSTILE}", agent=HOSTILE, source=HOSTILE)
    at = stamp(door.asked.world.clock.at)
    hostile = a_decision(
        7,
        at,
        status=Status.ASKED,
        actor=actor,
        title=HOSTILE,
        summary=HOSTILE,
        reason=f"\x1b[2J{HOSTILE}",
        resource=a_group(HOSTILE),
        change_name=HOSTILE,
        state={HOSTILE: HOSTILE},
        left={HOSTILE: "other"},
        votes=(Vote(HOSTILE, Choice.REVERT, HOSTILE, at, "before", reason=HOSTILE),),
        beside=(HOSTILE,),
    )
    decided(door.asked.world.audit, hostile)
    path = f"decisions/{hostile.id}"
    for shown in ("", "now/decided", "decisions", path, f"{path}/approve", f"{path}/undo"):
        page = visitor.get(shown)
        assert page.status == 200, page.words
        assert "alert(1)" in page.body
        for acting in ("<script>a", "</td></style>", "\u202e", "\x1b"):
            assert acting not in page.body, (shown, acting)
    # What a visitor is lured into is text as well.
    for path in (f"decisions?control={'%3Cscript%3Ealert(1)'}", "decisions/%3Cscript%3Ealert(1)"):
        assert "<script>alert" not in visitor.get(path).body


def test_a_control_shows_what_it_has_earned_and_how_often_it_was_right(
    door: Door, visitor: Visitor
) -> None:
    lived_in(door.asked.world)
    page = visitor.get("controls/ec2.open-ingress")
    assert "RevokeSecurityGroupIngress by user: not earned" in page.words
    assert "Of the last answers 23 were for the revert and 1 against it." in page.words
    assert f"{MALLORY} " in page.words
    assert page.body.count('<svg class="plot"') == 1
    assert "right in ≥" in visitor.get("controls").words
    assert visitor.get("controls/ec2.nonsense").status == 400


def test_a_story_has_all_that_the_command_tells_and_what_is_proven(
    door: Door, visitor: Visitor
) -> None:
    page = visitor.get(f"decisions/{door.asked.decision.id}")
    for words in (
        "What a revert would do",
        "ec2:RevokeSecurityGroupIngress",
        "Votes (1 needed)",
        "decided by",
        "The log is whole. It is not sealed yet.",
    ):
        assert words in page.words.replace("decided guard", "decided by"), words
    assert 'hx-trigger="every 3s, ' in page.body
    proven = visitor.get(f"decisions/{door.asked.decision.id}/proof")
    assert "is whole: 1 log entries" in proven.words


def test_a_story_that_has_not_moved_is_not_sent_again(door: Door, visitor: Visitor) -> None:
    path = f"decisions/{door.asked.decision.id}/live"
    assert visitor.get(f"{path}?version=1").status == 204
    assert "What happened" in visitor.get(f"{path}?version=0").words


def test_a_log_that_was_edited_is_told(door: Door, visitor: Visitor) -> None:
    world, id_ = door.asked.world, door.asked.decision.id
    world.audit.client.update_item(
        TableName="audit",
        Key={"pk": {"S": id_}, "sk": {"S": "log#0001"}},
        UpdateExpression="SET note = :n",
        ExpressionAttributeValues={":n": {"S": "edited"}},
    )
    assert "does not hold together: entry 1 was edited" in visitor.get(f"decisions/{id_}").words
    assert "is broken" in visitor.get(f"decisions/{id_}/proof").words


def ended(visitor: Visitor, kind: str) -> Iterator[str]:
    for _ in range(600):
        job = visitor.site.jobs.last(kind)
        if job is not None and job.ended:
            yield visitor.get(f"jobs/{kind}").words
            return
        time.sleep(0.1)
    raise AssertionError(f"{kind} has not ended")


def test_a_sweep_is_started_followed_and_read(door: Door, visitor: Visitor) -> None:
    visitor.submitted("sweep", control="ec2.open-ingress")
    (words,) = ended(visitor, "sweep")
    assert "1 risky, 0 exempted" in words
    assert "by 1 controls" in words
    refused = visitor.post("sweep", {"control": "ec2.nonsense"})
    assert refused.status == 400
    assert "`ec2.nonsense` is no control" in refused.words


def test_a_replay_says_what_people_would_have_been_asked(visitor: Visitor) -> None:
    event = ROOT / "events" / "ec2.open-ingress" / "risky.json"
    visitor.submitted("history", source=str(event))
    (words,) = ended(visitor, "history")
    assert "1 records read" in words
    assert "ec2.open-ingress" in words
    assert "people are asked" in words


def test_a_replay_of_nothing_says_why(visitor: Visitor, tmp_path: Path) -> None:
    assert visitor.post("history", {"source": ""}).status == 400
    assert visitor.post("history", {"source": "x", "since": "soon"}).status == 400
    visitor.submitted("history", source=str(tmp_path / "nowhere"))
    (words,) = ended(visitor, "history")
    assert "nowhere" in words


# ------------------------------------------------------------------------------ pure parts


def test_a_sentence_is_shown_once_and_few_are_kept() -> None:
    notices = Notices()
    names = [notices.keep(f"sentence {number}") for number in range(150)]
    assert notices.take(names[0]) == ""
    assert notices.take(names[-1]) == "sentence 149"
    assert notices.take(names[-1]) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "over"),
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (7500, "2 h 5 min"),
        (90061, "1 d 1 h"),
        (86405, "1 d"),
    ],
)
def test_a_length_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert length(seconds) == words


def test_texts_stand_beside_each_other_line_by_line() -> None:
    sides = list(side_by_side(["a", "b", "c"], ["a", "x", "y", "c"]))
    assert [(one.text, other.text) for one, other in sides] == [
        ("a", "a"),
        ("b", "x"),
        ("", "y"),
        ("c", "c"),
    ]
    assert [other.changed for _, other in sides] == [False, True, True, False]


def test_a_state_that_was_written_to_be_slow_to_compare_is_shown_all_the_same() -> None:
    """Whoever makes a change chooses its lines; two thousand of a few kinds took a minute."""
    one = ["{", *(f"x{number % 7}" for number in range(1_998)), "}"]
    other = ["{", *(f"x{(number * 3 + number // 5) % 7}" for number in range(1_900)), "}"]
    begun = process_time()
    sides = list(side_by_side(one, other))
    assert process_time() - begun < 2.0
    assert [here.text for here, _ in sides if here.text] == one
    assert [there.text for _, there in sides if there.text] == other
    assert (sides[0][0].changed, sides[-1][0].changed) == (False, False)
    # One line of many that differs is told as one.
    sides = list(side_by_side(one, [*one[:900], "new", *one[900:]]))
    assert [(here.text, there.text) for here, there in sides if there.changed] == [("", "new")]


def test_a_belief_is_drawn_as_its_density() -> None:
    shares = [(number + 0.5) / 1000 for number in range(1000)]
    believed = Beta(25.0, 3.0)
    assert sum(densities(believed, shares)) / 1000 == pytest.approx(1.0, abs=1e-3)
    mean = sum(share * one for share, one in zip(shares, densities(believed, shares), strict=True))
    assert mean / 1000 == pytest.approx(believed.mean, abs=1e-3)
    drawn = plotted(believed, 0.8, 2.0, 0.9)
    assert (drawn.bound, drawn.threshold) == (320.0, 400.0)
    assert "about 89%, and with 90% confidence at least 80%; 200.0% is wanted" in drawn.words
    assert plotted(Beta(1.0, float("inf")), 0.0, 0.9, 0.9).line.startswith("M1.0,120.0")


def test_a_decision_names_the_others_of_its_incident(door: Door, visitor: Visitor) -> None:
    first = door.asked.decision
    alone = visitor.get(f"decisions/{first.id}").body
    assert "One actor did these within minutes" not in alone
    group = boto3.client("ec2").create_security_group(GroupName="db", Description="db")["GroupId"]
    open_up(group, 22)
    (second,) = door.asked.guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
    assert second.incident == first.id
    for one, other in ((first, second), (second, first)):
        shown = visitor.get(f"decisions/{one.id}").body
        assert "One actor did these within minutes" in shown
        assert f'/decisions/{other.id}">{other.title}</a>' in shown
