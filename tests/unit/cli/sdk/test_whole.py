"""kind "newer members are not lost": what is shipped takes and gives all that botocore knows.

A Get that does not know a member drops it, and the Put that follows writes the resource without it.
So every operation that is kept is held to the whole botocore: its request, byte by byte, and every
shape of its answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

from driftguard import controls
from driftguard.aws.permissions import actions_of
from driftguard_cli.sdk.models import trimmed_service
from driftguard_cli.sdk.whole import differences

from .conftest import Trimmed

# Whole documents that are read, mended and put back.
PUT_BACK = (
    ("cloudwatch", "PutMetricAlarm"),
    ("config", "PutConfigRule"),
    ("config", "PutConfigurationRecorder"),
    ("ecs", "UpdateService"),
    ("elb", "SetLoadBalancerPoliciesOfListener"),
    ("elbv2", "ModifyListener"),
    ("events", "PutRule"),
    ("events", "PutTargets"),
    ("guardduty", "UpdateDetector"),
    ("lambda", "UpdateFunctionConfiguration"),
    ("rds", "ModifyDBInstance"),
    ("s3", "PutBucketAcl"),
    ("s3", "PutBucketReplication"),
    ("wafv2", "PutLoggingConfiguration"),
)


def models(trimmed: Trimmed, service: str) -> tuple[ServiceModel, ServiceModel]:
    """The service by the whole SDK and by the trimmed one."""
    return (
        ServiceModel(trimmed.before.load_service_model(service, "service-2"), service),
        ServiceModel(trimmed.after.load_service_model(service, "service-2"), service),
    )


def operations(trimmed: Trimmed) -> Iterator[tuple[OperationModel, OperationModel]]:
    """Every kept operation, by the whole SDK and by the trimmed one."""
    for service, kept in sorted(trimmed.kept.items()):
        whole, cut = models(trimmed, service)
        for name in sorted(kept):
            yield whole.operation_model(name), cut.operation_model(name)


def sample(shape: Shape | None, within: tuple[str, ...] = ()) -> Any:
    """A value with every member of a shape, each recursive one once."""
    if shape is None:
        return {}
    inside = (*within, shape.name)
    if shape.type_name == "structure":
        named = {
            name: member
            for name, member in shape.members.items()
            if member.name not in inside or member.type_name not in ("structure", "list", "map")
        }
        if getattr(shape, "is_tagged_union", False):
            named = dict(list(named.items())[:1])
        return {name: sample(member, inside) for name, member in named.items()}
    if shape.type_name == "list":
        return [sample(shape.member, inside)] if shape.member.name not in inside else []
    if shape.type_name == "map":
        return {"key": sample(shape.value, inside)} if shape.value.name not in inside else {}
    return {
        "boolean": True,
        "blob": b"bytes",
        "timestamp": datetime(2026, 1, 2, tzinfo=UTC),
        "integer": 3,
        "long": 3,
        "float": 0.5,
        "double": 0.5,
    }.get(shape.type_name, "text")


def request(operation: OperationModel, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The request that botocore makes of the parameters."""
    protocol = operation.service_model.resolved_protocol
    made: dict[str, Any] = create_serializer(protocol, False).serialize_to_request(
        parameters, operation
    )
    return made


def complaints(parameters: Mapping[str, Any], shape: Shape | None) -> str:
    """What botocore says against the parameters before it sends them."""
    report: str = ParamValidator().validate(parameters, shape).generate_report() if shape else ""
    return report


def test_every_operation_is_whole(trimmed: Trimmed) -> None:
    lost = {
        service: found
        for service, kept in trimmed.kept.items()
        if (
            found := differences(
                trimmed.before.load_service_model(service, "service-2"),
                trimmed.after.load_service_model(service, "service-2"),
                kept,
            )
        )
    }
    assert lost == {}


