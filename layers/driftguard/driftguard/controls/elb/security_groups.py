"""Load balancers that were given security groups open to the world.

Source: Elastic Load Balancing API Reference, "SetSecurityGroups" and "CreateLoadBalancer".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from driftguard.access.network import minimal_revoke
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import Cuts, References
from ..ec2.rules import permission_of, rules_of
from ..mechanisms.weakened import Weakened
from .records import LOAD_BALANCER, arn_in, by_arn, found, load_balancers, on, texts


def _set(change: Change) -> Iterable[Candidate]:
    """The load balancers of a record, which names the groups but not what they let in."""
    if change.name == "CreateLoadBalancer":
        # A response of the classic generation has none.
        for made in items(change.response.get("loadBalancers")):
            arn = arn_in(made, "loadBalancerArn")
            if arn and texts(made.get("securityGroups")):
                yield Candidate(by_arn(change, "load-balancer", arn), Certainty.POSSIBLE)
        return
    arn = arn_in(change.request, "loadBalancerArn")
    if arn and texts(change.request.get("securityGroups")) != []:
        yield Candidate(by_arn(change, "load-balancer", arn), Certainty.POSSIBLE)


def _read(balancer: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "elbv2",
        "DescribeLoadBalancers",
        LoadBalancerArns=[balancer.id],
        absent=("LoadBalancerNotFound",),
    )
    described = next(items(document(answer).get("LoadBalancers")), None)
    if described is None:
        return None
    groups: list[Json] = [*sorted(texts(described.get("SecurityGroups")))]
    wide = [group for group in groups if _is_open(reader, str(group))]
    return {"groups": groups, "open": wide}


def _is_open(reader: Reader, group: str) -> bool:
    """Whether the internet reaches more than the web's ports through this group."""
    ingress = [rule for rule in rules_of(reader, group) if not rule.get("IsEgress")]
    return bool(minimal_revoke([permission_of(rule) for rule in ingress]))


def _wider(state: Document, baseline: Document | None) -> Mapping[str, str]:
    before = texts(baseline["groups"]) if baseline else []
    new = [group for group in texts(state["open"]) if group not in before]
    if not new:
        return {}
    return {"groups": f"the load balancer got {', '.join(new)}, open to the internet"}


def _without_open(state: Document, before: Document, _: tuple[str, ...]) -> Document:
    """The groups as they are now, without those that are open; as before if none is left."""
    known = texts(before["groups"])
    wide = [group for group in texts(state["open"]) if group not in known]
    left: list[Json] = [group for group in texts(state["groups"]) if group not in wide]
    return {"groups": left or [*known]}


def _put(balancer: Resource, state: Document, names: tuple[str, ...]) -> Call:
    parameters: Document = {"LoadBalancerArn": balancer.id, "SecurityGroups": state["groups"]}
    return Call("elbv2", "SetSecurityGroups", parameters, on=(balancer.arn,))


CONTROLS = (
    Weakened(
        id="elb.security-groups",
        title="Load balancer given security groups open to the internet",
        severity=65,
        references=References(attack=("T1562.007",)),
        triggers=(on("SetSecurityGroups"), on("CreateLoadBalancer")),
        reads=(
            "ec2:DescribeSecurityGroupRules",
            "elasticloadbalancing:DescribeLoadBalancers",
        ),
        writes={"elasticloadbalancing:SetSecurityGroups": (LOAD_BALANCER,)},
        cuts=Cuts(
            "clients whom the groups let in on the ports that are meant for them",
            question="do clients come in by the new groups?",
        ),
        found_by=lambda reader: (
            found(reader, "load-balancer", text(load_balancer, "LoadBalancerArn"))
            for load_balancer in load_balancers(reader)
        ),
        candidates=_set,
        read=_read,
        weaker=_wider,
        back=_without_open,
        put=_put,
    ),
)
