"""Containment of a user: everything is denied, and the access keys go inactive.

The deny holds for whatever the user signs with: keys, a password, credentials of one service,
sessions and federation tokens that were asked for with a key. A key that is inactive stays so if
somebody deletes the policy.

Sources: IAM User Guide, "Policy evaluation logic", "Manage access keys for IAM users"; AWS STS API
Reference, "GetFederationToken" (permissions); Amazon GuardDuty User Guide, "Remediating potentially
compromised AWS credentials".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Call, Candidate, Change, Finding, Observation, Plan, Step

from ..control import Control, Cuts, References
from ..iam.principals import BUSY, USERS
from ..iam.stranger_findings import LASTING, TRIGGER, known_types
from . import findings, principals, secrets_read
from .finding_types import Target
from .findings import ContainmentSettings

# Denies whatever the user does, however it is signed.
DENIAL: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "DenyEverything", "Effect": "Deny", "Action": "*", "Resource": "*"}],
}
_NOT_CUT = (
    "Rotate what used the user's keys, and look in CloudTrail for roles that the user assumed: "
    "their sessions live on. If the keys are replaced meanwhile, release the user by hand: "
    f"aws iam delete-user-policy --user-name … --policy-name {principals.POLICY}."
)


class User(Control[ContainmentSettings]):
    """GuardDuty reports that a user's credentials are in the wrong hands.

    An inline policy of our own name denies the user everything, and active access keys go inactive;
    an undo removes that policy and switches those keys on again, and nothing else. A lasting key
    that a stranger uses is `iam.leaked-key`'s, which switches off that key alone. Users of
    `break_glass` are never contained, and people are asked about one that administers the account.
    """

    id = "containment.user"
    title = "Credentials of a user are compromised"
    severity = 95
    references = References(attack=("T1078.004",))
    triggers = (TRIGGER,)
    reads = (
        *findings.READS,
        *principals.reads_of("User"),
        *secrets_read.READS,
        "iam:GetGroupPolicy",
        "iam:ListAccessKeys",
        "iam:ListAttachedGroupPolicies",
        "iam:ListGroupPolicies",
        "iam:ListGroupsForUser",
    )
    # What is said of the finding changes with time, and what its policies allow with people's work.
    volatile = frozenset({findings.TOLD, "administrator"})
    writes = {
        "iam:DeleteUserPolicy": USERS,
        "iam:PutUserPolicy": USERS,
        "iam:UpdateAccessKey": USERS,
    }
    contains = True
    cuts = Cuts(
        "everything that works with the user's keys, password or sessions",
        question="what of yours uses the user's credentials?",
    )
    busy = BUSY
    settings = ContainmentSettings

    def screen(self, change: Change, settings: ContainmentSettings) -> Iterable[Candidate]:
        return () if _is_of_a_key(change) else principals.reported(change, "user", settings)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        state = principals.read(reader, "User", candidate)
        if state is None:
            return None
        listed = reader.pages(
            "iam", "ListAccessKeys", "AccessKeyMetadata", UserName=candidate.resource.id
        )
        keys = {text(key, "AccessKeyId"): text(key, "Status") for key in map(document, listed)}
        return {**state, "keys": dict(sorted(keys.items()))}

    def follow_up(self, candidate: Candidate, state: Document, reader: Reader) -> Iterable[str]:
        return secrets_read.by_keys(findings.told_keys(state), reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: ContainmentSettings
    ) -> Finding | None:
        if not findings.stands(state, settings):
            return None
        if state.get("contained") == DENIAL and not _active(state):
            return None
        summary = f"credentials of the user {state['name']} are compromised"
        made = findings.finding(state, settings, Target.PRINCIPAL, summary, self.severity)
        return principals.limited(made, state, settings)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: ContainmentSettings,
    ) -> Plan:
        state = observation.state
        untouched = ("the user's other policies and groups", "the password", "keys inactive before")
        return Plan(tuple(self._steps(state)), untouched=untouched, advice=_NOT_CUT)

    def _steps(self, state: Document) -> Iterator[Step]:
        if state.get("contained") != DENIAL:
            yield principals.denial_step("User", state, DENIAL)
        for key in _active(state):
            yield Step(self._key(state, key, "Inactive"), (self._key(state, key, "Active"),))

    def _key(self, state: Document, key: str, status: str) -> Call:
        parameters = {"UserName": text(state, "name"), "AccessKeyId": key, "Status": status}
        return Call("iam", "UpdateAccessKey", parameters, on=(text(state, "arn"),))


def _active(state: Document) -> list[str]:
    return [key for key, status in mapping(state, "keys").items() if status == "Active"]


def _is_of_a_key(change: Change) -> bool:
    """Whether a finding is about one lasting key, which `iam.leaked-key` switches off."""
    key = mapping(mapping(change.request, "resource"), "accessKeyDetails")
    lasting = text(key, "accessKeyId").startswith(LASTING)
    return lasting and text(change.request, "type") in known_types()


CONTROLS = (User(),)
