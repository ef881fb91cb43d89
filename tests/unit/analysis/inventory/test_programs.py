"""What Go and Rust programs say of what they were built from."""

import io
import json
import zlib
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.analysis.inventory import go, inventory, programs, rust
from driftguard.analysis.inventory.found_packages import Parsed
from driftguard.analysis.inventory.troubles import Unreadable
from tests.support.inventory import making_programs as making
from tests.support.inventory.lock_files import CARGO
from tests.support.inventory.making_zips import zipped
from tests.support.properties import thoroughly

MODULES = [
    ("github.com/aws/aws-lambda-go", "1.41.0"),
    ("github.com/gin-gonic/gin", "1.6.2"),
    # In the place of github.com/dgrijalva/jwt-go, which is not in the program.
    ("github.com/golang-jwt/jwt", "3.2.1+incompatible"),
]


def named(parsed: Parsed) -> list[tuple[str, str]]:
    return [(one.package.name, one.package.version) for one in parsed.findings]


def of_go(program: bytes) -> Parsed:
    return go.of_program(io.BytesIO(program), "bootstrap")


@pytest.mark.parametrize("section", [".go.buildinfo", ""])
def test_a_go_program_since_1_18_names_its_modules(section: str) -> None:
    parsed = of_go(making.elf(making.go_inline("go1.20.3"), section=section))
    assert named(parsed) == [("stdlib", "1.20.3"), *MODULES]
    assert {one.package.ecosystem for one in parsed.findings} == {"Go"}


@pytest.mark.parametrize("section", [".go.buildinfo", ""])
@pytest.mark.parametrize(("pointer", "big"), [(8, False), (8, True), (4, False), (4, True)])
def test_a_go_program_before_1_18_names_its_modules(pointer: int, big: bool, section: str) -> None:
    program = making.go_pointed("go1.16.15", pointer=pointer, big=big, section=section)
    assert named(of_go(program)) == [("stdlib", "1.16.15"), *MODULES]


def test_a_module_from_a_folder_is_told_and_no_gap() -> None:
    troubles = of_go(making.elf(making.go_inline())).troubles
    assert [(one.what, one.gap) for one in troubles] == [
        ("is built with a module from a folder, which has no version", False)
    ]


def test_build_information_deep_in_the_data_is_found() -> None:
    # The magic lies across two of the pieces in which the data is searched.
    data = bytes(1024 * 1024 - 16) + bytes(8) + b"\xff Go bui" + making.go_inline()
    assert named(of_go(making.elf(data)))[1:] == MODULES


def test_a_magic_that_is_not_aligned_is_none() -> None:
    assert of_go(making.elf(bytes(8) + making.go_inline())) == Parsed()


@pytest.mark.parametrize("version", ["devel go1.22-abcdef Mon Jan 1", "go", ""])
def test_an_unreleased_go_names_no_standard_library_which_is_a_gap(version: str) -> None:
    parsed = of_go(making.elf(making.go_inline(version)))
    assert named(parsed) == MODULES
    (told,) = (one for one in parsed.troubles if one.gap)
    assert told.what == "is built with an unreleased Go, whose standard library was not looked up"


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("go1.21rc2 X:nocoverageredesign", "1.21rc2"),
        ("go1.20.3-custom", "1.20.3"),
        ("go1.19.4b7", "1.19.4"),
        ("go1.22.3 (Red Hat 1.22.3-1.el9)", "1.22.3"),
    ],
)
def test_a_release_that_somebody_built_anew_is_that_release(version: str, release: str) -> None:
    parsed = of_go(making.elf(making.go_inline(version)))
    assert named(parsed)[0] == ("stdlib", release)


def test_a_go_program_without_modules_is_a_gap() -> None:
    assert any(one.gap for one in of_go(making.elf(making.go_inline(modules=""))).troubles)


@pytest.mark.parametrize("cut", [33, 40, 60, 200])
def test_build_information_that_breaks_off_is_a_gap(cut: int) -> None:
    program = making.elf(making.go_inline())
    parsed = of_go(program[: program.index(b"\xff Go") + cut])
    assert any(one.gap for one in parsed.troubles)


def test_a_length_without_end_is_a_gap() -> None:
    header = (b"\xff Go buildinf:" + bytes([8, 2])).ljust(32, b"\0")
    for length in (b"\xff" * 16, b"\xff\xff\xff\x7f"):
        parsed = of_go(making.elf(header + length + bytes(64)))
        assert [one.gap for one in parsed.troubles] == [True]


