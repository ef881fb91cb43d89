"""An inventory as CycloneDX: valid by its schema, the same for the same code, honest about gaps."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from packageurl import PackageURL

from driftguard.analysis.advisories.package import Package
from driftguard.analysis.inventory import Inventory, Limits, inventory
from driftguard_cli.commands.scan.sbom import cyclonedx, purl
from tests.support.inventory.making_zips import Content, metadata, pom, zipped
from tests.support.scan.running import schema

FUNCTION: dict[str, Content] = {
    "requests-2.19.0.dist-info/METADATA": metadata("requests", "2.19.0"),
    "node_modules/lodash/package.json": '{"name": "lodash", "version": "4.17.15"}',
    "node_modules/a/node_modules/lodash/package.json": '{"name": "lodash", "version": "4.17.15"}',
    "node_modules/mine/package.json": '{"name": "mine"}',
    "requirements.txt": "urllib3==1.23\n",
    "lib/log4j.jar": zipped(pom("org.apache.logging.log4j", "log4j-core", "2.14.1")),
}


def of(files_: dict[str, Content], limits: Limits | None = None) -> Inventory:
    return inventory(io.BytesIO(zipped(files_)), "function.zip", limits or Limits())


def test_the_bill_is_valid_by_the_schema_and_lists_everything() -> None:
    document = json.loads(cyclonedx(of(FUNCTION), "my-function"))
    schema().validate(document)
    assert document["specVersion"] == "1.6"
    assert document["metadata"]["component"]["name"] == "my-function"
    assert {one["purl"]: one["properties"][0]["value"] for one in document["components"]} == {
        "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1": "installed",
        "pkg:npm/lodash@4.17.15": "installed",
        "pkg:npm/mine": "installed",
        "pkg:pypi/requests@2.19.0": "installed",
        "pkg:pypi/urllib3@1.23": "stated",
    }
    (lodash,) = (one for one in document["components"] if one["name"] == "lodash")
    assert {one["location"] for one in lodash["evidence"]["occurrences"]} == {
        "node_modules/a/node_modules/lodash/package.json",
        "node_modules/lodash/package.json",
    }
    assert document["compositions"][0]["aggregate"] == "complete"


def test_the_same_code_has_the_same_bill() -> None:
    copies = {
        f"node_modules/{index}/node_modules/lodash/package.json": (
            '{"name": "lodash", "version": "4.17.15"}'
        )
        for index in range(20)
    }
    assert len({cyclonedx(of(FUNCTION | copies), "f") for _ in range(5)}) == 1
    assert "timestamp" not in json.loads(cyclonedx(of(FUNCTION), "f"))["metadata"]


def test_other_code_has_another_serial_number() -> None:
    one, other = (json.loads(cyclonedx(of(FUNCTION), name)) for name in ("f", "g"))
    assert one["serialNumber"] != other["serialNumber"]


def test_the_time_is_said_where_it_is_given() -> None:
    made = datetime(2026, 11, 24, 12, tzinfo=UTC)
    document = json.loads(cyclonedx(of(FUNCTION), "f", made))
    assert document["metadata"]["timestamp"] == "2026-11-24T12:00:00+00:00"


def test_an_incomplete_inventory_says_so() -> None:
    found = of(FUNCTION, Limits(packages=1))
    document = json.loads(cyclonedx(found, "f"))
    schema().validate(document)
    assert document["compositions"][0]["aggregate"] == "incomplete"
    assert [one["value"] for one in document["metadata"]["properties"]] == list(found.troubles)


def test_an_empty_inventory_is_a_bill_too() -> None:
    document = json.loads(cyclonedx(of({}), "f"))
    schema().validate(document)
    assert "components" not in document


@pytest.mark.parametrize(
    ("package", "url"),
    [
        (Package("npm", "@aws-sdk/client-s3", "3.1.0", ""), "pkg:npm/%40aws-sdk/client-s3@3.1.0"),
        (Package("Go", "stdlib", "1.20.3", ""), "pkg:golang/stdlib@1.20.3"),
        (
            Package("Go", "github.com/gin-gonic/gin", "1.6.2", ""),
            "pkg:golang/github.com/gin-gonic/gin@v1.6.2",
        ),
        (Package("crates.io", "smallvec", "1.6.0", ""), "pkg:cargo/smallvec@1.6.0"),
    ],
)
def test_packages_have_the_urls_that_others_give_them(package: Package, url: str) -> None:
    assert purl(package).to_string() == url
    assert PackageURL.from_string(url) == purl(package)
