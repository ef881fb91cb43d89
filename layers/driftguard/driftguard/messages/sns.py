"""A decision as an SNS message: text for e-mail, JSON for everything else, attributes to filter by.

Source: Amazon SNS Developer Guide, "Message filtering" and "Platform-specific payloads".
"""

from __future__ import annotations

import json

from ..aws import Client, told_apart
from ..model import Call, Decision, Document, Status

_VERB = {
    Status.OBSERVED: "seen, nothing done",
    Status.EXEMPTED: "exempted",
    Status.ASKED: "waits for a person",
    Status.REVERTED: "reverted",
    Status.FAILED: "FAILED to revert",
    Status.UNDONE: "revert undone",
}


def publish(decision: Decision, client: Client, topic: str) -> None:
    """Publishes a decision to a topic. Raises `AwsError` when SNS does not take it."""
    machine = json.dumps(as_json(decision))
    renderings = {"default": machine, "email": as_text(decision)}
    with told_apart("sns", "Publish"):
        client.publish(
            TopicArn=topic,
            Subject=subject(decision),
            Message=json.dumps(renderings),
            MessageStructure="json",
            MessageAttributes={
                name: {"DataType": kind, "StringValue": value}
                for name, kind, value in (
                    ("status", "String", decision.status.value),
                    ("control", "String", decision.control),
                    ("severity", "Number", str(decision.severity)),
                    ("account", "String", decision.suspect.resource.account),
                    ("region", "String", decision.suspect.resource.region or "none"),
                )
            },
        )


def subject(decision: Decision) -> str:
    """At most 100 printable ASCII characters, as SNS demands."""
    told = f"[Driftguard] {_told(decision.status)}: {decision.title}"
    return told.encode("ascii", "replace").decode()[:100]


def as_json(decision: Decision) -> Document:
    """What programs get. States are left out: who may read them finds them in the audit table."""
    resource, actor = decision.suspect.resource, decision.actor
    return {
        "decision": decision.id,
        "status": decision.status.value,
        "control": decision.control,
        "title": decision.title,
        "severity": decision.severity,
        "summary": decision.summary,
        "reason": decision.reason,
        "account": resource.account,
        "region": resource.region,
        "resource": resource.arn,
        "actor": actor.principal,
        "actor_session": actor.session,
        "source": actor.source,
        "change": {
            "id": decision.change_id,
            "name": decision.change_name,
            "time": decision.change_time,
        },
        "autonomy": {"granted": decision.granted.label, "decided": decision.autonomy.label},
        "rulings": [
            {"guardrail": one.guardrail, "limit": one.limit.label, "reason": one.reason}
            for one in decision.rulings
        ],
        "calls": [said(step.call) for step in decision.plan.steps],
        "kept": list(decision.plan.kept),
        "advice": decision.plan.advice,
        "decided": decision.decided,
        "updated": decision.updated,
        "version": decision.version,
    }


def as_text(decision: Decision) -> str:
    """What people read: what changed, who did it, why it is risky, what was done, what stands."""
    resource, actor = decision.suspect.resource, decision.actor
    lines = [
        f"{decision.title}: {_told(decision.status)}.",
        "",
        decision.summary,
        "",
        f"Resource  {resource.arn}",
        f"Change    {decision.change_name} at {decision.change_time}",
        f"By        {actor.session or 'unknown'} from {actor.source or 'unknown'}",
        f"Why       {decision.reason}",
    ]
    calls = [said(step.call) for step in decision.plan.steps]
    if calls:
        done = decision.status in (Status.REVERTED, Status.UNDONE)
        lines += ["", "Done:" if done else "Would do:", *(f"  - {call}" for call in calls)]
    if decision.plan.kept:
        lines += ["", "Left alone:", *(f"  - {one}" for one in decision.plan.kept)]
    if decision.plan.advice:
        lines += ["", decision.plan.advice]
    lines += ["", f"driftguard audit show {decision.id}"]
    if decision.status is Status.REVERTED:
        lines.append(f"driftguard undo {decision.id}")
    return "\n".join(lines)


def said(call: Call) -> str:
    """A call on one line: `ec2:RevokeSecurityGroupIngress(GroupId=sg-1, …)`."""
    given = ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in call.parameters.items()
    )
    return f"{call.service}:{call.operation}({given})"


def _told(status: Status) -> str:
    return _VERB.get(status, status.value)
