"""Finds the tokens of the table of forms, and links that are secrets by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from .exposed import Effort, Found, Hidden
from .issuers import MARKED, PREFIXED
from .links import LINKS
from .ordinary import is_sample
from .randomness import is_random

_LITERAL = re.compile(r"(?:\\[.+$]|[A-Za-z0-9_/!-])+(?![{?*+])")
_TAIL = re.compile(r"[\w-]{0,4096}")


@dataclass(frozen=True, slots=True)
class Form:
    """One form of token. `mark` is a text that each token of the form holds.

    Of a link only the first group is the secret: the rest says where it leads to.
    """

    kind: str
    form: str
    source: str
    mark: str


def _beginning(form: str) -> str:
    literal = _LITERAL.match(form)
    return literal.group().replace("\\", "") if literal else ""


FORMS = (
    *(Form(kind, form, source, _beginning(form)) for kind, form, source in PREFIXED),
    *(Form(*row) for row in MARKED),
    *(Form(*row) for row in LINKS),
)


@cache
def _compiled(form: str) -> re.Pattern[str]:
    """Only when it is needed: most forms never are."""
    return re.compile(form)


def hinted_forms(text: str) -> tuple[Form, ...]:
    """The forms of which a text has the mark; no others need be looked for."""
    return tuple(form for form in FORMS if form.mark in text)


def tokens_in(form: Form, text: str) -> Iterator[Found]:
    """Every token of this form, to its end."""
    effort = Effort.on(text)
    for match in _compiled(form.form).finditer(text):
        start, end = match.span(1 if match.lastindex else 0)
        effort.spend(match.end() - match.start())
        if (
            start
            and text[start].isalnum()
            and (text[start - 1].isalnum() or text[start - 1] == "_")
        ):
            continue
        tail = _TAIL.match(text, end)
        end = tail.end() if tail else end
        token = text[start:end]
        if _is_made(token.replace(form.mark, "")) and not is_sample(token):
            yield Found(form.kind, start, end, Hidden(token))


def _is_made(body: str) -> bool:
    """Whether the part behind the mark was generated: `sk-learn-pipeline` was not."""
    return is_random(body) or sum(character.isdigit() for character in body) > 2
