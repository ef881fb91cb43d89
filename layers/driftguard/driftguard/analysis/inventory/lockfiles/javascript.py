"""The lock files of Bun and Deno.

Sources: Bun, "Lockfile" (`bun.lock`); Deno, "Lockfile" (`deno.lock`, versions 2 to 5).
"""

from __future__ import annotations

import re

from ..found_packages import Evidence, Said, found, parser, wanted
from ..syntax import json_text
from ..syntax.json_text import pairs
from ..troubles import Trouble, Unreadable

ECOSYSTEM = "npm"
_NAMED = re.compile(r"((?:@[^/@]+/)?[^/@]+)@(.+)")
_VERSION = re.compile(r"\d+\.\d+\.\d+[^_\s]*")
_OWN = ("workspace:", "link:", "portal:", "file:", "root:")
_ELSEWHERE = Trouble("names modules of JSR or by address, for which nobody lists advisories")


@parser
def of_bun_lock(data: bytes, where: str) -> Said:
    """The packages of a bun.lock. It does not say which are for developing."""
    document = json_text.relaxed(data, "lock file of Bun")
    packages = document.get("packages", {})
    if "lockfileVersion" not in document or not isinstance(packages, dict):
        raise Unreadable("is no lock file of Bun")
    for package in packages.values():
        named = (
            _NAMED.fullmatch(package[0])
            if isinstance(package, list) and package and isinstance(package[0], str)
            else None
        )
        if named is None:
            raise Unreadable("names something that is no package")
        if not named[2].startswith(_OWN):
            version = named[2].removeprefix("npm:")
            stated = version if _VERSION.fullmatch(version) else ""
            yield found(ECOSYSTEM, named[1], stated, where, Evidence.STATED)


@parser
def of_deno_json(data: bytes, where: str) -> Said:
    """That a project of Deno asks for packages; most of what a deno.json says are settings."""
    document = json_text.relaxed(data, "deno.json")
    imports = document.get("imports")
    asked = imports.values() if isinstance(imports, dict) else ()
    if any(str(target).startswith(("npm:", "jsr:", "https:")) for target in asked):
        yield wanted(ECOSYSTEM)


@parser
def of_deno_lock(data: bytes, where: str) -> Said:
    """The packages of npm in a deno.lock; others are told, for nobody lists advisories for them."""
    document = json_text.table(data, "lock file of Deno")
    if "version" not in document:
        raise Unreadable("is no lock file of Deno")
    inside = document.get("packages")
    places = [document, inside] if isinstance(inside, dict) else [document]
    for place in places:
        npm = place.get("npm")
        # Version 2 has its packages a floor further down.
        listed = npm.get("packages", npm) if isinstance(npm, dict) else {}
        for key, _ in pairs(listed):
            named = _NAMED.fullmatch(key)
            if named is None:
                raise Unreadable("names something that is no package")
            # Peers stand behind the version.
            version = named[2].partition("_")[0]
            yield found(ECOSYSTEM, named[1], version, where, Evidence.STATED)
        if place.get("jsr") or place.get("remote"):
            yield _ELSEWHERE
