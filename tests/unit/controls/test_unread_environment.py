"""12.14: an environment under a key that the guard may not use is unread, and never clean."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import codebuild_secrets, control
from driftguard.model import Autonomy, Candidate, Certainty, Resource
from tests.support.answers import answering
from tests.support.records import change
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


# -------------------------------------------------------------------------------- ECS and CodeBuild

DEFINITION = Candidate(
    Resource(
        "ecs.task-definition",
        "shop:3",
        ACCOUNT,
        REGION,
        f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/shop:3",
    ),
    Certainty.POSSIBLE,
)
FILE = "arn:aws:s3:::settings/shop.env"


def of_container(fakes: Fakes, world: World, **container: Any) -> Any:
    answer = {"taskDefinition": {"containerDefinitions": [{"name": "web", **container}]}}
    fakes.install({("ecs", "DescribeTaskDefinition"): lambda _: answer})
    one = control("ecs.secret-in-task-definition")
    reader = world.guard.aws.reader(ACCOUNT, REGION)
    return one, one.observe(DEFINITION, reader)


def test_variables_in_a_file_that_is_not_read_are_never_clean(world: World, fakes: Fakes) -> None:
    one, seen = of_container(fakes, world, environmentFiles=[{"value": FILE, "type": "s3"}])
    finding = one.assess(seen, None, one.settings())
    assert finding is not None
    assert finding.at_most is Autonomy.OBSERVE
    assert FILE in finding.summary
    assert one.assess(seen, seen, one.settings()) is None


def test_what_is_unread_hides_no_secret_beside_it(world: World, fakes: Fakes) -> None:
    one, seen = of_container(
        fakes,
        world,
        environmentFiles=[{"value": FILE, "type": "s3"}],
        environment=[{"name": "TOKEN", "value": "ghp_" + "a1B2c3D4e5F6" * 3}],
    )
    finding = one.assess(seen, None, one.settings())
    assert finding is not None
    assert finding.at_most is not Autonomy.OBSERVE
    assert "web.environment.TOKEN" in finding.summary


def test_a_variable_that_names_a_secret_is_clean(world: World, fakes: Fakes) -> None:
    name = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:token-AbCdEf"
    one, seen = of_container(fakes, world, secrets=[{"name": "TOKEN", "valueFrom": name}])
    assert seen == {"exposed": []}
    assert one.assess(seen, None, one.settings()) is None


def test_a_record_with_environment_files_alone_is_looked_at() -> None:
    one = control("ecs.secret-in-task-definition")
    request = {
        "containerDefinitions": [
            {"name": "web", "image": "shop", "environmentFiles": [{"value": FILE, "type": "s3"}]}
        ]
    }
    made = {"taskDefinition": {"taskDefinitionArn": DEFINITION.resource.arn}}
    record = change("ecs.amazonaws.com", "RegisterTaskDefinition", request, responseElements=made)
    assert [each.resource.id for each in one.screen(record, one.settings())] == ["shop:3"]


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("PLAINTEXT", True),
        ("", True),
        ("A_KIND_OF_TOMORROW", True),
        ("PARAMETER_STORE", False),
        ("SECRETS_MANAGER", False),
    ],
)
def test_only_variables_that_name_a_secret_are_left_out(kind: str, read: bool) -> None:
    variable = {"name": "TOKEN", "value": "ghp_" + "a1B2c3D4e5F6" * 3, "type": kind}
    project = {"name": "build", "environment": {"environmentVariables": [variable]}}
    reader = answering(codebuild__BatchGetProjects={"projects": [project]})
    shown = codebuild_secrets.variables(Resource("", "build", ACCOUNT, REGION, ""), reader)
    assert shown is not None
    assert (("environment.TOKEN", variable["value"]) in shown.texts) is read
