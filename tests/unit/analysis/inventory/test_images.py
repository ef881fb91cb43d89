"""What is in a container image once its layers lie on one another."""

import io
import json
import tarfile
from collections.abc import Callable

import pytest

from driftguard.analysis.inventory import Inventory, inventory
from tests.support.inventory.making_images import (
    gzipped,
    link,
    oci_image,
    saved_image,
    tar_members,
    tarred,
)
from tests.support.inventory.making_zips import metadata, pom, zipped

REQUESTS = "var/task/requests-2.19.0.dist-info/METADATA"
BASE = tarred([(REQUESTS, metadata("requests", "2.19.0")), ("var/task/app.py", "")])

MakeImage = Callable[..., bytes]
both_layouts = pytest.mark.parametrize("made", [saved_image, oci_image])


def of(image: bytes, name: str = "image.tar") -> Inventory:
    return inventory(io.BytesIO(image), name)


def named(found: Inventory) -> list[tuple[str, str]]:
    return [(one.name, one.version) for one in found.packages]


@both_layouts
@pytest.mark.parametrize("packed", [bytes, gzipped])
def test_an_image_is_read_through_its_layers(
    made: MakeImage, packed: Callable[[bytes], bytes]
) -> None:
    jar = zipped(pom("org.apache.logging.log4j", "log4j-core", "2.14.1"))
    found = of(made(packed(BASE), packed(tarred([("var/task/lib/log4j.jar", jar)]))))
    assert named(found) == [
        ("org.apache.logging.log4j:log4j-core", "2.14.1"),
        ("requests", "2.19.0"),
    ]
    assert [one.where for one in found.packages] == ["var/task/lib/log4j.jar", REQUESTS]
    assert (found.complete, found.troubles) == (True, ())


@pytest.mark.parametrize("name", ["image.tar.gz", "image.tar"])
def test_an_image_that_is_gzipped_as_a_whole_is_read(name: str) -> None:
    assert named(of(gzipped(saved_image(BASE)), name)) == [("requests", "2.19.0")]


@both_layouts
@pytest.mark.parametrize(
    "whiteout",
    [
        "var/task/requests-2.19.0.dist-info/.wh.METADATA",
        "var/task/.wh.requests-2.19.0.dist-info",
        "./var/.wh.task",
        "var/task/.wh..wh..opq",
        ".wh..wh..opq",
    ],
)
def test_what_a_later_layer_deletes_does_not_count(made: MakeImage, whiteout: str) -> None:
    found = of(made(BASE, tarred([(whiteout, "")])))
    assert (found.packages, found.complete) == ((), True)


def test_what_a_layer_deletes_and_a_later_one_puts_back_counts() -> None:
    gone = tarred([("var/task/.wh.requests-2.19.0.dist-info", "")])
    assert named(of(saved_image(BASE, gone, BASE))) == [("requests", "2.19.0")]


def test_an_opaque_folder_keeps_what_its_own_layer_puts_there() -> None:
    upper = tarred(
        [
            ("var/task/.wh..wh..opq", ""),
            ("var/task/requests-2.32.0.dist-info/METADATA", metadata("requests", "2.32.0")),
        ]
    )
    assert named(of(saved_image(BASE, upper))) == [("requests", "2.32.0")]


def test_a_whiteout_hides_nothing_of_its_siblings() -> None:
    other = tarred([("var/task/.wh.requests-2.19.0", ""), ("var/.wh.tas", "")])
    assert named(of(saved_image(BASE, other))) == [("requests", "2.19.0")]


def test_the_later_of_two_files_counts() -> None:
    upper = tarred([(f"/{REQUESTS}", metadata("requests", "2.32.0"))])
    assert named(of(saved_image(BASE, upper))) == [("requests", "2.32.0")]


def test_a_link_in_the_place_of_a_folder_hides_it() -> None:
    upper = tar_members([link("var/task", "/opt/task")])
    assert of(saved_image(BASE, upper)).packages == ()


def test_long_names_are_read_in_every_dialect() -> None:
    name = f"{'long/' * 40}requests-2.19.0.dist-info/METADATA"
    for dialect in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        layer = tarred([(name, metadata("requests", "2.19.0"))], dialect)
        assert [one.where for one in of(saved_image(layer)).packages] == [name]


def test_a_hard_link_to_what_is_read_anyway_is_no_gap() -> None:
    path = "usr/lib/requests-2.19.0.dist-info/METADATA"
    layer = tar_members(
        [_file(REQUESTS, metadata("requests", "2.19.0")), link(path, REQUESTS, tarfile.LNKTYPE)]
    )
    found = of(saved_image(layer))
    assert named(found) == [("requests", "2.19.0")]
    assert found.complete
    assert found.troubles == (f"{path}: is a link, which was not followed",)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_to_what_nobody_reads_is_a_gap(kind: bytes) -> None:
    layer = tar_members([_file("hidden", metadata("a", "1")), link(REQUESTS, "hidden", kind)])
    assert not of(saved_image(layer)).complete


