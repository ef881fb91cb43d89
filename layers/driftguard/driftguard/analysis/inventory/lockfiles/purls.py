"""Package URLs: which ecosystem and which package one names.

Source: "Package URL specification", "Known purl types"; OSV schema, "Defined ecosystems".
"""

from __future__ import annotations

from urllib.parse import unquote

from ...advisories.package import repository

# OSV's ecosystems, each by the type that its package URLs have.
ECOSYSTEMS = {
    "cargo": "crates.io",
    "composer": "Packagist",
    "gem": "RubyGems",
    "golang": "Go",
    "hex": "Hex",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "pub": "Pub",
    "pypi": "PyPI",
    "swift": "SwiftURL",
}


def split(purl: str) -> tuple[str, str, str]:
    """Type, OSV's name and version of a package URL; the type alone where it is of no ecosystem.

    `ValueError` for what is no package URL.
    """
    scheme, colon, rest = purl.partition(":")
    kind, slash, path = rest.lstrip("/").partition("/")
    if scheme != "pkg" or not colon or not slash:
        raise ValueError("it is no package URL")
    path = path.partition("#")[0].partition("?")[0]
    path, _, version = path.rpartition("@") if "@" in path.rpartition("/")[2] else (path, "", "")
    kind = kind.lower()
    namespace, _, name = unquote(path).strip("/").rpartition("/")
    version = unquote(version)
    if kind not in ECOSYSTEMS:
        return kind, "", ""
    if kind == "golang":
        version = version.removeprefix("v")
    full = f"{namespace}{':' if kind == 'maven' else '/'}{name}" if namespace else name
    return kind, repository(full) if kind == "swift" else full, version
