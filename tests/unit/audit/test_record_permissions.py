"""No role of the stack can erase the record, whatever else it is allowed; each can do its work."""

from __future__ import annotations

import pytest

from driftguard.audit import AuditTable
from driftguard.audit.seals import Sealer
from driftguard.audit.verify import Verifier
from driftguard.aws.client import Aws
from driftguard.model import Status
from tests.support.audit import a_decision, decided, moved
from tests.support.iam.evaluator import Asked, Policies, Statement, refusal
from tests.support.iam.judge import Judge
from tests.support.iam.template import of_the_tests
from tests.support.template import flat, of_type, statements_of
from tests.support.world import HERE, make_tables

STACK = of_the_tests()
RECORD = STACK.arn("AuditTable")
EVERYTHING: Statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
ERASURES = (
    *("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"),
    *("dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"),
    *("dynamodb:DeleteTable", "dynamodb:DeleteTableReplica", "dynamodb:UpdateTimeToLive"),
)

ROLES = sorted(STACK.roles)
WRITERS = {"GuardRole", "ReplyRole", "SignedApiRole", "SealRole"}


def refused(role: str, action: str, *more: Statement) -> str:
    """Why a role may not do this with an item of the record, or ""."""
    asked = Asked(action, RECORD, {"dynamodb:leadingkeys": ("dg-1",)})
    policies = Policies([*STACK.identity(role), *more], STACK.resource_policy(RECORD))
    return refusal(asked, STACK.principal(role), policies)


def table_as(role: str) -> tuple[AuditTable, Judge]:
    """The record as a role reaches it."""
    make_tables()
    aws, judge = Aws(), Judge()
    judge.watch(aws, role)
    return AuditTable(aws, "audit"), judge


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_erase_the_record_even_if_it_were_allowed_all_of_dynamodb(role: str) -> None:
    assert refused(role, "dynamodb:GetItem", EVERYTHING) == ""
    assert [one for one in ERASURES if not refused(role, one, EVERYTHING)] == []


@pytest.mark.parametrize("role", sorted(WRITERS - {"SealRole"}))
def test_who_records_can_record(account: None, role: str) -> None:
    table, judge = table_as(role)
    with judge.enforced():
        written = decided(table, a_decision())
        assert moved(table, written, Status.REVERTED, written.updated).version == 2
        assert table.get(written.id) is not None


def test_the_sealer_can_seal(account: None) -> None:
    table, judge = table_as("SealRole")
    with judge.enforced():
        (seal,) = Sealer(table).seal_until("2026-11-21", "2026-11-21T00:20:00.000Z", HERE)
        assert Sealer(table).last() == seal
        assert Verifier(table).everything("2026-11-21").whole


@pytest.mark.parametrize("role", ROLES)
def test_who_does_not_record_may_not(role: str) -> None:
    may_not_record = bool(refused(role, "dynamodb:PutItem"))
    assert may_not_record == (role not in WRITERS - {"SealRole"})
    # The remediator puts tables' protection back: the table itself, never an item.
    assert bool(refused(role, "dynamodb:UpdateTable")) == (role != "RemediatorRole")


@pytest.mark.parametrize("role", ROLES)
def test_every_role_carries_the_denial(role: str) -> None:
    assert role in flat(of_type("AWS::IAM::ManagedPolicy")["NeverErasePolicy"]["Roles"])


def test_decisions_and_seals_have_writers_of_their_own() -> None:
    keys = {
        role: {
            key
            for one in statements_of(role)
            if one["Effect"] == "Allow"
            and "dynamodb:PutItem" in flat(one["Action"])
            and "AuditTable.Arn" in flat(one["Resource"])
            for key in one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        }
        for role in WRITERS
    }
    assert keys.pop("SealRole") == {"seal", "seal#*"}
    assert set(map(frozenset, keys.values())) == {frozenset({"dg-*"})}
