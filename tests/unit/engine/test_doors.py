"""12.1, 12.2: who may send to, take from and settle the stack's queues, by their own policies."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest

from tests.support.each import each
from tests.support.iam.evaluator import Asked, Policies, refusal
from tests.support.iam.template import Stack
from tests.support.resource_policies import (
    CLOUDFORMATION,
    DEPLOYER,
    DEVELOPER,
    OPERATOR,
    OWNER,
    STACK_ID,
    Call,
    allowed,
    denied,
    of_queue,
    text_of,
)
from tests.support.template import flat, of_type, resources, statements_of

COMMANDS = "CommandsQueue.Arn"
QUEUES = ("ChangesQueue", "CommandsQueue", "DeadLetterQueue", "FindingsQueue", "ConductQueue")
# No service sends to these.
CLOSED = ("CommandsQueue", "FindingsQueue")
EVENTBRIDGE = "events.amazonaws.com"
ROLES = sorted(of_type("AWS::IAM::Role"))
TAKING = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:StartMessageMoveTask",
    "sqs:CancelMessageMoveTask",
)
SETTLING = ("sqs:DeleteQueue", "sqs:PurgeQueue", "sqs:SetQueueAttributes")
OPENING = ("sqs:AddPermission", "sqs:RemovePermission")


def may(role: str, action: str, queue: str) -> bool:
    """Whether a role's own policies let it do this to the queue."""
    return any(
        statement["Effect"] == "Allow"
        and action in flat(statement["Action"])
        and any(fnmatchcase(f"{queue}.Arn", arn) for arn in flat(statement["Resource"]))
        for statement in statements_of(role)
    )


# ------------------------------------------------------------------------------- who sends


@pytest.mark.parametrize("queue", CLOSED)
def test_a_queue_that_is_not_for_events_lets_nobody_in_by_its_own_policy(queue: str) -> None:
    assert {statement["Effect"] for statement in of_queue(queue)} == {"Deny"}


def test_the_publisher_alone_says_what_is_imported_into_security_hub() -> None:
    assert [role for role in ROLES if may(role, "sqs:SendMessage", "FindingsQueue")] == [
        "PublishRole"
    ]


def test_the_roles_that_command_are_seven() -> None:
    assert {role for role in ROLES if may(role, "sqs:SendMessage", "CommandsQueue")} == {
        "GuardRole",
        "PublishRole",
        "ReplyRole",
        # What it sends has people asked, and nothing carried out: only that is in its code.
        "SecurityHubRole",
        "SignedApiRole",
        "SweepRole",
        "TimersRole",
    }


@each("queue", QUEUES)
@each("role", ROLES)
def test_a_role_is_let_in_by_the_queue_if_its_own_policy_says_so_and_only_then(
    role: str, queue: str
) -> None:
    """By ARN: whoever may tag a session can call it anything."""
    # The stack has a role for operators where it is given none.
    given = role != "OperatorRole"
    for action in ("sqs:SendMessage", *TAKING[:2]):
        call = Call(f"{role}.Arn", action)
        assert denied(of_queue(queue), call, given=given) != may(role, action, queue)


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("given", [True, False])
def test_nobody_else_sends_whatever_tags_a_session_has(queue: str, given: bool) -> None:
    """12.2: anybody with sqs:SendMessage could write into the dead-letter queue."""
    tagged = {
        "aws:PrincipalTag/driftguard-record": ["driftguard"],
        "aws:PrincipalTag/driftguard-operator": ["driftguard"],
    }
    sent = Call(DEVELOPER, "sqs:SendMessage", tagged)
    assert denied(of_queue(queue), sent, given=given)


def test_operators_send_changes_and_nothing_else() -> None:
    send = Call(OPERATOR, "sqs:SendMessage")
    assert [queue for queue in QUEUES if not denied(of_queue(queue), send)] == ["ChangesQueue"]
    assert denied(of_queue("ChangesQueue"), send, given=False)


