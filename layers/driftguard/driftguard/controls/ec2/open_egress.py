"""Security groups whose way out was opened to everywhere.

Source: Amazon VPC User Guide, "Security group rules".
"""

from __future__ import annotations

from collections.abc import Iterable

from ...access.network import is_public_range
from ...aws import Reader, document
from ...model import Certainty, Change, Document, Facet, Plan, Resource, Risk, Suspect
from ...trail import text
from ..control import Control, NoSettings, References
from .records import found, named, on
from .rules import (
    described,
    group_named,
    key_of,
    permissions_asked,
    rules_of,
    sources_in,
)


class OpenEgress(Control[NoSettings]):
    """A group that kept its instances in now lets them out to everywhere.

    AWS opens the way out of every new group, so that this says something only of a group that was
    recorded without: one that somebody had closed on purpose.
    """

    id = "ec2.open-egress"
    title = "Security group's way out opened to everywhere"
    severity = 35
    references = References(attack=("T1562.007", "T1048"))
    triggers = (on("AuthorizeSecurityGroupEgress"),)
    reads = ("ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups")
    writes: dict[str, tuple[str, ...]] = {}
    revert = "almost every workload needs a way out, and closing it breaks what uses it at once"
    baselined = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        asked = [one for each in permissions_asked(change.request) for one in sources_in(each)]
        group = group_named(change.request, change.response)
        if group and (not asked or any(_everywhere(one) for one in asked)):
            yield named(change, "security-group", group, Certainty.POSSIBLE)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        group = described(reader, suspect.resource.id)
        if group is None:
            return None
        rules = rules_of(reader, text(group, "GroupId"))
        ways = {key_of(one) for one in rules if one.get("IsEgress") and _everywhere(one)}
        return {"open": sorted(ways)}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for group in reader.pages("ec2", "DescribeSecurityGroups", "SecurityGroups"):
            yield found(reader, "security-group", text(document(group), "GroupId"))

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        if baseline is None or baseline["open"] or not state["open"]:
            return None
        return Risk("a group that kept its instances in now lets them out to everywhere")

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        return Plan((), advice="Revoke the rule, unless the instances need it.")


def _everywhere(rule: Document) -> bool:
    source = text(rule, "CidrIpv4", "CidrIpv6")
    return bool(source) and is_public_range(source)


CONTROLS = (OpenEgress(),)
