"""AWS Network Firewall: firewalls with another policy, without protection or logs, or deleted."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Cuts, References, Trigger, partition_of
from .mechanisms.advice import Advice
from .mechanisms.switch import Switch

_SOURCE = "network-firewall.amazonaws.com"
_FIREWALLS = "arn:{partition}:network-firewall:{region}:{account}:firewall/*"
# A policy may be another account's, shared with this one.
_POLICIES = "arn:{partition}:network-firewall:{region}:*:firewall-policy/*"
_GONE = ("ResourceNotFoundException",)
_REFERENCES = References(attack=("T1562.007",))


def _firewall(change: Change) -> Resource | None:
    """The firewall that a change names, by its ARN or its name."""
    name = text(change.request, "firewallArn", "firewallName").rpartition("/")[2]
    if not name:
        return None
    here = f"arn:{partition_of(change.region)}:network-firewall:{change.region}:{change.account}"
    arn = f"{here}:firewall/{name}"
    return Resource("network-firewall.firewall", name, change.account, change.region, arn)


def _firewalls(reader: Reader) -> Iterator[Resource]:
    for found in reader.pages("network-firewall", "ListFirewalls", "Firewalls"):
        name, arn = str(found["FirewallName"]), str(found["FirewallArn"])
        yield Resource("network-firewall.firewall", name, reader.account, reader.region, arn)


def _described(firewall: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "network-firewall", "DescribeFirewall", FirewallArn=firewall.arn, absent=_GONE
    )
    return None if found is None else mapping(document(found), "Firewall")


# ---------------------------------------------------------------------------------- its policy


def _associated(change: Change) -> Iterator[Candidate]:
    firewall = _firewall(change)
    if firewall is not None and change.name == "AssociateFirewallPolicy":
        yield Candidate(firewall, Certainty.POSSIBLE)


def _policy(firewall: Resource, reader: Reader) -> Document | None:
    found = _described(firewall, reader)
    return None if found is None else {"policy": text(found, "FirewallPolicyArn")}


def _why_other(state: Document, baseline: Document | None) -> str:
    if baseline is None or state["policy"] == baseline["policy"]:
        return ""
    before = text(baseline, "policy").rpartition("/")[2]
    return f"the firewall no longer follows the policy {before}"


def _associate(firewall: Resource, state: Document) -> Call:
    policy = text(state, "policy")
    parameters = {"FirewallArn": firewall.arn, "FirewallPolicyArn": policy}
    on = (firewall.arn, policy)
    return Call("network-firewall", "AssociateFirewallPolicy", parameters, on=on)


# ------------------------------------------------------------------------------ its protection


def _unprotected(change: Change) -> Iterator[Candidate]:
    firewall = _firewall(change)
    protected = flag(change.request.get("deleteProtection"))
    if firewall is not None and change.name == "UpdateFirewallDeleteProtection":
        if protected is False:
            yield Candidate(firewall, Certainty.EVIDENT)
        elif protected is None or omitted(change.request):
            yield Candidate(firewall, Certainty.POSSIBLE)


def _protection(firewall: Resource, reader: Reader) -> Document | None:
    found = _described(firewall, reader)
    return None if found is None else {"protected": flag(found.get("DeleteProtection")) is True}


def _protect(firewall: Resource, state: Document) -> Call:
    parameters = {"FirewallArn": firewall.arn, "DeleteProtection": state["protected"]}
    operation = "UpdateFirewallDeleteProtection"
    return Call("network-firewall", operation, parameters, on=(firewall.arn,))


# ---------------------------------------------------------------------------- what is no more


def _no_logs(change: Change) -> Iterator[Candidate]:
    firewall = _firewall(change)
    logging = mapping(change.request, "loggingConfiguration")
    if firewall is not None and not [*items(logging.get("logDestinationConfigs"))]:
        certain = Certainty.POSSIBLE if omitted(change.request) else Certainty.EVIDENT
        yield Candidate(firewall, certain, {"destinations": 0})


def _deleted(change: Change) -> Iterator[Candidate]:
    """A firewall that is deleted, or leaves a subnet."""
    firewall = _firewall(change)
    if firewall is not None and change.name in ("DeleteFirewall", "DisassociateSubnets"):
        yield Candidate(firewall, Certainty.EVIDENT, {"by": change.name})


CONTROLS = (
    Switch(
        id="network-firewall.policy-changed",
        title="Firewall follows another policy",
        severity=75,
        references=_REFERENCES,
        cuts=Cuts(
            "what only the new policy lets through",
            question="is the new policy meant to take the old one's place?",
        ),
        triggers=(
            Trigger(_SOURCE, "AssociateFirewallPolicy"),
            # A new firewall has no policy from before: it wakes the control in vain.
            Trigger(_SOURCE, "CreateFirewall"),
        ),
        baselined=True,
        proven="stub",
        reads=("network-firewall:DescribeFirewall", "network-firewall:ListFirewalls"),
        writes={"network-firewall:AssociateFirewallPolicy": (_FIREWALLS, _POLICIES)},
        found_by=_firewalls,
        candidates=_associated,
        read=_policy,
        risky=_why_other,
        safe=lambda _, baseline: baseline,
        put=_associate,
    ),
    Switch(
        id="network-firewall.protection-off",
        title="Firewall can be deleted",
        severity=60,
        references=References(security_hub=("NetworkFirewall.9",), attack=("T1562.007",)),
        cuts=NOTHING,
        triggers=(Trigger(_SOURCE, "UpdateFirewallDeleteProtection"),),
        proven="stub",
        reads=("network-firewall:DescribeFirewall",),
        writes={"network-firewall:UpdateFirewallDeleteProtection": (_FIREWALLS,)},
        candidates=_unprotected,
        read=_protection,
        risky=lambda state, _: (
            "" if state["protected"] else "the firewall is no longer protected from its deletion"
        ),
        safe=lambda state, _: {"protected": True},
        put=_protect,
    ),
    Advice(
        id="network-firewall.logging-off",
        title="Firewall no longer logs",
        severity=65,
        references=References(security_hub=("NetworkFirewall.2",), attack=("T1562.008",)),
        cuts=NOTHING,
        triggers=(Trigger(_SOURCE, "UpdateLoggingConfiguration"),),
        revert="AWS takes one destination at a time, and where its logs went is not in the record",
        candidates=_no_logs,
        why="nobody sees what the firewall lets through",
        advice="Enter the destinations of its alert and flow logs again.",
    ),
    Advice(
        id="network-firewall.deleted",
        title="Firewall deleted, or taken out of a subnet",
        severity=80,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(_SOURCE, "DeleteFirewall"),
            Trigger(_SOURCE, "DisassociateSubnets"),
            Trigger(_SOURCE, "CreateFirewall"),
        ),
        revert="a firewall that is made again has other endpoints, to which no route leads",
        candidates=_deleted,
        why="traffic goes past the firewall, or nowhere at all",
        advice="Make the firewall or its endpoint again, and lead the routes to it.",
    ),
)
