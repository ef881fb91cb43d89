"""Settings of a Lambda function, read from its environment once, at a cold start.

A function declares its settings as a NamedTuple. Each field is the environment variable of the same
name in upper case (`audit_table`: AUDIT_TABLE); its type says how the text is read. A field with a
default may be missing or empty; any other must have a value. (To make a frozen dataclass costs a
cold start four times as many instructions.)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar, get_type_hints

from driftguard.model import Autonomy

Settings = TypeVar("Settings", bound=NamedTuple)

# How a variable's text becomes a value, and what to call that in an error.
_KINDS: Mapping[object, tuple[Callable[[str], object], str]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    Autonomy: (Autonomy.named, "observe, ask or revert"),
}


class BadEnvironment(Exception):
    """A function cannot start: the message names each variable that is missing or unreadable."""


def read(
    settings: type[Settings], function: str, environment: Mapping[str, str] = os.environ
) -> Settings:
    """The settings of a function, which is named as in the template (`GuardFunction`).

    Raises `BadEnvironment` with everything that is wrong, not only the first.
    """
    types = get_type_hints(settings)
    values: dict[str, object] = dict(settings._field_defaults)
    wrong: list[str] = []
    for field in settings._fields:
        name = field.upper()
        text = environment.get(name, "")
        convert, expected = _KINDS[types[field]]
        if not text:
            if field not in values:
                wrong.append(f"{name} is missing")
            continue
        try:
            values[field] = convert(text)
        except (ValueError, KeyError):
            wrong.append(f"{name} is `{text}`, not {expected}")
    if wrong:
        raise BadEnvironment(
            f"{function} cannot start: {'; '.join(wrong)}. "
            f"Set it in template.yaml under {function}, Environment, Variables"
        )
    return settings._make(values[field] for field in settings._fields)
