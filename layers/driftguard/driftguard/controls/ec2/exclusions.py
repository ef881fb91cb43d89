"""Networks that were let out of a region's block on public access.

Sources: Amazon EC2 API Reference, "CreateVpcBlockPublicAccessExclusion",
"ModifyVpcBlockPublicAccessExclusion" and "VpcBlockPublicAccessExclusion" (`State`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    Autonomy,
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

from ..control import NOTHING, Control, NoSettings, References, Settling
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

_BOTH_WAYS = "allow-bidirectional"
_EXCLUSION = any_of("vpc-block-public-access-exclusion")
_OVER = ("delete", "disable", "create-failed")


class Excluded(Control[NoSettings]):
    """A VPC or a subnet is reached from the internet past the region's block.

    A new exclusion is deleted. One that was there before goes back to the mode that the baseline
    has; without a baseline people are asked, for it may have been open both ways all along.
    """

    id = "ec2.vpc-bpa-exclusion"
    title = "Network excluded from VPC block public access"
    severity = 75
    references = References(attack=("T1562.007",))
    triggers = (
        on("CreateVpcBlockPublicAccessExclusion"),
        on("ModifyVpcBlockPublicAccessExclusion"),
    )
    reads = ("ec2:DescribeVpcBlockPublicAccessExclusions",)
    writes = {
        "ec2:CreateVpcBlockPublicAccessExclusion": (_EXCLUSION, any_of("subnet"), any_of("vpc")),
        "ec2:DeleteVpcBlockPublicAccessExclusion": (_EXCLUSION,),
        "ec2:ModifyVpcBlockPublicAccessExclusion": (_EXCLUSION,),
        "ec2:CreateTags": (_EXCLUSION,),
    }
    proven = "stub"
    cuts = NOTHING
    settling = Settling(
        10 * 60,
        "an exclusion is create-, update- or delete-in-progress before it is complete (Amazon EC2 "
        "API Reference, VpcBlockPublicAccessExclusion)",
    )
    busy = BUSY
    volatile = frozenset({"id", RESERVED})
    baselined = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        made = inner(change.response, "vpcBlockPublicAccessExclusion")
        mode = string(change.request, "internetGatewayExclusionMode")
        if mode != _BOTH_WAYS and not omitted(change.request):
            return
        certainty = Certainty.EVIDENT if mode else Certainty.POSSIBLE
        subnet = string(change.request, "subnetId")
        kind, _, id_ = string(made, "resourceArn").rpartition(":")[2].partition("/")
        if not id_:
            kind = "subnet" if subnet else "vpc"
            id_ = subnet or string(change.request, "vpcId")
        if id_:
            hint: Document = {"made": change.name.startswith("Create")}
            yield named(change, kind, id_, certainty, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        asked = [{"Name": "resource-arn", "Values": [candidate.resource.arn]}]
        for exclusion in _exclusions(reader, Filters=asked):
            return {
                **candidate.hint,
                "id": text(exclusion, "ExclusionId"),
                "mode": text(exclusion, "InternetGatewayExclusionMode"),
                **tags_told(exclusion),
            }
        return None

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for exclusion in _exclusions(reader):
            where = text(exclusion, "ResourceArn")
            kind, _, id_ = where.rpartition(":")[2].partition("/")
            yield found(reader, kind, id_)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if text(state, "mode") != _BOTH_WAYS:
            return None
        if baseline is not None and text(baseline, "mode") == _BOTH_WAYS:
            return None
        summary = "the internet reaches it past the region's block public access"
        if state.get("made") or baseline is not None:
            return Finding(summary)
        why = "whether it was open both ways before is not recorded"
        return Finding(summary, at_most=Autonomy.ASK, at_most_why=why)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        resource, state = candidate.resource, observation.state
        prefix = resource.arn.rpartition(":")[0]
        exclusion: dict[str, Json] = {"ExclusionId": state["id"]}
        where = f"{prefix}:vpc-block-public-access-exclusion/{state['id']}"

        def modify(mode: str) -> Call:
            parameters: Document = {**exclusion, "InternetGatewayExclusionMode": mode}
            return Call("ec2", "ModifyVpcBlockPublicAccessExclusion", parameters, on=(where,))

        if baseline is not None or not state.get("made"):
            # There are two modes: what was not open both ways let out alone.
            return Plan((Step(modify("allow-egress"), (modify(text(state, "mode")),)),))
        delete = Call("ec2", "DeleteVpcBlockPublicAccessExclusion", exclusion, on=(where,))
        create = Call(
            "ec2",
            "CreateVpcBlockPublicAccessExclusion",
            {
                "SubnetId" if resource.kind == "ec2.subnet" else "VpcId": resource.id,
                "InternetGatewayExclusionMode": state["mode"],
                **tag_specifications("vpc-block-public-access-exclusion", state["Tags"]),
            },
            on=(resource.arn, f"{prefix}:vpc-block-public-access-exclusion/*"),
        )
        return Plan((Step(delete, (create,)),), advice=reserved_in_words([state]))


def _exclusions(reader: Reader, **parameters: Any) -> Iterable[Document]:
    """The exclusions that are in force. The SDK has no paginator for them."""
    while True:
        answer = document(
            reader.read("ec2", "DescribeVpcBlockPublicAccessExclusions", **parameters)
        )
        for exclusion in items(answer.get("VpcBlockPublicAccessExclusions")):
            if not text(exclusion, "State").startswith(_OVER):
                yield exclusion
        if not (more := text(answer, "NextToken")):
            return
        parameters["NextToken"] = more


CONTROLS = (Excluded(),)
