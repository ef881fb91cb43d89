"""DynamoDB's items, keys and writes as types, and why a transaction was cancelled.

An ARN may be longer than a key, and what people type or attackers choose may have any length: then
a key is the beginning of it and a digest of all of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TypeAlias

Key: TypeAlias = "tuple[str, str]"

Item: TypeAlias = "Mapping[str, Mapping[str, object]]"

Write: TypeAlias = "Mapping[str, Mapping[str, object]]"


# The most bytes of a partition key, and of a sort key, also of an index.
# Source: Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB".
MOST_OF_PARTITION_KEY = 2_048
MOST_OF_SORT_KEY = 1_024


def cut_to_key_length(text: str, most: int = MOST_OF_PARTITION_KEY) -> str:
    """The text if a key may be as long; else its beginning, and a digest of the whole."""
    said = text.encode(errors="replace")
    if len(said) <= most:
        return text
    told_apart_by = "#" + hashlib.sha256(said).hexdigest()
    return said[: most - len(told_apart_by)].decode(errors="ignore") + told_apart_by


def is_key(text: str) -> bool:
    """Whether a partition key may be this text as it is."""
    return bool(text) and cut_to_key_length(text) == text


class Moved(Exception):
    """Somebody else wrote a state record meanwhile: read it again, and judge anew."""


def cancellation_reasons(message: str) -> list[str]:
    """Why a transaction was cancelled: a reason for each of its items, in order.

    Source: Amazon DynamoDB API Reference, "TransactWriteItems", errors.
    """
    listed = re.search(r"\[([A-Za-z, ]+)\]", message)
    return [reason.strip() for reason in listed.group(1).split(",")] if listed else []


def _key(key: Key) -> dict[str, dict[str, str]]:
    pk, sk = key
    return {"pk": {"S": pk}, "sk": {"S": sk}}
