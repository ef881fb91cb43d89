"""Amazon Inspector: scans switched off, findings suppressed."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Settling, Trigger, partition_of
from .mechanisms.declared import listed, not_done
from .mechanisms.switch import Switch
from .mechanisms.weakened import TOLD, Weakened, told, weaker_than_before

_INSPECTOR = "inspector2.amazonaws.com"
# Inspector's switches know no resources.
_ACCOUNT = ("*",)
_FILTERS = ("arn:{partition}:inspector2:{region}:{account}:owner/*/filter/*",)
# What can be scanned, and how an account's state spells it.
# Source: Amazon Inspector API Reference, "ResourceState".
_SCANS = {
    "EC2": "ec2",
    "ECR": "ecr",
    "LAMBDA": "lambda",
    "LAMBDA_CODE": "lambdaCode",
    "CODE_REPOSITORY": "codeRepository",
}


def _account(id_: str, account: str, region: str) -> Resource:
    """The scans of an account, which an administrator may switch for its members too."""
    arn = f"arn:{partition_of(region)}:inspector2:{region}:{account}:account/{id_}"
    return Resource("inspector.account", id_, account, region, arn)


def _disabled(change: Change) -> Iterator[Candidate]:
    if change.name != "Disable":
        return
    types = [str(type_) for type_ in listed(change.request, "resourceTypes")] or [*_SCANS]
    refused = not_done(change.response, "failedAccounts", "accountId")
    for id_ in listed(change.request, "accountIds") or [change.account]:
        if str(id_) not in refused:
            yield told(_account(str(id_), change.account, change.region), *types)


def _accounts(reader: Reader) -> Iterator[Resource]:
    here = _account(reader.account, reader.account, reader.region)
    if _scans(here, reader) is not None:
        yield here


def _scans(account: Resource, reader: Reader) -> Document | None:
    """Each scan, and whether it is on; None where Inspector does not know the account."""
    found = document(reader.read("inspector2", "BatchGetAccountStatus", accountIds=[account.id]))
    told_now = next(items(found.get("accounts")), None)
    if told_now is None:
        return None
    states = mapping(told_now, "resourceState")
    return {
        type_: text(mapping(states, key), "status") in ("ENABLED", "ENABLING")
        for type_, key in _SCANS.items()
        if key in states
    }


def _off(state: Document) -> dict[str, str]:
    return {type_: f"{type_} is no longer scanned" for type_ in _SCANS if state.get(type_) is False}


def _switch(account: Resource, state: Document, names: tuple[str, ...]) -> Call:
    operation = "Enable" if state[names[0]] else "Disable"
    parameters = {"accountIds": [account.id], "resourceTypes": sorted(names)}
    return Call("inspector2", operation, parameters, on=_ACCOUNT)


DISABLED = Weakened(
    id="inspector.disabled",
    title="Inspector's scans switched off",
    severity=75,
    cuts=NOTHING,
    settling=Settling(
        900,
        "scans are enabling or disabling for a while "
        '(Amazon Inspector API Reference, "State", `status`)',
    ),
    references=References(
        security_hub=("Inspector.1", "Inspector.2", "Inspector.3", "Inspector.4"),
        attack=("T1562.001",),
    ),
    triggers=(Trigger(_INSPECTOR, "Disable"), Trigger(_INSPECTOR, "Enable")),
    reads=("inspector2:BatchGetAccountStatus",),
    writes={"inspector2:Disable": _ACCOUNT, "inspector2:Enable": _ACCOUNT},
    found_by=_accounts,
    candidates=_disabled,
    read=_scans,
    weaker=weaker_than_before(_off),
    put=_switch,
)


# -------------------------------------------------------------------------------- its filters


def _filtered(change: Change) -> Iterator[Candidate]:
    arn = text(change.request, "filterArn") or text(change.response, "arn")
    action = text(change.request, "action")
    if not arn or action == "NONE":
        return
    filter_ = Resource("inspector.filter", arn, change.account, change.region, arn)
    if action == "SUPPRESS":
        yield Candidate(filter_, Certainty.EVIDENT, {TOLD: ["action"]})
    elif change.name == "UpdateFilter" or omitted(change.request):
        yield Candidate(filter_, Certainty.POSSIBLE)


def _action(filter_: Resource, reader: Reader) -> Document | None:
    found = reader.pages("inspector2", "ListFilters", "filters", arns=[filter_.arn])
    return next(({"action": str(one["action"])} for one in found), None)


def _set_action(filter_: Resource, state: Document) -> Call:
    parameters = {"filterArn": filter_.arn, "action": state["action"]}
    return Call("inspector2", "UpdateFilter", parameters, on=(filter_.arn,))


SUPPRESSED = Switch(
    id="inspector.suppressed",
    title="Inspector's findings suppressed by a filter",
    severity=65,
    cuts=NOTHING,
    references=References(attack=("T1562.001",)),
    asks=lambda state, _: (
        "" if TOLD in state else "it may have been so before: the record does not say"
    ),
    triggers=(Trigger(_INSPECTOR, "CreateFilter"), Trigger(_INSPECTOR, "UpdateFilter")),
    proven="stub",
    reads=("inspector2:ListFilters",),
    writes={"inspector2:UpdateFilter": _FILTERS},
    candidates=_filtered,
    read=_action,
    risky=lambda state, _: (
        "findings that match the filter are suppressed unseen"
        if state["action"] == "SUPPRESS"
        else ""
    ),
    safe=lambda state, _: {"action": "NONE"},
    put=_set_action,
)

CONTROLS = (DISABLED, SUPPRESSED)
