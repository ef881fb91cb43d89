"""No byte that leaves the guard holds a secret, or a piece of one, of what its controls found.

Made-up secrets of every kind stand in every place that a control looks at. Everything is collected
that is written, said, logged or raised on their account, from the look to the undo, and searched.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ParamValidationError
from botocore.parsers import ResponseParserError
from click.testing import CliRunner
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from typer.main import get_command

from driftguard import controls
from driftguard.approvals.desk import Desk
from driftguard.approvals.rules import inverse
from driftguard.aws.remediator import session_policy
from driftguard.channels import page, sns
from driftguard.channels.message.text import as_text
from driftguard.channels.slack import blocks
from driftguard.channels.wording import ApprovalRequest, as_json
from driftguard.controls.mechanisms.exposed_secret import OpenSecret
from driftguard.engine.guard import Guard
from driftguard.engine.intake import LAST_DELIVERY, Intake, Retry
from driftguard.events.commands import MARK, carry_out_message
from driftguard.model import Autonomy, Change, Choice, Decision, Status, Vote
from driftguard.policy.model import Person
from driftguard_cli import stack
from driftguard_cli.main import app
from tests.scenarios.secrets import keys_of
from tests.support.properties import tried
from tests.support.queues import change_message, command_message, queues, undo_requested
from tests.support.records import envelope, record
from tests.support.secrets import placed
from tests.support.secrets.emitting import EVERYWHERE, NAMED, failing, logged
from tests.support.secrets.made_up import Form, encoded, some
from tests.support.secrets.placed import Put
from tests.support.world import Clock, make_tables, new_guard, warm_aws

# Long enough that no hash, id or date holds one by chance.
PIECE = 12
COMMANDS = get_command(app)
FOREIGN = ("botocore", "boto3", "urllib3", "s3transfer", "moto", "werkzeug", "docker", "hypothesis")
REQUEST = ApprovalRequest("If nobody votes, the change stands.", "https://guard.example/?t=abc", "")

# Beside the plain way, how a text can stand elsewhere in what a control reads.
ELSEWHERE: Mapping[str, tuple[Put, ...]] = {
    "cloudformation.secret-in-parameters-or-outputs": (
        lambda name, text: placed.stack(name, json.dumps({name: text})),
    ),
    "codebuild.secret-in-environment": (
        lambda name, text: placed.project("STAGE", "prod", buildspec=f"env:\n  {name}: '{text}'\n"),
        lambda name, text: placed.project("STAGE", "prod", location=f"https://x.io/a?{text}"),
    ),
    "ec2.secret-in-user-data": (
        lambda name, text: placed.instance(f"#cloud-config\nwrite:\n- content: |\n    {text}\n"),
        lambda name, text: placed.instance(encoded(f"{name}={text}\n")),
    ),
    "ecs.secret-in-task-definition": (
        lambda name, text: placed.definition({"command": ["run", f"--{name}", text]}),
        lambda name, text: placed.definition({"entryPoint": ["sh", "-c", f"{name}={text} run"]}),
        lambda name, text: placed.definition({"dockerLabels": {name: text}}),
        lambda name, text: placed.definition(
            {"logConfiguration": {"logDriver": "splunk", "options": {name: text}}}
        ),
    ),
    "ecs.service-with-secret": (lambda name, text: placed.service({"command": ["run", text]}),),
    "lambda.secret-in-environment": (
        lambda name, text: placed.function(**{name: encoded(text)}),
        lambda name, text: placed.function(SETTINGS=json.dumps({"a": [{name: text}]})),
    ),
    "ssm.secret-in-plain-parameter": (
        lambda name, text: placed.parameter(f"a,{text}", f"/shop/{name}", "StringList"),
    ),
}
PUTS = [
    (control_id, put)
    for control_id, plainly in placed.PLACES.items()
    for put in (plainly, *ELSEWHERE[control_id])
]


@dataclass
class Room:
    """A guard in a new account, and everything that has come out of it so far."""

    guard: Guard
    emitted: list[str] = field(default_factory=list)

    def deliver(self, change: Change, deliveries: int = 1) -> list[Decision]:
        """What the guard's Lambda makes of the change's event."""
        return self.take(event_of(change), deliveries)

    def take(self, body: Mapping[str, Any], deliveries: int = 1) -> list[Decision]:
        """What the guard's Lambda makes of a message; what it raises is told as a log tells it."""
        door = command_message if MARK in body else change_message
        intake = Intake(self.guard, queues(self.dead_lettered), logging.getLogger("driftguard"))
        try:
            decisions = intake.take(intake.opened(door(body, deliveries)))
        except Retry as error:
            self.emitted += ["".join(traceback.format_exception(error)), repr(error)]
            return []
        self.emitted += [repr(one) for one in decisions]
        return decisions

    @property
    def dead_lettered(self) -> str:
        return str(boto3.client("sqs").create_queue(QueueName="dead-lettered")["QueueUrl"])

    def tell(self) -> None:
        """Everything that is made of the record, through every channel."""
        found = [item for table in ("audit", "state") for item in scanned(table)]
        self.emitted += [repr(item) for item in found]
        ids = {item["decision"]["S"] for item in found if "decision" in item}
        ids |= {
            one["S"] for item in found for one in item.values() if one.get("S", "")[:3] == "dg-"
        }
        decisions = [one for id_ in sorted(ids) if (one := self.guard.audit.get(id_)) is not None]
        assert decisions
        for one in decisions:
            self.emitted += said(one)
            self.emitted += [repr(entry) for entry in self.guard.audit.log(one.id)]
            self.emitted += self.ran("audit", "show", one.id)
            self.emitted += self.ran("audit", "show", one.id, "--json")
            self.emitted += self.ran("undo", one.id, "--dry-run")
        self.emitted += [sns.digest_text(decisions)]
        self.emitted += self.ran("audit", "list", "--json")
        for form in ("jsonl", "csv", "ocsf"):
            self.emitted += self.ran("audit", "export", "--format", form)
        received = boto3.client("sqs").receive_message(
            QueueUrl=self.dead_lettered, MessageAttributeNames=["All"], MaxNumberOfMessages=10
        )
        self.emitted += [json.dumps(received.get("Messages", []))]

    def ran(self, *arguments: str) -> list[str]:
        """What a command prints and raises."""
        # Building clients anew for each command would cost more than all the rest.
        with patch.object(stack, "Aws", lambda **_: warm_aws()):
            result = CliRunner().invoke(COMMANDS, arguments, env={"COLUMNS": "200"})
        raised = traceback.format_exception(*result.exc_info) if result.exc_info else []
        return [result.output, *raised]

    def leaks(self, secrets: list[str]) -> list[str]:
        """The pieces of secrets in what came out."""
        whole = "\n".join(self.emitted)
        return [
            piece
            for secret in secrets
            for at in range(len(secret) - PIECE + 1)
            if (piece := secret[at : at + PIECE]) in whole
        ]


