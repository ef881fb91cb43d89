"""SARIF 2.1.0 with all that code scanning services require, the same for the same code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft202012Validator

from tests.support.advisories.records import affecting, document
from tests.support.inventory.making_zips import Content, metadata, zipped
from tests.support.scan.making import (
    CLEAN,
    CRITICAL,
    FAT_JAR,
    LODASH,
    REQUESTS,
    dumped,
    laid_out,
    password,
    written,
)
from tests.support.scan.running import Scan

# What GitHub requires of what it reads, and SARIF of what is there. Sources: GitHub Docs, "SARIF
# support for code scanning"; OASIS, "SARIF Version 2.1.0".
TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}},
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "fullDescription", "help", "properties"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "name": {"type": "string", "maxLength": 255},
        "shortDescription": TEXT,
        "fullDescription": TEXT,
        "help": TEXT,
        "helpUri": {"type": "string", "pattern": "^https://"},
        "defaultConfiguration": {"properties": {"level": LEVEL}},
        "properties": {
            "type": "object",
            "required": ["security-severity", "tags"],
            "properties": {
                "security-severity": {"type": "string", "pattern": r"^(\d\.\d|10\.0)$"},
                "precision": {"enum": ["very-high", "high", "medium", "low"]},
                "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 20},
            },
        },
    },
}
POSITION = {"type": "integer", "minimum": 1}
RESULT = {
    "type": "object",
    "required": ["ruleId", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "level": LEVEL,
        "message": TEXT,
        "locations": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": ["physicalLocation"],
                "properties": {
                    "physicalLocation": {
                        "required": ["artifactLocation", "region"],
                        "properties": {
                            "artifactLocation": {
                                "required": ["uri"],
                                "properties": {
                                    "uri": {"pattern": r"^[A-Za-z0-9._~!$&'()*+,;=:@%/-]+$"}
                                },
                            },
                            "region": {
                                "required": ["startLine", "startColumn", "endLine", "endColumn"],
                                "additionalProperties": POSITION,
                            },
                        },
                    }
                },
            },
        },
        "partialFingerprints": {
            "type": "object",
            "required": ["primaryLocationLineHash"],
            "additionalProperties": {"type": "string", "minLength": 16},
        },
    },
}
REQUIRED = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "$schema": {"pattern": r"^https://.*sarif-2\.1\.0\.json$"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "required": ["tool", "results", "invocations"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name", "rules"],
                                "properties": {"rules": {"type": "array", "items": RULE}},
                            }
                        },
                    },
                    "results": {"type": "array", "items": RESULT},
                    "invocations": {
                        "items": {
                            "required": ["executionSuccessful"],
                            "properties": {"executionSuccessful": {"type": "boolean"}},
                        }
                    },
                },
            },
        },
    },
}


def sarif(scan: Scan, *arguments: object) -> dict[str, Any]:
    """The one run, of a document that a service takes."""
    document = json.loads(scan(*arguments, "--format", "sarif").stdout)
    Draft202012Validator(REQUIRED).validate(document)
    run: dict[str, Any] = document["runs"][0]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert len(rules) == len(run["tool"]["driver"]["rules"])
    assert {one["ruleId"] for one in run["results"]} == rules
    return run


def places(run: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    for one in run["results"]:
        (location,) = one["locations"]
        physical = location["physicalLocation"]
        line = physical["region"]["startLine"]
        yield one["ruleId"], physical["artifactLocation"]["uri"], line


def test_each_flagged_advisory_is_a_rule_and_each_place_of_it_a_result(
    scan: Scan, copy: Path
) -> None:
    laid_out(Path("app"), REQUESTS | LODASH | {"lib/app.jar": FAT_JAR})
    run = sarif(scan, "app", "--advisories", copy)
    assert list(places(run)) == [
        ("CVE-2018-18074", "app/requests-2.19.0.dist-info/METADATA", 1),
        ("CVE-2021-44228", "app/lib/app.jar", 1),
        ("CVE-2020-8203", "app/node_modules/lodash/package.json", 1),
    ]
    severities = {
        rule["id"]: (rule["properties"]["security-severity"], rule["defaultConfiguration"]["level"])
        for rule in run["tool"]["driver"]["rules"]
    }
    assert severities == {
        "CVE-2018-18074": ("9.8", "error"),
        "CVE-2020-8203": ("8.9", "error"),
        "CVE-2021-44228": ("9.8", "error"),
    }
    assert run["results"][0]["message"]["text"] == (
        "requests 2.19.0 has CVE-2018-18074; fixed in 2.20.0."
    )
    inside = run["results"][1]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
    assert inside == "lib/app.jar!/BOOT-INF/lib/log4j-core-2.14.1.jar"


def test_levels_follow_the_severity(scan: Scan, copy: Path) -> None:
    laid_out(Path("app"), REQUESTS)
    run = sarif(scan, "app", "--advisories", copy, "--min-severity", 0)
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("CVE-2018-18074", "error"),
        ("GHSA-requests-2", "warning"),
    ]


@pytest.mark.parametrize(("minimum", "severity"), [(0, "0.1"), (70, "7.0"), (100, "10.0")])
def test_what_nobody_rated_counts_as_just_severe_enough(
    scan: Scan, copy: Path, minimum: int, severity: str
) -> None:
    lock = {"lockfileVersion": 3, "packages": {"node_modules/unrated": {"version": "1.0.0"}}}
    written(Path("package-lock.json"), json.dumps(lock))
    run = sarif(scan, "package-lock.json", "--advisories", copy, "--min-severity", minimum)
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["properties"]["security-severity"] == severity


def test_a_rule_is_as_severe_as_its_worst_package(scan: Scan, tmp_path: Path) -> None:
    rated = affecting("npm", "rated", "introduced 0", severity=CRITICAL)
    both = document("GHSA-both", affecting("npm", "not-rated", "introduced 0"), rated)
    packages = {f"node_modules/{name}": {"version": "1.0.0"} for name in ("not-rated", "rated")}
    written(Path("package-lock.json"), json.dumps({"lockfileVersion": 3, "packages": packages}))
    run = sarif(scan, "package-lock.json", "--advisories", dumped(tmp_path / "osv", [both]))
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["properties"]["security-severity"] == "9.8"
    assert len(run["results"]) == 2


def test_what_is_let_pass_is_no_alert(scan: Scan, copy: Path) -> None:
    laid_out(Path("app"), CLEAN)
    run = sarif(scan, "app", "--advisories", copy)
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])
    assert run["invocations"][0]["executionSuccessful"]


def test_what_could_not_be_checked_is_a_run_that_did_not_succeed(scan: Scan, copy: Path) -> None:
    laid_out(Path("app"), REQUESTS | {"Podfile.lock": ""})
    run = sarif(scan, "app", "--advisories", copy)
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert [one["message"]["text"] for one in invocation["toolExecutionNotifications"]] == [
        "Podfile.lock: is of CocoaPods, which is not read here"
    ]
    assert len(run["results"]) == 1


def test_files_are_addressed_from_where_the_scan_was_run(scan: Scan, tmp_path: Path) -> None:
    copy = dumped(tmp_path / "osv")
    odd: dict[str, Content] = {"läge #1/r-1.dist-info/METADATA": metadata("requests", "2.19.0")}
    laid_out(Path("app"), odd)
    ((_, relative, _),) = places(sarif(scan, "app", "--advisories", copy))
    assert unquote(relative) == "app/läge #1/r-1.dist-info/METADATA"
    ((_, absolute, _),) = places(sarif(scan, Path("app").absolute(), "--advisories", copy))
    assert absolute == relative
    elsewhere = written(tmp_path / "code.zip", zipped(odd))
    ((_, outside, _),) = places(sarif(scan, elsewhere, "--advisories", copy))
    assert outside == elsewhere.as_uri()


def test_an_alert_stays_the_same_while_the_library_stays_insecure(scan: Scan, copy: Path) -> None:
    prints = []
    for version in ("2.18.0", "2.19.0"):
        written(Path("requirements.txt"), f"requests=={version}\n")
        (one,) = sarif(scan, "requirements.txt", "--advisories", copy)["results"]
        prints.append(one["partialFingerprints"]["primaryLocationLineHash"])
    assert prints[0] == prints[1]


def test_secrets_are_results_on_their_lines(scan: Scan, copy: Path) -> None:
    laid_out(Path("app"), CLEAN | {"conf/.env": f"DEBUG=1\nDB_PASSWORD={password()}\n"})
    run = sarif(scan, "app", "--advisories", copy, "--secrets")
    assert list(places(run)) == [("secret/password", "app/conf/.env", 2)]


def test_it_is_the_same_byte_for_byte(scan: Scan, copy: Path) -> None:
    laid_out(Path("app"), REQUESTS | LODASH | {".env": f"DB_PASSWORD={password()}\n"})
    arguments = ("app", "--advisories", copy, "--secrets", "--min-severity", 0)
    told = {scan(*arguments, "--format", "sarif").stdout for _ in range(3)}
    assert len(told) == 1
