"""Renders a message as text, for mails and terminals. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from driftguard.model import Decision

from ..wording import ApprovalRequest
from .difference import Difference
from .telling import Message, message

_WIDE = 11


def as_text(decision: Decision, request: ApprovalRequest | None = None) -> str:
    """A decision as people read it, in the order of `telling.py`."""
    return "\n".join(lines(message(decision, request)))


def lines(told: Message) -> Iterator[str]:
    """The lines of a message."""
    yield f"{told.title}."
    for facts in (told.where, told.story):
        yield from ("", *(_field(name, value) for name, value in facts))
    if told.differences:
        yield from ("", f"{told.doing}:")
        for difference in told.differences:
            yield from difference_lines(difference)
    yield from _listed("Left alone", told.left_alone)
    if told.advice:
        yield from ("", "To do by hand:", f"  {told.advice}")
    yield from _listed("Beside it", told.beside)
    yield from _listed("Votes", told.votes)
    if told.timeout:
        yield from ("", told.timeout)
    yield from ("", _field("Decided", told.decided))
    if told.console:
        yield _field("Console", told.console)
    yield from ("", "With your AWS credentials:")
    width = max(len(command.line) for command in told.commands)
    for command in told.commands:
        yield f"  {command.line:{width}}  {command.does}"


def difference_lines(difference: Difference) -> Iterator[str]:
    """A call, and under it what goes and what comes."""
    yield f"  {difference.call}"
    yield from (f"    goes   {part}" for part in difference.goes)
    yield from (f"    comes  {part}" for part in difference.comes)
    if difference.unnamed:
        yield f"    and {difference.unnamed} more"


def _field(name: str, value: str) -> str:
    return f"{name:{_WIDE}}{value}"


def _listed(heading: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        yield from ("", f"{heading}:", *(f"  - {item}" for item in items))
