"""Load balancers whose logs, deletion protection or header check were switched off.

Source: Elastic Load Balancing, "Edit attributes for your Application Load Balancer".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import NOT_IN_USE, Call, Candidate, Certainty, Change, Resource, Use

from ..control import Cuts, References
from ..mechanisms.weakened import MADE, Weakened, told, weaker_than_before
from .records import (
    LOAD_BALANCER,
    arn_in,
    by_arn,
    found,
    load_balancers,
    on,
)

_LOGS = "access_logs.s3.enabled"
_PROTECTION = "deletion_protection.enabled"
_HEADERS = "routing.http.drop_invalid_header_fields.enabled"
# Where the logs go: said only while they are on.
_WHERE = ("access_logs.s3.bucket", "access_logs.s3.prefix")
_WHY = {
    _LOGS: "access is no longer logged",
    _PROTECTION: "it is no longer protected from deletion",
    _HEADERS: "invalid headers are no longer dropped",
}


def _switched(change: Change) -> Iterable[Candidate]:
    arn = arn_in(change.request, "loadBalancerArn")
    asked = {
        text(item, "key"): text(item, "value") for item in items(change.request.get("attributes"))
    }
    off = [name for name in _WHY if asked.get(name) == "false"]
    if not arn:
        return
    where = by_arn(change, "load-balancer", arn)
    if off:
        yield told(where, *off)
    # Logs that go elsewhere are as good as none: whether it is elsewhere, the baseline tells.
    elif any(name in asked for name in _WHERE) or omitted(change.request):
        yield Candidate(where, Certainty.POSSIBLE)


def _read(balancer: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "elbv2",
        "DescribeLoadBalancerAttributes",
        LoadBalancerArn=balancer.id,
        absent=("LoadBalancerNotFound",),
    )
    if answer is None:
        return None
    now = {text(item, "Key"): text(item, "Value") for item in items(document(answer)["Attributes"])}
    names = [name for name in _WHY if name in now]
    if now.get(_LOGS) == "true":
        names += [name for name in _WHERE if now.get(name)]
    described = load_balancers(reader, LoadBalancerArns=[balancer.id])
    made = next((text(item, "CreatedTime") for item in described), "")
    return {**{name: now[name] for name in names}, MADE: made}


def _off(state: Document) -> Mapping[str, str]:
    return {name: why for name, why in _WHY.items() if state.get(name) == "false"}


def _weaker(state: Document, baseline: Document | None) -> Mapping[str, str]:
    weak = dict(weaker_than_before(_off)(state, baseline))
    if baseline is not None and baseline.get(_LOGS) == "true":
        for name in _WHERE:
            if name in baseline and state.get(name) != baseline[name]:
                weak[name] = weak.get(_LOGS) or "access is logged elsewhere"
    return weak


def _headers_dropped(_: Resource, state: Document, reader: Reader) -> Use:
    """Logs and protection cut nobody off; of clients nothing is known."""
    if state.get(_HEADERS) == "false":
        return Use(unknown="do clients send headers that are invalid?")
    return NOT_IN_USE


def _put(balancer: Resource, state: Document, names: tuple[str, ...]) -> Call:
    attributes: list[Json] = [
        {"Key": name, "Value": state[name]} for name in names if name in state
    ]
    parameters: Document = {"LoadBalancerArn": balancer.id, "Attributes": attributes}
    return Call("elbv2", "ModifyLoadBalancerAttributes", parameters, on=(balancer.arn,))


CONTROLS = (
    Weakened(
        id="elb.weakened",
        title="Load balancer's logs or protection switched off",
        severity=65,
        references=References(security_hub=("ELB.4", "ELB.5", "ELB.6"), attack=("T1562.008",)),
        triggers=(on("ModifyLoadBalancerAttributes"),),
        reads=(
            "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeLoadBalancers",
        ),
        writes={"elasticloadbalancing:ModifyLoadBalancerAttributes": (LOAD_BALANCER,)},
        cuts=Cuts(
            "clients whose headers are invalid, where these are dropped again",
            "whether the check of headers is among what was switched off",
            "do clients send headers that are invalid?",
        ),
        uses=_headers_dropped,
        found_by=lambda reader: (
            found(reader, "load-balancer", text(load_balancer, "LoadBalancerArn"))
            for load_balancer in load_balancers(reader)
        ),
        candidates=_switched,
        read=_read,
        weaker=_weaker,
        # Where logs went is not to be guessed: without a baseline, people are asked.
        default={_PROTECTION: "true", _HEADERS: "true"},
        guards=frozenset({_PROTECTION}),
        put=_put,
    ),
)
