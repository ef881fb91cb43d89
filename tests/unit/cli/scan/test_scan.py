"""`driftguard scan`: what is insecure exits 1, what could not be checked exits 2, never 0."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.advisories.stand_in import Handler, StandIn
from tests.support.inventory.making_images import gzipped, oci_image, tarred
from tests.support.inventory.making_zips import Content, metadata, zipped
from tests.support.scan.making import (
    BOMB,
    CLEAN,
    FAT_JAR,
    IMAGE,
    LODASH,
    REQUESTS,
    dumped,
    laid_out,
    written,
)
from tests.support.scan.running import Scan, allowed, as_json, ids, policy

# ------------------------------------------------------------------------------ what is insecure


SUBJECTS: dict[str, tuple[Content | dict[str, Content], list[str]]] = {
    "wheels": (REQUESTS, ["CVE-2018-18074"]),
    "modules": (LODASH, ["CVE-2020-8203"]),
    "app.jar": (FAT_JAR, ["CVE-2021-44228"]),
    "function.zip": (zipped(REQUESTS | LODASH), ["CVE-2018-18074", "CVE-2020-8203"]),
    "requests-2.19.0-py2.py3-none-any.whl": (zipped(REQUESTS), ["CVE-2018-18074"]),
    "image.tar": (IMAGE, ["CVE-2018-18074"]),
    "image.tar.gz": (gzipped(IMAGE), ["CVE-2018-18074"]),
    "requirements.txt": ("requests==2.19.0\nidna==2.8\n", ["CVE-2018-18074"]),
    "package-lock.json": (
        json.dumps(
            {"lockfileVersion": 3, "packages": {"node_modules/lodash": {"version": "4.17.15"}}}
        ),
        ["CVE-2020-8203"],
    ),
}


def put(folder: Path, name: str, content: Content | dict[str, Content]) -> Path:
    if isinstance(content, dict):
        return laid_out(folder / name, content)
    return written(folder / name, content)


@pytest.mark.parametrize("name", SUBJECTS)
def test_an_insecure_library_exits_1_and_is_named(
    scan: Scan, tmp_path: Path, source: str, name: str
) -> None:
    content, expected = SUBJECTS[name]
    result = scan(put(tmp_path, name, content), "--advisories", source, "--json")
    assert result.exit_code == 1
    assert ids(result) == expected
    assert as_json(result)["verdict"] == "insecure"
    assert as_json(result)["unknown"] == []


def test_an_image_in_the_oci_layout_is_read(scan: Scan, tmp_path: Path, copy: Path) -> None:
    image = oci_image(tarred(list(REQUESTS.items())))
    result = scan(written(tmp_path / "image.tar", image), "--advisories", copy, "--json")
    assert (result.exit_code, ids(result)) == (1, ["CVE-2018-18074"])


def test_the_table_says_what_it_is_what_fixes_it_and_where_it_is(
    scan: Scan, tmp_path: Path, copy: Path
) -> None:
    folder = laid_out(tmp_path / "app", REQUESTS | LODASH | {"lib/app.jar": FAT_JAR})
    result = scan(folder, "--advisories", copy, "--min-severity", 0)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert rows[0] == ["package", "version", "severity", "advisory", "fixed", "in", "where"]
    told = [" ".join(row) for row in rows[1:-1]]
    assert told == [
        "requests 2.19.0 98 critical CVE-2018-18074, GHSA-requests-1 2.20.0 "
        "requests-2.19.0.dist-info/METADATA",
        "64 medium GHSA-requests-2 2.31.0",
        "org.apache.logging.log4j:log4j-core 2.14.1 98 critical CVE-2021-44228, GHSA-log4j 2.15.0 "
        "lib/app.jar!/BOOT-INF/lib/log4j-core-2.14.1.jar",
        "lodash 4.17.15 89 high CVE-2020-8203, GHSA-lodash 4.17.19 "
        "node_modules/lodash/package.json",
    ]
    assert result.stdout.splitlines()[-1].startswith(
        "insecure: app holds 4 packages, 3 of them insecure by 4 advisories (flagged from severity "
        "0 up; policy: "
    )


def test_what_is_clean_exits_0(scan: Scan, tmp_path: Path, source: str) -> None:
    result = scan(laid_out(tmp_path / "app", CLEAN), "--advisories", source)
    assert result.exit_code == 0
    assert result.stdout.startswith("clean: app holds 2 packages, none of them known")


def test_the_source_may_be_named_by_the_environment(scan: Scan, tmp_path: Path, copy: Path) -> None:
    folder = laid_out(tmp_path / "app", REQUESTS)
    assert scan(folder, DRIFTGUARD_ADVISORIES=str(copy)).exit_code == 1


@pytest.mark.usefixtures("account")
def test_a_copy_in_a_bucket_is_read(scan: Scan, tmp_path: Path, copy: Path) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="advisories")
    for file in copy.rglob("*.json"):
        key = f"osv/{file.relative_to(copy).as_posix()}"
        s3.put_object(Bucket="advisories", Key=key, Body=file.read_bytes())
    folder = laid_out(tmp_path / "app", REQUESTS)
    result = scan(folder, "--advisories", "s3://advisories/osv", "--json")
    assert (result.exit_code, ids(result)) == (1, ["CVE-2018-18074"])
    assert scan(folder, "--advisories", "s3://nowhere/osv").exit_code == 2


def test_the_folder_that_one_is_in_has_a_name(scan: Scan, copy: Path) -> None:
    laid_out(Path(), REQUESTS)
    result = scan(".", "--advisories", copy, "--json")
    assert (result.exit_code, as_json(result)["what"]) == (1, "here")


# ------------------------------------------------------------------------------ the policy's terms


def test_milder_ones_are_let_pass_and_told(scan: Scan, tmp_path: Path, copy: Path) -> None:
    folder = laid_out(tmp_path / "app", REQUESTS)
    result = scan(folder, "--advisories", copy, "--json")
    assert (ids(result), ids(result, "passed")) == (["CVE-2018-18074"], ["GHSA-requests-2"])
    assert scan(folder, "--advisories", copy, "--min-severity", 99).exit_code == 0


def test_what_nobody_has_fixed_passes_only_where_that_is_wanted(
    scan: Scan, tmp_path: Path, copy: Path
) -> None:
    lock = written(tmp_path / "requirements.txt", "unfixed==1.0\n")
    terms = policy(tmp_path, fix_available=True)
    assert scan(lock, "--advisories", copy).exit_code == 1
    assert scan(lock, "--advisories", copy, "--fix-available").exit_code == 0
    assert scan(lock, "--advisories", copy, "--policy", terms).exit_code == 0
    strict = ("--policy", terms, "--fixed-or-not")
    assert scan(lock, "--advisories", copy, *strict).exit_code == 1


def test_what_nobody_rated_is_severe_enough(scan: Scan, tmp_path: Path, copy: Path) -> None:
    modules: dict[str, Content] = {
        "node_modules/unrated/package.json": '{"name": "unrated", "version": "1.0.0"}'
    }
    folder = laid_out(tmp_path / "app", modules)
    result = scan(folder, "--advisories", copy, "--min-severity", 100)
    assert result.exit_code == 1
    assert "unrated" in result.stdout


def test_what_is_allowed_by_name_is_told_with_its_last_day_and_reason(
    scan: Scan, tmp_path: Path, copy: Path
) -> None:
    folder = laid_out(tmp_path / "app", REQUESTS)
    terms = policy(tmp_path, allowed("GHSA-requests-1"))
    result = scan(folder, "--advisories", copy, "--policy", terms)
    assert result.exit_code == 0
    row = ["GHSA-requests-1", "requests", "2.19.0", "2999-12-31", "Not", "reachable."]
    assert row in [line.split() for line in result.stdout.splitlines()]
    assert "1 allowed by name" in result.stdout
    told = as_json(scan(folder, "--advisories", copy, "--policy", terms, "--json"))["allowed"]
    assert [(one["id"], one["until"], one["reason"]) for one in told] == [
        ("CVE-2018-18074", "2999-12-31", "Not reachable.")
    ]


def test_an_allowance_ends_with_its_last_day(scan: Scan, tmp_path: Path, copy: Path) -> None:
    folder = laid_out(tmp_path / "app", REQUESTS)
    terms = policy(tmp_path, allowed("CVE-2018-18074", until="2020-01-31"))
    result = scan(folder, "--advisories", copy, "--policy", terms, "--json")
    assert (result.exit_code, ids(result), ids(result, "allowed")) == (1, ["CVE-2018-18074"], [])


@pytest.mark.parametrize(
    ("judged_as", "code"),
    [
        (["--as", "payments-api"], 0),
        (["--as", "arn:aws:lambda:us-east-1:123456789012:function:payments-api"], 0),
        (["--as", "orders"], 1),
        ([], 1),
    ],
)
def test_what_is_allowed_for_one_function_counts_where_it_is_that_function(
    scan: Scan, tmp_path: Path, copy: Path, judged_as: list[str], code: int
) -> None:
    folder = laid_out(tmp_path / "app", REQUESTS)
    terms = policy(tmp_path, allowed("CVE-2018-18074", resource="payments-*"))
    assert scan(folder, "--advisories", copy, "--policy", terms, *judged_as).exit_code == code


def test_what_is_allowed_by_tags_counts_with_those_tags(
    scan: Scan, tmp_path: Path, copy: Path
) -> None:
    folder = laid_out(tmp_path / "app", REQUESTS)
    by_tag = "{id: CVE-2018-18074, until: 2999-12-31, reason: A sandbox., tags: {stage: sandbox}}"
    terms = policy(tmp_path, by_tag)
    arguments = (folder, "--advisories", copy, "--policy", terms)
    assert scan(*arguments).exit_code == 1
    assert scan(*arguments, "--tag", "stage=sandbox").exit_code == 0
    assert scan(*arguments, "--tag", "stage=prod").exit_code == 1


# ------------------------------------------------------------------------------ never wrongly clean


def not_found(handler: Handler, _: Any) -> bool:
    handler.answer({"code": 5}, 404)
    return True


def one_result_too_few(handler: Handler, _: Any) -> bool:
    handler.answer({"results": []})
    return True


def broken_advisory(handler: Handler, body: Any) -> bool:
    if body is None:
        handler.answer({"id": handler.path.rpartition("/")[2], "affected": "all"})
    return body is None


@pytest.mark.parametrize("habit", [not_found, one_result_too_few, broken_advisory])
def test_advisories_that_cannot_be_had_exit_2(
    scan: Scan, tmp_path: Path, osv: StandIn, habit: Any
) -> None:
    osv.always = habit
    result = scan(laid_out(tmp_path / "app", REQUESTS), "--advisories", osv.address)
    assert result.exit_code == 2
    assert "could not be checked: " in result.stdout
    assert "unknown: app holds 1 package" in result.stdout


def test_a_source_that_nobody_answers_at_exits_2(scan: Scan, tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "app", CLEAN)
    with socket.socket() as taken:
        # Nobody listens there, and nobody else can.
        taken.bind(("127.0.0.1", 0))
        unattributed = f"http://127.0.0.1:{taken.getsockname()[1]}"
        result = scan(folder, "--advisories", unattributed, "--json")
    assert result.exit_code == 2
    assert "OSV could not be asked" in as_json(result)["unknown"][0]


def test_a_copy_without_an_ecosystem_exits_2(scan: Scan, tmp_path: Path, copy: Path) -> None:
    for file in (copy / "npm").iterdir():
        file.unlink()
    result = scan(laid_out(tmp_path / "app", CLEAN), "--advisories", copy, "--json")
    assert result.exit_code == 2
    assert as_json(result)["unknown"] == ["the copy has no advisories for npm"]


def test_what_is_insecure_is_so_whatever_else_is_not_known(
    scan: Scan, tmp_path: Path, copy: Path
) -> None:
    for file in (copy / "npm").iterdir():
        file.unlink()
    result = scan(laid_out(tmp_path / "app", REQUESTS | LODASH), "--advisories", copy, "--json")
    assert (result.exit_code, ids(result)) == (1, ["CVE-2018-18074"])
    assert as_json(result)["unknown"] == ["the copy has no advisories for npm"]


HOSTILE: dict[str, tuple[Content, str]] = {
    "bomb.zip": (BOMB, "says that it unpacks to more than"),
    "cut.zip": (zipped(REQUESTS)[:-30], "is not a zip, or breaks off"),
    "text.jar": ("no jar", "is not a zip, or breaks off"),
    "image.tar": (IMAGE[:3000], "breaks off"),
    "gemfile.zip": (zipped({"Podfile.lock": ""}), "is of CocoaPods, which is not read here"),
    "broken.zip": (
        zipped({"node_modules/lodash/package.json": "{"}),
        "is no package.json that can be read",
    ),
    "requirements.txt": ("requests>=2.0\n", "has requirements without an exact version"),
    "prod.txt": ("-r base.txt\nidna==2.8\n", "names other files"),
    "notes.txt": ("Remember to upgrade.\n", "has lines that are no requirements"),
    "poetry.lock": (b"\xff\xfe\x00", "is not in the format that its name says"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_to_its_end_exits_2_and_says_why(
    scan: Scan, tmp_path: Path, source: str, name: str
) -> None:
    content, why = HOSTILE[name]
    result = scan(written(tmp_path / name, content), "--advisories", source, "--json")
    assert result.exit_code == 2
    assert as_json(result)["verdict"] == "unknown"
    assert why in " ".join(as_json(result)["unknown"])


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "there is nothing in it"),
        ({"requirements.txt": "requests>=2\n"}, "has requirements without an exact version"),
        ({"package.json": '{"dependencies": {"lodash": "^4"}}'}, "asks for packages of npm"),
        ({"go.mod": "module example.com/x\n"}, "asks for packages of Go"),
        ({"pom.xml": "<project/>"}, "asks for packages of Maven"),
    ],
)
def test_a_folder_that_was_not_built_exits_2(
    scan: Scan, tmp_path: Path, copy: Path, files: dict[str, Content], why: str
) -> None:
    (folder := tmp_path / "app").mkdir()
    result = scan(laid_out(folder, files), "--advisories", copy, "--json")
    assert result.exit_code == 2
    assert why in as_json(result)["unknown"][0]


@pytest.mark.parametrize("version", ["", "latest"])
def test_a_package_whose_version_cannot_be_told_exits_2(
    scan: Scan, tmp_path: Path, source: str, version: str
) -> None:
    package = json.dumps({"name": "lodash"} | ({"version": version} if version else {}))
    modules: dict[str, Content] = {"node_modules/lodash/package.json": package}
    result = scan(laid_out(tmp_path / "app", modules), "--advisories", source, "--json")
    assert result.exit_code == 2
    assert "it cannot be told whether GHSA-lodash concerns it" in as_json(result)["unknown"][0]


def test_a_link_that_leads_out_of_the_folder_exits_2(
    scan: Scan, tmp_path: Path, copy: Path
) -> None:
    folder = laid_out(tmp_path / "app", CLEAN)
    (folder / "deps").symlink_to(laid_out(tmp_path / "elsewhere", REQUESTS))
    result = scan(folder, "--advisories", copy, "--json")
    assert result.exit_code == 2
    assert as_json(result)["unknown"] == [
        "deps: is a link that leads out of the folder, and was not followed"
    ]


# ------------------------------------------------------------------------------ how it is asked


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["app"], "No source of advisories is given: use --advisories"),
        (["app", "--advisories", "http://osv.example.com"], "is https://…, not http://osv"),
        (["app", "--advisories", "ftp://osv.example.com"], "is https://…, not ftp://osv"),
        (["app", "--advisories", "nowhere"], "There is no folder nowhere"),
        (["app", "--advisories", "s3://"], "s3:// names no bucket"),
        (
            ["nothing", "--advisories", "osv"],
            "There is no nothing. What can be scanned is a folder",
        ),
        (["", "--advisories", "osv"], "What is to be scanned is empty"),
        (["handler.py", "--advisories", "osv"], "is not of a kind that can be scanned"),
        (["arn:aws:s3:::bucket", "--advisories", "osv"], "names no function"),
        (["function:a/b", "--advisories", "osv"], "names no function"),
        (["app", "--advisories", "osv", "--tag", "stage"], "--tag stage: a tag is KEY=VALUE"),
        (["app", "--advisories", "osv", "--tag", "=x"], "--tag =x: a tag is KEY=VALUE"),
        (["function:x", "--advisories", "osv", "--as", "y"], "are for what is not deployed yet"),
        (["handler.py", "--advisories", "osv", "--secrets"], "--secrets is for a folder"),
        (["app", "--advisories", "osv", "--policy", "none.yaml"], "none.yaml"),
        (["app", "--advisories", "osv", "--output", "no/such/file"], "could not be written"),
        (["app", "--advisories", "osv", "--min-severity", "101"], "less than or equal to"),
        (["app", "--advisories", "osv", "--format", "xml"], "xml"),
    ],
)
def test_what_is_asked_wrongly_exits_2_with_a_sentence(
    scan: Scan, arguments: list[str], told: str
) -> None:
    laid_out(Path("app"), CLEAN)
    laid_out(Path(), {"handler.py": ""})
    dumped(Path("osv"))
    result = scan(*arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_without_a_source_the_choices_are_named_and_what_the_public_one_is_told(
    scan: Scan,
) -> None:
    laid_out(Path("app"), CLEAN)
    told = scan("app").stderr
    for choice in ("DRIFTGUARD_ADVISORIES", "https://api.osv.dev", "s3://bucket/prefix"):
        assert choice in told
    assert "it is told the names and versions of all packages" in told


def test_a_folder_that_others_can_write_to_is_not_believed(
    scan: Scan, tmp_path: Path, copy: Path
) -> None:
    folder = laid_out(tmp_path / "app", REQUESTS)
    assert scan(folder, "--advisories", copy).exit_code == 1
    (working,) = (tmp_path / "cache" / "driftguard" / "advisories").iterdir()
    working.chmod(0o777)
    result = scan(folder, "--advisories", copy)
    assert result.exit_code == 2
    assert "could hide advisories there" in " ".join(result.stderr.split())


@pytest.mark.parametrize("form", ["table", "json", "sarif", "cyclonedx"])
def test_with_an_output_the_file_has_the_format_and_people_have_the_table(
    scan: Scan, tmp_path: Path, copy: Path, form: str
) -> None:
    folder = laid_out(tmp_path / "app", REQUESTS)
    arguments = (folder, "--advisories", copy, "--format", form)
    file = tmp_path / "told"
    result = scan(*arguments, "--output", file)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith("insecure: app holds")
    assert file.read_text() == scan(*arguments).stdout
    assert "CVE-2018-18074" in file.read_text()


def test_a_format_on_standard_output_leaves_the_closing_line_to_standard_error(
    scan: Scan, tmp_path: Path, copy: Path
) -> None:
    result = scan(laid_out(tmp_path / "app", REQUESTS), "--advisories", copy, "--json")
    assert as_json(result)["packages"] == 1
    assert result.stderr.startswith("insecure: app holds 1 package")


@pytest.mark.parametrize("form", ["table", "json", "sarif", "cyclonedx"])
def test_names_that_are_no_text_or_no_packages_end_in_a_verdict(
    scan: Scan, copy: Path, form: str
) -> None:
    app = Path(os.fsdecode(b"\xff app"))
    named: dict[str, Content] = {
        f"node_modules/{number}/package.json": json.dumps({"name": name, "version": "1.0.0"})
        for number, name in enumerate(("@a/", "/", "a//b"))
    }
    laid_out(app, named | REQUESTS)
    result = scan(app, "--advisories", copy, "--format", form)
    assert result.exit_code == 1
    assert "has a name or version that no package has" in result.output
    assert "CVE-2018-18074" in result.output


def test_what_others_named_moves_no_terminal(scan: Scan, tmp_path: Path) -> None:
    record = {
        "id": "GHSA-\x1b[31mred",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "requests"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
            }
        ],
    }
    copy = tmp_path / "osv"
    written(copy / "PyPI" / "one.json", json.dumps(record))
    zip_ = zipped({"a\x1b[2J.dist-info/METADATA": metadata("requests", "2.19.0")})
    result = scan(written(tmp_path / "a.zip", zip_), "--advisories", copy)
    assert result.exit_code == 1
    assert "\x1b" not in result.output


# --------------------------------------------------------------------- every kind of dependency


def test_a_guess_says_that_it_is_one(scan: Scan, tmp_path: Path, copy: Path) -> None:
    """13: a jar without coordinates is taken for what its name and classes suggest."""
    jar = zipped({"org/apache/logging/log4j/core/Logger.class": b""})
    stated = zipped({"META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties": LOG4J})
    for content, expected in ((jar, True), (stated, False)):
        folder = laid_out(tmp_path / str(expected), {"lib/log4j-core-2.14.1.jar": content})
        told = scan(folder, "--advisories", copy)
        assert told.exit_code == 1
        assert ("log4j-core (guessed)" in told.stdout) is expected
        document = as_json(scan(folder, "--advisories", copy, "--json"))
        assert bool(document["guessed"]) is expected
        sarif = scan(folder, "--advisories", copy, "--format", "sarif").stdout
        assert ("(guessed)" in sarif) is expected


LOG4J = "groupId=org.apache.logging.log4j\nartifactId=log4j-core\nversion=2.14.1\n"


@pytest.mark.parametrize("name", ["app", "tool.bin"])
def test_a_zipapp_without_a_telling_name_is_read(
    scan: Scan, tmp_path: Path, copy: Path, name: str
) -> None:
    app = b"#!/usr/bin/env python3\n" + zipped(REQUESTS)
    result = scan(written(tmp_path / name, app), "--advisories", copy, "--json")
    assert (result.exit_code, ids(result)) == (1, ["CVE-2018-18074"])


def test_one_package_read_does_not_silence_another_ecosystem(
    scan: Scan, tmp_path: Path, copy: Path
) -> None:
    clean: dict[str, Content] = {"requirements.txt": "idna==2.8\n"}
    assert scan(laid_out(tmp_path / "clean", clean), "--advisories", copy).exit_code == 0
    for number, (path, content) in enumerate(
        {
            "Podfile.lock": "PODS:\n  - AFNetworking (4.0.0)\n",
            "build.gradle": "dependencies { implementation 'a.b:c:1.0' }\n",
            "package.json": '{"dependencies": {"lodash": "^4"}}',
            "Gemfile": "gem 'rack'\n",
            "uv.lock": "<!DOCTYPE html>",
            "bun.lockb": b"#!/usr/bin/env bun\nbun-lockfile-format-v0\n",
            "requirements/extra.txt": "six>=1\n",
        }.items()
    ):
        folder = laid_out(tmp_path / str(number), clean | {path: content})
        result = scan(folder, "--advisories", copy, "--json")
        assert (result.exit_code, as_json(result)["verdict"]) == (2, "unknown"), path
        assert path in " ".join(as_json(result)["unknown"])
