"""Scenarios of the controls over secrets in the open: made up anew at each run."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.iam import by_name, user_snapshot
from tests.scenarios.lambda_ import code
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change, finding_of_guardduty, told_by_guardduty
from tests.support.secrets.made_up import BASE62, some

# As CloudTrail writes what it does not show.
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
PARAMETER = "/shop/database"
lambda_ = partial(change, "lambda.amazonaws.com")
ssm = partial(change, "ssm.amazonaws.com")
ecs = partial(change, "ecs.amazonaws.com")


def address(dice: Random) -> str:
    """A database's address with its password."""
    return f"postgres://shop:{some(dice, BASE62, 24)}@db.internal:5432/shop"


def parameter() -> Staged:
    """A parameter that held a host, described and of the advanced tier, is given a password."""
    client = boto3.client("ssm")
    put = partial(client.put_parameter, Name=PARAMETER)
    put(Value="db-1.internal", Type="String", Description="Where orders are", Tier="Advanced")
    put(Value="db-2.internal", Overwrite=True)

    def attack() -> Change:
        put(Value=address(Random()), Overwrite=True)
        asked = {"name": PARAMETER, "value": HIDDEN, "overwrite": True}
        return ssm("PutParameter", asked, responseElements={"version": 3, "tier": "Advanced"})

    def snapshot() -> Any:
        found = client.get_parameter_history(Name=PARAMETER)["Parameters"][-1]
        return {name: found[name] for name in ("Value", "Type", "Description", "Tier")}

    return Staged(attack, snapshot)


def register(family: str, *variables: tuple[str, str]) -> str:
    """Registers a revision whose container has these variables; its ARN."""
    container = {
        "name": "web",
        "image": "web:1",
        "memory": 128,
        "environment": [{"name": name, "value": value} for name, value in variables],
    }
    made = boto3.client("ecs").register_task_definition(
        family=family,
        containerDefinitions=[container],
        taskRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{family}",
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def service() -> Staged:
    client = boto3.client("ecs")
    client.create_cluster(clusterName="shop")
    safe = register("web", ("STAGE", "prod"))
    client.create_service(cluster="shop", serviceName="web", taskDefinition=safe, desiredCount=3)

    def attack() -> Change:
        bad = register("web", ("STAGE", "prod"), ("DATABASE_URL", address(Random())))
        client.update_service(cluster="shop", service="web", taskDefinition=bad)
        asked = {"cluster": "shop", "service": "web", "taskDefinition": bad}
        return ecs("UpdateService", asked)

    def snapshot() -> Any:
        (found,) = client.describe_services(cluster="shop", services=["web"])["services"]
        return {name: found[name] for name in ("taskDefinition", "desiredCount", "launchType")}

    return Staged(attack, snapshot)


def keys_of(*users: str) -> list[tuple[str, str]]:
    """New users, each with a new access key: its id and its secret."""
    client, made = boto3.client("iam"), []
    for user in users:
        client.create_user(UserName=user, Path="/robots/")
        key = client.create_access_key(UserName=user)["AccessKey"]
        made.append((key["AccessKeyId"], key["SecretAccessKey"]))
    return made


def function_with(variables: dict[str, str]) -> Any:
    """Lambda's client, beside a function with these variables."""
    client = boto3.client("lambda")
    role = boto3.client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument="{}")
    client.create_function(
        FunctionName="orders",
        Runtime="python3.12",
        Role=role["Role"]["Arn"],
        Handler="app.handler",
        Code={"ZipFile": code()},
        Environment={"Variables": variables},
    )
    return client


def configured(variables: dict[str, str]) -> Change:
    """The function is given these variables."""
    boto3.client("lambda").update_function_configuration(
        FunctionName="orders", Environment={"Variables": variables}
    )
    asked = {"functionName": "orders", "environment": {}}
    return lambda_("UpdateFunctionConfiguration20150331v2", asked)


def keys_in_environment() -> Staged:
    """Two keys, of two users, in one environment; the users' other keys are let alone."""
    keys = keys_of("backup", "reports")
    iam = boto3.client("iam")
    iam.create_access_key(UserName="backup")
    function_with({"STAGE": "prod"})

    def attack() -> Change:
        (one, secret), (other, other_secret) = keys
        return configured(
            {
                "BACKUP_AWS_ACCESS_KEY_ID": one,
                "BACKUP_AWS_SECRET_ACCESS_KEY": secret,
                "REPORTS_AWS_ACCESS_KEY_ID": other,
                "REPORTS_AWS_SECRET_ACCESS_KEY": other_secret,
            }
        )

    def snapshot() -> Any:
        return {user: user_snapshot(user) for user in ("backup", "reports")}

    def reverted(before: Any) -> Any:
        inactive = {id_: "Inactive" for id_, _ in keys}
        return {
            user: one
            | {
                "keys": {id_: inactive.get(id_, status) for id_, status in one["keys"].items()},
                "inline": ["DriftguardRevokeOlderSessions"],
            }
            for user, one in before.items()
        }

    def normal(snapshot: Any) -> Any:
        return {user: by_name(one) for user, one in snapshot.items()}

    return Staged(attack, snapshot, reverted, normal)


def used_by_a_stranger() -> Staged:
    ((key, _),) = keys_of("builder")

    def reverted(before: Any) -> Any:
        return before | {"keys": {key: "Inactive"}, "inline": ["DriftguardRevokeOlderSessions"]}

    found = finding_of_guardduty("UnauthorizedAccess:IAMUser/TorIPCaller", key, "builder")
    fakes = {("guardduty", "GetFindings"): lambda _: told_by_guardduty(found)}
    return Staged(lambda: found, lambda: user_snapshot("builder"), reverted, by_name, fakes=fakes)


SCENARIOS = (
    Scenario("ssm.secret-in-plain-parameter", parameter),
    Scenario("ecs.service-with-secret", service),
    Scenario("iam.key-in-configuration", keys_in_environment),
    Scenario("iam.leaked-key", used_by_a_stranger, "guardduty"),
)
