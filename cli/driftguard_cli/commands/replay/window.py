"""The window of `--since` and `--until`, and the days in the names of a trail's files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from driftguard.documents import Json

_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")
# CloudTrail names a file after the moment it was made: some minutes after the last of its events,
# and now and then much later than the first.
_FILED_ON = re.compile(r"/CloudTrail/[^/]+/(\d{4})/(\d{2})/(\d{2})/[^/]+$")
_LATE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Window:
    """The time asked for: from `since`, included, to `end`, excluded; None is open."""

    since: datetime | None = None
    end: datetime | None = None

    @classmethod
    def between(cls, since: str, until: str) -> Window:
        """Both are ISO 8601, "" for none; a day lasts to its end, a second is included.

        Raises `ValueError` for what is no date or time.
        """
        end = _instant(until) if until else None
        if end is not None:
            end += timedelta(days=1) if _DAY.fullmatch(until.strip()) else timedelta(seconds=1)
        return cls(_instant(since) if since else None, end)

    def holds(self, time: Json) -> bool:
        """Whether an event's time lies within. One that cannot be read does: told, not hidden."""
        if self.since is None and self.end is None:
            return True
        if not isinstance(time, str):
            return True
        try:
            at = _instant(time)
        except ValueError:
            return True
        return (self.since is None or at >= self.since) and (self.end is None or at < self.end)

    def may_hold(self, name: str) -> bool:
        """Whether a file of this name may hold events of that time, by the day in its path."""
        filed = _FILED_ON.search(name)
        if not filed:
            return True
        try:
            day = date(*map(int, filed.groups()))
        except ValueError:
            return True
        early = self.since is not None and day < self.since.date()
        return not early and (self.end is None or day <= self.end.date() + _LATE)


def _instant(time: str) -> datetime:
    parsed = datetime.fromisoformat(time.strip())
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return aware.astimezone(UTC)
