"""Whom a bucket's policy denies, and what is left alone, without AWS."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from driftguard.controls.containment.findings import TOLD, ContainmentSettings
from driftguard.controls.containment.workloads.bucket import SID, Bucket, buckets_of
from driftguard.model import Autonomy, Candidate, Certainty, Finding, Observation, Plan, Resource
from tests.support.audit import a_decision
from tests.support.each import each

ACCOUNT = "123456789012"
ORDERS = Resource("s3.bucket", "orders", ACCOUNT, "us-east-1", "arn:aws:s3:::orders")
READER, CI = f"arn:aws:iam::{ACCOUNT}:role/shop/reader", f"arn:aws:iam::{ACCOUNT}:user/ci"
READS = {"Sid": "Logs", "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "s3:GetObject"}
READS = {**READS, "Resource": "arn:aws:s3:::orders/logs/*"}


def who(arn: str = READER, why: str = "") -> dict[str, Any]:
    kind, _, name = arn.rpartition(":")[2].partition("/")
    return {"kind": kind, "name": name.rpartition("/")[2], "arn": arn, "why": why}


def written(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": "Ours", "Statement": list(statements)})


def state(**more: Any) -> dict[str, Any]:
    """A bucket with a policy and without versions, which a role uses."""
    type_ = "Exfiltration:S3/MaliciousIPCaller"
    return {
        "bucket": "orders",
        "owned": True,
        "policy": written(READS),
        "versioning": "",
        "who": [who()],
        "arn": READER,
        TOLD: {"type": type_, "severity": 80, "seen": "2026-11-24T11:58:22Z", "title": "It reads."},
        **more,
    }


def planned(of: dict[str, Any]) -> Plan:
    candidate = Candidate(ORDERS, Certainty.EVIDENT, {"claim": "f-1"})
    seen = Observation(of, "2026-11-30T12:00:00Z")
    return Bucket().plan(candidate, seen, None, ContainmentSettings())


def assessed(of: dict[str, Any], **settings: Any) -> Finding | None:
    return Bucket().assess(of, None, ContainmentSettings(**settings))


def put(plan: Plan) -> dict[str, Any]:
    (call,) = [one.call for one in plan.steps if one.call.operation == "PutBucketPolicy"]
    policy: dict[str, Any] = json.loads(str(call.parameters["Policy"]))
    return policy


def after(of: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """The state after a plan."""
    return {**of, "policy": json.dumps(put(plan))}


def test_the_statement_denies_the_role_and_nobody_else() -> None:
    policy = put(planned(state()))
    assert policy["Statement"][:-1] == [READS]
    assert policy["Statement"][-1] == {
        "Sid": SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::orders", "arn:aws:s3:::orders/*"],
        "Condition": {"ArnEquals": {"aws:PrincipalArn": [READER]}},
    }
    assert (policy["Version"], policy["Id"]) == ("2012-10-17", "Ours")


def test_an_undo_puts_the_former_policy_back_as_it_was_written() -> None:
    (step,) = planned(state()).steps
    (back,) = step.undo
    assert (back.operation, back.parameters["Policy"]) == ("PutBucketPolicy", written(READS))
    (step,) = planned(state(policy=None)).steps
    (back,) = step.undo
    assert (back.operation, back.parameters) == ("DeleteBucketPolicy", {"Bucket": "orders"})


def test_a_policy_of_one_statement_without_a_list_keeps_it() -> None:
    alone = json.dumps({"Version": "2012-10-17", "Statement": READS})
    assert put(planned(state(policy=alone)))["Statement"][0] == READS


def test_who_is_denied_already_stays_so_when_another_is() -> None:
    first = state()
    second = {**after(first, planned(first)), "who": [who(CI)], "arn": CI}
    statements = put(planned(second))["Statement"]
    assert [one["Sid"] for one in statements] == ["Logs", SID]
    assert statements[-1]["Condition"] == {"ArnEquals": {"aws:PrincipalArn": sorted([READER, CI])}}


def test_who_is_denied_is_contained() -> None:
    assert assessed(after(state(), planned(state()))) is None


@each(
    "versioning, steps, told",
    [
        ("Enabled", 1, False),
        ("Suspended", 2, False),
        # S3 could not go back to that.
        ("", 1, True),
    ],
)
def test_versions_are_kept_where_s3_can_go_back(versioning: str, steps: int, told: bool) -> None:
    plan = planned(state(versioning=versioning))
    assert len(plan.steps) == steps
    assert ("aws s3api put-bucket-versioning --bucket orders" in plan.advice) == told
    if steps == 2:
        status = {"Bucket": "orders", "VersioningConfiguration": {"Status": "Suspended"}}
        assert plan.steps[1].undo[0].parameters == status


SERVICE = "it is an AWS service's own role"
FOREIGN = {**READS, "Sid": SID}


@each(
    "there, said",
    [
        (state(owned=False, policy=None), "is not among this account's"),
        (state(who=[who(why=SERVICE)]), f"reader is never contained: {SERVICE}"),
        (state(policy=written(FOREIGN)), "not of our form"),
        (state(policy=written({**READS, "Action": ["s3:" + "x" * 20_300]})), "20 KB"),
    ],
)
def test_where_nothing_can_be_denied_people_are_told(there: dict[str, Any], said: str) -> None:
    assert assessed(there) is not None
    plan = planned(there)
    assert plan.steps == ()
    assert said in plan.advice


def test_of_two_only_who_may_be_contained_is_denied() -> None:
    plan = planned(state(who=[who(CI), who(why=SERVICE)]))
    assert put(plan)["Statement"][-1]["Condition"] == {"ArnEquals": {"aws:PrincipalArn": [CI]}}
    assert SERVICE in plan.advice


def test_all_who_are_contained_have_no_say_in_it() -> None:
    hint = {"claim": "f-1", "principal": "AROAEXAMPLE"}
    decision = a_decision()
    candidate = replace(decision.candidate, resource=ORDERS, hint=hint)
    both = replace(decision, candidate=candidate, state=state(arn=f"{CI} {READER}"))
    assert {CI, READER} <= {*both.makers}


def test_break_glass_is_told_of_and_never_denied() -> None:
    made = assessed(state(), spared=(READER,))
    assert made is not None and made.at_most is Autonomy.OBSERVE


statements = st.lists(
    st.fixed_dictionaries(
        {
            "Sid": st.text("abcXYZ019", min_size=1, max_size=8),
            "Effect": st.sampled_from(["Allow", "Deny"]),
            "Principal": st.sampled_from(["*", {"AWS": [ACCOUNT]}]),
            "Action": st.sampled_from(["s3:*", ["s3:GetObject", "s3:PutObject"]]),
            "Resource": st.just("arn:aws:s3:::orders/*"),
        }
    ),
    max_size=5,
)


@given(statements, st.booleans())
def test_every_statement_of_others_stays_as_it_is(held: list[dict[str, Any]], twice: bool) -> None:
    there = state(policy=written(*held))
    plan = planned(there)
    if twice:
        there = {**after(there, plan), "who": [who(CI)]}
        plan = planned(there)
    assert put(plan)["Statement"][:-1] == held
    assert assessed(after(there, plan)) is None


# ------------------------------------------------------------------------- what a finding names


@each(
    "named, buckets",
    [
        (["orders", "returns", "orders"], ["orders", "returns"]),
        (["../etc", "UPPER", "a", ""], []),
        (["my.bucket-1"], ["my.bucket-1"]),
    ],
)
def test_the_buckets_of_a_finding(named: list[str], buckets: list[str]) -> None:
    found: dict[str, Any] = {"resource": {"s3BucketDetails": [{"name": one} for one in named]}}
    assert buckets_of(found) == buckets


def test_an_attack_sequence_names_buckets_among_its_resources() -> None:
    listed = [
        {"resourceType": "S3_BUCKET", "uid": "arn:aws:s3:::orders"},
        {"resourceType": "S3_OBJECT", "uid": "arn:aws:s3:::orders/key"},
    ]
    detection = {"sequence": {"resources": listed}}
    assert buckets_of({"service": {"detection": detection}}) == ["orders"]
