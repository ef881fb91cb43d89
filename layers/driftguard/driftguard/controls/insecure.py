"""What controls over insecure libraries share: their settings, and what they say of findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase

from typing_extensions import TypedDict

from ..deployed import minded
from ..model import Autonomy, Document, Json, Resource, Risk
from ..trail import items, text


class AllowedAdvisory(TypedDict):
    """An advisory that is accepted: its id, through which day, why, and of which resources."""

    id: str
    until: date
    reason: str
    resource: str


@dataclass(frozen=True, slots=True)
class LibrarySettings:
    """What is minded, from `min_severity` (0 to 100) on; with `fix_available`, only what is fixed.

    `allowed` advisories are accepted: each with its `id`, the last day `until`, a `reason`, and the
    `resource` it is for (its id or ARN; * and ? match). `unknown` is how far to go where what is
    deployed could not be checked: observe or ask.
    """

    min_severity: int = 70
    fix_available: bool = False
    allowed: tuple[AllowedAdvisory, ...] = ()
    unknown: str = "ask"

    @property
    def at_most(self) -> Autonomy:
        """How far to go on a mere suspicion."""
        return Autonomy.OBSERVE if self.unknown == "observe" else Autonomy.ASK


def minded_in(
    looked: Document, resource: Resource, settings: LibrarySettings, today: str
) -> list[Document]:
    """The findings of one deployed thing that the settings do not let pass."""
    from ..advisories.matching import Allowed

    allowed = [
        Allowed(one["id"], str(one["until"]), one["reason"])
        for one in settings.allowed
        if any(fnmatchcase(name, one["resource"]) for name in (resource.id, resource.arn))
    ]
    return minded(
        items(looked.get("findings")),
        min_severity=settings.min_severity,
        fix_available=settings.fix_available,
        allowed=allowed,
        today=today,
    )


def in_words(found: Iterable[Document]) -> str:
    """The findings on one line, the worst first: `requests 2.19.0 (CVE-2018-18074, …)`."""
    by_package: dict[str, list[Document]] = {}
    for one in found:
        by_package.setdefault(f"{text(one, 'package')} {text(one, 'version')}", []).append(one)
    return "; ".join(
        f"{package} ({', '.join(text(one, 'id') for one in ones[:3])}"
        f"{', …' if len(ones) > 3 else ''})"
        for package, ones in by_package.items()
    )


def fixes(found: Iterable[Document]) -> str:
    """What to upgrade to, in words; "" where nothing is fixed yet."""
    wanted = {
        text(one, "package"): str(fixed[0])
        for one in found
        if isinstance(fixed := one.get("fixed_in"), (list, tuple)) and fixed
    }
    listed = ", ".join(f"{package} {version}" for package, version in wanted.items())
    return f"Fixed in {listed}." if listed else "No fix is known yet."


def doubt(what: str, why: str, settings: LibrarySettings) -> Risk:
    """What to say where it could not be told whether there is a risk."""
    return Risk(f"{what} could not be checked: {why}", unknown=why, at_most=settings.at_most)


def offending(found: Iterable[Document]) -> tuple[Json, ...]:
    """The findings as a risk names them."""
    return tuple(
        f"{text(one, 'package')} {text(one, 'version')} {text(one, 'id')}" for one in found
    )


def today() -> str:
    """The day on which something is looked at, in UTC: advisories are accepted for a time."""
    return f"{datetime.now(UTC):%Y-%m-%d}"
