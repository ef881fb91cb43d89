"""Load balancers that were given security groups open to the world.

Source: Elastic Load Balancing API Reference, "SetSecurityGroups".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...access.network import minimal_revoke
from ...aws import Reader, document
from ...model import Call, Certainty, Change, Document, Json, Resource, Suspect
from ...trail import items, text
from ..control import References
from ..ec2.rules import permission_of, rules_of
from ..mechanisms import Weakened
from .records import LOAD_BALANCER, arn_in, by_arn, found, load_balancers, on, texts


def _set(change: Change) -> Iterable[Suspect]:
    """The record names the groups, but not what they let in."""
    arn = arn_in(change.request, "loadBalancerArn")
    if arn and texts(change.request.get("securityGroups")) != []:
        yield Suspect(by_arn(change, "load-balancer", arn), Certainty.POSSIBLE)


def _read(balancer: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "elbv2",
        "DescribeLoadBalancers",
        LoadBalancerArns=[balancer.id],
        absent=("LoadBalancerNotFound",),
    )
    one = next(items(document(answer).get("LoadBalancers")), None)
    if one is None:
        return None
    groups: list[Json] = [*sorted(texts(one.get("SecurityGroups")))]
    wide = [group for group in groups if _is_open(reader, str(group))]
    return {"groups": groups, "open": wide}


def _is_open(reader: Reader, group: str) -> bool:
    """Whether the internet reaches more than the web's ports through this group."""
    ingress = [one for one in rules_of(reader, group) if not one.get("IsEgress")]
    return bool(minimal_revoke([permission_of(one) for one in ingress]))


def _wider(state: Document, baseline: Document | None) -> Mapping[str, str]:
    before = texts(baseline["groups"]) if baseline else []
    new = [group for group in texts(state["open"]) if group not in before]
    if not new:
        return {}
    return {"groups": f"the load balancer got {', '.join(new)}, open to the internet"}


def _put(balancer: Resource, state: Document, names: tuple[str, ...]) -> Call:
    parameters: Document = {"LoadBalancerArn": balancer.id, "SecurityGroups": state["groups"]}
    return Call("elbv2", "SetSecurityGroups", parameters, on=(balancer.arn,))


CONTROLS = (
    Weakened(
        id="elb.security-groups",
        title="Load balancer given security groups open to the internet",
        severity=65,
        references=References(attack=("T1562.007",)),
        triggers=(on("SetSecurityGroups"),),
        reads=(
            "ec2:DescribeSecurityGroupRules",
            "elasticloadbalancing:DescribeLoadBalancers",
        ),
        writes={"elasticloadbalancing:SetSecurityGroups": (LOAD_BALANCER,)},
        found_by=lambda reader: (
            found(reader, "load-balancer", text(one, "LoadBalancerArn"))
            for one in load_balancers(reader)
        ),
        suspects=_set,
        read=_read,
        weaker=_wider,
        put=_put,
    ),
)
