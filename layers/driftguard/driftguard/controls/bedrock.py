"""Bedrock: model invocations no longer logged, guardrails weakened."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.permissions import roles_in
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from .control import NOTHING, Busy, References, Trigger, partition_of, resource
from .mechanisms.declared import evident
from .mechanisms.removed import Removed
from .mechanisms.switch import Switch

_BEDROCK = "bedrock.amazonaws.com"
_ROLES = ("arn:{partition}:iam::{account}:role/*",)
# To write a guardrail that runs in other regions takes the permission on its profile, too.
# Source: Amazon Bedrock User Guide, "Permissions for using cross-Region inference with Amazon
# Bedrock Guardrails".
_GUARDRAILS = (
    "arn:{partition}:bedrock:{region}:{account}:guardrail/*",
    "arn:{partition}:bedrock:{region}:{account}:guardrail-profile/*",
)
_KEYS = ("arn:{partition}:kms:{region}:{account}:key/*",)
# Source: Amazon Bedrock API Reference, "UpdateGuardrail", errors.
_BUSY = (Busy("ConflictException"),)
# The API of the account's logging knows no resources.
_ACCOUNT = ("*",)


# ------------------------------------------------------------------------------- the logging


def _account(change: Change) -> Resource:
    return _logging_of(change.account, change.region)


def _accounts(reader: Reader) -> Iterator[Resource]:
    here = _logging_of(reader.account, reader.region)
    if _logging(here, reader)["exists"]:
        yield here


def _logging_of(account: str, region: str) -> Resource:
    """The logging of an account in a region. AWS has no ARN for it; this only names it."""
    arn = f"arn:{partition_of(region)}:bedrock:{region}:{account}:model-invocation-logging"
    return Resource("bedrock.invocation-logging", "logging", account, region, arn)


def _logging(_: Resource, reader: Reader) -> Document:
    found = reader.read("bedrock", "GetModelInvocationLoggingConfiguration")
    settings = mapping(document(found), "loggingConfig")
    return {"exists": True, "logging": settings} if settings else {"exists": False}


def _log_again(_: Resource, before: Document, _now: Document) -> tuple[Step, ...]:
    settings = before["logging"]
    put = Call(
        "bedrock",
        "PutModelInvocationLoggingConfiguration",
        {"loggingConfig": settings},
        on=(*_ACCOUNT, *roles_in(settings)),
    )
    delete = Call("bedrock", "DeleteModelInvocationLoggingConfiguration", {}, on=_ACCOUNT)
    return (Step(put, (delete,)),)


# ----------------------------------------------------------------------------- the guardrail

# GetGuardrail and UpdateGuardrail spell the same things differently: policy → its lists.
# Source: Amazon Bedrock API Reference, "GetGuardrail" and "UpdateGuardrail".
_POLICIES = {
    "topicPolicy": ("topics",),
    "contentPolicy": ("filters",),
    "wordPolicy": ("words", "managedWordLists"),
    "sensitiveInformationPolicy": ("piiEntities", "regexes"),
    "contextualGroundingPolicy": ("filters",),
    "automatedReasoningPolicy": (),
}
_PLAIN = ("name", "description", "blockedInputMessaging", "blockedOutputsMessaging")
_RANKS = {"NONE": 0, "LOW": 1, "ANONYMIZE": 1, "MEDIUM": 2, "HIGH": 3, "BLOCK": 3}
_STRICTNESS = (
    "action",
    "enabled",
    "inputAction",
    "inputEnabled",
    "inputStrength",
    "outputAction",
    "outputEnabled",
    "outputStrength",
    "threshold",
)


def _guardrail(change: Change) -> Resource | None:
    id_ = text(change.request, "guardrailIdentifier").rpartition("/")[2]
    if not id_:
        return None
    where = f"bedrock:{{region}}:{{account}}:guardrail/{id_}"
    return resource(change, "bedrock.guardrail", id_, where)


def _updated(change: Change) -> Iterator[Candidate]:
    for candidate in evident(_guardrail, "UpdateGuardrail")(change):
        yield Candidate(candidate.resource, Certainty.POSSIBLE)


def _guardrails(reader: Reader) -> Iterator[Resource]:
    for guardrail in map(document, reader.pages("bedrock", "ListGuardrails", "guardrails")):
        id_, arn = text(guardrail, "id"), text(guardrail, "arn")
        yield Resource("bedrock.guardrail", id_, reader.account, reader.region, arn)


def _draft(guardrail: Resource, reader: Reader) -> Document | None:
    """The guardrail's draft, in the words of UpdateGuardrail. Its versions never change."""
    found = reader.read(
        "bedrock",
        "GetGuardrail",
        guardrailIdentifier=guardrail.id,
        absent=("ResourceNotFoundException",),
    )
    return None if found is None else _as_asked(document(found))


def _as_asked(described: Document) -> Document:
    asked: dict[str, Json] = {name: described[name] for name in _PLAIN if described.get(name)}
    if key := text(described, "kmsKeyArn"):
        asked["kmsKeyId"] = key
    if profile := text(mapping(described, "crossRegionDetails"), "guardrailProfileArn"):
        asked["crossRegionConfig"] = {"guardrailProfileIdentifier": profile}
    for policy, lists in _POLICIES.items():
        if written := mapping(described, policy):
            renamed = (*lists, "tier")
            asked[f"{policy}Config"] = {
                f"{name}Config" if name in renamed else name: value
                for name, value in written.items()
                if value not in ([], None)
            }
    return asked


