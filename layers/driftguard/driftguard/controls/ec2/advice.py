"""Changes that EC2 cannot take back: routes, unencrypted volumes, key pairs, peerings.

Sources: Amazon EC2 API Reference, "CreateRoute", "CreateVolume", "ImportKeyPair" and
"AcceptVpcPeeringConnection".
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.access.network import is_public_range
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan, Resource

from ..control import NOTHING, Control, References, TrustSettings
from ..mechanisms.advice import Advice
from ..mechanisms.sharing import is_trusted
from .records import EVERY, found, inner, named, on, string, value

# ------------------------------------------------------------------------ routes


def _everywhere(route: Document) -> bool:
    to = string(route, "destinationCidrBlock") or string(route, "destinationIpv6CidrBlock")
    return bool(to) and is_public_range(to) and string(route, "gatewayId").startswith("igw-")


def _routed(change: Change) -> Iterable[Candidate]:
    table = string(change.request, "routeTableId")
    if table and _everywhere(change.request):
        yield named(change, "route-table", table, Certainty.EVIDENT)
    elif table and omitted(change.request):
        yield named(change, "route-table", table, Certainty.POSSIBLE)


def _table(table: Resource, reader: Reader) -> Document | None:
    """The route, while it is there."""
    asked = [{"Name": "route-table-id", "Values": [table.id]}]
    for route_table in reader.pages("ec2", "DescribeRouteTables", "RouteTables", Filters=asked):
        routes = [
            route for route in items(document(route_table).get("Routes")) if _everywhere(route)
        ]
        if routes:
            return {"gateways": sorted({text(route, "GatewayId") for route in routes})}
    return None


ROUTE = Advice(
    id="ec2.route-to-igw",
    title="Route to the internet through a gateway",
    severity=40,
    references=References(attack=("T1562.007",)),
    triggers=(on("CreateRoute"), on("ReplaceRoute")),
    reads=("ec2:DescribeRouteTables",),
    cuts=NOTHING,
    revert="every public subnet has such a route, and deleting one cuts live traffic at once",
    candidates=_routed,
    why="the subnets of a route table now reach the internet, and are reached from it",
    advice="If the table serves private subnets, delete the route.",
    read=_table,
)

# ------------------------------------------------------------------------ encryption


def _volumes_made(change: Change) -> Iterable[Candidate]:
    """Candidates of new volumes: a volume's record is proof, instances and copies need a look."""
    if change.name == "CreateVolume":
        volume = string(change.response, "volumeId")
        if volume and flag(value(change.response, "encrypted")) is False:
            yield named(change, "volume", volume, Certainty.EVIDENT)
    elif change.name == "CopyVolumes":
        for copy in items(value(change.response, "volumeSet")):
            id_, encrypted = string(copy, "volumeId"), flag(value(copy, "encrypted"))
            if id_ and encrypted is not True:
                certainty = Certainty.EVIDENT if encrypted is False else Certainty.POSSIBLE
                yield named(change, "volume", id_, certainty)
    elif change.name == "CopySnapshot":
        snapshot = string(change.response, "snapshotId")
        if snapshot and flag(value(change.request, "encrypted")) is not True:
            yield named(change, "snapshot", snapshot, Certainty.POSSIBLE)
    else:
        for item in items(change.response.get("instancesSet")):
            if id_ := text(item, "instanceId"):
                yield named(change, "instance", id_, Certainty.POSSIBLE)
        if omitted(change.response) and _plain_disks(change.request):
            yield named(change, "instance", EVERY, Certainty.POSSIBLE)


def _plain_disks(request: Document) -> bool:
    """Whether a launch may have made volumes that are not encrypted, by its request alone."""
    disks = [inner(item, "ebs") for item in items(value(request, "blockDeviceMapping"))]
    return omitted(request) or any(flag(value(disk, "encrypted")) is False for disk in disks)


def _unencrypted(resource: Resource, reader: Reader) -> Document | None:
    """The unencrypted volumes of a resource; None if there are none, or it is gone."""
    if resource.kind == "ec2.snapshot":
        operation, key, id_, name = "DescribeSnapshots", "Snapshots", "SnapshotId", "snapshot-id"
    else:
        operation, key, id_ = "DescribeVolumes", "Volumes", "VolumeId"
        on_instance = resource.kind == "ec2.instance"
        name = "attachment.instance-id" if on_instance else "volume-id"
    asked = [{"Name": name, "Values": [resource.id]}]
    if resource.id == EVERY:
        # So many were launched that the record leaves them out: all volumes are looked at.
        asked = [{"Name": "encrypted", "Values": ["false"]}]
    volumes = [document(item) for item in reader.pages("ec2", operation, key, Filters=asked)]
    plain = sorted(
        text(described, id_) for described in volumes if flag(described.get("Encrypted")) is False
    )
    return {"unencrypted": plain} if plain else None


