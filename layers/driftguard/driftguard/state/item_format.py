"""The format that stored items are written in: every item names its version.

The state table and the audit table each have a version of their own, counted up when an item
written by the new code could be misread by the old, or the other way round. A further attribute
that older code may pass over does not count.
"""

from __future__ import annotations

from driftguard.aws.dynamodb import Item
from driftguard.documents import whole_number

# The attribute that names the version.
FORMAT = "format"


class UnknownFormat(ValueError):
    """An item is in a format that this version of Driftguard does not read."""


def written_in(version: int) -> dict[str, dict[str, str]]:
    """The attribute that says which version of the format an item is written in."""
    return {FORMAT: {"N": str(version)}}


def format_of(item: Item) -> int:
    """The version of the format that an item names; 0 where it names none that can be read."""
    return whole_number(str(item.get(FORMAT, {}).get("N", ""))) or 0


def must_be_known(item: Item, version: int, what: str) -> None:
    """Raises `UnknownFormat` unless an item is in this version of the format.

    `what` names the item in the message: `the decision dg-1`.
    """
    found = format_of(item)
    if found == version:
        return
    if found > version:
        raise UnknownFormat(
            f"{what} is stored in format {found}, and this version of Driftguard reads format "
            f"{version}: upgrade Driftguard"
        )
    named = f"is stored in format {found}" if found else "does not name its format"
    raise UnknownFormat(
        f"{what} {named}, and this version of Driftguard reads format {version}: "
        "Driftguard did not write it, or an early version did; write it anew"
    )
