"""Classic load balancers: no longer logged, or with policies that take old versions of TLS.

Sources: Elastic Load Balancing, "Access logs for your Classic Load Balancer" and "SSL negotiation
configurations for Classic Load Balancers".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, partition_of, resource
from ..mechanisms.weakened import MADE, TOLD, Weakened, told, weaker_than_before
from .records import (
    LOAD_BALANCER,
    OLD_CLIENTS,
    is_old,
    on,
    texts,
)

# The second is what an emulator answers.
_GONE = ("LoadBalancerNotFound", "AccessPointNotFound")
_ENCRYPTED = ("HTTPS", "SSL")
# The type of the policies that say which versions of TLS a listener takes; others set cookies.
_NEGOTIATION = "SSLNegotiationPolicyType"


def _balancers(reader: Reader) -> Iterable[Document]:
    pages = reader.pages("elb", "DescribeLoadBalancers", "LoadBalancerDescriptions")
    return map(document, pages)


def _prefix(reader: Reader) -> str:
    where = f"elasticloadbalancing:{reader.region}:{reader.account}"
    return f"arn:{partition_of(reader.region)}:{where}"


# ------------------------------------------------------------------------ its logs


def _logs_off(change: Change) -> Iterable[Candidate]:
    name = text(change.request, "loadBalancerName")
    logs = mapping(mapping(change.request, "loadBalancerAttributes"), "accessLog")
    if not name:
        return
    tail = f"elasticloadbalancing:{{region}}:{{account}}:loadbalancer/{name}"
    where = resource(change, "elb.classic", name, tail)
    if flag(logs.get("enabled")) is False:
        yield told(where, "logs")
    elif logs or omitted(change.request):
        yield Candidate(where, Certainty.POSSIBLE)


def _read_logs(balancer: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "elb", "DescribeLoadBalancerAttributes", LoadBalancerName=balancer.id, absent=_GONE
    )
    if answer is None:
        return None
    attributes = mapping(document(answer), "LoadBalancerAttributes")
    described = reader.read(
        "elb", "DescribeLoadBalancers", LoadBalancerNames=[balancer.id], absent=_GONE
    )
    found = items(document(described).get("LoadBalancerDescriptions"))
    made = next((text(item, "CreatedTime") for item in found), "")
    return {"logs": mapping(attributes, "AccessLog"), MADE: made}


def _enabled(state: Document | None) -> bool:
    return state is not None and flag(mapping(state, "logs").get("Enabled")) is True


def _unlogged(state: Document) -> Mapping[str, str]:
    return {} if _enabled(state) else {"logs": "access is no longer logged"}


def _logged_less(state: Document, baseline: Document | None) -> Mapping[str, str]:
    """Why there is less logging: it was switched off, or goes elsewhere than before."""
    off = weaker_than_before(_unlogged)(state, baseline)
    if off or not _enabled(baseline) or baseline is None:
        return off
    bucket = text(mapping(baseline, "logs"), "S3BucketName")
    moved = text(mapping(state, "logs"), "S3BucketName") != bucket
    return {"logs": f"access is no longer logged to {bucket}"} if moved else {}


def _put_logs(balancer: Resource, state: Document, names: tuple[str, ...]) -> Call:
    parameters: Document = {
        "LoadBalancerName": balancer.id,
        "LoadBalancerAttributes": {"AccessLog": state["logs"]},
    }
    return Call("elb", "ModifyLoadBalancerAttributes", parameters, on=(balancer.arn,))


LOGS = Weakened(
    id="elb.classic-logging-off",
    title="Classic load balancer no longer logged",
    severity=60,
    references=References(security_hub=("ELB.5",), attack=("T1562.008",)),
    triggers=(on("ModifyLoadBalancerAttributes"),),
    reads=(
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
    ),
    writes={"elasticloadbalancing:ModifyLoadBalancerAttributes": (LOAD_BALANCER,)},
    cuts=NOTHING,
    found_by=lambda reader: (
        Resource(
            "elb.classic",
            (name := text(balancer, "LoadBalancerName")),
            reader.account,
            reader.region,
            f"{_prefix(reader)}:loadbalancer/{name}",
        )
        for balancer in _balancers(reader)
    ),
    candidates=_logs_off,
    read=_read_logs,
    weaker=_logged_less,
    put=_put_logs,
)

# ------------------------------------------------------------------------ its listeners' policies


def _policies_set(change: Change) -> Iterable[Candidate]:
    """The listener that got policies; the names of custom ones do not say what they accept."""
    name = text(change.request, "loadBalancerName")
    port = text(change.request, "loadBalancerPort")
    policies = texts(change.request.get("policyNames"))
    if not name or not port or (policies and all(_is_modern(policy) for policy in policies)):
        return
    # A classic listener has no ARN; this one only names it in the record.
    tail = f"elasticloadbalancing:{{region}}:{{account}}:loadbalancer/{name}:{port}"
    where = resource(change, "elb.classic-listener", f"{name}:{port}", tail)
    if any(is_old(policy) for policy in policies):
        yield told(where, "policies")
    else:
        yield Candidate(where, Certainty.POSSIBLE)


def _is_modern(policy: str) -> bool:
    return policy.startswith("ELBSecurityPolicy") and not is_old(policy)


def _listeners(reader: Reader) -> Iterable[Resource]:
    for balancer in _balancers(reader):
        for item in items(balancer.get("ListenerDescriptions")):
            listener = mapping(item, "Listener")
            if text(listener, "Protocol") in _ENCRYPTED:
                id_ = f"{text(balancer, 'LoadBalancerName')}:{text(listener, 'LoadBalancerPort')}"
                arn = f"{_prefix(reader)}:loadbalancer/{id_}"
                kind = "elb.classic-listener"
                yield Resource(kind, id_, reader.account, reader.region, arn)


def _read_policies(listener: Resource, reader: Reader) -> Document | None:
    name, _, port = listener.id.partition(":")
    answer = reader.read("elb", "DescribeLoadBalancers", LoadBalancerNames=[name], absent=_GONE)
    for balancer in items(document(answer).get("LoadBalancerDescriptions")):
        for item in items(balancer.get("ListenerDescriptions")):
            described = mapping(item, "Listener")
            if text(described, "LoadBalancerPort") == port:
                encrypted = text(described, "Protocol") in _ENCRYPTED
                policies = sorted(texts(item.get("PolicyNames"))) if encrypted else []
                described_policies = list(_described(reader, name, policies))
                old = sorted(text(item, "PolicyName") for item in described_policies if _old(item))
                tls = sorted(
                    text(item, "PolicyName")
                    for item in described_policies
                    if text(item, "PolicyTypeName") == _NEGOTIATION
                )
                return {
                    "policies": list(policies),
                    "old": list(old),
                    "tls": list(tls),
                    MADE: text(balancer, "CreatedTime"),
                }
    return None


def _described(reader: Reader, balancer: str, policies: list[str]) -> Iterable[Document]:
    """The policies of a listener."""
    if not policies:
        return ()
    answer = reader.read(
        "elb",
        "DescribeLoadBalancerPolicies",
        LoadBalancerName=balancer,
        PolicyNames=policies,
        absent=(*_GONE, "PolicyNotFound"),
    )
    return items(document(answer).get("PolicyDescriptions"))


def _old(policy: Document) -> bool:
    """Whether a policy accepts old versions of TLS."""
    for item in items(policy.get("PolicyAttributeDescriptions")):
        name, value = text(item, "AttributeName"), text(item, "AttributeValue")
        if name == "Reference-Security-Policy" and is_old(value):
            return True
        if name in ("Protocol-SSLv3", "Protocol-TLSv1", "Protocol-TLSv1.1") and value == "true":
            return True
    return False


def _aged(state: Document, baseline: Document | None) -> Mapping[str, str]:
    if baseline is None and not state.get(TOLD):
        # AWS's own default takes old versions: it may never have been otherwise.
        return {}
    before = texts(baseline["policies"]) if baseline else []
    new = [policy for policy in texts(state["old"]) if policy not in before]
    return {"policies": f"{', '.join(new)} takes old versions of TLS"} if new else {}


def _with_tls_before(state: Document, before: Document, _: tuple[str, ...]) -> Document:
    """The listener's policies with those of TLS as before; cookies and the like stay as they are.

    The call sets the whole list.
    """
    others = [policy for policy in texts(state["policies"]) if policy not in texts(state["tls"])]
    # A baseline of an earlier version does not tell which of its policies are of TLS.
    known = texts(before.get("tls", before["policies"]))
    return {"policies": sorted({*others, *known})}


def _put_policies(listener: Resource, state: Document, names: tuple[str, ...]) -> Call:
    name, _, port = listener.id.partition(":")
    policies: Json = state["policies"]
    return Call(
        "elb",
        "SetLoadBalancerPoliciesOfListener",
        {"LoadBalancerName": name, "LoadBalancerPort": int(port), "PolicyNames": policies},
        on=(listener.arn.removesuffix(f":{port}"),),
    )


POLICIES = Weakened(
    id="elb.classic-listener-weakened",
    title="Classic listener takes old versions of TLS",
    severity=60,
    references=References(security_hub=("ELB.8",), attack=("T1562.010", "T1557")),
    triggers=(on("SetLoadBalancerPoliciesOfListener"),),
    reads=(
        "elasticloadbalancing:DescribeLoadBalancerPolicies",
        "elasticloadbalancing:DescribeLoadBalancers",
    ),
    writes={"elasticloadbalancing:SetLoadBalancerPoliciesOfListener": (LOAD_BALANCER,)},
    cuts=OLD_CLIENTS,
    found_by=_listeners,
    candidates=_policies_set,
    read=_read_policies,
    weaker=_aged,
    back=_with_tls_before,
    put=_put_policies,
)

CONTROLS = (LOGS, POLICIES)
