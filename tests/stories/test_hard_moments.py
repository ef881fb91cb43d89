"""What a late read, a second worker, a throttled call or a death in the middle must not break.

Each of these was once broken.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from driftguard.approvals.rules import undo_refusal
from driftguard.aws.remediator import SESSION_POLICY_LIMIT, session_policy
from driftguard.engine.case import Case
from driftguard.engine.errors import Busy, NotYet
from driftguard.engine.guard import Guard
from driftguard.engine.recording import LEASE
from driftguard.events.commands import Undo
from driftguard.model import Autonomy, Choice, Decision, Status, Vote
from driftguard.policy.model import Person, Policy, Terms
from driftguard.state.keys import StateRecord, exemptions_key, item_of, partition
from tests.support.aws_policies import quarantined
from tests.support.freezing import freeze
from tests.support.records import exposed_key, flat_ingress, nested_ingress, permission, s3
from tests.support.world import HERE, World

PUBLIC = {
    "Sid": "Oops",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::wares/*",
}
THEIRS = PUBLIC | {"Sid": "Fine", "Principal": {"AWS": "arn:aws:iam::123456789012:role/reader"}}


def put_policy(*statements: Any) -> str:
    written = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    boto3.client("s3").put_bucket_policy(Bucket="wares", Policy=written)
    return written


def policy_now() -> Any:
    return json.loads(boto3.client("s3").get_bucket_policy(Bucket="wares")["Policy"])["Statement"]


@pytest.fixture
def bucket(world: World) -> None:
    """A bucket that its only statement makes public."""
    boto3.client("s3").create_bucket(Bucket="wares")
    put_policy(PUBLIC)


@pytest.fixture
def group(world: World) -> str:
    """A security group that is open to the world on port 22."""
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=made["GroupId"], IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    return str(made["GroupId"])


def is_open(group: str) -> bool:
    (found,) = boto3.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return bool(found["IpPermissions"])


def public_bucket() -> Any:
    written = {"Version": "2012-10-17", "Statement": [PUBLIC]}
    return s3("PutBucketPolicy", {"bucketName": "wares", "policy": "", "bucketPolicy": written})


def refusing(
    patch: pytest.MonkeyPatch, operation: str, code: str, *, after: int = 0, times: int = 1
) -> None:
    """Makes an operation answer with an error code, so many times, after so many good answers."""
    original = BaseClient._make_api_call
    seen = 0

    def answered(self: BaseClient, name: str, parameters: Any) -> Any:
        nonlocal seen
        if name == operation:
            seen += 1
            if after < seen <= after + times:
                raise ClientError({"Error": {"Code": code, "Message": "no"}}, name)
        return original(self, name, parameters)

    patch.setattr(BaseClient, "_make_api_call", answered)


def asking(world: World, **terms: Any) -> Guard:
    return world.with_policy(
        lambda given: replace(
            given,
            autonomy={},
            default=Autonomy.ASK,
            people=(Person("bob"),),
            approvals=(Terms(**terms),),
        )
    )


def approved(world: World, guard: Guard, group: str) -> Decision:
    (decision,) = guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
    vote = Vote("bob", Choice.REVERT, "slack", "now", decision.before)
    yes = replace(decision, status=Status.APPROVED, votes=(vote,))
    return world.audit.append(yes, event="approved", note="", by="bob")


def log(world: World, decision: Decision) -> list[str]:
    return [one.event for one in world.audit.log(decision.id)]


def test_an_approved_revert_survives_a_throttled_call(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = asking(world)
    decision = approved(world, guard, group)
    refusing(monkeypatch, "RevokeSecurityGroupIngress", "RequestLimitExceeded")
    with pytest.raises(Exception, match="throttled"):
        guard.carry_out(decision.id)
    assert guard.carry_out(decision.id).status is Status.REVERTED
    assert not is_open(group)


def test_an_approved_revert_that_was_dead_lettered_is_finished_at_its_time(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = asking(world)
    decision = approved(world, guard, group)
    refusing(monkeypatch, "RevokeSecurityGroupIngress", "RequestLimitExceeded")
    with pytest.raises(Exception, match="throttled"):
        guard.carry_out(decision.id, last_chance=True)
    failed = guard.carry_out(decision.id)
    assert failed.status is Status.FAILED
    world.clock.at = datetime.fromisoformat(failed.next_try)
    assert guard.carry_out(decision.id).status is Status.REVERTED


def test_an_undo_never_writes_over_a_policy_made_since(world: World, bucket: None) -> None:
    """The revert left no policy at all; that is a state, too, and it has changed."""
    decision = world.one(public_bucket())
    assert decision.status is Status.REVERTED
    put_policy(THEIRS)
    assert world.guard.undo(Undo(decision.id, "alice", "")).status is Status.REVERTED
    assert policy_now() == [THEIRS]
    assert log(world, decision)[-1] == "undo-refused"


def test_a_resumed_undo_looks_before_it_writes(
    world: World, bucket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = world.one(public_bucket())
    with monkeypatch.context() as patched:
        refusing(patched, "PutBucketPolicy", "SlowDown")
        with pytest.raises(Exception, match="throttled"):
            world.guard.undo(Undo(decision.id, "alice", ""))
    put_policy(THEIRS)
    assert world.guard.undo(Undo(decision.id, "alice", "")).status is Status.REVERTED
    assert policy_now() == [THEIRS]


def test_an_undo_asked_while_the_revert_is_under_way_waits_for_it(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noted in the log at once, it would take the step from who is just reverting."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    refused: list[str] = []

    def impatient(client: BaseClient, name: str, parameters: Any) -> Any:
        if name == "RevokeSecurityGroupIngress" and not refused:
            (decision,) = world.audit.of_day(world.guard.stamp()[:10])
            with pytest.raises(Busy) as busy:
                world.guard.undo(Undo(decision.id, "alice", ""))
            refused.append(str(busy.value))
        return original(client, name, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", impatient)
        decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert "another worker holds" in refused[0]
    assert decision.status is Status.REVERTED
    assert world.guard.undo(Undo(decision.id, "alice", "")).status is Status.UNDONE


@pytest.mark.parametrize("held", ["freeze", "ceiling", "exemption"])
def test_a_timeout_never_reverts_what_a_guardrail_holds_back(
    world: World, group: str, held: str
) -> None:
    guard = asking(world, timeout_action="revert")
    (decision,) = guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
    if held == "freeze":
        freeze(world.state, "alice", "release")
    elif held == "ceiling":
        guard = replace(guard, ceiling=Autonomy.ASK)
    else:
        key = exemptions_key(HERE, decision.control)
        entry = {"resource": decision.candidate.resource.arn, "until": "2999-01-01", "reason": "x"}
        world.state.write(StateRecord(key, {"entries": {"one": entry}}))
    world.clock.pass_by(days=2)
    expired = guard.expire(decision.id)
    assert expired.status is Status.EXPIRED
    assert "the timeout action would revert it, but" in expired.reason
    assert is_open(group)


def test_what_somebody_else_made_safe_is_not_claimed_as_ours(
    world: World, bucket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = public_bucket()
    with monkeypatch.context() as patched:
        refusing(patched, "AssumeRole", "Throttling")
        with pytest.raises(Exception, match="throttled"):
            world.handle(change)
    put_policy(THEIRS)
    decision = world.one(change)
    assert (decision.status, decision.done) == (Status.REVERTED, 0)
    world.guard.undo(Undo(decision.id, "alice", ""))
    assert policy_now() == [THEIRS]


def test_a_death_in_the_middle_of_a_long_plan_keeps_every_undo(world: World) -> None:
    """A key and a policy: the worker dies after the first call."""
    iam = boto3.client("iam")
    iam.create_user(UserName="builder")
    key = iam.create_access_key(UserName="builder")["AccessKey"]["AccessKeyId"]
    quarantined("builder")
    change = exposed_key(key)

    class Dies(BaseException):
        pass

    original = BaseClient._make_api_call
    made: list[str] = []

    def dying(self: BaseClient, name: str, parameters: Any) -> Any:
        vote = original(self, name, parameters)
        made.extend([name] if name == "UpdateAccessKey" else [])
        if made:
            raise Dies
        return vote

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", dying)
        with pytest.raises(Dies):
            world.handle(change)
    world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
    decision = world.one(change)
    assert decision.status is Status.REVERTED
    world.guard.undo(Undo(decision.id, "alice", ""))
    found = iam.list_access_keys(UserName="builder")["AccessKeyMetadata"]
    assert {one["AccessKeyId"]: one["Status"] for one in found} == {key: "Active"}


def test_many_open_rules_fit_into_one_session(world: World, group: str) -> None:
    """An attacker must not get out of a revert by opening more."""
    ec2 = boto3.client("ec2")
    for port in range(1000, 1050):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0"
        )
    asked = [permission(port, "0.0.0.0/0") for port in (22, *range(1000, 1050))]
    decision = world.one(nested_ingress(group, *asked))
    assert decision.status is Status.REVERTED
    policy = session_policy(step.call for step in decision.plan.steps)
    assert len(json.dumps(policy)) < SESSION_POLICY_LIMIT
    assert not is_open(group)


def test_who_made_a_change_cannot_undo_its_revert_even_where_policy_names_nobody(
    world: World, group: str
) -> None:
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    maker = decision.actor.principal
    assert (
        undo_refusal(decision, None, maker, Policy())
        == "whoever made a change cannot undo its revert"
    )
    assert undo_refusal(decision, None, "arn:aws:iam::123456789012:user/bob", Policy()) == ""


def test_a_policy_written_while_the_session_opens_is_not_written_over(
    world: World, bucket: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny = {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    deny |= {"Resource": "arn:aws:s3:::wares/*"}
    condition = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    original = BaseClient._make_api_call
    written: list[str] = []

    def racing(self: BaseClient, name: str, parameters: Any) -> Any:
        vote = original(self, name, parameters)
        if name == "AssumeRole" and not written:
            written.append(put_policy(PUBLIC, deny | condition))
        return vote

    monkeypatch.setattr(BaseClient, "_make_api_call", racing)
    decision = world.one(public_bucket())
    assert decision.status is Status.REVERTED
    assert policy_now() == [deny | condition]


def test_a_late_read_does_not_hide_an_evident_risk(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = BaseClient._make_api_call
    late = [True]

    def stale(self: BaseClient, name: str, parameters: Any) -> Any:
        vote = original(self, name, parameters)
        if name == "DescribeSecurityGroupRules" and late.pop() if late else False:
            return vote | {"SecurityGroupRules": []}
        return vote

    monkeypatch.setattr(BaseClient, "_make_api_call", stale)
    assert world.one(flat_ingress(group, 22, "0.0.0.0/0")).status is Status.REVERTED


def test_one_controls_trouble_does_not_keep_the_others_from_looking(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two controls watch a bucket's policy; the first may not read what it needs."""
    boto3.client("s3").create_bucket(Bucket="wares")
    foreign = PUBLIC | {"Sid": "Foreign", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}
    put_policy(PUBLIC, foreign)
    guard = world.with_policy(lambda given: replace(given, autonomy={}, default=Autonomy.REVERT))
    refusing(monkeypatch, "GetPublicAccessBlock", "AccessDenied", times=99)
    written = {"Version": "2012-10-17", "Statement": [PUBLIC, foreign]}
    change = s3("PutBucketPolicy", {"bucketName": "wares", "bucketPolicy": written})
    found = []
    with pytest.raises(Exception, match="GetPublicAccessBlock"):
        found.extend(guard.handle(change))
    reverted = [one.control for one in world.audit.of_day(guard.stamp()[:10])]
    assert reverted == ["s3.external-policy"]
    assert policy_now() == [PUBLIC]


