"""Deployments as people make them: what is in each is found, and found where it is."""

import io
import json
import os
import sys
from pathlib import Path
from random import Random

import pytest

from driftguard.analysis.inventory import (
    Evidence,
    Inventory,
    Limits,
    inventory,
    joined,
    of_folder,
    of_lock,
)
from tests.support.inventory.making_images import gzipped, tarred
from tests.support.inventory.making_programs import elf, go_inline
from tests.support.inventory.making_zips import Content, Raw, metadata, pom, raw_zip, zipped

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
        "requirements/lint.txt",
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
    (inside / "loop").symlink_to(inside)
    (inside / "gone").symlink_to(tmp_path / "nowhere")
    (inside / "bin").mkdir()
    (inside / "bin" / "python3.13").symlink_to(sys.executable)
    harmless = of_folder(inside)
    assert (harmless.packages, harmless.complete) == ((), True)
    assert harmless.oddities == ("gone and 2 more: is a link, which was not followed",)

    (inside / "site-packages").symlink_to(outside)
    found = of_folder(inside)
    assert not found.packages
    # What packs the folder may well take what is there.
    assert found.gaps == (
        "site-packages: is a link that leads out of the folder, and was not followed",
    )


def linked(files: dict[str, str], link: str, target: str) -> Inventory:
    """The files with one link, in a zip."""
    there = [Raw(name, content.encode()) for name, content in files.items()]
    archive = raw_zip([*there, Raw(link, target.encode(), attributes=0o120777 << 16)])
    return inventory(io.BytesIO(archive), "function.zip")


LODASH = '{"name": "lodash", "version": "4.17.15"}'


@pytest.mark.parametrize(
    ("files", "link", "target"),
    [
        ({"deps/lodash/package.json": LODASH}, "node_modules", "deps"),
        ({"meta/METADATA": metadata("requests", "2.19.0")}, "requests-2.19.0.dist-info", "meta"),
        ({"vendor/lodash/index.js": ""}, "node_modules/lodash", "../vendor/lodash"),
        ({"app.js": ""}, "node_modules/lodash", "/opt/vendor/lodash"),
        ({"vendor/@a/b/package.json": LODASH}, "node_modules/@a", "../vendor/@a"),
    ],
)
def test_what_counts_by_the_name_of_a_link_to_it_is_a_gap(
    files: dict[str, str], link: str, target: str
) -> None:
    found = linked(files, link, target)
    assert found.gaps == (f"{link}: is a link to what can't be told, and was not followed",)


@pytest.mark.parametrize("name", ["lodash", "mine"])
def test_a_package_that_is_loaded_through_a_link_is_what_it_says_that_it_is(name: str) -> None:
    files = {"vendor/lodash/package.json": LODASH, "app/package.json": '{"name": "app"}'}
    found = linked(files, f"node_modules/{name}", "../vendor/lodash")
    (item,) = found.items
    assert item.package.coordinates == ("npm", "lodash", "4.17.15")
    assert item.evidence is Evidence.INSTALLED
    assert item.places == ("vendor/lodash/package.json",)
    assert found.complete


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("node_modules/lodash", ".pnpm/lodash@4.17.15/node_modules/lodash"),
        ("service/node_modules", "../node_modules"),
        ("node_modules/.bin/lodash", "../../cli.js"),
    ],
)
def test_links_as_package_managers_make_them_are_no_gap(link: str, target: str) -> None:
    there = "node_modules/.pnpm/lodash@4.17.15/node_modules/lodash/package.json"
    found = linked({there: LODASH}, link, target)
    assert [one.name for one in found.packages] == ["lodash"]
    assert found.complete


def test_a_file_that_may_not_be_read_is_a_gap(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "poetry.lock").write_text("")

    def refused(*_: object) -> io.BytesIO:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    found = of_folder(tmp_path)
    assert not found.complete
    assert found.troubles == ("poetry.lock: could not be read: Permission denied",)


@pytest.mark.parametrize(
    "path",
    [
        "requirements.txt",
        "Requirements.txt",
        "requirements-docker.txt",
        "requirements-devices.txt",
        "requirements.prod.txt",
        "requirements/base.txt",
        "service/requirements.txt",
    ],
)
def test_requirements_for_running_are_read(path: str) -> None:
    assert named(of({path: "requests==2.19.0\n"})) == ["PyPI requests 2.19.0"]


def test_what_one_service_installs_says_nothing_of_what_another_asks_for() -> None:
    found = of(
        {
            "one/requests-2.32.0.dist-info/METADATA": metadata("requests", "2.32.0"),
            "other/requirements.txt": "requests==2.19.0\n",
            "third/yarn.lock": 'lodash@^4.0.0:\n  version "4.17.15"\n',
            "fourth/node_modules/lodash/package.json": '{"name": "lodash", "version": "4.17.21"}',
        }
    )
    assert named(found) == [
        "PyPI requests 2.19.0",
        "PyPI requests 2.32.0",
        "npm lodash 4.17.15",
        "npm lodash 4.17.21",
    ]


