"""Traffic mirrored to a target that the policy does not allow.

Source: Amazon VPC Traffic Mirroring guide, "Traffic mirror sessions".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import NOTHING, Control, References
from .records import (
    BUSY,
    RESERVED,
    any_of,
    found,
    inner,
    named,
    on,
    reserved_in_words,
    string,
    tag_specifications,
    tags_told,
)

_SESSION = any_of("traffic-mirror-session")
# A target that is shared by RAM is its owner's.
_TARGET = "arn:{partition}:ec2:{region}:*:traffic-mirror-target/*"
_SESSION_ID, _TARGET_ID = "TrafficMirrorSessionId", "TrafficMirrorTargetId"
_FIELDS = (
    _SESSION_ID,
    _TARGET_ID,
    "TrafficMirrorFilterId",
    "NetworkInterfaceId",
    "SessionNumber",
    "VirtualNetworkId",
    "PacketLength",
    "Description",
    "Tags",
)


@dataclass(frozen=True, slots=True)
class TrafficMirrorSettings:
    """`allowed_targets`: traffic mirror targets (`tmt-…`) that may be sent any traffic."""

    allowed_targets: tuple[str, ...] = ()


class TrafficMirrored(Control[TrafficMirrorSettings]):
    """A network interface's traffic is copied to a target that is on nobody's list.

    It judges the sessions to the target that the record names, and those that the baseline does
    not have: a session that was mirrored before, on purpose, is left alone. A session that the
    baseline has with another target is turned back to it; any other is deleted.
    """

    id = "ec2.traffic-mirror"
    title = "Traffic mirrored to an unlisted target"
    severity = 80
    references = References(attack=("T1020.001", "T1040"))
    triggers = (on("CreateTrafficMirrorSession"), on("ModifyTrafficMirrorSession"))
    reads = ("ec2:DescribeTrafficMirrorSessions", "ec2:DescribeTrafficMirrorTargets")
    writes = {
        "ec2:CreateTrafficMirrorSession": (
            any_of("network-interface"),
            any_of("traffic-mirror-filter"),
            _SESSION,
            _TARGET,
        ),
        "ec2:DeleteTrafficMirrorSession": (_SESSION,),
        "ec2:ModifyTrafficMirrorSession": (_SESSION, _TARGET),
        "ec2:CreateTags": (_SESSION,),
    }
    cuts = NOTHING
    busy = BUSY
    volatile = frozenset({_SESSION_ID, RESERVED})
    baselined = True
    settings = TrafficMirrorSettings

    def screen(self, change: Change, settings: TrafficMirrorSettings) -> Iterable[Candidate]:
        target = string(change.request, "trafficMirrorTargetId")
        made = inner(change.response, "trafficMirrorSession")
        interface = string(change.request, "networkInterfaceId") or string(
            made, "networkInterfaceId"
        )
        if interface and target and target not in settings.allowed_targets:
            hint: Document = {"asked": target}
            yield named(change, "network-interface", interface, Certainty.EVIDENT, hint)
        elif interface and omitted(change.request):
            yield named(change, "network-interface", interface, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        asked = [{"Name": "network-interface-id", "Values": [candidate.resource.id]}]
        sessions: list[Document] = [
            _fields_of(session) for session in _sessions(reader, Filters=asked)
        ]
        sessions.sort(key=lambda session: text(session, "SessionNumber"))
        targets = {text(session, _TARGET_ID) for session in sessions}
        owners = _owners(reader, sorted(targets))
        return {**candidate.hint, "sessions": list(sessions), "owners": owners}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for interface in sorted(
            {text(session, "NetworkInterfaceId") for session in _sessions(reader)}
        ):
            yield found(reader, "network-interface", interface)

    def assess(
        self, state: Document, baseline: Document | None, settings: TrafficMirrorSettings
    ) -> Finding | None:
        new = [text(session, _TARGET_ID) for session in _new(state, baseline, settings)]
        return Finding(f"traffic is mirrored to {', '.join(new)}") if new else None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrafficMirrorSettings,
    ) -> Plan:
        before, new = _known(baseline), _new(observation.state, baseline, settings)
        steps = tuple(
            _turned(candidate.resource, observation.state, session, back)
            if (back := before.get(text(session, _SESSION_ID)))
            else _deleted(candidate.resource, observation.state, session)
            for session in new
        )
        untouched = tuple(
            f"session {text(item, 'SessionNumber')} to {text(item, _TARGET_ID)}"
            for item in items(observation.state["sessions"])
            if item not in new
        )
        return Plan(steps, untouched=untouched, advice=reserved_in_words(new))


def _sessions(reader: Reader, **parameters: object) -> Iterable[Document]:
    pages = reader.pages(
        "ec2", "DescribeTrafficMirrorSessions", "TrafficMirrorSessions", **parameters
    )
    return map(document, pages)


def _fields_of(session: Document) -> Document:
    kept = {name: session[name] for name in _FIELDS if session.get(name) not in (None, [])}
    return {**kept, **tags_told(session)} if session.get("Tags") else kept


def _owners(reader: Reader, targets: list[str]) -> Document:
    """Each target's owner: another account may share it. A target that is gone has none.

    Source: Amazon EC2 API Reference, "TrafficMirrorTarget" (`OwnerId`).
    """
    if not targets:
        return {}
    asked = [{"Name": "traffic-mirror-target-id", "Values": targets}]
    pages = reader.pages(
        "ec2", "DescribeTrafficMirrorTargets", "TrafficMirrorTargets", Filters=asked
    )
    found = map(document, pages)
    return {text(target, _TARGET_ID): text(target, "OwnerId") for target in found}


def _target(interface: Resource, state: Document, id_: str) -> str:
    """A target's ARN, which its owner's account is part of; any account where nobody tells."""
    owner = text(mapping(state, "owners"), id_) or "*"
    prefix = interface.arn.split(":")
    return f"{':'.join(prefix[:4])}:{owner}:traffic-mirror-target/{id_}"


def _known(baseline: Document | None) -> dict[str, str]:
    """The sessions of the baseline, each with its target."""
    sessions = items(baseline["sessions"] if baseline else ())
    return {text(session, _SESSION_ID): text(session, _TARGET_ID) for session in sessions}


def _new(
    state: Document, baseline: Document | None, settings: TrafficMirrorSettings
) -> list[Document]:
    """The sessions that are new, and lead to a target on nobody's list."""
    known = _known(baseline)
    return [
        item
        for item in items(state["sessions"])
        if (target := text(item, _TARGET_ID)) not in settings.allowed_targets
        and known.get(text(item, _SESSION_ID)) != target
        and (baseline is not None or target == state.get("asked"))
    ]


