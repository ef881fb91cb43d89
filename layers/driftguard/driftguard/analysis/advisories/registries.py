"""The version orders of RubyGems, Packagist, NuGet and Pub, as keys that sort.

Sources: RubyGems, `Gem::Version`; Composer, "Versions and constraints", "Normalized versions";
Microsoft, "NuGet package versioning"; Dart, "Package versioning", and "pub_semver".
"""

from __future__ import annotations

import re
from typing import TypeAlias

from . import semver

Segment: TypeAlias = "tuple[int, int, str]"

_ZERO: Segment = (1, 0, "")
# A shorter version goes on with zeros: so many segments no version has.
_MOST_SEGMENTS = 48
_GEM = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_GEM_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+")
_COMPOSER = re.compile(
    r"v?(\d+(?:\.\d+){0,5})"
    r"(?:[._-]?(stable|beta|b|rc|alpha|a|patch|pl|p)((?:[.-]?\d+)*))?"
    r"([.-]?dev)?(?:\+\S*)?",
    re.IGNORECASE,
)
_STABILITIES = {"alpha": 1, "a": 1, "beta": 2, "b": 2, "rc": 3, "stable": 4} | {
    "patch": 5,
    "pl": 5,
    "p": 5,
}
_NUGET = re.compile(r"v?(\d+(?:\.\d+){0,3})(?:-([0-9a-z-]+(?:\.[0-9a-z-]+)*))?(?:\+\S*)?")


def gem_key(version: str) -> tuple[Segment, ...]:
    """What a gem's version sorts by: words come before numbers. `ValueError` for no version."""
    if not _GEM.fullmatch(version):
        raise ValueError("it is no version of a gem")
    segments: list[Segment] = [
        (1, int(part), "") if part.isdigit() else (0, 0, part)
        for part in _GEM_SEGMENT.findall(version.replace("-", ".pre."))
    ]
    words = next((at for at, part in enumerate(segments) if part[0] == 0), len(segments))
    canonical = [*_trimmed(segments[:words]), *_trimmed(segments[words:])]
    return _padded(canonical)


def composer_key(version: str) -> tuple[tuple[Segment, ...], int, tuple[Segment, ...], int]:
    """What a version of Composer's sorts by. `ValueError` for a branch."""
    found = _COMPOSER.fullmatch(version)
    if not found:
        raise ValueError("it is no version of Composer's")
    core = _padded([(1, int(part), "") for part in found[1].split(".")])
    numbers = _padded([(1, int(number), "") for number in re.findall(r"\d+", found[3] or "")])
    if found[4] and not found[2]:
        return core, 0, numbers, 0
    return core, _STABILITIES[(found[2] or "stable").lower()], numbers, 0 if found[4] else 1


def nuget_key(version: str) -> tuple[tuple[Segment, ...], tuple[semver.Identifier, ...]]:
    """What a version of NuGet's sorts by: four numbers, and case does not count."""
    found = _NUGET.fullmatch(version.lower())
    if not found:
        raise ValueError("it is no version of NuGet's")
    core = _padded([(1, int(part), "") for part in found[1].split(".")])
    _, before = semver.key(f"0-{found[2]}" if found[2] else "0")
    return core, before


def pub_key(version: str) -> tuple[semver.Key, int, tuple[semver.Identifier, ...]]:
    """What a version of Pub's sorts by: unlike elsewhere, a build comes after what it is of."""
    plain, plus, build = version.partition("+")
    _, builds = semver.key(f"0-{build}" if plus else "0")
    return semver.key(plain), int(bool(plus)), builds if plus else ()


def _trimmed(segments: list[Segment]) -> list[Segment]:
    end = len(segments)
    while end and segments[end - 1] == _ZERO:
        end -= 1
    return segments[:end]


def _padded(segments: list[Segment]) -> tuple[Segment, ...]:
    if len(segments) > _MOST_SEGMENTS:
        raise ValueError("it has more parts than any version")
    return (*segments, *[_ZERO] * (_MOST_SEGMENTS - len(segments)))
