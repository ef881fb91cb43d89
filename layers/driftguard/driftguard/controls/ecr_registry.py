"""ECR: a registry open by its policy, so that strangers may put images into it.

Source: Amazon ECR User Guide, "Private registry permissions in Amazon ECR". A registry is a
region's, and neither it nor its policy has an ARN.
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of, resource
from .mechanisms.resource_policy import OpenPolicy

_ECR = "ecr.amazonaws.com"
_EVERYWHERE = ("*",)
_NONE = ("RegistryPolicyNotFoundException",)


def _registry(change: Change) -> Iterator[Candidate]:
    # This ARN only names it in the record.
    where = resource(change, "ecr.registry", change.account, "ecr:{region}:{account}:registry")
    yield Candidate(where, Certainty.POSSIBLE)


def _registries(reader: Reader) -> Iterator[Resource]:
    arn = f"arn:{partition_of(reader.region)}:ecr:{reader.region}:{reader.account}:registry"
    yield Resource("ecr.registry", reader.account, reader.account, reader.region, arn)


def _policy(_: Resource, reader: Reader) -> Document:
    found = reader.read("ecr", "GetRegistryPolicy", absent=_NONE)
    return {"policy": text(document(found), "policyText")}


PUBLIC_REGISTRY = OpenPolicy(
    id="ecr.public-registry",
    title="Image registry open by its policy",
    severity=80,
    cuts=NOTHING,
    references=References(attack=("T1525", "T1195.002")),
    triggers=(Trigger(_ECR, "PutRegistryPolicy"),),
    reads=("ecr:GetRegistryPolicy",),
    writes={"ecr:PutRegistryPolicy": _EVERYWHERE, "ecr:DeleteRegistryPolicy": _EVERYWHERE},
    found_by=_registries,
    service="ecr-registry",
    candidates=_registry,
    written=lambda change: change.request.get("policyText"),
    read=_policy,
    put=lambda registry, written, _: Call(
        "ecr", "PutRegistryPolicy", {"policyText": written}, on=_EVERYWHERE
    ),
    delete=lambda registry, _: Call(
        "ecr", "DeleteRegistryPolicy", {}, on=_EVERYWHERE, settled_by=_NONE
    ),
)

CONTROLS = (PUBLIC_REGISTRY,)
