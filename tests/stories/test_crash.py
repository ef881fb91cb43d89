"""A worker killed at any point leaves a record that the next delivery finishes, once.

Each case forks a worker, kills it (SIGKILL) right after its Nth call to AWS, so that AWS has done
what nobody has recorded yet, and lets a fresh worker take the redelivered message.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto.server import ThreadedMotoServer

from driftguard.aws.client import Aws
from driftguard.engine.recording import LEASE
from driftguard.events.commands import Undo
from driftguard.model import Change, Decision, Status
from tests.support.aws_policies import quarantined
from tests.support.records import exposed_key, flat_ingress
from tests.support.world import CONTAINMENT, GRANTING, REMEDIATOR, Clock, make_tables, new_guard


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """An account that outlives a killed process: moto behind real HTTP.

    The clients are for the workers that live; one that is killed builds its own, so that no
    connection is shared with it.
    """
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    boto3.setup_default_session()
    boto3.client("sts").get_caller_identity()
    _reset(f"http://{host}:{port}")
    make_tables()
    yield Aws(REMEDIATOR, granting_role_arn=GRANTING, containment_role_arn=CONTAINMENT)
    server.stop()
    boto3.setup_default_session()


def _reset(url: str) -> None:
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")).read()


def killed_after(number: int, work: Callable[[], object]) -> bool:
    """Runs the work in a process that is killed after its Nth call. False: it had fewer calls."""
    child = os.fork()
    if child == 0:
        calls = 0
        original = BaseClient._make_api_call

        def counted(self: BaseClient, operation: str, parameters: Any) -> Any:
            nonlocal calls
            calls += 1
            try:
                return original(self, operation, parameters)
            finally:
                if calls == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        BaseClient._make_api_call = counted  # type: ignore[method-assign]
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a forked child must never return into pytest
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"the worker failed instead of dying: {status}"
    return status == signal.SIGKILL


def handle(change: Change, clock: Clock, warm: Aws | None = None) -> Decision:
    (decision,) = new_guard(clock, warm).handle(change)
    return decision


def redelivered(change: Change, clock: Clock, warm: Aws) -> Decision:
    """The same message again, once the queue shows it again."""
    clock.pass_by(seconds=LEASE.total_seconds() + 1)
    return handle(change, clock, warm)


def decisions() -> list[dict[str, Any]]:
    found = boto3.client("dynamodb").scan(TableName="audit")["Items"]
    return [item for item in found if item["sk"]["S"] == "decision"]


@pytest.mark.parametrize("number", range(1, 8))
def test_an_open_group_is_reverted_once_wherever_the_worker_dies(warm: Aws, number: int) -> None:
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    change, clock = flat_ingress(group, 22, "0.0.0.0/0"), Clock()
    assert killed_after(number, lambda: handle(change, clock))

    decision = redelivered(change, clock, warm)

    assert decision.status is Status.REVERTED
    assert redelivered(change, clock, warm) == decision
    assert len(decisions()) == 1
    assert (
        ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"] == []
    )
    undone = new_guard(clock, warm).undo(Undo(decision.id, "alice", ""))
    assert undone.status is Status.UNDONE
    (opened,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert opened["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]


def test_a_plan_of_two_steps_is_finished_wherever_the_worker_dies(warm: Aws) -> None:
    iam = boto3.client("iam")
    for number in range(1, 30):
        name = f"user-{number}"
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        quarantined(name)
        change, clock = exposed_key(key), Clock()
        if not killed_after(number, lambda: handle(change, clock)):  # noqa: B023
            assert number > 12
            return

        decision = redelivered(change, clock, warm)

        assert decision.status is Status.REVERTED
        (status,) = [k["Status"] for k in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]]
        assert status == "Inactive"
        assert iam.list_user_policies(UserName=name)["PolicyNames"]
        new_guard(clock, warm).undo(Undo(decision.id, "alice", ""))
        (status,) = [k["Status"] for k in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]]
        assert status == "Active"
        assert iam.list_user_policies(UserName=name)["PolicyNames"] == []
    pytest.fail("the worker never finished")


def test_a_killed_undo_is_finished_by_the_next_delivery(warm: Aws) -> None:
    iam = boto3.client("iam")
    for number in range(1, 20):
        name = f"user-{number}"
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        quarantined(name)
        clock = Clock()
        decision = handle(exposed_key(key), clock, warm)
        verdict = Undo(decision.id, "alice", "mine")
        if not killed_after(number, lambda: new_guard(clock).undo(verdict)):  # noqa: B023
            return

        clock.pass_by(seconds=LEASE.total_seconds() + 1)
        undone = new_guard(clock, warm).undo(verdict)

        assert undone.status is Status.UNDONE
        (status,) = [k["Status"] for k in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]]
        assert status == "Active"
        assert iam.list_user_policies(UserName=name)["PolicyNames"] == []
    pytest.fail("the worker never finished")
