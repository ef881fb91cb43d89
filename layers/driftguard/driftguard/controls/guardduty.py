"""GuardDuty: detectors switched off or deleted, findings hidden, addresses trusted."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of, resource
from .mechanisms.advice import Advice
from .mechanisms.declared import evident
from .mechanisms.switch import Switch
from .mechanisms.weakened import MADE, TOLD, Weakened, told, weaker_than_before

_GUARDDUTY = "guardduty.amazonaws.com"
_DETECTOR = "arn:{partition}:guardduty:{region}:{account}:detector/*"
_OWN_ROLE = (
    "arn:{partition}:iam::{account}:role/aws-service-role/guardduty.amazonaws.com/"
    "AWSServiceRoleForAmazonGuardDuty",
)
# GuardDuty's word for whatever it does not know.
_GONE = ("BadRequestException",)

# What UpdateDetector can switch; the foundational sources are always on.
# Source: Amazon GuardDuty API Reference, "DetectorFeatureConfiguration".
_ALWAYS_ON = frozenset({"CLOUD_TRAIL", "DNS_LOGS", "FLOW_LOGS"})
# The newer of these watches over EKS too, and AWS takes only one of the two.
# Sources: Amazon GuardDuty API Reference, "UpdateDetector"; Amazon GuardDuty User Guide, "Migrating
# from EKS Runtime Monitoring to Runtime Monitoring".
_RUNTIME, _EKS_RUNTIME = "RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"


def _detector(change: Change) -> Resource | None:
    detector = text(change.request, "detectorId")
    if not detector:
        return None
    where = f"guardduty:{{region}}:{{account}}:detector/{detector}"
    return resource(change, "guardduty.detector", detector, where)


def _detectors(reader: Reader) -> Iterator[Resource]:
    here = f"arn:{partition_of(reader.region)}:guardduty:{reader.region}:{reader.account}"
    for detector_id in reader.pages("guardduty", "ListDetectors", "DetectorIds"):
        arn = f"{here}:detector/{detector_id}"
        yield Resource("guardduty.detector", str(detector_id), reader.account, reader.region, arn)


# ------------------------------------------------------------------------------ the detector


def _updated(change: Change) -> Iterator[Candidate]:
    detector = _detector(change)
    if detector is None:
        return
    off = ["Enable"] if flag(change.request.get("enable")) is False else []
    off += [name for name, on in _switches(change.request.get("features")).items() if not on]
    off += [name for name, on in _sources(mapping(change.request, "dataSources")) if on is False]
    if off:
        yield told(detector, *off)
    elif omitted(change.request):
        yield Candidate(detector, Certainty.POSSIBLE)


def _switches(features: Json) -> dict[str, bool]:
    """Each feature and each part of one (`RUNTIME_MONITORING/ECS_FARGATE_…`), and if it is on."""
    found: dict[str, bool] = {}
    for feature in items(features):
        name = text(feature, "name", "Name")
        found[name] = text(feature, "status", "Status") != "DISABLED"
        parts = feature.get("additionalConfiguration") or feature.get("AdditionalConfiguration")
        for part in items(parts):
            on = text(part, "status", "Status") != "DISABLED"
            found[f"{name}/{text(part, 'name', 'Name')}"] = on
    return found


def _sources(asked: Document) -> Iterator[tuple[str, bool | None]]:
    """The features that the older parameter `dataSources` switches."""
    yield "S3_DATA_EVENTS", flag(mapping(asked, "s3Logs").get("enable"))
    audit = mapping(mapping(asked, "kubernetes"), "auditLogs")
    yield "EKS_AUDIT_LOGS", flag(audit.get("enable"))
    scan = mapping(mapping(asked, "malwareProtection"), "scanEc2InstanceWithFindings")
    yield "EBS_MALWARE_PROTECTION", flag(scan.get("ebsVolumes"))


def _state(detector: Resource, reader: Reader) -> Document | None:
    found = reader.read("guardduty", "GetDetector", DetectorId=detector.id, absent=_GONE)
    if found is None:
        return None
    told_now = document(found)
    switches = _switches(told_now.get("Features"))
    return {
        "Enable": text(told_now, "Status") == "ENABLED",
        MADE: text(told_now, "CreatedAt"),
        **{name: switches[name] for name in sorted(switches) if name not in _ALWAYS_ON},
    }


def _off(state: Document) -> dict[str, str]:
    return {
        name: "the detector is switched off" if name == "Enable" else f"{name} is switched off"
        for name, on in state.items()
        if on is False and not (_is_of_eks(name) and state.get(_RUNTIME))
    }


def _is_of_eks(name: str) -> bool:
    """Whether a feature, or a part of one, is the older runtime monitoring of EKS."""
    return name.partition("/")[0] == _EKS_RUNTIME


def _weaker(state: Document, baseline: Document | None) -> dict[str, str]:
    """Why the detector is weaker: it is off, or features that were on before are."""
    always = {name: why for name, why in _off(state).items() if name == "Enable"}
    return {**always, **weaker_than_before(_off)(state, baseline)}


def _update(detector: Resource, state: Document, names: tuple[str, ...]) -> Call:
    parameters: dict[str, Json] = {"DetectorId": detector.id}
    if "Enable" in names:
        parameters["Enable"] = state["Enable"]
    features: dict[str, dict[str, Json]] = {}
    for name in sorted(set(names) - {"Enable"}):
        if _is_of_eks(name) and (state.get(_RUNTIME) or _RUNTIME in names):
            continue
        feature, _, part = name.partition("/")
        asked = features.setdefault(feature, {"Name": feature, "Status": _word(state[feature])})
        if part:
            parts = asked.setdefault("AdditionalConfiguration", [])
            assert isinstance(parts, list)
            parts.append({"Name": part, "Status": _word(state[name])})
    if features:
        parameters["Features"] = list(features.values())
    return Call("guardduty", "UpdateDetector", parameters, on=(detector.arn,))


def _word(on: Json) -> str:
    return "ENABLED" if on else "DISABLED"


def _missing(detector: Resource, reader: Reader) -> Document | None:
    """The state of a deleted detector; None if the detector still exists."""
    found = reader.read("guardduty", "GetDetector", DetectorId=detector.id, absent=_GONE)
    return {"detector": detector.id} if found is None else None


def _alone(detector: Resource, reader: Reader) -> Document | None:
    """The state of a detector without administrator; None if the account still has one."""
    found = reader.read(
        "guardduty", "GetAdministratorAccount", DetectorId=detector.id, absent=_GONE
    )
    administrator = mapping(document(found), "Administrator")
    if text(administrator, "RelationshipStatus") == "Enabled":
        return None
    return {"detector": detector.id}


# ------------------------------------------------------------------------- filters and lists


def _part(change: Change, kind: str, name: str) -> Resource | None:
    detector = _detector(change)
    if detector is None or not name:
        return None
    arn = f"{detector.arn}/{kind}/{name}"
    return Resource(f"guardduty.{kind}", name, change.account, change.region, arn)


def _of(part: Resource) -> str:
    """The id of the detector that a filter or a list belongs to."""
    return part.arn.split("/")[1]


def _filtered(change: Change) -> Iterator[Candidate]:
    name = text(change.request, "filterName", "name") or text(change.response, "name")
    filter_ = _part(change, "filter", name)
    action = text(change.request, "action")
    if filter_ is None or action == "NOOP":
        return
    if action == "ARCHIVE":
        yield Candidate(filter_, Certainty.EVIDENT, {TOLD: ["action"]})
    elif change.name == "UpdateFilter" or omitted(change.request):
        yield Candidate(filter_, Certainty.POSSIBLE)


def _action(filter_: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "guardduty", "GetFilter", DetectorId=_of(filter_), FilterName=filter_.id, absent=_GONE
    )
    return None if found is None else {"action": text(document(found), "Action")}


def _set_action(filter_: Resource, state: Document) -> Call:
    named = {"DetectorId": _of(filter_), "FilterName": filter_.id}
    parameters = {**named, "Action": state["action"]}
    return Call("guardduty", "UpdateFilter", parameters, on=(filter_.arn,))


# The lists of trusted addresses, and those of addresses and domains that came after them: how the
# API calls each, and the parameter that names it.
# Source: Amazon GuardDuty User Guide, "Customizing threat detection with entity lists and IP
# address lists".
_IP_SET, _ENTITY_SET = "ipset", "trustedentityset"
_LISTS = {_IP_SET: ("IPSet", "IpSetId"), _ENTITY_SET: ("TrustedEntitySet", "TrustedEntitySetId")}


def _listed(change: Change) -> Iterator[Candidate]:
    kind = _ENTITY_SET if change.name.endswith("TrustedEntitySet") else _IP_SET
    parameter = _LISTS[kind][1]
    logged = parameter[:1].lower() + parameter[1:]
    id_ = text(change.request, logged) or text(change.response, logged)
    list_ = _part(change, kind, id_)
    active = flag(change.request.get("activate"))
    if list_ is not None and active:
        yield Candidate(list_, Certainty.EVIDENT, {TOLD: ["active"]})
    elif list_ is not None and active is None:
        yield Candidate(list_, Certainty.POSSIBLE)


def _active(list_: Resource, reader: Reader) -> Document | None:
    called, parameter = _LISTS[list_.kind.removeprefix("guardduty.")]
    named = {"DetectorId": _of(list_), parameter: list_.id}
    found = reader.read("guardduty", f"Get{called}", absent=_GONE, **named)
    status = text(document(found), "Status")
    if status in ("", "DELETED", "DELETE_PENDING"):
        return None
    return {"active": status in ("ACTIVE", "ACTIVATING")}


def _set_active(list_: Resource, state: Document) -> Call:
    called, parameter = _LISTS[list_.kind.removeprefix("guardduty.")]
    parameters = {"DetectorId": _of(list_), parameter: list_.id, "Activate": state["active"]}
    role = f"arn:{list_.partition}:iam::{list_.account}:role/{_OWN_ROLE[0].partition('role/')[2]}"
    return Call("guardduty", f"Update{called}", parameters, on=(list_.arn, role))


def _unless_told(state: Document, _: Document | None) -> str:
    """Asks where the record does not say that the change itself made it so."""
    return "" if TOLD in state else "it may have been so before: the record does not say"


CONTROLS = (
    Weakened(
        id="guardduty.disabled",
        title="GuardDuty switched off",
        severity=90,
        references=References(
            security_hub=("GuardDuty.1", "GuardDuty.10"), attack=("T1562.001", "T1562.008")
        ),
        triggers=(Trigger(_GUARDDUTY, "UpdateDetector"),),
        reads=("guardduty:GetDetector", "guardduty:ListDetectors"),
        writes={"guardduty:UpdateDetector": (_DETECTOR,)},
        found_by=_detectors,
        candidates=_updated,
        read=_state,
        weaker=_weaker,
        default={"Enable": True},
        in_itself=frozenset({"Enable"}),
        cuts=NOTHING,
        put=_update,
    ),
    Switch(
        id="guardduty.suppressed",
        title="GuardDuty findings hidden by a filter",
        severity=75,
        references=References(attack=("T1562.001",)),
        cuts=NOTHING,
        asks=_unless_told,
        triggers=(Trigger(_GUARDDUTY, "CreateFilter"), Trigger(_GUARDDUTY, "UpdateFilter")),
        reads=("guardduty:GetFilter",),
        writes={"guardduty:UpdateFilter": (f"{_DETECTOR}/filter/*",)},
        candidates=_filtered,
        read=_action,
        risky=lambda state, _: (
            "findings that match the filter are archived unseen"
            if state["action"] == "ARCHIVE"
            else ""
        ),
        safe=lambda state, _: {"action": "NOOP"},
        put=_set_action,
    ),
    Switch(
        id="guardduty.addresses-trusted",
        title="GuardDuty trusts a list of addresses",
        severity=75,
        references=References(attack=("T1562.001",)),
        cuts=NOTHING,
        asks=_unless_told,
        triggers=tuple(
            Trigger(_GUARDDUTY, f"{verb}{called}")
            for called, _ in _LISTS.values()
            for verb in ("Create", "Update")
        ),
        proven="stub",
        reads=("guardduty:GetIPSet", "guardduty:GetTrustedEntitySet"),
        writes={
            "guardduty:UpdateIPSet": (f"{_DETECTOR}/ipset/*",),
            "guardduty:UpdateTrustedEntitySet": (f"{_DETECTOR}/trustedentityset/*",),
            "iam:DeleteRolePolicy": _OWN_ROLE,
            "iam:PutRolePolicy": _OWN_ROLE,
        },
        candidates=_listed,
        read=_active,
        risky=lambda state, _: (
            "no findings are made for what is on the list" if state["active"] else ""
        ),
        safe=lambda state, _: {"active": False},
        put=_set_active,
    ),
    Advice(
        id="guardduty.deleted",
        title="GuardDuty detector deleted",
        severity=90,
        references=References(security_hub=("GuardDuty.1",), attack=("T1562.001",)),
        cuts=NOTHING,
        triggers=(Trigger(_GUARDDUTY, "DeleteDetector"), Trigger(_GUARDDUTY, "CreateDetector")),
        reads=("guardduty:GetDetector",),
        revert="a new detector has none of the old one's findings, filters, lists and members",
        candidates=evident(_detector, "DeleteDetector"),
        read=_missing,
        why="the detector was deleted, with its findings, filters and lists",
        advice="Create a detector, then its features, filters, lists and members anew.",
    ),
    Advice(
        id="guardduty.disassociated",
        title="Account left its GuardDuty administrator",
        severity=75,
        references=References(attack=("T1562.001",)),
        cuts=NOTHING,
        triggers=(
            Trigger(_GUARDDUTY, "DisassociateFromAdministratorAccount"),
            Trigger(_GUARDDUTY, "DisassociateFromMasterAccount"),
            Trigger(_GUARDDUTY, "AcceptAdministratorInvitation"),
        ),
        reads=("guardduty:GetAdministratorAccount",),
        revert="only the administrator's account can invite this one again",
        candidates=evident(
            _detector, "DisassociateFromAdministratorAccount", "DisassociateFromMasterAccount"
        ),
        read=_alone,
        why="the account no longer reports to its GuardDuty administrator",
        advice="Ask the administrator's account to invite this account again, and accept.",
    ),
)
