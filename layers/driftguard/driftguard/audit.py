"""The audit table: every decision, and the log of every step it took.

A decision is one partition: its projection under `decision`, its log under `log#0001` onwards. Each
entry holds the hash of the one before it and of the projection that it led to, so that an edit, a
deletion or a reordering shows. Projection and entry are written in one conditional transaction: two
workers can never both take the same step.

Plans and states are kept as JSON text, so that what is undone is to the byte what was read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeAlias

from .aws import Aws, AwsError, Client, Throttled, told_apart
from .model import (
    Actor,
    Answer,
    Autonomy,
    Call,
    Certainty,
    Decision,
    Document,
    Json,
    Plan,
    Resource,
    Ruling,
    Status,
    Step,
    Suspect,
    Verdict,
    digest,
)

# A DynamoDB item in the low-level client's spelling: {"name": {"S": "text"}}.
Item: TypeAlias = "Mapping[str, Mapping[str, object]]"
Key: TypeAlias = "tuple[str, str]"

DECISION = "decision"
LOG = "log#"


class Conflict(Exception):
    """Another worker took this step first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One step in a decision's log. `by` is who took it: `guard`, or a person."""

    number: int
    at: str
    by: str
    event: str
    note: str
    projection: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditTable:
    """Reads and appends decisions. There is no way to delete one here, nor the right to in IAM."""

    aws: Aws
    name: str

    @property
    def client(self) -> Client:
        """DynamoDB's client, made when the table is first used."""
        return self.aws.client("dynamodb")

    def recall(self, decision: str, *others: tuple[str, Key]) -> tuple[Decision | None, list[Item]]:
        """The decision, and items of other tables, in one consistent read.

        Raises `Throttled` when DynamoDB leaves some of the read undone.
        """
        wanted: dict[str, dict[str, object]] = {}
        for table, (pk, sk) in ((self.name, (decision, DECISION)), *others):
            read = wanted.setdefault(table, {"Keys": [], "ConsistentRead": True})
            keys = read["Keys"]
            assert isinstance(keys, list)
            keys.append({"pk": {"S": pk}, "sk": {"S": sk}})
        with told_apart("dynamodb", "BatchGetItem"):
            answer = self.client.batch_get_item(RequestItems=wanted)
        if answer.get("UnprocessedKeys"):
            raise Throttled("dynamodb:BatchGetItem was throttled: keys were left unread")
        found = answer["Responses"]
        mine = found.get(self.name, [])
        rest = [item for table, _ in others for item in found.get(table, [])]
        return (decision_of(mine[0]) if mine else None), rest

    def get(self, decision: str) -> Decision | None:
        """The decision as it stands, read consistently."""
        return self.recall(decision)[0]

    def append(self, decision: Decision, *, event: str, note: str, by: str = "guard") -> Decision:
        """Writes the next version of a decision with its log entry, or raises `Conflict`.

        Returns the decision as written.
        """
        written = replace(decision, version=decision.version + 1)
        entry = _entry(written, event=event, note=note, by=by)
        written = replace(written, head=entry.hash)
        new = {"ConditionExpression": "attribute_not_exists(pk)"}
        seen = {
            "ConditionExpression": "version = :seen",
            "ExpressionAttributeValues": {":seen": {"N": str(decision.version)}},
        }
        told = {"tell": {"BOOL": _is_news(written, event)}}
        projection = {"TableName": self.name, "Item": _item(written) | told}
        log = {"TableName": self.name, "Item": _entry_item(written.id, entry)}
        try:
            with told_apart("dynamodb", "TransactWriteItems"):
                self.client.transact_write_items(
                    TransactItems=[
                        {"Put": {**projection, **(seen if decision.version else new)}},
                        {"Put": {**log, **new}},
                    ]
                )
        except AwsError as error:
            if error.code != "TransactionCanceledException":
                raise
            if "ConditionalCheckFailed" in str(error):
                raise Conflict(f"another worker moved {decision.id} first") from error
            raise Throttled(str(error), code=error.code) from error
        return written

    def log(self, decision: str) -> Iterator[Entry]:
        """The decision's log, oldest entry first."""
        query = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :log)",
            "ExpressionAttributeValues": {":pk": {"S": decision}, ":log": {"S": LOG}},
            "ConsistentRead": True,
        }
        return (_entry_of(item) for item in self._query(query))

    def of_day(self, day: str) -> Iterator[Decision]:
        """The decisions made on a day (`2026-11-24`, UTC), newest first."""
        query = {
            "TableName": self.name,
            "IndexName": "by-day",
            "KeyConditionExpression": "#day = :day",
            "ExpressionAttributeNames": {"#day": "day"},
            "ExpressionAttributeValues": {":day": {"S": day}},
            "ScanIndexForward": False,
        }
        return (decision_of(item) for item in self._query(query))

    def _query(self, query: Mapping[str, object]) -> Iterator[Item]:
        with told_apart("dynamodb", "Query"):
            for page in self.client.get_paginator("query").paginate(**query):
                yield from page["Items"]


def broken_link(decision: Decision, log: Sequence[Entry]) -> str:
    """The first place where a decision's log does not hold together, in words; "" if it does."""
    previous = ""
    for number, entry in enumerate(log, start=1):
        if entry.number != number:
            return f"entry {number} is missing"
        if entry.previous != previous:
            return f"entry {number} does not follow entry {number - 1}"
        if entry.hash != _hash(decision.id, entry):
            return f"entry {number} was edited"
        previous = entry.hash
    if decision.head != previous or decision.version != len(log):
        return f"the log ends at entry {len(log)}, the decision stands at {decision.version}"
    if log and log[-1].projection != _projection(decision):
        return "the decision was edited beside its log"
    return ""


