"""What lies in `node_modules`, and what lock files mean to be there."""

import json

import pytest

from driftguard.analysis.inventory import node
from driftguard.analysis.inventory.found_packages import Evidence, Parsed
from driftguard.analysis.inventory.lockfiles import pnpm, yarn
from tests.support.inventory.lock_files import LOCK_1, LOCK_3, PNPM, YARN_1, YARN_BERRY


def named(parsed: Parsed) -> list[tuple[str, str]]:
    return sorted((one.package.name, one.package.version) for one in parsed.findings)


@pytest.mark.parametrize(
    ("where", "package", "name"),
    [
        ("node_modules/lodash/package.json", {"name": "lodash", "version": "4.17.15"}, "lodash"),
        ("node_modules/lodash/package.json", {"version": "4.17.15"}, "lodash"),
        ("node_modules/mine/package.json", {"name": "lodash", "version": "4.17.15"}, "lodash"),
        ("a/node_modules/@b/c/package.json", {"name": "@b/c", "version": "4.17.15"}, "@b/c"),
        ("node_modules/a/node_modules/b/package.json", {"name": "b", "version": "4.17.15"}, "b"),
    ],
)
def test_an_installed_package_is_what_its_package_json_says(
    where: str, package: dict[str, str], name: str
) -> None:
    parsed = node.of_installed(json.dumps(package).encode(), where)
    (finding,) = parsed.findings
    assert (finding.package.name, finding.package.version) == (name, "4.17.15")
    assert finding.evidence is Evidence.INSTALLED
    assert finding.at == where.removesuffix("/package.json")


def test_a_byte_order_mark_is_no_trouble() -> None:
    data = b'\xef\xbb\xbf{"name": "lodash", "version": "4.17.15"}'
    assert named(node.of_installed(data, "node_modules/lodash/package.json"))


def test_a_copy_deeper_inside_a_package_is_inferred() -> None:
    where = "node_modules/app/vendor/lodash/package.json"
    parsed = node.of_installed(b'{"name": "lodash", "version": "4.17.15"}', where)
    assert [one.evidence for one in parsed.findings] == [Evidence.INFERRED]


@pytest.mark.parametrize("data", [b'{"type": "module"}', b"{ broken on purpose", b"[]"])
def test_what_is_deeper_and_no_package_is_no_gap(data: bytes) -> None:
    parsed = node.of_installed(data, "node_modules/app/test/fixtures/package.json")
    assert not parsed.findings
    assert not any(trouble.gap for trouble in parsed.troubles)


@pytest.mark.parametrize("data", [b"{ broken", b"[]", b"\xff\xfe\x00"])
def test_a_broken_package_json_of_an_installed_package_is_a_gap(data: bytes) -> None:
    parsed = node.of_installed(data, "node_modules/lodash/package.json")
    assert any(trouble.gap for trouble in parsed.troubles)


@pytest.mark.parametrize("lock", [LOCK_1, LOCK_3])
def test_a_package_lock_states_what_goes_where(lock: dict[str, object]) -> None:
    parsed = node.of_package_lock(json.dumps(lock).encode(), "app/package-lock.json")

    told = {(one.package.name, one.package.version): one.at for one in parsed.findings}
    # What is from a repository has no version in the oldest kind, and is no less there.
    assert told.pop(("mine", ""), "app/node_modules/mine") == "app/node_modules/mine"
    assert told == {
        ("lodash", "4.17.15"): "app/node_modules/lodash",
        ("lodash", "3.10.1"): "app/node_modules/async/node_modules/lodash",
        ("async", "2.6.0"): "app/node_modules/async",
        ("minimist", "1.2.0"): "app/node_modules/old",
    }
    assert {one.evidence for one in parsed.findings} == {Evidence.STATED}


def test_a_yarn_lock_of_the_first_kind_states_its_packages() -> None:
    assert named(yarn.of_yarn_lock(YARN_1.encode(), "yarn.lock")) == [
        ("@babel/core", "7.1.0"),
        ("lodash", "4.17.15"),
        ("mine", "1.0.0"),
        ("minimist", "1.2.0"),
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        "lodash@git+https://github.com/lodash/lodash.git#4.17.15",
        "lodash@https://github.com/lodash/lodash/archive/4.17.15.tar.gz",
        "lodash@lodash/lodash#4.17.15",
        "lodash@github:lodash/lodash",
    ],
)
def test_a_package_from_a_repository_is_that_package(pattern: str) -> None:
    lock = f'"{pattern}":\n  version "4.17.15"\n  resolved "https://example.com/x#abc"\n'
    assert named(yarn.of_yarn_lock(lock.encode(), "yarn.lock")) == [("lodash", "4.17.15")]


def test_a_yarn_lock_of_the_later_kind_states_its_packages() -> None:
    assert named(yarn.of_yarn_lock(YARN_BERRY.encode(), "yarn.lock")) == [
        ("@babel/core", "7.1.0"),
        ("lodash", "3.10.1"),
        ("lodash", "4.17.15"),
        ("minimist", "1.2.0"),
    ]


