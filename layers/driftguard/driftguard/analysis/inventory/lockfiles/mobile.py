"""Swift's Package.resolved, Dart's pubspec.lock and Elixir's mix.lock.

Sources: Swift Package Manager, "Package.resolved"; Dart, "The pubspec.lock file"; Hex, "Mix
tasks", `mix deps.get` (the lock is an Elixir map).
"""

from __future__ import annotations

import re

from ...advisories.package import repository
from ..found_packages import VERSIONLESS, Evidence, Said, found, parser
from ..syntax import json_text, yaml_text
from ..syntax.json_text import pairs, tables, text
from ..troubles import Trouble, Unreadable

SWIFT, PUB, HEX = "SwiftURL", "Pub", "Hex"
_HEX = re.compile(r'  "([^"]+)": \{:hex, :"?([\w.@-]+)"?, "([^"]+)", .*\},?')
_REPOSITORY = re.compile(r'  "([^"]+)": \{:git, .*\},?')
_BROKEN_MIX = "is no lock file of Mix, or breaks off"
_BRANCH = Trouble("takes a package from a branch or a commit, which says no version")
_UNHOSTED = Trouble("takes a package from a repository or a folder, which was not looked up")


@parser
def of_package_resolved(data: bytes, where: str) -> Said:
    """The packages of a Package.resolved, by the address of their repositories."""
    document = json_text.table(data, "Package.resolved")
    inside = document.get("object")
    pins = (inside if isinstance(inside, dict) else document).get("pins")
    if not isinstance(pins, list):
        raise Unreadable("names no packages, as Swift's package manager does")
    for pin in tables(pins):
        state = pin.get("state")
        version = text(state, "version") if isinstance(state, dict) else ""
        name = text(pin, "location") or text(pin, "repositoryURL") or text(pin, "identity")
        if not version:
            yield _BRANCH
        yield found(SWIFT, repository(name), version.removeprefix("v"), where, Evidence.STATED)


@parser
def of_pubspec_lock(data: bytes, where: str) -> Said:
    """The packages of a pubspec.lock that are not for developing, nor of the SDK."""
    (document,) = yaml_text.documents(data) or [""]
    if not isinstance(document, dict) or "packages" not in document:
        raise Unreadable("is no lock file of Pub")
    if "sdks" not in document:
        yield Trouble("names no SDK, as Pub does last: it breaks off")
    packages = document["packages"]
    for name, package in pairs(packages):
        source = text(package, "source")
        if source in ("sdk", "path") or text(package, "dependency") == "direct dev":
            continue
        if source != "hosted":
            yield _UNHOSTED
        if not text(package, "version"):
            yield VERSIONLESS
        yield found(PUB, name, text(package, "version"), where, Evidence.STATED)
    if len(pairs(packages)) < len(packages):
        raise Unreadable("names something that is no package")


@parser
def of_mix_lock(data: bytes, where: str) -> Said:
    """The packages of a mix.lock. It does not say which are for developing."""
    lines = [line.rstrip() for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    if lines == ["%{}"]:
        return
    if not lines or lines[0] != "%{":
        raise Unreadable(_BROKEN_MIX)
    for line in lines[1:-1]:
        if known := _HEX.fullmatch(line):
            yield found(HEX, known[2], known[3], where, Evidence.STATED)
        elif known := _REPOSITORY.fullmatch(line):
            yield _BRANCH
            yield found(HEX, known[1], "", where, Evidence.STATED)
        else:
            raise Unreadable(_BROKEN_MIX)
    if lines[-1] != "}":
        raise Unreadable(_BROKEN_MIX)
