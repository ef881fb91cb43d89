"""Stores a decision: the only module that turns its fields into a DynamoDB item's attributes.

Plans and states are kept as JSON text, so that an undo restores to the byte what was read. A field
that was added later, without a new format, reads as its default in an older item. Hashes cover what
is stored, and never what this version would store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TypeAlias

from driftguard.documents import Document, Json
from driftguard.model import (
    GLOBAL,
    Actor,
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
from driftguard.state.item_format import must_be_known

# A DynamoDB item in the low-level client's spelling: {"name": {"S": "text"}}.
Item: TypeAlias = "Mapping[str, Mapping[str, object]]"

# The version of the format that the items of the audit table are written in.
AUDIT_FORMAT = 1

DECISION = "decision"
# Left out of the item when they are empty: keys of indexes, and what few decisions have.
_MAY_BE_ABSENT = ("actor", "actor_name", "resource_id", "remade_by", "settles_by")
# Severities are found by tens, in falling order: one query a band.
BANDS = tuple(f"{ten:02d}" for ten in range(90, -1, -10))


def band(severity: int) -> str:
    """The band of an index that a severity of 0 to 100 is in: `70` for 70 to 79, `90` for 100."""
    return f"{min(severity // 10 * 10, 90):02d}"


def last_part(arn: str) -> str:
    """The end of an ARN: the user, the role or the session; a service's host as it is."""
    return arn.rpartition("/")[2] if "/" in arn else arn.rpartition(":")[2]


def item_of(decision: Decision) -> dict[str, dict[str, object]]:
    """The projection's item. What begins with `pk` to `actor_name` is what indexes find it by."""
    resource, actor = decision.candidate.resource, decision.actor
    texts = {
        "pk": decision.id,
        "sk": DECISION,
        "day": decision.decided[:10],
        "band": band(decision.severity),
        "actor_name": last_part(actor.session or actor.principal),
        "decided": decision.decided,
        "updated": decision.updated,
        "status": decision.status.value,
        "control": decision.control,
        "title": decision.title,
        "summary": decision.summary,
        "reason": decision.reason,
        "granted": decision.granted.label,
        "autonomy": decision.autonomy.label,
        "account": resource.account,
        # An index takes no empty key.
        "region": resource.place.region,
        "resource": resource.arn,
        "resource_id": resource.id,
        "resource_kind": resource.kind,
        "certainty": decision.candidate.certainty.value,
        "change_id": decision.change_id,
        "change_name": decision.change_name,
        "change_time": decision.change_time,
        "actor": actor.principal,
        "actor_session": actor.session,
        "actor_kind": actor.kind,
        "actor_account": actor.account,
        "actor_source": actor.source,
        "actor_agent": actor.agent,
        "before": decision.before,
        "after": decision.after,
        "lease_until": decision.lease_until,
        "expires": decision.expires,
        "settles_by": decision.settles_by,
        "head": decision.head,
        "hint": _json(decision.candidate.hint),
        "state": _json(decision.state),
        "left": _json(decision.left),
        "plan": _json(_plan_json(decision.plan)),
        "votes": _json([asdict(vote) for vote in decision.votes]),
        "remade_by": _json(decision.remade_by) if decision.remade_by else "",
        "rulings": _json([[r.guardrail, r.limit.label, r.reason] for r in decision.rulings]),
    }
    numbers = {
        "severity": decision.severity,
        "version": decision.version,
        "done": decision.done,
        "attempt": decision.attempt,
        "quorum": decision.quorum,
    }
    return {
        **{
            name: {"S": value}
            for name, value in texts.items()
            if value or name not in _MAY_BE_ABSENT
        },
        **{name: {"N": str(value)} for name, value in numbers.items()},
        "format": {"N": str(AUDIT_FORMAT)},
        "resumable": {"BOOL": decision.resumable},
        "escalated": {"BOOL": decision.escalated},
    }


def streamed(records: Iterable[Mapping[str, object]]) -> Iterator[tuple[str, Decision]]:
    """The decisions in records of the table's stream, each with its record's sequence number."""
    for record in records:
        change = record["dynamodb"]
        assert isinstance(change, Mapping)
        yield str(change["SequenceNumber"]), decision_of(change["NewImage"])


