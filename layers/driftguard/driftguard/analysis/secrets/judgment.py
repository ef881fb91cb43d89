"""Says whether a name and its value, together, are a secret."""

from __future__ import annotations

import re

from .names import Telling, names_a_secret, telling
from .ordinary import (
    is_identifier,
    is_made_name,
    is_ordinary,
    is_random_base64,
    is_random_hex,
    is_sample,
    is_settled,
    is_words,
    pieces,
    wordiness,
)
from .randomness import is_random

BASE64 = "high-entropy base64"
HEX = "high-entropy hex"

# An authorization's scheme stands before its credentials.
_SCHEME = re.compile(r"(?:bearer|token|basic|apikey|splunk|geniekey)[ \t]+", re.IGNORECASE)
# A pattern or an expression has other characters.
_OF_A_TOKEN = re.compile(r"[^\s()\[\]{}|\\<>]+")

_SHORTEST = {
    Telling.PASSWORD: 4,
    Telling.SECRET: 6,
    Telling.TOKEN: 8,
    Telling.KEY: 16,
    Telling.NOTHING: 32,
}
# Digits alone are a password only if there are more than a setting needs.
_PIN = 6
# A string with more words than this names something: the bound is lower where no name tells.
_WORDY, _WORDY_KEY = 0.45, 0.65


def judged(name: str, value: str) -> str:
    """The kind of secret that the value is under this name; "" where it is none."""
    value = _SCHEME.sub("", value, count=1) if " " in value else value
    # The cheapest first: most values end here, before their names are read.
    if len(value) < _SHORTEST[Telling.PASSWORD] or is_settled(value):
        return ""
    meaning = telling(name)
    if meaning is Telling.SETTING or len(value) < _SHORTEST[meaning] or is_sample(value):
        return ""
    if meaning in (Telling.PASSWORD, Telling.SECRET):
        kind = Telling.TOKEN if meaning is Telling.SECRET else meaning
        return kind.value if _is_password(value) else ""
    if any(character.isspace() for character in value):
        return ""
    # Random characters can look like a host's or a thing's name, and are none.
    random = is_random(value) and not is_made_name(value)
    if is_ordinary(value) and not (random and meaning is Telling.TOKEN):
        return ""
    if meaning is Telling.TOKEN:
        named = is_words(value) or is_made_name(value)
        return meaning.value if random or not named else ""
    if is_identifier(value):
        return ""
    if meaning is Telling.KEY and is_random_hex(value):
        return HEX
    if meaning is Telling.KEY and random and _OF_A_TOKEN.fullmatch(value):
        return BASE64 if is_random_base64(value) else Telling.TOKEN.value
    wordy = _WORDY_KEY if meaning is Telling.KEY else _WORDY
    named = is_made_name(value) or wordiness(value) > wordy
    return BASE64 if not named and is_random_base64(value) else ""


def _is_password(value: str) -> bool:
    if value.isdigit():
        return len(value) >= _PIN
    # What a field for a password is labeled with, in any language: `Passwort`.
    if value[0].isupper() and value.isalpha() and names_a_secret(value):
        return False
    # `prod/orders-db` and `orders-db-password` say which secret is meant.
    if is_words(value) and pieces(value) > 1:
        return "/" not in value and not names_a_secret(value)
    return (value[0], value[-1]) not in (("{", "}"), ("[", "]"))
