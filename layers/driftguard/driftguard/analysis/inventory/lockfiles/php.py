"""PHP: the lock file of Composer, and what it installed.

Source: Composer, "The composer.json schema" and "composer.lock"; `vendor/composer/installed.json`.
"""

from __future__ import annotations

from ..found_packages import VERSIONLESS, Evidence, Said, found, parser, wanted
from ..syntax import json_text
from ..syntax.json_text import tables, text
from ..troubles import Unreadable

ECOSYSTEM = "Packagist"


@parser
def of_composer_lock(data: bytes, where: str) -> Said:
    """The packages of a composer.lock that are not for developing."""
    document = json_text.table(data, "lock file of Composer")
    yield from _packages(document.get("packages"), where, Evidence.STATED)


@parser
def of_installed_json(data: bytes, where: str) -> Said:
    """The packages in Composer's `vendor` folder. Composer 1 wrote a list of them and no more."""
    document = json_text.parsed(data)
    packages = document.get("packages") if isinstance(document, dict) else document
    yield from _packages(packages, where, Evidence.INSTALLED)


@parser
def of_composer_json(data: bytes, where: str) -> Said:
    """That a project asks for packages: PHP itself and its extensions are none."""
    required = json_text.table(data, "composer.json").get("require")
    if names := tuple(name for name in required or () if isinstance(name, str) and "/" in name):
        yield wanted(ECOSYSTEM, names)


def _packages(packages: object, where: str, evidence: Evidence) -> Said:
    if not isinstance(packages, list):
        raise Unreadable("names no packages, as Composer does")
    for package in tables(packages):
        version = text(package, "version")
        # A branch is no version: what is at its end changes.
        if version.startswith("dev-") or version.endswith("-dev"):
            version = ""
        if not version:
            yield VERSIONLESS
        yield found(ECOSYSTEM, text(package, "name"), version.removeprefix("v"), where, evidence)
    if len(tables(packages)) < len(packages):
        raise Unreadable("names something that is no package")
