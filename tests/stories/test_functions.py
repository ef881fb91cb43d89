"""Shows 5 of 12: every call of every function is allowed by its own role, in a whole story.

The functions run as Lambda starts them, with the template's variables, one after another in one
account: changes are reverted, asked about, answered on every channel, undone and swept, and the
record is sealed. Each call is judged by the role's policies, the resource's policy and the plan's
session, with the ARNs and conditions that the template gives them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from driftguard.aws.client import Aws
from driftguard.model import Observation
from driftguard.state.baseline import baseline_of
from driftguard.state.keys import baseline_key, named_by
from driftguard.state.table import StateTable
from tests.support.functions import BOB, Functions, asking, started
from tests.support.iam.evaluator import Asked, Policies, Principal, allows, refusal
from tests.support.iam.judge import Judge, dropping
from tests.support.iam.template import Stack
from tests.support.records import envelope, record
from tests.support.slack_stand_in import SlackStandIn, running, signed
from tests.support.world import ACCOUNT, HERE, REGION

FUNCTIONS = (
    *("GuardFunction", "HooksFunction", "PublishFunction", "ReplyFunction", "SealFunction"),
    *("SecurityHubFunction", "SignedApiFunction", "SlackFunction", "SweepFunction"),
)


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with running() as slack:
        yield slack


@pytest.fixture
def functions(account: None, monkeypatch: pytest.MonkeyPatch, slack: SlackStandIn) -> Functions:
    return started(monkeypatch, slack, asking())


class Story:
    """What happens in the account, and what people make of it."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self._groups = 0
        self._told: list[dict[str, object]] = []

    def opened(self) -> tuple[str, str]:
        """A security group is opened to the world: its id, and the decision on it."""
        self._groups += 1
        ec2 = boto3.client("ec2")
        made = ec2.create_security_group(GroupName=f"web-{self._groups}", Description="web")
        group = str(made["GroupId"])
        self.open_again(group, 22)
        return group, self.decision(group)

    def open_again(self, group: str, port: int) -> None:
        boto3.client("ec2").authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0"
        )
        self.functions.change(
            envelope(
                record(
                    "ec2.amazonaws.com",
                    "AuthorizeSecurityGroupIngress",
                    {
                        "groupId": group,
                        "ipPermissions": {},
                        "ipProtocol": "tcp",
                        "fromPort": port,
                        "toPort": port,
                        "cidrIp": "0.0.0.0/0",
                    },
                    eventTime=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                )
            )
        )

    def decision(self, group: str) -> str:
        (found,) = [
            id_ for id_, one in self.functions.decisions().items() if group in one["resource"]
        ]
        return found

    def status(self, decision: str) -> str:
        return self.functions.decisions()[decision]["status"]

    def link(self, decision: str) -> str:
        """The link that people were sent to revert."""
        self._told += self.functions.published()
        (link,) = {one["revert_link"] for one in self._told if decision in json.dumps(one)}
        return str(link)

    def clicked(self, decision: str, button: str, user: str, **more: int) -> None:
        slack = self.functions.slack
        message = next(one for one in slack.posted if decision in one.shown)
        body = slack.click(message, f"driftguard.{button}", user, **more)
        answer = self.functions.http(
            *("ReplyFunction", "POST", "/slack"), body=body, headers=lower(signed(body))
        )
        assert answer["statusCode"] == 200
        self.functions.settle()

    def baseline(self, control: str, resource: str) -> dict[str, object]:
        """The baseline that is recorded, as somebody would accept it."""
        table = StateTable(Aws(), self.functions.stack.physical("StateTable"), HERE)
        record = table.record(baseline_key(control, named_by(resource, HERE)))
        known = baseline_of(record)
        assert known is not None
        seen = Observation(known.state, "").fingerprint()
        return {"control": control, "resource": resource, "fingerprint": seen}

    def shown(self, decision: str) -> dict[str, str]:
        """What a vote on the command line names."""
        return {"decision": decision, "fingerprint": self.functions.decisions()[decision]["before"]}


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def people_answer(story: Story) -> None:
    """By link, by SNS, in Slack and at the command line; a deadline passes with no answer."""
    functions = story.functions
    _, by_link = story.opened()
    assert functions.page(story.link(by_link))["statusCode"] == 200
    assert functions.page(story.link(by_link), "revert")["statusCode"] == 200
    functions.settle()
    assert story.status(by_link) == "reverted"

    _, by_sns = story.opened()
    token = story.link(by_sns).partition("t=")[2].partition("&")[0]
    message = {"Sns": {"Message": f"revert {by_sns} {token}"}}
    functions.invoke("ReplyFunction", {"Records": [message]})
    functions.settle()
    assert story.status(by_sns) == "reverted"

    _, in_slack = story.opened()
    story.clicked(in_slack, "revert", "U2")
    assert story.status(in_slack) == "reverted"
    story.clicked(in_slack, "undo", "U3")
    assert story.status(in_slack) == "undone"

    _, by_iam = story.opened()
    answer = functions.api(BOB, "/answer", choice="revert", **story.shown(by_iam))
    assert answer["counted"], answer
    functions.settle()
    assert story.status(by_iam) == "reverted"
    assert functions.api(BOB, "/undo", decision=by_iam, reason="a test")["counted"]
    functions.settle()
    assert story.status(by_iam) == "undone"

    _, denied = story.opened()
    kept = functions.api(
        BOB, "/answer", choice="accept", accept_for_seconds=3600, **story.shown(denied)
    )
    assert kept["counted"], kept
    _, silent = story.opened()
    assert any(name.startswith(silent) for name in functions.timers())
    functions.settle()