def test_a_pin_is_overruled_by_what_its_own_service_installs_wherever_else_it_is() -> None:
    found = of(
        {
            "a/requests-2.30.0.dist-info/METADATA": metadata("requests", "2.30.0"),
            "b/lib/requests-2.32.0.dist-info/METADATA": metadata("requests", "2.32.0"),
            "b/requirements.txt": "requests==2.19.0\n",
            "c/requests-2.31.0.dist-info/METADATA": metadata("requests", "2.31.0"),
        }
    )
    assert "PyPI requests 2.19.0" not in named(found)


def test_a_name_that_begins_at_the_root_is_one_inside() -> None:
    found = of({"/x-1.dist-info/METADATA": metadata("x", "1"), "/requirements.txt": "x==2\ny==1\n"})
    assert named(found) == ["PyPI x 1", "PyPI y 1"]


@pytest.mark.parametrize("name", ["wheels.tar", "wheels.tar.gz", "deps.tgz"])
def test_packages_in_a_tar_within_the_deployment_are_found(name: str) -> None:
    tar = tarred([(f"lib/{path}", content) for path, content in WHEELS.items()])
    found = of({f"data/{name}": tar if name == "wheels.tar" else gzipped(tar)})
    assert "PyPI requests 2.19.0" in named(found)
    assert found.packages[-1].where == (f"data/{name}!/lib/requests-2.19.0.dist-info/METADATA")
    assert found.complete


def test_a_tar_within_the_deployment_that_cannot_be_read_is_a_gap() -> None:
    assert of({"deps.tgz": b"x" * 600}).gaps == ("deps.tgz: is not a tar, or a broken one",)


@pytest.mark.parametrize(
    ("path", "ecosystem"),
    [
        ("Podfile.lock", "CocoaPods"),
        ("renv.lock", "R"),
        ("vcpkg.json", "C and C++"),
    ],
)
def test_what_is_of_an_ecosystem_that_is_not_read_is_a_gap(path: str, ecosystem: str) -> None:
    found = of(WHEELS | {path: "{}"})
    assert found.gaps == (f"{path}: is of {ecosystem}, which is not read here",)


def test_a_source_tree_that_was_not_built_is_told() -> None:
    sources: dict[str, Content] = {
        "go.mod": "module example.com/x\n",
        "package.json": '{"dependencies": {"lodash": "^4"}}',
        "pom.xml": "<project/>",
        "requirements.txt": "requests>=2\n",
    }
    found = of(sources)
    assert found.complete
    assert set(found.wanting) == {
        "go.mod: asks for packages of Go, and none of them is in here",
        "package.json: asks for packages of npm, and not all of them are in here",
        "pom.xml: asks for packages of Maven, and none of them is in here",
        "requirements.txt: has requirements without an exact version, which were not looked up",
    }
    assert found.oddities == found.wanting


def test_a_source_tree_beside_what_was_built_of_it_is_nothing_to_tell() -> None:
    built: dict[str, Content] = {"pom.xml": "<project/>", "a.jar": zipped(pom("a.b", "c", "1.0"))}
    manifest: dict[str, Content] = {"package.json": '{"dependencies": {"lodash": "^4"}}'}
    lodash: dict[str, Content] = {"node_modules/lodash/package.json": '{"version": "4.17.15"}'}
    assert of(built | manifest | lodash).troubles == ()
    assert of({"package.json": '{"type": "module"}'}).troubles == ()


def test_a_program_that_does_not_say_what_it_is_built_from_is_a_gap_where_it_is_the_function() -> (
    None
):
    program = elf(b"nothing", text=Random(0).randbytes(100_000))
    assert of({"bootstrap": program}).gaps == (
        "bootstrap: is the function's program, and does not say what it was built from",
    )
    assert of({"lib/native.so": program}).complete


def test_a_file_that_vanishes_while_a_folder_is_read_is_a_gap(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a").write_text("")
    monkeypatch.setattr(Path, "lstat", _gone)
    assert of_folder(tmp_path).gaps == ("a: could not be read: No such file or directory",)


def _gone(_: Path) -> os.stat_result:
    raise FileNotFoundError(2, "No such file or directory")


# ------------------------------------------------------------------------ a lock file by itself


def test_a_lock_file_by_itself_states_its_packages() -> None:
    found = of_lock(io.BytesIO(b"requests==2.19.0\nurllib3==1.23\n"), "prod.txt")
    assert named(found) == ["PyPI requests 2.19.0", "PyPI urllib3 1.23"]
    assert (found.complete, found.files_seen) == (True, 1)


def test_what_a_lock_file_by_itself_leaves_open_is_a_gap() -> None:
    found = of_lock(io.BytesIO(b"requests==2.19.0\nurllib3>=1\n"), "requirements.txt")
    assert named(found) == ["PyPI requests 2.19.0"]
    assert found.gaps == (
        "requirements.txt: has requirements without an exact version, which were not looked up",
    )


def test_a_lock_file_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="is no lock or requirements file"):
        of_lock(io.BytesIO(b""), "app.py")


def test_inventories_are_joined_with_all_their_places_and_gaps() -> None:
    code, layer = of(WHEELS), of(WHEELS | {"Gemfile.lock": ""})
    both = joined([code, layer])
    assert named(both) == named(code)
    assert both.items[2].places == code.items[2].places
    assert both.gaps == layer.gaps
    assert both.files_seen == code.files_seen + layer.files_seen
    assert joined([]).complete
