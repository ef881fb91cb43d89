"""Reads labels: what is known of the records of a history."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from ...errors import Trouble

_YES, _NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})


@dataclass(frozen=True, slots=True)
class Labels:
    """The ids of events that are risky, and of those that are not."""

    risky: frozenset[str] = frozenset()
    harmless: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.risky or self.harmless)


def read(path: Path) -> Labels:
    """The labels of a CSV file with the columns `eventID` and `risky`; others are passed over.

    An event with several rows is risky if one of them says so. Raises `Trouble` for a file that
    cannot be read, and names the line.
    """
    risky: set[str] = set()
    harmless: set[str] = set()
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = {"eventID", "risky"} - set(rows.fieldnames or ())
            if missing:
                raise Trouble(f"{path} has no column {' and none '.join(sorted(missing))}.")
            for row in rows:
                said = (row["risky"] or "").strip().lower()
                if said not in _YES | _NO or not row["eventID"]:
                    raise Trouble(
                        f"{path}, line {rows.line_num}: a label needs an eventID, and yes or no as "
                        "risky."
                    )
                (risky if said in _YES else harmless).add(row["eventID"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Trouble(f"{path} cannot be read: {error}") from error
    return Labels(frozenset(risky), frozenset(harmless - risky))