def event_of(change: Change) -> dict[str, Any]:
    """The EventBridge event that the change came in."""
    if change.source.startswith("aws."):
        where = {"id": change.id, "account": change.account, "region": change.region}
        told = {"source": change.source, "detail-type": change.name, "detail": change.request}
        return {**where, **told, "time": change.time}
    more = {"responseElements": change.response, "eventID": change.id}
    return envelope(record(change.source, change.name, change.request, **more))


def scanned(table: str) -> Iterator[Any]:
    for one in boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table):
        yield from one["Items"]


def said(decision: Decision) -> Iterator[str]:
    """Every message, page and policy that a decision becomes."""
    yield from (repr(decision), sns.subject(decision), as_text(decision))
    for request in (None, REQUEST):
        yield sns.as_email(decision, request)
        yield json.dumps([as_json(decision), sns.as_q(decision, request)])
        yield repr(blocks.message(decision, request))
    yield blocks.details(decision)
    for choice in Choice:
        yield page.approval_request(decision, choice, token="t", vote="bob's", timeout="")
    yield page.outcome(decision, "Done", "", good=True, token="t")
    undo = inverse(decision.plan, len(decision.plan.steps))
    yield json.dumps(session_policy(step.call for step in (*decision.plan.steps, *undo.steps)))


