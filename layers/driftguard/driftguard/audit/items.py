"""Stores a decision: the only module that turns its fields into a DynamoDB item's attributes.

Plans and states are kept as JSON text, so that an undo restores to the byte what was read; where
they are large, in items beside the record (`parts`), which has an outline of the plan instead. A
field that was added later, without a new format, reads as its default in an older item. Hashes
cover what is stored, and never what this version would store.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import TypeAlias

from driftguard.documents import Json
from driftguard.model import (
    GLOBAL,
    Actor,
    Apart,
    Autonomy,
    Candidate,
    Certainty,
    Change,
    Choice,
    Decision,
    Resource,
    Ruling,
    Status,
    Vote,
)
from driftguard.state.item_format import must_be_known

from .parts import APART, attribute_of, named_in, packed, part_items
from .plan_items import outline, plan_json, plan_of
from .sizes import INLINE
from .sizes import text_of as _json

# A DynamoDB item in the low-level client's spelling: {"name": {"S": "text"}}.
Item: TypeAlias = "Mapping[str, Mapping[str, object]]"

# The version of the format that the items of the audit table are written in.
AUDIT_FORMAT = 1

DECISION = "decision"
# Left out of the item when they are empty: keys of indexes, and what few decisions have.
_MAY_BE_ABSENT = (
    *("actor", "actor_name", "actor_source_identity", "actor_access_key", "actor_instance"),
    "resource_id",
    *("remade_by", "settles_by", "next_try", "incident", "beside", "told_again"),
)
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
    apart = apart_of(decision)
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
        "actor_source_identity": actor.source_identity,
        "actor_access_key": actor.access_key,
        "actor_instance": actor.instance,
        "before": decision.before,
        "after": decision.after,
        "lease_until": decision.lease_until,
        "expires": decision.expires,
        "settles_by": decision.settles_by,
        "next_try": decision.next_try,
        "head": decision.head,
        **_large(decision, apart),
        "votes": _json([asdict(vote) for vote in decision.votes]),
        "remade_by": _json(decision.remade_by) if decision.remade_by else "",
        "incident": decision.incident,
        "beside": _json(decision.beside) if decision.beside else "",
        "told_again": decision.told_again,
        "remind": decision.remind,
        "rulings": _json([[r.guardrail, r.limit.label, r.reason] for r in decision.rulings]),
    }
    numbers = {
        "severity": decision.severity,
        "version": decision.version,
        "done": decision.done,
        "attempt": decision.attempt,
        "quorum": decision.quorum,
        "retries": decision.retries,
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
        **({APART: attribute_of(apart)} if apart else {}),
    }


def apart_of(decision: Decision) -> Apart | None:
    """What names the parts of a decision that are held apart; None where all is in its record."""
    if decision.lost:
        return decision.apart
    grown = _grown(decision)
    if sum(len(_json(value).encode()) for value in grown.values()) <= INLINE:
        return None
    apart, _ = packed(_json(grown))
    known = decision.apart
    return known if known is not None and known.digest == apart.digest else apart


def new_parts(decision: Decision) -> list[dict[str, dict[str, object]]]:
    """The items of its parts that are to be written before its record; none while that has all."""
    apart = apart_of(decision)
    if apart is None or apart == decision.apart:
        return []
    return part_items(decision.id, _json(_grown(decision)), AUDIT_FORMAT)


def _grown(decision: Decision) -> dict[str, Json]:
    """What of a decision may be large."""
    return {
        "hint": decision.candidate.hint,
        "state": decision.state,
        "left": decision.left,
        "plan": plan_json(decision.plan),
    }


def _large(decision: Decision, apart: Apart | None) -> dict[str, str]:
    """What of a decision may be large, as its record has it."""
    if apart is None:
        return {name: _json(value) for name, value in _grown(decision).items()}
    nothing: dict[str, Json] = {"hint": {}, "state": {}, "left": {}}
    told = {**nothing, "plan": plan_json(outline(decision.plan))}
    return {name: _json(value) for name, value in told.items()}


def streamed(records: Iterable[Mapping[str, object]]) -> Iterator[tuple[str, Decision]]:
    """The decisions in records of the table's stream, each with its record's sequence number."""
    for record in records:
        change = record["dynamodb"]
        assert isinstance(change, Mapping)
        yield str(change["SequenceNumber"]), decision_of(change["NewImage"])


def whole(item: Item, text: str, apart: Apart) -> Decision:
    """The decision in a projection's item and in the text that it holds apart."""
    decision = decision_of(item)
    if apart.lost:
        return replace(decision, apart=apart)
    grown = json.loads(text)
    return replace(
        decision,
        candidate=replace(decision.candidate, hint=grown["hint"]),
        state=grown["state"],
        left=grown["left"],
        plan=plan_of(grown["plan"]),
        apart=apart,
    )


def decision_of(item: Item) -> Decision:
    """The decision in a projection's item, from the table or from its stream.

    What the item holds apart is marked as lost: `AuditTable` reads it. Raises `UnknownFormat` where
    the item is in another format than this version writes.
    """
    must_be_known(item, AUDIT_FORMAT, f"the decision {item['pk']['S']}")

    def string(name: str, default: str = "") -> str:
        return str(item[name]["S"]) if name in item else default

    def number(name: str, default: int = 0) -> int:
        return int(str(item[name]["N"])) if name in item else default

    def flag(name: str) -> bool:
        return bool(item[name]["BOOL"]) if name in item else False

    apart = named_in(item)
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
            source_identity=string("actor_source_identity"),
            access_key=string("actor_access_key"),
            instance=string("actor_instance"),
        ),
        status=Status(string("status")),
        summary=string("summary"),
        granted=Autonomy.named(string("granted")),
        autonomy=Autonomy.named(string("autonomy")),
        rulings=tuple(
            Ruling(guardrail, Autonomy.named(limit), reason)
            for guardrail, limit, reason in json.loads(string("rulings"))
        ),
        plan=plan_of(json.loads(string("plan"))),
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
        next_try=string("next_try"),
        retries=number("retries"),
        incident=string("incident"),
        beside=tuple(json.loads(string("beside", "[]"))),
        told_again=string("told_again"),
        remind=string("remind"),
        apart=apart and apart._replace(lost=apart.lost or "it was not read"),
    )


def decision_id(change: Change, control: str, resource: Resource) -> str:
    """The id of the decision on this change, control and resource, the same at every delivery."""
    parts = [change.account, change.id, control, resource.arn]
    return "dg-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
