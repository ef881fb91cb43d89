"""Archives that were made to harm, mislead or exhaust: each ends in a clear verdict."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import replace
from random import Random

import pytest

from driftguard.analysis.inventory import Inventory, Limits, inventory
from tests.support.each import each
from tests.support.inventory.making_images import gzipped, link, tar_members, tarred
from tests.support.inventory.making_zips import (
    Raw,
    deflated,
    ended,
    metadata,
    overlapping,
    pom,
    raw_zip,
    zeros_deflated,
    zipped,
)

METADATA = "requests-2.19.0.dist-info/METADATA"
CONTENT = metadata("requests", "2.19.0").encode()
HONEST = Raw(METADATA, CONTENT)
SMALL = Limits(total_bytes=1_000_000, inflated_bytes=2_000_000, spool_bytes=1_000_000)


def of(archive: bytes, limits: Limits | None = None) -> Inventory:
    file = io.BytesIO(archive)
    return inventory(file, "function.zip", limits or Limits())


def named(found: Inventory) -> list[tuple[str, str]]:
    return [(one.name, one.version) for one in found.packages]


def test_the_honest_one_of_all_these_is_complete() -> None:
    found = of(raw_zip([HONEST]))
    assert (named(found), found.complete) == ([("requests", "2.19.0")], True)


# ------------------------------------------------------------------------------------ lies


@each(
    ("lie", "told"),
    [
        (replace(HONEST, size=10), "is larger than the archive says"),
        (replace(HONEST, size=0), "is larger than the archive says"),
        (replace(HONEST, size=1_000_000), "is smaller than the archive says"),
        (replace(HONEST, packed=20), "breaks off"),
        (replace(HONEST, packed=0), "breaks off"),
        (replace(HONEST, crc=1), "is corrupt: its checksum is wrong"),
        (replace(HONEST, data=b"\xff" * 50), "is corrupt, and can't be unpacked"),
        (replace(HONEST, data=deflated(CONTENT)[:-20]), "breaks off"),
        (replace(HONEST, data=deflated(CONTENT) + b"more"), "has more behind its content"),
        (replace(HONEST, flags=1), "is encrypted"),
        (replace(HONEST, flags=0x41), "is encrypted"),
        (replace(HONEST, flags=0x2000), "is encrypted"),
        (replace(HONEST, method=93), "by a method that is not read here (93)"),
        (replace(HONEST, method=0, data=CONTENT, size=10), "is larger than the archive says"),
        (replace(HONEST, local_name="x" * len(METADATA)), "has one name in the directory"),
        (replace(HONEST, name="x" * len(METADATA), local_name=METADATA), "and another at its"),
        (replace(HONEST, attributes=0o120777 << 16), "is a link to what can't be told"),
    ],
)
def test_a_lie_is_told_and_a_gap(lie: Raw, told: str) -> None:
    found = of(raw_zip([lie, Raw("app.py", b"print()")]))
    assert found.packages == ()
    assert not found.complete
    assert any(told in line for line in found.troubles), found.troubles


@pytest.mark.parametrize("claimed", [0, 2, 500])
def test_a_directory_that_miscounts_is_a_gap(claimed: int) -> None:
    found = of(raw_zip([HONEST], claimed))
    assert named(found) == [("requests", "2.19.0")]
    assert not found.complete


def test_an_encrypted_file_that_nobody_would_read_is_a_gap_too() -> None:
    assert of(raw_zip([Raw("lib.so", b"x", flags=1)])).troubles == ("lib.so: is encrypted",)


# ----------------------------------------------------------------------------- odd names


@pytest.mark.parametrize(
    "name",
    [f"../../{METADATA}", f"/{METADATA}", f"a/../../{METADATA}", f"C:/{METADATA}"],
)
def test_a_name_that_leads_out_is_told_and_its_content_counts(name: str) -> None:
    found = of(raw_zip([replace(HONEST, name=name)]))
    assert named(found) == [("requests", "2.19.0")]
    assert len(found.troubles) == 1
    assert "leads out of the archive" in found.troubles[0]


def test_backslashes_do_not_hide_a_package() -> None:
    found = of(raw_zip([replace(HONEST, name=METADATA.replace("/", "\\"))]))
    assert named(found) == [("requests", "2.19.0")]
    assert "backslashes" in found.troubles[0]


def test_what_terminals_obey_is_not_shown() -> None:
    found = of(raw_zip([replace(HONEST, name="\x1b[2J\n../evil.jar", content=b"")]))
    assert all(line.isprintable() for line in found.troubles)
    assert not found.complete


def test_a_link_to_what_is_read_anyway_is_no_gap() -> None:
    jar = zipped(pom("a.b", "app", "1"))
    link = Raw("lib/app.jar", b"app-1.jar", attributes=0o120777 << 16)
    found = of(raw_zip([Raw("lib/app-1.jar", jar), link]))
    assert named(found) == [("a.b:app", "1")]
    assert found.complete
    assert found.troubles == ("lib/app.jar: is a link, which was not followed",)


def test_an_endless_name_is_a_gap() -> None:
    found = of(raw_zip([replace(HONEST, name=f"{'x' * 5000}/{METADATA}")]))
    assert not found.complete
    assert len(found.troubles[0]) < 300


# ----------------------------------------------------------------------------------- bombs


def test_a_file_of_zeros_is_not_unpacked_to_the_end() -> None:
    data, crc = zeros_deflated(200 * 1024 * 1024)
    bomb = Raw(METADATA, data=data, crc=crc, size=200 * 1024 * 1024)
    found = of(raw_zip([bomb]))
    assert found.troubles == (f"{METADATA}: is packed more than 200-fold",)
    assert not found.complete


def test_metadata_that_is_larger_than_any_is_not_read() -> None:
    found = of(zipped({METADATA: CONTENT + Random(0).randbytes(13_000_000)}))
    assert found.troubles == (f"{METADATA}: is larger than 12,582,912 bytes, and was not read",)
    assert not found.complete


def test_a_jar_of_zeros_is_not_unpacked_to_the_end() -> None:
    data, crc = zeros_deflated(200 * 1024 * 1024)
    bomb = Raw("lib/app.jar", data=data, crc=crc, size=200 * 1024 * 1024)
    assert of(raw_zip([bomb])).troubles == ("lib/app.jar: is packed more than 200-fold",)


def test_more_than_lambda_takes_is_a_gap_before_it_is_unpacked() -> None:
    data, crc = zeros_deflated(300 * 1024 * 1024)
    bomb = Raw("model.bin", data=data, crc=crc, size=300 * 1024 * 1024)
    found = of(raw_zip([HONEST, bomb]))
    assert named(found) == [("requests", "2.19.0")]
    assert found.troubles == ("function.zip: says that it unpacks to more than 262,144,000 bytes",)


def test_entries_that_share_their_data_are_refused() -> None:
    found = of(overlapping(METADATA, CONTENT, 10_000))
    assert found.packages == ()
    assert found.troubles == ("function.zip: has entries that overlap, as only zip bombs have",)


def test_entries_that_overlap_in_part_are_refused() -> None:
    inner = zipped({METADATA: CONTENT}, zipfile.ZIP_STORED)
    archive = bytearray(raw_zip([Raw("a.zip", inner, data=inner, method=0), HONEST]))
    # The second entry of the directory is moved into the content of the first.
    second = archive.rindex(b"PK\1\2")
    archive[second + 42 : second + 46] = struct.pack("<L", archive.index(inner))
    assert "overlap" in of(bytes(archive)).troubles[0]


def test_zips_in_zips_end_at_the_depth_limit() -> None:
    archive = zipped({METADATA: CONTENT})
    for _ in range(10):
        archive = zipped({"a.zip": archive})
    found = of(archive)
    assert found.troubles == (
        "a.zip!/a.zip!/a.zip!/a.zip!/a.zip: is nested more than 4 archives deep, and was not read",
    )
    assert not found.complete


def test_jars_are_read_down_to_the_limit() -> None:
    archive = zipped(pom("a.b", "deepest", "1.0"))
    for _ in range(4):
        archive = zipped({"a.jar": archive})
    found = of(archive)
    assert named(found) == [("a.b:deepest", "1.0")]
    assert found.complete


@pytest.mark.parametrize("name", ["a.tgz", "a.tar.gz"])
def test_a_tar_of_zeros_within_is_not_unpacked_to_the_end(name: str) -> None:
    bomb = gzipped(tarred([("zeros", bytes(100_000_000))]))
    found = of(zipped({name: bomb, METADATA: CONTENT}, zipfile.ZIP_STORED))
    assert found.troubles == (f"{name}: is packed more than 200-fold",)
    assert named(found) == [("requests", "2.19.0")]


def test_tars_in_tars_end_at_the_depth_limit() -> None:
    archive = tarred([(METADATA, CONTENT)])
    for _ in range(10):
        archive = tarred([("a.tar", archive)])
    found = of(zipped({"a.tar": archive}))
    assert "is nested more than 4 archives deep" in found.troubles[0]
    assert not found.complete


def test_names_in_a_tar_within_lead_nowhere() -> None:
    tar = tarred([(f"../../{METADATA}", CONTENT)])
    found = of(zipped({"a.tar": tar}))
    assert [one.where for one in found.packages] == [f"a.tar!/{METADATA}"]
    assert "leads out of the archive" in found.troubles[0]


def test_a_link_in_a_tar_within_to_what_nobody_reads_is_a_gap() -> None:
    tar = tar_members([link(METADATA, "hidden")])
    assert not of(zipped({"a.tar": tar})).complete


def test_zips_that_multiply_end_at_what_may_be_unpacked() -> None:
    archive = zipped({"zeros.jar": bytes(100_000)})
    for _ in range(3):
        archive = zipped({f"{index}.zip": archive for index in range(16)})
    found = of(archive, SMALL)
    assert found.troubles[-1] == (
        "function.zip: reading ended at the limit of 2,000,000 bytes unpacked"
    )
    assert not found.complete


def test_what_lies_on_disk_at_one_time_is_bounded() -> None:
    archive = zipped({"x": bytes(400_000)}, zipfile.ZIP_STORED)
    for _ in range(3):
        archive = zipped({"a.jar": archive}, zipfile.ZIP_STORED)
    assert "1,000,000 bytes on disk" in of(archive, SMALL).troubles[0]
    # One after the other, as much is no trouble.
    beside = zipped({f"{index}.jar": zipped({}) + b"" for index in range(9)}, zipfile.ZIP_STORED)
    assert of(beside, SMALL).complete


def test_a_disk_that_is_full_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> object:
        class Full(io.BytesIO):
            def write(self, _: object) -> int:
                raise OSError(28, "No space left on device")

        return Full()

    monkeypatch.setattr("driftguard.analysis.inventory.entries.SpooledTemporaryFile", full)
    found = of(zipped({"a.jar": zipped({})}))
    assert found.troubles == ("a.jar: could not be unpacked: No space left on device",)
    assert not found.complete


def test_time_that_is_up_ends_the_reading() -> None:
    found = of(zipped({METADATA: CONTENT}), Limits(seconds=0))
    assert found.troubles == ("function.zip: reading ended after 0 seconds",)
    assert not found.complete


# ------------------------------------------------------------------------------ great number


def test_more_entries_than_the_limit_end_the_reading() -> None:
    files = {f"{index}.txt": b"" for index in range(50)}
    found = of(zipped(files), Limits(entries=49))
    assert found.troubles == ("function.zip: reading ended at the limit of 49 entries",)
    assert not found.complete


def test_entries_are_counted_over_nested_archives() -> None:
    jar = zipped({f"{index}.class": b"" for index in range(10)})
    found = of(zipped({f"{index}.jar": jar for index in range(10)}), Limits(entries=60))
    assert not found.complete


def test_more_packages_than_the_limit_end_the_reading() -> None:
    files = {f"{index}.dist-info/METADATA": metadata(f"p{index}", "1") for index in range(20)}
    found = of(zipped(files), Limits(packages=10))
    assert len(found.packages) == 10
    assert not found.complete


def test_one_lock_file_without_end_is_a_gap() -> None:
    lines = "".join(f'p{index}@1:\n  version "1.0.0"\n' for index in range(50_000))
    found = of(zipped({"yarn.lock": lines}))
    assert len(found.packages) == 40_000
    assert not found.complete


def test_metadata_in_great_number_ends_at_its_limit() -> None:
    files = {f"{index}.dist-info/METADATA": CONTENT for index in range(20)}
    found = of(zipped(files), Limits(inventory_bytes=10 * len(CONTENT)))
    assert "bytes of metadata" in found.troubles[-1]
    assert not found.complete


@pytest.mark.parametrize("document", [b"[" * 1_000_000, b'{"a":' * 100_000, b"1" * 5_000_000])
def test_json_that_is_nested_without_end_is_a_gap(document: bytes) -> None:
    assert not of(zipped({"package-lock.json": document})).complete


@pytest.mark.parametrize("name", ["requests 2", "x" * 600, "a\x1b[2J", "", "a\u2028b", "\ufffd"])
def test_a_name_that_no_package_has_is_a_gap(name: str) -> None:
    found = of(zipped({METADATA: f"Name: {name}\nVersion: 1.0\n"}))
    assert found.packages == ()
    assert not found.complete


# --------------------------------------------------------------------------------- no zips


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"PK",
        b"PK\5\6",
        b"PK\3\4" + bytes(100),
        ended(b"", b"x" * 100, 1),
        ended(b"", b"PK\1\2" + bytes(42) + b"x", 1),
        ended(b"", b"PK\1\2" + b"\xff" * 42, 1),
        b"PK\5\6" + b"\xff" * 16 + bytes(2),
        zipped({"a": b"b"})[:-1],
    ],
)
def test_what_is_no_zip_is_told(archive: bytes) -> None:
    found = of(archive)
    assert found.packages == ()
    assert found.troubles[0].startswith("function.zip: ")
    assert not found.complete


def test_a_zip_that_breaks_off_behind_one_inside_it_is_not_taken_for_that_one() -> None:
    inner = zipped({METADATA: CONTENT})
    outer = zipped({"inner.zip": inner, "other.zip": inner}, zipfile.ZIP_STORED)
    found = of(outer[: outer.index(inner) + len(inner)])
    assert found.troubles == (
        "function.zip: has entries before the first that its directory knows",
    )
    assert not found.complete


def test_two_zips_in_one_file_are_not_taken_for_one() -> None:
    script = b"#!/bin/sh\n" + bytes(2 * 1024 * 1024 - 12)
    assert of(script + raw_zip([HONEST])).complete
    assert not of(script + zipped({"a": b""}) + raw_zip([HONEST])).complete


def test_bytes_behind_the_end_are_a_gap() -> None:
    found = of(raw_zip([HONEST]) + b"more")
    assert found.troubles == ("function.zip: does not end where it says that it ends",)
    assert not found.complete


def test_a_jar_that_is_no_zip_is_a_gap() -> None:
    found = of(zipped({"lib/app.jar": b"no zip", METADATA: CONTENT}))
    assert named(found) == [("requests", "2.19.0")]
    assert found.troubles == ("lib/app.jar: is not a zip, or breaks off before its directory",)


def test_a_zip_of_the_larger_kind_is_read() -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w") as archive,
        archive.open(METADATA, "w", force_zip64=True) as file,
    ):
        file.write(CONTENT)
    data = buffer.getvalue()
    assert named(of(data)) == [("requests", "2.19.0")]
    assert named(of(_larger(data))) == [("requests", "2.19.0")]


def test_a_zip_of_the_larger_kind_with_absurd_numbers_is_told() -> None:
    honest = _larger(raw_zip([HONEST]))
    for at in range(24, 56, 8):
        record = honest.index(b"PK\6\6")
        for number in (2**64 - 1, 2**63, 2**62):
            lie = bytearray(honest)
            lie[record + at : record + at + 8] = number.to_bytes(8, "little")
            found = of(bytes(lie))
            assert found.complete is (at == 24), (at, found)


def _larger(archive: bytes) -> bytes:
    """The same zip with the end that only large ones need."""
    _, _, _, _, count, size, offset, _ = struct.unpack("<4s4H2LH", archive[-22:])
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(archive) - 22, 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    return archive[:-22] + end + locator + last
