"""Says whether an exemption's pattern names something, or is for everything. Pure.

What a pattern covers is told by what it matches, not by its spelling: by the share of the ids that
AWS makes (`sg-0a1b…`), where the control's resources have such ids, and by the share of names as
people choose them. A literal part that names something (`app-*`) matches few of either.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache

from driftguard.model import Place
from driftguard.policy.bounds import fits

from .sample_names import chosen

# A pattern that matches as many of the names that people choose is not about any of them.
_MOST_OF_NAMES = 1 / 32
# So many ids of a kind are tried: nobody means one of them in 256 by a part of its id.
_IDS = 256

# The ids that AWS makes, by service and kind, as its ARNs have them. `{long}` and `{short}` are
# EC2's two lengths, numbers are so many digits of base 36, `{hex16}` of base 16.
# Sources: Amazon EC2 User Guide, "Resource IDs"; Service Authorization Reference, the resource
# types of each service; IAM User Guide, "IAM identifiers" (the beginnings of unique ids).
_EC2 = {
    "security-group/": "sg",
    "security-group-rule/": "sgr",
    "vpc/": "vpc",
    "subnet/": "subnet",
    "instance/": "i",
    "volume/": "vol",
    "snapshot/": "snap",
    "image/": "ami",
    "network-interface/": "eni",
    "route-table/": "rtb",
    "network-acl/": "acl",
    "internet-gateway/": "igw",
    "egress-only-internet-gateway/": "eigw",
    "natgateway/": "nat",
    "vpc-endpoint/": "vpce",
    "vpc-endpoint-service/": "vpce-svc",
    "prefix-list/": "pl",
    "launch-template/": "lt",
    "vpc-peering-connection/": "pcx",
    "dhcp-options/": "dopt",
    "transit-gateway/": "tgw",
    "transit-gateway-attachment/": "tgw-attach",
    "transit-gateway-route-table/": "tgw-rtb",
    "traffic-mirror-filter/": "tmf",
    "traffic-mirror-session/": "tms",
    "traffic-mirror-target/": "tmt",
    "customer-gateway/": "cgw",
    "vpn-gateway/": "vgw",
    "vpn-connection/": "vpn",
    "vpc-flow-log/": "fl",
    "vpc-block-public-access-exclusion/": "vpcbpa-exclude",
    "elastic-ip/": "eipalloc",
}
_MADE: dict[str, dict[str, tuple[str, ...]]] = {
    "ec2": {kind: (f"{made}-{{long}}", f"{made}-{{short}}") for kind, made in _EC2.items()},
    "elasticfilesystem": {
        "file-system/": ("fs-{long}", "fs-{short}"),
        "access-point/": ("fsap-{long}",),
    },
    "kms": {"key/": ("{uuid}", "mrk-{hex32}"), "custom-key-store/": ("cks-{hex16}0",)},
    "backup": {"backup-plan:": ("{uuid}",), "recovery-point:": ("{uuid}",)},
    "detective": {"graph:": ("{hex32}",)},
    "fms": {"policy/": ("{uuid}",)},
    "fsx": {"file-system/": ("fs-{long}",)},
    "inspector2": {"account/": ("{account}",)},
    "rds": {"auto-backup:": ("db-{caps}",)},
    "route53": {"queryloggingconfig/": ("{uuid}",)},
    "securityhub": {"finding-aggregator/": ("{uuid}",)},
    "shield": {"protection/": ("{uuid}",)},
    "guardduty": {"detector/": ("{hex32}",)},
    "lambda": {"event-source-mapping:": ("{uuid}",)},
    "organizations": {
        "policy/": ("p-{8}",),
        "ou/": ("ou-{4}-{8}",),
        "root/": ("r-{4}",),
        "account/": ("{account}",),
    },
    "sso": {
        "permissionSet/": ("ssoins-{hex16}/ps-{hex16}",),
        "instance/": ("ssoins-{hex16}",),
        "trustedTokenIssuer/": ("ssoins-{hex16}/tti-{uuid}",),
        "directory/": ("d-{10}",),
    },
    "ram": {"resource-share/": ("{uuid}",)},
    "rolesanywhere": {"trust-anchor/": ("{uuid}",)},
    "bedrock": {"guardrail/": ("{12}",)},
    "route53resolver": {"resolver-query-log-config/": ("rqlc-{hex15}",)},
    "apigateway": {"/restapis/": ("{10}",)},
    "iam": {"access-key/": ("AKIA{caps}",)},
}
# Kinds with names that people choose, for controls that write to none of them: what they write to
# names its kind itself.
_KINDS = {
    "access-analyzer": ("analyzer/",),
    "account": ("region/", "alternate-contact/", "primary-email/"),
    "aoss": ("security-policy/",),
    "backup": ("backup-vault:",),
    "cloudformation": ("stack/",),
    "cloudwatch": ("alarm-mute-rule:",),
    "codebuild": ("project/",),
    "config": (
        *("configuration-recorder/", "delivery-channel/", "config-rule/"),
        *("config-aggregator/", "conformance-pack/"),
    ),
    "dms": ("rep:",),
    "dynamodb": ("table/",),
    "ecs": ("service/", "task-definition/", "cluster/"),
    "ec2": ("key-pair/",),
    "ecr": ("repository/",),
    "elasticache": ("replicationgroup:", "cluster:", "serverlesscache:"),
    "es": ("domain/",),
    "events": ("event-bus/",),
    "iam": ("user/", "role/", "group/", "policy/", "organizations-feature/", "root-session/"),
    "kafka": ("cluster/",),
    "kinesis": ("stream/",),
    "lambda": ("function:", "layer:"),
    "logs": ("log-group:", "resource-policy:"),
    "memorydb": ("cluster/",),
    "mq": ("broker:",),
    "network-firewall": ("firewall/",),
    "organizations": ("service-access/",),
    "rds": ("db:", "cluster:", "snapshot:", "cluster-snapshot:"),
    "redshift": ("cluster:",),
    "route53domains": ("domain/",),
    "sagemaker": ("notebook-instance-lifecycle-config/", "notebook-instance/"),
    "secretsmanager": ("secret:",),
    "securityhub": ("control/", "subscription/", "hub/", "product-subscription/"),
    "ses": ("identity/",),
    "ssm": ("parameter/", "document/", "servicesetting/"),
    "wafv2": ("regional/webacl/", "global/webacl/"),
}
# A place that stands for any, where a pattern does not say which.
_USUAL = ("arn", "aws", "ec2", "us-east-1", "111122223333")
_TYPE = re.compile(r"[A-Za-z-]+[/:]")
_LITERAL = re.compile(r"\[([*?])\]")


def is_everything(pattern: str, shapes: Collection[str] = ()) -> bool:
    """Whether a pattern matches what nobody can have meant by name.

    `shapes` are the ARNs of what it is for, where `*` stands for a name or an id (`shapes_of`);
    without any it may be for whatever has an id of EC2's.
    """
    if not any(wildcard in _LITERAL.sub("_", pattern) for wildcard in "*?"):
        return False
    if not _names_something(pattern):
        return True
    every = tuple(dict.fromkeys((*(shapes or (":".join((*_USUAL, "*")),)), *_meant(pattern))))
    if any(_matches(pattern, names) > _MOST_OF_NAMES for names in _chosen_in(every)):
        return True
    return any(_matches(pattern, ids) for ids in _made_in(every))


def shapes_of(control: str, place: Place) -> tuple[str, ...]:
    """The ARNs of what a control looks at in an account and region; `*` stands for the name."""
    # Only for an exemption: no vote waits for the control.
    from driftguard import controls
    from driftguard.controls.control import partition_of

    known, partition = controls.control(control), partition_of(place.region)
    where = {"partition": partition, "region": place.region, "account": place.account}
    shapes = [arn.format(**where) for arns in known.writes.values() for arn in arns if "*" in arn]
    told = (known.id, *known.reads, *(trigger.source for trigger in known.triggers))
    for service in sorted({re.split("[.:]", name)[0] for name in told}):
        shapes += [
            f"arn:{partition}:{service}:{region}:{account}:*"
            for region, account in ((place.region, place.account), ("", place.account), ("", ""))
        ]
    placed = (shape.split(":", 5) for shape in shapes)
    return tuple(
        dict.fromkeys(
            ":".join((*start[:4], place.account if start[4] == "*" else start[4], start[5]))
            for start in placed
            if len(start) == 6
        )
    )


def _names_something(pattern: str) -> bool:
    """Whether a pattern's name has two literal signs at least, of which one is no separator."""
    name = pattern
    if pattern.startswith("arn:"):
        end = (pattern.split(":", 5) + [""] * 5)[5]
        kind = _TYPE.match(end)
        name = end[kind.end() :] if kind else end
    literal = re.sub(r"[*?]", "", _LITERAL.sub("_", name))
    return len(literal) > 1 and any(sign.isalnum() for sign in literal)


