"""12.20: the remediator gives nobody rights; a role of its own does, where people want it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from driftguard.aws.calls import AwsError
from driftguard.aws.client import Aws
from driftguard.aws.granting import GIVE_RIGHTS, by_hand, command_of, granting, left_to_people
from driftguard.documents import Document
from driftguard.events.commands import Undo
from driftguard.model import Call, Plan, Status, Step
from tests.scenarios import SCENARIOS
from tests.support.iam.evaluator import Asked, Policies, refusal
from tests.support.iam.template import Stack, of_the_tests
from tests.support.round_trips import staged_trip
from tests.support.world import REMEDIATOR, Fakes, World, new_guard

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
USER = "arn:aws:iam::123456789012:user/mallory"
ANYTHING = ({"Effect": "Allow", "Action": ["*"], "Resource": ["*"]},)
WITHOUT = replace(of_the_tests(), parameters={})


def attach(kind: str = "User") -> Call:
    parameters = {f"{kind}Name": "mallory", "PolicyArn": ADMINISTRATOR}
    on = (f"arn:aws:iam::123456789012:{kind.lower()}/mallory",)
    return Call("iam", f"Attach{kind}Policy", parameters, on=on)


DETACH = Call("iam", "DetachUserPolicy", attach().parameters, on=(USER,))


def why_refused(stack: Stack, role: str, action: str, arn: str, **given: Any) -> str:
    """What IAM says to a role whose session, and whatever is attached to it, allow everything."""
    policies = Policies(
        identity=[*stack.identity(role), *given.get("attached", ())],
        boundary=stack.boundary(role),
        session=ANYTHING,
    )
    asked = Asked(action, arn, {"iam:policyarn": (ADMINISTRATOR,)})
    return refusal(asked, stack.principal(role), policies)


@pytest.mark.parametrize("action", sorted(GIVE_RIGHTS))
@pytest.mark.parametrize("attached", [(), ANYTHING], ids=["its own", "whatever is attached"])
def test_the_remediator_can_give_nobody_rights(action: str, attached: Any) -> None:
    """UpdateFunctionCode on the guard, and any policy could be attached to anybody."""
    service = action.partition(":")[0]
    for kind in ("user/mallory", "role/mallory", "group/mallory", "policy/own"):
        arn = f"arn:aws:{service}::123456789012:{kind}"
        assert why_refused(of_the_tests(), "RemediatorRole", action, arn, attached=attached)


@pytest.mark.parametrize("kind", ["User", "Role", "Group"])
def test_administrator_access_is_attached_by_the_granting_role_alone(kind: str) -> None:
    arn = f"arn:aws:iam::123456789012:{kind.lower()}/mallory"
    for role in of_the_tests().roles:
        refused = why_refused(of_the_tests(), role, f"iam:Attach{kind}Policy", arn)
        assert bool(refused) == (role != "GrantingRole"), role
    assert not why_refused(of_the_tests(), "RemediatorRole", f"iam:Detach{kind}Policy", arn)


def test_no_stack_has_a_granting_role_unless_somebody_says_so() -> None:
    assert "GrantingRole" not in WITHOUT.roles
    assert WITHOUT.environment("GuardFunction")["GRANTING_ROLE_ARN"] == ""
    assert "GrantingPolicy" not in WITHOUT.resources
    stated = json.dumps([WITHOUT.identity(role) for role in WITHOUT.roles])
    assert "iam:AttachUserPolicy" not in stated


def test_the_granting_role_changes_no_role_of_the_stack() -> None:
    stack = of_the_tests()
    for role in stack.roles:
        for action in ("iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy"):
            assert why_refused(stack, "GrantingRole", action, stack.arn(role)), role


# ----------------------------------------------------------------------------------- the calls


def test_a_services_own_role_gives_nobody_rights() -> None:
    """GuardDuty lets its own role read a list, with the caller's permission."""
    own = "arn:aws:iam::123456789012:role/aws-service-role/guardduty.amazonaws.com/Its"
    set_ = "arn:aws:guardduty:eu-west-1:123456789012:detector/d/ipset/s"
    parameters: Document = {"DetectorId": "d", "IpSetId": "s", "Activate": True}
    assert not granting(Call("guardduty", "UpdateIPSet", parameters, on=(set_, own)))
    assert granting(attach())
    assert not granting(DETACH)


