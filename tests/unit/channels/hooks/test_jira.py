"""Jira against a stand-in: one issue for each acceptance until a day, whatever goes wrong."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from driftguard.approvals import act
from driftguard.channels.hooks.jira import Jira, Refused, accepted_in, withdrawn_in
from driftguard.channels.hooks.news import news_in
from driftguard.channels.hooks.post import NotTaken, Post
from driftguard.channels.hooks.teller import Hooked, NotTold, tell_of
from driftguard.channels.told import ToldOnce
from driftguard.channels.topic import of_digest
from driftguard.model import Choice, Decision, Resource, Status, Vote
from tests.support.audit import a_decision
from tests.support.golden import assert_golden
from tests.support.hook_stand_in import HookStandIn, Taken, taking_hooks
from tests.support.world import World, shipped_policy

GOLDEN = Path(__file__).parent.parent / "golden" / "jira"
UNTIL = "2026-12-01T10:00:00.000Z"
TOKEN = "ATATT-made-up"
EXEMPTION = "ex-0123456789"


def vote(person: str, until: str = "", choice: Choice = Choice.ACCEPT) -> Vote:
    at = "2026-11-20T10:05:00.000Z"
    return Vote(person, choice, "api", at, "before", until=until, reason="a migration")


ACCEPTED = a_decision(status=Status.DENIED, version=3, votes=(vote("bob", UNTIL),))


def an_act(kind: str, status: Status = Status.NOTED, **state: Any) -> Decision:
    everything = Resource("driftguard", "sg-*", "123456789012", "us-east-1", "sg-*")
    return a_decision(
        control=act.CONTROL,
        title="Exemption given" if kind == "exempt" else "Exemption removed",
        change_name=kind,
        status=status,
        resource=everything,
        summary="ec2.open-ingress passes over sg-*",
        reason="a test",
        state=state,
    )


EXEMPTED = an_act("exempt", id=EXEMPTION, until=UNTIL, by="bob", reason="a load test")


class Site:
    """A Jira that keeps issues, and finds those that it has had for long enough."""

    def __init__(self, there: HookStandIn) -> None:
        self.there = there
        self.naps: list[float] = []
        self.found: list[str] = []
        there.told = self.answer

    def answer(self, taken: Taken) -> dict[str, Any]:
        if taken.path.endswith("/search/jql"):
            return {"issues": [{"id": "10000", "key": key} for key in self.found], "isLast": True}
        return {"id": "10000", "key": "SEC-1"}

    def tell(self, *decisions: Decision) -> None:
        post = Post("Jira", f"{self.there.url}/", sleep=self.naps.append)
        jira = Jira(post, "guard@example.com", TOKEN, "SEC")
        for decision in decisions:
            jira.send(decision, None)

    @property
    def paths(self) -> list[str]:
        return [one.path.removeprefix("/rest/api/3/") for one in self.there.requests]


@pytest.fixture
def site() -> Iterator[Site]:
    with taking_hooks() as there:
        yield Site(there)


def test_what_people_accept_until_a_day_is_an_issue_due_on_that_day(site: Site) -> None:
    site.tell(ACCEPTED)
    assert site.paths == ["search/jql", "issue"]
    search, made = site.there.requests
    assert search.said["jql"] == f'project = "SEC" AND labels = "{ACCEPTED.id}"'
    for one in (search, made):
        kind, _, who = one.headers["Authorization"].partition(" ")
        assert (kind, b64decode(who).decode()) == ("Basic", f"guard@example.com:{TOKEN}")
    fields = made.said["fields"]
    assert (fields["duedate"], fields["labels"]) == ("2026-12-01", ["driftguard", ACCEPTED.id])
    shown = json.dumps(made.said, indent=1, ensure_ascii=False) + "\n"
    assert_golden(GOLDEN / "accepted.json", shown)


def test_an_operators_exemption_is_an_issue_and_its_removal_a_comment(site: Site) -> None:
    site.tell(EXEMPTED)
    made = site.there.requests[-1].said
    assert made["fields"]["labels"] == ["driftguard", EXEMPTION]
    shown = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    assert_golden(GOLDEN / "exempted.json", shown)
    site.found = ["SEC-1"]
    site.tell(an_act("unexempt", id=EXEMPTION, until=UNTIL))
    assert site.paths[2:] == ["search/jql", "issue/SEC-1/comment"]
    comment = site.there.requests[-1].said
    assert "withdrawn by" in json.dumps(comment)
    assert_golden(GOLDEN / "withdrawn.json", json.dumps(comment, indent=1) + "\n")


def test_what_has_no_issue_is_not_commented_on(site: Site) -> None:
    site.tell(an_act("unexempt", id=EXEMPTION))
    assert site.paths == ["search/jql"]


@pytest.mark.parametrize(
    "decision",
    [
        a_decision(status=Status.DENIED, votes=(vote("bob"),)),
        a_decision(status=Status.ASKED, votes=(vote("bob", UNTIL),), quorum=2),
        a_decision(status=Status.REVERTED, votes=(vote("bob", choice=Choice.REVERT),)),
        a_decision(status=Status.EXEMPTED),
        an_act("exempt", Status.PROPOSED, said={"for_seconds": 60}),
        an_act("freeze", until=UNTIL),
        an_act("exempt"),
    ],
)
def test_nothing_else_is_an_issue(site: Site, decision: Decision) -> None:
    site.tell(decision)
    assert site.paths == []
    assert accepted_in(decision) is None
    assert withdrawn_in(decision) == ""


def test_two_votes_are_one_acceptance_until_the_later_day() -> None:
    later = "2026-12-05T10:00:00.000Z"
    both = a_decision(status=Status.DENIED, votes=(vote("bob", later), vote("carol", UNTIL)))
    found = accepted_in(both)
    assert found is not None
    assert (found.by, found.until) == ("bob, carol", later)


def told_of_a_storm(world: World, site: Site, decisions: list[Decision]) -> int:
    """Tells Jira of what the topic's digest of these decisions lists, as its function does."""
    jira = Jira(Post("Jira", site.there.url), "guard@example.com", TOKEN, "SEC")
    channel = Hooked(lambda: jira, ToldOnce(world.state, "jira"), shipped_policy())
    body = dict(of_digest(decisions).renderings)["default"]
    by_id = {decision.id: decision for decision in decisions}
    reads: list[int] = []

    def read(ids: Sequence[str]) -> list[Decision]:
        reads.append(len(ids))
        return [by_id[id_] for id_ in ids]

    told = tell_of(news_in([{"Sns": {"Message": body}}]), [channel], read)
    assert all(number <= 100 for number in reads)
    return told


