"""JSON text to values: fast for what is strictly JSON, patient with what is nearly so."""

from __future__ import annotations

import json

import orjson

from driftguard.model import Json


class NotJson(ValueError):
    """The text is no JSON. `where` is the offset of what is wrong, -1 where that is unknown."""

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
