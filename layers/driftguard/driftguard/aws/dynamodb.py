"""DynamoDB's items, keys and writes as types, and why a transaction was cancelled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

Key: TypeAlias = "tuple[str, str]"

Item: TypeAlias = "Mapping[str, Mapping[str, object]]"

Write: TypeAlias = "Mapping[str, Mapping[str, object]]"


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
