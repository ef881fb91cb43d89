"""Writes a decision, or what a sweep found, as an OCSF Detection Finding for Security Lake.

Source: Open Cybersecurity Schema Framework 1.1.0, class Detection Finding (2004) with the profile
`cloud`; times are milliseconds since 1970.
"""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from ipaddress import ip_address

from driftguard.channels.wording import said
from driftguard.documents import Json, digest
from driftguard.model import Decision, Resource, Status

_VERSION = "1.1.0"
_CLASS, _CATEGORY = 2004, 2
_CREATE, _UPDATE, _CLOSE = 1, 2, 3
_ACTIVITY = {_CREATE: "Create", _UPDATE: "Update", _CLOSE: "Close"}
_NEW, _IN_PROGRESS, _SUPPRESSED, _RESOLVED = 1, 2, 3, 4
_STATUS = {
    _NEW: "New",
    _IN_PROGRESS: "In Progress",
    _SUPPRESSED: "Suppressed",
    _RESOLVED: "Resolved",
}
_RULE = 1
# From this severity on: OCSF's id and name.
_SEVERITIES = ((90, 5, "Critical"), (70, 4, "High"), (40, 3, "Medium"), (1, 2, "Low"))

# Where a decision stands: what was done to the finding, and where that leaves it.
_STANDS = {
    Status.OBSERVED: (_CREATE, _NEW),
    Status.EXEMPTED: (_CLOSE, _SUPPRESSED),
    Status.ASKED: (_CREATE, _IN_PROGRESS),
    Status.APPROVED: (_UPDATE, _IN_PROGRESS),
    Status.DENIED: (_CLOSE, _SUPPRESSED),
    Status.EXPIRED: (_CLOSE, _SUPPRESSED),
    Status.REVERTING: (_UPDATE, _IN_PROGRESS),
    Status.REVERTED: (_CLOSE, _RESOLVED),
    Status.FAILED: (_UPDATE, _IN_PROGRESS),
    Status.UNDOING: (_UPDATE, _IN_PROGRESS),
    Status.UNDONE: (_CLOSE, _SUPPRESSED),
    Status.NOTED: (_CLOSE, _RESOLVED),
    Status.PROPOSED: (_CREATE, _IN_PROGRESS),
}


def detection_finding(decision: Decision) -> dict[str, Json]:
    """Return the finding that the decision is about, with its current status."""
    actor = decision.actor
    activity, status = _STANDS[decision.status]
    return {
        **_head(decision.candidate.resource, decision.severity, activity, status),
        "time": _milliseconds(decision.updated),
        "start_time": _milliseconds(decision.change_time or decision.decided),
        "status_code": decision.status.value,
        "status_detail": decision.reason,
        "message": decision.summary,
        "metadata": _metadata(f"{decision.id}/{decision.version}"),
        "finding_info": {
            "uid": decision.id,
            "title": decision.title,
            "desc": decision.summary,
            "types": [decision.control],
            "created_time": _milliseconds(decision.decided),
            "modified_time": _milliseconds(decision.updated),
            "analytic": _rule(decision.control),
        },
        "evidences": [
            {
                "actor": {
                    "user": {
                        "uid": actor.session or actor.principal or "unknown",
                        "name": actor.name,
                        "type": actor.kind or "unknown",
                        **({"account": {"uid": actor.account}} if actor.account else {}),
                    }
                },
                "api": {
                    "operation": decision.change_name,
                    "request": {"uid": decision.change_id},
                },
                **({"src_endpoint": _endpoint(actor.source)} if actor.source else {}),
            }
        ],
        "remediation": {
            "desc": "; ".join(said(step.call) for step in decision.plan.steps)
            or decision.plan.advice
            or "none",
        },
        "unmapped": {
            "autonomy": decision.autonomy.label,
            "severity": decision.severity,
            "head": decision.head,
        },
    }


def swept_finding(
    control: str, title: str, summary: str, severity: int, resource: Resource, exempt: str, at: str
) -> dict[str, Json]:
    """Return the finding that a resource is risky now, as a sweep at a time (ISO 8601) found it.

    One risk has the same `finding_info.uid` in every sweep. `exempt` is until when it is exempted,
    or "".
    """
    uid = "sweep-" + digest([control, resource.arn])[:24]
    status = _SUPPRESSED if exempt else _NEW
    return {
        **_head(resource, severity, _CREATE, status),
        "time": _milliseconds(at),
        "status_code": "exempted" if exempt else "risky",
        **({"status_detail": f"exempted until {exempt}"} if exempt else {}),
        "message": summary,
        "metadata": _metadata(f"{uid}/{at}"),
        "finding_info": {
            "uid": uid,
            "title": title,
            "desc": summary,
            "types": [control],
            "last_seen_time": _milliseconds(at),
            "analytic": _rule(control),
        },
    }


def _head(resource: Resource, severity: int, activity: int, status: int) -> dict[str, Json]:
    """What is said alike of every finding: its class, where it stands, and the resource."""
    severity_id, name = next(
        ((id_, name) for least, id_, name in _SEVERITIES if severity >= least),
        (1, "Informational"),
    )
    region: dict[str, Json] = {"region": resource.region} if resource.region else {}
    # An operator's act is about a pattern, a control or everything: that is in no partition.
    partition: dict[str, Json] = (
        {"cloud_partition": resource.partition} if resource.arn.startswith("arn:") else {}
    )
    return {
        "activity_id": activity,
        "activity_name": _ACTIVITY[activity],
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"Detection Finding: {_ACTIVITY[activity]}",
        "severity_id": severity_id,
        "severity": name,
        "status_id": status,
        "status": _STATUS[status],
        "cloud": {"provider": "AWS", "account": {"uid": resource.account}, **region},
        "resources": [
            {
                "uid": resource.arn,
                "name": resource.id,
                "type": resource.kind,
                **partition,
                **region,
            }
        ],
    }


def _metadata(uid: str) -> dict[str, Json]:
    return {
        "version": _VERSION,
        "profiles": ["cloud"],
        "uid": uid,
        "product": {
            "name": "Driftguard",
            "vendor_name": "Driftguard",
            "version": version("driftguard"),
        },
    }


def _rule(control: str) -> dict[str, Json]:
    return {"type_id": _RULE, "type": "Rule", "uid": control}


def _endpoint(source: str) -> dict[str, Json]:
    """CloudTrail has an address, the host of the AWS service that called, or `AWS Internal`."""
    try:
        return {"ip": str(ip_address(source))}
    except ValueError:
        return {"hostname": source} if source.endswith(".amazonaws.com") else {"name": source}


def _milliseconds(iso: str) -> int:
    return round(datetime.fromisoformat(iso).timestamp() * 1000)