def test_another_program_is_no_go_program() -> None:
    assert of_go(making.elf(b"nothing" * 100)) == Parsed()


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF" + bytes(40)])
def test_what_is_no_program_is_told(data: bytes) -> None:
    with pytest.raises(Unreadable):
        programs.opened(io.BytesIO(data))


def test_a_program_without_segments_and_sections_has_nothing_in_it() -> None:
    assert of_go(b"\x7fELF" + bytes(60)) == Parsed()


def of_rust(data: bytes) -> Parsed:
    return rust.of_program(io.BytesIO(making.elf(data, section=".dep-v0")), "bootstrap")


CRATES = {
    "packages": [
        {"name": "handler", "version": "0.1.0", "source": "local", "root": True},
        {"name": "smallvec", "version": "1.6.0", "source": "crates.io"},
        {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"},
        {"name": "mine", "version": "1.0.0", "source": "git"},
    ]
}


def test_an_auditable_rust_program_names_its_crates() -> None:
    parsed = of_rust(zlib.compress(json.dumps(CRATES).encode()))
    # One from a repository is that crate all the same.
    assert named(parsed) == [("smallvec", "1.6.0"), ("mine", "1.0.0")]
    assert parsed.findings[0].package.ecosystem == "crates.io"


@pytest.mark.parametrize(
    "data",
    [
        b"not zlib",
        zlib.compress(b"not json"),
        zlib.compress(b"[]"),
        zlib.compress(b'{"packages": [1]}'),
        zlib.compress(bytes(64 * 1024 * 1024)),
        zlib.compress(json.dumps(CRATES).encode())[:-20],
    ],
)
def test_a_broken_list_of_crates_is_a_gap(data: bytes) -> None:
    assert [one.gap for one in of_rust(data).troubles] == [True]


def test_a_cargo_lock_states_its_crates() -> None:
    assert named(rust.of_lock(CARGO.encode(), "Cargo.lock")) == [("smallvec", "1.6.0")]


# ------------------------------------------------------------------------ of Windows and of macOS


WINDOWS_AND_MACOS = {
    "Windows": making.pe(making.go_inline()),
    "Windows, 32 bits": making.pe(making.go_inline(), plus=False),
    "macOS": making.macho(making.go_inline()),
    "macOS without the section": making.macho(making.go_inline(), section="__data"),
    "macOS, 32 bits": making.macho(making.go_inline(), pointer=4),
    "macOS, big-endian": making.macho(making.go_inline(), big=True),
    "macOS, two architectures": making.fat_macho(
        making.macho(making.go_inline()), making.macho(making.go_inline())
    ),
}


@pytest.mark.parametrize("system", WINDOWS_AND_MACOS)
def test_a_go_program_of_another_system_names_its_modules(system: str) -> None:
    """13: only programs of Linux were read; others ended in "clean"."""
    assert named(of_go(WINDOWS_AND_MACOS[system]))[1:] == MODULES


@pytest.mark.parametrize("system", WINDOWS_AND_MACOS)
def test_a_program_of_another_system_is_found_by_its_first_bytes(system: str) -> None:
    archive = zipped({"tool.bin": WINDOWS_AND_MACOS[system] + Random(0).randbytes(100_000)})
    found = inventory(io.BytesIO(archive), "function.zip")
    assert ("Go", "github.com/gin-gonic/gin") in {
        package.coordinates[:2] for package in found.packages
    }


@pytest.mark.parametrize("make", [making.pe, making.macho])
def test_rusts_crates_are_found_in_programs_of_other_systems(make: Callable[..., bytes]) -> None:
    data = zlib.compress(json.dumps(CRATES).encode())
    parsed = rust.of_program(io.BytesIO(make(data, section=".dep-v0")), "tool")
    assert ("smallvec", "1.6.0") in named(parsed)


@pytest.mark.parametrize("system", WINDOWS_AND_MACOS)
@given(data=st.data())
@thoroughly
def test_no_program_of_another_system_makes_a_parser_raise(
    system: str, data: st.DataObject
) -> None:
    program = bytearray(WINDOWS_AND_MACOS[system])
    for _ in range(data.draw(st.integers(1, 6))):
        program[data.draw(st.integers(0, 0x4FF))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(program)))
    go.of_program(io.BytesIO(bytes(program[:cut])), "tool")
    rust.of_program(io.BytesIO(bytes(program)), "tool")
