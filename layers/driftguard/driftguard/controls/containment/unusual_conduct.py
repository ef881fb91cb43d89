"""Containment of a principal whose conduct is unusual: people are asked, at most.

What is unusual is told by events that anybody may forge who can make rules of EventBridge, and by
weights that somebody chose. So it is worth a question: whether the older sessions of a role are to
be denied, or a user everything. An event names a record, which only the watcher writes. What the
conduct was, whose session it was, and that the watcher sent this event, is read there.

Sources: those of `role_sessions` and `user`; AWS CloudTrail User Guide, "CloudTrail userIdentity
element".
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.conduct.asking import kind_of
from driftguard.conduct.score import ASKED
from driftguard.conduct.telling import CONTROL, NAME, SOURCE, told
from driftguard.conduct.unusual import told_apart_by, unusual_on
from driftguard.documents import Document, mapping, moment, text
from driftguard.frozen import dataclass
from driftguard.model import (
    Actor,
    Autonomy,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
)
from driftguard.state import incidents

from ..control import Control, Cuts, References, Trigger
from ..iam.principals import BUSY, ROLES, USERS
from . import findings, principals, role_sessions
from .findings import HeldSettings
from .user import DENIAL

_WHY = "conduct is unusual, which proves nothing: people are asked at most"
_LOOK = (
    "Look in CloudTrail for what it did, and ask whoever uses it. If it was right, accept it, for "
    "good or until a day: then such days are learned from."
)
_ROOT = "Nothing contains the root user: change its password, and delete its access keys."


@dataclass(frozen=True, slots=True)
class ConductSettings(HeldSettings):
    """From which conduct score on people are asked. Lower scores than 60 are never told of."""

    ask_from: int = ASKED


class UnusualConduct(Control[ConductSettings]):
    """A principal behaves as it never does: new services, networks and tools, bursts, denied calls.

    People are asked whether to deny a role's sessions that were issued before now, or a user
    everything, by an inline policy of our own name; an undo removes exactly that policy. Nobody is
    contained without a vote, and by no timeout. Once a day for a principal, and once more where it
    gets far more unusual; for five principals of an account at most.
    """

    id = CONTROL
    title = "The conduct of a principal is unusual"
    severity = 80
    references = References(attack=("T1078.004", "T1580", "T1526", "T1087.004"))
    triggers = (Trigger(SOURCE, NAME),)
    reads = tuple(
        dict.fromkeys(
            (
                *principals.reads_of("Role"),
                *principals.reads_of("User"),
                "iam:GetGroupPolicy",
                "iam:ListAttachedGroupPolicies",
                "iam:ListGroupPolicies",
                "iam:ListGroupsForUser",
            )
        )
    )
    # What was seen grows during the day, and what its policies allow with people's work.
    volatile = frozenset({"conduct", findings.TOLD, "administrator"})
    writes = {
        "iam:DeleteRolePolicy": ROLES,
        "iam:DeleteUserPolicy": USERS,
        "iam:PutRolePolicy": ROLES,
        "iam:PutUserPolicy": USERS,
    }
    contains = True
    cuts = Cuts(
        "whatever works with an older session of the role, or with the user's credentials",
        question="what uses these credentials, and is it what behaves so?",
    )
    busy = BUSY
    settings = ConductSettings

    def screen(self, change: Change, settings: ConductSettings) -> Iterable[Candidate]:
        named, arn = told(change), change.actor.principal
        kind = kind_of(arn)
        if named is None or not kind:
            return
        name = arn.rpartition("/")[2] if kind != "root" else "root"
        where = Resource(f"iam.{kind}", name, change.account, change.region, arn)
        hint: Document = {
            "record": named.record,
            "day": named.day,
            "band": named.band,
            "by": told_apart_by(change.actor),
            "principal": arn,
        }
        yield Candidate(where, Certainty.POSSIBLE, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        arn, kind = candidate.resource.arn, candidate.resource.kind.removeprefix("iam.")
        told_of = _told_of(candidate, reader)
        conduct = mapping(told_of, "conduct")
        if kind == "root":
            return {"name": "root", "arn": arn, "untouchable": _ROOT, **told_of}
        found = principals.standing(reader, kind.capitalize(), candidate.resource.id)
        # A principal that bears the name of one which is gone has done nothing.
        if found is None or found[1]["arn"] != arn or text(conduct, "id") not in ("", found[0]):
            return None
        asked = bool(conduct) and not found[1]["untouchable"]
        why = principals.why_administrator(reader, kind.capitalize(), candidate.resource.id)
        return {**found[1], "administrator": why if asked else "", **told_of}

    def assess(
        self, state: Document, baseline: Document | None, settings: ConductSettings
    ) -> Finding | None:
        conduct = mapping(state, "conduct")
        score = conduct.get("score")
        if not isinstance(score, int) or score < settings.ask_from:
            return None
        until = role_sessions.denied_until(state.get("contained"))
        seen = moment(text(conduct, "at"))
        if state.get("contained") == DENIAL or (until and seen and seen <= until):
            return None
        made = Finding(
            f"{text(state, 'name')} behaves as it never does: {text(conduct, 'line')}",
            at_most=Autonomy.ASK,
            at_most_why=_WHY,
            severity=min(self.severity, score),
        )
        return principals.limited(made, state, settings)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: ConductSettings,
    ) -> Plan:
        state = observation.state
        if why := text(state, "untouchable"):
            return Plan((), advice=f"It is never contained: {why} {_LOOK}")
        if candidate.resource.kind == "iam.role":
            policy = role_sessions.denial(observation.read_at)
            step = principals.denial_step("Role", state, policy)
            untouched = ("the role's own policies", "its trust policy", "sessions issued later")
        else:
            step = principals.denial_step("User", state, DENIAL)
            untouched = ("the user's other policies and groups", "the password", "access keys")
        return Plan((step,), untouched=untouched, advice=_LOOK)


def _told_of(candidate: Candidate, reader: Reader) -> Document:
    """What the record says of the day that the event names, as parts of the state.

    `conduct` is how unusual it was; `finding` whom the question is about, by what decisions are
    joined by. Both only where the record says that the watcher sent this very event, about this
    very session: else `conduct` is empty.
    """
    hint, arn = candidate.hint, candidate.resource.arn
    day, band = hint.get("day"), hint.get("band")
    record = reader.aws.surroundings.conduct(reader.aws, text(hint, "record"))
    found = unusual_on(record, day) if isinstance(day, int) else None
    sent = found.told(band) if found is not None and isinstance(band, int) else None
    if found is None or sent is None or text(record, "who") != arn:
        return {"conduct": {}}
    if sent.actor.principal != arn or told_apart_by(sent.actor) != text(hint, "by"):
        return {"conduct": {}}
    return {
        "conduct": {"score": found.score, "at": found.at, "line": found.line, "id": found.id},
        findings.TOLD: {incidents.WHO: [*_who(sent.actor)], "seen": found.at},
    }


def _who(actor: Actor) -> Iterable[str]:
    """What joins the question to others: nothing that many share, as an address.

    It is never empty: who is not known by anything lasting is in an incident of their own, and not
    in that of whom an event claims.
    """
    lasting = [one for one in incidents.identities(actor) if not incidents.is_weak(one)]
    return lasting or [f"conduct {actor.principal}"]


CONTROLS = (UnusualConduct(),)
