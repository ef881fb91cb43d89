"""The recorder, or its delivery channel, deleted.

A region has one recorder of the customer's and one channel, and each needs the other: a channel is
only made beside a recorder, and a recorder only starts with a channel. So both controls look at
both, and either of them brings back all that is missing.

Source: AWS Config API Reference, "PutDeliveryChannel", "StartConfigurationRecorder",
"DeleteDeliveryChannel".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, mapping, moment, text
from driftguard.model import Call, Change, Resource, Step

from ..control import NOTHING, Trigger, partition_of
from ..mechanisms.declared import evident
from ..mechanisms.removed import LEFT_OUT, Removed
from .recorder import (
    CHANNELS,
    CONFIG,
    NO_CHANNEL,
    NO_RECORDER,
    RECORDERS,
    REFERENCES,
    ROLES,
    configuration,
    on_recorder,
    put_recorder,
    recorder_named,
    recorder_of,
    recorders,
    set_recording,
)

# A recorder must be stopped before its channel can be deleted: one that was stopped so lately is
# started again with the rest.
_LATELY = timedelta(days=1)


def _channel(change: Change) -> Resource | None:
    name = text(change.request, "deliveryChannelName")
    return _channel_named(name, change.account, change.region) if name else None


def _channels(reader: Reader) -> Iterator[Resource]:
    found = document(reader.read("config", "DescribeDeliveryChannels"))
    for item in items(found.get("DeliveryChannels")):
        yield _channel_named(text(item, "name"), reader.account, reader.region)


def _channel_named(name: str, account: str, region: str) -> Resource:
    """A delivery channel. AWS has no ARN for one; this only names it in the record."""
    arn = f"arn:{partition_of(region)}:config:{region}:{account}:delivery-channel/{name}"
    return Resource("config.delivery-channel", name, account, region, arn)


def _whole(part: str) -> Callable[[Resource, Reader], Document]:
    """Reads both, and whether this part of them is there, under whatever name."""

    def read(_: Resource, reader: Reader) -> Document:
        recorder = next(iter(recorders(reader)), None)
        found = document(reader.read("config", "DescribeDeliveryChannels"))
        channel = next(items(found.get("DeliveryChannels")), None)
        both: Document = {
            "recorder": configuration(recorder, reader) if recorder else None,
            "channel": None if channel is None else dict(channel),
        }
        return {"exists": both[part] is not None, **both, **_status(recorder, reader)}

    return read


def _status(recorder: Resource | None, reader: Reader) -> Document:
    """Whether the recorder records, and whether it did until lately."""
    if recorder is None:
        return {"recording": False, "stopped_lately": False}
    found = reader.read(
        "config",
        "DescribeConfigurationRecorderStatus",
        ConfigurationRecorderNames=[recorder.id],
        absent=NO_RECORDER,
    )
    status = next(items(document(found).get("ConfigurationRecordersStatus")), {})
    stopped = moment(text(status, "lastStopTime"))
    lately = stopped is not None and datetime.now(UTC) - stopped < _LATELY
    return {"recording": flag(status.get("recording")) is True, "stopped_lately": lately}


def _made_again(part: Resource, before: Document, now: Document) -> tuple[Step, ...]:
    """Makes what is missing of the two, and starts the recorder if it recorded."""
    steps = []
    settings, channel = mapping(before, "recorder"), mapping(before, "channel")
    name = text(settings or mapping(now, "recorder"), "name")
    recorder = recorder_named(name, part.account, part.region)
    if settings and now["recorder"] is None:
        steps.append(Step(put_recorder(recorder, settings), (_delete_recorder(recorder),)))
    if channel and now["channel"] is None:
        steps.append(Step(_put_channel(channel), (_delete_channel(channel),)))
    recorded = before.get("recording") or before.get("stopped_lately")
    if name and recorded and not now["recording"]:
        start, stop = (set_recording(recorder, {"recording": on}) for on in (True, False))
        steps.append(Step(start, (stop,)))
    return tuple(steps)


def _delete_recorder(recorder: Resource) -> Call:
    parameters = {"ConfigurationRecorderName": recorder.id}
    on, operation = (on_recorder(recorder),), "DeleteConfigurationRecorder"
    return Call("config", operation, parameters, on=on, settled_by=NO_RECORDER)


def _put_channel(channel: Document) -> Call:
    return Call("config", "PutDeliveryChannel", {"DeliveryChannel": channel}, on=CHANNELS)


def _delete_channel(channel: Document) -> Call:
    parameters = {"DeliveryChannelName": channel["name"]}
    return Call("config", "DeleteDeliveryChannel", parameters, on=CHANNELS, settled_by=NO_CHANNEL)


_READS = (
    "config:DescribeConfigurationRecorderStatus",
    "config:DescribeConfigurationRecorders",
    "config:DescribeDeliveryChannels",
)
_WRITES = {
    "config:DeleteConfigurationRecorder": RECORDERS,
    "config:DeleteDeliveryChannel": CHANNELS,
    "config:PutConfigurationRecorder": RECORDERS,
    "config:PutDeliveryChannel": CHANNELS,
    "config:StartConfigurationRecorder": RECORDERS,
    "config:StopConfigurationRecorder": RECORDERS,
    "iam:PassRole": ROLES,
}

CONTROLS = (
    Removed(
        id="config.recorder-deleted",
        title="Configuration recorder deleted",
        severity=80,
        references=REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(CONFIG, "DeleteConfigurationRecorder"),
            Trigger(CONFIG, "StartConfigurationRecorder"),
        ),
        reads=_READS,
        writes=_WRITES,
        volatile=frozenset({LEFT_OUT, "stopped_lately"}),
        found_by=recorders,
        candidates=evident(recorder_of, "DeleteConfigurationRecorder"),
        read=_whole("recorder"),
        restore=_made_again,
        what="the configuration recorder",
    ),
    Removed(
        id="config.delivery-removed",
        title="Configuration delivery channel deleted",
        severity=75,
        references=REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(CONFIG, "DeleteDeliveryChannel"),
            Trigger(CONFIG, "PutDeliveryChannel"),
        ),
        reads=_READS,
        writes=_WRITES,
        volatile=frozenset({LEFT_OUT, "stopped_lately"}),
        found_by=_channels,
        candidates=evident(_channel, "DeleteDeliveryChannel"),
        read=_whole("channel"),
        restore=_made_again,
        what="the delivery channel",
    ),
)
