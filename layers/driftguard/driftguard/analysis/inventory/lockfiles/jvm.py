"""Java's build tools: Gradle's lock files, and what a pom.xml or a verification list names.

Sources: Gradle User Manual, "Locking Versions" and "Verifying dependencies"; Apache Maven, "POM
Reference".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from ..found_packages import Evidence, Said, found, parser, wanted
from ..syntax import xml_text
from ..syntax.xml_text import text
from ..troubles import Trouble, Unreadable, Wanting

ECOSYSTEM = "Maven"
_LOCKED = re.compile(r"([^:\s=]+):([^:\s=]+):([^:\s=]+)=\S*")
# Before version 6.8 there was a file for each configuration, and no `=`.
_LOCKED_BEFORE = re.compile(r"([^:\s=]+):([^:\s=]+):([^:\s=]+)")
_PROPERTY = re.compile(r"\$\{([^${}]+)\}")
_RANGE = re.compile(r"[\[(,]")

_GUESSED = Trouble("lists what may be downloaded; not all of it need be used", gap=False)
_TRANSITIVE = Wanting(
    "asks for packages of Maven by version, and does not say what these need in turn",
    unless=ECOSYSTEM,
    built=True,
)


@parser
def of_gradle_lock(data: bytes, where: str) -> Said:
    """The artifacts of a gradle.lockfile, or of an older `<configuration>.lockfile`."""
    is_whole = False
    for line in data.decode("utf-8-sig").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("empty="):
            is_whole = True
            continue
        locked = _LOCKED.fullmatch(line) or _LOCKED_BEFORE.fullmatch(line)
        if locked is None:
            raise Unreadable("is no lock file of Gradle, or breaks off")
        is_whole = is_whole or "=" not in line
        yield found(ECOSYSTEM, f"{locked[1]}:{locked[2]}", locked[3], where, Evidence.STATED)
    if not is_whole:
        yield Trouble("does not end as Gradle ends it: it breaks off")


@parser
def of_verification(data: bytes, where: str) -> Said:
    """The artifacts of a verification-metadata.xml: all that any build may have downloaded."""
    root = xml_text.parsed(data, "verification-metadata")
    for group, name, version in xml_text.attributes(root, "component", "group", "name", "version"):
        yield _GUESSED
        yield found(ECOSYSTEM, f"{group}:{name}", version, where, Evidence.INFERRED)


@parser
def of_pom(data: bytes, where: str) -> Said:
    """The artifacts that a pom.xml names by an exact version. What these need it does not say."""
    root = xml_text.parsed(data, "project")
    properties = _properties(root)
    managed = {
        _artifact(dependency, properties): _version(dependency, properties)
        for dependency in root.iterfind("./dependencyManagement/dependencies/dependency")
    }
    open_: list[str] = []
    if root.find("dependencies") is None and root.find("modules") is None:
        # Who has no dependencies of their own has them of a parent, or nobody knows of whom.
        yield wanted(ECOSYSTEM)
    for dependency in _dependencies(root):
        artifact = _artifact(dependency, properties)
        version = _version(dependency, properties) or managed.get(artifact, "")
        if version:
            yield found(ECOSYSTEM, artifact, version, where, Evidence.STATED)
            yield _TRANSITIVE
        else:
            open_.append(artifact)
    if open_:
        yield wanted(ECOSYSTEM, tuple(open_))


def _dependencies(root: Element) -> Iterator[Element]:
    for places in ("./dependencies/dependency", "./profiles/profile/dependencies/dependency"):
        for dependency in root.iterfind(places):
            if text(dependency, "scope") != "test":
                yield dependency


def _artifact(dependency: Element, properties: Mapping[str, str]) -> str:
    group, name = text(dependency, "groupId"), text(dependency, "artifactId")
    return f"{_filled(group, properties)}:{_filled(name, properties)}"


def _version(dependency: Element, properties: Mapping[str, str]) -> str:
    """The exact version of a dependency; "" for a range, or what another file says."""
    version = _filled(text(dependency, "version"), properties)
    return "" if "${" in version or _RANGE.search(version) else version


def _properties(root: Element) -> dict[str, str]:
    found_ = {child.tag: (child.text or "").strip() for child in root.iterfind("./properties/*")}
    parent = root.find("parent")
    for key in ("groupId", "artifactId", "version"):
        value = text(root, key) or (text(parent, key) if parent is not None else "")
        found_[f"project.{key}"] = found_[f"pom.{key}"] = value
        found_[f"project.parent.{key}"] = text(parent, key) if parent is not None else ""
    return found_


def _filled(value: str, properties: Mapping[str, str]) -> str:
    """A value with its properties put in, a few of them deep."""
    for _ in range(4):
        if "${" not in value or len(value) > 256:
            break
        value = _PROPERTY.sub(lambda named: properties.get(named[1], named[0]), value)
    return value
