"""Ruby: the lock file of Bundler, and the specifications of installed gems.

Sources: Bundler, "gemfile.lock" (`Bundler::LockfileParser`); RubyGems Guides, "Specification
Reference".
"""

from __future__ import annotations

import posixpath
import re

from ..found_packages import Evidence, Said, found, parser
from ..troubles import Trouble, Unreadable

ECOSYSTEM = "RubyGems"
_SECTION = re.compile(r"[A-Z][A-Z ]*")
_SOURCES = ("GEM", "GIT", "PLUGIN SOURCE")
# Behind a hyphen stands the platform that a gem was built for.
_SPEC = re.compile(r" {4}([^\s(]+)(?: \(([0-9][0-9A-Za-z.]*)(?:-[^)]*)?\))?!?")
_INSTALLED = re.compile(r"(?P<name>.+?)-(?P<version>\d[0-9A-Za-z.]*)(?:-.*)?\.gemspec")
_STRANGE = "is no lock file of Bundler"
_VERSIONLESS = Trouble("names a gem without its version")


@parser
def of_gemfile_lock(data: bytes, where: str) -> Said:
    """The gems of a Gemfile.lock that are not the project's own. It has no groups."""
    section, sections = "", set[str]()
    for line in data.decode("utf-8-sig").splitlines():
        if _SECTION.fullmatch(line):
            section = line
            sections.add(section)
        elif not section and line.strip():
            raise Unreadable(_STRANGE)
        elif section in _SOURCES and line.startswith("    ") and line[4:5] not in ("", " "):
            spec = _SPEC.fullmatch(line)
            if spec is None or not spec[2]:
                yield _VERSIONLESS
            else:
                yield found(ECOSYSTEM, spec[1], spec[2], where, Evidence.STATED)
        elif line and not line.startswith(" "):
            raise Unreadable(_STRANGE)
    if "DEPENDENCIES" not in sections:
        raise Unreadable("names no dependencies, as Bundler does last: it breaks off")


@parser
def of_gemspec(data: bytes, where: str) -> Said:
    """The installed gem whose specification this is; its file's name says which one."""
    named = _INSTALLED.fullmatch(posixpath.basename(where))
    if named is None or b"Gem::Specification" not in data:
        raise Unreadable("does not say which gem it is")
    yield found(ECOSYSTEM, named["name"], named["version"], where, Evidence.INSTALLED)