def test_without_operators_somebody_other_than_the_root_user_can_redrive() -> None:
    """Only the root user could, by default."""
    stack = Stack()
    assert "OperatorRole" in stack.roles
    assert "OperatorRole" not in Stack(parameters={"OperatorArns": OPERATOR}).roles
    role = stack.principal("OperatorRole")
    wanted = {
        "sqs:ReceiveMessage": stack.arn("DeadLetterQueue"),
        "sqs:DeleteMessage": stack.arn("DeadLetterQueue"),
        "sqs:SendMessage": stack.arn("ChangesQueue"),
        "secretsmanager:GetSecretValue": stack.arn("DeadLetterKey"),
        "lambda:InvokeFunctionUrl": stack.arn("SignedApiFunction"),
        "dynamodb:Query": f"{stack.arn('AuditTable')}/index/by-status",
    }
    for action, arn in wanted.items():
        policies = Policies(stack.identity("OperatorRole"), stack.resource_policy(arn))
        assert refusal(Asked(action, arn), role, policies) == "", action
    for action in (*SETTLING, "sqs:SendMessage"):
        arn = stack.arn("CommandsQueue")
        policies = Policies(stack.identity("OperatorRole"), stack.resource_policy(arn))
        assert refusal(Asked(action, arn), role, policies), action


@pytest.mark.parametrize(("through", "allowed"), [("true", True), ("false", False), ("", False)])
def test_the_operators_role_invokes_the_signed_api_through_its_url_alone(
    through: str, allowed: bool
) -> None:
    """Whoever invokes the function directly writes the event, and any caller into it."""
    stack = Stack()
    context = {"lambda:invokedviafunctionurl": (through,)} if through else {}
    asked = Asked("lambda:InvokeFunction", stack.arn("SignedApiFunction"), context)
    policies = Policies(stack.identity("OperatorRole"))
    assert (refusal(asked, stack.principal("OperatorRole"), policies) == "") is allowed


def test_iam_says_who_may_assume_the_operators_role() -> None:
    """The account as a principal delegates to its own policies, and lets in no other account."""
    (statement,) = Stack().trust("OperatorRole")
    assert statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}


@pytest.mark.parametrize("queue", [queue for queue in QUEUES if queue != "ConductQueue"])
def test_of_services_only_the_stacks_own_rules_send_and_never_commands(queue: str) -> None:
    """A service principal has no `aws:PrincipalArn`, and needs to be let in by the policy."""
    arn = "arn:aws:events:us-east-1:123456789012:rule/"
    for rule in of_type("AWS::Events::Rule").values():
        about = {"aws:SourceArn": [f"{arn}{text_of(rule['Name'])}"]}
        sent = Call(EVENTBRIDGE, "sqs:SendMessage", about)
        assert allowed(of_queue(queue), sent) == (queue not in CLOSED)
    for other in ("driftguard-Ec2Changes", "driftguard-aaaaaaaaaaaa-Ec2Changes"):
        about = {"aws:SourceArn": [f"{arn}{other}"]}
        assert not allowed(of_queue(queue), Call(EVENTBRIDGE, "sqs:SendMessage", about))
    own = {"aws:SourceArn": [f"{arn}driftguard-{STACK_ID}-Ec2Changes"]}
    assert not allowed(of_queue(queue), Call("sns.amazonaws.com", "sqs:SendMessage", own))


def test_only_the_stacks_two_queues_may_move_messages_to_the_dead_letter_queue() -> None:
    """Else a queue of anybody's names it as its own, and SQS itself moves the forged messages.

    Source: Amazon SQS API Reference, "SetQueueAttributes" (`RedriveAllowPolicy`).
    """
    dead = of_type("AWS::SQS::Queue")["DeadLetterQueue"]["RedriveAllowPolicy"]
    assert dead["redrivePermission"] == "byQueue"
    queues = of_type("AWS::SQS::Queue")
    names = {text_of(queues[queue]["QueueName"]) for queue in ("ChangesQueue", "CommandsQueue")}
    assert len(names) == 2
    assert {text_of(source) for source in dead["sourceQueueArns"]} == {
        f"arn:aws:sqs:us-east-1:123456789012:{name}" for name in names
    }


