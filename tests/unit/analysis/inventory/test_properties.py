"""What holds for every input: parsers never raise, and what was missed is never called complete."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from driftguard.analysis.inventory import Limits, go, inventory, java, node, python, rust
from driftguard.analysis.inventory.found_packages import Parsed
from driftguard.analysis.inventory.kinds import reader_of
from driftguard.analysis.inventory.lockfiles import pnpm, yarn
from tests.support.each import each
from tests.support.inventory import making_programs as making
from tests.support.inventory.lock_files import (
    CARGO,
    LOCK_1,
    LOCK_3,
    PNPM,
    POETRY,
    PYLOCK,
    UV,
    YARN_1,
    YARN_BERRY,
)
from tests.support.inventory.making_images import gzipped, oci_image, saved_image, tarred
from tests.support.inventory.making_zips import metadata, pom, zipped
from tests.support.inventory.samples import SAMPLES
from tests.support.properties import thoroughly, tried

SMALL = Limits(total_bytes=10**6, inflated_bytes=10**6, entries=1000, text_bytes=10**5)

Parse = Callable[[bytes, str], Parsed]
TEXTS: dict[str, tuple[Parse, bytes]] = {
    "METADATA": (python.of_metadata, metadata("requests", "2.19.0").encode()),
    "requirements": (
        python.of_requirements,
        b"requests==2.19.0\nurllib3==1.24 ; python_version > '3'\n",
    ),
    "Pipfile.lock": (python.of_pipfile_lock, b'{"default": {"a": {"version": "==1.0"}}}'),
    "poetry.lock": (python.of_lock, POETRY.encode()),
    "uv.lock": (python.of_lock, UV.encode()),
    "package.json": (node.of_installed, b'{"name": "lodash", "version": "4.17.15"}'),
    "package-lock 1": (node.of_package_lock, json.dumps(LOCK_1).encode()),
    "package-lock 3": (node.of_package_lock, json.dumps(LOCK_3).encode()),
    "yarn 1": (yarn.of_yarn_lock, YARN_1.encode()),
    "yarn berry": (yarn.of_yarn_lock, YARN_BERRY.encode()),
    "pnpm": (pnpm.of_pnpm_lock, PNPM[6].encode()),
    "pylock": (python.of_lock, PYLOCK.encode()),
    "Cargo.lock": (rust.of_lock, CARGO.encode()),
    "pom": (java.of_pom, b"groupId=a.b\nartifactId=c\nversion=1.0\n"),
}
TEXTS |= {
    path: (reader, content.encode())
    for path, (content, found) in SAMPLES.items()
    if found and (reader := reader_of(path)) and path not in TEXTS
}
JSON_PARSERS = [
    python.of_pipfile_lock,
    node.of_installed,
    node.of_package_lock,
    node.of_project,
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["packages", "dependencies", "default", "version", "name", "node_modules/a", "a"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@st.composite
def mutated(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid file in which a few stretches were replaced, or that was cut off."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(0, 8))
        data[start : start + length] = draw(st.binary(max_size=8))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


def is_sound(parsed: Parsed) -> bool:
    """Every package has a name that can be shown, and no parser came back with nothing said."""
    return all(
        one.package.name and (one.package.name + one.package.version).isprintable()
        for one in parsed.findings
    )


@each("kind", TEXTS)
def test_valid_files_are_read_without_a_gap(kind: str) -> None:
    parse, valid = TEXTS[kind]
    parsed = parse(valid, kind if kind in SAMPLES else "node_modules/lodash/package.json")
    assert parsed.findings
    assert not any(trouble.gap and "conda" not in trouble.what for trouble in parsed.troubles)


# Each of some ninety kinds of files has examples of its own.
@pytest.mark.parametrize("kind", TEXTS)
@given(data=st.data())
@tried(0.4)
def test_no_parser_raises(kind: str, data: st.DataObject) -> None:
    parse, valid = TEXTS[kind]
    given_bytes = data.draw(st.binary(max_size=300) | mutated(valid))
    assert is_sound(parse(given_bytes, "node_modules/lodash/package.json"))


@pytest.mark.parametrize("parse", JSON_PARSERS)
@given(value=json_values)
@thoroughly
def test_no_parser_raises_on_json_of_another_shape(parse: Parse, value: object) -> None:
    assert is_sound(parse(json.dumps(value).encode(), "node_modules/a/package.json"))


@given(
    manifest=st.binary(max_size=300)
    | mutated(b"Bundle-SymbolicName: org.a.b\nImplementation-Version: 1\n"),
    path=st.text(max_size=40),
    entries=st.lists(st.text("a/.-MEx1", max_size=20).map(lambda name: f"{name}.class")),
)
@example(manifest=b"", path="a-1.jar", entries=["/a/B.class", "a/B.class", "C.class"])
@thoroughly
def test_no_jar_makes_the_guess_raise(manifest: bytes, path: str, entries: list[str]) -> None:
    jar = java.Jar(f"{path}.jar", manifest=manifest)
    for entry in entries:
        jar.passes(entry)
    assert is_sound(java.of_jar(jar))


PROGRAMS = [
    making.elf(making.go_inline(), section=".go.buildinfo"),
    making.go_pointed(),
    making.go_pointed(pointer=4, big=True, section=""),
    making.elf(b"x\x9c", section=".dep-v0"),
]


@pytest.mark.parametrize("valid", PROGRAMS, ids=["inline", "pointed", "small", "rust"])
@given(data=st.data())
@thoroughly
def test_no_program_makes_a_parser_raise(valid: bytes, data: st.DataObject) -> None:
    program = data.draw(
        st.binary(max_size=300).map(lambda rest: b"\x7fELF" + rest) | mutated(valid)
    )
    assert is_sound(go.of_program(io.BytesIO(program), "bootstrap"))
    assert is_sound(rust.of_program(io.BytesIO(program), "bootstrap"))


# -------------------------------------------------------------------------------- archives

NAME = "requests-2.19.0.dist-info/METADATA"
WHEEL = zipped({NAME: metadata("requests", "2.19.0"), "app.py": "print()"})
FAT = zipped({"lib/app.jar": zipped(pom("a.b", "c", "1.0")), "x": "y"}, zipfile.ZIP_STORED)
LAYER = tarred([(NAME, metadata("requests", "2.19.0"))])


@pytest.mark.parametrize("archive", [WHEEL, FAT], ids=["wheel", "fat"])
@given(data=st.data())
@tried(5)
def test_one_wrong_byte_is_noticed_or_changes_nothing(archive: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(archive) - 1))
    wrong = bytearray(archive)
    wrong[at] ^= data.draw(st.integers(1, 255))
    honest = inventory(io.BytesIO(archive), "a.zip")
    found = inventory(io.BytesIO(bytes(wrong)), "a.zip")
    assert not found.complete or found.packages == honest.packages


@pytest.mark.parametrize("archive", [WHEEL, FAT], ids=["wheel", "fat"])
@given(data=st.data())
@thoroughly
def test_what_breaks_off_is_never_complete(archive: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(archive) - 1))
    assert not inventory(io.BytesIO(archive[:cut]), "a.zip").complete


ARCHIVES = {
    "wheel.zip": WHEEL,
    "fat.zip": FAT,
    "saved.tar": saved_image(LAYER, gzipped(LAYER)),
    "oci.tar": oci_image(LAYER),
    "whole.tar.gz": gzipped(saved_image(LAYER)),
}


@pytest.mark.parametrize("name", ARCHIVES)
@given(data=st.data())
@thoroughly
def test_no_archive_makes_the_reading_raise(name: str, data: st.DataObject) -> None:
    archive = data.draw(st.binary(max_size=600) | mutated(ARCHIVES[name]))
    found = inventory(io.BytesIO(archive), name, SMALL)
    assert found.complete or found.troubles
    assert all(line.isprintable() for line in found.troubles)
