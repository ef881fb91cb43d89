"""Security groups open to the world.

Sources: Amazon EC2 API Reference, "AuthorizeSecurityGroupIngress" (its response names the rules
that were made) and "ModifySecurityGroupRules" (a rule keeps its id).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from driftguard.access.network import WEB_PORTS, minimal_revoke
from driftguard.aws.calls import AwsError, Throttled, Unreachable, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    NOT_IN_USE,
    Autonomy,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Use,
)

from ..control import Control, Cuts, References
from . import ingress_users, prefix_lists
from .records import found, named, on, reserved_in_words
from .rules import (
    GROUP,
    MADE_ANEW,
    RULE,
    arn_of,
    described,
    edit,
    group_named,
    in_order,
    key_of,
    made_by,
    permission_of,
    permissions_asked,
    ports_of,
    request_of,
    revocation,
    rules_of,
    source_of,
)


@dataclass(frozen=True, slots=True)
class OpenIngressSettings:
    """`allowed_public_ports`: TCP ports that may be open to the world."""

    allowed_public_ports: tuple[int, ...] = WEB_PORTS


class OpenIngress(Control[OpenIngressSettings]):
    """A security-group rule lets the internet reach a port that is not meant for it.

    Only the rules that the change made or edited are taken back by themselves. What else is open
    in the group was there before: the sweep finds it, and people are asked. A rule that was made is
    revoked by its id; a rule that was edited goes back to what the baseline has under its id.
    """

    id = "ec2.open-ingress"
    title = "Security group open to the internet"
    severity = 85
    references = References(
        security_hub=("EC2.13", "EC2.14", "EC2.18", "EC2.19", "EC2.53", "EC2.54"),
        attack=("T1562.007",),
        stratus=("aws.exfiltration.ec2-security-group-open-port-22-ingress",),
    )
    triggers = (
        on("AuthorizeSecurityGroupIngress"),
        on("ModifySecurityGroupRules"),
        on("ModifyManagedPrefixList"),
        on("RestoreManagedPrefixListVersion"),
    )
    reads = (
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:GetManagedPrefixListEntries",
    )
    reads_use = ingress_users.READS
    writes = {
        "ec2:RevokeSecurityGroupIngress": (GROUP, RULE),
        "ec2:AuthorizeSecurityGroupIngress": (GROUP, RULE),
        "ec2:ModifySecurityGroupRules": (GROUP, RULE, prefix_lists.ANY),
        "ec2:CreateTags": (RULE,),
    }
    cuts = Cuts(
        "the clients of a load balancer or a Kubernetes service that the rule lets in",
        "the load balancers that the group is attached to, its tags, and the rules' descriptions",
        "does a load balancer or a cluster need the rule?",
    )
    volatile = MADE_ANEW | {"made", "edited"}
    momentary = frozenset({"others"})
    narrow = True
    baselined = True
    settings = OpenIngressSettings

    def screen(self, change: Change, settings: OpenIngressSettings) -> Iterable[Candidate]:
        if "PrefixList" in change.name:
            yield from prefix_lists.changed(change)
            return
        permissions = list(permissions_asked(change.request))
        offending = minimal_revoke(permissions, allowed_public_ports=settings.allowed_public_ports)
        edited = change.name == "ModifySecurityGroupRules"
        if offending and not edited:
            certainty = Certainty.EVIDENT
        # An edited rule may be an egress rule, and a prefix list's ranges are not in the record.
        # A harmless edit is looked at too: the baseline has to follow it.
        elif edited or _unknown(change.request, permissions):
            certainty = Certainty.POSSIBLE
        else:
            return
        group = group_named(change.request, change.response)
        if group:
            yield named(change, "security-group", group, certainty, _done(change, edited=edited))

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        if candidate.resource.kind == prefix_lists.KIND:
            return prefix_lists.observed(candidate.resource, reader)
        group = candidate.resource.id
        if not group.startswith("sg-"):
            group = text(described(reader, group) or {}, "GroupId")
            if not group:
                return None
        rules = rules_of(reader, group)
        ingress = sorted((rule for rule in rules if not rule.get("IsEgress")), key=in_order)
        lists = {text(rule, "PrefixListId") for rule in ingress} - {""}
        state: dict[str, Json] = {
            "group": group,
            "rules": ingress,
            "prefix_lists": {id_: _entries(reader, id_) for id_ in sorted(lists)},
            **candidate.hint,
        }
        # Requests about the same state are one, unless they are about other rules of it.
        others = sorted(
            set(map(key_of, _open(state, WEB_PORTS))) - set(map(key_of, _changed(state)))
        )
        return {**state, "others": list(others)} if others else state

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for security_group in reader.pages("ec2", "DescribeSecurityGroups", "SecurityGroups"):
            yield found(reader, "security-group", text(document(security_group), "GroupId"))

    def assess(
        self, state: Document, baseline: Document | None, settings: OpenIngressSettings
    ) -> Finding | None:
        if prefix_lists.holds(state):
            return prefix_lists.assessed(state, settings.allowed_public_ports)
        offending = _offending(state, baseline, settings)
        if offending:
            opened = ", ".join(f"{ports_of(rule)} from {source_of(rule)}" for rule in offending)
            summary = f"{state['group']} lets the internet in: {opened}"
            why = _why_asked(state, baseline, offending)
            limit = Autonomy.ASK if why else Autonomy.REVERT
            return Finding(summary, tuple(offending), at_most=limit, at_most_why=why)
        if unread := _unread(state):
            lists = "; ".join(f"{name}: {why}" for name, why in unread.items())
            return Finding(
                f"{state['group']} may let the internet in by a prefix list that cannot be read",
                at_most=Autonomy.ASK,
                at_most_why=f"whom it lets in could not be told ({lists})",
            )
        return None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: OpenIngressSettings,
    ) -> Plan:
        state = observation.state
        if prefix_lists.holds(state):
            return Plan((), advice=prefix_lists.ADVICE)
        offending = _offending(state, baseline, settings)
        if not offending:
            return Plan((), advice="Look up which ranges the prefix list holds.")
        group = arn_of(candidate.resource, text(state, "group"))
        edited = {id_ for rule in offending if _is_edited(rule, state) for id_ in [_id(rule)]}
        back = [
            edit(group, before, rule)
            for rule in offending
            if _id(rule) in edited and (before := _before(rule, baseline))
        ]
        gone = [rule for rule in offending if not (_id(rule) in edited and _before(rule, baseline))]
        untouched = tuple(
            f"{ports_of(rule)} from {source_of(rule)}"
            for rule in items(state["rules"])
            if rule not in offending
        )
        advice = [reserved_in_words(gone)]
        if any(_id(rule) in edited for rule in gone):
            advice.append("The edited rule is deleted: what it let in before is cut with it.")
        return Plan(
            (*back, *revocation(group, gone)),
            untouched=untouched,
            advice=" ".join(filter(None, advice)),
        )

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        """What brings its clients in through the group: load balancers, Kubernetes."""
        if prefix_lists.holds(state):
            return NOT_IN_USE
        group = arn_of(candidate.resource, text(state, "group"))
        return ingress_users.of(group, _changed(state), reader)


# ------------------------------------------------------------------------------- the record


def _unknown(request: Document, permissions: list[Document]) -> bool:
    """Whether the record leaves open what was permitted: omitted, unread, or by prefix list."""
    if omitted(request) or not permissions:
        return True
    return any(True for permission in permissions for _ in items(permission.get("PrefixListIds")))


def _done(change: Change, *, edited: bool) -> Document:
    """What the change itself did: the keys of the rules that it made, the ids of those it edited.

    Both are empty where the record tells neither.
    """
    ids = [
        text(update, "SecurityGroupRuleId")
        for update in items(change.request.get("SecurityGroupRule"))
    ]
    made = [] if edited else made_by(change.request, change.response)
    return {"made": sorted(map(str, made)), "edited": sorted(filter(None, ids))}


# -------------------------------------------------------------------------------- the state


def _is_told(state: Document) -> bool:
    """Whether it is known what the change did: a sweep has no record, and some records hide it."""
    return bool(state.get("made") or state.get("edited"))


def _changed(state: Document) -> list[Document]:
    """The rules that the change made or edited; all where that is not known."""
    rules = list(items(state["rules"]))
    if not _is_told(state):
        return rules
    made = _texts(state, "made")
    return [rule for rule in rules if key_of(rule) in made or _is_edited(rule, state)]


def _is_edited(rule: Document, state: Document) -> bool:
    return _id(rule) in _texts(state, "edited")


def _id(rule: Document) -> str:
    return text(rule, "SecurityGroupRuleId")


def _before(rule: Document, baseline: Document | None) -> Document | None:
    """The rule as the baseline has it, by its id, which an edit keeps."""
    known = items(baseline.get("rules")) if baseline else ()
    return next((item for item in known if _id(item) == _id(rule)), None)


def _offending(
    state: Document, baseline: Document | None, settings: OpenIngressSettings
) -> list[Document]:
    """The rules of the change that let the internet reach an unlisted port.

    All rules of the group count when their sources are added up. A rule that is as it was before
    the edit is not the edit's doing.
    """
    opened = _open(state, settings.allowed_public_ports)
    return [
        rule
        for rule in _changed(state)
        if rule in opened and not _is_as_before(rule, state, baseline)
    ]


def _open(state: Document, allowed_public_ports: Collection[int]) -> list[Document]:
    """The rules of the group that let the internet reach another port than these."""
    rules = list(items(state["rules"]))
    revoked = minimal_revoke(
        [permission_of(rule) for rule in rules],
        allowed_public_ports=allowed_public_ports,
        prefix_lists={
            name: [cidr for cidr in entries if isinstance(cidr, str)]
            for name, entries in mapping(state, "prefix_lists").items()
            if isinstance(entries, (list, tuple))
        },
    )
    gone = [{k: v for k, v in rule.items() if v not in ([], None)} for rule in revoked]
    return [rule for rule in rules if permission_of(rule) in gone]


def _is_as_before(rule: Document, state: Document, baseline: Document | None) -> bool:
    before = _before(rule, baseline) if _is_edited(rule, state) else None
    return before is not None and request_of(before) == request_of(rule)


def _why_asked(state: Document, baseline: Document | None, offending: list[Document]) -> str:
    """Why people have to be asked about these rules; "" where they need not be."""
    if "made" in state and not _is_told(state):
        return "the record does not say what was opened, and it may have been open before"
    unknown = [
        _id(rule)
        for rule in offending
        if _is_edited(rule, state) and _before(rule, baseline) is None
    ]
    if unknown:
        return f"what rule {', '.join(unknown)} let in before it was edited is not recorded"
    return ""


def _unread(state: Document) -> dict[str, str]:
    """The prefix lists of the change's rules that could not be read, each with the reason."""
    lists = mapping(state, "prefix_lists")
    used = {text(rule, "PrefixListId") for rule in _changed(state)}
    return {name: str(why) for name, why in lists.items() if name in used and isinstance(why, str)}


def _texts(state: Document, name: str) -> list[Json]:
    value = state.get(name)
    return list(value) if isinstance(value, (list, tuple)) else []


def _entries(reader: Reader, prefix_list: str) -> Json:
    """The ranges of a prefix list; or why it cannot be read, for no list hides a group's rules.

    A list of another account may be shared no longer, and one that is being changed is not told.
    """
    try:
        return [
            text(document(entry), "Cidr")
            for entry in reader.pages(
                "ec2", "GetManagedPrefixListEntries", "Entries", PrefixListId=prefix_list
            )
        ]
    except (Throttled, Unreachable):
        raise
    except AwsError as error:
        return str(error)


CONTROLS = (OpenIngress(),)