def test_what_breaks_one_control_does_not_keep_the_others_from_looking(world: World) -> None:
    """What the first of two remembers of the bucket cannot be read: people are asked about it."""
    boto3.client("s3").create_bucket(Bucket="wares")
    foreign = PUBLIC | {"Sid": "Foreign", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}
    put_policy(PUBLIC, foreign)
    guard = world.with_policy(lambda given: replace(given, autonomy={}, default=Autonomy.REVERT))
    spoilt = item_of(
        StateRecord((partition("history", HERE, "s3.external-policy"), "arn:aws:s3:::wares"))
    ) | {"doc": {"S": "{"}}
    boto3.client("dynamodb").put_item(TableName="state", Item=spoilt)
    written = {"Version": "2012-10-17", "Statement": [PUBLIC, foreign]}
    change = s3("PutBucketPolicy", {"bucketName": "wares", "bucketPolicy": written})
    decided = {one.control: one for one in guard.handle(change)}
    assert decided["s3.public-policy"].status is Status.REVERTED
    assert decided["s3.external-policy"].status is Status.ASKED
    assert "history#" in decided["s3.external-policy"].reason
    assert policy_now() == [foreign]


def test_what_may_pass_is_tried_again_whatever_else_went_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken control dead-letters a message; another was throttled, and is not lost."""
    boto3.client("s3").create_bucket(Bucket="wares")
    put_policy(PUBLIC)
    look = Case.look

    def broken(case: Case) -> Any:
        if case.control.id == "s3.external-policy":
            raise ValueError("the control is broken")
        return look(case)

    monkeypatch.setattr(Case, "look", broken)
    refusing(monkeypatch, "GetPublicAccessBlock", "SlowDown")
    foreign = PUBLIC | {"Principal": {"AWS": "arn:aws:iam::999999999999:root"}}
    written = {"Version": "2012-10-17", "Statement": [PUBLIC, foreign]}
    change = s3("PutBucketPolicy", {"bucketName": "wares", "bucketPolicy": written})
    with pytest.raises(NotYet) as both:
        list(world.guard.handle(change))
    assert "the control is broken" in str(both.value)
    assert "throttled" in str(both.value)


def test_nothing_can_be_approved_where_there_is_nothing_to_revert(world: World, group: str) -> None:
    from driftguard.approvals.rules import weigh

    guard = asking(world)
    (decision,) = guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
    advice_only = replace(decision, plan=replace(decision.plan, steps=(), advice="Call AWS."))
    vote = Vote("bob", Choice.REVERT, "slack", "now", decision.before)
    assert "no plan can revert this" in weigh(advice_only, vote, guard.policy, "2026").refusal