def _meant(pattern: str) -> Iterator[str]:
    """The shapes that a pattern with an ARN's form is about: its wildcards stand for something."""
    fields = pattern.split(":", 5)
    if fields[0] != "arn":
        return
    start = [
        field if not any(sign in field for sign in "*?") else usual
        for field, usual in zip(fields[:5], _USUAL, strict=False)
    ]
    head = ":".join((*start, *_USUAL[len(start) :]))
    yield f"{head}:*"
    kind = _TYPE.match(fields[5]) if len(fields) == 6 else None
    if kind:
        yield f"{head}:{kind[0]}*"


def _matches(pattern: str, names: Collection[str]) -> float:
    """The share of names that a pattern matches."""
    return sum(fits(pattern, name) for name in names) / len(names)


def _chosen_in(shapes: Iterable[str]) -> Iterator[Collection[str]]:
    """Names that people choose: alone, and in ARNs of each of these shapes."""
    yield chosen()
    for shape in shapes:
        yield [shape.replace("*", name) for name in chosen()]
        head, _, end = shape.rpartition(":")
        if end == "*" and head.count(":") == 4:
            for kind in _KINDS.get(shape.split(":")[2], ()):
                yield [f"{head}:{kind}{name}" for name in chosen()]


def _made_in(shapes: Iterable[str]) -> Iterator[Collection[str]]:
    """Ids that AWS makes: alone, and in ARNs of each of these shapes that have such ids."""
    for shape in shapes:
        *_, end = fields = shape.split(":", 5)
        head = ":".join(fields[:5])
        for kind, made in _MADE.get(fields[2], {}).items():
            for ids in map(_ids, made):
                yield ids
                if end == "*":
                    yield [f"{head}:{kind}{id_}" for id_ in ids]
                elif end.startswith(kind):
                    yield [shape.replace("*", id_) for id_ in ids]


@cache
def _ids(form: str) -> tuple[str, ...]:
    """Ids of this form that AWS might have made, always the same."""
    return tuple(_id(form, f"{form} {number}") for number in range(_IDS))


_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def _id(form: str, seed: str) -> str:
    def drawn(found: re.Match[str]) -> str:
        name = found[1]
        digest = hashlib.sha256(f"{seed} {found.start()}".encode()).hexdigest()
        if name == "long":
            return "0" + digest[:16]
        if name == "short":
            return digest[:8]
        if name == "uuid":
            return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
        if name == "account":
            return str(int(digest, 16))[:12]
        if name == "caps":
            return digest[:16].upper()
        if name.startswith("hex"):
            return digest[: int(name.removeprefix("hex"))]
        pairs = (digest[place : place + 2] for place in range(0, 2 * int(name), 2))
        return "".join(_BASE36[int(pair, 16) % 36] for pair in pairs)

    return re.sub(r"\{(\w+)\}", drawn, form)
