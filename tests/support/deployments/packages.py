"""Deployment packages for the tests, and the advisories against what is in them."""

from __future__ import annotations

import json
from typing import Any

from tests.support.advisories.records import affecting, document
from tests.support.inventory.making_zips import Content, metadata, pom, zipped

HANDLER = "def handler(event, context):\n    return {{'answer': {answer!r}}}\n"


def package(answer: str, *parts: dict[str, Content]) -> bytes:
    """A function in Python that says `answer`, with what is shipped beside it."""
    files: dict[str, Content] = {"app.py": HANDLER.format(answer=answer)}
    for one in parts:
        files |= one
    return zipped(files)


def wheel(name: str, version: str) -> dict[str, Content]:
    """A library as `pip install --target` leaves it."""
    info = f"{name}-{version}.dist-info"
    return {
        f"{name}/__init__.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": metadata(name, version),
        f"{info}/RECORD": f"{name}/__init__.py,,\n",
    }


def node_module(name: str, version: str) -> dict[str, Content]:
    """A library as `npm install` leaves it."""
    said = json.dumps({"name": name, "version": version})
    return {f"node_modules/{name}/package.json": said, f"node_modules/{name}/index.js": "{}\n"}


def fat_jar(group: str, artifact: str, version: str) -> dict[str, Content]:
    """A jar with a jar in it, as Spring Boot packs them."""
    inner = zipped(pom(group, artifact, version))
    whole = zipped({f"BOOT-INF/lib/{artifact}-{version}.jar": inner, "META-INF/MANIFEST.MF": ""})
    return {"lib/orders.jar": whole}


OLD_REQUESTS = wheel("requests", "2.19.0")
OLD_LODASH = node_module("lodash", "4.17.15")
OLD_LOG4J = fat_jar("org.apache.logging.log4j", "log4j-core", "2.14.1")


def _advisory(id_: str, cve: str, score: str, *affected: dict[str, Any]) -> dict[str, Any]:
    severity = [{"type": "CVSS_V3", "score": score}]
    return document(id_, *affected, aliases=[cve], severity=severity)


ADVISORIES = (
    _advisory(
        "GHSA-x84v-xcm2-53pg",
        "CVE-2018-18074",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
        affecting("PyPI", "requests", "introduced 0, fixed 2.20.0"),
    ),
    _advisory(
        "GHSA-p6mc-m468-83gw",
        "CVE-2020-8203",
        "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:H/A:H",
        affecting("npm", "lodash", "introduced 3.7.0, fixed 4.17.19"),
    ),
    _advisory(
        "GHSA-jfh8-c2jp-5v3q",
        "CVE-2021-44228",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
        affecting(
            "Maven",
            "org.apache.logging.log4j:log4j-core",
            "introduced 2.13.0, fixed 2.15.0",
        ),
    ),
)
