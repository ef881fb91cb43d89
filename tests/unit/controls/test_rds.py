"""What is judged of a database, and what is left to its cluster, to AWS Backup, or to people."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.controls.mechanisms.declared import Declared
from driftguard.documents import Document
from driftguard.model import NOT_IN_USE, Candidate, Certainty, Observation, Resource, Use
from tests.support.answers import answering
from tests.support.records import ACCOUNT, REGION, change

RDS = "rds.amazonaws.com"
INSTANCE = Resource(
    "rds.instance", "one", ACCOUNT, REGION, f"arn:aws:rds:{REGION}:{ACCOUNT}:db:one"
)
CLUSTER = Resource("rds.cluster", "c", ACCOUNT, REGION, f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:c")


def described(**more: Any) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": "one",
        "DBInstanceStatus": "available",
        "Engine": "postgres",
        "PubliclyAccessible": True,
        "BackupRetentionPeriod": 0,
        "DeletionProtection": False,
        "InstanceCreateTime": "2021-03-01T00:00:00+00:00",
        **more,
    }


def observed(control_id: str, where: Resource, *, hint: Document = {}, **told: Any) -> Any:  # noqa: B006
    kind = "Cluster" if where is CLUSTER else "Instance"
    reader = answering(**{f"rds__DescribeDB{kind}s": {f"DB{kind}s": [told]}})
    return control(control_id).observe(Candidate(where, Certainty.EVIDENT, hint), reader)


@pytest.mark.parametrize("engine", ["mysql", "postgres", "aurora-mysql", "neptune", "docdb"])
def test_what_protects_a_member_is_its_cluster(engine: str) -> None:
    """Kind 5: the retention, protection and password of members are the cluster's."""
    member = described(DBClusterIdentifier="c", Engine=engine)

    assert observed("rds.protection-off", INSTANCE, **member) is None


@pytest.mark.parametrize(
    ("engine", "judged"), [("mysql", False), ("postgres", False), ("aurora-mysql", True)]
)
def test_members_of_a_multi_az_cluster_are_not_modified(engine: str, judged: bool) -> None:
    """Kind 5: of Aurora's members each has an address of its own."""
    member = described(DBClusterIdentifier="c", Engine=engine)

    assert (observed("rds.public-instance", INSTANCE, **member) is not None) is judged


def test_a_public_cluster_is_told_of() -> None:
    """Kind 9: a Multi-AZ DB cluster is made public by CreateDBCluster, and stays so."""
    public = control("rds.public-instance")
    request = {"dBClusterIdentifier": "c", "engine": "mysql", "publiclyAccessible": True}
    (candidate,) = public.screen(change(RDS, "CreateDBCluster", request), NoSettings())
    assert candidate.resource == CLUSTER

    state = observed(
        "rds.public-instance", CLUSTER, DBClusterIdentifier="c", PubliclyAccessible=True
    )
    assert public.assess(state, None, NoSettings())
    plan = public.plan(candidate, Observation(state, ""), None, NoSettings())
    assert plan.steps == ()
    assert "security groups" in plan.advice


def test_retention_that_aws_backup_owns_is_not_judged() -> None:
    """Kind 5: RDS refuses to change it."""
    state = observed(
        "rds.protection-off",
        INSTANCE,
        hint={"told": ["backup_days"]},
        **described(DeletionProtection=True, AwsBackupRecoveryPointArn="arn:aws:backup:…"),
    )

    assert "backup_days" not in state
    assert control("rds.protection-off").assess(state, None, NoSettings()) is None
    was: Document = {**state, "backup_days": 7}
    assert control("rds.protection-off").assess(state, was, NoSettings()) is None


@pytest.mark.parametrize(
    ("where", "days", "now", "use"),
    [
        (INSTANCE, 0, 0, "unknown"),
        (INSTANCE, 0, 7, "free"),
        (INSTANCE, 3, 3, "free"),
        (CLUSTER, 1, 1, "free"),
    ],
)
def test_backups_that_come_back_take_the_instance_offline(
    where: Resource, days: int, now: int, use: str
) -> None:
    """Kind 4: from no backups to some there is an outage; what is only pending costs nothing."""
    one = control("rds.protection-off")
    assert isinstance(one, Declared)
    reader = answering(rds__DescribeDBInstances={"DBInstances": [{"BackupRetentionPeriod": now}]})

    found = one.in_use(Candidate(where, Certainty.EVIDENT), {"backup_days": days}, reader)

    assert found == (NOT_IN_USE if use == "free" else Use(unknown=one.cuts.question))


@pytest.mark.parametrize(
    ("status", "points", "free"),
    [
        ("creating", [], True),
        ("available", [{"Maximum": 0.0}, {"Maximum": 0.0}], True),
        ("available", [{"Maximum": 0.0}, {"Maximum": 4.0}], False),
        ("available", [], False),
    ],
)
def test_nobody_is_cut_off_whom_cloudwatch_counted(
    status: str, points: list[Any], free: bool
) -> None:
    """Kind 4: that a public address is used cannot be told, that nobody is connected can."""
    reader = answering(
        rds__DescribeDBInstances={"DBInstances": [described(DBInstanceStatus=status)]},
        cloudwatch__GetMetricStatistics={"Datapoints": points},
    )

    found = control("rds.public-instance").in_use(
        Candidate(INSTANCE, Certainty.EVIDENT), {"public": True}, reader
    )

    assert (found == NOT_IN_USE) is free


def test_an_instance_made_minutes_ago_never_had_what_its_tool_switches_off() -> None:
    """Kind 3: a tool that makes an instance says `false` for all that it does not want."""
    one = control("rds.protection-off")
    request = {"dBInstanceIdentifier": "one", "deletionProtection": False}
    (candidate,) = one.screen(change(RDS, "ModifyDBInstance", request), NoSettings())

    def finding(made: str) -> Any:
        reader = answering(
            rds__DescribeDBInstances={"DBInstances": [described(InstanceCreateTime=made)]}
        )
        state = one.observe(candidate, reader)
        assert state is not None
        return one.assess(state, None, NoSettings())

    assert finding("2026-11-24T11:55:00+00:00") is None
    assert finding("2026-11-23T11:55:00+00:00") is not None
