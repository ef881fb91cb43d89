"""Reads a policy file. Returns the compiled policy, or reports every problem with its line."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from driftguard.documents import Document

from .complaints import Location, contradictions, warnings, worded
from .schema import PolicyFile, model, schema
from .schema.names import nearest


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a policy file. `line` counts from 1."""

    line: int
    where: str
    what: str

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.line or ""), self.where, self.what) if part)


class _Loader(yaml.SafeLoader):
    """A safe loader that says which value it cannot read: a 30th of February, a `!!int x`."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, AttributeError, OverflowError) as error:
            kind = node.tag.rpartition(":")[2]
            words = f"`{node.value}` is no {kind} ({error})"
            raise yaml.constructor.ConstructorError(None, None, words, node.start_mark) from error


class PolicyError(Exception):
    """The policy file is not valid; `problems` say where and why."""

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        super().__init__(
            "\n".join(f"{path}:{'' if problem.line else ' '}{problem}" for problem in problems)
        )
        self.problems = tuple(problems)


def read(path: Path) -> Document:
    """The compiled policy of a YAML file. Raises `PolicyError`."""
    return compiled(_written(path), str(path))


def advice(path: Path, now: dt.datetime) -> list[Problem]:
    """What a valid policy file says that was hardly meant. Raises `PolicyError`."""
    root, policy = _parsed(_written(path), str(path))
    return [Problem(_line(root, loc), _dotted(loc), what) for loc, what in warnings(policy, now)]


def _written(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError(str(path), [Problem(0, "", error.strerror or str(error))]) from error
    except UnicodeDecodeError as error:
        raise PolicyError(str(path), [Problem(0, "", f"not UTF-8: {error}")]) from error


def compiled(written: str, path: str = "policy") -> Document:
    """The policy as the Lambdas read it. Raises `PolicyError` naming every problem and its line."""
    return _as_document(_parsed(written, path)[1])


def _parsed(written: str, path: str) -> tuple[yaml.Node, PolicyFile]:
    try:
        root = yaml.compose(written, Loader=yaml.SafeLoader)
        twice = list(_duplicates(root, ())) if root else []
        if twice:
            raise PolicyError(path, twice)
        plain = yaml.load(written, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 0
        problem = Problem(line, "", f"not valid YAML: {error.problem or error}")
        raise PolicyError(path, [problem]) from error
    except yaml.YAMLError as error:
        raise PolicyError(path, [Problem(0, "", f"not valid YAML: {error}")]) from error
    except RecursionError as error:
        raise PolicyError(path, [Problem(1, "", "nested too deep, or within itself")]) from error
    if root is None or not isinstance(plain, dict):
        raise PolicyError(
            path, [Problem(1, "", "a policy is a mapping; see `driftguard policy schema`")]
        )
    try:
        policy = model().model_validate(plain)
    except ValidationError as error:
        problems = [
            _problem(
                root,
                problem["loc"],
                problem["type"],
                problem["msg"],
                problem["input"],
                problem.get("ctx", {}),
            )
            for problem in error.errors()
        ]
        raise PolicyError(path, sorted(problems, key=lambda problem: problem.line)) from error
    against = [
        Problem(_line(root, loc), _dotted(loc), what) for loc, what in contradictions(policy)
    ]
    if against:
        raise PolicyError(path, against)
    return root, policy


def _dotted(loc: Location) -> str:
    return ".".join(str(part) for part in loc)


def _as_document(policy: PolicyFile) -> Document:
    made = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    made["exemptions"] = [
        {**exemption.model_dump(mode="json"), "until": _instant(exemption.until)}
        for exemption in policy.exemptions
    ]
    made["approvals"] = [
        {"controls": ["*"], "min_severity": 0, **terms.model_dump(mode="json", exclude={"rules"})}
        for terms in (*policy.approvals.rules, policy.approvals)
    ]
    return made


def _instant(until: dt.date | dt.datetime) -> str:
    """Return the moment at which an exemption ends: a day lasts to its end, if there is a next."""
    try:
        if not isinstance(until, dt.datetime):
            until = dt.datetime.combine(until + dt.timedelta(days=1), dt.time(), dt.UTC)
        aware = until if until.tzinfo else until.replace(tzinfo=dt.UTC)
        at = aware.astimezone(dt.UTC)
    except OverflowError:
        last = dt.datetime.max if until.year == dt.MAXYEAR else dt.datetime.min
        at = last.replace(tzinfo=dt.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _problem(
    root: yaml.Node,
    loc: Location,
    kind: str,
    message: str,
    given: object,
    context: Mapping[str, object],
) -> Problem:
    loc = tuple(part for part in loc if part not in ("date", "datetime", "function-after"))
    where = _dotted(loc)
    line = _line(root, loc)
    if kind == "extra_forbidden":
        known = _keys_at(loc[:-1])
        name = str(loc[-1])
        what = "there is no control" if loc[:-1] == ("controls",) else "unknown key"
        return Problem(line, where, f"{what} `{name}`{nearest(name, known)}")
    if kind == "missing":
        return Problem(line, where, f"`{loc[-1]}` is missing")
    if kind in ("enum", "literal_error"):
        expected = str(context.get("expected", ""))
        allowed = re.findall(r"'([^']*)'", expected) or [expected]
        return Problem(
            line,
            where,
            f"`{given}` is not one of {', '.join(allowed)}{nearest(str(given), allowed)}",
        )
    return Problem(line, where, worded(kind, message, context))


def _line(node: yaml.Node, loc: Location) -> int:
    """Return the line of the deepest part of the location that the file has."""
    line = node.start_mark.line + 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next((p for p in node.value if p[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _duplicates(node: yaml.Node, loc: Location) -> Iterator[Problem]:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            where = ".".join(map(str, (*loc, name)))
            if name in seen:
                yield Problem(
                    line, where, f"`{name}` is given twice; the first is in line {seen[name]}"
                )
            seen.setdefault(name, line)
            yield from _duplicates(value, (*loc, name))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _duplicates(value, (*loc, number))


def _keys_at(loc: Location) -> list[str]:
    """The keys that the schema knows at a place in the file."""
    whole = schema()
    here: object = whole
    for part in loc:
        step = _resolved(here, whole)
        here = (
            step.get("items") if isinstance(part, int) else _get(step.get("properties"), str(part))
        )
    return list(_mapping(_resolved(here, whole).get("properties")))


def _resolved(node: object, whole: Document) -> Mapping[str, object]:
    found = _mapping(node)
    for option in found.get("anyOf", []):  # type: ignore[attr-defined]
        if _mapping(option).get("type") != "null":
            return _resolved(option, whole)
    reference = found.get("$ref")
    if isinstance(reference, str):
        return _mapping(_get(whole.get("$defs"), reference.rpartition("/")[2]))
    return found


def _get(node: object, key: str) -> object:
    return _mapping(node).get(key)


def _mapping(node: object) -> Mapping[str, object]:
    return node if isinstance(node, Mapping) else {}
