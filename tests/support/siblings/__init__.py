"""Operations of AWS that can bring about what a control watches, found in botocore's models.

An operation is a sibling of a control's triggers if its input has a member that sets what the
control reads or writes, or if it is called like a trigger: in batches, of a second version, of
associations; or if it puts a resource policy where the control reads one. Members that name a
resource set nothing: reading and deleting operations take them too. What a control is about are the
members of its triggers and writes that its module names.

`reasons.json` says why siblings wake no control. Source: the service models of botocore.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.session import Session

from driftguard import controls
from driftguard.controls.control import AnyControl

_REASONS = Path(__file__).with_name("reasons.json")

# The models of which an event source logs the operations, where its name is not the model's.
_MODELS = {
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elb", "elbv2"),
    "elasticmapreduce": ("emr",),
    "es": ("opensearch", "es"),
    "monitoring": ("cloudwatch",),
    "rds": ("rds", "docdb", "neptune"),
    "s3": ("s3", "s3control"),
    "sso": ("sso-admin",),
}
# How CloudTrail spells what the models call otherwise, by source.
# Source: Amazon S3 User Guide, "Amazon S3 CloudTrail events".
_LOGGED_AS = {
    ("s3", "DeleteBucketLifecycle"): ("DeleteBucketLifecycle",),
    ("s3", "PutBucketLifecycleConfiguration"): ("PutBucketLifecycle",),
    ("s3", "PutPublicAccessBlock"): ("PutBucketPublicAccessBlock", "PutAccountPublicAccessBlock"),
    ("s3", "DeletePublicAccessBlock"): (
        "DeleteBucketPublicAccessBlock",
        "DeleteAccountPublicAccessBlock",
    ),
}
_READS = re.compile(
    r"(Batch)?(Check|Describe|Detect|Download|Estimate|Export|Generate|Get|Head|List|Lookup"
    r"|Preview|Query|Scan|Search|Select|Simulate|Test|Validate|View)(?![a-z])"
)
_TAKES_AWAY = re.compile(
    r"(Batch)?(Cancel|Delete|Deregister|Detach|Disassociate|Reject|Remove|Revoke|Terminate|Untag)"
    r"(?![a-z])"
)
# What many calls carry and no control is about.
_GENERIC = frozenset(
    (
        *("action", "arn", "clientrequesttoken", "clienttoken", "description", "dryrun"),
        *("enabled", "id", "key", "name", "names", "protocol", "resource", "resources", "role"),
        *("status", "tag", "tags", "tagset", "tagspecifications", "type", "value", "values"),
        "version",
    )
)
_SCALARS = ("boolean", "double", "float", "integer", "long", "string", "timestamp", "blob")


class Sibling(NamedTuple):
    """An operation that can bring about what a control watches, as `source:Name`."""

    control: str
    operation: str
    by: tuple[str, ...]


@cache
def _loader() -> Loader:
    loader: Loader = Session().get_component("data_loader")
    return loader


@cache
def _models(source: str) -> tuple[ServiceModel, ...]:
    """The models of an event source (`ec2.amazonaws.com`); none for what is no AWS API."""
    short = source.removesuffix(".amazonaws.com")
    names = _MODELS.get(short, (short,))
    known = _loader().list_available_services("service-2")
    return tuple(
        ServiceModel(_loader().load_service_model(name, "service-2"), name)
        for name in names
        if name in known
    )


def _members(shape: Shape | None) -> Mapping[str, str]:
    """The members of an input, at any depth, in lower case; each with what kind of value it is."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    waiting: list[Shape | None] = [shape]
    while waiting:
        now = waiting.pop()
        if now is None or now.name in seen:
            continue
        seen.add(now.name)
        if isinstance(now, StructureShape):
            for name, member in now.members.items():
                kind = member.type_name
                found.setdefault(name.lower(), kind if kind in _SCALARS else member.name)
                waiting.append(member)
        elif isinstance(now, ListShape):
            waiting.append(now.member)
        elif isinstance(now, MapShape):
            waiting.append(now.value)
    return found


