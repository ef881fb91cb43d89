"""12.6: junk under any key that the stack owns stops neither a decision nor a message."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from driftguard.channels.tally import counted
from driftguard.channels.told import ToldOnce
from driftguard.engine.errors import Incomparable
from driftguard.engine.guard import Guard
from driftguard.model import Resource, Status
from driftguard.policy.bounds import Anomalies, Rollout
from driftguard.state import freezes, keys
from driftguard.state.keys import partition
from driftguard.sweep.rounds import progress_of
from tests.support.api_requests import BOB, AtTheSignedApi
from tests.support.approving import Asked, approved, open_up
from tests.support.audit import a_decision
from tests.support.each import each
from tests.support.records import flat_ingress, s3
from tests.support.world import ACCOUNT, HERE, World

CONTROL = "ec2.open-ingress"
GROUP = "sg-1"

# A well-formed document with nothing in it that any family expects.
ODD: dict[str, Any] = {
    "reverts": [1, {"at": 5}, {"at": "9999", "decision": [], "c": {}}],
    "tripped": {"whole": 3, f"control {CONTROL}": []},
    "entries": {"a": 1, "b": {"until": "9999", "resource": 5, "tags": 7}},
    "question": [],
    "decided": [{"state": [], "parts": 7}, "x"],
    "records": {"a": 5},
    "grants": 3,
    "answers": "x",
    "state": 1,
    "anchor": {},
    "checked": {},
    "days": {"all": {"days": "x", "last": 3}},
    "actor": {"": 3},
    "since": [],
    "began": 3,
    "skip": "NaN",
    "sent": {},
}
GOOD = {"format": {"N": "1"}, "v": {"N": "1"}, "doc": {"S": "{}"}}
JUNK: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a list": GOOD | {"doc": {"S": "[]"}},
    "a number": GOOD | {"doc": {"N": "3"}},
    "no JSON": GOOD | {"doc": {"S": "{"}},
    "too deep": GOOD | {"doc": {"S": "[" * 100_000}},
    "no version": {"format": {"N": "1"}, "doc": {"S": "{}"}},
    "a text for a version": GOOD | {"v": {"S": "x"}},
    "a huge version": GOOD | {"v": {"N": "1e30"}},
    "a text for an expiry": GOOD | {"expires": {"S": "soon"}},
    "another format": GOOD | {"format": {"N": "99"}},
    "a text for a format": GOOD | {"format": {"S": "1"}},
    "bytes of nothing": GOOD | {"z": {"B": b"junk"}},
    "a text for bytes": GOOD | {"z": {"S": "junk"}},
}
ODDITIES = JUNK | {"odd values": GOOD | {"doc": {"S": json.dumps(ODD)}}}
every_junk = pytest.mark.parametrize("junk", ODDITIES.values(), ids=ODDITIES)


def group(id_: str) -> Resource:
    arn = f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/{id_}"
    return Resource("security-group", id_, ACCOUNT, "us-east-1", arn)


def families(id_: str = GROUP) -> dict[str, keys.Key]:
    """A key of each family in `state/keys.py`, by the function that makes it."""
    policy_entry = "v1"
    return {
        "freeze_key": keys.freeze_key(HERE, "all"),
        "circuit_breaker_key": keys.circuit_breaker_key(HERE),
        "baseline_key": keys.baseline_key(CONTROL, group(id_)),
        "baseline_log_key": keys.baseline_log_key(CONTROL, group(id_), 1),
        "round_key": keys.round_key(HERE),
        "overdue_key": keys.overdue_key(HERE),
        "exemptions_key": keys.exemptions_key(HERE, CONTROL),
        "history_key": keys.history_key(CONTROL, group(id_)),
        "anomaly_baseline_key": keys.anomaly_baseline_key(HERE, ACCOUNT, CONTROL),
        "conduct_key": keys.conduct_key(HERE, ACCOUNT, "arn:aws:iam::123456789012:user/alice"),
        "trust_key": keys.trust_key(HERE, CONTROL),
        "grants_key": keys.grants_key(HERE),
        "rollout_key": keys.rollout_key(HERE, CONTROL, policy_entry),
        "incident_key": keys.incident_key(HERE, ACCOUNT, f"user {ACCOUNT} alice"),
        "incident_members_key": keys.incident_members_key(
            HERE, ACCOUNT, "2026-11-24T12:00:00.000Z", id_
        ),
    }


def put(key: tuple[str, str], item: dict[str, Any]) -> None:
    whole = {"pk": {"S": key[0]}, "sk": {"S": key[1]}} | item
    boto3.client("dynamodb").put_item(TableName="state", Item=whole)


def test_every_family_of_keys_is_tried() -> None:
    made = {
        name
        for name, function in vars(keys).items()
        if name.endswith("_key") and inspect.isfunction(function) and not name.startswith("_")
    }
    assert made == set(families())


def asking_for_all(world: World) -> Guard:
    """A guard that reads every family of state records for a decision."""
    policy = world.guard.policy
    bounds = policy.bounds._replace(anomalies=Anomalies(), rollout=Rollout(observe=1, ask=0))
    return replace(world.guard, policy=replace(policy, bounds=bounds, earned=frozenset({CONTROL})))


@each("junk", JUNK.values(), ids=JUNK)
@each("family", families())
def test_junk_reads_as_an_empty_record_that_says_so(family: str, junk: dict[str, Any]) -> None:
    key = families()[family]
    record = keys.record_of({"pk": {"S": key[0]}, "sk": {"S": key[1]}} | junk)
    if family == "freeze_key":
        assert record.version
        return
    assert record.unreadable.startswith(f"the state record {' '.join(key)}")
    assert (record.key, record.document, record.version) == (key, {}, 0)


# The others are read alike: the test above says so.
FEW = ["no JSON", "a huge version", "odd values"]


@pytest.mark.parametrize("junk", [ODDITIES[name] for name in FEW], ids=FEW)
@pytest.mark.parametrize("family", families())
def test_junk_stops_no_decision(world: World, family: str, junk: dict[str, Any]) -> None:
    id_ = boto3.client("ec2").create_security_group(GroupName="g", Description="d")["GroupId"]
    open_up(id_, 22)
    guard = asking_for_all(world)
    key = families(id_)[family]
    if family == "rollout_key":
        key = keys.rollout_key(HERE, CONTROL, guard.policy.entry(CONTROL))
    put(key, junk)
    decision = world.one(flat_ingress(id_, 22, "0.0.0.0/0"), guard)
    if family == "freeze_key":
        assert decision.status is Status.OBSERVED
        return
    assert decision.status in (Status.ASKED, Status.OBSERVED)
    told = [ruling for ruling in decision.rulings if ruling.guardrail == "unreadable-record"]
    read = family not in (
        *("round_key", "baseline_log_key", "overdue_key"),
        # Read only where the record of an identity points at it.
        "incident_members_key",
    )
    assert bool(told) == (read and junk in JUNK.values())
    if decision.status is Status.ASKED:
        assert approved(guard, decision).status is Status.REVERTED


@pytest.mark.parametrize("version", ["1", "7"])
@every_junk
def test_a_freeze_of_junk_is_lifted_like_any_other(
    world: World, junk: dict[str, Any], version: str
) -> None:
    """12.6: whoever wrote junk with a version into the freeze's item froze the guard for good."""
    id_ = boto3.client("ec2").create_security_group(GroupName="g", Description="d")["GroupId"]
    open_up(id_, 22)
    api = AtTheSignedApi(Asked(world, id_))
    key = keys.freeze_key(HERE, "all")
    named = {"v": {"N": version}} if junk.get("v") == GOOD["v"] else {}
    put(key, junk | named)
    assert freezes.holds(world.state.record(key), world.clock.now())
    status, told = api.post(BOB, "/act", act="unfreeze", reason="it is junk")
    assert status == 200, told
    assert not freezes.holds(world.state.record(key), world.clock.now())