@contextmanager
def room(autonomy: Autonomy) -> Iterator[Room]:
    """A new account with a guard in it, and its log at the lowest level, from the root on."""
    with mock_aws(), logged() as log, quiet(*FOREIGN):
        make_tables()
        clock = Clock()
        guard = new_guard(clock, warm_aws())
        policy = replace(
            guard.policy,
            autonomy={},
            default=autonomy,
            may_cut=frozenset({"ssm.secret-in-plain-parameter"}),
            people=(Person("bob"), Person("carol")),
        )
        outputs = {
            "AuditTable": "audit",
            "StateTable": "state",
            "RemediatorRole": guard.remediator_role_arn,
            "ChangesQueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/changes",
        }
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        boto3.client("cloudformation").create_stack(
            StackName="driftguard", TemplateBody=json.dumps(template)
        )
        made = Room(replace(guard, policy=policy))
        yield made
        made.emitted.append(log.getvalue())


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """What libraries log of our own calls is not ours: the SDK's debug log shows every answer."""
    loggers = [logging.getLogger(name) for name in names]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)


def secrets_of(form: Form, dice: Random, name: str) -> tuple[str, str, str]:
    """A secret, the name it stands under, and the text that it stands in."""
    if form in NAMED:
        secret = form.shape(dice)
        return secret, form.before.replace("_", ""), secret
    secret, text = form.made(dice)
    return secret, name, text


forms = st.sampled_from((*EVERYWHERE, *NAMED))
seeds = st.integers(min_value=0, max_value=2**64)
# Each example is a whole account: what fails is shown as it is, not made smaller first.
seldom = settings(tried(0.15), phases=(Phase.explicit, Phase.reuse, Phase.generate))


@seldom
@given(st.sampled_from(PUTS), forms, seeds, st.sampled_from([Autonomy.ASK, Autonomy.REVERT]))
def test_from_the_look_to_the_undo_no_emitted_byte_holds_a_secret(
    where: tuple[str, Put], form: Form, seed: int, autonomy: Autonomy
) -> None:
    control_id, put = where
    dice = Random(seed)
    secret, name, text = secrets_of(form, dice, "Setting")
    again, _, text_again = secrets_of(form, dice, "Setting")
    with room(autonomy) as told:
        ((id_, key),) = keys_of("backup")
        secrets = [secret, again, key]
        put(name, "production")
        for one in (f"{text}", f"{text_again} {id_}:{key}"):
            for decision in told.deliver(put(name, one)):
                if decision.status is Status.ASKED:
                    desk = Desk(told.guard.audit, told.guard.state, told.guard.policy)
                    kept = decision.control == control_id or not decision.plan.steps
                    choice = Choice.ACCEPT if kept else Choice.REVERT
                    vote = Vote("bob", choice, "slack", told.guard.stamp(), decision.before)
                    assert desk.vote(decision.id, vote).counted
                    told.take(carry_out_message(decision.id))
                told.take(undo_requested(told.guard.audit, decision, "bob", "mine"))
        told.tell()
    assert told.leaks(secrets) == []


@seldom
@given(st.sampled_from(PUTS), forms, seeds, st.sampled_from([1, LAST_DELIVERY]))
def test_a_detector_that_fails_on_a_secret_does_not_emit_it(
    where: tuple[str, Put], form: Form, seed: int, deliveries: int
) -> None:
    _, put = where
    secret, name, text = secrets_of(form, Random(seed), "Setting")
    with room(Autonomy.REVERT) as told, failing():
        told.deliver(put(name, text), deliveries)
        if any(True for _ in scanned("audit")):
            told.tell()
    assert told.leaks([secret]) == []


# What reads the texts, for each control.
READS = (
    ("cloudformation.secret-in-parameters-or-outputs", "DescribeStacks"),
    ("codebuild.secret-in-environment", "BatchGetProjects"),
    ("ec2.secret-in-user-data", "DescribeInstanceAttribute"),
    ("ecs.secret-in-task-definition", "DescribeTaskDefinition"),
    ("ecs.service-with-secret", "DescribeTaskDefinition"),
    ("lambda.secret-in-environment", "GetFunctionConfiguration"),
    ("ssm.secret-in-plain-parameter", "GetParameter"),
)
Fails = Callable[[str], Exception]


