"""What a record alone proves harmless costs no look at the function."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.mechanisms.vulnerable_library import SMALLEST, LibrarySettings
from tests.support.deployments.functions import lambda_
from tests.support.inventory.making_zips import zipped

CONTROL = "lambda.insecure-library"
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:http:4"


def candidates(name: str, request: dict[str, Any], response: Any = None) -> list[str]:
    """The ARNs of what is looked at after a call on the function `orders`."""
    change = lambda_(name, {"functionName": "orders", **request}, responseElements=response)
    found = control(CONTROL).screen(change, LibrarySettings())
    return [one.resource.arn.rpartition(":")[2] for one in found]


@pytest.mark.parametrize(
    ("name", "request_", "response"),
    [
        ("UpdateFunctionConfiguration20150331v2", {"timeout": 30}, None),
        ("UpdateFunctionConfiguration20150331v2", {"layers": []}, None),
        ("UpdateFunctionCode20150331v2", {"dryRun": True}, {"codeSize": 1_000_000}),
        ("UpdateFunctionCode20150331v2", {}, {"codeSize": 22}),
        ("CreateFunction20150331", {}, {"codeSize": 22, "packageType": "Zip"}),
        ("UpdateAlias20150331", {"name": "live", "description": "the live one"}, None),
        ("PutFunctionConcurrency20171031", {"reservedConcurrentExecutions": 0}, None),
    ],
)
def test_nothing_else_runs_than_before(name: str, request_: Any, response: Any) -> None:
    assert candidates(name, request_, response) == []


@pytest.mark.parametrize(
    ("name", "request_", "response"),
    [
        ("UpdateFunctionConfiguration20150331v2", {"layers": [LAYER]}, None),
        ("UpdateFunctionConfiguration20150331v2", {"omitted": True}, None),
        ("UpdateFunctionCode20150331v2", {"dryRun": False}, {"codeSize": 1_000_000}),
        ("UpdateFunctionCode20150331v2", {}, None),
        ("CreateFunction20150331", {}, {"codeSize": 22, "layers": [{"arn": LAYER}]}),
        ("CreateFunction20150331", {}, {"codeSize": 0, "packageType": "Image"}),
        ("UpdateAlias20150331", {"name": "live", "functionVersion": "2"}, None),
        ("UpdateAlias20150331", {"name": "live", "routingConfig": {}}, None),
        ("CreateAlias20150331", {"name": "live", "functionVersion": "2"}, None),
        ("PublishVersion20150331", {}, {"version": "2", "codeSize": 1_000_000}),
        ("PutFunctionConcurrency20171031", {"reservedConcurrentExecutions": 5}, None),
        ("DeleteFunctionConcurrency20171031", {}, None),
    ],
)
def test_something_else_may_run_than_before(name: str, request_: Any, response: Any) -> None:
    assert candidates(name, request_, response) == ["orders"]


@pytest.mark.parametrize(
    "named",
    ["orders", "123456789012:function:orders:live", "arn:aws:lambda:::function:orders:2"],
)
def test_a_function_is_looked_at_as_a_whole_however_it_is_named(named: str) -> None:
    assert candidates("UpdateFunctionCode20150331v2", {"functionName": named}) == ["orders"]


def test_no_archive_that_names_a_package_is_smaller_than_what_is_dropped() -> None:
    smallest = [
        zipped({"requirements.txt": "a==1"}),
        zipped({"a-1.dist-info/METADATA": "Name: a\nVersion: 1\n"}),
        zipped({"node_modules/a/package.json": '{"name":"a","version":"1"}'}),
        zipped({"yarn.lock": 'a@1:\n  version "1"\n'}),
    ]

    assert min(map(len, smallest)) > SMALLEST
    assert len(zipped({})) < SMALLEST
