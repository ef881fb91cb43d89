"""Whose layers are strangers', and which permission a change is judged by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from driftguard.access.principals import Trusted
from driftguard.controls import control
from driftguard.controls.control import TrustSettings
from driftguard.model import NOT_IN_USE, Candidate, Certainty, Change, Observation, Resource
from tests.support.answers import answering
from tests.support.records import ACCOUNT, REGION, change

SETTINGS = TrustSettings(Trusted())
LAMBDA = "lambda.amazonaws.com"
FUNCTION = Resource(
    "lambda.function", "f", ACCOUNT, REGION, f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
)


@pytest.mark.parametrize(
    ("layer", "strange"),
    [
        ("us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-x86_64:18", False),
        ("us-east-1:094274105915:layer:AWSLambdaPowertoolsTypeScriptV2:25", False),
        ("eu-west-1:580247275435:layer:LambdaInsightsExtension-Arm64:20", False),
        ("us-east-2:590474943231:layer:AWS-Parameters-and-Secrets-Lambda-Extension:4", False),
        ("us-east-1:027255383542:layer:AWS-AppConfig-Extension:113", False),
        ("us-east-1:901920570463:layer:aws-otel-collector-amd64-ver-0-70-0:4", False),
        ("us-east-1:999999999999:layer:AWSLambdaPowertoolsPythonV3-python313-x86_64:18", True),
        ("us-east-1:017000801446:layer:something-else:1", True),
        ("us-east-1:999999999999:layer:mine:1", True),
    ],
)
def test_layers_that_aws_publishes_are_no_strangers(layer: str, strange: bool) -> None:
    """Kind 4: a name alone says nothing, the account and the name do."""
    one = control("lambda.layer-external")
    arn = f"arn:aws:lambda:{layer}"
    for name in ("UpdateFunctionConfiguration", "CreateFunction"):
        by = change(LAMBDA, name, {"functionName": "f", "layers": [arn]})
        assert bool(list(one.screen(by, SETTINGS))) is strange
    assert bool(one.assess({"owner": ACCOUNT, "layers": [arn]}, None, SETTINGS)) is strange


def statement(sid: str, principal: Any, **conditions: Any) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": "lambda:InvokeFunction",
        "Resource": FUNCTION.arn,
        **({"Condition": conditions} if conditions else {}),
    }


def added(given: dict[str, Any]) -> Change:
    request = {"functionName": "f", "statementId": given["Sid"], "action": given["Action"]}
    response = {"statement": json.dumps(given)}
    return change(LAMBDA, "AddPermission20150331v2", request, responseElements=response)


OLD = statement("partner", {"AWS": "arn:aws:iam::999999999999:root"})
NEW = statement("everybody", "*")


def test_a_change_takes_back_the_permission_that_it_added_and_no_older_one() -> None:
    """Kind 1."""
    one = control("lambda.public-invoke")
    (candidate,) = one.screen(added(NEW), SETTINGS)
    reader = answering(lambda__GetPolicy={"Policy": json.dumps({"Statement": [OLD, NEW]})})
    state = one.observe(candidate, reader)
    assert state is not None

    finding = one.assess(state, None, SETTINGS)
    assert finding is not None
    assert "partner" not in finding.summary
    plan = one.plan(candidate, Observation(state, ""), None, SETTINGS)
    assert [step.call.parameters["StatementId"] for step in plan.steps] == ["everybody"]
    assert one.in_use(candidate, state, reader) == NOT_IN_USE

    swept = Candidate(FUNCTION, Certainty.POSSIBLE)
    found = one.observe(swept, reader)
    assert found is not None
    plan = one.plan(swept, Observation(found, ""), None, SETTINGS)
    assert [step.call.parameters["StatementId"] for step in plan.steps] == ["everybody", "partner"]
    assert one.in_use(swept, found, reader).unknown


def test_a_permission_that_is_gone_again_is_no_finding() -> None:
    """Kind 10."""
    one = control("lambda.public-invoke")
    (candidate,) = one.screen(added(NEW), SETTINGS)
    state = one.observe(
        candidate, answering(lambda__GetPolicy={"Policy": json.dumps({"Statement": [OLD]})})
    )

    assert state is not None
    assert one.assess(state, None, SETTINGS) is None


@pytest.mark.parametrize(
    ("conditions", "risky"),
    [
        ({}, True),
        ({"StringEquals": {"AWS:SourceAccount": ACCOUNT}}, False),
        ({"StringEquals": {"aws:SourceOrgID": "o-abc1234567"}}, False),
        ({"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::wares"}}, False),
        ({"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::*"}}, True),
        ({"ArnLike": {"AWS:SourceArn": ["arn:aws:s3:::wares", "arn:aws:s3:::w?res"]}}, True),
        ({"StringNotEquals": {"AWS:SourceAccount": "999999999999"}}, True),
        ({"Null": {"AWS:SourceAccount": "false"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        (
            {
                "StringEquals": {"AWS:SourceAccount": ACCOUNT},
                "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
            },
            False,
        ),
    ],
)
def test_s3_may_not_invoke_for_any_bucket(conditions: dict[str, Any], risky: bool) -> None:
    """Kind 9: the name of a bucket does not say whose it is."""
    one = control("lambda.public-invoke")
    for_s3 = statement("s3", {"Service": "s3.amazonaws.com"}, **conditions)

    assert bool(list(one.screen(added(for_s3), SETTINGS))) is risky


def whole(*statements: dict[str, Any]) -> Change:
    """A policy that replaces all permissions of a function."""
    written = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return change(LAMBDA, "PutResourcePolicy", {"resourceArn": FUNCTION.arn, "policy": written})


def test_a_whole_policy_is_judged_statement_by_statement() -> None:
    """Which of it is new it does not say, so that people are asked whether it may go."""
    one = control("lambda.public-invoke")
    ours, anybody = statement("ours", {"AWS": ACCOUNT}), statement("all", "*")
    assert list(one.screen(whole(ours), SETTINGS)) == []
    (candidate,) = one.screen(whole(ours, anybody), SETTINGS)
    assert (candidate.resource, candidate.certainty) == (FUNCTION, Certainty.EVIDENT)
    policy = json.dumps({"Statement": [ours, anybody]})
    reader = answering(lambda__GetPolicy={"Policy": policy})
    found = one.observe(candidate, reader)
    assert found is not None
    plan = one.plan(candidate, Observation(found, ""), None, SETTINGS)
    assert [step.call.parameters["StatementId"] for step in plan.steps] == ["all"]
    assert one.in_use(candidate, found, reader).unknown


@pytest.mark.parametrize(
    "changed",
    [
        {"Sid": ""},
        {"Action": ["lambda:InvokeFunction", "lambda:GetFunction"]},
        {"Principal": {"AWS": ["999999999999", "888888888888"]}},
        {"Principal": {"AWS": "*", "Service": "sns.amazonaws.com"}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}},
    ],
)
def test_a_statement_that_no_permission_expresses_is_for_people(changed: dict[str, Any]) -> None:
    """Removed, it could not be put back by AddPermission as it was."""
    one = control("lambda.public-invoke")
    written = {**statement("all", "*"), **changed}
    state = {"owner": ACCOUNT, "statements": [written]}
    assert one.assess(state, None, SETTINGS) is not None
    plan = one.plan(Candidate(FUNCTION, Certainty.EVIDENT), Observation(state, ""), None, SETTINGS)
    assert plan.steps == ()
    assert "could not be made again" in plan.advice


@pytest.mark.parametrize(
    ("points", "free"), [([], True), ([{"Maximum": 0.0}], True), ([{"Maximum": 1.0}], False)]
)
def test_a_url_that_nobody_called_can_be_closed(points: list[Any], free: bool) -> None:
    """Kind 4."""
    reader = answering(cloudwatch__GetMetricStatistics={"Datapoints": points})

    found = control("lambda.public-url").in_use(
        Candidate(FUNCTION, Certainty.EVIDENT), {"auth": "NONE"}, reader
    )

    assert (found == NOT_IN_USE) is free
