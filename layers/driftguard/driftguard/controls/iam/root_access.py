"""IAM: root users of member accounts, as the management account acts in their place.

Source: IAM User Guide, "Centrally manage root access for member accounts".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger, resource
from ..mechanisms.advice import Advice
from ..mechanisms.declared import listed
from ..mechanisms.switch import Switch
from .principals import BUSY, IAM

_FEATURES = {
    "RootCredentialsManagement": "OrganizationsRootCredentialsManagement",
    "RootSessions": "OrganizationsRootSessions",
}
# Where there is no organization to have the features, or none whose trust IAM has.
_NO_ORGANIZATION = ("OrganizationNotFoundException", "ServiceAccessNotEnabledException")
# The organization's features know no resources.
_ORGANIZATION = ("*",)


def _disabled(change: Change) -> Iterator[Candidate]:
    for feature, named in _FEATURES.items():
        if change.name == f"Disable{named}":
            tail = f"iam::{{account}}:organizations-feature/{feature}"
            found = resource(change, "iam.organizations-feature", feature, tail)
            yield Candidate(found, Certainty.EVIDENT)


def _read(feature: Resource, reader: Reader) -> Document | None:
    answer = reader.read("iam", "ListOrganizationsFeatures", absent=_NO_ORGANIZATION)
    if answer is None:
        return None
    return {"enabled": feature.id in listed(document(answer), "EnabledFeatures")}


def _put(feature: Resource, state: Document) -> Call:
    verb = "Enable" if state["enabled"] else "Disable"
    return Call("iam", f"{verb}{_FEATURES[feature.id]}", {}, on=_ORGANIZATION)


ROOT_MANAGEMENT_OFF = Switch(
    id="iam.root-management-off",
    title="Root users no longer managed centrally",
    severity=80,
    cuts=NOTHING,
    busy=BUSY,
    references=References(attack=("T1562.001", "T1078.004")),
    triggers=tuple(
        Trigger(IAM, f"{verb}{named}")
        for named in _FEATURES.values()
        for verb in ("Disable", "Enable")
    ),
    proven="stub",
    reads=("iam:ListOrganizationsFeatures",),
    writes={
        f"iam:{verb}{named}": _ORGANIZATION
        for named in _FEATURES.values()
        for verb in ("Disable", "Enable")
    },
    candidates=_disabled,
    read=_read,
    risky=lambda state, _: (
        ""
        if state["enabled"]
        else "root users of member accounts can no longer be looked after from here"
    ),
    safe=lambda state, _: {"enabled": True},
    put=_put,
)

# The tasks for which a session of a root user only looks.
_LOOKING = ("IAMAuditRootUserCredentials",)


def _assumed(change: Change) -> Iterator[Candidate]:
    task = text(mapping(change.request, "taskPolicyArn"), "arn").rpartition("/")[2]
    target = text(change.request, "targetPrincipal")
    account = target.split(":")[4] if target.count(":") >= 5 else target
    if account and task not in _LOOKING:
        # The session is another account's; here it has no ARN, and this only names it.
        where = f"iam::{{account}}:root-session/{account}/{task}"
        found = resource(change, "iam.root-session", f"{account}/{task}", where)
        yield Candidate(found, Certainty.EVIDENT, {"account": account, "task": task})


ROOT_SESSION = Advice(
    id="iam.root-session",
    title="Session of a member account's root user",
    severity=80,
    cuts=NOTHING,
    references=References(attack=("T1078.004", "T1548.005")),
    triggers=(Trigger("sts.amazonaws.com", "AssumeRoot"),),
    revert="a session of a root user cannot be revoked; it ends within 15 minutes",
    candidates=_assumed,
    why="somebody acts as the root user of a member account",
    advice="See in that account's trail what the session did: it can delete the policy of a bucket "
    "or a queue, and make or delete the root user's credentials.",
)

CONTROLS = (ROOT_MANAGEMENT_OFF, ROOT_SESSION)
