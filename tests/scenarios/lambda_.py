"""Scenarios of the lambda controls."""

from __future__ import annotations

import io
import json
import zipfile
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged
from tests.support.records import change

lambda_ = partial(change, "lambda.amazonaws.com")
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:orders"


def code() -> bytes:
    """A package of code."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): ...\n")
    return packed.getvalue()


def make_function() -> Any:
    """Lambda's client, beside a function that a bucket may invoke."""
    iam = boto3.client("iam")
    role = iam.create_role(RoleName="orders", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client = boto3.client("lambda")
    client.create_function(
        FunctionName="orders",
        Runtime="python3.12",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": code()},
    )
    client.add_permission(
        FunctionName="orders",
        StatementId="bucket",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::orders",
        SourceAccount=ACCOUNT,
    )
    return client


def function_snapshot() -> Any:
    """Everything about the function that a control could touch; permissions have no order."""
    client = boto3.client("lambda")
    statements = json.loads(client.get_policy(FunctionName="orders")["Policy"])["Statement"]
    try:
        url = client.get_function_url_config(FunctionName="orders")
    except client.exceptions.ResourceNotFoundException:
        url = {}
    return {
        "permissions": sorted(statements, key=lambda one: one["Sid"]),
        "url": {key: url.get(key) for key in ("AuthType", "FunctionUrl", "Cors")},
    }


def invocable(**asked: Any) -> Staged:
    client = make_function()

    def attack() -> Change:
        permission = {"StatementId": "theirs", "Action": "lambda:InvokeFunction", **asked}
        made = client.add_permission(FunctionName="orders", **permission)
        logged = {key[:1].lower() + key[1:]: value for key, value in permission.items()}
        return lambda_(
            "AddPermission20150331v2",
            {"functionName": "orders", **logged},
            responseElements={"statement": made["Statement"]},
        )

    return Staged(attack, function_snapshot)


def url_opened() -> Staged:
    client = make_function()
    cors = {"AllowOrigins": ["https://shop.example.com"]}
    client.create_function_url_config(FunctionName="orders", AuthType="AWS_IAM", Cors=cors)

    def attack() -> Change:
        client.update_function_url_config(FunctionName="orders", AuthType="NONE")
        asked = {"functionName": FUNCTION, "authType": "NONE"}
        return lambda_("UpdateFunctionUrlConfig20211031", asked)

    return Staged(attack, function_snapshot)


def foreign_layer(key: str = "") -> Staged:
    """moto knows no layers of other accounts."""
    own = f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:common:1"
    theirs = f"arn:aws:lambda:us-east-1:{STRANGER}:layer:telemetry:1"
    layers = [own]

    def told(_: dict[str, Any]) -> dict[str, Any]:
        under = {"KMSKeyArn": key} if key else {}
        return {"FunctionName": "orders", "Layers": [{"Arn": one} for one in layers], **under}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        assert set(asked) == {"FunctionName", "Layers"}
        layers[:] = asked["Layers"]
        return told(asked)

    def attack() -> Change:
        layers.append(theirs)
        asked = {"functionName": "orders", "layers": [own, theirs], "environment": {}}
        return lambda_("UpdateFunctionConfiguration20150331v2", asked)

    named = {
        "GetFunctionConfiguration": told,
        "ListFunctions": lambda _: {"Functions": [{"FunctionName": "orders"}]},
        "UpdateFunctionConfiguration": update,
    }
    fakes = {("lambda", name): fake for name, fake in named.items()}
    return Staged(attack, lambda: list(layers), fakes=fakes)


def shared_layer() -> Staged:
    client = boto3.client("lambda")
    client.publish_layer_version(LayerName="common", Content={"ZipFile": code()})

    def share(sid: str, who: str) -> Any:
        return client.add_layer_version_permission(
            LayerName="common",
            VersionNumber=1,
            StatementId=sid,
            Action="lambda:GetLayerVersion",
            Principal=who,
        )["Statement"]

    share("ours", ACCOUNT)

    def attack() -> Change:
        asked = {"layerName": "common", "versionNumber": 1, "statementId": "theirs"}
        statement = share("theirs", STRANGER)
        return lambda_(
            "AddLayerVersionPermission20181031",
            {**asked, "action": "lambda:GetLayerVersion", "principal": STRANGER},
            responseElements={"statement": statement},
        )

    def snapshot() -> Any:
        found = client.get_layer_version_policy(LayerName="common", VersionNumber=1)["Policy"]
        return sorted(json.loads(found)["Statement"], key=lambda one: one["Sid"])

    return Staged(attack, snapshot)


SCENARIOS = (
    Scenario("lambda.public-invoke", partial(invocable, Principal="*")),
    Scenario("lambda.public-invoke", partial(invocable, Principal=STRANGER), "account"),
    Scenario("lambda.public-url", url_opened),
    Scenario("lambda.layer-external", foreign_layer),
    Scenario("lambda.layer-external", partial(foreign_layer, KEY), "customer's key"),
    Scenario("lambda.public-layer", shared_layer),
)
