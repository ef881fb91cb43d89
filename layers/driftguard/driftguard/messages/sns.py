"""A decision as an SNS message: text for e-mail, JSON for programs, attributes to filter by, and a
card for Amazon Q Developer in chat applications (Slack and Teams without an app of one's own).

Sources: Amazon SNS Developer Guide, "Message filtering", "Platform-specific payloads" and "Publish"
(256 KB in all); Amazon Q Developer in chat applications Administrator Guide, "Custom notifications"
(it subscribes over HTTPS, so its card is the `https` rendering).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from ..aws import Client, told_apart
from ..model import Decision, Document, Json, Status
from .words import Question, by, clipped, moment, said, silence, told, voices

__all__ = ["as_email", "as_json", "as_q", "as_text", "publish", "said", "silence", "subject"]

# SNS takes 262,144 bytes: the renderings inside JSON inside JSON, and the attributes.
_JSON_BYTES = 60_000
_EMAIL_CHARACTERS = 20_000
_CARD_CHARACTERS = 3_000
# How many decisions a digest lists for programs, and names for people.
_DIGESTED = 500
_NAMED = 15


def publish(
    decision: Decision, client: Client, topic: str, question: Question | None = None
) -> None:
    """Publishes a decision to a topic. Raises `AwsError` when SNS does not take it."""
    machine = _fitting({**as_json(decision), **_answering(decision, question)})
    renderings = {
        "default": json.dumps(machine, ensure_ascii=False),
        "email": as_email(decision, question),
        "https": json.dumps(as_q(decision, question), ensure_ascii=False),
    }
    with told_apart("sns", "Publish"):
        client.publish(
            TopicArn=topic,
            Subject=subject(decision),
            Message=json.dumps(renderings, ensure_ascii=False),
            MessageStructure="json",
            MessageAttributes={
                name: {"DataType": kind, "StringValue": value}
                for name, kind, value in (
                    ("kind", "String", "question" if question else "outcome"),
                    ("status", "String", decision.status.value),
                    ("control", "String", decision.control),
                    ("severity", "Number", str(decision.severity)),
                    ("account", "String", decision.suspect.resource.account),
                    ("region", "String", decision.suspect.resource.region or "none"),
                )
            },
        )


def publish_digest(decisions: Sequence[Decision], client: Client, topic: str) -> None:
    """Publishes many decisions as one message. Raises `AwsError` when SNS does not take it.

    It carries what subscribers filter by, of all that it holds: whoever hears only of the severe,
    or of one control, must hear of a storm that has it.
    """
    machine: Document = {
        "digest": True,
        "count": len(decisions),
        "decisions": [
            {"decision": one.id, "status": one.status.value, "control": one.control}
            for one in _worst_first(decisions)[:_DIGESTED]
        ],
    }
    renderings = {
        "default": json.dumps(machine, ensure_ascii=False),
        "email": digest_text(decisions),
    }
    with told_apart("sns", "Publish"):
        client.publish(
            TopicArn=topic,
            Subject=_printable(f"[Driftguard] {len(decisions)} decisions"),
            Message=json.dumps(renderings, ensure_ascii=False),
            MessageStructure="json",
            MessageAttributes={
                "kind": {"DataType": "String", "StringValue": "digest"},
                "severity": {
                    "DataType": "Number",
                    "StringValue": str(max(one.severity for one in decisions)),
                },
                **{
                    name: {"DataType": "String.Array", "StringValue": json.dumps(sorted(values))}
                    for name, values in (
                        ("status", {one.status.value for one in decisions}),
                        ("control", {one.control for one in decisions}),
                        ("account", {one.suspect.resource.account for one in decisions}),
                        ("region", {one.suspect.resource.region or "none" for one in decisions}),
                    )
                },
            },
        )


def _worst_first(decisions: Sequence[Decision]) -> list[Decision]:
    """So that no amount of noise hides what matters."""
    return sorted(decisions, key=lambda one: -one.severity)


def digest_text(decisions: Sequence[Decision]) -> str:
    """What people read of a storm: how many stand how, what held them back, the worst of them."""
    counts = Counter(told(one.status) for one in decisions)
    lines = [f"{len(decisions)} decisions in a short time:", ""]
    lines += [f"{count:6d}  {status}" for status, count in counts.most_common()]
    held = dict.fromkeys(
        ruling.reason
        for one in decisions
        for ruling in one.rulings
        if ruling.guardrail in ("breaker", "freeze", "fight")
    )
    if held:
        lines += ["", "Held back:", *(f"  - {clipped(why, 300)}" for why in list(held)[:5])]
    lines += ["", "Among them:"]
    lines += [
        f"  - {clipped(f'{one.title}: {one.suspect.resource.id}', 160)} ({one.id})"
        for one in _worst_first(decisions)[:_NAMED]
    ]
    more = len(decisions) - _NAMED
    lines += [f"  and {more} more"] * (more > 0)
    lines += ["", "driftguard audit list --since 1h", "driftguard approve|deny DECISION"]
    return "\n".join(lines)


def subject(decision: Decision) -> str:
    """At most 100 printable ASCII characters, as SNS demands."""
    return _printable(f"[Driftguard] {told(decision.status)}: {decision.title}")


def _printable(words: str) -> str:
    printable = "".join(one if one.isprintable() else " " for one in words)
    return printable.encode("ascii", "replace").decode()[:100]


# ------------------------------------------------------------------------------- programs


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
        "fingerprint": decision.before,
        "required": decision.required,
        "expires": decision.expires,
        "answers": [
            {
                "person": one.person,
                "verdict": one.verdict.value,
                "via": one.via,
                "at": one.at,
                "until": one.until,
            }
            for one in decision.answers
        ],
        "decided": decision.decided,
        "updated": decision.updated,
        "version": decision.version,
    }


def _answering(decision: Decision, question: Question | None) -> Document:
    """How a program may answer: what to publish to the topic for replies."""
    if question is None:
        return {}
    reply = {"decision": decision.id, "verdict": "revert", "token": question.token}
    return {
        "silence": question.silence,
        "revert_link": question.revert_link,
        "reply": reply if question.token else {},
        "replies_topic": question.replies_topic,
    }


def _fitting(whole: Document) -> Document:
    """The document with its longest texts and lists cut until it fits; then it says `truncated`."""
    fitting, truncated = whole, {"truncated": True}
    for longest in (4_000, 1_000, 150):
        if len(json.dumps(fitting, ensure_ascii=False).encode()) <= _JSON_BYTES:
            break
        cut = {name: _cut(value, longest) for name, value in whole.items()}
        # A link that is cut short is no link.
        kept = {name: whole[name] for name in ("revert_link", "reply") if name in whole}
        fitting = cut | kept | truncated
    return fitting


def _cut(value: Json, longest: int) -> Json:
    if isinstance(value, str):
        return clipped(value, longest)
    if isinstance(value, Mapping):
        return {name: _cut(one, longest) for name, one in value.items()}
    if isinstance(value, Sequence):
        return [_cut(one, longest) for one in value[:50]]
    return value


# ------------------------------------------------------------------------------- people


def as_text(decision: Decision) -> str:
    """What people read: what changed, who did it, why it is risky, what was done, what stands."""
    resource = decision.suspect.resource
    lines = [
        f"{decision.title}: {told(decision.status)}.",
        "",
        decision.summary,
        "",
        f"Resource  {resource.arn}",
        f"Change    {decision.change_name} at {decision.change_time}",
        f"By        {by(decision.actor)}",
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
    answers = list(voices(decision))
    if answers:
        lines += ["", "Answers:", *(f"  - {one}" for one in answers)]
    lines += ["", f"driftguard audit show {decision.id}"]
    if decision.status is Status.REVERTED:
        lines.append(f"driftguard undo {decision.id}")
    return "\n".join(lines)


def as_email(decision: Decision, question: Question | None) -> str:
    """The text, and for a question how to answer it; the ways to answer are never cut off."""
    asking = "\n".join(_ways(decision, question)) if question else ""
    text = as_text(decision)
    if len(text) > _EMAIL_CHARACTERS:
        rest = f"\nThe rest: driftguard audit show {decision.id}"
        text = clipped(text, _EMAIL_CHARACTERS) + rest
    return text + asking


def _ways(decision: Decision, question: Question) -> list[str]:
    """How to answer, line by line: the link, the command line, a reply by SNS."""
    lines = ["", "", "-" * 72, question.silence, ""]
    if question.revert_link and decision.plan.steps:
        lines += [
            "To revert it, open this page and confirm there. Everybody who got this message has",
            "this link, so it counts as one voice, and it cannot keep the change:",
            "",
            question.revert_link,
            "",
        ]
    lines += ["To answer as yourself, with your AWS credentials:", ""]
    if decision.plan.steps:
        lines.append(f"  driftguard approve {decision.id}         it is reverted")
    lines += [
        f"  driftguard deny {decision.id}            the change stands",
        f"  driftguard keep {decision.id} --for 7d   it stands, and is not asked about until then",
    ]
    if question.token and question.replies_topic and decision.plan.steps:
        lines += [
            "",
            "Or by SNS:",
            "",
            f"  aws sns publish --topic-arn {question.replies_topic} \\",
            f"    --message 'revert {decision.id} {question.token}'",
        ]
    return lines


# ------------------------------------------------------------------------------- chat


def as_q(decision: Decision, question: Question | None) -> Document:
    """The card for Amazon Q Developer: one thread a decision, with values for custom actions."""
    resource = decision.suspect.resource
    status = told(decision.status)
    calls = [clipped(said(step.call), 300) for step in decision.plan.steps[:5]]
    description = "\n".join(
        [
            decision.summary,
            "",
            f"Change: {decision.change_name}, {moment(decision.change_time)}",
            f"By: {by(decision.actor)}",
            f"Why: {decision.reason}",
            *(["", "Calls:", *calls] if calls else []),
            *(["", *voices(decision)] if decision.answers else []),
        ]
    )
    return {
        "version": "1.0",
        "source": "custom",
        "id": f"{decision.id}-{decision.version}",
        "content": {
            "textType": "client-markdown",
            "title": clipped(f"{decision.title}: {status}", 200),
            "description": clipped(description, _CARD_CHARACTERS),
            "nextSteps": _next_steps(decision, question),
            "keywords": [status, decision.control, f"severity {decision.severity}"],
        },
        "metadata": {
            "threadId": decision.id,
            "summary": clipped(f"{decision.title}: {status}. {decision.summary}", 500),
            "eventType": f"driftguard-{'question' if question else 'outcome'}",
            "relatedResources": [resource.arn],
            "additionalContext": {
                "decision": decision.id,
                "status": decision.status.value,
                "control": decision.control,
                "account": resource.account,
                "region": resource.region or "none",
                "fingerprint": decision.before,
            },
        },
    }


def _next_steps(decision: Decision, question: Question | None) -> list[str]:
    if question is None:
        undo = [f"driftguard undo {decision.id}"] if decision.status is Status.REVERTED else []
        return [f"driftguard audit show {decision.id}", *undo]
    steps = [question.silence] if question.silence else []
    if decision.plan.steps:
        if question.revert_link:
            steps.append(f"Revert it: {question.revert_link}")
        steps.append(f"driftguard approve {decision.id}")
    return [*steps, f"driftguard deny {decision.id}", f"driftguard keep {decision.id} --for 7d"]
