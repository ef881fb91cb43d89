"""Security Hub: switched off, or standards and controls of it disabled."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from .control import NOTHING, References, Settling, Trigger, resource
from .mechanisms.declared import evident
from .mechanisms.removed import LEFT_OUT, Removed
from .mechanisms.switch import Switch

# Its records spell members as the API does; an ARN may be encoded as it is in a request's path.
# Source: AWS Security Hub User Guide, "Logging Security Hub API calls with CloudTrail".
_SECURITYHUB = "securityhub.amazonaws.com"
# Everything of Security Hub is allowed on the hub: standards and controls are no IAM resources.
_HUB = ("arn:{partition}:securityhub:{region}:{account}:hub/default",)
# Batches of controls are no resource at all.
_ANY = ("*",)
_GONE = ("InvalidAccessException", "ResourceNotFoundException")
_REFERENCES = References(attack=("T1562.001",))


# Source: AWS Security Hub API Reference, "StandardsSubscription" (`StandardsStatus`).
_SETTLING = Settling(
    900,
    "a standard is pending while it is enabled and deleting while it is disabled "
    '(AWS Security Hub API Reference, "StandardsSubscription")',
)


def _asked(change: Change, name: str) -> Json:
    """A parameter of a request. Security Hub's are logged as its API spells them, in capitals.

    What stands in the path of a request is encoded. Source: AWS Security Hub User Guide, "Logging
    Security Hub API calls with CloudTrail"; inferred from the service's samples. The other spelling
    is read too, as most services are logged.
    """
    value = _of(change.request, name)
    if isinstance(value, (list, tuple)):
        return [unquote(item) if isinstance(item, str) else item for item in value]
    return unquote(value) if isinstance(value, str) else value


def _both(name: str) -> tuple[str, str]:
    """A member in both spellings."""
    return name, name[:1].lower() + name[1:]


def _of(logged: Document, name: str) -> Json:
    """A member in either spelling."""
    return next((logged[spelt] for spelt in _both(name) if spelt in logged), None)


def _hub_of(part: Resource) -> str:
    """The hub that a standard or a control belongs to."""
    return f"arn:{part.partition}:securityhub:{part.region}:{part.account}:hub/default"


# -------------------------------------------------------------------------------- the hub


def _hub(change: Change) -> Resource:
    where = "securityhub:{region}:{account}:hub/default"
    return resource(change, "securityhub.hub", "default", where)


def _hubs(reader: Reader) -> Iterator[Resource]:
    found = reader.read("securityhub", "DescribeHub", absent=_GONE)
    if found is not None:
        arn = text(document(found), "HubArn")
        yield Resource("securityhub.hub", "default", reader.account, reader.region, arn)


def _whole(hub: Resource, reader: Reader) -> Document:
    found = reader.read("securityhub", "DescribeHub", absent=_GONE)
    if found is None:
        return {"exists": False}
    hub_now = document(found)
    listed = reader.read(
        "securityhub", "ListTagsForResource", ResourceArn=text(hub_now, "HubArn"), absent=_GONE
    )
    tags = document(listed).get("Tags")
    named = tags if isinstance(tags, dict) else {}
    return {
        "exists": True,
        "generator": text(hub_now, "ControlFindingGenerator"),
        "new_controls": flag(hub_now.get("AutoEnableControls")) is not False,
        "tags": {name: value for name, value in named.items() if not name.startswith("aws:")},
        LEFT_OUT: [f"the tag {name}" for name in sorted(named) if name.startswith("aws:")],
        "standards": sorted(
            text(subscription, "StandardsArn") for subscription in _subscribed(reader)
        ),
    }


def _subscribed(reader: Reader) -> Iterator[Document]:
    """The subscriptions to standards that are in force, or about to be."""
    found = reader.pages("securityhub", "GetEnabledStandards", "StandardsSubscriptions")
    for subscription in map(document, found):
        if text(subscription, "StandardsStatus") != "DELETING":
            yield subscription


def _enabled_again(hub: Resource, before: Document, _now: Document) -> tuple[Step, ...]:
    parameters: Document = {"EnableDefaultStandards": False}
    if before["generator"]:
        parameters = {**parameters, "ControlFindingGenerator": before["generator"]}
    if before.get("tags"):
        parameters = {**parameters, "Tags": before["tags"]}
    enable = Call(
        "securityhub",
        "EnableSecurityHub",
        parameters,
        on=(hub.arn,),
        settled_by=("ResourceConflictException",),
    )
    disable = Call("securityhub", "DisableSecurityHub", {}, on=(hub.arn,), settled_by=_GONE)
    steps = [Step(enable, (disable,))]
    if before.get("new_controls") is False:
        # They are enabled unless this is said.
        asked: Document = {"AutoEnableControls": False}
        configure = Call("securityhub", "UpdateSecurityHubConfiguration", asked, on=(hub.arn,))
        steps.append(Step(configure, ()))
    standards = before["standards"]
    if isinstance(standards, (list, tuple)) and standards:
        requests = [{"StandardsArn": standard} for standard in standards]
        parameters = {"StandardsSubscriptionRequests": requests}
        steps.append(
            Step(Call("securityhub", "BatchEnableStandards", parameters, on=(hub.arn,)), ())
        )
    return tuple(steps)


# --------------------------------------------------------------------------- the standards


def _unsubscribed(change: Change) -> Iterator[Candidate]:
    """BatchDisableStandards; the counterpart BatchEnableStandards is no risk."""
    arns = _asked(change, "StandardsSubscriptionArns")
    if change.name != "BatchDisableStandards" or not isinstance(arns, (list, tuple)):
        return
    for arn in arns:
        if isinstance(arn, str) and ":subscription/" in arn:
            yield Candidate(
                Resource("securityhub.subscription", arn, change.account, change.region, arn),
                Certainty.EVIDENT,
            )


def _subscription(subscription: Resource, reader: Reader) -> Document | None:
    """Whether a standard is subscribed to. Its own ARN is found among all that there are."""
    if reader.read("securityhub", "DescribeHub", absent=_GONE) is None:
        return None
    name = subscription.arn.partition(":subscription/")[2]
    known = (
        text(document(standard), "StandardsArn")
        for standard in reader.pages("securityhub", "DescribeStandards", "Standards")
    )
    standard = next((arn for arn in known if arn.partition("/")[2] == name), "")
    if not standard:
        return None
    on = any(text(enabled, "StandardsArn") == standard for enabled in _subscribed(reader))
    return {"standard": standard, "enabled": on}


def _subscribe(subscription: Resource, state: Document) -> Call:
    on = (_hub_of(subscription),)
    if state["enabled"]:
        requests = [{"StandardsArn": state["standard"]}]
        parameters: Document = {"StandardsSubscriptionRequests": requests}
        return Call("securityhub", "BatchEnableStandards", parameters, on=on)
    parameters = {"StandardsSubscriptionArns": [subscription.arn]}
    return Call("securityhub", "BatchDisableStandards", parameters, on=on)


# ---------------------------------------------------------------------------- the controls


# The kind of a control's place in one standard, which has no ARN of its own.
_ASSOCIATION = "securityhub.association"


def _control_updated(change: Change) -> Iterator[Candidate]:
    """The controls that were disabled, in all of the standards that a batch names.

    Source: AWS Security Hub API Reference, "BatchUpdateStandardsControlAssociations", whose
    response lists what was refused.
    """
    if change.name == "BatchUpdateStandardsControlAssociations":
        refused = [
            _association(change, document(_of(one, "StandardsControlAssociationUpdate")))
            for one in items(_of(change.response, "UnprocessedAssociationUpdates"))
        ]
        for update in items(_of(change.request, "StandardsControlAssociationUpdates")):
            association = _association(change, update)
            if _of(update, "AssociationStatus") == "DISABLED" and association not in refused:
                yield Candidate(association, Certainty.EVIDENT)
        return
    arn, status = _asked(change, "StandardsControlArn"), _asked(change, "ControlStatus")
    if isinstance(arn, str) and arn and (status == "DISABLED" or omitted(change.request)):
        where = Resource("securityhub.control", arn, change.account, change.region, arn)
        yield Candidate(where, Certainty.EVIDENT)


def _association(change: Change, named: Document) -> Resource:
    """A control's place in one standard: `S3.1 of arn:…`, under the control's ARN."""
    id_, standard = text(named, *_both("SecurityControlId")), text(named, *_both("StandardsArn"))
    where = f"securityhub:{{region}}:{{account}}:security-control/{id_}"
    return resource(change, _ASSOCIATION, f"{id_} of {standard}", where)


def _in_standard(control: Resource) -> Document:
    """A control's place in a standard, as calls name it."""
    id_, _, standard = control.id.partition(" of ")
    return {"SecurityControlId": id_, "StandardsArn": standard}


