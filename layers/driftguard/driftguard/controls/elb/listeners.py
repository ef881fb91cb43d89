"""Listeners that no longer encrypt, or take old versions of TLS.

Sources: Elastic Load Balancing, "Update an HTTPS listener for your Application Load Balancer" and
"Security policies for your Application Load Balancer".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import References
from ..mechanisms.weakened import Weakened, told
from .records import LISTENER, arn_in, by_arn, found, is_old, load_balancers, on

_ENCRYPTED = ("HTTPS", "TLS")
_FIELDS = ("Protocol", "Port", "SslPolicy", "Certificates")


def _modified(change: Change) -> Iterable[Candidate]:
    arn = arn_in(change.request, "listenerArn")
    if not arn:
        return
    where = by_arn(change, "listener", arn)
    protocol = text(change.request, "protocol")
    if is_old(text(change.request, "sslPolicy")):
        yield told(where, "SslPolicy")
    # A listener that never encrypted is modified in the same way: the baseline tells.
    elif (protocol and protocol not in _ENCRYPTED) or omitted(change.request):
        yield Candidate(where, Certainty.POSSIBLE)


def _listeners(reader: Reader) -> Iterable[Resource]:
    for balancer in load_balancers(reader):
        arn = text(balancer, "LoadBalancerArn")
        for listener in reader.pages(
            "elbv2", "DescribeListeners", "Listeners", LoadBalancerArn=arn
        ):
            yield found(reader, "listener", text(document(listener), "ListenerArn"))


def _read(listener: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "elbv2",
        "DescribeListeners",
        ListenerArns=[listener.id],
        absent=("ListenerNotFound", "LoadBalancerNotFound"),
    )
    described = next(items(document(answer).get("Listeners")), None)
    if described is None:
        return None
    fields = _FIELDS if text(described, "Protocol") in _ENCRYPTED else _FIELDS[:2]
    return {name: described[name] for name in fields if described.get(name)}


def _weaker(state: Document, baseline: Document | None) -> Mapping[str, str]:
    """The fields that the listener lost; restoring encryption needs all of them."""
    if baseline is None:
        policy = text(state, "SslPolicy")
        return {"SslPolicy": f"{policy} takes old versions of TLS"} if is_old(policy) else {}
    if text(baseline, "Protocol") not in _ENCRYPTED:
        return {}
    if text(state, "Protocol") not in _ENCRYPTED:
        why = f"it no longer encrypts: {text(state, 'Protocol')}, not {text(baseline, 'Protocol')}"
        return {name: why for name in _FIELDS if state.get(name) != baseline.get(name)}
    before, now = text(baseline, "SslPolicy"), text(state, "SslPolicy")
    if is_old(now) and not is_old(before):
        return {"SslPolicy": f"{now}, no longer {before}, takes old versions of TLS"}
    return {}


def _put(listener: Resource, state: Document, names: tuple[str, ...]) -> Call:
    parameters: dict[str, Json] = {
        "ListenerArn": listener.id,
        **{name: state[name] for name in names if name in state},
    }
    return Call("elbv2", "ModifyListener", parameters, on=(listener.arn,))


CONTROLS = (
    Weakened(
        id="elb.listener-weakened",
        title="Listener's encryption weakened",
        severity=65,
        references=References(security_hub=("ELB.17",), attack=("T1562.010", "T1557")),
        triggers=(on("ModifyListener"),),
        reads=(
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeLoadBalancers",
        ),
        writes={"elasticloadbalancing:ModifyListener": (LISTENER,)},
        found_by=_listeners,
        candidates=_modified,
        read=_read,
        weaker=_weaker,
        put=_put,
    ),
)
