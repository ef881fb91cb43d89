"""Bills of materials: CycloneDX in JSON and XML, SPDX in JSON and as tags.

A component counts by its package URL. Sources: Ecma International, ECMA-424 "CycloneDX Bill of
Materials Specification"; SPDX, "The Software Package Data Exchange Specification", versions 2.2 and
2.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ...advisories.package import identity
from ..found_packages import Evidence, Said, found, parser
from ..syntax import json_text, xml_text
from ..syntax.json_text import tables, text
from ..troubles import Trouble, Unreadable
from . import purls

# Only these are packages that somebody else may publish advisories about.
_LIBRARIES = frozenset({"library", "framework", "platform", "device-driver", "firmware"})
_TAG = re.compile(r"ExternalRef: +PACKAGE[-_]MANAGER +purl +(\S+)\s*")
_NAMELESS = Trouble("names a component without a package URL")


@parser
def of_bill(data: bytes, where: str) -> Said:
    """The packages of a bill of materials in any of the four formats."""
    beginning = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if beginning == b"{":
        urls = _of_json(json_text.table(data, "bill of materials"))
    elif beginning == b"<":
        urls = _of_xml(xml_text.parsed(data, "bom"))
    else:
        urls = _of_tags(data.decode("utf-8-sig"))
    # An installed package's own bill lists what was linked into it, which others are to judge.
    inside = ".dist-info/" in where
    is_empty = True
    for url in urls:
        is_empty = False
        if not url:
            yield Trouble(_NAMELESS.what, gap=not inside)
            continue
        kind, name, version = purls.split(url)
        ecosystem = purls.ECOSYSTEMS.get(kind)
        if ecosystem is None:
            yield Trouble(f"names packages of the type {kind[:40]}, not looked up", gap=not inside)
        else:
            name = identity(ecosystem, name)[1] if ecosystem == "PyPI" else name
            yield found(ecosystem, name, version, where, Evidence.STATED)
    if is_empty:
        yield Trouble("names no packages", gap=not inside)


def _of_json(document: dict[str, object]) -> Iterator[str]:
    """The package URL of each component; "" for a library without one."""
    if document.get("bomFormat") == "CycloneDX":
        components = tables(document.get("components"))
        while components:
            component = components.pop()
            components += tables(component.get("components"))
            if text(component, "purl") or text(component, "type") in _LIBRARIES:
                yield text(component, "purl")
    elif "spdxVersion" in document:
        described = document.get("documentDescribes")
        own = set(map(str, described)) if isinstance(described, list) else set()
        own |= {
            text(relation, "relatedSpdxElement")
            for relation in tables(document.get("relationships"))
            if text(relation, "relationshipType") == "DESCRIBES"
        }
        for package in tables(document.get("packages")):
            urls = [
                text(reference, "referenceLocator")
                for reference in tables(package.get("externalRefs"))
                if text(reference, "referenceType") == "purl"
            ]
            if not urls and text(package, "SPDXID") not in own:
                yield ""
            yield from urls
    else:
        raise Unreadable("is no bill of materials that is read here")


def _of_xml(root: Element) -> Iterator[str]:
    metadata = root.find("metadata")
    own = set(metadata.iter("component")) if metadata is not None else set()
    for component in root.iter("component"):
        url = xml_text.text(component, "purl")
        if component not in own and (url or component.get("type") in _LIBRARIES):
            yield url


def _of_tags(text_: str) -> Iterator[str]:
    if not text_.lstrip().startswith("SPDXVersion:"):
        raise Unreadable("is no bill of materials that is read here")
    is_package = has_url = is_first = False
    for line in text_.splitlines():
        if line.startswith("PackageName:"):
            if is_package and not has_url and not is_first:
                yield ""
            is_first = not is_package
            is_package, has_url = True, False
        elif url := _TAG.fullmatch(line):
            has_url = True
            yield url[1]
    if is_package and not has_url and not is_first:
        yield ""
