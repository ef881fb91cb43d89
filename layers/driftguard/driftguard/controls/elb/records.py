"""Reads what the records and resources of load balancers have in common.

Both generations share an event source and many names: the newer one names its resources by ARN,
the classic one by name.
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, text
from driftguard.model import Change, Resource

from ..control import Cuts, Trigger, resource

LOAD_BALANCER = "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/*"
LISTENER = "arn:{partition}:elasticloadbalancing:{region}:{account}:listener/*"

# What restoring encryption cuts: nothing tells who connects by which version.
OLD_CLIENTS = Cuts(
    "clients that do not encrypt, or speak only old versions of TLS",
    question="do clients need the weaker encryption?",
)

# The names of AWS's policies say which version of TLS they begin with; these begin with 1.2 or 1.3.
_MODERN = ("-TLS13-1-2", "-TLS13-1-3", "-TLS-1-2", "-FS-1-2")


def on(call: str) -> Trigger:
    """The trigger of a call of either generation."""
    return Trigger("elasticloadbalancing.amazonaws.com", call)


def arn_in(request: Document, name: str) -> str:
    """The ARN that a request names its resource by, "" where there is none."""
    arn = text(request, name)
    return arn if arn.startswith("arn:") and arn.count(":") >= 5 else ""


def by_arn(change: Change, kind: str, arn: str) -> Resource:
    """A resource of the newer generation, whose ARN is in the record."""
    return resource(change, f"elb.{kind}", arn, arn.split(":", 2)[2])


def load_balancers(reader: Reader, **parameters: object) -> Iterable[Document]:
    """The load balancers of the newer generation, as they are described."""
    pages = reader.pages("elbv2", "DescribeLoadBalancers", "LoadBalancers", **parameters)
    return map(document, pages)


def found(reader: Reader, kind: str, arn: str) -> Resource:
    """A resource of the newer generation, as the sweep finds it."""
    return Resource(f"elb.{kind}", arn, reader.account, reader.region, arn)


def is_old(policy: str) -> bool:
    """Whether a security policy of AWS's still takes TLS 1.0, 1.1 or SSL.

    Sources: Elastic Load Balancing, "Security policies for your Application Load Balancer" and
    "Predefined SSL security policies for Classic Load Balancers".
    """
    return policy.startswith("ELBSecurityPolicy") and not any(
        version in policy for version in _MODERN
    )


def texts(value: Json) -> list[str]:
    """The strings of a list, bare or in `{"items": […]}`."""
    if isinstance(value, dict):
        return texts(value.get("items"))
    if isinstance(value, (list, tuple)):
        return [item if isinstance(item, str) else text({"item": item}, "item") for item in value]
    return [value] if isinstance(value, str) else []
