"""13: every kind of file that holds dependencies is read, or told; none is silently clean."""

from __future__ import annotations

import io
from itertools import cycle, product
from pathlib import Path

import pytest

from driftguard.analysis.inventory import Inventory, of_folder, of_lock
from driftguard.analysis.inventory.catalog import CATALOG, Treatment
from driftguard.analysis.inventory.kinds import kind_of, reader_of
from tests.support.each import each
from tests.support.inventory.samples import SAMPLES

HTML = b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n"
# What can be in a file that should hold dependencies, and holds none that can be read.
FOREIGN = {
    "empty": b"",
    "blank": b" \n\n",
    "binary": bytes(range(256)) * 8,
    "zeros": bytes(4096),
    "web page": HTML,
    "prose": b"Remember to upgrade everything, soon.\n",
    "JSON of something else": b'{"hello": ["world"]}\n',
    "YAML of something else": b"hello:\n  - world\n",
    "TOML of something else": b'[hello]\nworld = "yes"\n',
    "XML of something else": b"<hello><world/></hello>\n",
    "conflict": b"<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n",
}


def paths(*treatments: Treatment) -> list[str]:
    """A path for each name of the kinds so treated."""
    return [
        name.replace("*", "x")
        for kind in CATALOG
        if kind.treatment in treatments
        for name in kind.names
    ]


def laid(folder: Path, files: dict[str, bytes | str]) -> Inventory:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return of_folder(folder)


def named(found: Inventory) -> tuple[str, ...]:
    return tuple(f"{one.ecosystem} {one.name} {one.version}" for one in found.packages)


def test_every_name_of_a_kind_that_is_read_has_a_sample() -> None:
    read = {
        name
        for kind in CATALOG
        if kind.treatment is Treatment.READ
        for name in kind.names
        if not any(kind_of(path) is kind and _fits(path, name) for path in SAMPLES)
    }
    assert read == set()


def _fits(path: str, name: str) -> bool:
    return Path(path).match(name) or Path(path).name == name


@each("path", SAMPLES)
def test_a_file_of_a_kind_that_is_read_gives_its_packages(path: str, tmp_path: Path) -> None:
    content, expected = SAMPLES[path]
    found = laid(tmp_path, {path: content})
    assert named(found) == expected
    # Only conda's packages are told: there are no advisories for them.
    assert all("conda" in gap for gap in found.gaps), found.gaps


@each("path", SAMPLES)
def test_a_byte_order_mark_changes_nothing(path: str, tmp_path: Path) -> None:
    content, expected = SAMPLES[path]
    assert named(laid(tmp_path, {path: b"\xef\xbb\xbf" + content.encode()})) == expected


@each("path", SAMPLES)
def test_the_line_ends_of_windows_change_nothing(path: str, tmp_path: Path) -> None:
    content, expected = SAMPLES[path]
    assert named(laid(tmp_path, {path: content.replace("\n", "\r\n")})) == expected


# A manifest in its own notation that asks for nothing is one.
OF_JSON = ("package.json", "composer.json", "deno.json", "deno.jsonc", "import_map.json")
OF_TOML = ("pyproject.toml", "Pipfile", "Cargo.toml")
VALID = {
    *product(OF_JSON, ("JSON of something else",)),
    *product(OF_TOML, ("TOML of something else",)),
}


@each("path", paths(Treatment.READ, Treatment.ASKS, Treatment.GAP))
def test_no_kind_is_silently_clean(path: str, tmp_path: Path) -> None:
    """Neither in a folder nor by itself, whatever is in it."""
    silent = []
    for number, (what, content) in enumerate(FOREIGN.items()):
        found = laid(tmp_path / str(number), {path: content})
        itself = of_lock(io.BytesIO(content), path)
        if not ((found.gaps or found.wanting) and itself.gaps) and (path, what) not in VALID:
            silent.append(what)
    assert silent == []


@each(
    ("path", "what"),
    zip(paths(Treatment.READ, Treatment.GAP), cycle(["binary", "web page"]), strict=False),
)
def test_what_cannot_be_read_is_a_gap_beside_packages_of_all_ecosystems(
    path: str, what: str, tmp_path: Path
) -> None:
    """One package read never silences what was not understood in the same folder."""
    beside: dict[str, bytes | str] = {
        f"beside/{number}/{name}": content
        for number, (name, (content, _)) in enumerate(SAMPLES.items())
    }
    found = laid(tmp_path, {**beside, path: FOREIGN[what]})
    assert any(gap.startswith(path.split("*")[0]) for gap in found.gaps)


