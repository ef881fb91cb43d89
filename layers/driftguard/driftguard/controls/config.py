"""AWS Config: the recorder stopped, narrowed or deleted, its channel or its rules deleted."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.permissions import roles_in
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource, Step

from .control import References, Trigger, partition_of, resource
from .mechanisms.declared import evident
from .mechanisms.removed import Removed
from .mechanisms.switch import Switch
from .mechanisms.weakened import Weakened, told

_CONFIG = "config.amazonaws.com"
_RECORDERS = ("arn:{partition}:config:{region}:{account}:configuration-recorder/*",)
_RULES = ("arn:{partition}:config:{region}:{account}:config-rule/*",)
_ROLES = ("arn:{partition}:iam::{account}:role/*",)
# The API of delivery channels knows no resources.
_CHANNELS = ("*",)
_NO_RECORDER = ("NoSuchConfigurationRecorderException",)
_NO_CHANNEL = ("NoSuchDeliveryChannelException",)
_NO_RULE = ("NoSuchConfigRuleException",)

# Names that AWS's services keep for the recorders and rules of their own.
# Sources: AWS Config API Reference, "StartConfigurationRecorder"; AWS Security Hub User Guide,
# "AWS Config rules used to generate control findings".
_SERVICES_RECORDER = "AWSConfigurationRecorderFor"
_SERVICES_RULE = "securityhub-"


# ------------------------------------------------------------------------------ the recorder


def _recorder(change: Change) -> Resource | None:
    name = text(change.request, "configurationRecorderName") or text(
        mapping(change.request, "configurationRecorder"), "name"
    )
    if not name or name.startswith(_SERVICES_RECORDER):
        return None
    return resource(change, "config.recorder", name, f"config:{{region}}:{{account}}:{_at(name)}")


def _recorders(reader: Reader) -> Iterator[Resource]:
    """The account's own recorder; AWS's services manage theirs themselves."""
    found = document(reader.read("config", "DescribeConfigurationRecorders"))
    for item in items(found.get("ConfigurationRecorders")):
        name, here = text(item, "name"), f"config:{reader.region}:{reader.account}"
        if not text(item, "servicePrincipal"):
            arn = f"arn:{partition_of(reader.region)}:{here}:{_at(name)}"
            yield Resource("config.recorder", name, reader.account, reader.region, arn)


def _at(name: str) -> str:
    """A recorder in an ARN, without the id that AWS adds and no record tells."""
    return f"configuration-recorder/{name}"


def _on(recorder: Resource) -> str:
    return f"{recorder.arn}/*"


def _recording(recorder: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "config",
        "DescribeConfigurationRecorderStatus",
        ConfigurationRecorderNames=[recorder.id],
        absent=_NO_RECORDER,
    )
    for item in items(document(found).get("ConfigurationRecordersStatus")):
        return {"recording": flag(item.get("recording")) is True}
    return None


def _set_recording(recorder: Resource, state: Document) -> Call:
    operation = "StartConfigurationRecorder" if state["recording"] else "StopConfigurationRecorder"
    parameters = {"ConfigurationRecorderName": recorder.id}
    return Call("config", operation, parameters, on=(_on(recorder),))


def _configuration(recorder: Resource, reader: Reader) -> Document | None:
    """What the recorder records, and under which role."""
    found = reader.read(
        "config",
        "DescribeConfigurationRecorders",
        ConfigurationRecorderNames=[recorder.id],
        absent=_NO_RECORDER,
    )
    ours = ("name", "roleARN", "recordingGroup", "recordingMode")
    for item in items(document(found).get("ConfigurationRecorders")):
        return {name: item[name] for name in ours if item.get(name) is not None}
    return None


def _put_recorder(recorder: Resource, state: Document, _: tuple[str, ...] = ()) -> Call:
    settings = {name: value for name, value in state.items() if name != "told"}
    on = (_on(recorder), *roles_in(settings))
    return Call("config", "PutConfigurationRecorder", {"ConfigurationRecorder": settings}, on=on)


def _reconfigured(change: Change) -> Iterator[Candidate]:
    recorder = _recorder(change)
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


def _whole_recorder(recorder: Resource, reader: Reader) -> Document:
    settings = _configuration(recorder, reader)
    if settings is None:
        return {"exists": False}
    recording = _recording(recorder, reader) or {"recording": False}
    return {"exists": True, "settings": settings, **recording}


def _recorder_again(recorder: Resource, before: Document) -> tuple[Step, ...]:
    parameters = {"ConfigurationRecorderName": recorder.id}
    delete = Call(
        "config",
        "DeleteConfigurationRecorder",
        parameters,
        on=(_on(recorder),),
        settled_by=_NO_RECORDER,
    )
    steps = [Step(_put_recorder(recorder, mapping(before, "settings")), (delete,))]
    if before["recording"]:
        steps.append(Step(_set_recording(recorder, before), ()))
    return tuple(steps)


# -------------------------------------------------------------------------------- the channel


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


def _whole_channel(channel: Resource, reader: Reader) -> Document:
    found = reader.read(
        "config",
        "DescribeDeliveryChannels",
        DeliveryChannelNames=[channel.id],
        absent=_NO_CHANNEL,
    )
    for item in items(document(found).get("DeliveryChannels")):
        return {"exists": True, "channel": dict(item)}
    return {"exists": False}


def _channel_again(channel: Resource, before: Document) -> tuple[Step, ...]:
    put = Call("config", "PutDeliveryChannel", {"DeliveryChannel": before["channel"]}, on=_CHANNELS)
    delete = Call(
        "config",
        "DeleteDeliveryChannel",
        {"DeliveryChannelName": channel.id},
        on=_CHANNELS,
        settled_by=_NO_CHANNEL,
    )
    return (Step(put, (delete,)),)


# ---------------------------------------------------------------------------------- the rules


def _rule(change: Change) -> Resource | None:
    name = text(change.request, "configRuleName")
    if not name or name.startswith(_SERVICES_RULE):
        return None
    return _rule_named(name, change.account, change.region)


def _rules(reader: Reader) -> Iterator[Resource]:
    for rule in map(document, reader.pages("config", "DescribeConfigRules", "ConfigRules")):
        if not text(rule, "CreatedBy"):
            yield _rule_named(text(rule, "ConfigRuleName"), reader.account, reader.region)


def _rule_named(name: str, account: str, region: str) -> Resource:
    """A rule by its name: the id in its real ARN is made anew when the rule is."""
    arn = f"arn:{partition_of(region)}:config:{region}:{account}:config-rule/{name}"
    return Resource("config.rule", name, account, region, arn)


def _whole_rule(rule: Resource, reader: Reader) -> Document:
    found = reader.read("config", "DescribeConfigRules", ConfigRuleNames=[rule.id], absent=_NO_RULE)
    made_by_aws = ("ConfigRuleArn", "ConfigRuleId", "ConfigRuleState", "CreatedBy")
    for item in items(document(found).get("ConfigRules")):
        if text(item, "ConfigRuleState") == "DELETING":
            continue
        listed = reader.read(
            "config", "ListTagsForResource", ResourceArn=text(item, "ConfigRuleArn")
        )
        tags = sorted(items(document(listed).get("Tags")), key=lambda tag: text(tag, "Key"))
        settings = {name: value for name, value in item.items() if name not in made_by_aws}
        return {"exists": True, "rule": settings, "tags": list(tags)}
    return {"exists": False}


def _rule_again(rule: Resource, before: Document) -> tuple[Step, ...]:
    # The rule gets a new id, and with it a new ARN.
    on = (f"{rule.arn.rpartition('/')[0]}/*",)
    tags: Document = {"Tags": before["tags"]} if before["tags"] else {}
    put = Call("config", "PutConfigRule", {"ConfigRule": before["rule"], **tags}, on=on)
    delete = Call(
        "config", "DeleteConfigRule", {"ConfigRuleName": rule.id}, on=on, settled_by=_NO_RULE
    )
    return (Step(put, (delete,)),)


_REFERENCES = References(security_hub=("Config.1",), attack=("T1562.001", "T1562.008"))

CONTROLS = (
    Switch(
        id="config.recorder-stopped",
        title="Configuration recorder stopped",
        severity=80,
        references=_REFERENCES,
        triggers=(
            Trigger(_CONFIG, "StopConfigurationRecorder"),
            Trigger(_CONFIG, "StartConfigurationRecorder"),
        ),
        reads=(
            "config:DescribeConfigurationRecorderStatus",
            "config:DescribeConfigurationRecorders",
        ),
        found_by=_recorders,
        writes={
            "config:StartConfigurationRecorder": _RECORDERS,
            "config:StopConfigurationRecorder": _RECORDERS,
        },
        candidates=evident(_recorder, "StopConfigurationRecorder"),
        read=_recording,
        risky=lambda state, _: "" if state["recording"] else "the recorder records nothing",
        safe=lambda state, _: {"recording": True},
        put=_set_recording,
    ),
    Weakened(
        id="config.recording-narrowed",
        title="Configuration recorder narrowed",
        severity=70,
        references=_REFERENCES,
        triggers=(Trigger(_CONFIG, "PutConfigurationRecorder"),),
        reads=("config:DescribeConfigurationRecorders",),
        writes={"config:PutConfigurationRecorder": _RECORDERS, "iam:PassRole": _ROLES},
        found_by=_recorders,
        candidates=_reconfigured,
        read=_configuration,
        weaker=_narrower,
        put=_put_recorder,
    ),
    Removed(
        id="config.recorder-deleted",
        title="Configuration recorder deleted",
        severity=80,
        references=_REFERENCES,
        triggers=(
            Trigger(_CONFIG, "DeleteConfigurationRecorder"),
            Trigger(_CONFIG, "StartConfigurationRecorder"),
        ),
        reads=(
            "config:DescribeConfigurationRecorderStatus",
            "config:DescribeConfigurationRecorders",
        ),
        writes={
            "config:DeleteConfigurationRecorder": _RECORDERS,
            "config:PutConfigurationRecorder": _RECORDERS,
            "config:StartConfigurationRecorder": _RECORDERS,
            "iam:PassRole": _ROLES,
        },
        found_by=_recorders,
        candidates=evident(_recorder, "DeleteConfigurationRecorder"),
        read=_whole_recorder,
        restore=_recorder_again,
        what="the configuration recorder",
    ),
    Removed(
        id="config.delivery-removed",
        title="Configuration delivery channel deleted",
        severity=75,
        references=_REFERENCES,
        triggers=(
            Trigger(_CONFIG, "DeleteDeliveryChannel"),
            Trigger(_CONFIG, "PutDeliveryChannel"),
        ),
        reads=("config:DescribeDeliveryChannels",),
        writes={
            "config:DeleteDeliveryChannel": _CHANNELS,
            "config:PutDeliveryChannel": _CHANNELS,
        },
        found_by=_channels,
        candidates=evident(_channel, "DeleteDeliveryChannel"),
        read=_whole_channel,
        restore=_channel_again,
        what="the delivery channel",
    ),
    Removed(
        id="config.rule-deleted",
        title="Config rule deleted",
        severity=60,
        references=_REFERENCES,
        triggers=(Trigger(_CONFIG, "DeleteConfigRule"),),
        reads=("config:DescribeConfigRules", "config:ListTagsForResource"),
        writes={
            "config:DeleteConfigRule": _RULES,
            "config:PutConfigRule": _RULES,
            "config:TagResource": _RULES,
        },
        found_by=_rules,
        candidates=evident(_rule, "DeleteConfigRule"),
        read=_whole_rule,
        restore=_rule_again,
        what="the rule",
    ),
)