def decision_of(item: Item) -> Decision:
    """The decision in a projection's item, from the table or from its stream.

    Raises `UnknownFormat` where the item is in another format than this version writes.
    """
    must_be_known(item, AUDIT_FORMAT, f"the decision {item['pk']['S']}")

    def string(name: str, default: str = "") -> str:
        return str(item[name]["S"]) if name in item else default

    def number(name: str, default: int = 0) -> int:
        return int(str(item[name]["N"])) if name in item else default

    def flag(name: str) -> bool:
        return bool(item[name]["BOOL"]) if name in item else False

    resource = Resource(
        kind=string("resource_kind"),
        id=string("resource_id"),
        account=string("account"),
        region="" if string("region") == GLOBAL else string("region"),
        arn=string("resource"),
    )
    return Decision(
        id=string("pk"),
        control=string("control"),
        title=string("title"),
        severity=number("severity"),
        candidate=Candidate(resource, Certainty(string("certainty")), json.loads(string("hint"))),
        change_id=string("change_id"),
        change_name=string("change_name"),
        change_time=string("change_time"),
        actor=Actor(
            principal=string("actor"),
            session=string("actor_session"),
            kind=string("actor_kind"),
            account=string("actor_account"),
            source=string("actor_source"),
            agent=string("actor_agent"),
        ),
        status=Status(string("status")),
        summary=string("summary"),
        granted=Autonomy.named(string("granted")),
        autonomy=Autonomy.named(string("autonomy")),
        rulings=tuple(
            Ruling(guardrail, Autonomy.named(limit), reason)
            for guardrail, limit, reason in json.loads(string("rulings"))
        ),
        plan=_plan_of(json.loads(string("plan"))),
        state=json.loads(string("state")),
        left=json.loads(string("left", "{}")),
        before=string("before"),
        decided=string("decided"),
        updated=string("updated"),
        after=string("after"),
        reason=string("reason"),
        done=number("done"),
        attempt=number("attempt"),
        lease_until=string("lease_until"),
        resumable=flag("resumable"),
        version=number("version"),
        head=string("head"),
        votes=tuple(
            Vote(**(load | {"choice": Choice(load["choice"])}))
            for load in json.loads(string("votes", "[]"))
        ),
        quorum=number("quorum", 1),
        expires=string("expires"),
        escalated=flag("escalated"),
        remade_by=tuple(json.loads(string("remade_by", "[]"))),
        settles_by=string("settles_by"),
    )


def _plan_json(plan: Plan) -> Json:
    return {
        "steps": [
            {
                "call": _call_json(step.call),
                "undo": [_call_json(call) for call in step.undo],
                **({"additive": True} if step.additive else {}),
            }
            for step in plan.steps
        ],
        "untouched": list(plan.untouched),
        "advice": plan.advice,
        **({"drastic": plan.drastic} if plan.drastic else {}),
    }


def _call_json(call: Call) -> Document:
    return {
        "service": call.service,
        "operation": call.operation,
        "parameters": call.parameters,
        "on": list(call.on),
        "settled_by": list(call.settled_by),
    }


def _plan_of(plan: Mapping[str, Sequence[Mapping[str, object]]]) -> Plan:
    def call(stored: object) -> Call:
        assert isinstance(stored, Mapping)
        return Call(
            stored["service"],
            stored["operation"],
            stored["parameters"],
            on=tuple(stored["on"]),
            settled_by=tuple(stored["settled_by"]),
        )

    def undo(step: Mapping[str, object]) -> tuple[Call, ...]:
        calls = step["undo"]
        assert isinstance(calls, list)
        return tuple(call(stored) for stored in calls)

    return Plan(
        steps=tuple(
            Step(call(step["call"]), undo(step), additive="additive" in step)
            for step in plan["steps"]
        ),
        untouched=tuple(str(item) for item in plan["untouched"]),
        advice=str(plan["advice"]),
        drastic=str(plan.get("drastic", "")),
    )


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
