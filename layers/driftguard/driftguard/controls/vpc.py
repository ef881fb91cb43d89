"""VPC: flow logs deleted.

Source: Amazon VPC User Guide, "Logging IP traffic using VPC Flow Logs"; Amazon EC2 API Reference,
"DeleteFlowLogs".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..aws import Reader, document
from ..model import Certainty, Change, Document, Facet, Json, Plan, Resource, Risk, Suspect
from ..trail import items, omitted, text
from .control import Control, NoSettings, References, Trigger, partition_of, resource

_EC2 = "ec2.amazonaws.com"
_TOLD = (
    "ResourceId",
    "TrafficType",
    "LogDestinationType",
    "LogDestination",
    "LogGroupName",
    "LogFormat",
    "DeliverLogsPermissionArn",
    "MaxAggregationInterval",
)


class FlowLogsDeleted(Control[NoSettings]):
    """Flow logs of a network were deleted: nobody sees any longer what goes in and out of it.

    The baseline knows what they were. A deleted flow log can be made again only under a new id,
    which the undo would have to name before it is known: so people are asked, with all they need.
    """

    id = "vpc.flow-logs-deleted"
    title = "VPC flow logs deleted"
    severity = 75
    references = References(
        security_hub=("EC2.6",),
        attack=("T1562.008",),
        stratus=("aws.defense-evasion.vpc-remove-flow-logs",),
    )
    triggers = (Trigger(_EC2, "DeleteFlowLogs"),)
    reads = ("ec2:DescribeFlowLogs",)
    writes: dict[str, tuple[str, ...]] = {}
    revert = "the flow log would be made again under a new id, which an undo cannot know beforehand"
    baselined = True
    vanishing = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        """What could not be deleted is named in the response, without an error code."""
        failed = {text(one, "resourceId") for one in items(change.response.get("unsuccessful"))}
        for id_ in _ids(change.request.get("FlowLogId")):
            if id_ not in failed:
                tail = f"ec2:{{region}}:{{account}}:vpc-flow-log/{id_}"
                where = resource(change, "ec2.vpc-flow-log", id_, tail)
                yield Suspect(where, Certainty.EVIDENT)
        if omitted(change.request):
            tail = "ec2:{region}:{account}:vpc-flow-log/*"
            yield Suspect(resource(change, "ec2.vpc-flow-log", "*", tail), Certainty.POSSIBLE)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        if suspect.resource.id == "*":
            return {"exists": False}
        asked = [{"Name": "flow-log-id", "Values": [suspect.resource.id]}]
        for one in _flow_logs(reader, Filters=asked):
            told: dict[str, Json] = {name: one[name] for name in _TOLD if one.get(name)}
            return {"exists": True, **told, "Tags": list(items(one.get("Tags")))}
        return {"exists": False}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for one in _flow_logs(reader):
            id_ = text(one, "FlowLogId")
            where = f"ec2:{reader.region}:{reader.account}:vpc-flow-log/{id_}"
            arn = f"arn:{partition_of(reader.region)}:{where}"
            yield Resource("ec2.vpc-flow-log", id_, reader.account, reader.region, arn)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        if state["exists"]:
            return None
        of = f" of {text(baseline, 'ResourceId')}" if baseline else ""
        return Risk(f"a flow log{of} was deleted")

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        if baseline is None:
            return Plan((), advice="How it was configured is not recorded; make it anew.")
        told = ", ".join(f"{name} {text(baseline, name)}" for name in _TOLD if name in baseline)
        return Plan((), advice=f"Make it again: {told}.")


def _flow_logs(reader: Reader, **parameters: object) -> Iterator[Document]:
    # This API calls its filters `Filter`, unlike all others.
    named = {"Filter" if name == "Filters" else name: value for name, value in parameters.items()}
    yield from map(document, reader.pages("ec2", "DescribeFlowLogs", "FlowLogs", **named))


def _ids(logged: Json) -> Iterator[str]:
    """The flow logs of a request: `{"tag": 1, "content": "fl-1"}`, or a list of these."""
    for one in items(logged):
        if id_ := text(one, "content"):
            yield id_
    if isinstance(logged, str):
        yield logged
    elif isinstance(logged, (list, tuple)):
        yield from (one for one in logged if isinstance(one, str))


CONTROLS = (FlowLogsDeleted(),)