def _weakened(state: Document, baseline: Document | None) -> str:
    """The filters that the guardrail dropped, or applies less strictly than before."""
    now = dict(_rules(state))
    weak = [
        name for name, rule in _rules(baseline or {}) if name not in now or _laxer(now[name], rule)
    ]
    return f"the guardrail no longer stops, or less strictly: {', '.join(weak)}" if weak else ""


def _rules(guardrail: Document) -> Iterator[tuple[str, Document]]:
    """Every rule of a guardrail, by what it is about."""
    for policy, lists in _POLICIES.items():
        written = mapping(guardrail, f"{policy}Config")
        for name in lists:
            for rule in items(written.get(f"{name}Config")):
                yield f"{name} {_about(rule)}", rule
        for reasoning in _named(written.get("policies")):
            yield f"automated reasoning {reasoning}", {}


def _merged(state: Document, baseline: Document | None) -> Document | None:
    """The guardrail as it is now, with what the baseline had and it lost; the rest stays."""
    if baseline is None:
        return None
    policies: dict[str, Json] = {}
    for policy, lists in _POLICIES.items():
        name = f"{policy}Config"
        now, before = mapping(state, name), mapping(baseline, name)
        merged: dict[str, Json] = {**before, **now}
        for list_ in (f"{about}Config" for about in lists):
            if rules := _stricter(now.get(list_), before.get(list_)):
                merged[list_] = rules
        reasoning = [*_named(before.get("policies")), *_named(now.get("policies"))]
        if reasoning:
            merged["policies"] = list(dict.fromkeys(reasoning))
        if merged:
            policies[name] = merged
    return {**state, **policies}


def _stricter(now: Json, before: Json) -> list[Json]:
    """The rules of both lists; of a rule that is in both the stricter one."""
    there = {_about(rule): rule for rule in items(now)}
    was = {_about(rule): rule for rule in items(before)}
    kept = {
        about: there[about] if about in there and not _laxer(there[about], rule) else rule
        for about, rule in was.items()
    }
    return [*kept.values(), *(rule for about, rule in there.items() if about not in was)]


def _about(rule: Document) -> str:
    return text(rule, "name", "type", "text")


def _named(value: Json) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _laxer(now: Document, before: Document) -> bool:
    return any(_rank(now.get(key)) < _rank(before[key]) for key in _STRICTNESS if key in before)


def _rank(value: Json) -> float:
    if isinstance(value, (bool, int, float)):
        return float(value)
    return _RANKS.get(value, 3) if isinstance(value, str) else 3


def _put_guardrail(guardrail: Resource, state: Document) -> Call:
    parameters = {"guardrailIdentifier": guardrail.id, **state}
    profile = text(mapping(state, "crossRegionConfig"), "guardrailProfileIdentifier")
    beside = (arn for arn in (profile, text(state, "kmsKeyId")) if arn.startswith("arn:"))
    return Call("bedrock", "UpdateGuardrail", parameters, on=(guardrail.arn, *beside))


CONTROLS = (
    Switch(
        id="bedrock.guardrail-weakened",
        title="Guardrail weakened",
        severity=65,
        references=References(attack=("T1562.001",)),
        triggers=(Trigger(_BEDROCK, "UpdateGuardrail"), Trigger(_BEDROCK, "CreateGuardrail")),
        baselined=True,
        proven="stub",
        reads=("bedrock:GetGuardrail", "bedrock:ListGuardrails"),
        cuts=NOTHING,
        busy=_BUSY,
        writes={
            "bedrock:UpdateGuardrail": _GUARDRAILS,
            "kms:CreateGrant": _KEYS,
            "kms:Decrypt": _KEYS,
            "kms:DescribeKey": _KEYS,
            "kms:GenerateDataKey": _KEYS,
        },
        found_by=_guardrails,
        candidates=_updated,
        read=_draft,
        risky=_weakened,
        safe=_merged,
        put=_put_guardrail,
    ),
    Removed(
        id="bedrock.invocation-logging-off",
        title="Model invocations no longer logged",
        severity=70,
        cuts=NOTHING,
        references=References(attack=("T1562.008",)),
        triggers=(
            Trigger(_BEDROCK, "DeleteModelInvocationLoggingConfiguration"),
            Trigger(_BEDROCK, "PutModelInvocationLoggingConfiguration"),
        ),
        reads=("bedrock:GetModelInvocationLoggingConfiguration",),
        writes={
            "bedrock:DeleteModelInvocationLoggingConfiguration": _ACCOUNT,
            "bedrock:PutModelInvocationLoggingConfiguration": _ACCOUNT,
            "iam:PassRole": _ROLES,
        },
        found_by=_accounts,
        candidates=evident(_account, "DeleteModelInvocationLoggingConfiguration"),
        read=_logging,
        restore=_log_again,
        what="the logging of model invocations",
    ),
)