def _associated(control: Resource, reader: Reader) -> Document | None:
    asked = [_in_standard(control)]
    answer = reader.read(
        "securityhub",
        "BatchGetStandardsControlAssociations",
        StandardsControlAssociationIds=asked,
        absent=_GONE,
    )
    found = next(items(document(answer).get("StandardsControlAssociationDetails")), None)
    if found is None:
        return None
    return {
        "enabled": text(found, "AssociationStatus") != "DISABLED",
        "reason": text(found, "UpdatedReason"),
    }


def _control(control: Resource, reader: Reader) -> Document | None:
    """Whether a control is checked; None when its standard is no longer subscribed to."""
    if control.kind == _ASSOCIATION:
        return _associated(control, reader)
    standard = control.arn.replace(":control/", ":subscription/").rpartition("/")[0]
    found = reader.pages(
        "securityhub",
        "DescribeStandardsControls",
        "Controls",
        StandardsSubscriptionArn=standard,
    )
    try:
        for described in map(document, found):
            if text(described, "StandardsControlArn") == control.arn:
                return {
                    "enabled": text(described, "ControlStatus") != "DISABLED",
                    "reason": text(described, "DisabledReason"),
                }
    except AwsError as error:
        if error.code not in _GONE:
            raise
    return None


def _set_control(control: Resource, state: Document) -> Call:
    status = "ENABLED" if state["enabled"] else "DISABLED"
    if control.kind == _ASSOCIATION:
        reason: Document = {"UpdatedReason": state["reason"]} if state["reason"] else {}
        update: Document = {**_in_standard(control), "AssociationStatus": status, **reason}
        return Call(
            "securityhub",
            "BatchUpdateStandardsControlAssociations",
            {"StandardsControlAssociationUpdates": [update]},
            on=(_hub_of(control), "*"),
        )
    parameters: Document = {"StandardsControlArn": control.arn, "ControlStatus": status}
    if state["reason"]:
        parameters = {**parameters, "DisabledReason": state["reason"]}
    return Call("securityhub", "UpdateStandardsControl", parameters, on=(_hub_of(control),))


