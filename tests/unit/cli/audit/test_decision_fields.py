"""Every field of a decision is stored, read back, and exported, or is named here as internal."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

from driftguard.audit.items import decision_of, item_of
from driftguard.model import (
    Actor,
    Apart,
    Autonomy,
    Call,
    Candidate,
    Certainty,
    Choice,
    Decision,
    Plan,
    Resource,
    Ruling,
    Status,
    Step,
    Vote,
)
from driftguard_cli.commands.audit.ocsf import detection_finding
from driftguard_cli.decisions import as_json_whole
from tests.support.audit import a_decision
from tests.support.each import each

# What no export tells, and why.
INTERNAL = {
    "lease_until": "until when one worker holds the decision: over by the time somebody exports it",
    "resumable": "whether a later delivery may take a failure up again: the guard's own business",
    "left": "the state after our own change, from which an undo starts: `after` is its fingerprint",
    "escalated": "whether the request was put to people once more: its log says when",
    "remade_by": "who else made the same state: its log names them",
    "told_again": "when channels were last asked to tell of it once more: its log says when",
}

OTHER: dict[str, Any] = {
    "id": "dg-ffffffffffffffffffffffff",
    "control": "s3.public-policy",
    "title": "another title",
    "severity": 41,
    "candidate": Candidate(
        Resource("s3.bucket", "wares", "999999999999", "eu-west-1", "arn:aws:s3:::wares"),
        Certainty.POSSIBLE,
        {"key": "AKIA"},
    ),
    "change_id": "event-other",
    "change_name": "PutBucketPolicy",
    "change_time": "2026-11-21T10:00:00.000Z",
    "actor": Actor(
        "arn:aws:iam::1:user/eve", "arn:aws:iam::1:user/eve", "IAMUser", "1", "::1", "x"
    ),
    "status": Status.FAILED,
    "summary": "another summary",
    "granted": Autonomy.ASK,
    "autonomy": Autonomy.OBSERVE,
    "rulings": (Ruling("freeze", Autonomy.OBSERVE, "frozen by bob"),),
    "plan": Plan(
        (Step(Call("s3", "DeleteBucketPolicy", {"Bucket": "wares"}, on=("arn",)), (), True),),
        untouched=("a tag",),
        advice="look at it",
        drastic="it cuts off",
    ),
    "state": {"policy": {"a": [1, None, True]}},
    "before": "another before",
    "decided": "2026-11-21T11:00:00.000Z",
    "updated": "2026-11-21T12:00:00.000Z",
    "after": "another after",
    "left": {"policy": None},
    "reason": "another reason",
    "done": 1,
    "attempt": 7,
    "lease_until": "2026-11-21T13:00:00.000Z",
    "resumable": True,
    "version": 9,
    "head": "0" * 64,
    "votes": (Vote("bob", Choice.ACCEPT, "slack", "2026-11-21T12:30:00.000Z", "another before"),),
    "quorum": 3,
    "expires": "2026-11-22T13:00:00.000Z",
    "escalated": True,
    "remade_by": ("arn:aws:iam::1:user/mallory",),
    "settles_by": "2026-11-21T12:40:00.000Z",
    "next_try": "2026-11-21T12:55:00.000Z",
    "retries": 2,
    "apart": Apart("0" * 64, 1_000, 1, "1 of its 1 items are missing"),
    "incident": "dg-0000000000000000000000aa",
    "beside": ("Of the last 3 answers about s3.public-policy, 1 accepted the change.",),
    "told_again": "2026-11-21T12:50:00.000Z",
    "remind": "2026-11-24T12:50:00.000Z",
}

FIELDS = [one.name for one in fields(Decision)]


def exported(decision: Decision) -> str:
    """All that any format of `driftguard audit export` tells of a decision."""
    return json.dumps([as_json_whole(decision), detection_finding(decision)], sort_keys=True)


def test_there_is_another_value_for_every_field() -> None:
    assert list(OTHER) == sorted(OTHER, key=FIELDS.index)
    assert set(OTHER) == set(FIELDS)
    assert all(OTHER[name] != getattr(a_decision(), name) for name in FIELDS)


@each("name", FIELDS)
def test_a_field_is_stored_and_read_back(name: str) -> None:
    decision = replace(a_decision(), **{name: OTHER[name]})
    assert item_of(decision) != item_of(a_decision())
    if name == "apart":
        # How it is read back: tests/unit/audit/test_sizes.py.
        return
    assert decision_of(item_of(decision)) == decision


def test_all_fields_together_are_read_back() -> None:
    together = replace(Decision(**OTHER), apart=None)
    assert decision_of(item_of(together)) == together


@each("name", FIELDS)
def test_a_field_is_exported_or_named_as_internal(name: str) -> None:
    decision = replace(a_decision(), **{name: OTHER[name]})
    assert (exported(decision) == exported(a_decision())) == (name in INTERNAL)


def test_only_fields_are_named_as_internal() -> None:
    assert set(INTERNAL) <= set(FIELDS)
    assert all(INTERNAL.values())