@pytest.mark.parametrize("junk", [JUNK[name] for name in FEW[:2]], ids=FEW[:2])
def test_nothing_is_clean_beside_a_baseline_that_cannot_be_read(
    world: World, junk: dict[str, Any]
) -> None:
    boto3.client("s3").create_bucket(Bucket="wares")
    boto3.client("s3").put_bucket_versioning(
        Bucket="wares", VersioningConfiguration={"Status": "Enabled"}
    )
    control = "s3.versioning-suspended"
    bucket = Resource("s3.bucket", "wares", ACCOUNT, "us-east-1", "arn:aws:s3:::wares")
    put(keys.baseline_key(control, bucket), junk)
    request = {"bucketName": "wares", "VersioningConfiguration": {"Status": "Suspended"}}
    with pytest.raises(Incomparable, match=f"driftguard baseline accept {control}"):
        list(world.guard.handle(s3("PutBucketVersioning", request)))


@every_junk
def test_a_round_begins_anew(world: World, junk: dict[str, Any]) -> None:
    put(keys.round_key(HERE), junk)
    record = world.state.record(keys.round_key(HERE))
    assert progress_of(record).skip == 0
    world.state.write(record.saying({"began": "now"}))
    assert world.state.record(keys.round_key(HERE)).document == {"began": "now"}


# ------------------------------------------------------------------------- messages

VALUES: list[dict[str, Any]] = [
    {},
    {"format": {"N": "99"}},
    {"format": {"N": "1"}, "count": {"S": "x"}},
    {"format": {"N": "1"}, "count": {"N": "1.5"}, "began": {"N": "3"}},
    {"format": {"N": "1"}, "began": {"S": "x"}, "last": {"S": "now"}},
    {"format": {"N": "1"}, "channel": {"N": "1"}, "version": {"S": "1"}, "status": {"S": "?"}},
    {"format": {"N": "1"}, "n_junk": {"N": "1"}, "lines": {"S": "x"}, "ts": {"N": "1"}},
    {"format": {"N": "1"}, "lines": {"L": [{"N": "1"}]}, "posting": {"S": "x"}},
]


@pytest.mark.parametrize("junk", VALUES, ids=str)
def test_junk_in_the_place_of_a_rate_counts_as_none(world: World, junk: dict[str, Any]) -> None:
    now = world.clock.now()
    put((partition("told", HERE, "rate"), f"{now:%Y-%m-%dT%H:%M}"), junk)
    assert counted(world.state, "told", "rate", now) <= 1


@pytest.mark.parametrize("junk", VALUES[:2], ids=str)
def test_junk_silences_no_message(world: World, junk: dict[str, Any]) -> None:
    decision = a_decision()
    once = ToldOnce(world.state, "topic")
    key = once._key(decision)
    put((key["pk"]["S"], key["sk"]["S"]), junk)
    assert not once.was_told(decision)
    once.remember(decision, world.clock.now())
    assert once.was_told(decision)
