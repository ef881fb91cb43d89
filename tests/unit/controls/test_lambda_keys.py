"""A function whose environment is under a customer's key is changed with permission on the key."""

from __future__ import annotations

import pytest

from driftguard.aws.permissions import grants_of
from driftguard.aws.remediator import session_policy
from driftguard.controls import control
from driftguard.controls.lambda_.names import KEYS
from driftguard.model import Call, Candidate, Certainty, Observation, Resource
from tests.support.answers import answering
from tests.support.world import ACCOUNT, REGION

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
THEIRS = f"arn:aws:lambda:{REGION}:999999999999:layer:telemetry:1"
FUNCTION = Resource("lambda.function", "orders", ACCOUNT, REGION, ARN)


@pytest.mark.parametrize("key", ["", KEY])
def test_layers_are_taken_away_with_the_key_that_the_function_has(key: str) -> None:
    """Lambda makes its grant on the key anew with the caller's permission."""
    one = control("lambda.layer-external")
    found = {"Layers": [{"Arn": THEIRS}], **({"KMSKeyArn": key} if key else {})}
    candidate = Candidate(FUNCTION, Certainty.EVIDENT)
    state = one.observe(candidate, answering(lambda__GetFunctionConfiguration=found))
    assert state is not None
    plan = one.plan(candidate, Observation(state, "2026-01-01T00:00:00Z"), None, one.settings())
    (step,) = plan.steps
    for call in (step.call, *step.undo):
        granted = dict(grants_of(call))
        assert {action for action in granted if action.startswith("kms:")} == (
            set(KEYS) if key else set()
        )
        assert all(granted[action] == (KEY,) for action in KEYS if key)


@pytest.mark.parametrize(
    ("operation", "again"),
    [
        ("UpdateFunctionCode", True),
        ("UpdateFunctionConfiguration", True),
        ("PublishVersion", True),
        ("PutFunctionConcurrency", False),
        ("UpdateAlias", False),
    ],
)
def test_a_session_may_use_the_key_where_lambda_encrypts_again(operation: str, again: bool) -> None:
    call = Call("lambda", operation, {"FunctionName": "orders"}, on=(ARN, KEY))
    allowed = {
        action
        for statement in session_policy([call])["Statement"]
        if statement["Resource"] == [KEY]
        for action in statement["Action"]
    }
    assert allowed == (set(KEYS) if again else set())
