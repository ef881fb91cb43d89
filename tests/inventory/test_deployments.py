"""Deployments as people make them: what is in each is found, and found where it is."""

import io
import json
from pathlib import Path
from random import Random

import pytest

from driftguard.inventory import Evidence, Inventory, Limits, inventory, of_folder
from tests.inventory.making_programs import elf, go_inline
from tests.inventory.making_zips import Content, metadata, pom, zipped

WHEELS: dict[str, Content] = {
    "app.py": "import requests\n",
    "requests/__init__.py": "__version__ = '2.19.0'\n",
    "requests-2.19.0.dist-info/METADATA": metadata("requests", "2.19.0"),
    "requests-2.19.0.dist-info/RECORD": "requests/__init__.py,,\n",
    "PyYAML-5.1-py3.11.egg-info/PKG-INFO": metadata("PyYAML", "5.1"),
    "old-1.0.egg-info": metadata("old", "1.0"),
}
MODULES: dict[str, Content] = {
    "index.js": "require('lodash')\n",
    "package.json": '{"name": "handler", "version": "1.0.0"}',
    "node_modules/lodash/package.json": '{"name": "lodash", "version": "4.17.15"}',
    "node_modules/lodash/index.js": "module.exports = {}\n",
    "node_modules/@aws-sdk/client-s3/package.json": (
        '{"name": "@aws-sdk/client-s3", "version": "3.1.0"}'
    ),
    "node_modules/a/node_modules/lodash/package.json": '{"name": "lodash", "version": "3.10.1"}',
    "node_modules/a/package.json": '{"name": "a", "version": "1.0.0"}',
}


def of(files: dict[str, Content], name: str = "function.zip", limits: Limits | None = None):
    file = io.BytesIO(zipped(files))
    return inventory(file, name, limits) if limits else inventory(file, name)


def named(found: Inventory) -> list[str]:
    return [f"{one.ecosystem} {one.name} {one.version}" for one in found.packages]


def test_a_python_functions_wheels_are_found() -> None:
    found = of(WHEELS)
    assert named(found) == ["PyPI old 1.0", "PyPI pyyaml 5.1", "PyPI requests 2.19.0"]
    assert found.packages[2].where == "requests-2.19.0.dist-info/METADATA"
    assert (found.complete, found.troubles, found.files_seen) == (True, (), 6)


def test_a_layers_wheels_are_found() -> None:
    layer = {f"python/lib/python3.13/site-packages/{name}": data for name, data in WHEELS.items()}
    assert "PyPI requests 2.19.0" in named(of(layer, "layer.zip"))


def test_a_node_functions_modules_are_found_and_the_function_is_none_of_them() -> None:
    found = of(MODULES)
    assert named(found) == [
        "npm @aws-sdk/client-s3 3.1.0",
        "npm a 1.0.0",
        "npm lodash 3.10.1",
        "npm lodash 4.17.15",
    ]
    assert found.complete


def test_log4j_is_found_two_jars_deep() -> None:
    log4j = zipped(pom("org.apache.logging.log4j", "log4j-core", "2.14.1"))
    app = zipped({"BOOT-INF/lib/log4j-core-2.14.1.jar": log4j} | pom("com.example", "app", "1.0"))
    found = of({"lib/app.jar": app})

    assert named(found) == [
        "Maven com.example:app 1.0",
        "Maven org.apache.logging.log4j:log4j-core 2.14.1",
    ]
    assert [package.where for package in found.packages] == [
        "lib/app.jar",
        "lib/app.jar!/BOOT-INF/lib/log4j-core-2.14.1.jar",
    ]
    assert found.complete


def test_a_jar_that_is_the_deployment_is_read_as_one() -> None:
    found = of(pom("org.apache.logging.log4j", "log4j-core", "2.14.1"), "log4j-core-2.14.1.jar")
    assert named(found) == ["Maven org.apache.logging.log4j:log4j-core 2.14.1"]


def test_a_go_functions_modules_are_found() -> None:
    code = Random(0).randbytes(100_000)
    found = of({"bootstrap": elf(go_inline(), section=".go.buildinfo", text=code)})
    assert "Go github.com/gin-gonic/gin 1.6.2" in named(found)
    assert {package.where for package in found.packages} == {"bootstrap"}


