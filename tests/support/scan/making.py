"""What the tests scan, and the advisories that they scan it with: ids and texts are made up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

from tests.support.advisories.records import affecting, document
from tests.support.inventory.making_images import saved_image, tarred
from tests.support.inventory.making_zips import Content, metadata, pom, zipped

CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
MEDIUM = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N"}]
LOG4J = "org.apache.logging.log4j:log4j-core"

RECORDS: list[dict[str, Any]] = [
    document(
        "GHSA-requests-1",
        affecting("PyPI", "requests", "introduced 0, fixed 2.20.0"),
        aliases=["CVE-2018-18074"],
        summary="Credentials are sent on after a redirect",
        severity=CRITICAL,
    ),
    document(
        "GHSA-requests-2",
        affecting("PyPI", "requests", "introduced 0, fixed 2.31.0"),
        summary="Credentials are sent to a proxy",
        severity=MEDIUM,
    ),
    document(
        "GHSA-lodash",
        affecting("npm", "lodash", "introduced 3.7.0, fixed 4.17.19"),
        aliases=["CVE-2020-8203"],
        summary="Prototype pollution",
        database_specific={"severity": "HIGH"},
    ),
    document(
        "GHSA-log4j",
        affecting("Maven", LOG4J, "introduced 2.13.0, fixed 2.15.0"),
        aliases=["CVE-2021-44228"],
        summary="What is logged is looked up",
        severity=CRITICAL,
    ),
    document("GHSA-unfixed", affecting("PyPI", "unfixed", "introduced 0"), severity=CRITICAL),
    document("GHSA-unrated", affecting("npm", "unrated", "introduced 0, fixed 2.0.0")),
    # So that the copy has these ecosystems at all.
    document("GHSA-go", affecting("Go", "example.com/bad", "introduced 0"), severity=CRITICAL),
    document("RUSTSEC-1", affecting("crates.io", "bad", "introduced 0"), severity=CRITICAL),
]

REQUESTS: dict[str, Content] = {
    "handler.py": "import requests\n",
    "requests/__init__.py": "",
    "requests-2.19.0.dist-info/METADATA": metadata("requests", "2.19.0"),
}
LODASH: dict[str, Content] = {
    "index.js": "require('lodash')\n",
    "node_modules/lodash/package.json": '{"name": "lodash", "version": "4.17.15"}',
}
FAT_JAR = zipped(
    {
        "BOOT-INF/lib/log4j-core-2.14.1.jar": zipped(
            pom("org.apache.logging.log4j", "log4j-core", "2.14.1")
        )
    }
    | pom("com.example", "app", "1.0")
)
CLEAN: dict[str, Content] = {
    "handler.py": "",
    "requests-2.32.0.dist-info/METADATA": metadata("requests", "2.32.0"),
    "node_modules/lodash/package.json": '{"name": "lodash", "version": "4.17.21"}',
}
IMAGE = saved_image(
    tarred([("etc/os-release", "ID=made-up\n")]),
    tarred([(f"var/task/{name}", content) for name, content in REQUESTS.items()]),
)
# Its entries say that they are larger than anything that is read.
BOMB = zipped({"lib/zeros.jar": bytes(300 * 1024 * 1024)})


def laid_out(folder: Path, files: dict[str, Content]) -> Path:
    """The files in a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def written(path: Path, content: Content) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def dumped(folder: Path, records: Iterable[dict[str, Any]] = ()) -> Path:
    """A copy of the advisories as OSV lays it out."""
    for one in records or RECORDS:
        ecosystem = one["affected"][0]["package"]["ecosystem"]
        written(folder / ecosystem / f"{one['id']}.json", json.dumps(one))
    return folder


def password() -> str:
    """One that nobody has, made up anew."""
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
    return "".join(Random().choices(alphabet, k=24)) + "!7"