# -------------------------------------------------------------------------------- who takes


@each("action", [*TAKING, *SETTLING, *OPENING])
@each("queue", QUEUES)
@each("given", [True, False])
def test_nobody_else_takes_empties_deletes_or_opens(queue: str, action: str, given: bool) -> None:
    assert denied(of_queue(queue), Call(DEVELOPER, action), given=given)


def test_operators_take_dead_letters_and_nothing_else() -> None:
    for action in (*TAKING, *SETTLING, *OPENING):
        lets = [queue for queue in QUEUES if not denied(of_queue(queue), Call(OPERATOR, action))]
        assert lets == (["DeadLetterQueue"] if action in TAKING else []), action


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("action", SETTLING)
def test_the_stack_can_always_be_deployed_and_deleted(queue: str, action: str) -> None:
    """CloudFormation forwards the caller's session, or its service role's, in either case.

    Source: AWS CloudFormation User Guide, "Forward access sessions (FAS) requests and permission
    evaluation".
    """
    statements = of_queue(queue)
    by_stack = Call(DEVELOPER, action, CLOUDFORMATION)
    assert not denied(statements, by_stack, given=False)
    assert denied(statements, by_stack, given=True), "who is named is the only one"
    assert not denied(statements, Call(DEPLOYER, action, CLOUDFORMATION), given=True)
    assert not denied(statements, Call(DEPLOYER, action), given=True)
    assert not denied(statements, Call(OWNER, action), given=False)


# ---------------------------------------------------------------------------- what AWS takes


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_has_one_policy_within_the_quotas(queue: str) -> None:
    """Source: Amazon SQS Developer Guide, "Amazon SQS policy quotas"; "Special information for SQS
    policies" (a policy covers a single queue).
    """
    (policy,) = [one for one in of_type("AWS::SQS::QueuePolicy").values() if queue in one["Queues"]]
    assert policy["Queues"] == [queue]
    statements = policy["PolicyDocument"]["Statement"]
    assert {resource for one in statements for resource in flat(one["Resource"])} == {
        f"{queue}.Arn"
    }
    assert len(statements) <= 20
    assert max(len(list(flat(one["Action"]))) for one in statements) <= 7
    conditions = [
        key for one in statements for of in one.get("Condition", {}).values() for key in of
    ]
    assert len(conditions) <= 10, json.dumps(conditions)


# ------------------------------------------------------------------------------- what leads


def test_no_rule_leads_to_the_queue_of_commands() -> None:
    for name, resource in resources().items():
        if resource["Type"] == "AWS::Events::Rule":
            targets = {str(target["Arn"]) for target in resource["Properties"]["Targets"]}
            # What is put into the queue of conduct wakes nobody but the watcher.
            of_conduct = {"ConductQueue.Arn"} if name == "ConductEvents" else set()
            assert targets <= (of_conduct or {"ChangesQueue.Arn"}), name


def test_one_rule_alone_sends_to_the_queue_of_conduct() -> None:
    (let_in,) = [one for one in of_queue("ConductQueue") if one["Effect"] == "Allow"]
    assert let_in["Principal"] == {"Service": EVENTBRIDGE}
    assert let_in["Condition"] == {"ArnEquals": {"aws:SourceArn": "ConductEvents.Arn"}}
    assert [role for role in ROLES if may(role, "sqs:SendMessage", "ConductQueue")] == []


def test_the_watcher_of_conduct_sends_changes_and_nothing_else() -> None:
    sends = [one for one in QUEUES if may("ConductRole", "sqs:SendMessage", one)]
    assert sends == ["ChangesQueue"]


def test_the_guard_takes_from_both_doors() -> None:
    mapped = resources()["GuardFunction"]["Properties"]["Events"].values()
    assert {source["Properties"]["Queue"] for source in mapped} == {"ChangesQueue.Arn", COMMANDS}
