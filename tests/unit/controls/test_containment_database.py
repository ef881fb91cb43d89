"""How a database is cut off: from its state to the steps, without AWS."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from driftguard.approvals.rules import inverse
from driftguard.aws.references import group_id
from driftguard.aws.remediator import SESSION_POLICY_LIMIT, compact, session_policy
from driftguard.controls.containment import quarantine
from driftguard.controls.containment.workloads import database, database_plan
from driftguard.model import Plan, Resource, Step
from tests.support.each import each

HERE = "arn:aws:rds:us-east-1:123456789012"
ORDERS = Resource("rds.instance", "orders", "123456789012", "us-east-1", f"{HERE}:db:orders")
SHOP = Resource("rds.cluster", "shop", "123456789012", "us-east-1", f"{HERE}:cluster:shop")
EVERYBODY = quarantine.everybody(sixth=False)
CLAIM = "16a5cf1b2f8b4c5f9c3c1b7de0a4f116"
SNAPSHOT = f"driftguard-evidence-{CLAIM}-orders"


def group(*, ingress: Any = (), egress: Any = (), finding: str = CLAIM) -> dict[str, Any]:
    rules = {"Ingress": [*ingress], "Egress": [*egress]}
    return {"vpc": "vpc-1", "group": "sg-9", "finding": finding, **rules}


def state(**more: Any) -> dict[str, Any]:
    """A database on the network that can be deleted."""
    return {
        "groups": ["sg-1", "sg-2"],
        "protected": False,
        "data_api": False,
        "resource": "db-1",
        "network": {"id": "vpc-1", "addresses": "ipv4"},
        "quarantine": [],
        "evidence": [],
        **more,
    }


def contained(**more: Any) -> dict[str, Any]:
    there = {"groups": ["sg-9"], "protected": True, "quarantine": [group()]}
    return state(**{**there, "evidence": [SNAPSHOT], **more})


def steps(before: dict[str, Any], of: Resource = ORDERS) -> tuple[Step, ...]:
    return database_plan.steps(of, before, CLAIM)


def operations(found: tuple[Step, ...]) -> list[str]:
    return [step.call.operation for step in found]


def test_the_group_is_closed_before_the_database_is_in_it_and_evidence_comes_last() -> None:
    assert operations(steps(state())) == [
        "CreateSecurityGroup",
        "RevokeSecurityGroupEgress",
        "ModifyDBInstance",
        "CreateDBSnapshot",
    ]
    assert operations(steps(state(), SHOP))[2:] == ["ModifyDBCluster", "CreateDBClusterSnapshot"]


def test_one_call_cuts_off_and_protects_and_its_undo_puts_both_back() -> None:
    (cut,) = [one for one in steps(state()) if one.call.operation == "ModifyDBInstance"]
    ours = [group_id("driftguard-quarantine-db:orders", "vpc-1")]
    named = {"DBInstanceIdentifier": "orders"}
    assert cut.call.parameters == {
        **named,
        "VpcSecurityGroupIds": ours,
        "DeletionProtection": True,
    }
    (back,) = cut.undo
    groups = ["sg-1", "sg-2"]
    assert back.parameters == {**named, "VpcSecurityGroupIds": groups, "DeletionProtection": False}


def test_what_was_protected_stays_so() -> None:
    (cut,) = [one for one in steps(state(protected=True)) if one.call.service == "rds"][:1]
    assert "DeletionProtection" not in {**cut.call.parameters, **cut.undo[0].parameters}


def test_nothing_else_that_is_pending_is_applied() -> None:
    """`ApplyImmediately` would apply it, and perhaps restart the database."""
    calls = [call for one in steps(state()) for call in (one.call, *one.undo)]
    assert not any("ApplyImmediately" in call.parameters for call in calls)


def test_an_undo_waits_for_the_group_to_be_left_and_keeps_the_snapshot() -> None:
    found = steps(state())
    undone = inverse(Plan(found), len(found)).steps
    assert operations(undone) == ["ModifyDBInstance", "DeleteSecurityGroup"]
    assert undone[1].call.settled_by == ("InvalidGroup.NotFound",)
    (violation,) = [
        one for one in database.Database.busy if one.fits("DependencyViolation", "has a dependent")
    ]
    assert violation.code == "DependencyViolation"


@each(
    "there, said",
    [
        (contained(), []),
        (
            state(),
            [
                "it is on the network (groups sg-1, sg-2)",
                "it can be deleted",
                "no snapshot of it is kept",
            ],
        ),
        (
            contained(quarantine=[group(ingress=EVERYBODY)]),
            ["its quarantine group has rules (sg-9)"],
        ),
        (contained(groups=["sg-1", "sg-9"]), ["it is on the network (groups sg-1, sg-9)"]),
        (contained(protected=False), ["it can be deleted"]),
        (contained(evidence=[]), ["no snapshot of it is kept"]),
        # One of another finding, or of a containment before.
        (
            contained(evidence=["driftguard-evidence-other-orders"]),
            ["no snapshot of it is kept"],
        ),
        # What is contained already needs none for each finding more.
        (contained(quarantine=[group(finding="other")]), ["no snapshot of it is kept"]),
        (
            contained(
                quarantine=[group(finding="other")], evidence=["driftguard-evidence-other-orders"]
            ),
            [],
        ),
    ],
)
def test_what_is_left_is_what_the_steps_are_for(there: dict[str, Any], said: list[str]) -> None:
    assert database_plan.left(ORDERS, there, CLAIM) == said
    assert bool(steps(there)) == bool(said)


def carried_out(found: tuple[Step, ...], before: dict[str, Any]) -> dict[str, Any]:
    """The state after these steps, as AWS would have it."""
    after = dict(before)
    for step in found:
        asked: Any = step.call.parameters
        match step.call.operation:
            case "CreateSecurityGroup":
                # EC2 lets everything out of a new group.
                after["quarantine"] = [group(egress=EVERYBODY)]
            case "RevokeSecurityGroupEgress" | "RevokeSecurityGroupIngress" as operation:
                way = operation.partition("SecurityGroup")[2]
                (own,) = after["quarantine"]
                assert asked["IpPermissions"] == [*own[way]]
                after["quarantine"] = [{**own, way: []}]
            case "ModifyDBInstance":
                if "VpcSecurityGroupIds" in asked:
                    assert quarantine.is_closed(after["quarantine"][0])
                    after["groups"] = ["sg-9"]
                after["protected"] = asked.get("DeletionProtection", after["protected"])
            case "CreateDBSnapshot":
                after["evidence"] = sorted([*after["evidence"], asked["DBSnapshotIdentifier"]])
            case other:
                raise AssertionError(other)
    return after


states = st.builds(
    state,
    groups=st.sampled_from([["sg-1"], ["sg-1", "sg-2"], ["sg-1", "sg-9"]]),
    protected=st.booleans(),
    quarantine=st.just([])
    | st.builds(
        lambda ingress, egress, finding: [group(ingress=ingress, egress=egress, finding=finding)],
        st.sampled_from([(), EVERYBODY]),
        st.sampled_from([(), EVERYBODY]),
        st.sampled_from([CLAIM, ""]),
    ),
    evidence=st.sampled_from([[], [SNAPSHOT]]),
)


@given(states, st.data())
def test_whatever_was_done_the_rest_leads_to_a_contained_database(
    before: dict[str, Any], data: st.DataObject
) -> None:
    shown = [step.call for step in steps(before)]
    while found := steps(before):
        assert database_plan.left(ORDERS, before, CLAIM)
        # What people approved is all that is ever called.
        assert all(step.call in shown for step in found)
        before = carried_out(found[: data.draw(st.integers(1, len(found)))], before)
    assert database_plan.left(ORDERS, before, CLAIM) == []


@given(states)
def test_the_session_of_a_plan_and_of_its_undo_can_be_opened(before: dict[str, Any]) -> None:
    name = "a" * 63
    for short, kind in (("db", "rds.instance"), ("cluster", "rds.cluster")):
        long = Resource(kind, name, "123456789012", "ap-southeast-1", f"{HERE}:{short}:{name}")
        found = steps(before, long)
        for plan in (found, inverse(Plan(found), len(found)).steps):
            policy = compact(session_policy([step.call for step in plan]))
            assert len(policy) <= SESSION_POLICY_LIMIT


def test_tags_are_only_put_on_the_snapshot_and_the_group() -> None:
    statements = session_policy([step.call for step in steps(state())])["Statement"]
    tagged = {
        action: one["Resource"]
        for one in statements
        for action in one["Action"]
        if "Tags" in action
    }
    assert tagged == {
        "ec2:CreateTags": ["arn:aws:ec2:us-east-1:123456789012:security-group/*"],
        "rds:AddTagsToResource": [f"{HERE}:snapshot:{SNAPSHOT}"],
    }


# ------------------------------------------------------------------------- what a finding names

ARN = "arn:aws:rds:us-east-1:123456789012:db:orders-1"


@each(
    "details, named",
    [
        (
            {"dbInstanceIdentifier": "Orders", "dbInstanceArn": ARN, "dbiResourceId": "db-1"},
            ("rds.instance", "orders", "db-1"),
        ),
        (
            {"dbInstanceIdentifier": "o-1", "dbClusterIdentifier": "o", "dbInstanceArn": ARN},
            ("rds.cluster", "o", ""),
        ),
        # Of another account, or none.
        (
            {"dbInstanceIdentifier": "orders", "dbInstanceArn": ARN.replace("1234", "9999")},
            ("", "", ""),
        ),
        ({"dbInstanceIdentifier": "orders"}, ("", "", "")),
        ({"dbInstanceIdentifier": "or/../ders", "dbInstanceArn": ARN}, ("", "", "")),
        ({}, ("", "", "")),
    ],
)
def test_the_database_of_a_finding(details: dict[str, Any], named: tuple[str, str, str]) -> None:
    found: dict[str, Any] = {"resource": {"rdsDbInstanceDetails": details}}
    assert database.database_in(found, "123456789012") == named


def test_a_limitless_database_is_contained_with_its_cluster() -> None:
    shards = "arn:aws:rds:us-east-1:123456789012:shard-group:shardgroup-1"
    details = {
        "dbShardGroupIdentifier": "big-1",
        "dbShardGroupArn": shards,
        "dbClusterIdentifier": "big",
    }
    found: dict[str, Any] = {"resource": {"rdsLimitlessDbDetails": details}}
    assert database.database_in(found, "123456789012") == ("rds.cluster", "big", "")