# The events that people hear of beside an outcome under its own name.
_NEWS = frozenset({"decided", "answered", "asked-anew", "escalated"})


def _is_news(decision: Decision, event: str) -> bool:
    """Whether people hear of this step: outcomes and questions, not the steps between or notes.

    An approval is news to the publisher, who wakes the guard to carry it out.
    """
    underway = decision.status in (Status.REVERTING, Status.UNDOING)
    return not underway and (event in _NEWS or event == decision.status.value)


# ------------------------------------------------------------------------------- the entries


def _entry(decision: Decision, *, event: str, note: str, by: str) -> Entry:
    entry = Entry(
        number=decision.version,
        at=decision.updated,
        by=by,
        event=event,
        note=note,
        projection=_projection(decision),
        previous=decision.head,
        hash="",
    )
    return replace(entry, hash=_hash(decision.id, entry))


def _hash(decision: str, entry: Entry) -> str:
    fields: list[Json] = [
        entry.number,
        entry.at,
        entry.by,
        entry.event,
        entry.note,
        entry.projection,
    ]
    return digest([decision, entry.previous, *fields])


def _projection(decision: Decision) -> str:
    """The digest of all that the decision says, but for the hash that comes after it."""
    said = {name: value for name, value in _item(decision).items() if name != "head"}
    return digest(json.loads(json.dumps(said)))


def _entry_item(decision: str, entry: Entry) -> dict[str, dict[str, object]]:
    return {
        "pk": {"S": decision},
        "sk": {"S": f"{LOG}{entry.number:04d}"},
        "number": {"N": str(entry.number)},
        **{
            name: {"S": getattr(entry, name)}
            for name in ("at", "by", "event", "note", "projection", "previous", "hash")
        },
    }


def _entry_of(item: Item) -> Entry:
    names = ("at", "by", "event", "note", "projection", "previous", "hash")
    return Entry(int(str(item["number"]["N"])), *(str(item[name]["S"]) for name in names))


# ----------------------------------------------------------------------------- the projection


def _item(decision: Decision) -> dict[str, dict[str, object]]:
    resource, actor = decision.suspect.resource, decision.actor
    texts = {
        "pk": decision.id,
        "sk": DECISION,
        "day": decision.decided[:10],
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
        "region": resource.region,
        "resource": resource.arn,
        "resource_id": resource.id,
        "resource_kind": resource.kind,
        "certainty": decision.suspect.certainty.value,
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
        "head": decision.head,
        "hint": _json(decision.suspect.hint),
        "state": _json(decision.state),
        "plan": _json(_plan_json(decision.plan)),
        "answers": _json([asdict(one) for one in decision.answers]),
        "rulings": _json([[r.guardrail, r.limit.label, r.reason] for r in decision.rulings]),
    }
    numbers = {
        "severity": decision.severity,
        "version": decision.version,
        "done": decision.done,
        "attempt": decision.attempt,
        "required": decision.required,
    }
    return {
        **{name: {"S": value} for name, value in texts.items()},
        **{name: {"N": str(value)} for name, value in numbers.items()},
        "resumable": {"BOOL": decision.resumable},
        "escalated": {"BOOL": decision.escalated},
    }


def decision_of(item: Item) -> Decision:
    """The decision in a projection's item, from the table or from its stream."""

    def string(name: str) -> str:
        return str(item[name]["S"])

    def number(name: str) -> int:
        return int(str(item[name]["N"]))

    resource = Resource(
        kind=string("resource_kind"),
        id=string("resource_id"),
        account=string("account"),
        region=string("region"),
        arn=string("resource"),
    )
    return Decision(
        id=string("pk"),
        control=string("control"),
        title=string("title"),
        severity=number("severity"),
        suspect=Suspect(resource, Certainty(string("certainty")), json.loads(string("hint"))),
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
        before=string("before"),
        decided=string("decided"),
        updated=string("updated"),
        after=string("after"),
        reason=string("reason"),
        done=number("done"),
        attempt=number("attempt"),
        lease_until=string("lease_until"),
        resumable=bool(item["resumable"]["BOOL"]),
        version=number("version"),
        head=string("head"),
        answers=tuple(
            Answer(**(one | {"verdict": Verdict(one["verdict"])}))
            for one in json.loads(string("answers"))
        ),
        required=number("required"),
        expires=string("expires"),
        escalated=bool(item["escalated"]["BOOL"]),
    )


def _plan_json(plan: Plan) -> Json:
    return {
        "steps": [
            {"call": _call_json(one.call), "undo": [_call_json(call) for call in one.undo]}
            for one in plan.steps
        ],
        "kept": list(plan.kept),
        "advice": plan.advice,
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
    def call(one: object) -> Call:
        assert isinstance(one, Mapping)
        return Call(
            one["service"],
            one["operation"],
            one["parameters"],
            on=tuple(one["on"]),
            settled_by=tuple(one["settled_by"]),
        )

    def undo(step: Mapping[str, object]) -> tuple[Call, ...]:
        calls = step["undo"]
        assert isinstance(calls, list)
        return tuple(call(one) for one in calls)

    return Plan(
        steps=tuple(Step(call(step["call"]), undo(step)) for step in plan["steps"]),
        kept=tuple(str(one) for one in plan["kept"]),
        advice=str(plan["advice"]),
    )


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
