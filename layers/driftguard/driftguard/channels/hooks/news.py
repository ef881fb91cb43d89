"""Reads from the messages of the decisions topic which decisions they are about. Pure.

Only ids are taken from a message: what is told stands in the record.

Source: AWS Lambda Developer Guide, "Invoking Lambda functions with Amazon SNS notifications".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from driftguard.documents import Document, Json, documents, mapping, parsed, text

from ..digest import LISTED


class News(NamedTuple):
    """The ids of the decisions that a message names; `of` is how many a digest is about, else 0."""

    decisions: tuple[str, ...]
    of: int = 0


def news_in(records: Sequence[Document]) -> Iterator[News]:
    """What each of SNS's records is about; nothing for a message that names no decision."""
    for record in records:
        try:
            said = parsed(text(mapping(record, "Sns"), "Message"))
        except ValueError:
            continue
        if isinstance(said, Mapping):
            found = _news(said)
            if found.decisions:
                yield found


def _news(said: Document) -> News:
    if said.get("digest") is True:
        named = tuple(_ids(documents(said, "decisions")))
        count = said.get("count")
        return News(named[:LISTED], max(count if isinstance(count, int) else 0, len(named)))
    return News(tuple(_ids([said, *documents(said, "requests")])))


def _ids(listed: Sequence[Document]) -> Iterator[str]:
    for one in listed:
        id_: Json = one.get("decision")
        if isinstance(id_, str) and id_.startswith("dg-"):
            yield id_