def test_people_are_told_the_command_as_a_shell_takes_it() -> None:
    written = {"Statement": [{"Sid": "it's"}]}
    call = Call(
        "iam",
        "PutUserPolicy",
        {"UserName": "mallory", "PolicyName": "p", "PolicyDocument": json.dumps(written)},
        on=(USER,),
    )
    assert command_of(call) == (
        "aws iam put-user-policy --user-name mallory --policy-name p --policy-document "
        """'{"Statement": [{"Sid": "it'"'"'s"}]}'"""
    )
    listed = Call("iam", "CreateOpenIDConnectProvider", {"ClientIDList": ["a"]}, on=("*",))
    assert command_of(listed) == (
        "aws iam create-open-id-connect-provider --client-id-list '[\"a\"]'"
    )


def test_what_is_too_long_to_be_shown_is_in_the_record() -> None:
    call = Call("iam", "PutUserPolicy", {"PolicyDocument": "x" * 5_000}, on=(USER,))
    assert "xxx" not in by_hand([call])
    assert "driftguard audit" in by_hand([call])


def test_only_what_gives_rights_is_left_to_people() -> None:
    both = Plan((Step(DETACH, (attach(),)), Step(attach(), (DETACH,))), advice="Ask why.")
    left = left_to_people(both)
    assert [step.call for step in left.steps] == [DETACH]
    assert command_of(attach()) in left.advice
    assert left.advice.endswith("Ask why.")
    assert left_to_people(Plan(both.steps[:1])) == Plan(both.steps[:1])


def test_nothing_is_called_of_a_plan_that_needs_a_role_which_is_not_there() -> None:
    plan = Plan((Step(DETACH, ()), Step(attach(), ())))
    with (
        pytest.raises(AwsError, match="aws iam attach-user-policy") as refused,
        Aws(REMEDIATOR).acting_on(plan, "dg-1", "us-east-1"),
    ):
        raise AssertionError("it must not begin")
    assert refused.value.code == "NoGrantingRole"


# ------------------------------------------------------------------------ without the granting role


def test_an_undo_that_gives_rights_is_refused_with_the_command(world: World, fakes: Fakes) -> None:
    scenario = next(one for one in SCENARIOS if one.control == "iam.admin-attached")
    guard = bare(world, scenario)
    with staged_trip(world, fakes, scenario, guard) as trip:
        decision = trip.reverted(trip.attacked())
        assert decision.status is Status.REVERTED, decision.reason
        refused = guard.undo(Undo(decision.id, "alice", "a test"))
    assert refused.status is Status.REVERTED
    (*_, last) = world.audit.log(decision.id)
    assert last.event == "undo-refused"
    assert "MayGrant" in last.note
    assert "aws iam attach-" in last.note
    assert (
        f"driftguard exempt add iam.admin-attached {decision.candidate.resource.arn}" in last.note
    )


def test_a_revert_that_writes_rights_is_left_to_people_with_the_command(
    world: World, fakes: Fakes
) -> None:
    scenario = next(one for one in SCENARIOS if one.control == "iam.trust-external")
    guard = bare(world, scenario)
    with staged_trip(world, fakes, scenario, guard) as trip:
        decision = trip.decided(trip.attacked())
    # There is nothing that the guard could do with a yes: people are told what to do.
    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()
    assert "aws iam update-assume-role-policy --role-name" in decision.plan.advice


def bare(world: World, scenario: Any) -> Any:
    """A guard of a stack without a granting role."""
    guard = new_guard(world.clock, Aws(REMEDIATOR))
    return replace(guard, policy=world.with_policy(scenario.policy).policy, granting_role_arn="")


def test_what_gives_nobody_rights_is_carried_out_and_the_rest_is_told(
    world: World, fakes: Fakes
) -> None:
    scenario = next(one for one in SCENARIOS if one.control == "iam.leaked-key")
    guard = bare(world, scenario)
    with staged_trip(world, fakes, scenario, guard) as trip:
        decision = trip.reverted(trip.attacked())
    assert [step.call.operation for step in decision.plan.steps] == ["UpdateAccessKey"]
    assert decision.done == 1
    assert (decision.status, decision.next_try) == (Status.FAILED, "")
    assert "sessions issued with an exposed key" in decision.reason
    assert "aws iam put-user-policy" in decision.plan.advice
