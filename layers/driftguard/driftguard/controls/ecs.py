"""ECS: services, and the revisions of a task definition that they can run.

Sources: Amazon ECS API Reference, "DescribeServices", "DescribeTaskDefinition",
"ListTaskDefinitions", "UpdateService"; Amazon ECS Developer Guide, "IAM roles for Amazon ECS".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.model import Call, Change, Resource, Use

from .control import Cuts, resource
from .mechanisms.deployed import FRESH_IN_WORDS, used_since

# What a service that goes back to an earlier revision loses: no API tells what the newer one has.
NEWER_REVISION = Cuts(
    "what the newer revision brought: features, fixes, data that only it understands",
    told_by=FRESH_IN_WORDS,
    question="can the earlier revision run with the data and the callers of today?",
)

ECS = "ecs.amazonaws.com"
SERVICES = ("arn:{partition}:ecs:{region}:{account}:service/*",)
ROLES = ("arn:{partition}:iam::{account}:role/*",)
_GONE = ("ClusterNotFoundException", "ServiceNotFoundException")
# How many earlier revisions are looked at in search of a clean one.
_LOOK_BACK = 5


def service_of(change: Change) -> Iterator[Resource]:
    """The service of a change, by its cluster and name."""
    named = text(change.request, "service", "serviceName")
    name = named.rpartition("/")[2]
    cluster = text(change.request, "cluster").rpartition("/")[2] or "default"
    if name:
        where = f"ecs:{{region}}:{{account}}:service/{cluster}/{name}"
        yield resource(change, "ecs.service", f"{cluster}/{name}", where)


def described(service: Resource, reader: Reader) -> Document | None:
    """A service as it is now; None when it is gone."""
    cluster, _, name = service.id.partition("/")
    found = reader.read("ecs", "DescribeServices", absent=_GONE, cluster=cluster, services=[name])
    for item in items(document(found).get("services")):
        if text(item, "status") == "ACTIVE":
            return item
    return None


def newer_revisions_use(services: Iterable[Resource], reader: Reader) -> Use:
    """Whether anybody may depend on the revisions that these services run.

    Source: Amazon ECS API Reference, "Deployment" (`createdAt`).
    """
    found = [described(service, reader) for service in services]
    return used_since(
        (_deployed(service) for service in found if service is not None), NEWER_REVISION
    )


def _deployed(service: Document) -> str:
    """When the revision that a service runs was deployed, in ISO 8601; "" where nothing says."""
    deployments = items(service.get("deployments"))
    primary = (made for made in deployments if text(made, "status") == "PRIMARY")
    return text(next(primary, {}), "createdAt")


def definition(arn: str, reader: Reader) -> Document:
    """A task definition."""
    found = document(reader.read("ecs", "DescribeTaskDefinition", taskDefinition=arn))
    return mapping(found, "taskDefinition")


def earlier_revisions(arn: str, reader: Reader) -> list[str]:
    """The active revisions of the same family before this one, the newest first."""
    family, _, number = arn.rpartition("/")[2].rpartition(":")
    listed = reader.pages(
        "ecs",
        "ListTaskDefinitions",
        "taskDefinitionArns",
        familyPrefix=family,
        status="ACTIVE",
        sort="DESC",
    )
    found = [str(revision) for revision in listed]
    exact = [
        revision for revision in found if revision.rpartition("/")[2].rpartition(":")[0] == family
    ]
    earlier = [revision for revision in exact if int(revision.rpartition(":")[2]) < int(number)]
    return earlier[:_LOOK_BACK]


def roles_of(found: Document) -> list[str]:
    """The roles of a task definition, which the caller that runs it must be allowed to pass."""
    return [role for field in ("taskRoleArn", "executionRoleArn") if (role := text(found, field))]


def use(service: Resource, definition_arn: str, roles: Sequence[str] = ()) -> Call:
    """The call that has a service run a revision with these roles."""
    cluster, _, name = service.id.partition("/")
    parameters: Document = {
        "cluster": cluster,
        "service": name,
        "taskDefinition": definition_arn,
    }
    return Call("ecs", "UpdateService", parameters, on=(service.arn, *roles))