def operators_act(story: Story) -> None:
    """They freeze and lift it, exempt, take trust back, and accept a baseline of the sweep's."""
    control, case = "ec2.open-ingress", "RevokeSecurityGroupIngress by user"
    known = story.baseline("s3.versioning-suspended", "arn:aws:s3:::wares")
    for said in (
        {"act": "freeze"},
        {"act": "unfreeze"},
        {"act": "exempt", "control": control, "resource": "sg-1", "for_seconds": 3600},
        {"act": "reset-trust", "control": control, "case": case},
        {"act": "accept-baseline", **known},
    ):
        answer = story.functions.api(BOB, "/act", reason="a test", **said)
        assert answer["counted"], answer
    story.functions.settle()
    assert story.functions.decisions()[answer["decision"]]["title"] == "Baseline accepted"
    # None has tripped: what matters is that the function may look.
    answer = story.functions.api(BOB, "/act", act="rearm", scope="everything", reason="a test")
    assert "No circuit breaker" in answer["text"]


def the_sweep_finds(story: Story) -> None:
    """What is clean is recorded; what is risky is sent once, on the next day it is known."""
    functions = story.functions
    ec2 = boto3.client("ec2")
    group = str(ec2.create_security_group(GroupName="behind", Description="web")["GroupId"])
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    boto3.client("s3").create_bucket(Bucket="wares")
    versioning = {"Status": "Enabled"}
    boto3.client("s3").put_bucket_versioning(Bucket="wares", VersioningConfiguration=versioning)
    first = functions.invoke("SweepFunction", {})
    assert first["sent"] >= 1
    functions.settle()
    assert story.status(story.decision(group)) == "observed"
    # From the second day on.
    again = functions.invoke("SweepFunction", {})
    assert again["standing"] >= 1, again


def the_record_is_sealed(story: Story) -> None:
    story.functions.invoke("SealFunction", {"detail-type": "Scheduled Event"})


def what_cannot_be_judged_is_dead_lettered(story: Story) -> None:
    story.functions.change({"not": "an event"})
    assert story.functions.dead_letters()


def whole(story: Story) -> None:
    people_answer(story)
    the_sweep_finds(story)
    operators_act(story)
    the_record_is_sealed(story)
    what_cannot_be_judged_is_dead_lettered(story)


