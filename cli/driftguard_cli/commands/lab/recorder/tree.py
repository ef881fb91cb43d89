"""XML as CloudTrail logs it where it logs what was sent: one object an element."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from driftguard.documents import Json

_NAMESPACED = re.compile(r"\{(?P<space>[^}]*)\}(?P<name>.*)", re.DOTALL)
_OF_TYPES = "http://www.w3.org/2001/XMLSchema-instance"
# Longer ones are ids, as those of accounts.
_NUMBER = re.compile(r"0|[1-9]\d{0,8}")


def tree_of(element: Element) -> Json:
    """What an element holds: its children by name, several of one name as a list; or its text.

    An element with nothing in it is the empty string. A namespace that its parent does not have is
    its `xmlns`.
    """
    found = _held(element)
    space = _space(element)
    return {"xmlns": space, **found} if space and isinstance(found, dict) else found


def typed(text: str) -> Json:
    """A text, or the truth value or the number that it spells."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _NUMBER.fullmatch(text) else text


def name_of(element: Element) -> str:
    """An element's name without its namespace."""
    matched = _NAMESPACED.fullmatch(element.tag)
    return matched["name"] if matched else element.tag


def _held(element: Element) -> Json:
    found: dict[str, Json] = {}
    for name, value in element.attrib.items():
        matched = _NAMESPACED.fullmatch(name)
        if matched and matched["space"] == _OF_TYPES:
            found |= {"xmlns:xsi": _OF_TYPES, f"xsi:{matched['name']}": value}
    for child in element:
        name, held = name_of(child), _held(child)
        before = found.get(name)
        if name not in found:
            found[name] = held
        else:
            found[name] = [*before, held] if isinstance(before, list) else [before, held]
    return found or typed((element.text or "").strip())


def _space(element: Element) -> str:
    matched = _NAMESPACED.fullmatch(element.tag)
    return matched["space"] if matched else ""