def test_a_hard_link_outlives_the_name_that_a_later_layer_deletes() -> None:
    path = "usr/lib/requests-2.19.0.dist-info/METADATA"
    layer = tar_members([_file(REQUESTS, "x"), link(path, REQUESTS, tarfile.LNKTYPE)])
    gone = tarred([("var/.wh.task", "")])
    assert not of(saved_image(layer, gone)).complete


def test_every_image_in_the_tar_counts() -> None:
    layers = {"a.tar": BASE, "b.tar": tarred([("x-1.dist-info/METADATA", metadata("x", "1"))])}
    manifest = json.dumps([{"Layers": [name]} for name in layers])
    image = tarred([*layers.items(), ("manifest.json", manifest)])
    assert named(of(image)) == [("requests", "2.19.0"), ("x", "1")]


# ------------------------------------------------------------------------- what is not right


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (b"", "breaks off"),
        (b"not a tar" * 100, "is not a tar, or a broken one"),
        (tarred([("a", "")]), "is a tar, and not a container image"),
        (tarred([("manifest.json", "[")]), "is an image without a manifest that can be read"),
        (tarred([("index.json", "[]")]), "is an image whose index can't be understood"),
        (tarred([("manifest.json", '[{"Layers": [1]}]')]), "without a manifest that can be read"),
        (tarred([("manifest.json", "{}")]), "is an image without a manifest that can be read"),
        (tarred([("manifest.json", "[]")]), "is an image without layers"),
        (tarred([("manifest.json", '[{"Layers": []}]')]), "is an image without layers"),
        (tarred([("index.json", '{"manifests": []}')]), "is an image without layers"),
        (gzipped(b"x" * 600), "is not a tar, or a broken one"),
        (gzipped(saved_image(BASE))[:-400], "is corrupt, or breaks off"),
        (saved_image(BASE)[:3000], "breaks off"),
    ],
)
def test_what_is_no_image_is_told(image: bytes, told: str) -> None:
    found = of(image)
    assert not found.complete
    assert found.troubles[0].startswith("image.tar: ")
    assert told in found.troubles[0]


BROKEN_HEADER = bytearray(BASE)
BROKEN_HEADER[BASE.index(b"var/task/app.py")] ^= 0xFF
LONE_ZEROS = BASE[: BASE.index(b"var/task/app.py")] + bytes(512) + BASE


@pytest.mark.parametrize(
    "layer",
    [
        BASE[:700],
        BASE[: BASE.index(b"var/task/app.py")],
        bytes(BROKEN_HEADER),
        LONE_ZEROS,
        b"\x28\xb5\x2f\xfd" + bytes(100),
        gzipped(BASE)[:-30],
        gzipped(tarred([("zeros", bytes(100_000_000))])),
    ],
    ids=["cut", "no end", "broken header", "lone zeros", "zstd", "cut gzip", "gzip bomb"],
)
def test_a_layer_that_cannot_be_read_to_its_end_is_a_gap(layer: bytes) -> None:
    found = of(saved_image(BASE, layer))
    assert not found.complete
    # The other layers are read all the same.
    assert ("requests", "2.19.0") in named(found)


def test_a_layer_that_is_not_there_is_a_gap() -> None:
    manifest = '[{"Layers": ["gone/layer.tar"]}]'
    found = of(tarred([("manifest.json", manifest)]))
    assert not found.complete
    assert found.troubles == (
        "gone/layer.tar: is a layer that the image names and does not contain",
    )


def test_an_index_that_points_at_itself_ends() -> None:
    index = json.dumps({"manifests": [{"digest": "sha256:loop"}]})
    found = of(tarred([("index.json", index), ("blobs/sha256/loop", index)]))
    assert not found.complete


def test_a_sparse_file_is_not_read_as_if_it_were_none() -> None:
    member = tarfile.TarInfo(REQUESTS)
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    member.size = 3
    found = of(saved_image(tar_members([(member, b"0\n\n")])))
    assert found.troubles == (f"{REQUESTS}: is not a plain file, and was not read",)
    assert not found.complete


def test_extended_headers_without_end_are_a_gap() -> None:
    member = tarfile.TarInfo("a")
    member.pax_headers = {"comment": "x" * 10_000_000}
    assert not of(saved_image(tar_members([member]))).complete


def test_names_that_lead_out_are_told_and_stay_inside() -> None:
    layer = tarred([("../../requests-2.19.0.dist-info/METADATA", metadata("requests", "2.19.0"))])
    found = of(saved_image(layer))
    assert [one.where for one in found.packages] == ["requests-2.19.0.dist-info/METADATA"]
    assert "leads out of the archive" in found.troubles[0]


def _file(name: str, content: str) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content.encode()
