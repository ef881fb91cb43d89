"""The record, in a stack that really runs: found by index, sealed by its function, proven whole."""

from __future__ import annotations

import json

import pytest

from tests.e2e.making import make_bucket, publish_bucket
from tests.e2e.world import World, eventually, run

pytestmark = pytest.mark.e2e


def test_a_revert_is_found_explained_and_exported(lab: World) -> None:
    bucket = make_bucket(lab)
    publish_bucket(lab, bucket)
    decision = lab.decision(bucket, "reverted")["pk"]

    found = lab.driftguard("audit", "list", "--resource", f"arn:aws:s3:::{bucket}", "--explain")
    assert found["plan"]["index"] == "by-resource"
    assert [one["decision"] for one in found["decisions"]] == [decision]
    for name, value in (("--status", "reverted"), ("--min-severity", "1"), ("--actor", "mallory")):
        ids = [one["decision"] for one in lab.driftguard("audit", "list", name, value)]
        assert decision in ids, name
    exported = run("audit", "export", "--format", "ocsf", environment=lab.lab["environment"])
    assert exported.returncode == 0, exported.stderr
    assert decision in [
        json.loads(line)["finding_info"]["uid"] for line in exported.stdout.splitlines()
    ]
    shown = run("audit", "show", decision, environment=lab.lab["environment"]).stdout
    assert "The log is whole." in shown


def test_the_sealer_seals_and_publishes_what_verify_proves(lab: World) -> None:
    sealed = json.load(lab.lambdas.invoke(FunctionName=lab.lab["SealFunction"])["Payload"])
    ((day, seal),) = sealed.items()
    again = json.load(lab.lambdas.invoke(FunctionName=lab.lab["SealFunction"])["Payload"])
    assert again == sealed

    eventually(lambda: lab.messages(seal), "the seal on the topic", also=lab.log_tail)
    message = lab.messages(seal)[0]
    assert message["MessageAttributes"]["kind"]["Value"] == "seal"
    assert lab.driftguard("audit", "verify", "--day", day, "--published", seal)["whole"]
    assert lab.driftguard("audit", "verify")["whole"]


def test_an_edited_entry_is_named(lab: World) -> None:
    bucket = make_bucket(lab)
    publish_bucket(lab, bucket)
    decision = lab.decision(bucket, "reverted")["pk"]
    assert lab.driftguard("audit", "verify", "--decision", decision)["whole"]

    key = {"pk": {"S": decision}, "sk": {"S": "log#0001"}}
    entry = lab.dynamodb.get_item(TableName=lab.lab["AuditTable"], Key=key)["Item"]
    edited = {**entry, "note": {"S": "nothing happened"}}
    lab.dynamodb.put_item(TableName=lab.lab["AuditTable"], Item=edited)
    try:
        done = run("audit", "verify", "--json", environment=lab.lab["environment"])
        assert done.returncode == 1
        (fault,) = json.loads(done.stdout)["faults"]
        assert (fault["decision"], fault["entry"], fault["kind"]) == (decision, 1, "edited")
    finally:
        lab.dynamodb.put_item(TableName=lab.lab["AuditTable"], Item=entry)
