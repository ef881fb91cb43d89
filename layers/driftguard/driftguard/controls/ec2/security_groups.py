"""Rules of default security groups, and groups whose way out was opened to everywhere.

Sources: Amazon VPC User Guide, "Default security groups for your VPCs" and "Security group rules".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...access.network import is_public_range
from ...access.principals import Trusted
from ...aws import Reader, document
from ...model import Certainty, Change, Document, Facet, Json, Plan, Resource, Risk, Step, Suspect
from ...trail import items, mapping, text
from ..control import Control, NoSettings, References, TrustSettings
from ..mechanisms import Granted
from .records import found, named, on
from .rules import (
    GROUP,
    MADE_ANEW,
    RULE,
    arn_of,
    described,
    group_named,
    in_order,
    permissions_asked,
    ports_of,
    revocation,
    rules_of,
    source_of,
)

_DEFAULT = "default"

# ------------------------------------------------------------------------ the default group


def _added(change: Change) -> list[Json]:
    """The rules that a change made, each as `ports|source`: so they are found in the group.

    The response names them as EC2 keeps them (`10.1.2.3/8` is `10.0.0.0/8`); older records and
    some services' have none, and then the request must do.
    """
    made = list(items(mapping(change.response, "securityGroupRuleSet")))
    return [_key(_as_described(one)) for one in made] or _asked(change.request)


def _as_described(made: Document) -> Document:
    """A rule of a response, spelt as EC2 describes it."""
    capital = {name[:1].upper() + name[1:]: value for name, value in made.items()}
    group = {"GroupId": text(mapping(made, "referencedGroupInfo"), "groupId")}
    return {**capital, "ReferencedGroupInfo": group}


def _asked(request: Document) -> list[Json]:
    """The rules that a request asks for."""
    keys: list[Json] = []
    for permission in permissions_asked(request):
        for one in _sources(permission):
            keys.append(_key({**permission, **one}))
    for permission in items(request.get("ipPermissions")):
        asked: Document = {
            "IpProtocol": text(permission, "ipProtocol"),
            "FromPort": permission.get("fromPort"),
            "ToPort": permission.get("toPort"),
        }
        for group in items(permission.get("groups")):
            keys.append(_key({**asked, "ReferencedGroupInfo": {"GroupId": text(group, "groupId")}}))
    return keys


def _sources(permission: Document) -> Iterator[Document]:
    for one in items(permission.get("IpRanges")):
        yield {"CidrIpv4": text(one, "CidrIp")}
    yield from items(permission.get("Ipv6Ranges"))
    yield from items(permission.get("PrefixListIds"))


def _key(rule: Document) -> str:
    ports: Document = {
        name: int(number) if (number := text(rule, name)).lstrip("-").isdigit() else None
        for name in ("FromPort", "ToPort")
    }
    return f"{ports_of({**rule, **ports})}|{source_of(rule)}"


def _rules_added(change: Change, trusted: Trusted) -> Iterable[Suspect]:
    """Any group that gets a rule: whether it is a default one, only its name or the state tells."""
    group, name = group_named(change.request, change.response), text(change.request, "groupName")
    if group and name in ("", _DEFAULT):
        certainty = Certainty.EVIDENT if name else Certainty.POSSIBLE
        way = "Egress" if change.name.endswith("Egress") else "Ingress"
        hint: Document = {"way": way, "asked": _added(change)}
        yield named(change, "security-group", group, certainty, hint)


def _default_group(suspect: Suspect, reader: Reader) -> Document | None:
    """The rules that the change added; None if the group is gone, or is no default one."""
    group = described(reader, suspect.resource.id)
    if group is None or text(group, "GroupName") != _DEFAULT:
        return None
    asked, egress = suspect.hint["asked"], suspect.hint["way"] == "Egress"
    assert isinstance(asked, (list, tuple))
    id_ = text(group, "GroupId")
    rules = sorted(rules_of(reader, id_), key=in_order)
    added: list[Json] = [
        rule for rule in rules if bool(rule.get("IsEgress")) is egress and _key(rule) in asked
    ]
    return {"group": id_, "way": suspect.hint["way"], "added": added}


def _why_added(state: Document, trusted: Trusted) -> str:
    added = ", ".join(f"{ports_of(one)} {source_of(one)}" for one in items(state["added"]))
    return f"the VPC's default group got {text(state, 'way').lower()} {added}" if added else ""


def _take_away(resource: Resource, state: Document) -> tuple[Step, ...]:
    group = arn_of(resource, text(state, "group"))
    return revocation(group, list(items(state["added"])), direction=text(state, "way"))


@dataclass(frozen=True, slots=True)
class DefaultGroupSettings(TrustSettings):
    """`look_up`: read every group that gets a rule, to see whether it is a default one.

    A record mostly gives a group's id only. Looking it up costs one call for every rule that
    anybody adds anywhere, so it is off unless the policy asks for it; then only records that name
    the group `default` are looked at.
    """

    look_up: bool = False


class _DefaultGroup(Granted):
    """Looks at groups that only their id names where the policy asks for it."""

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Suspect]:
        look_up = isinstance(settings, DefaultGroupSettings) and settings.look_up
        for suspect in self.suspects(change, settings.trusted):
            if look_up or suspect.certainty is Certainty.EVIDENT:
                yield suspect


DEFAULT_GROUP = _DefaultGroup(
    id="ec2.default-sg-opened",
    title="Rule added to a VPC's default security group",
    severity=55,
    references=References(security_hub=("EC2.2",), attack=("T1562.007",)),
    triggers=(on("AuthorizeSecurityGroupIngress"), on("AuthorizeSecurityGroupEgress")),
    reads=("ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups"),
    writes={
        "ec2:RevokeSecurityGroupIngress": (GROUP, RULE),
        "ec2:AuthorizeSecurityGroupIngress": (GROUP, RULE),
        "ec2:RevokeSecurityGroupEgress": (GROUP, RULE),
        "ec2:AuthorizeSecurityGroupEgress": (GROUP, RULE),
        "ec2:CreateTags": (RULE,),
    },
    volatile=MADE_ANEW,
    suspects=_rules_added,
    read=_default_group,
    risky=_why_added,
    steps=_take_away,
    settings=DefaultGroupSettings,
)

# ------------------------------------------------------------------------ the way out


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
        asked = [one for each in permissions_asked(change.request) for one in _sources(each)]
        group = group_named(change.request, change.response)
        if group and (not asked or any(_everywhere(one) for one in asked)):
            yield named(change, "security-group", group, Certainty.POSSIBLE)

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        group = described(reader, suspect.resource.id)
        if group is None:
            return None
        rules = rules_of(reader, text(group, "GroupId"))
        ways = {_key(one) for one in rules if one.get("IsEgress") and _everywhere(one)}
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


CONTROLS = (DEFAULT_GROUP, OpenEgress())
