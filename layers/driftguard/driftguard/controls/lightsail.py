"""Lightsail: ports, buckets and databases opened to everybody.

IAM knows Lightsail's resources by ids that records do not tell, so a state holds the resource's own
ARN, and the resource is named after its name.

Sources: Amazon Lightsail API Reference, "PutInstancePublicPorts" (replaces all ports),
"OpenInstancePublicPorts" (everybody, where no addresses are given), "UpdateBucket",
"UpdateRelationalDatabase"; Service Authorization Reference, "Amazon Lightsail".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.access.network import is_public_range
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Cuts, References, Settling, Trigger, partition_of, resource
from .mechanisms.declared import listed, unrecorded
from .mechanisms.switch import Switch, since_before
from .mechanisms.weakened import TOLD, Weakened, told, weaker_than_before

_LIGHTSAIL = "lightsail.amazonaws.com"
_WHERE = "arn:{partition}:lightsail:{region}:{account}"
_GONE = ("NotFoundException",)
_ARN = "arn"


def _named(change: Change, kind: str, name: str) -> Resource:
    where = f"lightsail:{{region}}:{{account}}:{kind}/{name}"
    return resource(change, f"lightsail.{kind.lower()}", name, where)


def _found(reader: Reader, kind: str, name: str) -> Resource:
    where = f"arn:{partition_of(reader.region)}:lightsail:{reader.region}:{reader.account}"
    arn = f"{where}:{kind}/{name}"
    return Resource(f"lightsail.{kind.lower()}", name, reader.account, reader.region, arn)


# ------------------------------------------------------------------------------------- ports

_WEB = (80, 443)
_FIELDS = ("fromPort", "toPort", "protocol", "cidrs", "ipv6Cidrs", "cidrListAliases")


def _key(port: Document) -> str:
    return f"{text(port, 'protocol')} {text(port, 'fromPort')}-{text(port, 'toPort')}"


def _to_everybody(port: Document) -> bool:
    """Whether a port is open to everybody; one without any addresses is."""
    given = [*listed(port, "cidrs"), *listed(port, "ipv6Cidrs")]
    if not given:
        return not listed(port, "cidrListAliases")
    return any(is_public_range(str(cidr)) for cidr in given)


def _risky(port: Document) -> bool:
    web = port.get("fromPort") == port.get("toPort") and port.get("fromPort") in _WEB
    return _to_everybody(port) and not web


def _ports_opened(change: Change) -> Iterator[Candidate]:
    name = text(change.request, "instanceName")
    asked = [*items(change.request.get("portInfos")), *items(change.request.get("portInfo"))]
    opened: list[Json] = [_key(port) for port in asked if _risky(port)]
    if name and opened:
        where = _named(change, "Instance", name)
        yield Candidate(where, Certainty.EVIDENT, {TOLD: opened})
    elif name and omitted(change.request):
        yield Candidate(_named(change, "Instance", name), Certainty.POSSIBLE)


def _instances(reader: Reader) -> Iterator[Resource]:
    for instance in map(document, reader.pages("lightsail", "GetInstances", "instances")):
        yield _found(reader, "Instance", text(instance, "name"))


def _ports(instance: Resource, reader: Reader) -> Document | None:
    found = reader.read("lightsail", "GetInstance", instanceName=instance.id, absent=_GONE)
    states = reader.read(
        "lightsail", "GetInstancePortStates", instanceName=instance.id, absent=_GONE
    )
    if found is None or states is None:
        return None
    ports: list[Json] = [
        {name: port[name] for name in _FIELDS if port.get(name) not in (None, [])}
        for port in items(document(states).get("portStates"))
        if text(port, "state") != "closed"
    ]
    arn = text(mapping(document(found), "instance"), "arn")
    return {"ports": sorted(ports, key=lambda port: _key(document(port))), _ARN: arn}


def _newly_open(state: Document, baseline: Document | None) -> list[Document]:
    """What is open to everybody and was not so before; without a baseline, what the record tells.

    Lightsail itself opens a port for SSH and one for HTTP on each new instance.
    """
    risky = [port for port in items(state.get("ports")) if _risky(port)]
    if baseline is None:
        return [port for port in risky if _key(port) in listed(state, TOLD)]
    before = {_key(port) for port in items(baseline.get("ports")) if _risky(port)}
    return [port for port in risky if _key(port) not in before]


def _why_open(state: Document, baseline: Document | None) -> str:
    opened = ", ".join(_key(port) for port in _newly_open(state, baseline))
    return f"open to everybody: {opened}" if opened else ""


def _closed(state: Document, baseline: Document | None) -> Document:
    opened = _newly_open(state, baseline)
    ports: list[Json] = []
    for port in items(state.get("ports")):
        rest: Document = port if port not in opened else _to_some(port)
        if rest:
            ports.append(rest)
    return {**state, "ports": ports}


def _to_some(port: Document) -> Document:
    """A port without everybody's addresses; empty where nobody is left."""
    left = {
        name: [cidr for cidr in listed(port, name) if not is_public_range(str(cidr))]
        for name in ("cidrs", "ipv6Cidrs")
    }
    rest = {name: value for name, value in port.items() if name not in left}
    kept = {name: value for name, value in left.items() if value}
    return {**rest, **kept} if kept or listed(port, "cidrListAliases") else {}