def test_a_digest_makes_an_issue_for_each_however_many_there_are(world: World, site: Site) -> None:
    """Jira heard of 15 decisions of a digest."""
    accepted = [
        a_decision(number, status=Status.DENIED, votes=(vote("bob", UNTIL),))
        for number in range(20)
    ]
    observed = [a_decision(number, status=Status.OBSERVED) for number in range(20, 120)]
    told_of_a_storm(world, site, [*observed, *accepted])
    assert site.paths == ["search/jql", "issue"] * 20
    told_of_a_storm(world, site, accepted)
    assert len(site.paths) == 40


def test_an_issue_of_a_digest_that_jira_refuses_keeps_no_other_from_being_made(
    world: World, site: Site
) -> None:
    other = a_decision(2, status=Status.DENIED, votes=(vote("bob", UNTIL),))
    site.there.answers += [(200, {}), (400, {})]
    with pytest.raises(NotTold, match=f"{other.id}: Refused: Jira answered 400"):
        told_of_a_storm(world, site, [ACCEPTED, other])
    assert site.paths == ["search/jql", "issue"] * 2
    # Lambda's next try is about what is missing.
    told_of_a_storm(world, site, [ACCEPTED, other])
    assert site.paths == ["search/jql", "issue"] * 3


# ----------------------------------------------------------------------- what goes wrong


