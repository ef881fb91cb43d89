"""What pip installed, and what requirement and lock files mean to be installed."""

import json

import pytest

from driftguard.analysis.inventory import python
from driftguard.analysis.inventory.found_packages import Evidence, Parsed
from tests.support.inventory.lock_files import POETRY, PYLOCK, UV
from tests.support.inventory.making_zips import metadata


def named(parsed: Parsed) -> list[tuple[str, str]]:
    return [(one.package.name, one.package.version) for one in parsed.findings]


def test_a_wheels_metadata_names_it() -> None:
    parsed = python.of_metadata(metadata("requests", "2.19.0").encode(), "x.dist-info/METADATA")

    (finding,) = parsed.findings
    assert finding.package.ecosystem == "PyPI"
    assert (finding.package.name, finding.package.version) == ("requests", "2.19.0")
    assert finding.package.where == "x.dist-info/METADATA"
    assert finding.evidence is Evidence.INSTALLED
    assert not parsed.troubles


def test_names_are_spelled_as_advisories_spell_them() -> None:
    parsed = python.of_metadata(b"Name: Ruamel.YAML_clib\nVersion: 0.2.8\n", "METADATA")
    assert named(parsed) == [("ruamel-yaml-clib", "0.2.8")]


def test_windows_line_ends_are_line_ends() -> None:
    parsed = python.of_metadata(b"Name: requests\r\nVersion: 2.19.0\r\n\r\ntext", "METADATA")
    assert named(parsed) == [("requests", "2.19.0")]


def test_a_name_in_the_description_is_not_the_packages() -> None:
    parsed = python.of_metadata(b"Version: 1.0\n\nName: requests\n", "METADATA")
    assert not parsed.findings
    assert [trouble.gap for trouble in parsed.troubles] == [True]


def test_a_package_without_a_version_is_kept_and_told() -> None:
    parsed = python.of_metadata(b"Name: requests\n", "METADATA")
    assert named(parsed) == [("requests", "")]
    assert [trouble.what for trouble in parsed.troubles] == ["does not say which version it is"]


def test_a_million_headers_are_not_read_to_the_end() -> None:
    endless = b"Name: requests\nVersion: 2.19.0\n" + b"A: b\n" * 1_000_000
    assert named(python.of_metadata(endless, "METADATA")) == [("requests", "2.19.0")]


def test_only_exact_pins_of_requirements_are_stated() -> None:
    requirements = b"""\
# comment
requests==2.19.0  # pinned
urllib3[secure]==1.24.1 ; python_version < "3.12" \\
    --hash=sha256:61bf29cada3fc2fbefad4fdf059ea4bd1b4a86d2b6d15e1c7c0b582b9752fe39 \\
    --hash=sha256:de9529817c93f27c8ccbfead6985011db27bd0ddfcdb2d86f3f663385c6a9c22
idna>=2.5,<2.8
chardet==3.*
certifi
-r more.txt
--index-url https://pypi.org/simple
Flask===1.0
git+https://github.com/psf/requests.git@v2.19.0#egg=requests
"""
    parsed = python.of_requirements(requirements, "requirements.txt")
    assert named(parsed) == [("requests", "2.19.0"), ("urllib3", "1.24.1"), ("flask", "1.0")]
    assert {one.evidence for one in parsed.findings} == {Evidence.STATED}
    assert {trouble.what: trouble.gap for trouble in parsed.troubles} == {
        "has requirements without an exact version, which were not looked up": False,
        "names other files, which have to be looked at by themselves": False,
        "has requirements by their address, which were not looked up": False,
    }