UNENCRYPTED = Advice(
    id="ec2.unencrypted-volume",
    title="Volume or snapshot not encrypted",
    severity=40,
    references=References(security_hub=("EC2.3",)),
    triggers=(on("CreateVolume"), on("RunInstances"), on("CopySnapshot"), on("CopyVolumes")),
    reads=("ec2:DescribeSnapshots", "ec2:DescribeVolumes"),
    cuts=NOTHING,
    revert="a volume is encrypted only by copying it",
    candidates=_volumes_made,
    why="data is stored without encryption",
    advice="Copy it to an encrypted one, and switch on EBS encryption by default.",
    read=_unencrypted,
)

# ------------------------------------------------------------------------ key pairs


def _key_made(change: Change) -> Iterable[Candidate]:
    """Candidates of new key pairs, but for those that services make for their own machines."""
    name = string(change.request, "keyName") or string(change.response, "keyName")
    if name and ":role/aws-service-role/" not in change.actor.principal:
        yield named(change, "key-pair", name, Certainty.EVIDENT)


def _key(key_pair: Resource, reader: Reader) -> Document | None:
    """The key pair while it is there: image builders throw theirs away in minutes."""
    asked = [{"Name": "key-name", "Values": [key_pair.id]}]
    answer = document(reader.read("ec2", "DescribeKeyPairs", Filters=asked))
    return next(({"key": key_pair.id} for _ in items(answer.get("KeyPairs"))), None)


KEY_PAIR = Advice(
    id="ec2.key-imported",
    title="Key pair imported or created",
    severity=35,
    references=References(attack=("T1098.004",)),
    triggers=(on("ImportKeyPair"), on("CreateKeyPair")),
    reads=("ec2:DescribeKeyPairs",),
    cuts=NOTHING,
    revert="deleting a key pair takes it off no instance that has it already",
    candidates=_key_made,
    why="whoever holds the private key can log in to instances that are launched with it",
    advice="If nobody knows it, delete the key pair and look for instances launched with it.",
    read=_key,
)

# ------------------------------------------------------------------------ peerings


# Whoever asked for it waits for the other side, whose record of accepting it is not ours.
_JOINED = ("initiating-request", "pending-acceptance", "provisioning", "active")


class PeeringExternal(Control[TrustSettings]):
    """A VPC was joined to one of an account that is not trusted."""

    id = "ec2.peering-external"
    title = "VPC peered with a stranger's"
    severity = 75
    references = References(attack=("T1599",))
    triggers = (on("AcceptVpcPeeringConnection"), on("CreateVpcPeeringConnection"))
    reads = ("ec2:DescribeVpcPeeringConnections",)
    writes: dict[str, tuple[str, ...]] = {}
    cuts = NOTHING
    revert = "a deleted peering cannot be made again by one side alone"
    settings = TrustSettings

    def screen(self, change: Change, settings: TrustSettings) -> Iterable[Candidate]:
        peering = inner(change.response, "vpcPeeringConnection")
        id_ = string(change.request, "vpcPeeringConnectionId") or string(
            peering, "vpcPeeringConnectionId"
        )
        strangers = _strangers(peering, change.account, settings)
        if id_ and (strangers or not peering):
            certainty = Certainty.EVIDENT if strangers else Certainty.POSSIBLE
            yield named(change, "vpc-peering-connection", id_, certainty)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        asked = [{"Name": "vpc-peering-connection-id", "Values": [candidate.resource.id]}]
        for vpc_peering_connection in reader.pages(
            "ec2", "DescribeVpcPeeringConnections", "VpcPeeringConnections", Filters=asked
        ):
            peering = document(vpc_peering_connection)
            if text(mapping(peering, "Status"), "Code") in _JOINED:
                sides = ("RequesterVpcInfo", "AccepterVpcInfo")
                return {
                    "account": candidate.resource.account,
                    **{side: {"OwnerId": mapping(peering, side).get("OwnerId")} for side in sides},
                }
        return None

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for vpc_peering_connection in reader.pages(
            "ec2", "DescribeVpcPeeringConnections", "VpcPeeringConnections"
        ):
            id_ = text(document(vpc_peering_connection), "VpcPeeringConnectionId")
            yield found(reader, "vpc-peering-connection", id_)

    def assess(
        self, state: Document, baseline: Document | None, settings: TrustSettings
    ) -> Finding | None:
        strangers = _strangers(state, text(state, "account"), settings)
        if not strangers:
            return None
        return Finding(f"the VPC is joined to one of account {', '.join(strangers)}")

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TrustSettings,
    ) -> Plan:
        return Plan((), advice="Take its routes away, or delete the peering connection.")


def _strangers(peering: Document, own: str, settings: TrustSettings) -> list[str]:
    """The accounts at either end that are neither the own one nor trusted."""
    sides = (inner(peering, "requesterVpcInfo"), inner(peering, "accepterVpcInfo"))
    owners = {string(side, "ownerId") for side in sides} - {""}
    return sorted(owner for owner in owners if not is_trusted(owner, own, settings.trusted))


CONTROLS = (ROUTE, UNENCRYPTED, KEY_PAIR, PeeringExternal())
