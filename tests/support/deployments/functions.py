"""Functions in moto, deployed as a pipeline deploys them, and the records of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3

from driftguard.events.cloudtrail import change_from_event
from driftguard.model import Change, Resource
from tests.support.deployments.serving import shelf
from tests.support.records import ACCOUNT, REGION, change

lambda_ = partial(change, "lambda.amazonaws.com")


@dataclass(frozen=True)
class Function:
    """A function, by its name."""

    name: str = "orders"

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"

    @property
    def resource(self) -> Resource:
        return Resource("lambda.function", self.name, ACCOUNT, REGION, self.arn)

    @property
    def client(self) -> Any:
        shelf()
        return boto3.client("lambda")

    def create(self, code: bytes, **more: Any) -> str:
        """Makes the function and publishes its code as version 1."""
        iam = boto3.client("iam")
        role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        self.client.create_function(
            FunctionName=self.name,
            Runtime="python3.12",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": code},
            **more,
        )
        return self.publish()

    def publish(self, code: bytes | None = None) -> str:
        """Publishes `$LATEST`, after new code was put there if any is given."""
        if code is not None:
            self.put(code)
        return str(self.client.publish_version(FunctionName=self.name)["Version"])

    def put(self, code: bytes) -> None:
        """Puts new code into `$LATEST`."""
        self.client.update_function_code(FunctionName=self.name, ZipFile=code)

    def lead(self, alias: str, version: str, weights: dict[str, float] | None = None) -> Change:
        """Has an alias lead to a version. Returns the record of it."""
        routing = {"AdditionalVersionWeights": weights or {}}
        names = {one["Name"] for one in self.aliases()}
        call = self.client.update_alias if alias in names else self.client.create_alias
        call(FunctionName=self.name, Name=alias, FunctionVersion=version, RoutingConfig=routing)
        return lambda_(
            "UpdateAlias20150331",
            {"functionName": self.name, "name": alias, "functionVersion": version},
        )

    def code_updated(self) -> Change:
        """The record of new code in `$LATEST`."""
        return lambda_("UpdateFunctionCode20150331v2", {"functionName": self.name})

    def layers_updated(self, *layers: str) -> Change:
        """Has `$LATEST` use these layers. Returns the record of it."""
        self.client.update_function_configuration(FunctionName=self.name, Layers=list(layers))
        asked = {"functionName": self.name, "layers": list(layers)}
        return lambda_("UpdateFunctionConfiguration20150331v2", asked)

    # ----------------------------------------------------------------------- what is there

    def aliases(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.list_aliases(FunctionName=self.name)["Aliases"]
        return found

    def leads(self, alias: str) -> tuple[str, dict[str, float]]:
        """Where an alias leads, and its weights."""
        found = self.client.get_alias(FunctionName=self.name, Name=alias)
        weights = (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        return found["FunctionVersion"], weights

    def sha256(self, version: str = "$LATEST") -> str:
        found = self.client.get_function_configuration(FunctionName=self.name, Qualifier=version)
        return str(found["CodeSha256"])

    def layers(self) -> list[str]:
        found = self.client.get_function_configuration(FunctionName=self.name)
        return [one["Arn"] for one in found.get("Layers") or []]

    def reserved(self) -> int | None:
        found = self.client.get_function_concurrency(FunctionName=self.name)
        count = found.get("ReservedConcurrentExecutions")
        return None if count is None else int(count)

    def snapshot(self) -> dict[str, Any]:
        """All that a remediation could touch."""
        return {
            "aliases": {one["Name"]: self.leads(one["Name"]) for one in self.aliases()},
            "code": self.sha256(),
            "layers": self.layers(),
            "reserved": self.reserved(),
        }


def publish_layer(name: str, code: bytes) -> str:
    """Publishes a layer; its version's ARN."""
    shelf()
    made = boto3.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": code})
    return str(made["LayerVersionArn"])


def inspector_finding(
    function: Function,
    version: str,
    *packages: dict[str, Any],
    id_: str = "CVE-2018-18074",
    score: float = 7.5,
    **more: Any,
) -> Change:
    """Inspector's event about a version of a function, with the hash of its code now."""
    return change_from_event(
        {
            "version": "0",
            "id": f"finding-{id_}-{version}",
            "detail-type": "Inspector2 Finding",
            "source": "aws.inspector2",
            "account": ACCOUNT,
            "time": "2026-11-24T12:00:00Z",
            "region": REGION,
            "resources": [f"{function.arn}:{version}"],
            "detail": {
                "awsAccountId": ACCOUNT,
                "findingArn": f"arn:aws:inspector2:{REGION}:{ACCOUNT}:finding/made-up",
                "type": "PACKAGE_VULNERABILITY",
                "status": "ACTIVE",
                "severity": "HIGH",
                "inspectorScore": score,
                "title": f"{id_} - {packages[0]['name']}",
                "fixAvailable": "YES",
                "packageVulnerabilityDetails": {
                    "vulnerabilityId": id_,
                    "relatedVulnerabilities": [],
                    "source": "NVD",
                    "vulnerablePackages": list(packages),
                },
                "resources": [
                    {
                        "type": "AWS_LAMBDA_FUNCTION",
                        "id": f"{function.arn}:{version}",
                        "partition": "aws",
                        "region": REGION,
                        "details": {
                            "awsLambdaFunction": {
                                "functionName": function.name,
                                "codeSha256": function.sha256(version),
                                "packageType": "ZIP",
                                "runtime": "PYTHON_3_12",
                                "version": version,
                            }
                        },
                    }
                ],
                **more,
            },
        }
    )


def vulnerable(name: str, version: str, fixed: str, manager: str, **more: Any) -> dict[str, Any]:
    """A package as Inspector names it."""
    return {
        "epoch": 0,
        "name": name,
        "version": version,
        "fixedInVersion": fixed,
        "packageManager": manager,
        "filePath": f"{name}/METADATA",
        **more,
    }


REQUESTS = vulnerable("requests", "2.19.0", "2.20.0", "PYTHONPKG")
