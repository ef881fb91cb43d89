"""How a function is cut off: from its state to the steps, without AWS."""

from __future__ import annotations

from typing import Any

from driftguard.approvals.rules import inverse
from driftguard.aws.remediator import SESSION_POLICY_LIMIT, compact, session_policy
from driftguard.controls.containment import function_plan
from driftguard.model import Plan, Resource
from tests.support.each import each

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"
FUNCTION = Resource("lambda.function", "orders", "123456789012", "us-east-1", ARN)
NAMED = {"FunctionName": "orders"}


def state(**more: Any) -> dict[str, Any]:
    return {"function": "orders", "reserved": None, "provisioned": [], "sources": [], **more}


def source(id_: str, state: str = "Enabled") -> dict[str, Any]:
    return {"mapping": id_, "state": state}


def told(found: Any) -> list[tuple[str, Any]]:
    return [(step.call.operation, step.call.parameters) for step in found]


@each(
    "reserved, back",
    [
        (None, ("DeleteFunctionConcurrency", NAMED)),
        (7, ("PutFunctionConcurrency", {**NAMED, "ReservedConcurrentExecutions": 7})),
    ],
)
def test_it_has_no_concurrency_until_an_undo_gives_the_former_back(
    reserved: int | None, back: tuple[str, Any]
) -> None:
    found = function_plan.steps(FUNCTION, state(reserved=reserved))
    stopped = ("PutFunctionConcurrency", {**NAMED, "ReservedConcurrentExecutions": 0})
    assert told(found) == [stopped]
    assert told(inverse(Plan(found), 1).steps) == [back]


def test_only_the_sources_that_are_on_go_off_and_come_back() -> None:
    sources = [source("a"), source("b", "Disabled"), source("c")]
    found = function_plan.steps(FUNCTION, state(sources=sources))
    off = [("UpdateEventSourceMapping", {"UUID": id_, "Enabled": False}) for id_ in "ac"]
    assert told(found)[1:] == off
    on = [("UpdateEventSourceMapping", {"UUID": id_, "Enabled": True}) for id_ in "ca"]
    assert told(inverse(Plan(found), len(found)).steps)[:2] == on


def test_what_is_provisioned_goes_first_and_comes_back_last() -> None:
    found = function_plan.steps(FUNCTION, state(provisioned=[{"qualifier": "live", "count": 5}]))
    of = {**NAMED, "Qualifier": "live"}
    assert told(found)[0] == ("DeleteProvisionedConcurrencyConfig", of)
    back = told(inverse(Plan(found), len(found)).steps)
    again = {**of, "ProvisionedConcurrentExecutions": 5}
    assert back[-1] == ("PutProvisionedConcurrencyConfig", again)


@each(
    "there, said",
    [
        (state(), ["it can be invoked"]),
        (state(reserved=0), []),
        (state(reserved=0, sources=[source("a", "Disabled")]), []),
        (state(reserved=0, sources=[source("a")]), ["event sources that are on: 1"]),
        (
            state(reserved=3, sources=[source("a"), source("b")]),
            ["it can be invoked", "event sources that are on: 2"],
        ),
    ],
)
def test_what_is_left_is_what_the_steps_are_for(there: dict[str, Any], said: list[str]) -> None:
    assert function_plan.left(there) == said
    assert bool(function_plan.steps(FUNCTION, there)) == bool(said)


def test_the_session_of_a_plan_for_many_sources_can_be_opened() -> None:
    many = [source(f"91eaeb7e-c976-1234-9451-8709db01f1{i:02}") for i in range(40)]
    found = function_plan.steps(FUNCTION, state(sources=many))
    assert len(compact(session_policy([step.call for step in found]))) <= SESSION_POLICY_LIMIT
