"""Parses JSON: fast if the text is strictly JSON, lenient if it is nearly so."""

from __future__ import annotations

import json

import orjson

from driftguard.documents import Json


class NotJson(ValueError):
    """The text is not JSON. `where` is the offset of the error, -1 if that is unknown."""

    def __init__(self, what: str, where: int = -1) -> None:
        super().__init__(what)
        self.where = where


def json_of(text: bytes) -> Json:
    """The value of a JSON text. Raises `NotJson`.

    orjson is strict; records with a lone surrogate or NaN, which others write, are read too.
    """
    try:
        value: Json = orjson.loads(text)
    except ValueError:
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            what = f"{error.msg}, column {error.colno}"
            raise NotJson(f"not JSON ({what})", error.pos) from error
        except UnicodeDecodeError as error:
            raise NotJson(f"not UTF-8 (at byte {error.start + 1})") from error
        except (ValueError, RecursionError) as error:
            raise NotJson(f"not JSON that can be read ({error})") from error
    return value
