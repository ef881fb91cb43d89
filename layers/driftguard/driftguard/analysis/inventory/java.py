"""Java: reads what a jar says of itself and of what was shaded into it.

Sources: Apache Maven Archiver, "pom.properties content"; Oracle, "JAR File Specification"; OSGi
Core, "Bundle-SymbolicName"; Apache Felix, "Maven Bundle Plugin" (how a symbolic name is made).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .found_packages import Evidence, Parsed, Said, found, parser
from .troubles import Trouble, Unreadable

ECOSYSTEM = "Maven"
MANIFEST = "META-INF/MANIFEST.MF"
_POM = re.compile(r"(?:.*/)?META-INF/maven/[^/]+/(?P<artifact>[^/]+)/pom\.properties")
_JARS = (".jar", ".war", ".ear", ".nar", ".sar", ".par", ".rar", ".aar", ".hpi", ".jpi")
_ARTIFACT = re.compile(r"(?P<artifact>[A-Za-z][\w.-]*?)-(?P<version>\d[\w.+-]*)")
_GROUP = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+")
# Of a manifest, and of a pom.properties: what is of use stands at the top.
_MOST = 64 * 1024
# A jar's classes lie in a package that begins with its group, and seldom go on for longer.
_DEEPEST_GROUP = 4
# What builds write where nobody said a version. Source: Gradle User Manual, "Project" (`version`).
_NO_VERSION = frozenset({"unspecified", "unknown", "undefined", "null", "none"})
# Widespread libraries without a pom.properties, whose packages do not begin with their group.
_GROUPS = {
    "com.sun.jna": "net.java.dev.jna",
    "kotlin": "org.jetbrains.kotlin",
    "kotlinx": "org.jetbrains.kotlinx",
    "okhttp3": "com.squareup.okhttp3",
    "okio": "com.squareup.okio",
    "org.apache.tools": "org.apache.ant",
    "org.h2": "com.h2database",
    "org.jdom2": "org.jdom",
    "org.objectweb.asm": "org.ow2.asm",
    "picocli": "info.picocli",
    "retrofit2": "com.squareup.retrofit2",
}

_NAMELESS = Trouble("is a jar that does not say which it is", gap=False)
_GUESSED = Trouble("is a jar that does not say its group, which was guessed", gap=False)
_EMPTY = Trouble("is a jar without classes that does not say its group", gap=False)
_GROUPLESS = Trouble("is a jar whose group can't be told")


def is_pom(path: str) -> bool:
    """Whether Maven wrote the file to say what a jar is, or what was shaded into it."""
    return bool(_POM.fullmatch(path))


@parser
def of_pom(data: bytes, where: str) -> Said:
    """The artifact that a pom.properties names."""
    properties = dict(_properties(data))
    group, artifact, version = (
        properties.get(key, "") for key in ("groupId", "artifactId", "version")
    )
    if not (group and artifact):
        raise Unreadable("does not say which artifact it is")
    if not _is_version(version):
        raise Unreadable("does not say which version its artifact is")
    yield found(ECOSYSTEM, f"{group}:{artifact}", version, where, Evidence.INSTALLED)


@dataclass(slots=True)
class Jar:
    """What comes up of one archive while its entries go by: enough to guess what it is.

    Gradle writes no pom.properties, so many a jar has none of its own. `artifacts` are those that
    have one in it.
    """

    path: str
    manifest: bytes = b""
    artifacts: set[str] = field(default_factory=set)
    _folder: str | None = None

    def passes(self, path: str) -> None:
        """Takes notice of an entry's path."""
        if pom := _POM.fullmatch(path):
            self.artifacts.add(pom["artifact"])
        elif path.endswith(".class") and not path.startswith("META-INF/") and "/" in path:
            folder = posixpath.dirname(path).lstrip("/")
            if self._folder is None:
                self._folder = folder
            elif folder != self._folder:
                self._folder = posixpath.commonpath((self._folder, folder))

    @property
    def has_classes(self) -> bool:
        """Whether it contains code."""
        return self._folder is not None

    @property
    def package(self) -> str:
        """The Java package that all of its classes are in; empty where there is none."""
        return (self._folder or "").replace("/", ".")


