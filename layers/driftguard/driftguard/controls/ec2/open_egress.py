"""Security groups whose way out was opened to everywhere.

Source: Amazon VPC User Guide, "Security group rules".
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.access.network import is_public_range
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan, Resource

from ..control import NOTHING, Control, NoSettings, References
from .records import found, named, on
from .rules import described, group_named, key_of, permissions_asked, rules_of, sources_in


class OpenEgress(Control[NoSettings]):
    """A group that kept its instances in now lets them out to everywhere.

    AWS opens the way out of every new group, so this concerns only a group with a closed baseline,
    which somebody had closed on purpose.
    """

    id = "ec2.open-egress"
    title = "Security group's way out opened to everywhere"
    severity = 35
    references = References(attack=("T1562.007", "T1048"))
    triggers = (on("AuthorizeSecurityGroupEgress"), on("ModifySecurityGroupRules"))
    reads = ("ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups")
    writes: dict[str, tuple[str, ...]] = {}
    revert = "almost every workload needs a way out, and closing it breaks what uses it at once"
    cuts = NOTHING
    baselined = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        asked = [
            source
            for permission in permissions_asked(change.request)
            for source in sources_in(permission)
        ]
        group = group_named(change.request, change.response)
        if group and (not asked or any(_everywhere(source) for source in asked)):
            yield named(change, "security-group", group, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        group = described(reader, candidate.resource.id)
        if group is None:
            return None
        rules = rules_of(reader, text(group, "GroupId"))
        ways = {key_of(rule) for rule in rules if rule.get("IsEgress") and _everywhere(rule)}
        return {"open": sorted(ways)}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for group in reader.pages("ec2", "DescribeSecurityGroups", "SecurityGroups"):
            yield found(reader, "security-group", text(document(group), "GroupId"))

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if baseline is None or baseline["open"] or not state["open"]:
            return None
        return Finding("a group that kept its instances in now lets them out to everywhere")

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        return Plan((), advice="Revoke the rule, unless the instances need it.")


def _everywhere(rule: Document) -> bool:
    source = text(rule, "CidrIpv4", "CidrIpv6")
    return bool(source) and is_public_range(source)


CONTROLS = (OpenEgress(),)