def test_every_request_is_the_same_with_every_member(trimmed: Trimmed) -> None:
    count = 0
    for whole, cut in operations(trimmed):
        parameters = sample(whole.input_shape)
        unknown = complaints(parameters, cut.input_shape)
        assert "Unknown parameter" not in unknown, (whole.name, unknown)
        assert request(cut, parameters) == request(whole, parameters), whole.name
        count += 1
    assert count == sum(map(len, trimmed.kept.values()))


def test_every_json_answer_gives_the_same_with_every_member(trimmed: Trimmed) -> None:
    count = 0
    for whole, cut in operations(trimmed):
        protocol = whole.service_model.resolved_protocol
        if protocol not in ("json", "rest-json") or whole.has_streaming_output:
            continue
        body = json.dumps(on_the_wire(whole.output_shape)).encode()
        answer = {"status_code": 200, "headers": {}, "body": body}
        read = [
            create_parser(protocol).parse(dict(answer), operation.output_shape)
            for operation in (whole, cut)
        ]
        assert read[0] == read[1], whole.name
        count += 1
    assert count > 150


def on_the_wire(shape: Shape | None, within: tuple[str, ...] = ()) -> Any:
    """A JSON answer with every member of a shape."""
    if shape is None:
        return {}
    inside = (*within, shape.name)
    if shape.type_name == "structure":
        named = list(shape.members.items())
        if getattr(shape, "is_tagged_union", False):
            named = named[:1]
        return {
            member.serialization.get("name", name): on_the_wire(member, inside)
            for name, member in named
            if member.name not in inside or member.type_name not in ("structure", "list", "map")
        }
    if shape.type_name == "list":
        return [on_the_wire(shape.member, inside)] if shape.member.name not in inside else []
    if shape.type_name == "map":
        return {"key": on_the_wire(shape.value, inside)} if shape.value.name not in inside else {}
    return {
        "boolean": True,
        "blob": "Ynl0ZXM=",
        "timestamp": 1767312000,
        "integer": 3,
        "long": 3,
    }.get(shape.type_name, 0.5 if shape.type_name in ("float", "double") else "text")


def paths(shape: Shape | None, at: str = "", within: tuple[str, ...] = ()) -> Iterator[str]:
    """Every member of a shape, at any depth: `Rules[].Filter.Prefix`."""
    if shape is None or shape.name in within:
        return
    inside = (*within, shape.name)
    for name, member in getattr(shape, "members", {}).items():
        yield f"{at}.{name}"
        yield from paths(member, f"{at}.{name}", inside)
    for part in ("member", "key", "value"):
        if isinstance(getattr(shape, part, None), Shape):
            yield from paths(getattr(shape, part), f"{at}[]", inside)


def test_every_member_that_a_put_takes_is_there(trimmed: Trimmed) -> None:
    """All that a plan may write, and all that can be read before."""
    writes = {action for control in controls.every() for action in control.writes}
    puts = 0
    for whole, cut in operations(trimmed):
        service = whole.service_model.service_name
        assert list(paths(whole.input_shape)) == list(paths(cut.input_shape)), whole.name
        assert list(paths(whole.output_shape)) == list(paths(cut.output_shape)), whole.name
        puts += not writes.isdisjoint(actions_of(service, whole.name))
    assert puts > 100


@pytest.mark.parametrize(("service", "operation"), PUT_BACK)
def test_a_document_that_is_put_back_whole_can_be(
    trimmed: Trimmed, service: str, operation: str
) -> None:
    assert operation in trimmed.kept[service]


# ------------------------------------------------------------- what an older SDK would have done