def test_what_is_no_yarn_lock_is_a_gap() -> None:
    parsed = yarn.of_yarn_lock(b"<html>\n", "yarn.lock")
    assert any(trouble.gap for trouble in parsed.troubles)


@pytest.mark.parametrize("version", PNPM)
def test_a_pnpm_lock_states_its_packages(version: int) -> None:
    assert named(pnpm.of_pnpm_lock(PNPM[version].encode(), "pnpm-lock.yaml")) == [
        ("@babel/core", "7.1.0"),
        ("lodash", "4.17.15"),
    ]


@pytest.mark.parametrize(
    "block",
    [
        """\
  github.com/lodash/lodash/ddfd9b11a0126db2302cb70ec9973b66baec0975:
    resolution: {tarball: https://codeload.github.com/lodash/lodash/tar.gz/ddfd9b11}
    name: lodash
    version: 4.17.15
    dev: false
""",
        """\
  lodash@https://codeload.github.com/lodash/lodash/tar.gz/ddfd9b11:
    resolution: {tarball: https://codeload.github.com/lodash/lodash/tar.gz/ddfd9b11}
    version: 4.17.15
""",
        """\
  'lodash@git+https://git@github.com:lodash/lodash.git#ddfd9b11':
    resolution: {commit: ddfd9b11, repo: git@github.com:lodash/lodash.git, type: git}
    version: 4.17.15
""",
    ],
)
def test_pnpms_package_from_a_repository_is_that_package(block: str) -> None:
    lock = f"lockfileVersion: '9.0'\n\npackages:\n\n{block}\n  other@1.0.0:\n    engines: {{}}\n"
    parsed = pnpm.of_pnpm_lock(lock.encode(), "pnpm-lock.yaml")
    assert named(parsed) == [("lodash", "4.17.15"), ("other", "1.0.0")]


def test_pnpms_own_packages_are_left_out() -> None:
    lock = "lockfileVersion: '9.0'\n\npackages:\n\n  shared@file:../shared:\n    version: 1.0.0\n"
    parsed = pnpm.of_pnpm_lock(lock.encode(), "pnpm-lock.yaml")
    assert (parsed.findings, parsed.troubles) == ((), ())


@pytest.mark.parametrize(
    "lock",
    [
        b"<html>\n",
        b"packages:\n\n  lodash@4.17.15:\n",
        b"lockfileVersion: '9.0'\npackages:\n  ? lodash\n  : {}\n",
    ],
)
def test_a_pnpm_lock_that_pnpm_did_not_write_is_a_gap(lock: bytes) -> None:
    assert any(one.gap for one in pnpm.of_pnpm_lock(lock, "pnpm-lock.yaml").troubles)


def test_a_package_lock_whose_table_is_empty_is_read_by_its_tree() -> None:
    lock = LOCK_1 | {"lockfileVersion": 2, "packages": {}}
    parsed = node.of_package_lock(json.dumps(lock).encode(), "package-lock.json")
    assert ("lodash", "4.17.15") in named(parsed)


@pytest.mark.parametrize("lock", ["{}", '{"name": "app"}', "[]"])
def test_what_is_no_package_lock_is_a_gap(lock: str) -> None:
    assert any(one.gap for one in node.of_package_lock(lock.encode(), "x").troubles)


def test_a_tarball_in_the_versions_place_says_no_version_and_is_no_less_there() -> None:
    address = "https://registry.npmjs.org/lodash/-/lodash-4.17.15.tgz"
    lock = {"lockfileVersion": 1, "dependencies": {"lodash": {"version": address}}}
    parsed = node.of_package_lock(json.dumps(lock).encode(), "package-lock.json")
    assert named(parsed) == [("lodash", "")]


@pytest.mark.parametrize("tail", ["", ":\n"])
def test_a_pnpm_key_without_end_takes_no_time_that_grows_with_its_square(tail: str) -> None:
    """With the square of a megabyte, this would go on for hours."""
    lock = f"lockfileVersion: '9.0'\npackages:\n  lodash@{'1' * 1_000_000}{tail}"
    parsed = pnpm.of_pnpm_lock(lock.encode(), "pnpm-lock.yaml")
    assert any(one.gap for one in parsed.troubles)


def test_what_stands_behind_a_version_in_a_pnpm_key_is_no_part_of_it() -> None:
    keys = ("lodash@4.17.15(react@18.2.0)", "/lodash/4.17.15_react@18.2.0", "lodash@4.17.15")
    for key in keys:
        lock = f"lockfileVersion: '9.0'\npackages:\n  {key}:\n    resolution: {{}}\n"
        assert named(pnpm.of_pnpm_lock(lock.encode(), "x")) == [("lodash", "4.17.15")], key
