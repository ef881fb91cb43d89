"""Tells who lets clients in through a security group: load balancers, and Kubernetes.

Sources: Amazon EC2 API Reference, "NetworkInterface" (`RequesterId`, `InterfaceType`); Kubernetes
documentation, "Service" (without `loadBalancerSourceRanges` a network load balancer's node ports
are opened to 0.0.0.0/0); AWS Load Balancer Controller, "Security Groups"
(`elbv2.k8s.aws/cluster`); Amazon EKS User Guide, "View Amazon EKS security group requirements for
clusters".
"""

from __future__ import annotations

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, text, whole_number
from driftguard.model import NOT_IN_USE, Use

from .rules import described, ports_of

READS = (
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "elasticloadbalancing:DescribeListeners",
)

# The description of the rules that Kubernetes makes for a network load balancer.
_OF_KUBERNETES = "kubernetes.io/rule/"
# The tags by which Kubernetes and EKS know a cluster's groups.
_CLUSTER_TAGS = ("kubernetes.io/cluster/", "elbv2.k8s.aws/cluster", "aws:eks:cluster-name")


def of(group_arn: str, rules: list[Document], reader: Reader) -> Use:
    """Whose clients these inbound rules of a group let in, as far as can be told."""
    for rule in rules:
        if text(rule, "Description").startswith(_OF_KUBERNETES):
            return Use(
                f"Kubernetes lets a load balancer's clients in by {ports_of(rule)} "
                f"({text(rule, 'Description')})"
            )
    group = group_arn.partition(":security-group/")[2]
    if tag := _cluster_tag(described(reader, group) or {}):
        return Use(f"Kubernetes uses the group, which is tagged {tag}")
    filters = [{"Name": "group-id", "Values": [group]}]
    interfaces = reader.pages(
        "ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", Filters=filters
    )
    found = sorted({name for item in interfaces if (name := _load_balancer(document(item)))})
    where = group_arn.partition(":security-group/")[0].replace(":ec2:", ":elasticloadbalancing:")
    names = [
        f"load balancer {name}"
        for name in found
        if _listens(name, f"{where}:loadbalancer/{name}", rules, reader)
    ]
    return Use(f"the group is attached to {', '.join(names)}") if names else NOT_IN_USE


def _load_balancer(interface: Document) -> str:
    """The name of the load balancer that a network interface belongs to; "" for none."""
    kind = text(interface, "InterfaceType")
    if text(interface, "RequesterId") != "amazon-elb" and not kind.endswith("load_balancer"):
        return ""
    name = text(interface, "Description").removeprefix("ELB ")
    return name or text(interface, "NetworkInterfaceId")


def _listens(name: str, arn: str, rules: list[Document], reader: Reader) -> bool:
    """Whether a load balancer listens where one of the rules lets in, as far as can be told."""
    if not name.startswith(("app/", "net/")):
        return True
    answer = reader.read(
        "elbv2",
        "DescribeListeners",
        LoadBalancerArn=arn,
        absent=("ListenerNotFound", "LoadBalancerNotFound", "ValidationError"),
    )
    if answer is None:
        return True
    listeners = items(document(answer).get("Listeners"))
    ports = [whole_number(text(listener, "Port")) for listener in listeners]
    return any(_reaches(rule, port) for rule in rules for port in ports if port is not None)


def _reaches(rule: Document, port: int) -> bool:
    low, high = rule.get("FromPort"), rule.get("ToPort")
    if text(rule, "IpProtocol") == "-1" or not isinstance(low, int) or not isinstance(high, int):
        return True
    return low <= port <= high


def _cluster_tag(group: Document) -> str:
    """The tag that says which cluster a group belongs to; "" for none."""
    keys = (text(tag, "Key") for tag in items(group.get("Tags")))
    return next((key for key in keys if key.startswith(_CLUSTER_TAGS)), "")
