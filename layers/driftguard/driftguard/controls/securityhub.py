"""Security Hub: switched off, or standards and controls of it disabled."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from .control import References, Trigger, resource
from .mechanisms.declared import evident
from .mechanisms.removed import Removed
from .mechanisms.switch import Switch

_SECURITYHUB = "securityhub.amazonaws.com"
# Everything of Security Hub is allowed on the hub: standards and controls are no IAM resources.
_HUB = ("arn:{partition}:securityhub:{region}:{account}:hub/default",)
_GONE = ("InvalidAccessException", "ResourceNotFoundException")
_REFERENCES = References(attack=("T1562.001",))


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
    return {
        "exists": True,
        "generator": text(document(found), "ControlFindingGenerator"),
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


def _enabled_again(hub: Resource, before: Document) -> tuple[Step, ...]:
    parameters: Document = {"EnableDefaultStandards": False}
    if before["generator"]:
        parameters = {**parameters, "ControlFindingGenerator": before["generator"]}
    enable = Call(
        "securityhub",
        "EnableSecurityHub",
        parameters,
        on=(hub.arn,),
        settled_by=("ResourceConflictException",),
    )
    disable = Call("securityhub", "DisableSecurityHub", {}, on=(hub.arn,), settled_by=_GONE)
    steps = [Step(enable, (disable,))]
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
    arns = change.request.get("standardsSubscriptionArns")
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


def _control_updated(change: Change) -> Iterator[Candidate]:
    arn = text(change.request, "standardsControlArn")
    status = text(change.request, "controlStatus")
    if arn and (status == "DISABLED" or omitted(change.request)):
        where = Resource("securityhub.control", arn, change.account, change.region, arn)
        yield Candidate(where, Certainty.EVIDENT)


def _control(control: Resource, reader: Reader) -> Document | None:
    """Whether a control is checked; None when its standard is no longer subscribed to."""
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
    parameters: Document = {"StandardsControlArn": control.arn, "ControlStatus": status}
    if state["reason"]:
        parameters = {**parameters, "DisabledReason": state["reason"]}
    return Call("securityhub", "UpdateStandardsControl", parameters, on=(_hub_of(control),))


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
        reads=("securityhub:DescribeHub", "securityhub:GetEnabledStandards"),
        writes={
            "securityhub:BatchEnableStandards": _HUB,
            "securityhub:DisableSecurityHub": _HUB,
            "securityhub:EnableSecurityHub": _HUB,
        },
        found_by=_hubs,
        candidates=evident(_hub, "DisableSecurityHub"),
        read=_whole,
        restore=_enabled_again,
        what="Security Hub's subscription",
    ),
    Switch(
        id="securityhub.standard-disabled",
        title="Security Hub standard disabled",
        severity=65,
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
        references=_REFERENCES,
        triggers=(Trigger(_SECURITYHUB, "UpdateStandardsControl"),),
        proven="stub",
        reads=("securityhub:DescribeStandardsControls",),
        writes={"securityhub:UpdateStandardsControl": _HUB},
        candidates=_control_updated,
        read=_control,
        risky=lambda state, _: "" if state["enabled"] else "the control is no longer checked",
        safe=lambda state, _: {"enabled": True, "reason": ""},
        put=_set_control,
    ),
)