def test_every_call_of_every_function_is_allowed_by_its_own_role(functions: Functions) -> None:
    whole(Story(functions))

    assert functions.judge.refused == []
    roles = {functions.stack.role_of(function) for function in functions.stack.functions}
    assert {one.role for one in functions.judge.made} == {*roles, "RemediatorRole", "TimersRole"}


@pytest.mark.parametrize(
    ("role", "action", "told"),
    [
        ("SweepRole", "dynamodb:BatchGetItem", the_sweep_finds),
        ("PublishRole", "iam:PassRole", people_answer),
        ("GuardRole", "sts:SetSourceIdentity", people_answer),
        ("SignedApiRole", "sqs:SendMessage", people_answer),
    ],
)
def test_a_permission_less_is_noticed(
    functions: Functions, role: str, action: str, told: Callable[[Story], None]
) -> None:
    functions.judge = Judge(dropping(functions.stack, role, [action]))
    with suppress(Exception):
        told(Story(functions))
    assert any(f"{role} may not {action}" in one for one in functions.judge.refused)


# ------------------------------------------------------- what AWS does in the functions' names


# What Lambda does as the function's role where an event source or a destination is of this kind.
# Source: AWS Lambda Developer Guide, "Using Lambda with Amazon SQS" and "… DynamoDB" (execution
# role permissions), "Capturing records of Lambda asynchronous invocations".
OF_LAMBDA = {
    "SQS": ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
    "DynamoDB": (*("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),),
}
OF_LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")


def asked_by_lambda(stack: Stack, function: str) -> Iterator[Asked]:
    """What Lambda itself needs of a function's role."""
    properties = stack.functions[function]
    group = stack.resolved(properties["LoggingConfig"]["LogGroup"])
    stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:1"
    yield from (Asked(action, stream) for action in OF_LOGS)
    for event in properties.get("Events", {}).values():
        told = stack.resolved(event["Properties"])
        source = told.get("Queue") or told.get("Stream") or ""
        yield from (Asked(action, source) for action in OF_LAMBDA.get(event["Type"], ()))
        if event["Type"] == "DynamoDB":
            yield Asked("dynamodb:ListStreams", "*")
        yield from destinations(told)
    yield from destinations(stack.resolved(properties.get("EventInvokeConfig", {})))


def destinations(told: Mapping[str, Any]) -> Iterator[Asked]:
    for one in told.get("DestinationConfig", {}).values():
        yield Asked("sqs:SendMessage", one["Destination"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_lambda_may_do_what_it_does_in_a_functions_name(function: str) -> None:
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf"
    given = {"SlackSecretArn": secret, "WebhookSecretArn": secret, "SecurityHub": "true"}
    stack = Stack(parameters=given)
    role = stack.role_of(function)
    for asked in asked_by_lambda(stack, function):
        assert refused(stack, asked, role) == "", asked


def test_timers_may_send_to_their_queues() -> None:
    stack = Stack()
    for queue in ("CommandsQueue", "DeadLetterQueue"):
        assert refused(stack, Asked("sqs:SendMessage", stack.arn(queue)), "TimersRole") == ""


def test_rules_may_send_changes_and_nothing_else() -> None:
    stack = Stack()
    events = Principal("events.amazonaws.com")
    rules = stack.of_type("AWS::Events::Rule")
    for rule in rules:
        context = {
            "aws:sourceaccount": (ACCOUNT,),
            "aws:sourcearn": (stack.arn(rule),),
            "aws:principalisawsservice": ("true",),
        }
        allowed = [
            queue
            for queue in stack.of_type("AWS::SQS::Queue")
            if allows(
                Asked("sqs:SendMessage", stack.arn(queue), context),
                events,
                Policies((), stack.resource_policy(stack.arn(queue))),
            )
        ]
        assert set(allowed) == {"ChangesQueue", "DeadLetterQueue"}, rule
    assert rules


def refused(stack: Stack, asked: Asked, role: str) -> str:
    policies = Policies(stack.identity(role), stack.resource_policy(asked.resource))
    return refusal(asked, stack.principal(role), policies)