@pytest.mark.parametrize(
    "line",
    [
        "requests==2.19.0,!=2.18.0",
        "requests>=2,==2.19.0",
        "requests (==2.19.0)",
        "Requests[security,socks] == 2.19.0",
        "requests===2.19.0 ; python_version >= '3'",
    ],
)
def test_a_pin_is_one_whatever_stands_beside_it(line: str) -> None:
    parsed = python.of_requirements(line.encode(), "requirements.txt")
    assert named(parsed) == [("requests", "2.19.0")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_requirements_are_read_in_the_encodings_of_windows(encoding: str) -> None:
    text = "requests==2.19.0\r\nurllib3==1.23\r\n"
    parsed = python.of_requirements(text.encode(encoding), "requirements.txt")
    assert named(parsed) == [("requests", "2.19.0"), ("urllib3", "1.23")]


@pytest.mark.parametrize(
    "line",
    [
        "requests",
        "requests>=2.0,<3",
        "requests==2.*",
        "requests @ git+https://github.com/psf/requests@v2.19.0",
        "git+https://github.com/psf/requests.git@v2.19.0#egg=requests",
        "-e ./shared",
        "--editable=./shared",
        "-r base.txt",
        "-rbase.txt",
        "--requirement base.txt",
    ],
)
def test_what_requirements_leave_open_is_told(line: str) -> None:
    parsed = python.of_requirements(line.encode(), "requirements.txt")
    assert not parsed.findings
    assert len(parsed.troubles) == 1


def test_requirements_without_end_are_a_gap() -> None:
    parsed = python.of_requirements(b"a==1\n" * 250_000, "requirements.txt")
    assert any(trouble.gap for trouble in parsed.troubles)


def test_lines_of_nothing_but_spaces_take_no_time_that_grows_with_their_square() -> None:
    """With the square of their length, these would go on for minutes."""
    lines = [f"requests==2.19.0{' ' * 4000}x"] * 1_500
    parsed = python.of_requirements("\n".join(lines).encode(), "requirements.txt")
    assert [trouble.what for trouble in parsed.troubles] == ["has lines that are no requirements"]


def test_a_pipfile_lock_states_what_is_not_for_developing() -> None:
    lock = {
        "_meta": {"pipfile-spec": 6},
        "default": {
            "requests": {"hashes": [], "index": "pypi", "version": "==2.19.0"},
            "mine": {"git": "https://example.com/mine.git", "ref": "abc"},
        },
        "develop": {"pytest": {"version": "==3.6.0"}},
    }
    parsed = python.of_pipfile_lock(json.dumps(lock).encode(), "Pipfile.lock")
    # Which version a repository has is not said: it is that package all the same.
    assert named(parsed) == [("requests", "2.19.0"), ("mine", "")]


def test_a_poetry_lock_states_what_is_not_for_developing() -> None:
    assert named(python.of_lock(POETRY.encode(), "poetry.lock")) == [("requests", "2.19.0")]


def test_a_uv_lock_states_what_is_not_the_projects_own() -> None:
    assert named(python.of_lock(UV.encode(), "uv.lock")) == [("requests", "2.19.0")]


@pytest.mark.parametrize(
    "source",
    [
        '{ git = "https://github.com/psf/requests?tag=v2.19.0#0123abc" }',
        '{ url = "https://example.com/requests-2.19.0-py2.py3-none-any.whl" }',
        '{ path = "wheels/requests-2.19.0-py2.py3-none-any.whl" }',
        '{ registry = "https://pypi.example.com/simple" }',
    ],
)
def test_a_package_from_elsewhere_is_that_package(source: str) -> None:
    lock = f'[[package]]\nname = "requests"\nversion = "2.19.0"\nsource = {source}\n'
    assert named(python.of_lock(lock.encode(), "uv.lock")) == [("requests", "2.19.0")]


@pytest.mark.parametrize(
    ("groups", "states"),
    [
        ('["main"]', True),
        ('["web"]', True),
        ('["default"]', True),
        ('["dev", "web"]', True),
        ('["dev"]', False),
        ('["tests", "docs"]', False),
    ],
)
def test_only_groups_for_developing_are_left_out(groups: str, states: bool) -> None:
    lock = f'[[package]]\nname = "requests"\nversion = "2.19.0"\ngroups = {groups}\n'
    assert bool(python.of_lock(lock.encode(), "pdm.lock").findings) is states


def test_a_pylock_states_its_packages() -> None:
    assert named(python.of_lock(PYLOCK.encode(), "pylock.toml")) == [("requests", "2.19.0")]


def test_a_lock_file_that_a_formatter_touched_says_the_same() -> None:
    indented = "\n".join(f"  {line}" for line in UV.replace(" = ", "=").splitlines())
    assert named(python.of_lock(indented.encode(), "uv.lock")) == [("requests", "2.19.0")]
