"""docs/reference/policy.md: every key of the policy file, from its JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_HEAD = """\
# The policy file

`make generate` writes this page from the models of the policy file. To change it, change those.

Every key of `policies/guard.yaml`. [Bounded autonomy](../autonomy.md) says what they mean together,
[Controls](../controls.md) has the settings of each control. `driftguard policy check` reads a file
and names what is wrong with it; so does an editor that knows `policies/guard.schema.json`.

"""
# Sections of their own: what a control's entry may say is alike for all of them.
_APART = ("version", "controls")


def page(schema: Mapping[str, Any]) -> str:
    """Return the page for this schema of the policy file."""
    return _HEAD + "\n".join((*_sections(schema), _of_a_control(schema), *_values(schema)))


def _sections(schema: Mapping[str, Any]) -> Iterator[str]:
    for name, key in schema["properties"].items():
        if name not in _APART:
            yield from _section(f"`{name}`", key, schema["$defs"])


def _section(heading: str, key: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[str]:
    entry = _entry(key, defs)
    if entry is None:
        yield f"## {heading}\n\n{_said(key)}\n\nTakes {_kind(key)}.\n"
        return
    several = " A list of entries." if key.get("type") == "array" else ""
    about = " ".join(one for one in (_text(entry.get("description", "")), _said(key)) if one)
    yield f"## {heading}\n\n{about}{several}\n\n{_table(entry)}"
    for name, inner in entry["properties"].items():
        nested = _entry(inner, defs)
        if nested is not None:
            about = _text(nested.get("description", ""))
            yield f"### {heading}: `{name}`\n\n{about}\n\n{_table(nested)}"


def _entry(key: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object that a key holds, one or several of; None where it holds something else."""
    either = [key, key.get("items", {}), *key.get("anyOf", ())]
    found = [defs.get(str(one.get("$ref", "")).rpartition("/")[2], {}) for one in either]
    return next((one for one in found if "properties" in one), None)


def _table(entry: Mapping[str, Any]) -> str:
    rows = "| key | takes | default | |\n|---|---|---|---|\n"
    for name, key in entry["properties"].items():
        default = "needed" if name in entry.get("required", ()) else _default(key)
        rows += f"| `{name}` | {_kind(key)} | {default} | {_said(key)} |\n"
    return rows


def _of_a_control(schema: Mapping[str, Any]) -> str:
    """What the entry of any control may say; its settings are on the page of the controls."""
    every = schema["$defs"]["Controls"]["properties"].values()
    entries = [one for key in every if (one := _entry(key, schema["$defs"]))]
    keys = {name: key for one in entries for name, key in one["properties"].items()}
    table = _table({"properties": {name: keys[name] for name in keys if name != "settings"}})
    return (
        "## `controls`\n\nWhat one control does, under its id. `settings` are its own: "
        f"[Controls](../controls.md) has them.\n\n{table}"
    )


def _values(schema: Mapping[str, Any]) -> Iterator[str]:
    """The words that keys take."""
    named = {name: one for name, one in schema["$defs"].items() if "enum" in one}
    if named:
        yield "## Words that keys take\n\n| | words | |\n|---|---|---|\n" + "".join(
            f"| {_titled(name)} | {_words(one)} | {_text(one.get('description', ''))} |\n"
            for name, one in sorted(named.items())
        )


def _words(one: Mapping[str, Any]) -> str:
    return ", ".join(f"`{word}`" for word in one["enum"])


def _kind(key: Mapping[str, Any]) -> str:
    if "$ref" in key:
        return _titled(key["$ref"])
    if _is_length(key):
        return "length of time, as `30m`, `24h`, `7d`"
    if "anyOf" in key:
        kinds = [_kind(one) for one in key["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if key.get("type") == "array":
        return f"list of {_kind(key['items'])}" if "items" in key else "list"
    kind = {"integer": "whole number", "boolean": "true or false", "object": "names and values"}
    said = kind.get(str(key.get("type", "")), str(key.get("format") or key.get("type", "text")))
    said = "text" if said == "string" else said
    if "enum" in key:
        said = _words(key)
    low, high = key.get("minimum"), key.get("maximum")
    if low is not None and high is not None:
        said += f", {low} to {high}"
    elif low is not None:
        said += f", from {low}"
    return said


def _titled(reference: str) -> str:
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", reference.rpartition("/")[2]).lower()
    return words.removesuffix(" entry")


def _default(key: Mapping[str, Any]) -> str:
    if "default" not in key:
        return ""
    value = key["default"]
    if value in ([], {}, "", None):
        return "none"
    if _is_length(key):
        return f"`{_length(int(value))}`"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _is_length(key: Mapping[str, Any]) -> bool:
    """Whether a key takes a length of time, which the models keep in seconds."""
    return key.get("examples") == ["24h"]


def _length(seconds: int) -> str:
    for unit, long in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % long == 0:
            return f"{seconds // long}{unit}"
    return f"{seconds}s" if seconds else "0"


def _said(key: Mapping[str, Any]) -> str:
    said = _text(str(key.get("description", "")))
    if key.get("examples") and not _is_length(key):
        said += f" For example {', '.join(f'`{one}`' for one in key['examples'])}."
    return said.strip()


def _text(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|").replace("<", "&lt;")
