"""Redshift Serverless: workgroups reachable from the internet.

Sources: Amazon Redshift Serverless API Reference, "UpdateWorkgroup" and "Workgroup"; Amazon
Redshift Management Guide, "Connecting to Amazon Redshift Serverless".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import Busy, Cuts, References, Settling, Trigger, resource
from .mechanisms.switch import Switch

_SERVERLESS = "redshift-serverless.amazonaws.com"
_WORKGROUPS = ("arn:{partition}:redshift-serverless:{region}:{account}:workgroup/*",)
_GONE = ("ResourceNotFoundException",)
_KIND = "redshiftserverless.workgroup"


def _opened(change: Change) -> Iterator[Candidate]:
    """The workgroup of a record. IAM knows it by an id, which only the response tells."""
    name = text(change.request, "workgroupName")
    asked = flag(change.request.get("publiclyAccessible"))
    if not name or not (asked or omitted(change.request)):
        return
    id_ = text(mapping(change.response, "workgroup"), "workgroupArn").rpartition("/")[2] or name
    where = f"redshift-serverless:{{region}}:{{account}}:workgroup/{id_}"
    certainty = Certainty.EVIDENT if asked else Certainty.POSSIBLE
    yield Candidate(resource(change, _KIND, name, where), certainty)


def _workgroups(reader: Reader) -> Iterator[Resource]:
    listing = reader.pages("redshift-serverless", "ListWorkgroups", "workgroups")
    for workgroup in map(document, listing):
        name, arn = text(workgroup, "workgroupName"), text(workgroup, "workgroupArn")
        yield Resource(_KIND, name, reader.account, reader.region, arn)


def _publicity(workgroup: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "redshift-serverless", "GetWorkgroup", workgroupName=workgroup.id, absent=_GONE
    )
    if found is None:
        return None
    described = mapping(document(found), "workgroup")
    public = flag(described.get("publiclyAccessible")) is True
    return {"public": public, "arn": text(described, "workgroupArn")}


PUBLIC = Switch(
    id="redshiftserverless.public",
    title="Redshift Serverless workgroup reachable from the internet",
    severity=80,
    cuts=Cuts(
        "connections from outside its network",
        question="does anybody connect to it from outside its network?",
    ),
    settling=Settling(
        1800,
        "a workgroup is MODIFYING until it is as it was asked for (Amazon Redshift Serverless API "
        "Reference, “Workgroup”)",
    ),
    busy=(Busy("ConflictException"),),
    references=References(security_hub=("RedshiftServerless.3",), attack=("T1190", "T1530")),
    triggers=(
        Trigger(_SERVERLESS, "UpdateWorkgroup"),
        Trigger(_SERVERLESS, "CreateWorkgroup"),
    ),
    reads=("redshift-serverless:GetWorkgroup", "redshift-serverless:ListWorkgroups"),
    writes={"redshift-serverless:UpdateWorkgroup": _WORKGROUPS},
    proven="stub",
    found_by=_workgroups,
    candidates=_opened,
    read=_publicity,
    risky=lambda state, _: "it is reachable from the internet" if state["public"] else "",
    safe=lambda state, _: {**state, "public": False},
    put=lambda workgroup, state: Call(
        "redshift-serverless",
        "UpdateWorkgroup",
        {"workgroupName": workgroup.id, "publiclyAccessible": state["public"]},
        on=(text(state, "arn"),),
    ),
)

CONTROLS = (PUBLIC,)
