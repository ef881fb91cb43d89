"""Messages about many decisions: every subscriber can read them, SNS takes them, none is lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftguard.channels import sns
from driftguard.channels.budget import Named, Waiting
from driftguard.channels.channel import ONE_MESSAGE, Told, tell_all
from driftguard.channels.message import programs
from driftguard.channels.topic import Topic, Voting, of_digest, of_incident, of_waiting
from driftguard.channels.wording import ApprovalRequest
from driftguard.model import Call, Decision, Plan, Status, Step
from driftguard.policy.compiled import from_compiled
from tests.support.audit import a_decision, group

MOST = 262_144
INCIDENT = "incident dg-000000000000000000000000"
ROLE = "arn:aws:iam::123456789012:role/r"
LINK = "https://guard.example/answer?t="


def asked(number: int, **fields: Any) -> Decision:
    given: dict[str, Any] = {
        "status": Status.ASKED,
        "expires": "2026-11-20T14:00:00.000Z",
        "incident": "dg-000000000000000000000000",
        "resource": group(f"sg-{number}"),
        "before": f"fingerprint-{number}",
        "version": 1,
    }
    return a_decision(number, **given | fields)


def steps(count: int) -> tuple[Step, ...]:
    return tuple(
        Step(Call("iam", "DetachRolePolicy", {"PolicyArn": f"arn:{number}"}, on=(ROLE,)), ())
        for number in range(count)
    )


class Recorder:
    """Takes what SNS would be given, and remembers for the channel what it told."""

    def __init__(self) -> None:
        self.given: list[dict[str, Any]] = []
        self.told: list[str] = []

    def publish(self, **given: Any) -> None:
        self.given.append(given)

    def remember(self, decision: Decision, now: datetime) -> None:
        self.told.append(decision.id)

    def topic(self) -> Topic:
        given: Any = self
        return Topic(
            client=lambda: given,
            arn="arn:aws:sns:us-east-1:123456789012:decisions",
            policy=from_compiled({"defaults": {"autonomy": "ask"}}),
            told=given,
            voting=Voting(
                "https://guard.example",
                lambda: b"k" * 64,
                "arn:aws:sns:us-east-1:123456789012:replies",
            ),
            now=lambda: datetime(2026, 11, 20, 10, tzinfo=UTC),
        )


def must_be_a_card(renderings: dict[str, str]) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(renderings["https"])
    assert (card["version"], card["source"]) == ("1.0", "custom")
    assert set(card) == {"version", "source", "id", "content", "metadata"}
    content, metadata = card["content"], card["metadata"]
    assert set(content) == {"textType", "title", "description", "nextSteps", "keywords"}
    assert content["textType"] == "client-markdown"
    assert all(isinstance(one, str) for one in (*content["nextSteps"], *content["keywords"]))
    assert all(isinstance(one, str) for one in metadata["additionalContext"].values())
    return card


# ------------------------------------------------------------------------------- Amazon Q


def test_amazon_q_shows_an_incident_with_ids_calls_links_and_the_command() -> None:
    requests = [
        (asked(number, plan=Plan(steps(4))), ApprovalRequest("It stands.", f"{LINK}{number}"))
        for number in range(1, 4)
    ]
    card = must_be_a_card(dict(of_incident(requests).renderings))
    told = card["content"]["description"]
    ids = [decision.id for decision, _ in requests]
    for decision, _ in requests:
        assert f"{decision.id}  High: {decision.title}" in told
        assert decision.candidate.resource.id in told
    assert told.count("iam:DetachRolePolicy") == 6
    assert told.count("and 2 more calls") == 3
    commands = card["content"]["nextSteps"]
    assert any(
        one.startswith(f"driftguard incident contain {requests[0][0].incident}:")
        for one in commands
    )
    assert [one for one in commands if one.startswith("Revert ")] == [
        f"Revert {id_}: {LINK}{number}" for number, id_ in enumerate(ids, 1)
    ]
    assert card["metadata"]["additionalContext"]["decisions"] == " ".join(ids)


def test_amazon_q_names_as_many_requests_as_have_room_and_says_how_many_more() -> None:
    requests = [(asked(number, title="t" * 300, plan=Plan(steps(9))), None) for number in range(40)]
    told = must_be_a_card(dict(of_incident(requests).renderings))["content"]["description"]
    assert [decision.id in told for decision, _ in requests] == [True] * 15 + [False] * 25
    assert told.endswith("and 25 more: driftguard audit list --status asked")


def test_amazon_q_shows_digests_and_what_waited() -> None:
    decisions = [asked(number) for number in range(30)]
    digest = must_be_a_card(dict(of_digest(decisions).renderings))
    assert "30 decisions" in digest["content"]["description"]
    assert decisions[29].id in digest["content"]["description"]
    named = (Named(90, "dg-1", "c", "observed", "words"),)
    waiting = Waiting("2026-11-20T10:00:00Z", 20, {"observed": 20}, 90, named=named)
    card = must_be_a_card(dict(of_waiting(waiting).renderings))
    assert "critical: words (dg-1)" in card["content"]["description"]
    assert card["content"]["nextSteps"] == [
        "driftguard audit list --status observed --since 2026-11-20T10:00:00Z"
    ]


def test_amazon_q_shows_that_a_digest_cannot_be_read() -> None:
    recorder = Recorder()
    recorder.topic()._tell_unread("its count is <no> number")
    renderings = json.loads(recorder.given[0]["Message"])
    told = must_be_a_card(renderings)["content"]["description"]
    assert "its count is ‹no› number" in told


# ------------------------------------------------------------------------------- e-mail


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        (3, ""),
        (4, "   and 1 more call: driftguard audit show dg-000000000000000000000001"),
        (60, "   and 57 more calls: driftguard audit show dg-000000000000000000000001"),
    ],
)
def test_an_incidents_mail_says_how_many_calls_it_does_not_show(calls: int, said: str) -> None:
    requests = [(asked(1, plan=Plan(steps(calls))), None), (asked(2), None)]
    mail = sns.incident_email(requests)
    assert mail.count("iam:DetachRolePolicy") == 3
    assert [line for line in mail.splitlines() if "more call" in line] == ([said] if said else [])


def test_an_incidents_mail_says_where_the_rest_of_a_long_request_is() -> None:
    mail = sns.incident_email([(asked(1, summary="s" * 15_000), None), (asked(2), None)])
    assert "…\n   the rest: driftguard audit show dg-000000000000000000000001\n" in mail
    assert mail.count("the rest:") == 1


# ------------------------------------------------------------------------------- sizes


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(2, 60),
    lines=st.sampled_from([0, 1, 60]),
    letter=st.sampled_from(['"', "\\", "x", "ü", "\U0001f600", "\n", '\\"']),
    size=st.sampled_from([1, 150, 1_000, 5_000]),
    others=st.sampled_from([1, 300]),
)
def test_sns_takes_an_incident_of_any_size_and_every_request_is_told_with_its_vote(
    count: int, lines: int, letter: str, size: int, others: int
) -> None:
    text = letter * size
    plan = replace(a_decision().plan, untouched=(text,) * lines, advice=text)
    decisions = [
        asked(
            number,
            plan=plan,
            summary=text,
            beside=(text,) * 3,
            title=letter * others,
            resource=group(f"sg-{number}-{'x' * others}"),
        )
        for number in range(count)
    ]
    recorder = Recorder()
    assert recorder.topic().tell_digest(INCIDENT, decisions) == len(recorder.given)
    assert recorder.told == [decision.id for decision in decisions]
    told: list[dict[str, Any]] = []
    for published in recorder.given:
        attributes = json.dumps(published["MessageAttributes"])
        assert len(published["Message"].encode()) + len(attributes.encode()) <= MOST
        renderings = json.loads(published["Message"])
        must_be_a_card(renderings)
        document = json.loads(renderings["default"])
        told += document.get("requests", [document])
    for decision, one in zip(decisions, told, strict=True):
        assert (one["decision"], one["control"]) == (decision.id, decision.control)
        assert (one["severity"], one["fingerprint"]) == (decision.severity, decision.before)
        assert one["resource"] == decision.candidate.resource.arn
        assert one["revert_link"].endswith(one["reply"]["token"])
        assert len(one["reply"]["token"]) > 20


def test_what_fits_is_one_message() -> None:
    recorder = Recorder()
    assert recorder.topic().tell_digest(INCIDENT, [asked(number) for number in range(10)]) == 1


@settings(max_examples=40, deadline=None)
@given(
    letter=st.sampled_from(['"', "\\", "x", "ü", "\U0001f600"]),
    lines=st.integers(0, 80),
    size=st.sampled_from([10, 1_000, 10_000]),
    most=st.sampled_from([6_000, 20_000, 60_000]),
)
def test_a_document_for_programs_is_measured_as_it_is_sent(
    letter: str, lines: int, size: int, most: int
) -> None:
    decision = asked(1, plan=Plan(steps(2), untouched=(letter * size,) * lines))
    request = ApprovalRequest("It stands.", LINK + "t" * 300, "arn:aws:sns:replies")
    document = programs.document(decision, request, most)
    sent = json.dumps({"default": json.dumps(document, ensure_ascii=False)}, ensure_ascii=False)
    assert len(sent.encode()) <= most + len('{"default": }')
    assert document["revert_link"] == request.revert_link
    fits = 4 * len(letter.encode()) * size * lines < most - 4_000
    assert "truncated" not in document or not fits


# ------------------------------------------------------------------------------- batches


class Listener:
    """A channel that tells requests at the end of a batch, and everything else at once."""

    def __init__(self, fails_at: Status | None = None) -> None:
        self.fails_at = fails_at
        self.heard: list[str] = []

    def tell(self, decision: Decision) -> Told:
        if decision.status is self.fails_at:
            raise TimeoutError("away")
        if decision.status is Status.ASKED:
            return Told(digest="later")
        self.heard.append(f"{decision.status.value} {decision.id[-1]}")
        return ONE_MESSAGE

    def tell_digest(self, digest: str, decisions: Sequence[Decision]) -> int:
        self.heard.append(" ".join([digest, *(decision.id[-1] for decision in decisions)]))
        return 1


def in_batch(*moves: tuple[int, Status]) -> list[tuple[str, Decision]]:
    return [
        (str(at), asked(number, status=status, version=at))
        for at, (number, status) in enumerate(moves)
    ]


@pytest.mark.parametrize(
    ("moves", "heard"),
    [
        # After a backlog: nobody is asked about what is over.
        ([(1, Status.ASKED), (1, Status.REVERTED)], ["reverted 1"]),
        ([(1, Status.ASKED), (2, Status.ASKED), (1, Status.DENIED)], ["denied 1", "later 2"]),
        # Approved: its outcome is yet to come, and there is nothing to vote on.
        ([(1, Status.ASKED), (1, Status.APPROVED)], []),
        # A vote that was not the last, or a new state: told once, as it stands.
        ([(1, Status.ASKED), (2, Status.ASKED), (1, Status.ASKED)], ["later 2 1"]),
        ([(1, Status.REVERTED), (1, Status.ASKED)], ["reverted 1", "later 1"]),
    ],
)
def test_what_the_same_batch_has_moved_on_is_left_out_of_digests(
    moves: list[tuple[int, Status]], heard: list[str]
) -> None:
    listener = Listener()
    told = tell_all([listener], in_batch(*moves), before=lambda one: one.status != Status.APPROVED)
    assert told.failed == ""
    assert listener.heard == heard


def test_a_request_is_told_where_its_outcome_could_not_be() -> None:
    listener = Listener(fails_at=Status.REVERTED)
    told = tell_all([listener], in_batch((1, Status.ASKED), (1, Status.REVERTED)))
    assert told.failed == "1"
    assert listener.heard == ["later 1"]