@each("path", SAMPLES)
@each("part", [1, 3, 5, 7, 9])
def test_what_breaks_off_is_told_or_lacks_no_package_before(
    path: str, part: int, tmp_path: Path
) -> None:
    content, _ = SAMPLES[path]
    found = laid(tmp_path, {path: content[: len(content) * part // 10]})
    assert found.gaps or found.wanting or found.items


@each("path", paths(Treatment.NONE))
def test_what_looks_like_dependencies_and_is_none_is_nothing_to_tell(
    path: str, tmp_path: Path
) -> None:
    assert laid(tmp_path, {path: "anything"}).troubles == ()


@each(
    ("path", "content", "asks"),
    [
        ("package.json", '{"dependencies": {"lodash": "^4"}}', True),
        ("package.json", '{"dependencies": {"shared": "workspace:*"}}', False),
        ("package.json", '{"devDependencies": {"mocha": "^6"}}', False),
        ("pyproject.toml", '[project]\nname = "a"\ndependencies = ["requests>=2"]\n', True),
        ("pyproject.toml", '[project]\nname = "a"\ndynamic = ["dependencies"]\n', True),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3"\nx = "1"\n', True),
        ("pyproject.toml", "[tool.ruff]\nline-length = 100\n", False),
        ("Pipfile", '[packages]\nrequests = "*"\n', True),
        ("Pipfile", '[dev-packages]\npytest = "*"\n', False),
        ("Cargo.toml", '[dependencies]\nserde = "1"\n', True),
        ("Cargo.toml", '[package]\nname = "a"\n', False),
        ("Cargo.toml", '[dependencies]\nmine = { path = "../mine" }\n', False),
        ("deno.json", '{"imports": {"lodash": "npm:lodash@4"}}', True),
        ("deno.json", '{"imports": {"@/": "./src/"}, /* none */ "tasks": {},}', False),
        ("composer.json", '{"require": {"php": ">=8", "a/b": "^1"}}', True),
        ("composer.json", '{"require": {"php": ">=8", "ext-json": "*"}}', False),
        ("a.csproj", '<Project><PackageReference Include="A" Version="1.*"/></Project>', True),
        ("a.csproj", "<Project/>", False),
        ("requirements.txt", "idna==3.7\nrequests>=2\n", True),
        ("requirements.txt", "idna==3.7\n-r base.txt\n", True),
        ("requirements.txt", "idna==3.7\ngit+https://example.com/x.git\n", False),
        ("requirements.txt", "https://example.com/idna-3.7-py3-none-any.whl\n", False),
    ],
)
def test_a_source_tree_tells_what_it_asks_for(
    path: str, content: str, asks: bool, tmp_path: Path
) -> None:
    assert bool(laid(tmp_path, {path: content}).wanting) is asks


def test_what_is_asked_for_by_name_is_told_until_that_very_package_is_here(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "package.json": '{"dependencies": {"lodash": "^4", "old": "npm:minimist@^1"}}',
        "node_modules/lodash/package.json": '{"name": "lodash", "version": "4.17.21"}',
    }
    assert laid(tmp_path, files).wanting == (
        "package.json: asks for packages of npm, and not all of them are in here",
    )
    files["node_modules/old/package.json"] = '{"name": "minimist", "version": "1.2.8"}'
    assert laid(tmp_path, files).wanting == ()


def test_requirements_that_name_other_files_are_whole_with_them(tmp_path: Path) -> None:
    asking = {"requirements/prod.txt": "-r base.txt\nidna==3.7\n"}
    assert laid(tmp_path, asking).wanting
    assert not laid(tmp_path, {**asking, "requirements/base.txt": "six==1.16.0\n"}).wanting


@pytest.mark.parametrize(
    "path",
    [
        "node_modules/a/yarn.lock",
        "site-packages/a/Pipfile.lock",
        "dev-requirements.txt",
        "requirements-dev.lock",
        "test-requirements.in",
        "META-INF/maven/a.b/c/pom.xml",
        "META-INF/resources/webjars/a/1.0/package.json",
        "vendor/guzzlehttp/guzzle/composer.json",
    ],
)
def test_what_others_develop_with_is_not_read(path: str) -> None:
    assert reader_of(path) is None
