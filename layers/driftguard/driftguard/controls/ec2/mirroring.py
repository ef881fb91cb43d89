"""Traffic mirrored to where nobody agreed it should go.

Source: Amazon VPC Traffic Mirroring guide, "Traffic mirror sessions".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...aws import Reader, document
from ...model import (
    Call,
    Certainty,
    Change,
    Document,
    Facet,
    Json,
    Plan,
    Resource,
    Risk,
    Step,
    Suspect,
)
from ...trail import items, omitted, text
from ..control import Control, References
from .records import any_of, found, inner, named, on, string, tag_specifications

_SESSION = any_of("traffic-mirror-session")
_TARGET = any_of("traffic-mirror-target")
_FIELDS = (
    "TrafficMirrorSessionId",
    "TrafficMirrorTargetId",
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

    A session that the baseline has with another target is turned back to it; any other is deleted.
    """

    id = "ec2.traffic-mirror"
    title = "Traffic mirrored to an unlisted target"
    severity = 80
    references = References(attack=("T1020.001", "T1040"))
    triggers = (on("CreateTrafficMirrorSession"), on("ModifyTrafficMirrorSession"))
    reads = ("ec2:DescribeTrafficMirrorSessions",)
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
    volatile = frozenset({"TrafficMirrorSessionId"})
    baselined = True
    settings = TrafficMirrorSettings

    def screen(self, change: Change, settings: TrafficMirrorSettings) -> Iterable[Suspect]:
        target = string(change.request, "trafficMirrorTargetId")
        made = inner(change.response, "trafficMirrorSession")
        interface = string(change.request, "networkInterfaceId") or string(
            made, "networkInterfaceId"
        )
        if interface and target and target not in settings.allowed_targets:
            yield named(change, "network-interface", interface, Certainty.EVIDENT)
        elif interface and omitted(change.request):
            yield named(change, "network-interface", interface, Certainty.POSSIBLE)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        asked = [{"Name": "network-interface-id", "Values": [suspect.resource.id]}]
        sessions = [
            {name: one[name] for name in _FIELDS if one.get(name) not in (None, [])}
            for one in _sessions(reader, Filters=asked)
        ]
        return {"sessions": sorted(sessions, key=lambda one: text(one, "SessionNumber"))}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for interface in sorted({text(one, "NetworkInterfaceId") for one in _sessions(reader)}):
            yield found(reader, "network-interface", interface)

    def assess(
        self, state: Document, baseline: Document | None, settings: TrafficMirrorSettings
    ) -> Risk | None:
        unlisted = [text(one, "TrafficMirrorTargetId") for one in _unlisted(state, settings)]
        return Risk(f"traffic is mirrored to {', '.join(unlisted)}") if unlisted else None

    def plan(
        self,
        suspect: Suspect,
        facet: Facet,
        baseline: Document | None,
        settings: TrafficMirrorSettings,
    ) -> Plan:
        before = {
            text(one, "TrafficMirrorSessionId"): text(one, "TrafficMirrorTargetId")
            for one in items(baseline["sessions"] if baseline else ())
        }
        unlisted = _unlisted(facet.state, settings)
        steps = tuple(
            _turned(suspect.resource, one, back)
            if (back := before.get(text(one, "TrafficMirrorSessionId")))
            else _deleted(suspect.resource, one)
            for one in unlisted
        )
        kept = tuple(
            f"session {text(one, 'SessionNumber')} to {text(one, 'TrafficMirrorTargetId')}"
            for one in items(facet.state["sessions"])
            if one not in unlisted
        )
        return Plan(steps, kept=kept)


def _sessions(reader: Reader, **parameters: object) -> Iterable[Document]:
    pages = reader.pages(
        "ec2", "DescribeTrafficMirrorSessions", "TrafficMirrorSessions", **parameters
    )
    return map(document, pages)


def _unlisted(state: Document, settings: TrafficMirrorSettings) -> list[Document]:
    return [
        one
        for one in items(state["sessions"])
        if text(one, "TrafficMirrorTargetId") not in settings.allowed_targets
    ]


def _arn(interface: Resource, kind: str, id_: str) -> str:
    return f"{interface.arn.rpartition(':')[0]}:{kind}/{id_}"


def _turned(interface: Resource, session: Document, target: str) -> Step:
    id_, now = text(session, "TrafficMirrorSessionId"), text(session, "TrafficMirrorTargetId")

    def turn_to(other: str) -> Call:
        parameters: Document = {"TrafficMirrorSessionId": id_, "TrafficMirrorTargetId": other}
        where = (
            _arn(interface, "traffic-mirror-session", id_),
            _arn(interface, "traffic-mirror-target", other),
        )
        return Call("ec2", "ModifyTrafficMirrorSession", parameters, on=where)

    return Step(turn_to(target), (turn_to(now),))


def _deleted(interface: Resource, session: Document) -> Step:
    id_ = text(session, "TrafficMirrorSessionId")
    delete = Call(
        "ec2",
        "DeleteTrafficMirrorSession",
        {"TrafficMirrorSessionId": id_},
        on=(_arn(interface, "traffic-mirror-session", id_),),
        settled_by=("InvalidTrafficMirrorSessionId.NotFound",),
    )
    told: dict[str, Json] = {
        name: session[name] for name in _FIELDS[1:-1] if session.get(name) is not None
    }
    create = Call(
        "ec2",
        "CreateTrafficMirrorSession",
        {**told, **tag_specifications("traffic-mirror-session", session.get("Tags"))},
        on=(
            interface.arn,
            _arn(interface, "traffic-mirror-filter", text(session, "TrafficMirrorFilterId")),
            _arn(interface, "traffic-mirror-session", "*"),
            _arn(interface, "traffic-mirror-target", text(session, "TrafficMirrorTargetId")),
        ),
    )
    return Step(delete, (create,))


CONTROLS = (TrafficMirrored(),)