def test_what_jira_has_already_is_not_made_again(site: Site) -> None:
    site.found = ["SEC-1"]
    site.tell(ACCEPTED)
    assert site.paths == ["search/jql"]


def test_a_create_whose_answer_is_lost_is_not_sent_again_at_once(site: Site) -> None:
    """Jira finds a new issue only after seconds or minutes: Lambda tries again by then."""
    site.there.answers += [(200, {}), (502, {})]
    with pytest.raises(NotTaken, match="Jira answered 502"):
        site.tell(ACCEPTED)
    assert site.paths == ["search/jql", "issue"]
    site.found = ["SEC-1"]
    site.tell(ACCEPTED)
    assert site.paths[2:] == ["search/jql"]


def test_a_create_that_jira_has_no_time_for_is_sent_again_after_as_long_as_it_asks(
    site: Site,
) -> None:
    """429 says that nothing was done."""
    site.there.answers += [(200, {}), (429, {"Retry-After": "7"}), (201, {})]
    site.tell(ACCEPTED)
    assert site.paths == ["search/jql", "issue", "issue"]
    assert site.naps == [7]


def test_a_search_is_tried_again_whatever_kept_it(site: Site) -> None:
    site.there.answers += [(503, {}), (429, {})]
    site.tell(ACCEPTED)
    assert site.paths == ["search/jql"] * 3 + ["issue"]


def refusing(site: Site, errors: dict[str, str], *messages: str) -> None:
    """Jira refuses the next issue, as its documentation shows it."""
    usual = site.answer
    refused = {"errorMessages": list(messages), "errors": errors}

    def answer(taken: Taken) -> dict[str, Any]:
        is_first = site.paths.count("issue") == 1
        return refused if taken.path.endswith("/issue") and is_first else usual(taken)

    site.there.told = answer
    site.there.answers += [(200, {}), (400, {})]


def test_a_refusal_says_what_jira_says_and_no_secret(site: Site) -> None:
    refusing(site, {"issuetype": "Specify a valid issue type"}, "Nothing\nwas done")
    with pytest.raises(Refused) as refused:
        site.tell(ACCEPTED)
    said = str(refused.value)
    assert "Jira answered 400: look at the address and the key in its secret" in said
    assert "it says: issuetype: Specify a valid issue type; Nothing was done" in said
    assert TOKEN not in said
    assert site.there.url not in said
    assert site.paths == ["search/jql", "issue"]


def test_a_project_without_due_dates_gets_the_issue_without_one(site: Site) -> None:
    on_no_screen = "Field 'duedate' cannot be set. It is not on the appropriate screen, or unknown."
    refusing(site, {"duedate": on_no_screen})
    site.tell(ACCEPTED)
    assert site.paths == ["search/jql", "issue", "issue"]
    fields = site.there.requests[-1].said["fields"]
    assert "duedate" not in fields
    assert "2026-12-01 10:00:00 UTC" in json.dumps(fields["description"])


@pytest.mark.parametrize("status", [401, 403, 404])
def test_who_is_not_let_in_is_told_without_a_word_of_the_token(site: Site, status: int) -> None:
    site.there.answers += [(status, {})]
    with pytest.raises(Refused, match=f"Jira answered {status}") as refused:
        site.tell(ACCEPTED)
    assert TOKEN not in str(refused.value)
    assert TOKEN not in repr(Jira(Post("Jira", "https://x"), "a@example.com", TOKEN, "SEC"))


def test_a_project_with_quotes_in_its_name_stays_one_project(site: Site) -> None:
    post = Post("Jira", site.there.url)
    Jira(post, "guard@example.com", TOKEN, 'A" OR project = "B').send(ACCEPTED, None)
    (search, _) = site.there.requests
    assert search.said["jql"].startswith('project = "A\\" OR project = \\"B" AND labels')