def _arn(interface: Resource, kind: str, id_: str) -> str:
    return f"{interface.arn.rpartition(':')[0]}:{kind}/{id_}"


def _turned(interface: Resource, state: Document, session: Document, target: str) -> Step:
    id_, now = text(session, _SESSION_ID), text(session, _TARGET_ID)

    def turn_to(other: str) -> Call:
        parameters: Document = {_SESSION_ID: id_, _TARGET_ID: other}
        where = (
            _arn(interface, "traffic-mirror-session", id_),
            _target(interface, state, other),
        )
        return Call("ec2", "ModifyTrafficMirrorSession", parameters, on=where)

    return Step(turn_to(target), (turn_to(now),))


def _deleted(interface: Resource, state: Document, session: Document) -> Step:
    id_ = text(session, _SESSION_ID)
    delete = Call(
        "ec2",
        "DeleteTrafficMirrorSession",
        {_SESSION_ID: id_},
        on=(_arn(interface, "traffic-mirror-session", id_),),
        settled_by=("InvalidTrafficMirrorSessionId.NotFound",),
    )
    parameters: dict[str, Json] = {
        name: session[name] for name in _FIELDS[1:-1] if session.get(name) is not None
    }
    create = Call(
        "ec2",
        "CreateTrafficMirrorSession",
        {**parameters, **tag_specifications("traffic-mirror-session", session.get("Tags"))},
        on=(
            interface.arn,
            _arn(interface, "traffic-mirror-filter", text(session, "TrafficMirrorFilterId")),
            _arn(interface, "traffic-mirror-session", "*"),
            _target(interface, state, text(session, _TARGET_ID)),
        ),
    )
    return Step(delete, (create,))


CONTROLS = (TrafficMirrored(),)
