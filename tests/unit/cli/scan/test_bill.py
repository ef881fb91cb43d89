"""CycloneDX 1.6: the inventory with what is known against it, the same for the same code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.inventory.making_zips import Content
from tests.support.scan.making import CLEAN, FAT_JAR, LODASH, REQUESTS, laid_out
from tests.support.scan.running import Scan, allowed, policy, schema

ALL: dict[str, Content] = REQUESTS | LODASH | {"lib/app.jar": FAT_JAR}


def bill(scan: Scan, *arguments: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(scan(*arguments, "--format", "cyclonedx").stdout)
    schema().validate(document)
    return document


def test_the_bill_names_every_package_and_what_is_known_against_it(scan: Scan, copy: Path) -> None:
    laid_out(Path("app"), ALL)
    document = bill(scan, "app", "--advisories", copy)
    assert document["metadata"]["component"]["name"] == "app"
    components = {one["bom-ref"] for one in document["components"]}
    assert "pkg:pypi/requests@2.19.0" in components
    known = {one["id"]: one for one in document["vulnerabilities"]}
    assert {id_: [each["ref"] for each in one["affects"]] for id_, one in known.items()} == {
        "CVE-2018-18074": ["pkg:pypi/requests@2.19.0"],
        # What is let pass is known all the same.
        "GHSA-requests-2": ["pkg:pypi/requests@2.19.0"],
        "CVE-2020-8203": ["pkg:npm/lodash@4.17.15"],
        "CVE-2021-44228": ["pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"],
    }
    assert {each["ref"] for one in known.values() for each in one["affects"]} <= components
    log4j = known["CVE-2021-44228"]
    assert log4j["ratings"] == [{"method": "other", "score": 9.8, "severity": "critical"}]
    assert [one["id"] for one in log4j["references"]] == ["GHSA-log4j"]
    assert log4j["recommendation"] == ("Upgrade org.apache.logging.log4j:log4j-core to 2.15.0.")


def test_what_is_accepted_says_until_when_and_why(scan: Scan, tmp_path: Path, copy: Path) -> None:
    laid_out(Path("app"), REQUESTS)
    terms = policy(tmp_path, allowed("CVE-2018-18074"))
    document = bill(scan, "app", "--advisories", copy, "--policy", terms)
    analyses = {one["id"]: one.get("analysis") for one in document["vulnerabilities"]}
    assert analyses == {
        "CVE-2018-18074": {
            "detail": "accepted until 2999-12-31: Not reachable.",
            "response": ["will_not_fix"],
        },
        "GHSA-requests-2": None,
    }


def test_a_bill_of_what_could_not_be_checked_says_that_it_is_incomplete(
    scan: Scan, copy: Path
) -> None:
    for file in (copy / "npm").iterdir():
        file.unlink()
    laid_out(Path("app"), CLEAN)
    document = bill(scan, "app", "--advisories", copy)
    assert document["compositions"][0]["aggregate"] == "incomplete"
    assert [one["value"] for one in document["metadata"]["properties"]] == [
        "the copy has no advisories for npm"
    ]


def test_it_is_the_same_byte_for_byte(scan: Scan, copy: Path) -> None:
    laid_out(Path("app"), ALL)
    arguments = ("app", "--advisories", copy, "--format", "cyclonedx")
    assert len({scan(*arguments).stdout for _ in range(3)}) == 1


def test_other_advisories_make_another_bill(scan: Scan, copy: Path) -> None:
    laid_out(Path("app"), ALL)
    before = bill(scan, "app", "--advisories", copy)["serialNumber"]
    (copy / "npm" / "GHSA-lodash.json").unlink()
    assert bill(scan, "app", "--advisories", copy)["serialNumber"] != before
