"""IAM: access keys of this account that are exposed in some configuration.

The remediation is that of a leaked key: it goes inactive, and its sessions are cut off. The
service's own control handles the configuration itself.

Source: AWS STS API Reference, "GetAccessKeyInfo" (the account of a key).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from driftguard.aws.calls import AwsError, Refused, Throttled, Unreachable, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, text
from driftguard.model import NOT_IN_USE, Candidate, Change, Finding, Observation, Plan, Use

from .. import cloudformation, codebuild_secrets, ecs_secrets, ssm_secrets
from ..control import NoSettings, References
from ..ec2 import user_data
from ..lambda_ import environment
from ..mechanisms.declared import Candidates
from ..mechanisms.exposed_secret import Values, looked_at
from .leaked_key import LeakedKey
from .stranger_findings import LASTING

_STACKS: tuple[Candidates, Values] = (cloudformation.stacks, cloudformation.shown)
# What each kind of resource shows, and which changes may have put a key there.
_WHERE: dict[str, tuple[Candidates, Values]] = {
    "lambda.amazonaws.com": (environment.function_changed, environment.environment),
    "ec2.amazonaws.com": (user_data.instances, user_data.user_data),
    "codebuild.amazonaws.com": (codebuild_secrets.projects, codebuild_secrets.variables),
    "ssm.amazonaws.com": (ssm_secrets.parameters, ssm_secrets.value),
    cloudformation.CALLS: _STACKS,
    cloudformation.EVENTS: _STACKS,
    "ecs.amazonaws.com": (ecs_secrets.definitions, ecs_secrets.in_definition),
}


class KeyInTheOpen(LeakedKey):
    """Access keys of this account, with their secrets, stand in a resource's configuration.

    The state is `{"users": [...]}`: what `LeakedKey` observes, for each user with exposed keys.
    """

    id = "iam.key-in-configuration"
    title = "Access key in the open in a configuration"
    severity = 92
    references = References(attack=("T1552.001", "T1078.004"))
    triggers = (
        *environment.TRIGGERS,
        *user_data.TRIGGERS,
        *codebuild_secrets.TRIGGERS,
        *ssm_secrets.TRIGGERS,
        *cloudformation.TRIGGERS,
        ecs_secrets.DEFINITION_TRIGGER,
    )
    reads = (
        "cloudformation:DescribeStacks",
        "codebuild:BatchGetProjects",
        "ec2:DescribeInstanceAttribute",
        "ecs:DescribeTaskDefinition",
        "iam:GetAccessKeyLastUsed",
        "iam:GetUser",
        "iam:GetUserPolicy",
        "iam:ListAccessKeys",
        "lambda:GetFunctionConfiguration",
        "ssm:GetParameter",
        "sts:GetAccessKeyInfo",
    )
    baselined = True
    found = "stands in the open"

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        candidates, _ = _WHERE[change.source]
        for candidate in candidates(change):
            yield replace(candidate, hint={"source": change.source})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        _, values = _WHERE[text(candidate.hint, "source")]
        shown = values(candidate.resource, reader)
        if shown is None:
            return None
        # What could not be read is asked about by the service's own control.
        exposed, _ = looked_at(shown.texts, reader)
        keys = sorted({secret.key_id for secret in exposed if secret.key_id.startswith(LASTING)})
        by_user: dict[str, Document] = {}
        for key in keys:
            found = self._of(candidate, key, reader) if _is_ours(key, reader) else None
            if found is not None:
                user = text(found, "user")
                by_user[user] = _with_both(by_user[user], found) if user in by_user else found
        return {"users": [by_user[user] for user in sorted(by_user)]}

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        for user in items(state.get("users")):
            use = super().in_use(candidate, user, reader)
            if use != NOT_IN_USE:
                return use
        return NOT_IN_USE

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        findings = [
            finding
            for user in _new(state, baseline)
            if (finding := super(KeyInTheOpen, self).assess(user, None, settings)) is not None
        ]
        if not findings:
            return None
        offending = tuple(part for finding in findings for part in finding.offending)
        return Finding("; ".join(finding.summary for finding in findings), offending)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        plans = [
            super(KeyInTheOpen, self).plan(
                candidate, Observation(user, observation.read_at), None, settings
            )
            for user in _new(observation.state, baseline)
            if super(KeyInTheOpen, self).assess(user, None, settings) is not None
        ]
        return Plan(
            tuple(step for plan in plans for step in plan.steps),
            untouched=tuple(untouched for plan in plans for untouched in plan.untouched),
            advice=" ".join(dict.fromkeys(plan.advice for plan in plans)),
        )


def _is_ours(key: str, reader: Reader) -> bool:
    """Whether the key belongs to the account: only then may the guard switch it off."""
    try:
        owner = document(reader.read("sts", "GetAccessKeyInfo", AccessKeyId=key))
    except (Refused, Throttled, Unreachable):
        raise
    except AwsError:
        # There is no such key (any more), whoever made it up.
        return False
    return text(owner, "Account") == reader.account


def _with_both(user: Document, other: Document) -> Document:
    """A user with the exposed keys of both documents."""
    return {**user, "exposed": sorted({*_exposed(user), *_exposed(other)})}


def _new(state: Document, baseline: Document | None) -> Iterator[Document]:
    """The users, each without the keys that a person accepted."""
    accepted = {key for item in items((baseline or {}).get("users")) for key in _accepted(item)}
    for item in items(state.get("users")):
        new = [key for key in _exposed(item) if key not in accepted]
        if new:
            yield {**item, "exposed": new}


def _accepted(user: Document) -> set[str]:
    """Keys that a baseline holds as working. One that it holds as inactive was never accepted."""
    active = {text(item, "id") for item in items(user.get("keys")) if item["status"] == "Active"}
    return {key for key in _exposed(user) if user["root"] or key in active}


def _exposed(user: Document) -> list[str]:
    exposed = user["exposed"]
    return [str(key) for key in exposed] if isinstance(exposed, (list, tuple)) else []


CONTROLS = (KeyInTheOpen(),)
