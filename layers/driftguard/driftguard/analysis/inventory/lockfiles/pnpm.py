"""pnpm's lock file, versions 5 to 9, of one document or of several.

Source: pnpm, "pnpm-lock.yaml" (the lock file's specification, "pnpm/spec").
"""

from __future__ import annotations

import re

from ..found_packages import Evidence, Said, found, parser
from ..syntax import yaml_text
from ..syntax.json_text import pairs, text
from ..troubles import Trouble, Unreadable

ECOSYSTEM = "npm"
# Peers stand behind the version: `(react@18.2.0)`, and `_react@18.2.0` before.
_KEY = re.compile(r"/?((?:@[^/@ ]++/)?[^/@ ]++)[/@](\d[^(_: ]*+)(?:[(_][^: ]*+)?")
# What is from elsewhere than a registry has an address there, and says beside it what it is.
_OTHER = re.compile(r"(?:((?:@[^/@ ]++/)?[^/@ :]++)@)?[^ ]*[/:][^ ]*")
_OWN = ("workspace:", "link:", "portal:", "file:")
_SECTIONS = ("packages", "importers", "specifiers", "dependencies", "devDependencies")
_STRANGE = "is a lock file that pnpm did not write so"
_WITHOUT = Trouble("does not name the packages that it should: it breaks off")


@parser
def of_pnpm_lock(data: bytes, where: str) -> Said:
    """The packages of a pnpm-lock.yaml that are not for developing, where it still says so."""
    understood = False
    for document in yaml_text.documents(data):
        if not isinstance(document, dict) or "lockfileVersion" not in document:
            raise Unreadable("is no lock file of pnpm")
        understood = True
        packages = document.get("packages") or {}
        # A package may have nothing to say of itself; anything else is no package.
        if not isinstance(packages, dict) or any(
            package and not isinstance(package, dict) for package in packages.values()
        ):
            raise Unreadable(_STRANGE)
        for key, package in packages.items():
            fields = package if isinstance(package, dict) else {}
            name, version = _package(key)
            name, version = text(fields, "name") or name, text(fields, "version") or version
            if name and fields.get("dev") != "true":
                yield found(ECOSYSTEM, name, version, where, Evidence.STATED)
        if _breaks_off(document):
            yield _WITHOUT
    if not understood:
        raise Unreadable("is no lock file of pnpm")


def _breaks_off(document: dict[str, yaml_text.Value]) -> bool:
    """Whether a project depends on packages that should be named further down, and are not."""
    importers = document.get("importers", {})
    sections = [document[name] for name in _SECTIONS if name in document]
    members = [*importers.values()] if isinstance(importers, dict) else []
    # What has nothing in it is `{}`, as pnpm writes it.
    if not sections or not all(isinstance(value, dict) for value in (*sections, *members)):
        return True
    projects = [document, *(project for _, project in pairs(importers))]
    depends = any(
        not text(dependency, "version").startswith(_OWN)
        for project in projects
        for _, dependency in pairs(project.get("dependencies"))
    ) or any(
        not version.startswith(_OWN)
        for project in projects
        if isinstance(named := project.get("dependencies"), dict)
        for version in named.values()
        if isinstance(version, str)
    )
    last = "snapshots" if str(document["lockfileVersion"]).startswith("9") else "packages"
    return depends and last not in document


def _package(key: str) -> tuple[str, str]:
    """Name and version by a package's key; "" for what the key does not say."""
    if known := _KEY.fullmatch(key):
        return known[1], known[2]
    other = _OTHER.fullmatch(key)
    if other is None:
        raise Unreadable(_STRANGE)
    is_own = key.removeprefix(f"{other[1]}@").startswith(_OWN)
    return ("", "") if is_own else (other[1] or key, "")
