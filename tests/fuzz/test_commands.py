"""Fuzz: any message by the door of commands is obeyed as authorized, or refused in words.

None of them changes a decision of which the record holds no request, approval or deadline.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from random import Random
from typing import Any

import boto3
import pytest

from driftguard.documents import parsed
from driftguard.engine.intake import LAST_DELIVERY, Intake, Retry
from driftguard.events.commands import (
    ask_about_message,
    carry_out_message,
    command_of,
    expire_message,
    look_for_message,
    look_message,
    undo_message,
)
from driftguard.model import Decision, Resource, Status
from tests.support.api_requests import Log
from tests.support.approving import asking
from tests.support.fuzzing import INPUTS, in_portions, junk, mutated, mutated_text, tried
from tests.support.queues import command_message, queues
from tests.support.records import ACCOUNT, REGION, flat_ingress
from tests.support.world import World

# The errors that say what is wrong with a command.
IN_WORDS = re.compile(
    r"nobody is asked: .|message m-1 is dead-lettered: (ValueError: the message is not JSON"
    r"|Unparsable: |Unauthorized: |UnknownDecision: |UnknownControl: |Foreign: "
    # What names a resource that AWS does not take for one comes again first; a region that is none
    # is the SDK's to refuse, or else moto's.
    r"|AwsError: |InvalidRegionError: |KeyError: '[^']*-)."
)


@pytest.fixture
def decisions(world: World) -> tuple[Decision, Decision]:
    """One decision that is reverted, and one that waits for people."""
    return decided(world, "reverted", 22), decided(world, "asked", 23)


def decided(world: World, name: str, port: int) -> Decision:
    ec2 = boto3.client("ec2")
    group = str(ec2.create_security_group(GroupName=name, Description="g")["GroupId"])
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0"
    )
    guard = asking(world) if name == "asked" else world.guard
    return world.one(flat_ingress(group, port, "0.0.0.0/0"), guard)


@in_portions
def test_any_command_is_read_or_refused_in_words(portion: int) -> None:
    resource = Resource("ec2.security-group", "sg-1", ACCOUNT, REGION, "arn:aws:ec2:x")
    known = [
        undo_message("dg-1", 1),
        carry_out_message("dg-1"),
        expire_message("dg-1"),
        look_message("ec2.open-ingress", resource),
        ask_about_message("dg-1"),
        look_for_message("ec2.open-ingress", resource.arn, REGION),
    ]

    def once(dice: Random) -> None:
        body = json.dumps(mutated(dice, dice.choice(known)))
        body = mutated_text(dice, body) if dice.random() < 0.2 else body
        # No other error than `Unparsable` or `JSONDecodeError`, which are values' errors.
        with suppress(ValueError):
            command_of(parsed(body))

    tried("commands read", portion, once)


@in_portions
def test_any_command_is_obeyed_or_refused_in_words(
    world: World, decisions: tuple[Decision, Decision], portion: int
) -> None:
    boto3.client("sqs").create_queue(QueueName="dead")
    log = Log()
    intake = Intake(world.guard, queues(), log)
    known = [
        message
        for decision in decisions
        for message in (
            undo_message(decision.id, 1),
            carry_out_message(decision.id),
            expire_message(decision.id),
            look_message(decision.control, decision.candidate.resource),
            ask_about_message(decision.id),
            look_for_message(decision.control, decision.candidate.resource.arn, REGION),
        )
    ]

    def once(dice: Random) -> None:
        message: Any = mutated(dice, dice.choice(known))
        if dice.random() < 0.2:
            message = {**dice.choice(known), "decision": junk(dice), "request": junk(dice)}
        body = json.dumps(message)
        body = mutated_text(dice, body) if dice.random() < 0.2 else body
        # SQS takes no other text.
        body = body.encode(errors="replace").decode()
        log.lines.clear()
        try:
            intake.take(intake.opened(command_message(body)))
        except Retry:
            log.lines.clear()
            intake.take(intake.opened(command_message(body, deliveries=LAST_DELIVERY)))
            assert log.lines, f"what came again has no end: {body}"
        assert all(IN_WORDS.match(line) for line in log.lines), f"{log.lines}: {body}"

    tried("commands", portion, once, share=0.02 if INPUTS > 10_000 else 0.5)

    now = [world.audit.get(decision.id) for decision in decisions]
    assert [found and found.status for found in now] == [Status.REVERTED, Status.ASKED]