SERVICE = {
    "metadata": {
        "apiVersion": "2026-01-01",
        "endpointPrefix": "x",
        "protocol": "json",
        "jsonVersion": "1.1",
        "targetPrefix": "X",
        "serviceId": "X",
    },
    "documentation": "prose",
    "operations": {
        "GetRule": {
            "name": "GetRule",
            "http": {"method": "POST", "requestUri": "/"},
            "output": {"shape": "Rule"},
            "documentation": "prose",
        },
        "PutRule": {
            "name": "PutRule",
            "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": "Rule"},
            "errors": [{"shape": "Gone"}],
        },
        "CountRules": {
            "name": "CountRules",
            "http": {"method": "POST", "requestUri": "/"},
            "output": {"shape": "Count"},
        },
    },
    "shapes": {
        "Rule": {
            "type": "structure",
            "required": ["documentation"],
            "members": {
                "documentation": {"shape": "Text", "documentation": "prose"},
                "enum": {"shape": "Text"},
                "mode": {"shape": "Mode", "documentation": "prose"},
                "inner": {"shape": "Rules"},
            },
        },
        "Rules": {"type": "list", "member": {"shape": "Rule", "documentation": "prose"}, "max": 5},
        "Text": {"type": "string", "min": 1, "max": 5, "pattern": "a*"},
        "Mode": {"type": "string", "enum": ["OLD"]},
        "Gone": {"type": "structure", "members": {}, "exception": True},
        "Count": {"type": "structure", "members": {"many": {"shape": "Many"}}},
        "Many": {"type": "integer"},
    },
}


def answered(model: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """What a client of this model reads in GetRule's answer."""
    operation = ServiceModel(dict(model)).operation_model("GetRule")
    answer = {"status_code": 200, "headers": {}, "body": json.dumps(body).encode()}
    parsed: dict[str, Any] = create_parser("json").parse(answer, operation.output_shape)
    parsed.pop("ResponseMetadata")
    return parsed


def test_a_newer_member_survives_reading_and_putting_back() -> None:
    """An SDK from before the member drops it; the trimmed one does not."""
    rule = {"documentation": "a", "enum": "b", "mode": "NEW", "inner": [{"documentation": "c"}]}
    older = json.loads(json.dumps(SERVICE))
    del older["shapes"]["Rule"]["members"]["mode"]
    assert "mode" not in answered(older, rule)

    shipped = trimmed_service(SERVICE, {"GetRule", "PutRule"})
    read = answered(shipped, rule)
    assert read == rule
    put = ServiceModel(dict(shipped)).operation_model("PutRule")
    assert complaints(read, put.input_shape) == ""
    assert json.loads(request(put, read)["body"]) == rule
    assert differences(SERVICE, shipped, {"GetRule", "PutRule"}) == []


def test_what_is_not_called_and_what_no_call_reads_is_cut() -> None:
    shipped = trimmed_service(SERVICE, {"PutRule"})
    text = json.dumps(shipped)
    assert set(shipped["operations"]) == {"PutRule"}  # type: ignore[call-overload]
    assert set(shipped["shapes"]) == {"Rule", "Rules", "Text", "Mode", "Gone"}  # type: ignore[call-overload]
    assert "prose" not in text
    assert "OLD" not in text
    assert '"min": 1' in text


@pytest.mark.parametrize(
    ("where", "lost"),
    [
        (("shapes", "Rule", "members", "mode"), ["GetRule: output", "PutRule: input"]),
        (("shapes", "Rule", "required"), ["GetRule: output", "PutRule: input"]),
        (
            ("shapes", "Text", "min"),
            [
                *("GetRule: output.documentation", "GetRule: output.enum"),
                *("PutRule: input.documentation", "PutRule: input.enum"),
            ],
        ),
        (("operations", "PutRule", "errors"), ["PutRule: error Gone"]),
        (("operations", "PutRule"), ["PutRule"]),
        (("metadata", "jsonVersion"), ["metadata"]),
    ],
)
def test_the_build_notices_what_is_missing(where: tuple[str, ...], lost: list[str]) -> None:
    cut = json.loads(json.dumps(trimmed_service(SERVICE, {"GetRule", "PutRule"})))
    *way, last = where
    inner = cut
    for key in way:
        inner = inner[key]
    del inner[last]
    assert differences(SERVICE, cut, {"GetRule", "PutRule"}) == lost
