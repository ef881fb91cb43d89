"""Writes a decision as an OCSF Detection Finding, as Security Lake takes it.

Source: Open Cybersecurity Schema Framework 1.1.0, class Detection Finding (2004) with the profile
`cloud`; times are milliseconds since 1970.
"""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from ipaddress import ip_address

from driftguard.channels.wording import said
from driftguard.documents import Json
from driftguard.model import Decision, Status

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
    resource, actor = decision.candidate.resource, decision.actor
    activity, status = _STANDS[decision.status]
    severity, name = next(
        ((id_, name) for least, id_, name in _SEVERITIES if decision.severity >= least),
        (1, "Informational"),
    )
    cloud: dict[str, Json] = {"provider": "AWS", "account": {"uid": resource.account}}
    if resource.region:
        cloud["region"] = resource.region
    return {
        "activity_id": activity,
        "activity_name": _ACTIVITY[activity],
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"Detection Finding: {_ACTIVITY[activity]}",
        "time": _milliseconds(decision.updated),
        "start_time": _milliseconds(decision.change_time or decision.decided),
        "severity_id": severity,
        "severity": name,
        "status_id": status,
        "status": _STATUS[status],
        "status_code": decision.status.value,
        "status_detail": decision.reason,
        "message": decision.summary,
        "metadata": {
            "version": _VERSION,
            "profiles": ["cloud"],
            "uid": f"{decision.id}/{decision.version}",
            "product": {
                "name": "Driftguard",
                "vendor_name": "Driftguard",
                "version": version("driftguard"),
            },
        },
        "cloud": cloud,
        "finding_info": {
            "uid": decision.id,
            "title": decision.title,
            "desc": decision.summary,
            "types": [decision.control],
            "created_time": _milliseconds(decision.decided),
            "modified_time": _milliseconds(decision.updated),
            "analytic": {"type_id": _RULE, "type": "Rule", "uid": decision.control},
        },
        "resources": [
            {
                "uid": resource.arn,
                "name": resource.id,
                "type": resource.kind,
                # An operator's act is about a pattern, a control or everything: that is in none.
                **(
                    {"cloud_partition": resource.partition}
                    if resource.arn.startswith("arn:")
                    else {}
                ),
                **({"region": resource.region} if resource.region else {}),
            }
        ],
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


def _endpoint(source: str) -> dict[str, Json]:
    """CloudTrail has an address, the host of the AWS service that called, or `AWS Internal`."""
    try:
        return {"ip": str(ip_address(source))}
    except ValueError:
        return {"hostname": source} if source.endswith(".amazonaws.com") else {"name": source}


def _milliseconds(iso: str) -> int:
    return round(datetime.fromisoformat(iso).timestamp() * 1000)
