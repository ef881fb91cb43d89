"""Which days of a principal may be learned from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from driftguard.audit import AuditTable
from driftguard.conduct.memory import Seen, day_of
from driftguard.conduct.past import Past
from driftguard.conduct.record import Pending
from driftguard.conduct.score import ASKED
from driftguard.conduct.telling import CONTROL
from driftguard.documents import stamp
from driftguard.model import Actor, Resource, Status
from tests.support.audit import a_decision, decided
from tests.support.conduct import NOW, ROLE, earlier
from tests.support.each import each
from tests.support.world import ACCOUNT, make_tables, warm_aws

SELF = Actor(ROLE, f"arn:aws:sts::{ACCOUNT}:assumed-role/web/i-0abc", "AssumedRole", ACCOUNT)
OTHER = Actor(f"arn:aws:iam::{ACCOUNT}:user/alice")
ITSELF = Resource("iam.role", "web", ACCOUNT, "us-east-1", ROLE)
NAMESAKE = Resource("s3.bucket", "web", ACCOUNT, "us-east-1", "arn:aws:s3:::web")


@pytest.fixture
def table() -> Iterator[AuditTable]:
    with mock_aws():
        make_tables()
        yield AuditTable(warm_aws(), "audit")


def yesterday(score: int = 0) -> Pending:
    return Pending(day_of(earlier(1)), Seen({}), score)


def clean(table: AuditTable, score: int = 0) -> bool:
    return Past(table).is_clean(ROLE, yesterday(score))


@each(
    ("status", "is_clean"),
    [
        (Status.OBSERVED, False),
        (Status.ASKED, False),
        (Status.REVERTED, False),
        (Status.EXPIRED, False),
        (Status.FAILED, False),
        (Status.DENIED, True),
        (Status.EXEMPTED, True),
        (Status.UNDONE, True),
    ],
)
def test_a_day_on_which_its_change_was_a_finding_is_not_clean_unless_people_let_it_stand(
    status: Status, is_clean: bool
) -> None:
    with mock_aws():
        make_tables()
        table = AuditTable(warm_aws(), "audit")
        decided(table, a_decision(at=stamp(earlier(1)), actor=SELF, status=status))
        assert clean(table) is is_clean


def test_a_finding_about_it_counts_like_one_by_it(table: AuditTable) -> None:
    at = stamp(earlier(1))
    found = a_decision(at=at, actor=OTHER, resource=ITSELF, status=Status.ASKED)
    decided(table, found)
    assert not clean(table)


def test_what_is_about_others_or_of_another_day_says_nothing(table: AuditTable) -> None:
    at = stamp(earlier(1))
    decided(table, a_decision(1, at=at, actor=OTHER, status=Status.ASKED))
    decided(table, a_decision(2, at=at, actor=OTHER, resource=NAMESAKE, status=Status.ASKED))
    decided(table, a_decision(3, at=stamp(earlier(2)), actor=SELF, status=Status.ASKED))
    decided(table, a_decision(4, at=stamp(NOW), actor=SELF, status=Status.ASKED))
    assert clean(table)


def test_a_day_as_unusual_as_to_be_asked_about_is_clean_once_people_have_accepted(
    table: AuditTable,
) -> None:
    """So nobody makes a thing usual by doing it until nobody asks any more."""
    assert clean(table, ASKED - 1)
    assert not clean(table, ASKED)
    for number, (days, status) in enumerate(
        [(40, Status.DENIED), (3, Status.EXPIRED), (2, Status.REVERTED)]
    ):
        at = stamp(earlier(days))
        about = a_decision(number, at=at, actor=SELF, resource=ITSELF, control=CONTROL)
        decided(table, about)
        assert not clean(table, ASKED), status
    accepted = a_decision(
        9, at=stamp(earlier(9)), actor=SELF, resource=ITSELF, control=CONTROL, status=Status.DENIED
    )
    decided(table, accepted)
    assert clean(table, ASKED)


@each(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:user/web",
        f"arn:aws:iam::{ACCOUNT}:role/shop/web",
        "arn:aws:iam::999999999999:role/web",
    ],
)
def test_what_people_accepted_of_a_namesake_opens_no_learning(arn: str) -> None:
    with mock_aws():
        make_tables()
        table = AuditTable(warm_aws(), "audit")
        namesake = Resource(f"iam.{arn.split(':')[5].partition('/')[0]}", "web", ACCOUNT, "", arn)
        at = stamp(earlier(2))
        accepted = a_decision(
            at=at, actor=SELF, resource=namesake, control=CONTROL, status=Status.DENIED
        )
        decided(table, accepted)
        assert not clean(table, ASKED)
