"""Kind 9, wrong shape: every event names the source of its shape, and has the shape it names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, OperationModel, Shape, StructureShape

from driftguard.controls import route53domains, securityhub
from driftguard.events.cloudtrail import change_from_event
from tests.support.each import each
from tests.support.world import ROOT

EVENTS = ROOT / "events"
SHAPES: dict[str, dict[str, str]] = json.loads((EVENTS / "shapes.json").read_text())
FILES = sorted(EVENTS.glob("*/*.json"))


@cache
def event(name: str) -> Any:
    """One event by its path below events/, without the suffix."""
    return json.loads((EVENTS / f"{name}.json").read_text())


def call_of(envelope: Any) -> str:
    """What an event is about, as events/shapes.json names it."""
    detail = envelope["detail"]
    if "eventName" in detail:
        return f"{detail['eventSource']} {detail['eventName']}"
    return f"{envelope['source']} {envelope['detail-type']}"


# -------------------------------------------------------------------------- events/shapes.json


def test_every_event_names_the_source_of_its_shape_and_no_source_is_stale() -> None:
    assert {call_of(json.loads(file.read_text())) for file in FILES} == set(SHAPES)


def test_the_sources_are_sorted() -> None:
    assert list(SHAPES) == sorted(SHAPES)


@each("call", SHAPES)
def test_a_shape_is_recorded_documented_or_inferred_and_says_from_what(call: str) -> None:
    entry = SHAPES[call]

    assert set(entry) == {"shape", "source"}
    assert entry["shape"] in ("recorded", "documented", "inferred")
    assert len(entry["source"].split()) > 1


# ------------------------------------------------------- shapes that were wrong, and their samples

NO_ANSWER: Any = None


@pytest.mark.parametrize(
    ("name", "request_members", "answer_members"),
    [
        # The values of parameters are not logged.
        (
            "cloudformation.secret-in-parameters-or-outputs/risky",
            {
                "stackName",
                "templateURL",
                "parameters",
                "parameters.parameterKey",
                "disableRollback",
            },
            {"stackId"},
        ),
        # Neither the messages nor the policies are logged.
        (
            "bedrock.guardrail-weakened/risky",
            {"guardrailIdentifier", "name"},
            {"guardrailId", "guardrailArn", "version", "updatedAt"},
        ),
        ("codebuild.public/harmless", {"projectArn", "projectVisibility"}, NO_ANSWER),
        ("events.rule-deleted/risky", {"name", "force"}, NO_ANSWER),
        ("kms.disabled/risky", {"keyId"}, {"keyId"}),
        (
            "secretsmanager.secret-destroyed/risky",
            {"secretId", "forceDeleteWithoutRecovery"},
            {"aRN", "name", "deletionDate"},
        ),
        # Security Hub spells members as the API does.
        (
            "securityhub.control-disabled/risky",
            {"StandardsControlArn", "ControlStatus", "DisabledReason"},
            NO_ANSWER,
        ),
        (
            "securityhub.standard-disabled/risky",
            {"StandardsSubscriptionArns"},
            {
                "StandardsSubscriptions",
                "StandardsSubscriptions.StandardsArn",
                "StandardsSubscriptions.StandardsInput",
                "StandardsSubscriptions.StandardsStatus",
                "StandardsSubscriptions.StandardsSubscriptionArn",
            },
        ),
        ("securityhub.disabled/harmless", {"EnableDefaultStandards"}, NO_ANSWER),
        # Route 53 Domains has an object where the API has a name.
        ("route53domains.lock-off/risky", {"domainName", "domainName.name"}, {"operationId"}),
    ],
)
def test_kind_9_the_event_has_the_members_of_its_sample(
    name: str, request_members: set[str], answer_members: set[str] | None
) -> None:
    detail = event(name)["detail"]
    answer = detail["responseElements"]

    assert set(members(detail["requestParameters"])) == request_members
    assert (answer if answer is None else set(members(answer))) == answer_members


def members(value: Any, path: str = "") -> Iterator[str]:
    """The paths of the members of an object, through lists."""
    if isinstance(value, list):
        for item in value:
            yield from members(item, path)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{path}{name}"
            yield from members(inner, f"{path}{name}.")


@pytest.mark.parametrize("written", ["CloudTrail.1", "small", "decoded"])
def test_kind_9_a_security_hub_control_is_found_in_every_spelling(written: str) -> None:
    arn = (
        "arn:aws:securityhub:us-east-1:123456789012:control/"
        "aws-foundational-security-best-practices/v/1.0.0/CloudTrail.1"
    )
    envelope = json.loads(json.dumps(event("securityhub.control-disabled/risky")))
    asked = envelope["detail"]["requestParameters"]
    if written == "decoded":
        asked["StandardsControlArn"] = arn
    if written == "small":
        asked = {name[0].lower() + name[1:]: value for name, value in asked.items()}
        envelope["detail"]["requestParameters"] = asked
    control = next(c for c in securityhub.CONTROLS if c.id == "securityhub.control-disabled")

    found = list(control.screen(change_from_event(envelope), control.settings()))

    assert [candidate.resource.arn for candidate in found] == [arn]


@pytest.mark.parametrize("domain", ["example.com", {"name": "example.com"}])
def test_kind_9_a_domain_is_found_by_its_name_or_in_an_object(domain: Any) -> None:
    envelope = json.loads(json.dumps(event("route53domains.lock-off/risky")))
    envelope["detail"]["requestParameters"] = {"domainName": domain}
    control = route53domains.LOCK_OFF

    found = list(control.screen(change_from_event(envelope), control.settings()))

    assert [candidate.resource.id for candidate in found] == ["example.com"]


# ------------------------------------------------------------------- members against the API model

# EC2 and S3 have spellings of their own.
# The console's calls have no public API, and what we write ourselves is none.
UNMODELED = (
    *("ec2.amazonaws.com", "s3.amazonaws.com", "sso-directory.amazonaws.com"),
    "driftguard.conduct",
)
MODELS = {
    "access-analyzer": "accessanalyzer",
    "aoss": "opensearchserverless",
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "elbv2",
    "elasticmapreduce": "emr",
    "es": "opensearch",
    "monitoring": "cloudwatch",
    "sso": "sso-admin",
}
# What records have and the model has not: see the sources in events/shapes.json.
BEYOND_THE_MODEL = {
    # In the path it is `Id`; the Developer Guide's records of changes in a zone have the member.
    "route53.amazonaws.com DisableHostedZoneDNSSEC": {"hostedZoneId"},
    "route53.amazonaws.com EnableHostedZoneDNSSEC": {"hostedZoneId"},
    "lambda.amazonaws.com UpdateFunctionCode20150331v2": {"fullyQualifiedArn"},
    "route53domains.amazonaws.com DisableDomainTransferLock": {"domainName.name"},
    "route53domains.amazonaws.com EnableDomainTransferLock": {"domainName.name"},
}
AS_IN_THE_API = ("securityhub.amazonaws.com",)


def modeled() -> list[Any]:
    """The events of API calls whose members follow the model."""
    return [
        pytest.param(envelope, id=f"{file.parent.name}/{file.stem}")
        for file in FILES
        if "eventName" in (envelope := json.loads(file.read_text()))["detail"]
        and envelope["detail"]["eventSource"] not in UNMODELED
    ]


@each("envelope", modeled())
def test_kind_9_the_members_of_a_request_are_those_of_the_api_model(envelope: Any) -> None:
    detail = envelope["detail"]
    asked = detail["requestParameters"] or {}
    known = operation(detail["eventSource"], detail["eventName"], asked).input_shape
    capital = detail["eventSource"] in AS_IN_THE_API

    strangers = set(unknown(asked, known, capital))

    assert strangers == BEYOND_THE_MODEL.get(call_of(envelope), set())


def operation(source: str, name: str, asked: Mapping[str, Any]) -> OperationModel:
    """The model of a call. The first load balancers have an API of their own."""
    service = source.partition(".")[0]
    service = MODELS.get(service, service)
    if service == "elbv2" and "loadBalancerName" in asked:
        service = "elb"
    return model(service).operation_model(re.sub(r"\d{8}(v\d+)?$", "", name))


@cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def unknown(value: Any, shape: Shape | None, capital: bool, path: str = "") -> Iterator[str]:
    """The members that the model has not, or spells otherwise than CloudTrail would."""
    if isinstance(shape, ListShape) and isinstance(value, list):
        for item in value:
            yield from unknown(item, shape.member, capital, path)
    elif isinstance(shape, StructureShape) and isinstance(value, Mapping):
        spelled = {
            as_logged(named(name, inner), capital): inner for name, inner in shape.members.items()
        }
        for name, inner in value.items():
            if name in spelled:
                yield from unknown(inner, spelled[name], capital, f"{path}{name}.")
            else:
                yield f"{path}{name}"
    elif isinstance(value, Mapping) and (shape is None or shape.type_name != "map"):
        yield from (f"{path}{name}" for name in value)


def named(member: str, shape: Shape) -> str:
    """A member of the path has the name that the path gives it: EKS's `clusterName` is `name`."""
    in_path = shape.serialization.get("location") == "uri"
    return str(shape.serialization["name"]) if in_path else member


def as_logged(name: str, capital: bool) -> str:
    """A member's name in a record: its first letter is small in most services."""
    return (name[0].upper() if capital else name[0].lower()) + name[1:]
