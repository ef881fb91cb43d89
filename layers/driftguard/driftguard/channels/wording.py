"""The wording that messages about a decision share on every channel."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum

from driftguard.approvals.rules import shown as fingerprint
from driftguard.documents import Document, plain
from driftguard.engine.retrying import asks_again
from driftguard.guardrails.spoken import spoken
from driftguard.model import Actor, Call, Decision, Status, Vote
from driftguard.policy.model import Terms

_STANDS = "the change stands"

# The version of what programs read. Whoever changes what a name means, or takes one away, adds one.
FORMAT = 1

# Each name from this severity on. Source: AWS Security Hub User Guide, "Required top-level ASFF
# attributes" (`Severity`: the ranges of `Normalized`).
_SEVERITIES = ((90, "critical"), (70, "high"), (40, "medium"), (1, "low"))

_VERB = {
    Status.OBSERVED: "seen, nothing done",
    Status.EXEMPTED: "exempted",
    Status.ASKED: "waits for a person",
    Status.APPROVED: "approved, being reverted",
    Status.DENIED: "accepted",
    Status.EXPIRED: "accepted, nobody voted",
    Status.REVERTED: "reverted",
    Status.FAILED: "FAILED to revert",
    Status.UNDONE: "revert undone",
    Status.NOTED: "done by an operator",
    Status.PROPOSED: "waits for others to confirm it",
}


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What an approver must know besides the decision: the timeout action, and ways to vote.

    The link and the topic for replies are "" where the stack has none.
    """

    timeout: str
    revert_link: str = ""
    replies_topic: str = ""

    @property
    def token(self) -> str:
        """The token of the link; a reply by SNS carries it too."""
        return self.revert_link.partition("?t=")[2]


def presentable(decision: Decision) -> Decision:
    """The decision with every text plain (`documents.plain`), but for its states.

    Others choose names, user agents and tags, and people type reasons.
    """
    shown = _plainly(replace(decision, state={}, left={}))
    assert isinstance(shown, Decision)
    return replace(shown, state=decision.state, left=decision.left)


def _plainly(value: object) -> object:
    if isinstance(value, str):
        # A status, too, is a text: one of ours.
        return value if isinstance(value, Enum) else plain(value)
    if isinstance(value, Mapping):
        return {plain(name): _plainly(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plainly(inner) for inner in value]
    if type(value) is tuple:
        return tuple(_plainly(inner) for inner in value)
    if is_dataclass(value):
        made: Callable[..., object] = type(value)
        return made(**{one.name: _plainly(getattr(value, one.name)) for one in fields(value)})
    return value


def severity_name(severity: int) -> str:
    """The name that Security Hub gives a severity from 0 to 100: `critical`, `high`, …."""
    return next((name for least, name in _SEVERITIES if severity >= least), "informational")


def told(status: Status) -> str:
    """A decision's status in words."""
    return _VERB.get(status, status.value)


def by(actor: Actor) -> str:
    """Who made a change and from where, as far as that is known, in words."""
    if actor.is_unattributed:
        return "actor and time unknown"
    return f"{actor.session or 'unknown'} from {actor.source or 'unknown'}"


def first_by_actor(decisions: Sequence[Decision]) -> Decision:
    """The earliest of an incident's decisions that names more than a service which found it.

    Where a service's findings are all there is, the earliest of them.
    """
    made = sorted(decisions, key=lambda one: (one.decided, one.id))
    return next((one for one in made if one.actor.kind != "AWSService"), made[0])


def timeout(decision: Decision, terms: Terms) -> str:
    """The timeout action and when it is taken, in words; "" where nobody is asked."""
    if decision.status is not Status.ASKED or not decision.expires:
        return ""
    outlasts = any(guardrail.outlasts_timeout for guardrail, _ in spoken(decision.rulings))
    if terms.timeout_action == "revert" and decision.plan.steps and not outlasts:
        what = "it is reverted"
    elif terms.timeout_action != "escalate" and asks_again(decision):
        what = "people are asked again, if the risk still stands"
    elif terms.timeout_action == "escalate" and not decision.escalated:
        what = f"people are asked once more; if nobody votes then, {_STANDS}"
    else:
        what = _STANDS
    return f"If nobody votes until {moment(decision.expires)}, {what}."


def votes(decision: Decision) -> Iterator[str]:
    """Who has voted for what, one line each; then the quorum, where it takes more than one."""
    for cast in decision.votes:
        yield vote(cast)
    if decision.status is Status.ASKED and decision.quorum > 1:
        yield f"{decision.quorum} people must agree."


def vote(vote: Vote) -> str:
    """Who voted for what, how and when: `bob: accept until 2027-01-01 09:00 UTC, via slack, …`."""
    until = f" until {moment(vote.until)}" if vote.until else ""
    return f"{vote.person}: {vote.choice.value}{until}, via {vote.via}, {moment(vote.at)}"


def moment(iso: str) -> str:
    """A time as people read it: `2026-11-24 12:00:05 UTC`."""
    return f"{iso[:19].replace('T', ' ')} UTC" if iso.endswith("Z") else iso


def said(call: Call) -> str:
    """A call on one line: `ec2:RevokeSecurityGroupIngress(GroupId=sg-1, …)`."""
    given = ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in call.parameters.items()
    )
    return f"{call.service}:{call.operation}({given})"


def clipped(text: str, longest: int) -> str:
    """The text, or as much of its beginning as is allowed, with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def as_json(decision: Decision) -> Document:
    """A decision as programs read it, without its state: that stays in the audit table.

    docs/message.schema.json describes it.
    """
    resource, actor = decision.candidate.resource, decision.actor
    return {
        "version": FORMAT,
        "decision": decision.id,
        "status": decision.status.value,
        "control": decision.control,
        "title": decision.title,
        "severity": decision.severity,
        "severity_name": severity_name(decision.severity),
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
            {"guardrail": ruling.guardrail, "limit": ruling.limit.label, "reason": ruling.reason}
            for ruling in decision.rulings
        ],
        "calls": [said(step.call) for step in decision.plan.steps],
        "untouched": list(decision.plan.untouched),
        "advice": decision.plan.advice,
        "fingerprint": fingerprint(decision),
        "incident": decision.incident,
        "beside": list(decision.beside),
        "quorum": decision.quorum,
        "expires": decision.expires,
        "votes": [
            {
                "person": cast.person,
                "choice": cast.choice.value,
                "via": cast.via,
                "at": cast.at,
                "until": cast.until,
            }
            for cast in decision.votes
        ],
        "decided": decision.decided,
        "updated": decision.updated,
        "log_entries": decision.version,
    }
