"""Instances: their metadata service, their protection from termination, their start-up script.

Sources: Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata",
"Change instance termination protection" and "Run commands when you launch an EC2 instance with user
data input".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from driftguard.aws.calls import Throttled, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Use

from ..control import NOTHING, Cuts, References, Settling
from ..mechanisms.advice import Advice
from ..mechanisms.switch import Switch
from .records import (
    BUSY,
    EVERY,
    any_of,
    found,
    inner,
    instance,
    instances,
    named,
    on,
    string,
    value,
)

_INSTANCE = (any_of("instance"),)

# ------------------------------------------------------------------------ the metadata service


def _sessionless(options: Document) -> bool:
    """Whether version 1 is answered: the service is on, and wants no token."""
    return (
        string(options, "httpTokens") == "optional"
        and string(options, "httpEndpoint") != "disabled"
    )


def _metadata_opened(change: Change) -> Iterable[Candidate]:
    if change.name == "RunInstances":
        for item in items(change.response.get("instancesSet")):
            options, id_ = inner(item, "metadataOptions"), text(item, "instanceId")
            if id_ and _sessionless(options):
                yield named(change, "instance", id_, Certainty.EVIDENT)
            elif id_ and not options:
                yield named(change, "instance", id_, Certainty.POSSIBLE)
        asked = inner(change.request, "metadataOptions")
        if omitted(change.response) and string(asked, "httpTokens") != "required":
            # So many were launched that the record leaves them out: all are looked at.
            yield named(change, "instance", EVERY, Certainty.POSSIBLE)
        return
    asked = inner(change.response, "instanceMetadataOptions") or change.request
    id_ = string(change.request, "instanceId")
    if id_ and (_sessionless(asked) or omitted(change.request)):
        certain = _sessionless(asked)
        yield named(change, "instance", id_, Certainty.EVIDENT if certain else Certainty.POSSIBLE)
    # Switched on again without a word about tokens: what was set before counts.
    elif id_ and string(asked, "httpEndpoint") == "enabled" and not string(asked, "httpTokens"):
        yield named(change, "instance", id_, Certainty.POSSIBLE)


def _metadata(resource: Resource, reader: Reader) -> Document | None:
    if resource.id == EVERY:
        asked = [{"Name": "metadata-options.http-tokens", "Values": ["optional"]}]
        ids = sorted(
            text(item, "InstanceId")
            for item in instances(reader, Filters=asked)
            if _sessionless(mapping(item, "MetadataOptions"))
        )
        return {"HttpTokens": "optional", "instances": list(ids)} if ids else None
    described = instance(reader, resource.id)
    if described is None:
        return None
    if text(mapping(described, "State"), "Name") == "pending":
        # Its options can be changed only once it runs: the record must come again.
        raise Throttled(f"instance {resource.id} is still starting")
    options = mapping(described, "MetadataOptions")
    names = (
        "HttpEndpoint",
        "HttpProtocolIpv6",
        "HttpPutResponseHopLimit",
        "HttpTokens",
        "InstanceMetadataTags",
    )
    return {name: options[name] for name in names if options.get(name) is not None}


def _put_metadata(resource: Resource, state: Document) -> Call:
    """Sets all options: AWS keeps those that a call leaves out, but emulators may not."""
    parameters: Document = {"InstanceId": resource.id, **state}
    return Call("ec2", "ModifyInstanceMetadataOptions", parameters, on=(resource.arn,))


def _asks_without_token(resource: Resource, state: Document, reader: Reader) -> Use:
    """Whether software on the instance was seen to ask without a token in the last day.

    At a hop limit of 1 no answer reaches a container, so that only people know whether there is
    one that needs it.
    Sources: Amazon EC2 User Guide, "Transition to using Instance Metadata Service Version 2" (the
    metric MetadataNoToken) and "Instance metadata options" (the hop limit, and containers).
    """
    if text(state, "HttpPutResponseHopLimit") == "1":
        return Use(unknown="do containers on it need its metadata? The hop limit is 1")
    now = datetime.now(UTC)
    answer = reader.read(
        "cloudwatch",
        "GetMetricStatistics",
        Namespace="AWS/EC2",
        MetricName="MetadataNoToken",
        Dimensions=[{"Name": "InstanceId", "Value": resource.id}],
        StartTime=now - timedelta(days=1),
        EndTime=now,
        Period=3600,
        Statistics=["Sum"],
    )
    points = list(items(document(answer).get("Datapoints")))
    asked = sum(float(text(point, "Sum") or 0) for point in points)
    if asked:
        return Use(f"its metadata was read {asked:.0f} times without a token in the last day")
    return NOT_IN_USE if points else Use(unknown=_CUTS_V1.question)


_CUTS_V1 = Cuts(
    "software that reads the instance's metadata without a token, and containers behind a hop",
    "the instance's metric MetadataNoToken, and its hop limit",
    "does software on it read its metadata without a token?",
)

METADATA_V1 = Switch(
    id="ec2.imdsv1-allowed",
    title="Instance metadata without a session token",
    severity=65,
    references=References(security_hub=("EC2.8", "AutoScaling.3"), attack=("T1552.005",)),
    triggers=(on("ModifyInstanceMetadataOptions"), on("RunInstances")),
    reads=("ec2:DescribeInstances",),
    reads_use=("cloudwatch:GetMetricStatistics",),
    writes={"ec2:ModifyInstanceMetadataOptions": _INSTANCE},
    cuts=_CUTS_V1,
    uses=_asks_without_token,
    settling=Settling(
        5 * 60,
        "the options are pending before they are applied (Amazon EC2 API Reference, "
        "InstanceMetadataOptionsResponse)",
    ),
    busy=BUSY,
    candidates=_metadata_opened,
    read=_metadata,
    risky=lambda state, _: (
        "the instance's metadata, its credentials among it, is given out without a session token"
        if _sessionless(state)
        else ""
    ),
    safe=lambda state, _: None if "instances" in state else {**state, "HttpTokens": "required"},
    put=_put_metadata,
    advice="Require tokens of those instances whose software can do without version 1.",
)

# ------------------------------------------------------------------------ termination


def _protection_removed(change: Change) -> Iterable[Candidate]:
    """The instance that may have lost protection; the baseline tells whether it had any."""
    id_ = string(change.request, "instanceId")
    asked = flag(value(change.request, "disableApiTermination"))
    if string(change.request, "attribute") == "disableApiTermination":
        asked = flag(value(change.request, "value"))
    if id_ and (asked is False or omitted(change.request)):
        yield named(change, "instance", id_, Certainty.POSSIBLE)


def _protection(resource: Resource, reader: Reader) -> Document | None:
    """Whether the instance is protected; None once it goes, for then nothing is to be protected."""
    if instance(reader, resource.id) is None:
        return None
    answer = reader.read(
        "ec2",
        "DescribeInstanceAttribute",
        InstanceId=resource.id,
        Attribute="disableApiTermination",
        absent=("InvalidInstanceID.NotFound",),
    )
    if answer is None:
        return None
    switch = mapping(document(answer), "DisableApiTermination")
    return {"protected": flag(switch.get("Value")) is True}


def _put_protection(resource: Resource, state: Document) -> Call:
    parameters: Document = {
        "InstanceId": resource.id,
        "DisableApiTermination": {"Value": state["protected"]},
    }
    return Call("ec2", "ModifyInstanceAttribute", parameters, on=(resource.arn,))


def _every_instance(reader: Reader) -> Iterable[Resource]:
    return (
        found(reader, "instance", text(described, "InstanceId")) for described in instances(reader)
    )


PROTECTION_OFF = Switch(
    id="ec2.termination-protection-off",
    title="Instance no longer protected from termination",
    severity=45,
    references=References(attack=("T1485", "T1489")),
    triggers=(on("ModifyInstanceAttribute"),),
    reads=("ec2:DescribeInstanceAttribute", "ec2:DescribeInstances"),
    writes={"ec2:ModifyInstanceAttribute": _INSTANCE},
    cuts=NOTHING,
    busy=BUSY,
    baselined=True,
    found_by=_every_instance,
    candidates=_protection_removed,
    read=_protection,
    risky=lambda state, baseline: (
        "the instance was protected from termination, and is no longer"
        if baseline is not None and baseline["protected"] and not state["protected"]
        else ""
    ),
    safe=lambda state, _: {"protected": True},
    put=_put_protection,
    guards=True,
)

# ------------------------------------------------------------------------ the start-up script


def _script_changed(change: Change) -> Iterable[Candidate]:
    """The instance whose script was set; the record redacts the script itself."""
    id_ = string(change.request, "instanceId")
    changed = value(change.request, "userData") is not None
    if id_ and (changed or string(change.request, "attribute") == "userData"):
        yield named(change, "instance", id_, Certainty.EVIDENT)


USER_DATA = Advice(
    id="ec2.user-data-changed",
    title="Start-up script of an instance changed",
    severity=70,
    references=References(attack=("T1059", "T1037"), stratus=("aws.execution.ec2-user-data",)),
    triggers=(on("ModifyInstanceAttribute"),),
    cuts=NOTHING,
    revert="CloudTrail hides the script from before, and the instance may have run the new one",
    candidates=_script_changed,
    why="the start-up script, which runs as root, was changed while the instance was stopped",
    advice="Compare the user data with the one in your templates before the instance starts.",
)

CONTROLS = (METADATA_V1, PROTECTION_OFF, USER_DATA)
