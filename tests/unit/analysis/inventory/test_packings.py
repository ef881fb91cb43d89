"""13: archives are told by their first bytes; what cannot be unpacked is told, never clean."""

from __future__ import annotations

import bz2
import io
import lzma
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.analysis.inventory import Inventory, inventory
from tests.support.each import each
from tests.support.inventory.making_images import gzipped, saved_image, tarred
from tests.support.inventory.making_zips import Content, metadata, zipped
from tests.support.properties import thoroughly

WHEELS: dict[str, Content] = {"requests-2.19.0.dist-info/METADATA": metadata("requests", "2.19.0")}
TAR = tarred(list(WHEELS.items()))
ZIP = zipped(WHEELS)
READ = {
    "zip": ZIP,
    "tar": TAR,
    "tar, gzip": gzipped(TAR),
    "tar, bzip2": bz2.compress(TAR),
    "tar, bzip2 in two streams": bz2.compress(TAR[:700]) + bz2.compress(TAR[700:]),
    "tar, xz": lzma.compress(TAR),
    "tar, xz with padding": lzma.compress(TAR) + bytes(8),
    "zipapp": b"#!/usr/bin/env python3\n" + ZIP,
}
UNREAD = {
    "Zstandard": b"\x28\xb5\x2f\xfd",
    "7z": b"7z\xbc\xaf\x27\x1c",
    "RAR": b"Rar!\x1a\x07\x01\x00",
    "LZ4": b"\x04\x22\x4d\x18",
    "RPM": b"\xed\xab\xee\xdb",
    "a package of Debian": b"!<arch>\ndebian-binary   ",
}
# Names that say nothing, and names of Java's servers.
NAMES = ["data/blob", "model.bin", "app.dat"]


def of(files: dict[str, Content]) -> Inventory:
    return inventory(io.BytesIO(zipped(files)), "function.zip")


def names(found: Inventory) -> list[str]:
    return [package.name for package in found.packages]


@each("kind", READ)
@each("name", NAMES)
def test_an_archive_is_read_whatever_it_is_called(kind: str, name: str) -> None:
    found = of({name: READ[kind]})
    assert names(found) == ["requests"]
    assert found.packages[0].where == f"{name}!/requests-2.19.0.dist-info/METADATA"
    assert found.complete


@pytest.mark.parametrize(
    "extension", ["nar", "sar", "par", "rar", "aar", "hpi", "jpi", "war", "ear", "nupkg", "pyz"]
)
def test_a_zip_of_another_name_is_read_and_told_where_it_is_broken(extension: str) -> None:
    assert names(of({f"app.{extension}": ZIP})) == ["requests"]
    assert of({f"app.{extension}": ZIP[:-30]}).gaps
    assert of({f"app.{extension}": b"<html>404</html>" * 10}).gaps


@pytest.mark.parametrize("name", ["deps.tar.xz", "deps.txz", "deps.tar.bz2", "deps.tbz2"])
def test_a_compressed_tar_is_read_by_its_name(name: str) -> None:
    pack = lzma.compress if "x" in name.partition(".")[2] else bz2.compress
    assert names(of({name: pack(TAR)})) == ["requests"]
    assert of({name: pack(TAR)[:-20]}).gaps
    assert of({name: b"<html>404</html>" * 10}).gaps


@pytest.mark.parametrize("name", ["image.tar.xz", "image.tar.bz2"])
def test_a_compressed_image_is_read(name: str) -> None:
    pack = lzma.compress if name.endswith("xz") else bz2.compress
    image = saved_image(TAR)
    assert names(inventory(io.BytesIO(pack(image)), name)) == ["requests"]


@each("what", UNREAD)
@each("name", ["data/blob", "deps.tar.zst", "app.rar", "lib.zip"])
def test_what_is_not_unpacked_is_told(what: str, name: str) -> None:
    found = of({name: UNREAD[what] + Random(0).randbytes(600)})
    assert found.gaps == (f"{name}: is packed as {what}, which is not read here",)


@pytest.mark.parametrize(
    "content",
    [
        gzipped(b'{"paginators": {}}' * 200),
        lzma.compress(b"words and words\n" * 500),
        bz2.compress(b"words and words\n" * 500),
        b"#!/bin/sh\nexec true\n" * 20,
        b"BZh is how this text begins\n" * 5,
        Random(0).randbytes(2000),
    ],
)
def test_data_that_is_compressed_or_looks_so_is_no_archive(content: bytes) -> None:
    found = of({"data.bin": content})
    assert (found.packages, found.troubles) == ((), ())


def test_an_xz_that_wants_too_much_memory_is_a_gap() -> None:
    """The header of a block says how large its dictionary is: here 1.5 GB."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    packed = bytearray(lzma.compress(bytes(4096), filters=filters))
    at = packed.index(b"\x21\x01") + 2
    packed[at] = 40 - 2
    assert of({"deps.tar.xz": bytes(packed)}).gaps


@pytest.mark.parametrize("kind", READ)
@given(data=st.data())
@thoroughly
def test_what_breaks_off_is_never_silently_clean(kind: str, data: st.DataObject) -> None:
    whole = READ[kind]
    cut = data.draw(st.integers(300, len(whole) - 9)) if len(whole) > 320 else len(whole) - 9
    found = of({"deps.tar" if kind == "tar" else "blob": whole[:cut]})
    assert found.gaps or found.items