def test_packages_zipped_within_the_deployment_are_found() -> None:
    found = of({"handler.py": "", ".requirements.zip": zipped(WHEELS)})
    assert "PyPI requests 2.19.0" in named(found)
    assert found.packages[-1].where == ".requirements.zip!/requests-2.19.0.dist-info/METADATA"


def test_one_package_in_several_places_is_one_item_with_all_its_places() -> None:
    lodash = '{"name": "lodash", "version": "4.17.15"}'
    found = of(
        {
            "node_modules/lodash/package.json": lodash,
            "node_modules/a/node_modules/lodash/package.json": lodash,
        }
    )
    (item,) = found.items
    assert item.places == (
        "node_modules/lodash/package.json",
        "node_modules/a/node_modules/lodash/package.json",
    )


def test_what_is_installed_overrules_what_a_lock_file_means_for_its_place() -> None:
    lock = {
        "packages": {
            "node_modules/lodash": {"version": "4.17.21"},
            "node_modules/minimist": {"version": "1.2.0"},
        }
    }
    found = of(MODULES | {"package-lock.json": json.dumps(lock)})
    assert "npm lodash 4.17.15" in named(found)
    assert "npm lodash 4.17.21" not in named(found)
    evidence = {item.package.name: item.evidence for item in found.items}
    assert evidence["minimist"] is Evidence.STATED
    assert evidence["lodash"] is Evidence.INSTALLED


def test_a_pin_that_the_installed_version_contradicts_is_overruled() -> None:
    found = of(WHEELS | {"requirements.txt": "requests==2.20.0\nurllib3==1.23\n"})
    assert "PyPI requests 2.20.0" not in named(found)
    assert [item.package.name for item in found.items if item.evidence is Evidence.STATED] == [
        "urllib3"
    ]


@pytest.mark.parametrize(
    "path",
    [
        "node_modules/lodash/package-lock.json",
        "node_modules/lodash/yarn.lock",
        "site-packages/requests/requirements.txt",
        "requirements-dev.txt",
        "requirements_test.txt",
    ],
)
def test_what_others_developed_with_was_not_deployed(path: str) -> None:
    states = {
        "package-lock.json": '{"packages": {"node_modules/x": {"version": "1.0.0"}}}',
        "yarn.lock": 'x@1:\n  version "1.0.0"\n',
    }
    assert not of({path: states.get(path.rpartition("/")[2], "x==1.0.0\n")}).packages


def test_an_empty_zip_is_completely_empty() -> None:
    found = of({})
    assert (found.packages, found.complete, found.troubles) == ((), True, ())


def test_bytes_before_a_zip_do_not_hide_it() -> None:
    script = b"#!/usr/bin/env python3\n"
    found = inventory(io.BytesIO(script + zipped(WHEELS)), "app.pyz")
    assert "PyPI requests 2.19.0" in named(found)
    assert found.complete


def test_the_same_archive_gives_the_same_inventory() -> None:
    assert of(WHEELS | MODULES) == of(WHEELS | MODULES)


def test_a_folder_is_read_as_the_zip_of_it(tmp_path: Path) -> None:
    files = WHEELS | MODULES | {"lib/app.jar": zipped(pom("a.b", "c", "1.0"))}
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert set(of_folder(tmp_path).packages) == set(of(files).packages)
    assert of_folder(tmp_path).complete


def test_a_folders_links_are_told_and_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    (outside / "requests-2.19.0.dist-info").mkdir(parents=True)
    (outside / "requests-2.19.0.dist-info" / "METADATA").write_text(metadata("requests", "2.19.0"))
    inside.mkdir()
    (inside / "site-packages").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    found = of_folder(inside)
    assert not found.packages
    assert found.troubles == ("loop and 1 more: is a link, which was not followed",)


def test_a_file_that_may_not_be_read_is_a_gap(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "poetry.lock").write_text("")

    def refused(*_: object) -> io.BytesIO:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    found = of_folder(tmp_path)
    assert not found.complete
    assert found.troubles == ("poetry.lock: could not be read: Permission denied",)
