"""VPC: flow logs deleted.

Source: Amazon VPC User Guide, "Logging IP traffic using VPC Flow Logs"; Amazon EC2 API Reference,
"DeleteFlowLogs".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.aws.tags import settable
from driftguard.documents import Document, Json, items, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan, Resource

from .control import NOTHING, Control, NoSettings, References, Trigger, partition_of, resource

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
    reads = ("ec2:DescribeFlowLogs", "ec2:DescribeSubnets", "ec2:DescribeVpcs")
    writes: dict[str, tuple[str, ...]] = {}
    revert = "the flow log would be made again under a new id, which an undo cannot know beforehand"
    cuts = NOTHING
    volatile = frozenset({"networks"})
    baselined = True
    vanishing = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        """The deleted flow logs; the response names those that could not be deleted."""
        refused = items(change.response.get("unsuccessful"))
        failed = {text(item, "resourceId") for item in refused}
        for id_ in _ids(change.request.get("FlowLogId")):
            if id_ not in failed:
                tail = f"ec2:{{region}}:{{account}}:vpc-flow-log/{id_}"
                where = resource(change, "ec2.vpc-flow-log", id_, tail)
                yield Candidate(where, Certainty.EVIDENT)
        if omitted(change.request):
            tail = "ec2:{region}:{account}:vpc-flow-log/*"
            yield Candidate(resource(change, "ec2.vpc-flow-log", "*", tail), Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        if candidate.resource.id == "*":
            return {"exists": False, "networks": [*_networks(reader)]}
        asked = [{"Name": "flow-log-id", "Values": [candidate.resource.id]}]
        for flow_log in _flow_logs(reader, Filters=asked):
            fields: dict[str, Json] = {name: flow_log[name] for name in _TOLD if flow_log.get(name)}
            return {"exists": True, **fields, "Tags": list(settable(flow_log.get("Tags")))}
        return {"exists": False, "networks": [*_networks(reader)]}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for flow_log in _flow_logs(reader):
            id_ = text(flow_log, "FlowLogId")
            where = f"ec2:{reader.region}:{reader.account}:vpc-flow-log/{id_}"
            arn = f"arn:{partition_of(reader.region)}:{where}"
            yield Resource("ec2.vpc-flow-log", id_, reader.account, reader.region, arn)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if state["exists"] or _is_over(baseline, state):
            return None
        of = f" of {text(baseline, 'ResourceId')}" if baseline else ""
        return Finding(f"a flow log{of} was deleted")

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        if baseline is None:
            return Plan((), advice="How it was configured is not recorded; make it anew.")
        settings_in_words = ", ".join(
            f"{name} {text(baseline, name)}" for name in _TOLD if name in baseline
        )
        return Plan((), advice=f"Make it again: {settings_in_words}.")


def _networks(reader: Reader) -> Iterator[str]:
    """The VPCs and subnets that there are: of those that are gone nothing is to be logged."""
    for operation, key, id_ in (
        ("DescribeVpcs", "Vpcs", "VpcId"),
        ("DescribeSubnets", "Subnets", "SubnetId"),
    ):
        yield from (text(document(item), id_) for item in reader.pages("ec2", operation, key))


def _is_over(baseline: Document | None, state: Document) -> bool:
    """Whether the network that was logged is gone too."""
    logged, there = text(baseline or {}, "ResourceId"), state.get("networks")
    if not logged.startswith(("vpc-", "subnet-")) or not isinstance(there, (list, tuple)):
        return False
    return logged not in there


def _flow_logs(reader: Reader, **parameters: object) -> Iterator[Document]:
    # This API calls its filters `Filter`, unlike all others.
    named = {"Filter" if name == "Filters" else name: value for name, value in parameters.items()}
    yield from map(document, reader.pages("ec2", "DescribeFlowLogs", "FlowLogs", **named))


def _ids(logged: Json) -> Iterator[str]:
    """The flow logs of a request: `{"tag": 1, "content": "fl-1"}`, or a list of these."""
    for item in items(logged):
        if id_ := text(item, "content"):
            yield id_
    if isinstance(logged, str):
        yield logged
    elif isinstance(logged, (list, tuple)):
        yield from (item for item in logged if isinstance(item, str))


CONTROLS = (FlowLogsDeleted(),)
