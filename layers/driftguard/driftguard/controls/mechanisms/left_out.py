"""What a resource has, and no call can put back: left out of each plan and of its undo, and told.

A state names it under `LEFT_OUT`, in words. The key is volatile: whether an undo is exact does not
depend on what nobody can bring back.
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.access.dead_principals import without_dead
from driftguard.documents import Document, Json, text

from .declared import listed

LEFT_OUT = "left_out"
VOLATILE = frozenset({LEFT_OUT})


def living(found: Document) -> Document:
    """A state whose `policy` is without deleted principals, as it can be put back.

    Where nothing is left of it, it is what the state holds where there is no policy.
    """
    written = found.get("policy")
    if not isinstance(written, str):
        return found
    rest, dead = without_dead(written)
    if not dead:
        return found
    told = (f"the deleted user or role {id_}: AWS refuses a policy that names it" for id_ in dead)
    return leaving_out({**found, "policy": rest or None}, told)


def leaving_out(state: Document, what: Iterable[str]) -> Document:
    """The state, with what cannot be put back named in words, if there is any."""
    told: list[Json] = [*what]
    return {**state, LEFT_OUT: told} if told else state


def left_out(state: Document) -> tuple[str, ...]:
    """What plans for this state say that they leave out."""
    return tuple(f"left out: {what}" for what in listed(state, LEFT_OUT))


def reserved_tags(tags: Json) -> tuple[str, ...]:
    """The tags that only AWS sets, in words.

    Source: Tagging AWS Resources, "Tag naming limits and requirements".
    """
    keys = (
        text(tag, "Key", "key") for tag in listed({"tags": tags}, "tags") if isinstance(tag, dict)
    )
    return tuple(
        f"the tag {key}: only AWS sets it" for key in sorted(keys) if key.startswith("aws:")
    )
