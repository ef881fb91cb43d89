"""Containment of a role: its sessions that were issued before now are denied everything.

What needs the role gets a new session, which works. So does who stole the credentials if they can
still get new ones, and the finding then tells of them again.

Sources: IAM User Guide, "Revoke IAM role temporary security credentials", "AWS global condition
context keys" (`aws:TokenIssueTime`); Amazon GuardDuty User Guide, "Remediating potentially
compromised AWS credentials".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, moment, text
from driftguard.model import Candidate, Change, Finding, Observation, Plan

from ..control import Control, Cuts, References
from ..iam.principals import BUSY, ROLES
from ..iam.stranger_findings import TRIGGER
from . import findings, principals, secrets_read
from .finding_types import Target
from .findings import ContainmentSettings

# A session issued between our reading of the clock and the policy taking effect is denied, too.
_MARGIN = timedelta(seconds=60)

_NOT_CUT = (
    "Sessions issued later work. An instance, a function or a task with older credentials fails "
    "until it gets new ones, which may take hours: replace the association of the instance's "
    "profile, deploy the function again, restart the task. Look in CloudTrail for what the older "
    "sessions did, and for roles that they assumed: those sessions live on."
)
_BY_HAND = (
    "For a role of IAM Identity Center, end the user's sessions and take the assignment away "
    "there. Look in CloudTrail for what its sessions did."
)


class RoleSessions(Control[ContainmentSettings]):
    """GuardDuty reports that sessions of a role are in the wrong hands.

    An inline policy of our own name denies the role everything in sessions that were issued before
    now; nothing else of the role is touched, and an undo removes exactly that policy. A role of an
    AWS service or of IAM Identity Center, the guard's own and those of `break_glass` are never
    contained. People are asked about a role that administers the account, and where our policy is
    there already and GuardDuty saw more since.
    """

    id = "containment.role-sessions"
    title = "Sessions of a role are compromised"
    severity = 95
    references = References(attack=("T1078.004", "T1550.001"))
    triggers = (TRIGGER,)
    reads = (*findings.READS, *principals.reads_of("Role"), *secrets_read.READS)
    # What is said of the finding changes with time, and what its policies allow with people's work.
    volatile = frozenset({findings.TOLD, "administrator"})
    writes = {"iam:PutRolePolicy": ROLES, "iam:DeleteRolePolicy": ROLES}
    contains = True
    cuts = Cuts(
        "whatever works with a session of the role that was issued before",
        question="what uses the role, and can it get a new session?",
    )
    busy = BUSY
    settings = ContainmentSettings

    def screen(self, change: Change, settings: ContainmentSettings) -> Iterable[Candidate]:
        return principals.reported(change, "role", settings)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        return principals.read(reader, "Role", candidate)

    def follow_up(self, candidate: Candidate, state: Document, reader: Reader) -> Iterable[str]:
        return secrets_read.by_keys(findings.told_keys(state), reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: ContainmentSettings
    ) -> Finding | None:
        if not findings.stands(state, settings):
            return None
        until = denied_until(state.get("contained"))
        seen = moment(text(mapping(state, findings.TOLD), "seen"))
        if until is not None and (seen is None or seen <= until):
            return None
        summary = f"sessions of the role {state['name']} are compromised"
        made = findings.finding(state, settings, Target.PRINCIPAL, summary, self.severity)
        if until is not None:
            why = f"its sessions from before {until:%Y-%m-%dT%H:%M:%SZ} are denied already"
            made = findings.limited(made, f"{why}, and GuardDuty saw more since")
        return principals.limited(made, state, settings)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: ContainmentSettings,
    ) -> Plan:
        state = observation.state
        if why := text(state, "untouchable"):
            return Plan((), advice=f"The role is never contained: {why}. {_BY_HAND}")
        deny = principals.denial_step("Role", state, denial(observation.read_at))
        untouched = ("the role's own policies", "its trust policy", "sessions issued from now on")
        return Plan((deny,), untouched=untouched, advice=_NOT_CUT)


def denial(read_at: str) -> Document:
    """The policy that denies everything to sessions issued before now; `read_at` is ISO 8601."""
    until = datetime.fromisoformat(read_at) + _MARGIN
    statement: Document = {
        "Sid": "DenyOlderSessions",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": f"{until:%Y-%m-%dT%H:%M:%SZ}"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def denied_until(policy: object) -> datetime | None:
    """Until when a policy of `denial`'s form denies sessions; None for any other policy."""
    if not isinstance(policy, dict):
        return None
    for statement in items(policy.get("Statement")):
        condition = mapping(mapping(statement, "Condition"), "DateLessThan")
        until = moment(text(condition, "aws:TokenIssueTime"))
        if until is not None and policy == denial((until - _MARGIN).isoformat()):
            return until
    return None


CONTROLS = (RoleSessions(),)
