"""12.14: an environment under a key that the guard may not use is unread, and never clean."""

from __future__ import annotations

from typing import Any

from driftguard.controls import control
from driftguard.model import Autonomy, Candidate, Certainty, Resource
from tests.support.world import ACCOUNT, REGION, Fakes, World

CONTROL = control("lambda.secret-in-environment")
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop"
CANDIDATE = Candidate(Resource("lambda.function", "shop", ACCOUNT, REGION, ARN), Certainty.POSSIBLE)
DENIED = {"ErrorCode": "AccessDeniedException", "Message": "Lambda was unable to decrypt it."}


def state(world: World, fakes: Fakes, environment: dict[str, Any]) -> Any:
    answer = {"FunctionName": "shop", "Environment": environment}
    fakes.install({("lambda", "GetFunctionConfiguration"): lambda _: answer})
    return CONTROL.observe(CANDIDATE, world.guard.aws.reader(ACCOUNT, REGION))


def test_what_cannot_be_decrypted_is_told_and_nothing_is_asked(world: World, fakes: Fakes) -> None:
    seen = state(world, fakes, {"Error": DENIED})
    finding = CONTROL.assess(seen, None, CONTROL.settings())
    assert finding is not None
    assert finding.at_most is Autonomy.OBSERVE
    assert "may not decrypt the environment (AccessDeniedException)" in finding.summary


def test_what_was_accepted_as_unread_is_told_once(world: World, fakes: Fakes) -> None:
    seen = state(world, fakes, {"Error": DENIED})
    assert CONTROL.assess(seen, seen, CONTROL.settings()) is None


def test_a_key_that_is_taken_away_is_told(world: World, fakes: Fakes) -> None:
    before = state(world, fakes, {"Variables": {"STAGE": "prod"}})
    assert CONTROL.assess(before, None, CONTROL.settings()) is None
    after = {**before, "unreadable": "the guard may not decrypt the environment (x)"}
    assert CONTROL.assess(after, before, CONTROL.settings()) is not None
