"""A call that takes something away is done where another attempt finds it gone.

The answer to the first attempt was lost, and its effect is there: nobody is told that it failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from driftguard.aws.calls import AwsError
from driftguard.aws.remediator import is_gone
from driftguard.engine.apply import apply_for
from driftguard.engine.recheck import is_of
from driftguard.model import Call, Plan, Status, Step
from tests.scenarios import SCENARIOS
from tests.support.each import each
from tests.support.round_trips import staged_trip
from tests.support.world import Fakes, World

DELETE, PUT = "DeleteFileSystemPolicy", "PutFileSystemPolicy"
GONE = "PolicyNotFound"


@each(
    "operation, code, gone",
    [
        ("DeleteTrail", "TrailNotFoundException", True),
        ("DetachRolePolicy", "NoSuchEntity", True),
        ("RevokeSecurityGroupIngress", "InvalidPermission.NotFound", True),
        ("DeleteQueue", "AWS.SimpleQueueService.NonExistentQueue", True),
        ("DisassociateWebACL", "WAFNonexistentItemException", True),
        ("DetachPolicy", "PolicyNotAttachedException", True),
        ("DeleteTrail", "AccessDeniedException", False),
        ("DeleteTrail", "ConflictException", False),
        ("DeleteTrail", "", False),
        ("PutTrail", "TrailNotFoundException", False),
        ("EnterStandby", "ValidationError", False),
    ],
)
def test_an_answer_says_that_what_a_call_takes_away_is_not_there(
    operation: str, code: str, gone: bool
) -> None:
    call = Call("x", operation, {}, on=("*",))
    assert is_gone(call, AwsError("said", code=code)) is gone


def test_an_instance_that_is_not_in_service_any_more_has_been_put_on_standby() -> None:
    call = Call("autoscaling", "EnterStandby", {}, on=("*",))
    assert is_gone(call, AwsError("The instance i-1 is not in InService.", code="ValidationError"))


def applied(*answers: AwsError | None, again: bool) -> Any:
    """What comes of a delete and a put that get these answers."""
    given = iter(answers)

    def make(call: Call) -> bool:
        if (answer := next(given)) is not None:
            raise answer
        return True

    @contextmanager
    def acting_on(*_: object, contains: bool) -> Iterator[Any]:
        yield SimpleNamespace(make=make)

    context = SimpleNamespace(aws=SimpleNamespace(acting_on=acting_on))
    resource = SimpleNamespace(region="us-east-1")
    case: Any = SimpleNamespace(
        context=context,
        candidate=SimpleNamespace(resource=resource),
        control=SimpleNamespace(busy=(), contains=False),
    )
    steps = tuple(Step(Call("efs", name, {}, on=("*",)), ()) for name in (DELETE, PUT))
    decision: Any = SimpleNamespace(id="dg-1")
    return apply_for(case, decision, Plan(steps), again=again)


def test_only_another_attempt_is_done_where_it_finds_nothing_to_take_away() -> None:
    gone, resent = AwsError("gone", code=GONE), AwsError("gone", code=GONE, retried=True)
    assert applied(gone, None, again=True).done == 2
    assert applied(resent, None, again=False).done == 2
    first = applied(gone, None, again=False)
    assert (first.done, first.error) == (0, gone)
    # What puts something needs it to be there, however often it is tried.
    put = applied(None, gone, again=True)
    assert (put.done, put.error) == (1, gone)
    refused = AwsError("no", code="AccessDeniedException", retried=True)
    assert applied(refused, None, again=True).error is refused


@pytest.mark.parametrize("retries", [0, 1])
def test_an_undo_whose_answer_the_sdk_lost_is_exact_and_told_as_such(
    world: World, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, retries: int
) -> None:
    """With no attempt before it, nothing was deleted, and people are told."""
    (scenario,) = [one for one in SCENARIOS if str(one) == "efs.policy-deleted"]
    with staged_trip(world, fakes, scenario) as trip:
        attacked = trip.attacked()
        before = trip.there()
        decision = trip.reverted(attacked)
        assert decision.status is Status.REVERTED
        original = BaseClient._make_api_call

        def answered(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            if operation != DELETE:
                return original(client, operation, parameters)
            for _ in range(retries):
                original(client, operation, parameters)
            told: Any = {
                "Error": {"Code": GONE, "Message": "there is none"},
                "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": retries},
            }
            raise ClientError(told, operation)

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(BaseClient, "_make_api_call", answered)
            undone = trip.undone(decision)
        exact = trip.staged.anew(trip.there()) == trip.staged.anew(before)
        assert (undone.status, exact) == (
            (Status.UNDONE, True) if retries else (Status.FAILED, False)
        )


MAKE, CLOSE, OTHER = (Call("ec2", name, {}, on=("*",)) for name in ("Make", "Close", "Other"))
CLOSED = Step(CLOSE, ())


@each(
    ("rest", "of_it"),
    [
        ((CLOSED,), True),
        ((Step(OTHER, (MAKE,)), CLOSED), True),
        ((Step(OTHER, (), additive=True),), True),
        ((CLOSED, Step(OTHER, ())), False),
    ],
)
def test_only_a_call_that_was_judged_needs_no_undo_of_its_own(
    rest: tuple[Step, ...], of_it: bool
) -> None:
    judged = Plan((Step(MAKE, (OTHER,)), CLOSED))
    assert is_of(judged, Plan(rest)) is of_it