_ENABLED_ANEW = (
    "All controls of a standard come back enabled: disable again those that had been disabled."
)

CONTROLS = (
    Removed(
        id="securityhub.disabled",
        title="Security Hub switched off",
        severity=80,
        references=_REFERENCES,
        triggers=(
            Trigger(_SECURITYHUB, "DisableSecurityHub"),
            Trigger(_SECURITYHUB, "EnableSecurityHub"),
        ),
        proven="stub",
        cuts=NOTHING,
        settling=_SETTLING,
        reads=(
            "securityhub:DescribeHub",
            "securityhub:GetEnabledStandards",
            "securityhub:ListTagsForResource",
        ),
        writes={
            "securityhub:BatchEnableStandards": _HUB,
            "securityhub:DisableSecurityHub": _HUB,
            "securityhub:EnableSecurityHub": _HUB,
            "securityhub:TagResource": _HUB,
            "securityhub:UpdateSecurityHubConfiguration": _HUB,
        },
        found_by=_hubs,
        candidates=evident(_hub, "DisableSecurityHub"),
        read=_whole,
        restore=_enabled_again,
        what="Security Hub's subscription",
        advice=_ENABLED_ANEW,
    ),
    Switch(
        id="securityhub.standard-disabled",
        title="Security Hub standard disabled",
        severity=65,
        cuts=NOTHING,
        settling=_SETTLING,
        advice=_ENABLED_ANEW,
        references=_REFERENCES,
        triggers=(
            Trigger(_SECURITYHUB, "BatchDisableStandards"),
            Trigger(_SECURITYHUB, "BatchEnableStandards"),
        ),
        proven="stub",
        reads=(
            "securityhub:DescribeHub",
            "securityhub:DescribeStandards",
            "securityhub:GetEnabledStandards",
        ),
        writes={
            "securityhub:BatchDisableStandards": _HUB,
            "securityhub:BatchEnableStandards": _HUB,
        },
        candidates=_unsubscribed,
        read=_subscription,
        risky=lambda state, _: "" if state["enabled"] else "the standard is no longer checked",
        safe=lambda state, _: {**state, "enabled": True},
        put=_subscribe,
    ),
    Switch(
        id="securityhub.control-disabled",
        title="Security Hub control disabled",
        severity=50,
        cuts=NOTHING,
        references=_REFERENCES,
        triggers=(
            Trigger(_SECURITYHUB, "UpdateStandardsControl"),
            Trigger(_SECURITYHUB, "BatchUpdateStandardsControlAssociations"),
        ),
        proven="stub",
        reads=(
            "securityhub:BatchGetStandardsControlAssociations",
            "securityhub:DescribeStandardsControls",
        ),
        writes={
            "securityhub:BatchUpdateStandardsControlAssociations": _ANY,
            "securityhub:UpdateStandardsControl": _HUB,
        },
        candidates=_control_updated,
        read=_control,
        risky=lambda state, _: "" if state["enabled"] else "the control is no longer checked",
        safe=lambda state, _: {"enabled": True, "reason": ""},
        put=_set_control,
    ),
)
