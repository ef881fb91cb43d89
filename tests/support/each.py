"""Tries all cases of a table in one test.

pytest takes some milliseconds for each test, before and after it: for thousands of pure checks that
is more than the checks cost. `@each` reads like `pytest.mark.parametrize`, and the test fails with
the ids of all cases that fail, and with the tracebacks of the first ones. `pytest --case TEXT`
tries only the cases with TEXT in their id.

The cases of one test share its fixtures: a test that changes what a fixture made is for
`pytest.mark.parametrize`. `tmp_path` is an exception: each case has a folder of its own.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

Test = Callable[..., None]
# A case: its id, and the arguments that it gives.
Case = tuple[str, dict[str, Any]]

# The tracebacks of so many cases that fail are shown; the others are named.
SHOWN = 5

_wanted: list[str] = []


def only(text: str) -> None:
    """Has every table try only the cases with this text in their id; with "", all."""
    _wanted[:] = [text]


def each(
    names: str | tuple[str, ...],
    cases: Iterable[Any],
    ids: Callable[[Any], object] | Iterable[str] | None = None,
) -> Callable[[Test], Test]:
    """Calls a test once for each case, with arguments of these names; of two tables, for each pair.

    A case is what `pytest.mark.parametrize` takes: a value, a tuple of values, a `pytest.param`.
    """
    names = tuple(name.strip() for name in names.split(",")) if isinstance(names, str) else names
    table = list(_cases(names, cases, ids))
    assert table, f"a table without cases shows nothing: {names}"

    def decorated(test: Test) -> Test:
        inner, others = getattr(test, "each", (test, [("", {})]))
        pairs = [
            ("-".join(filter(None, (other, id_))), {**more, **given})
            for id_, given in table
            for other, more in others
        ]

        @functools.wraps(inner)
        def tries(*args: Any, **fixtures: Any) -> None:
            _try(inner, pairs, args, fixtures)

        signature = inspect.signature(test)
        left = [one for name, one in signature.parameters.items() if name not in names]
        tries.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        tries.each = (inner, pairs)  # type: ignore[attr-defined]
        return tries

    return decorated


def _try(test: Test, table: list[Case], args: tuple[Any, ...], fixtures: dict[str, Any]) -> None:
    chosen = [case for case in table if all(text in case[0] for text in _wanted)]
    failures: dict[str, Exception] = {}
    skipped = 0
    for place, (id_, given) in enumerate(chosen):
        given = {**fixtures, **given}
        if isinstance(folder := fixtures.get("tmp_path"), Path):
            given["tmp_path"] = folder / str(place)
            given["tmp_path"].mkdir()
        try:
            test(*args, **given)
        except pytest.skip.Exception:
            skipped += 1
        except (Exception, pytest.fail.Exception) as failure:  # noqa: BLE001 - raised below
            failed = failure if isinstance(failure, Exception) else AssertionError(str(failure))
            failed.with_traceback(failure.__traceback__).add_note(f"case: {id_}")
            failures[id_] = failed
    if failures:
        named = ", ".join(id_ if len(id_) <= 120 else f"{id_[:120]}…" for id_ in failures)
        raise ExceptionGroup(
            f"{len(failures)} of {len(chosen)} cases fail: {named}",
            list(failures.values())[:SHOWN],
        )
    if skipped == len(chosen):
        pytest.skip(f"none of {len(table)} cases is to be tried")


def _cases(
    names: tuple[str, ...],
    cases: Iterable[Any],
    ids: Callable[[Any], object] | Iterable[str] | None,
) -> Iterator[Case]:
    shown = ids if callable(ids) else _id
    given = None if ids is None or callable(ids) else iter(ids)
    for case in cases:
        # A `pytest.param`.
        named = hasattr(case, "marks") and hasattr(case, "values")
        assert not (named and case.marks), "a marked case is for pytest.mark.parametrize"
        values = case.values if named else (case,) if len(names) == 1 else tuple(case)
        assert len(values) == len(names), f"{values} are not {names}"
        id_ = next(given) if given is not None else "-".join(str(shown(value)) for value in values)
        yield (named and case.id) or id_, dict(zip(names, values, strict=True))


def _id(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
