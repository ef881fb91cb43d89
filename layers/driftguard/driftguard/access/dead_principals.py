"""Leaves deleted users and roles out of a policy, so that AWS takes the rest of it.

When a user or a role is deleted, AWS shows its unique id (`AIDA…`, `AROA…`) in each policy that
named it. The id matches nobody, and a document with such an id is refused when it is put. Leaving
an id out never lets anybody in: where it was all that an element named, the statement goes, or
keeps denying everybody whom it denied.

Source: IAM User Guide, "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from .document import UnreadableError, as_list, element, element_key, load, text_of
from .principals import is_dead

Entry = Mapping[str, object]

_COMPACT = (",", ":")


def without_dead(written: str) -> tuple[str, tuple[str, ...]]:
    """The policy without deleted principals, "" if nothing is left of it; and their unique ids.

    A policy that names none, or that cannot be read, comes back as it is.

    >>> dead = '{"Statement": [{"Effect": "Deny", "NotPrincipal": {"AWS": "AROAEXAMPLEID"}}]}'
    >>> without_dead(dead)
    ('{"Statement": [{"Effect": "Deny", "Principal": "*"}]}', ('AROAEXAMPLEID',))
    """
    try:
        loaded, problems = load(written)
    except UnreadableError:
        return written, ()
    key = element_key(loaded, "Statement")
    if key is None or problems:
        return written, ()
    entries = as_list(loaded[key])
    dead = tuple(dict.fromkeys(name for entry in entries for name in _dead_in(entry)))
    if not dead:
        return written, ()
    living = [left for entry in entries if (left := _living(entry)) is not None]
    if not living:
        return "", dead
    # Spaced as it was: a service that lays documents out anew shows both alike.
    is_compact = json.dumps(loaded, separators=_COMPACT) == written
    return json.dumps({**loaded, key: living}, separators=_COMPACT if is_compact else None), dead


def _dead_in(entry: object) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        return
    for name in ("Principal", "NotPrincipal"):
        named = element(entry, name)
        for family, listed in _families(named):
            for item in as_list(listed):
                text = text_of(item)
                if text is not None and is_dead(family, text):
                    yield text.strip()


def _families(named: object) -> Iterator[tuple[str, object]]:
    if isinstance(named, Mapping):
        yield from ((str(family), listed) for family, listed in named.items())
    elif named is not None:
        yield "AWS", named


def _living(entry: object) -> object:
    """The statement without its deleted principals; None where it is about nobody any more."""
    if not isinstance(entry, Mapping) or not any(_dead_in(entry)):
        return entry
    left = dict(entry)
    for name in ("Principal", "NotPrincipal"):
        key = element_key(left, name)
        if key is None or not any(_dead_in({name: left[key]})):
            continue
        remaining = _without(left[key])
        if remaining is not None:
            left[key] = remaining
        elif name == "NotPrincipal" and text_of(element(left, "Effect")) == "Deny":
            # It denied everybody but one who is no more, so everybody.
            left = {
                ("Principal" if k == key else k): "*" if k == key else v for k, v in left.items()
            }
        else:
            # It allowed or denied nobody any more. An Allow for everybody else (NotPrincipal) goes
            # too: to write it down would open what AWS shows as an exception.
            return None
    return left


def _without(named: object) -> object:
    """What is left of a Principal element; None for nothing."""
    if not isinstance(named, Mapping):
        return _left("AWS", named)
    remaining = {family: _left(str(family), listed) for family, listed in named.items()}
    return {family: listed for family, listed in remaining.items() if listed is not None} or None


def _left(family: str, listed: object) -> object:
    if not isinstance(listed, list | tuple):
        return None if _is_dead(family, listed) else listed
    living = [item for item in listed if not _is_dead(family, item)]
    return living or None


def _is_dead(family: str, item: object) -> bool:
    text = text_of(item)
    return text is not None and is_dead(family, text)