def of_jar(jar: Jar) -> Parsed:
    """What a jar without a pom.properties of its own is, by its manifest and its file's name.

    All of it is inferred. The group is often said nowhere: then every group is named that it may
    well have, for one that does not exist has no advisories. A jar that has a version and no such
    group is a gap.
    """
    return _of_jar(jar, jar.path) if jar.path.lower().endswith(_JARS) else Parsed()


@parser
def _of_jar(jar: Jar, where: str) -> Said:
    manifest = _manifest(jar.manifest)
    stem = posixpath.splitext(posixpath.basename(jar.path))[0]
    named = _ARTIFACT.fullmatch(stem)
    said = manifest.get("Implementation-Version", "")
    version = named["version"] if named else said or manifest.get("Bundle-Version", "")
    if not _is_version(version):
        version = ""
    if said and version.startswith(f"{said}-"):
        # A classifier stands behind the version: `4.1.70.Final-linux-x86_64`.
        version = said
    title = manifest.get("Implementation-Title", "")
    artifact = named["artifact"] if named else title if re.fullmatch(r"[\w.-]+", title) else ""
    if artifact in jar.artifacts:
        return
    if not (artifact and version):
        if not jar.artifacts:
            yield _NAMELESS
        return
    groups = tuple(_groups(jar, manifest, artifact))
    if groups:
        yield _GUESSED
    elif not jar.has_classes:
        yield _EMPTY
        return
    elif not jar.artifacts:
        yield _GROUPLESS
    # The artifact's name is also the group's, where nobody had heard of groups yet.
    for group in dict.fromkeys((*groups, artifact)):
        yield found(ECOSYSTEM, f"{group}:{artifact}", version, where, Evidence.INFERRED)


def _groups(jar: Jar, manifest: Mapping[str, str], artifact: str) -> Iterator[str]:
    vendor = manifest.get("Implementation-Vendor-Id", "")
    if _GROUP.fullmatch(vendor):
        yield vendor
    symbolic = manifest.get("Bundle-SymbolicName", "").partition(";")[0].strip()
    fitting = [group for group in _beginnings(symbolic) if _symbolic(group, artifact) == symbolic]
    yield from fitting or _beginnings(jar.package)
    for package, group in _GROUPS.items():
        if f"{jar.package}.".startswith(f"{package}."):
            yield group


def _beginnings(dotted: str) -> Iterator[str]:
    """`org.apache`, `org.apache.logging` and so on: what of a package's name may be a group."""
    segments = dotted.split(".")
    for count in range(2, min(len(segments), _DEEPEST_GROUP) + 1):
        group = ".".join(segments[:count])
        if _GROUP.fullmatch(group):
            yield group


def _is_version(text: str) -> bool:
    return bool(text) and "${" not in text and text.lower() not in _NO_VERSION


def _symbolic(group: str, artifact: str) -> str:
    """The symbolic name that Maven's bundle plugin makes of a group and an artifact."""
    last = group.rpartition(".")[2]
    if artifact == last:
        return group
    if artifact.startswith((f"{last}-", f"{last}.")):
        return f"{group}.{artifact[len(last) + 1 :]}"
    return f"{group}.{artifact}"


def _manifest(data: bytes) -> dict[str, str]:
    """The manifest's main section; a line that begins with a space goes on with the one before."""
    text = data[:_MOST].decode("utf-8", "replace")
    section = re.split(r"\n\n|\r\n\r\n|\r\r", text, maxsplit=1)[0]
    unfolded = re.sub(r"(?:\r\n|\n|\r) ", "", section)
    lines = (line.partition(":") for line in unfolded.splitlines())
    return {key: value.strip() for key, colon, value in lines if colon}


def _properties(data: bytes) -> Iterator[tuple[str, str]]:
    for line in data[:_MOST].decode("utf-8-sig", "replace").splitlines():
        text = line.strip()
        if text and text[0] not in "#!":
            key, *value = re.split(r"\s*[=:]\s*|\s+", text, maxsplit=1)
            yield key, "".join(value)
