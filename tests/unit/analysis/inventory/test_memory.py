"""What a Lambda with 512 MB must survive. The ceiling leaves half of it to everything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.support.inventory.making_images import gzipped, link, saved_image, tar_members, tarred
from tests.support.inventory.making_zips import (
    Content,
    Raw,
    metadata,
    overlapping,
    raw_zip,
    zeros_deflated,
    zipped,
)

ROOT = Path(__file__).parents[4]
CEILING = 256 * 1024 * 1024
TEXT = 12 * 1024 * 1024 - 1024

METADATA = "requests-2.19.0.dist-info/METADATA"


def many_files() -> bytes:
    files: dict[str, Content] = {f"data/{index}.txt": b"" for index in range(100_000)}
    return zipped(files | {METADATA: metadata("requests", "2.19.0")}, zipfile.ZIP_STORED)


def many_packages() -> bytes:
    names = (f"node_modules/{'x' * 150}{index}/package.json" for index in range(51_000))
    return zipped((name, '{"name": "a", "version": "1.0.0"}') for name in names)


def bomb(name: str) -> Callable[[], bytes]:
    size = 300 * 1024 * 1024

    def made() -> bytes:
        data, crc = zeros_deflated(size)
        return raw_zip([Raw(name, data=data, crc=crc, size=size)])

    return made


def multiplying() -> bytes:
    archive = zipped({"zeros.jar": bytes(1024 * 1024)})
    for _ in range(3):
        archive = zipped((f"{index}.zip", archive) for index in range(16))
    return archive


def large_jar() -> bytes:
    noise = Random(0).randbytes(1024 * 1024)
    jar = zipped(((f"{index}.class", noise) for index in range(200)), zipfile.ZIP_STORED)
    return zipped({"lib/app.jar": jar}, zipfile.ZIP_STORED)


def lists_of(piece: str, first: str = "0") -> Callable[[], bytes]:
    def made() -> bytes:
        text = f"[{first},{','.join([piece] * (TEXT // (len(piece) + 1)))}]"
        files = {f"{index}/package-lock.json": text for index in range(4)}
        return zipped(files, zipfile.ZIP_STORED)

    return made


def lock_of_many() -> bytes:
    packages = ",".join(
        f'"node_modules/{index}":{{"version":"1.0.0"}}' for index in range(TEXT // 42)
    )
    text = f'{{"packages":{{{packages}}}}}'
    return zipped({"package-lock.json": text}, zipfile.ZIP_STORED)


def requirements() -> bytes:
    return zipped({"requirements.txt": "abcdefghijk==1\n" * (TEXT // 15)}, zipfile.ZIP_STORED)


def headers() -> bytes:
    text = "Name: a\nVersion: 1\n" + "A: bcdefghijkl\n" * (TEXT // 16)
    return zipped({METADATA: text}, zipfile.ZIP_STORED)


def tar_of_long_names() -> bytes:
    names = ((f"{'x' * 900}{index}", b"") for index in range(20_000))
    return saved_image(gzipped(tarred(names)))


def tar_of_headers() -> bytes:
    member = tarfile.TarInfo("a")
    member.pax_headers = {f"key{index}": "x" * 10 for index in range(2_000)}
    one = tar_members([member]).rstrip(b"\0")
    return saved_image(one.ljust(-(-len(one) // 512) * 512, b"\0") * 2_000)


def tar_of_links() -> bytes:
    return saved_image(tar_members(link(f"{index}.jar", "x") for index in range(20_000)))


# How it is made; as what it comes; whether it is complete; how many packages are found.
HOSTILE: dict[str, tuple[Callable[[], bytes], str, bool, int]] = {
    "a hundred thousand files": (many_files, "zip", True, 1),
    "packages without end": (many_packages, "zip", False, 1),
    "a metadata file of 300 MB": (bomb(METADATA), "zip", False, 0),
    "a jar of 300 MB": (bomb("a.jar"), "zip", False, 0),
    "a data file of 300 MB": (bomb("model.bin"), "zip", False, 0),
    "shared data": (lambda: overlapping(METADATA, bytes(100_000), 250_000), "zip", False, 0),
    "zips that multiply": (multiplying, "zip", False, 0),
    "a large jar": (large_jar, "zip", True, 0),
    "empty lists": (lists_of("[]"), "zip", False, 0),
    "empty objects": (lists_of("{}"), "zip", False, 0),
    "small objects": (lists_of('{"a":0}'), "zip", False, 0),
    "empty lists and a wide letter": (lists_of("[]", '"\N{PARTY POPPER}"'), "zip", False, 0),
    "a lock of many": (lock_of_many, "zip", False, 40_000),
    "many requirements": (requirements, "zip", False, 1),
    "many headers": (headers, "zip", True, 1),
    "a layer of long names": (tar_of_long_names, "tar", True, 0),
    "a layer of headers": (tar_of_headers, "tar", False, 0),
    "a layer of links": (tar_of_links, "tar", False, 0),
}

# One for each way to take much: `make memory` tries all of them.
PART = [
    "a metadata file of 300 MB",
    "zips that multiply",
    "a large jar",
    "empty lists and a wide letter",
    "a lock of many",
    "a layer of headers",
]


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak of memory is read as Linux tells it"
)
@pytest.mark.parametrize("case", HOSTILE if "MEMORY" in os.environ else PART)
def test_a_verdict_is_reached_in_half_of_lambdas_memory(case: str, tmp_path: Path) -> None:
    make, kind, complete, packages = HOSTILE[case]
    archive = tmp_path / f"function.{kind}"
    archive.write_bytes(make())
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.inventory.measured", str(archive)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert (told["complete"], told["packages"]) == (complete, packages), told
    assert told["peak"] < CEILING, told