@cache
def _operations(source: str) -> Mapping[str, Mapping[str, str]]:
    """The members of each operation's input, by the operation's name; one name of two APIs once."""
    found: dict[str, dict[str, str]] = {}
    for model in _models(source):
        for name in model.operation_names:
            found.setdefault(name, {}).update(_members(model.operation_model(name).input_shape))
    return found


@cache
def _naming(source: str) -> frozenset[str]:
    """The members that name resources: what is read or deleted is named by them."""
    return frozenset(
        member
        for name, members in _operations(source).items()
        if _READS.match(name) or _TAKES_AWAY.match(name)
        for member in members
    )


@cache
def _named_in(module: str) -> frozenset[str]:
    """The names that a module of controls holds: texts, and arguments of calls."""
    path = import_module(f"driftguard.controls.{module}").__file__
    assert path
    nodes = list(ast.walk(ast.parse(Path(path).read_text())))
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    arguments = {n.arg for n in nodes if isinstance(n, ast.keyword) and n.arg}
    return frozenset(name.lower() for name in texts | arguments if name.isidentifier())


def _alike(name: str) -> str:
    """What the names of calls in batches, of second versions, of associations have in common."""
    short = re.sub(r"^Batch", "", name)
    return re.sub(r"(Associations?|V2|Versions?|s)$", "", short)


def _of(control: AnyControl, module: str) -> Iterator[Sibling]:
    triggers: dict[str, set[str]] = {}
    for trigger in control.triggers:
        triggers.setdefault(trigger.source, set()).add(trigger.name)
    writes = {action.partition(":")[2] for action in control.writes}
    for source, names in triggers.items():
        operations, short = _operations(source), source.removesuffix(".amazonaws.com")
        about = {
            (member, kind)
            for name in (names | writes) & operations.keys()
            for member, kind in operations[name].items()
            if member in _named_in(module) - _GENERIC - _naming(source)
        }
        called = {_alike(name) for name in names}
        policies = any(re.fullmatch(rf"{short}:\w+Policy", read) for read in control.reads)
        for name, members in operations.items():
            if {name, *_LOGGED_AS.get((short, name), ())} & names or _READS.match(name):
                continue
            sets = [] if _TAKES_AWAY.match(name) else [m for m, kind in about & {*members.items()}]
            whole = policies and name.endswith("ResourcePolicy") and not _TAKES_AWAY.match(name)
            if _alike(name) in called or whole:
                sets.append("its name")
            if sets:
                yield Sibling(control.id, f"{short}:{name}", tuple(sorted(sets)))


@cache
def unwatched() -> tuple[Sibling, ...]:
    """Every sibling that does not wake its control."""
    return tuple(
        sibling for module, control in controls.located() for sibling in _of(control, module)
    )


@cache
def reasons() -> Mapping[tuple[str, str], str]:
    """Why an operation wakes no control, by the control's id and the operation."""
    found: dict[tuple[str, str], str] = {}
    for reason in json.loads(_REASONS.read_text()):
        for control, operations in reason["of"].items():
            for operation in operations:
                assert (control, operation) not in found, f"two reasons for {control}, {operation}"
                found[control, operation] = reason["why"]
    return found


_REFUSED = re.compile(r"un(processed|successful)|fail(ed|ure)|error|rejected", re.IGNORECASE)


def partly_done() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The triggers that can be done in part, each with the response's lists of what was refused.

    By source and name. A call without an error then changed only some of what it names.
    """
    triggers = {trigger for control in controls.every() for trigger in control.triggers}
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for trigger in triggers:
        for model in _models(trigger.source):
            if trigger.name in model.operation_names:
                lists = tuple(_refusals(model.operation_model(trigger.name).output_shape))
                if lists:
                    found[trigger.source.removesuffix(".amazonaws.com"), trigger.name] = lists
    return found


def _refusals(shape: Shape | None, depth: int = 0) -> Iterator[str]:
    """The members of a response, at any depth, that list what was refused."""
    if not isinstance(shape, StructureShape) or depth > 3:
        return
    for name, member in shape.members.items():
        if isinstance(member, ListShape) and _REFUSED.search(name):
            yield name
        yield from _refusals(member, depth + 1)
