"""The story of a decision, and the invariants that DESIGN.md's "what never happens" sets.

The tests of the invariants are named after them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.audit import broken_link
from driftguard.engine.errors import Busy, Foreign
from driftguard.engine.recording import LEASE
from driftguard.events.commands import Undo
from driftguard.model import Autonomy, Status
from driftguard.policy.model import Exemption, Policy
from driftguard.state.keys import freeze_key
from tests.support.freezing import freeze, unfreeze
from tests.support.records import ec2, exposed_key, flat_ingress, s3, session_of
from tests.support.world import HERE, REMEDIATOR, World, new_guard


@pytest.fixture
def group(world: World) -> str:
    """A security group that is open to the world on port 22."""
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    open_up(made["GroupId"])
    return str(made["GroupId"])


def open_up(group: str, port: int = 22, cidr: str = "0.0.0.0/0") -> None:
    boto3.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr
    )


def is_open(group: str) -> bool:
    (found,) = boto3.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return bool(found["IpPermissions"])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every call that is made to AWS from now on, by operation."""
    made: list[str] = []
    original = BaseClient._make_api_call

    def counted(self: BaseClient, operation: str, parameters: Any) -> Any:
        made.append(operation)
        return original(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    return made


def as_observer(policy: Policy) -> Policy:
    return replace(policy, autonomy={}, default=Autonomy.OBSERVE)


def exempting(resource: str, until: str = "2999-01-01") -> Any:
    one = Exemption("ec2.open-ingress", resource, until, "a honeypot")
    return lambda policy: replace(policy, exemptions=(one,))


# --------------------------------------------------------------------------- the main story


def test_an_open_group_is_reverted_in_nine_calls_the_revert_being_the_seventh(
    world: World, group: str, calls: list[str]
) -> None:
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.REVERTED
    assert calls == [
        "BatchGetItem",
        "DescribeSecurityGroupRules",
        # Whether Kubernetes or a load balancer brings its clients in by the rule.
        "DescribeSecurityGroups",
        "DescribeNetworkInterfaces",
        "TransactWriteItems",
        "AssumeRole",
        "RevokeSecurityGroupIngress",
        "DescribeSecurityGroupRules",
        "TransactWriteItems",
    ]


def test_a_harmless_record_makes_no_call_at_all(world: World, calls: list[str]) -> None:
    assert world.handle(flat_ingress("sg-1", 22, "10.0.0.0/8")) == []
    assert world.handle(flat_ingress("sg-1", 443, "0.0.0.0/0")) == []
    assert calls == []


def test_no_client_is_built_twice_in_a_warm_lambda(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.client import ClientCreator

    built: list[str] = []
    original = ClientCreator.create_client

    def counted(self: ClientCreator, service_name: str, *args: Any, **kwargs: Any) -> Any:
        built.append(service_name)
        return original(self, service_name, *args, **kwargs)

    monkeypatch.setattr(ClientCreator, "create_client", counted)
    cold = new_guard(world.clock)
    assert world.one(flat_ingress(group, 22, "0.0.0.0/0"), cold).status is Status.REVERTED
    # One to read with and one to act with, for EC2; the others once.
    assert sorted(built) == ["dynamodb", "ec2", "ec2", "sts"]
    open_up(group)
    built.clear()
    assert world.one(flat_ingress(group, 22, "0.0.0.0/0"), cold).status is Status.REVERTED
    assert built == []


def test_the_log_tells_every_step_and_holds_together(world: World, group: str) -> None:
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert world.log(decision) == ["decided", "reverted"]
    log = list(world.audit.log(decision.id))
    stored = world.audit.get(decision.id)
    assert stored == decision
    assert broken_link(decision, log) == ""


def test_an_edited_deleted_or_reordered_entry_shows(world: World, group: str) -> None:
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    first, last = world.audit.log(decision.id)
    assert "edited" in broken_link(decision, [first, replace(last, note="all was well")])
    assert "missing" in broken_link(decision, [last])
    assert "ends at" in broken_link(decision, [first])
    assert broken_link(decision, [last, first])
    assert "edited" in broken_link(replace(decision, summary="nothing"), [first, last])


def test_a_policy_that_observes_changes_nothing(world: World, group: str) -> None:
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"), world.with_policy(as_observer))
    assert decision.status is Status.OBSERVED
    assert is_open(group)


def test_the_ceiling_caps_what_policy_grants(world: World, group: str) -> None:
    guard = replace(world.guard, ceiling=Autonomy.ASK)
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"), guard)
    assert decision.status is Status.ASKED
    assert "AutonomyCeiling is ask" in decision.reason
    assert is_open(group)


def test_an_exemption_holds_for_what_it_names_and_no_sibling(world: World, group: str) -> None:
    exempt = world.with_policy(exempting(group))
    assert world.one(flat_ingress(group, 22, "0.0.0.0/0"), exempt).status is Status.EXEMPTED
    assert is_open(group)
    sibling = boto3.client("ec2").create_security_group(GroupName="other", Description="x")
    open_up(sibling["GroupId"])
    change = flat_ingress(sibling["GroupId"], 22, "0.0.0.0/0")
    assert world.one(change, exempt).status is Status.REVERTED


def test_an_exemption_ends_when_it_says(world: World, group: str) -> None:
    expired = world.with_policy(exempting(group, until="2020-01-01"))
    assert world.one(flat_ingress(group, 22, "0.0.0.0/0"), expired).status is Status.REVERTED


def test_a_freeze_stops_everything_from_the_next_event_on(world: World, group: str) -> None:
    freeze(world.state, "alice", "release night")
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.OBSERVED
    assert decision.reason == "frozen by alice: release night"
    assert is_open(group)
    unfreeze(world.state, "bob")
    assert world.one(flat_ingress(group, 22, "0.0.0.0/0")).status is Status.REVERTED


@pytest.mark.parametrize("more", [{}, {"doc": {"S": "stop!"}}, {"doc": {"S": "[]"}}])
def test_a_freeze_that_somebody_wrote_by_hand_is_a_freeze(
    world: World, group: str, more: dict[str, Any]
) -> None:
    item = {"pk": {"S": freeze_key(HERE, "all")[0]}, "sk": {"S": "all"}, **more}
    boto3.client("dynamodb").put_item(TableName="state", Item=item)
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.OBSERVED
    assert decision.reason.startswith("frozen by somebody")
    assert is_open(group)


def test_a_freeze_ends_by_itself(world: World, group: str) -> None:
    freeze(world.state, "alice", "", until="2026-01-02T00:00:00.000Z")
    assert world.one(flat_ingress(group, 22, "0.0.0.0/0")).status is Status.REVERTED


# ------------------------------------------------------------------- what never happens


def test_the_guard_never_acts_on_an_events_word_alone(world: World, calls: list[str]) -> None:
    """The record says open; the group is not. Nothing is decided; its state is the baseline.

    It looks twice, as the record proves that the group was open: AWS may answer late.
    """
    made = boto3.client("ec2").create_security_group(GroupName="web", Description="web")
    calls.clear()
    assert world.handle(flat_ingress(made["GroupId"], 22, "0.0.0.0/0")) == []
    looked = ["DescribeSecurityGroupRules", "DescribeSecurityGroupRules"]
    assert calls == ["BatchGetItem", *looked, "TransactWriteItems"]


def test_never_twice_on_one_plan(world: World, group: str, calls: list[str]) -> None:
    change = flat_ingress(group, 22, "0.0.0.0/0")
    first = world.one(change)
    open_up(group)
    calls.clear()
    assert world.one(change) == world.one(change) == first
    assert calls == ["BatchGetItem", "BatchGetItem"]


def test_two_workers_never_hold_one_decision(world: World, group: str) -> None:
    change = flat_ingress(group, 22, "0.0.0.0/0")

    class Dies(Exception):
        pass

    def die(*_: object, **__: object) -> Any:
        raise Dies

    broken = new_guard(world.clock)
    broken.aws.acting_on = die  # type: ignore[method-assign]
    with pytest.raises(Dies):
        list(broken.handle(change))
    with pytest.raises(Busy, match="another worker holds"):
        world.handle(change)
    world.clock.pass_by(seconds=LEASE.total_seconds() + 1)
    assert world.one(change).status is Status.REVERTED


def test_its_own_calls_are_recognised_as_its_own(
    world: World, group: str, calls: list[str]
) -> None:
    own = flat_ingress(group, 22, "0.0.0.0/0", userIdentity=session_of(REMEDIATOR))
    calls.clear()
    assert world.handle(own) == []
    assert calls == []


def test_a_failed_or_read_only_call_is_no_change(world: World, group: str) -> None:
    refused = flat_ingress(group, 22, "0.0.0.0/0", errorCode="Client.UnauthorizedOperation")
    assert world.handle(refused) == []
    assert world.handle(flat_ingress(group, 22, "0.0.0.0/0", readOnly=True)) == []


def test_a_change_of_another_account_is_never_judged_here(world: World) -> None:
    foreign = flat_ingress("sg-1", 22, "0.0.0.0/0", recipientAccountId="999999999999")
    with pytest.raises(Foreign, match="of account 999999999999"):
        world.handle(foreign)


def test_a_plan_without_steps_is_told_never_asked_nor_acted_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leaked key that belongs to no user is the root user's: nobody else can switch it off."""
    key = boto3.client("iam").create_access_key(
        UserName=boto3.client("iam").create_user(UserName="x")["User"]["UserName"]
    )["AccessKey"]["AccessKeyId"]
    original = BaseClient._make_api_call

    def root(self: BaseClient, operation: str, parameters: Any) -> Any:
        answer = original(self, operation, parameters)
        if operation == "GetAccessKeyLastUsed":
            answer["UserName"] = ""
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", root)
    decision = world.one(exposed_key(key))
    assert decision.status is Status.OBSERVED
    assert "Sign in as the root user" in decision.reason


# ---------------------------------------------------------------------- when AWS says no


def failing(monkeypatch: pytest.MonkeyPatch, operation: str, code: str, times: int = 99) -> None:
    """Makes an operation fail so often with this code, as AWS would answer."""
    from botocore.exceptions import ClientError

    original = BaseClient._make_api_call
    left = times

    def refusing(self: BaseClient, name: str, parameters: Any) -> Any:
        nonlocal left
        if name == operation and left > 0:
            left -= 1
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, name)
        return original(self, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", refusing)


def test_a_refused_remediation_is_recorded_as_failed_with_the_missing_permission(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "RevokeSecurityGroupIngress", "UnauthorizedOperation")
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.FAILED
    assert "Give the role the permission ec2:RevokeSecurityGroupIngress" in decision.reason
    assert world.log(decision) == ["decided", "failed"]


def test_a_throttled_remediation_is_finished_by_the_next_delivery(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "RevokeSecurityGroupIngress", "RequestLimitExceeded", times=1)
    change = flat_ingress(group, 22, "0.0.0.0/0")
    with pytest.raises(Exception, match="throttled"):
        world.handle(change)
    decision = world.one(change)
    assert decision.status is Status.REVERTED
    assert world.log(decision) == ["decided", "waiting", "resumed", "reverted"]


def test_at_the_last_delivery_it_has_failed_and_its_time_takes_it_up_again(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "RevokeSecurityGroupIngress", "RequestLimitExceeded", times=1)
    change = flat_ingress(group, 22, "0.0.0.0/0")
    with pytest.raises(Exception, match="throttled"):
        list(world.guard.handle(change, last_chance=True))
    (failed,) = world.audit.of_day(world.guard.stamp()[:10])
    assert failed.status is Status.FAILED
    assert "its message is dead-lettered" in failed.reason
    assert world.one(change) == failed
    world.clock.at = datetime.fromisoformat(failed.next_try)
    assert world.one(change).status is Status.REVERTED


def test_a_remediation_without_effect_fails_after_looking_again(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = BaseClient._make_api_call

    def ineffective(self: BaseClient, name: str, parameters: Any) -> Any:
        if name == "RevokeSecurityGroupIngress":
            return {"Return": True}
        return original(self, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", ineffective)
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.FAILED
    assert "still risky after the remediation" in decision.reason


def test_a_hole_made_again_while_reverting_is_closed_too(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another hole has an event of its own, and is closed by that."""
    original = BaseClient._make_api_call
    done: list[str] = []

    def racing(self: BaseClient, name: str, parameters: Any) -> Any:
        answer = original(self, name, parameters)
        if name == "RevokeSecurityGroupIngress" and not done:
            done.append(name)
            open_up(group)
            open_up(group, 3389)
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", racing)
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.REVERTED
    assert world.log(decision) == ["decided", "planned", "reverted"]
    assert world.one(flat_ingress(group, 3389, "0.0.0.0/0")).status is Status.REVERTED
    assert not is_open(group)


def test_aws_answering_late_is_waited_for(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS is eventually consistent: the first look after the revert still shows the old state."""
    original = BaseClient._make_api_call
    seen: list[Any] = []

    def stale(self: BaseClient, name: str, parameters: Any) -> Any:
        if name != "DescribeSecurityGroupRules":
            return original(self, name, parameters)
        seen.append(original(self, name, parameters))
        return seen[0] if len(seen) < 3 else seen[-1]

    monkeypatch.setattr(BaseClient, "_make_api_call", stale)
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.REVERTED
    assert world.clock.slept > 0
    assert world.log(decision) == ["decided", "reverted"]


# ------------------------------------------------------------------------------- undoing


def test_undo_is_refused_when_the_resource_has_changed_since(world: World, group: str) -> None:
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    open_up(group, 443)
    after = world.guard.undo(Undo(decision.id, "alice", "mine"))
    assert after.status is Status.REVERTED
    (*_, last) = world.audit.log(decision.id)
    assert (last.event, last.by) == ("undo-refused", "alice")
    assert "the resource has changed since it was reverted: rules now has" in last.note
    assert '"FromPort": 443' in last.note


def test_undo_works_while_frozen(world: World, group: str) -> None:
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    freeze(world.state, "alice", "it goes wild")
    assert world.guard.undo(Undo(decision.id, "alice", "")).status is Status.UNDONE


def test_undoing_twice_is_refused(world: World, group: str) -> None:
    decision = world.one(flat_ingress(group, 22, "0.0.0.0/0"))
    world.guard.undo(Undo(decision.id, "alice", ""))
    world.guard.undo(Undo(decision.id, "bob", ""))
    events = [(one.event, one.by) for one in world.audit.log(decision.id)]
    assert events[-2:] == [("undone", "alice"), ("undo-refused", "bob")]


def test_one_event_may_concern_several_controls(world: World) -> None:
    """A bucket made public at its creation is looked at, whatever else the record holds."""
    boto3.client("s3").create_bucket(Bucket="wares", ACL="public-read")
    change = s3("CreateBucket", {"bucketName": "wares", "x-amz-acl": ["public-read"]})
    assert [one.control for one in world.handle(change)] == ["s3.public-acl"]


@pytest.mark.parametrize("request_", [None, {}, {"groupId": None}, {"ipPermissions": None}])
def test_odd_request_parameters_crash_nothing(world: World, request_: Any) -> None:
    assert world.handle(ec2("AuthorizeSecurityGroupIngress", request_)) == []
    assert world.handle(s3("PutBucketPolicy", request_)) == []


def test_a_decision_survives_the_table_unchanged(world: World) -> None:
    """What is undone is to the byte what was read: floats, nulls, unicode and empty values too."""
    bucket = boto3.client("s3")
    bucket.create_bucket(Bucket="wares")
    statement = {
        "Sid": "Größe",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::wares/*",
        "Condition": {"NumericLessThan": {"s3:max-keys": 1.50}},
    }
    written = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=3)
    bucket.put_bucket_policy(Bucket="wares", Policy=written)
    decision = world.one(s3("PutBucketPolicy", {"bucketName": "wares"}))
    assert world.audit.get(decision.id) == decision
    world.guard.undo(Undo(decision.id, "alice", ""))
    assert bucket.get_bucket_policy(Bucket="wares")["Policy"] == written
