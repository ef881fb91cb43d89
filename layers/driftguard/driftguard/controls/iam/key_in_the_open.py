"""IAM: access keys of this account that stand in the open in some configuration.

Whoever finds one, the remedy is the leaked key's: it goes inactive, and its sessions are cut off.
The configuration itself is the business of the service's own control.

Source: AWS STS API Reference, "GetAccessKeyInfo" (whose account a key is of).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...aws import AwsError, Reader, Refused, Throttled, Unreachable, document
from ...model import Change, Document, Facet, Plan, Risk, Suspect
from ...trail import items, text
from .. import cloudformation, codebuild_secrets, ecs_secrets, ssm_secrets
from ..control import NoSettings, References
from ..ec2 import user_data
from ..lambda_ import environment
from ..mechanisms import Suspects
from ..open_secrets import Values, looked_at
from .leaked_key import LeakedKey
from .stranger_findings import LASTING

_STACKS: tuple[Suspects, Values] = (cloudformation.stacks, cloudformation.shown)
# What each kind of resource shows, and which changes may have put a key there.
_WHERE: dict[str, tuple[Suspects, Values]] = {
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

    The state is `{"users": [...]}`: for each user whose keys they are, what `LeakedKey` observes.
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

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        suspects, _ = _WHERE[change.source]
        for suspect in suspects(change):
            yield replace(suspect, hint={"source": change.source})

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        _, values = _WHERE[text(suspect.hint, "source")]
        shown = values(suspect.resource, reader)
        if shown is None:
            return None
        # What could not be read is asked about by the service's own control.
        exposed, _ = looked_at(shown.texts, reader)
        keys = sorted({one.key_id for one in exposed if one.key_id.startswith(LASTING)})
        by_user: dict[str, Document] = {}
        for key in keys:
            one = self._of(suspect, key, reader) if _is_ours(key, reader) else None
            if one is not None:
                user = text(one, "user")
                by_user[user] = _with_both(by_user[user], one) if user in by_user else one
        return {"users": [by_user[user] for user in sorted(by_user)]}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        risks = [
            risk
            for one in _new(state, baseline)
            if (risk := super(KeyInTheOpen, self).assess(one, None, settings)) is not None
        ]
        if not risks:
            return None
        offending = tuple(part for one in risks for part in one.offending)
        return Risk("; ".join(one.summary for one in risks), offending)

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        plans = [
            super(KeyInTheOpen, self).plan(suspect, Facet(one, facet.read_at), None, settings)
            for one in _new(facet.state, baseline)
            if super(KeyInTheOpen, self).assess(one, None, settings) is not None
        ]
        return Plan(
            tuple(step for one in plans for step in one.steps),
            kept=tuple(kept for one in plans for kept in one.kept),
            advice=" ".join(dict.fromkeys(one.advice for one in plans)),
        )


def _is_ours(key: str, reader: Reader) -> bool:
    """Whether the key is one of the account's: a stranger's is not ours to switch off."""
    try:
        told = document(reader.read("sts", "GetAccessKeyInfo", AccessKeyId=key))
    except (Refused, Throttled, Unreachable):
        raise
    except AwsError:
        # There is no such key (any more), whoever made it up.
        return False
    return text(told, "Account") == reader.account


def _with_both(one: Document, other: Document) -> Document:
    """A user of whom several keys stand there."""
    return {**one, "exposed": sorted({*_exposed(one), *_exposed(other)})}


def _new(state: Document, baseline: Document | None) -> Iterator[Document]:
    """The users, each without the keys that a person let stand where they are."""
    accepted = {key for one in items((baseline or {}).get("users")) for key in _accepted(one)}
    for one in items(state.get("users")):
        new = [key for key in _exposed(one) if key not in accepted]
        if new:
            yield {**one, "exposed": new}


def _accepted(user: Document) -> set[str]:
    """Keys that a baseline holds as working. One that it holds as inactive was never accepted."""
    active = {text(one, "id") for one in items(user.get("keys")) if one["status"] == "Active"}
    return {key for key in _exposed(user) if user["root"] or key in active}


def _exposed(user: Document) -> list[str]:
    exposed = user["exposed"]
    return [str(one) for one in exposed] if isinstance(exposed, (list, tuple)) else []


CONTROLS = (KeyInTheOpen(),)
