"""Rules of default security groups.

It does without the shared mechanisms, because every change of a security group imports this
module, and most of them are harmless.

Source: Amazon VPC User Guide, "Default security groups for your VPCs".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan

from ..control import NOTHING, Control, References
from .records import named, on, reserved_in_words
from .rules import (
    GROUP,
    MADE_ANEW,
    RULE,
    arn_of,
    described,
    group_named,
    in_order,
    key_of,
    made_by,
    ports_of,
    revocation,
    rules_of,
    source_of,
)

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class DefaultGroupSettings:
    """`look_up`: read every group that gets a rule, to see whether it is a default one.

    A record mostly gives a group's id only. Looking it up costs one call for every rule that
    anybody adds anywhere, so it is off unless the policy asks for it; then only records that name
    the group `default` are looked at.
    """

    look_up: bool = False


class DefaultGroup(Control[DefaultGroupSettings]):
    """A VPC's default group got a rule; resources launched without a group end up in it.

    Only the rules of the change are taken away again.
    """

    id = "ec2.default-sg-opened"
    title = "Rule added to a VPC's default security group"
    severity = 55
    references = References(security_hub=("EC2.2",), attack=("T1562.007",))
    triggers = (on("AuthorizeSecurityGroupIngress"), on("AuthorizeSecurityGroupEgress"))
    reads = ("ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups")
    writes = {
        "ec2:RevokeSecurityGroupIngress": (GROUP, RULE),
        "ec2:AuthorizeSecurityGroupIngress": (GROUP, RULE),
        "ec2:RevokeSecurityGroupEgress": (GROUP, RULE),
        "ec2:AuthorizeSecurityGroupEgress": (GROUP, RULE),
        "ec2:CreateTags": (RULE,),
    }
    volatile = MADE_ANEW
    cuts = NOTHING
    settings = DefaultGroupSettings

    def screen(self, change: Change, settings: DefaultGroupSettings) -> Iterable[Candidate]:
        group, name = (
            group_named(change.request, change.response),
            text(change.request, "groupName"),
        )
        looks_up = settings.look_up or omitted(change.request)
        if group and (name == _DEFAULT or (not name and looks_up)):
            certainty = Certainty.EVIDENT if name else Certainty.POSSIBLE
            way = "Egress" if change.name.endswith("Egress") else "Ingress"
            hint: Document = {"way": way, "asked": made_by(change.request, change.response)}
            yield named(change, "security-group", group, certainty, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        """The rules that the change added; None if the group is gone, or is no default one."""
        group = described(reader, candidate.resource.id)
        if group is None or text(group, "GroupName") != _DEFAULT:
            return None
        asked, egress = candidate.hint["asked"], candidate.hint["way"] == "Egress"
        assert isinstance(asked, (list, tuple))
        id_ = text(group, "GroupId")
        rules = sorted(rules_of(reader, id_), key=in_order)
        added: list[Json] = [
            rule for rule in rules if bool(rule.get("IsEgress")) is egress and key_of(rule) in asked
        ]
        return {"group": id_, "way": candidate.hint["way"], "added": added}

    def assess(
        self, state: Document, baseline: Document | None, settings: DefaultGroupSettings
    ) -> Finding | None:
        added = ", ".join(f"{ports_of(item)} {source_of(item)}" for item in items(state["added"]))
        if not added:
            return None
        return Finding(f"the VPC's default group got {text(state, 'way').lower()} {added}")

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: DefaultGroupSettings,
    ) -> Plan:
        group = arn_of(candidate.resource, text(observation.state, "group"))
        added, way = list(items(observation.state["added"])), text(observation.state, "way")
        return Plan(revocation(group, added, direction=way), advice=reserved_in_words(added))


CONTROLS = (DefaultGroup(),)
