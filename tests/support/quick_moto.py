"""Has moto and botocore work out once what stays the same: a third of the time of most tests.

Nothing that a caller sees changes; tests/unit/support/test_quick_moto.py holds each against what it
replaces. `install` is for the process of the tests; the lab and its servers run moto as it is.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore import useragent
from moto.core import models, responses, serialize
from moto.core.utils import MISSING, get_value
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import bytesize

# moto's own: what an item may have at most, in bytes.
_ITEM = 405_000


def install() -> None:
    """Puts all of these in their places."""
    responses.method_names_from_class = cache(responses.method_names_from_class)
    useragent.sanitize_user_agent_string_component = cache(
        useragent.sanitize_user_agent_string_component
    )
    models.CallbackResponse = cache(models.CallbackResponse)
    serialize.AttributePicker.__call__ = _picked  # type: ignore[method-assign]
    LimitedSizeDict.__setitem__ = _set_within_size  # type: ignore[method-assign]
    Table.__deepcopy__ = _table_as_it_is  # type: ignore[attr-defined]
    DynamoDBBackend.update_item = _updated  # type: ignore[method-assign]


# ------------------------------------------------------------------- what an answer is made of

_pick = serialize.AttributePicker.__call__
_names: dict[tuple[Any, ...], tuple[str, ...]] = {}


def _picked(
    self: serialize.AttributePicker, context: serialize.AttributePickerContext
) -> object | None:
    """As `AttributePicker.__call__`; under which names a member is looked for is told once.

    That depends on the member, on the shape, and on the class of what is looked at.
    """
    obj = context.obj
    kind = (type(self), *self.alias_providers, context.key, context.shape, type(obj))
    names = _names.get(kind)
    if names is None:
        names = _names[kind] = tuple(dict.fromkeys(self.get_possible_keys(context)))
    value: Any
    for name in names:
        value = get_value(obj, name, MISSING)
        if value is not MISSING:
            break
    else:
        value = None
    if self.response_transformers:
        path = f"{context.key_path}.{context.key}"
        for ending, transform in self.response_transformers.items():
            if path.endswith(ending):
                return transform(value)
    return value


# -------------------------------------------------------------------------- DynamoDB's tables

_set_item = LimitedSizeDict.__setitem__


def _size(value: object) -> int:
    return value.size() if type(value) is DynamoType else bytesize(str(value))


def _set_within_size(self: LimitedSizeDict, key: str, value: Any) -> None:
    """As `LimitedSizeDict.__setitem__`, which measures the whole item for each attribute.

    While an item is put, what was set so far is counted. An item that is updated is a copy, which
    has no count: moto measures it.
    """
    counted = getattr(self, "counted", None if self else 0)
    if counted is None or (counted := counted + _size(key) + _size(value)) > _ITEM:
        _set_item(self, key, value)
    else:
        dict.__setitem__(self, key, value)
        self.counted = counted  # type: ignore[attr-defined]


def _table_as_it_is(self: Table, memo: dict[int, Any]) -> Table:
    """A copy of a table with the same items, each of which no one changes in its place."""
    made = Table.__new__(Table)
    memo[id(self)] = made
    for name, value in vars(self).items():
        made.__dict__[name] = (
            defaultdict(dict, _rows(self)) if name == "items" else copy.deepcopy(value, memo)
        )
    return made


def _rows(table: Table) -> Iterator[tuple[Any, Any]]:
    for key, row in table.items.items():
        yield key, dict(row) if isinstance(row, dict) else row


_update_item = DynamoDBBackend.update_item


def _updated(
    self: DynamoDBBackend, table_name: str, key: dict[str, dict[str, Any]], *args: Any, **more: Any
) -> Any:
    """As `update_item`, on a copy of the item: moto changes it in its place.

    moto copies all of a table before a transaction; now it need not.
    """
    table = self.tables.get(table_name)
    if table is not None and table.hash_key_attr in key:
        hash_key = DynamoType(key[table.hash_key_attr])
        row = table.items.get(hash_key)
        if isinstance(row, dict):
            if table.range_key_attr in key:
                range_key = DynamoType(key[table.range_key_attr])  # type: ignore[index]
                if range_key in row:
                    row[range_key] = copy.deepcopy(row[range_key])
        elif row is not None:
            table.items[hash_key] = copy.deepcopy(row)
    return _update_item(self, table_name, key, *args, **more)