@contextmanager
def refusing(operation: str, error: Exception) -> Iterator[None]:
    """An operation fails with this error."""
    original = BaseClient._make_api_call

    def answered(client: BaseClient, asked: str, parameters: dict[str, Any]) -> Any:
        if asked == operation:
            raise error
        return original(client, asked, parameters)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", answered)
        yield


@pytest.mark.parametrize("deliveries", [1, LAST_DELIVERY])
@pytest.mark.parametrize(("control_id", "operation"), READS)
def test_an_answer_that_cannot_be_read_is_not_quoted(
    control_id: str, operation: str, deliveries: int
) -> None:
    """botocore's error of an answer that is no XML or JSON shows the whole answer."""
    secret = some(Random(), "abcdefghijklmnopqrstuvwxyz0123456789", 30)
    error = ResponseParserError(f"invalid XML received: b'<value>{secret}</value>'")
    with room(Autonomy.REVERT) as told:
        change = placed.PLACES[control_id]("Setting", secret)
        with refusing(operation, error):
            told.deliver(change, deliveries)
            told.emitted += [repr(told.dead_lettered)]
        received = boto3.client("sqs").receive_message(
            QueueUrl=told.dead_lettered, MessageAttributeNames=["All"]
        )
        told.emitted.append(json.dumps(received.get("Messages", [])))
    assert "got an answer that cannot be read" in "".join(told.emitted)
    assert told.leaks([secret]) == []


def invalid(secret: str) -> Exception:
    said = f"Value '{secret}' at 'value' failed to satisfy constraint"
    return ClientError({"Error": {"Code": "ValidationException", "Message": said}}, "PutParameter")


def refused(secret: str) -> Exception:
    said = {"Code": "AccessDeniedException", "Message": f"not authorized to put {secret}"}
    return ClientError({"Error": said}, "PutParameter")


def throttled(secret: str) -> Exception:
    said = {"Code": "ThrottlingException", "Message": f"too fast: {secret}"}
    return ClientError({"Error": said}, "PutParameter")


def malformed(secret: str) -> Exception:
    return ParamValidationError(report=f"Invalid type for parameter Value, value: {secret}")


@pytest.mark.parametrize("deliveries", [1, LAST_DELIVERY])
@pytest.mark.parametrize("fails", [invalid, refused, throttled, malformed])
def test_an_undo_that_fails_does_not_quote_the_secret_that_it_was_to_put_back(
    fails: Fails, deliveries: int
) -> None:
    secret = some(Random(), "abcdefghijklmnopqrstuvwxyz0123456789", 30)
    with room(Autonomy.REVERT) as told:
        placed.parameter("production")
        text = f"postgres://shop:{secret}@db.internal/shop"
        (decision,) = told.deliver(placed.parameter(text))
        assert decision.status is Status.REVERTED, decision.reason
        assert "PutParameter" in repr(decision.plan)
        with refusing("PutParameter", fails(secret)):
            told.take(undo_requested(told.guard.audit, decision, "bob", "mine"), deliveries)
        told.tell()
    assert "ssm:PutParameter failed (" in "".join(told.emitted)
    assert told.leaks([secret]) == []


def test_a_refusal_of_a_held_value_still_names_the_permission() -> None:
    with room(Autonomy.REVERT) as told:
        placed.parameter("production")
        change = placed.parameter(f"postgres://shop:{some(Random(), 'abcdef0123', 20)}@db/shop")
        with refusing("PutParameter", refused("x" * 30)):
            (decision,) = told.deliver(change)
    assert decision.status is Status.FAILED
    assert "Give the role the permission ssm:PutParameter; it is tried again" in decision.reason


def test_the_search_finds_what_is_emitted() -> None:
    """The property would be worth nothing if it could not fail."""
    with room(Autonomy.ASK) as told:
        secret = some(Random(), "abcdefghijklmnopqrstuvwxyz", 20)
        logging.getLogger("driftguard").debug("a value: %s", secret)
    assert told.leaks([secret]) != []


def test_every_control_over_secrets_is_among_those_watched() -> None:
    known = {one.id for one in controls.every() if isinstance(one, OpenSecret)}
    assert known == {one for one, _ in READS} == {one for one, _ in PUTS}