PORTS_OPEN = Switch(
    id="lightsail.public-port",
    title="Lightsail instance's port open to everybody",
    severity=70,
    cuts=NOTHING,
    references=References(attack=("T1562.007", "T1133")),
    triggers=(
        Trigger(_LIGHTSAIL, "OpenInstancePublicPorts"),
        Trigger(_LIGHTSAIL, "PutInstancePublicPorts"),
    ),
    reads=("lightsail:GetInstance", "lightsail:GetInstancePortStates", "lightsail:GetInstances"),
    writes={"lightsail:PutInstancePublicPorts": (f"{_WHERE}:Instance/*",)},
    proven="stub",
    baselined=True,
    found_by=_instances,
    candidates=_ports_opened,
    read=_ports,
    risky=_why_open,
    asks=unrecorded,
    safe=_closed,
    put=lambda instance, state: Call(
        "lightsail",
        "PutInstancePublicPorts",
        {"instanceName": instance.id, "portInfos": state["ports"]},
        on=(text(state, _ARN),),
    ),
)

# ----------------------------------------------------------------------------------- buckets


def _bucket_opened(change: Change) -> Iterator[Candidate]:
    name, asked = text(change.request, "bucketName"), mapping(change.request, "accessRules")
    weak = [
        *_public_bucket(
            {"objects": text(asked, "getObject"), "overrides": asked.get("allowPublicOverrides")}
        )
    ]
    if name and weak:
        yield told(_named(change, "Bucket", name), *weak)
    elif name and omitted(change.request):
        yield Candidate(_named(change, "Bucket", name), Certainty.POSSIBLE)


def _buckets(reader: Reader) -> Iterator[Resource]:
    asked: dict[str, str] = {}
    while True:
        page = document(reader.read("lightsail", "GetBuckets", absent=(), **asked))
        for bucket in items(page.get("buckets")):
            yield _found(reader, "Bucket", text(bucket, "name"))
        if not text(page, "nextPageToken"):
            return
        asked["pageToken"] = text(page, "nextPageToken")


def _access(bucket: Resource, reader: Reader) -> Document | None:
    found = reader.read("lightsail", "GetBuckets", bucketName=bucket.id, absent=_GONE)
    for described in items(document(found).get("buckets")):
        rules = mapping(described, "accessRules")
        return {
            "objects": text(rules, "getObject"),
            "overrides": flag(rules.get("allowPublicOverrides")) is True,
            _ARN: text(described, "arn"),
        }
    return None


def _public_bucket(state: Document) -> dict[str, str]:
    weak = {}
    if state["objects"] == "public":
        weak["objects"] = "everybody may read its objects"
    if flag(state["overrides"]) is True:
        weak["overrides"] = "single objects can be made public"
    return weak


BUCKET_PUBLIC = Weakened(
    id="lightsail.public-bucket",
    title="Lightsail bucket open to everybody",
    severity=82,
    cuts=NOTHING,
    references=References(attack=("T1530",)),
    triggers=(Trigger(_LIGHTSAIL, "UpdateBucket"),),
    reads=("lightsail:GetBuckets",),
    writes={"lightsail:UpdateBucket": (f"{_WHERE}:Bucket/*",)},
    proven="stub",
    found_by=_buckets,
    candidates=_bucket_opened,
    read=_access,
    weaker=weaker_than_before(_public_bucket),
    # As Lightsail makes every bucket.
    default={"objects": "private", "overrides": False},
    put=lambda bucket, state, fields: Call(
        "lightsail",
        "UpdateBucket",
        {
            "bucketName": bucket.id,
            "accessRules": {
                "getObject": state["objects"],
                "allowPublicOverrides": state["overrides"],
            },
        },
        on=(text(state, _ARN),),
    ),
)

# --------------------------------------------------------------------------------- databases


def _database_opened(change: Change) -> Iterable[Candidate]:
    name = text(change.request, "relationalDatabaseName")
    if name and flag(change.request.get("publiclyAccessible")):
        yield told(_named(change, "RelationalDatabase", name), "public")


def _databases(reader: Reader) -> Iterator[Resource]:
    listing = reader.pages("lightsail", "GetRelationalDatabases", "relationalDatabases")
    for database in map(document, listing):
        yield _found(reader, "RelationalDatabase", text(database, "name"))


def _publicity(database: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "lightsail", "GetRelationalDatabase", relationalDatabaseName=database.id, absent=_GONE
    )
    if found is None:
        return None
    described = mapping(document(found), "relationalDatabase")
    public = flag(described.get("publiclyAccessible")) is True
    return {"public": public, _ARN: text(described, "arn")}


DATABASE_PUBLIC = Switch(
    id="lightsail.public-database",
    title="Lightsail database reachable from the internet",
    severity=80,
    cuts=Cuts(
        "connections from outside of Lightsail's network",
        question="does anybody connect to it from outside?",
    ),
    settling=Settling(
        900,
        "a database is `modifying` until it is as it was asked for (Amazon Lightsail User Guide, "
        "“Configure public mode for your Lightsail database”)",
    ),
    references=References(attack=("T1190", "T1530")),
    triggers=(
        Trigger(_LIGHTSAIL, "UpdateRelationalDatabase"),
        Trigger(_LIGHTSAIL, "CreateRelationalDatabase"),
        Trigger(_LIGHTSAIL, "CreateRelationalDatabaseFromSnapshot"),
    ),
    reads=("lightsail:GetRelationalDatabase", "lightsail:GetRelationalDatabases"),
    writes={"lightsail:UpdateRelationalDatabase": (f"{_WHERE}:RelationalDatabase/*",)},
    proven="stub",
    baselined=True,
    found_by=_databases,
    candidates=_database_opened,
    read=_publicity,
    risky=since_before(
        lambda state: "it is reachable from the internet" if state["public"] else ""
    ),
    safe=lambda state, _: {**state, "public": False},
    put=lambda database, state: Call(
        "lightsail",
        "UpdateRelationalDatabase",
        {"relationalDatabaseName": database.id, "publiclyAccessible": state["public"]},
        on=(text(state, _ARN),),
    ),
)

CONTROLS = (PORTS_OPEN, BUCKET_PUBLIC, DATABASE_PUBLIC)
