"""The configuration recorder: stopped, or narrowed."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.permissions import roles_in
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger, partition_of, resource
from ..mechanisms.declared import evident
from ..mechanisms.switch import Switch
from ..mechanisms.weakened import MADE, Weakened, told

CONFIG = "config.amazonaws.com"
RECORDERS = ("arn:{partition}:config:{region}:{account}:configuration-recorder/*",)
ROLES = ("arn:{partition}:iam::{account}:role/*",)
# The API of delivery channels knows no resources.
CHANNELS = ("*",)
NO_RECORDER = ("NoSuchConfigurationRecorderException",)
NO_CHANNEL = ("NoSuchDeliveryChannelException",)
REFERENCES = References(security_hub=("Config.1",), attack=("T1562.001", "T1562.008"))

# The name that AWS's services keep for recorders of their own.
# Source: AWS Config API Reference, "StartConfigurationRecorder".
_SERVICES_RECORDER = "AWSConfigurationRecorderFor"


def recorder_of(change: Change) -> Resource | None:
    name = text(change.request, "configurationRecorderName") or text(
        mapping(change.request, "configurationRecorder"), "name"
    )
    if not name or name.startswith(_SERVICES_RECORDER):
        return None
    return resource(change, "config.recorder", name, f"config:{{region}}:{{account}}:{_at(name)}")


def recorders(reader: Reader) -> Iterator[Resource]:
    """The account's own recorder; AWS's services manage theirs themselves."""
    found = document(reader.read("config", "DescribeConfigurationRecorders"))
    for item in items(found.get("ConfigurationRecorders")):
        name = text(item, "name")
        if not text(item, "servicePrincipal"):
            yield recorder_named(name, reader.account, reader.region)


def recorder_named(name: str, account: str, region: str) -> Resource:
    """The recorder of this name."""
    arn = f"arn:{partition_of(region)}:config:{region}:{account}:{_at(name)}"
    return Resource("config.recorder", name, account, region, arn)


def _at(name: str) -> str:
    """A recorder in an ARN, without the id that AWS adds and no record tells."""
    return f"configuration-recorder/{name}"


def on_recorder(recorder: Resource) -> str:
    return f"{recorder.arn}/*"


def recording(recorder: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "config",
        "DescribeConfigurationRecorderStatus",
        ConfigurationRecorderNames=[recorder.id],
        absent=NO_RECORDER,
    )
    channels = document(reader.read("config", "DescribeDeliveryChannels"))
    delivers = any(True for _ in items(channels.get("DeliveryChannels")))
    for item in items(document(found).get("ConfigurationRecordersStatus")):
        return {"recording": flag(item.get("recording")) is True, "channel": delivers}
    return None


def set_recording(recorder: Resource, state: Document) -> Call:
    operation = "StartConfigurationRecorder" if state["recording"] else "StopConfigurationRecorder"
    parameters = {"ConfigurationRecorderName": recorder.id}
    return Call("config", operation, parameters, on=(on_recorder(recorder),))


def configuration(recorder: Resource, reader: Reader) -> Document | None:
    """What the recorder records, and under which role."""
    found = reader.read(
        "config",
        "DescribeConfigurationRecorders",
        ConfigurationRecorderNames=[recorder.id],
        absent=NO_RECORDER,
    )
    ours = ("name", "roleARN", "recordingGroup", "recordingMode")
    for item in items(document(found).get("ConfigurationRecorders")):
        return {name: item[name] for name in ours if item.get(name) is not None}
    return None


def _since(recorder: Resource, reader: Reader) -> Document | None:
    """What the recorder records; one that never was started is only being made."""
    found = configuration(recorder, reader)
    if found is None:
        return None
    told_now = reader.read(
        "config",
        "DescribeConfigurationRecorderStatus",
        ConfigurationRecorderNames=[recorder.id],
        absent=NO_RECORDER,
    )
    status = next(items(document(told_now).get("ConfigurationRecordersStatus")), {})
    return found if text(status, "lastStartTime") else {**found, MADE: None}


def put_recorder(recorder: Resource, state: Document, _: tuple[str, ...] = ()) -> Call:
    on = (on_recorder(recorder), *roles_in(state))
    return Call("config", "PutConfigurationRecorder", {"ConfigurationRecorder": state}, on=on)


def _reconfigured(change: Change) -> Iterator[Candidate]:
    recorder = recorder_of(change)
    asked = mapping(change.request, "configurationRecorder")
    if recorder is None:
        return
    if not asked or omitted(change.request):
        yield Candidate(recorder, Certainty.POSSIBLE)
    elif _left_out(mapping(asked, "recordingGroup"), {"allSupported": True}):
        yield told(recorder, "recordingGroup")
    elif text(mapping(asked, "recordingMode"), "recordingFrequency") == "DAILY":
        yield Candidate(recorder, Certainty.POSSIBLE)


def _narrower(state: Document, baseline: Document | None) -> dict[str, str]:
    """What is recorded less, or less often, than before; without a baseline, than everything."""
    weak: dict[str, str] = {}
    known = state.get("told")
    if baseline is None and isinstance(known, list) and "recordingGroup" in known:
        before: Document = {"allSupported": True}
    else:
        before = mapping(baseline or {}, "recordingGroup")
    if gone := _left_out(mapping(state, "recordingGroup"), before):
        weak["recordingGroup"] = f"the recorder no longer records {gone}"
    often = mapping(baseline or {}, "recordingMode").get("recordingFrequency") == "CONTINUOUS"
    if often and mapping(state, "recordingMode").get("recordingFrequency") == "DAILY":
        weak["recordingMode"] = "the recorder records once a day, no longer at every change"
    return weak


def _left_out(group: Document, before: Document) -> str:
    """The resource types that a recording group no longer takes, in words."""
    types, excluded = _types(group)
    types_before, excluded_before = _types(before)
    if types_before is None and types is None:
        gone = sorted(excluded - excluded_before)
        whole = flag(before.get("includeGlobalResourceTypes"))
        if whole and flag(group.get("includeGlobalResourceTypes")) is False:
            gone.append("global resources such as IAM's")
        return ", ".join(gone)
    if types_before is None:
        return f"anything but {', '.join(sorted(types or ())) or 'nothing'}"
    gone_types = types_before & excluded if types is None else types_before - types
    return ", ".join(sorted(gone_types))


def _types(group: Document) -> tuple[set[str] | None, set[str]]:
    """The only types that are recorded (None for all), and those that are left out of all."""
    excluded = _names(mapping(group, "exclusionByResourceTypes").get("resourceTypes"))
    strategy = text(mapping(group, "recordingStrategy"), "useOnly")
    if strategy == "EXCLUSION_BY_RESOURCE_TYPES" or (excluded and not strategy):
        return None, excluded
    if flag(group.get("allSupported")) or strategy.startswith("ALL"):
        return None, set()
    return _names(group.get("resourceTypes")), set()


def _names(value: Json) -> set[str]:
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()


CONTROLS = (
    Switch(
        id="config.recorder-stopped",
        title="Configuration recorder stopped",
        severity=80,
        references=REFERENCES,
        triggers=(
            Trigger(CONFIG, "StopConfigurationRecorder"),
            Trigger(CONFIG, "StartConfigurationRecorder"),
        ),
        cuts=NOTHING,
        reads=(
            "config:DescribeConfigurationRecorderStatus",
            "config:DescribeConfigurationRecorders",
            "config:DescribeDeliveryChannels",
        ),
        found_by=recorders,
        writes={
            "config:StartConfigurationRecorder": RECORDERS,
            "config:StopConfigurationRecorder": RECORDERS,
        },
        candidates=evident(recorder_of, "StopConfigurationRecorder"),
        read=recording,
        risky=lambda state, _: "" if state["recording"] else "the recorder records nothing",
        safe=lambda state, _: {**state, "recording": True} if state["channel"] else None,
        advice="A recorder only starts with a delivery channel, and it has none: "
        "config.delivery-removed brings both back.",
        put=set_recording,
    ),
    Weakened(
        id="config.recording-narrowed",
        title="Configuration recorder narrowed",
        severity=70,
        references=REFERENCES,
        triggers=(Trigger(CONFIG, "PutConfigurationRecorder"),),
        cuts=NOTHING,
        reads=(
            "config:DescribeConfigurationRecorderStatus",
            "config:DescribeConfigurationRecorders",
        ),
        writes={"config:PutConfigurationRecorder": RECORDERS, "iam:PassRole": ROLES},
        found_by=recorders,
        candidates=_reconfigured,
        read=_since,
        weaker=_narrower,
        put=put_recorder,
    ),
)
