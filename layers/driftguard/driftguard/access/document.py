"""Reads a policy document into statements, and names what in it AWS would refuse.

Reading is lenient where AWS is (one object where a list is usual, numbers and booleans as values,
any case in keys of conditions) and reports the rest as a problem: what cannot be read cannot be
called safe.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from .principals import Principal, read_principal

EVERYTHING = ("*",)
PREFIXES = {"forallvalues:": "all", "foranyvalue:": "any"}
Listed = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator, names in lower case.

    `values` is None when they cannot be read.
    """

    operator: str  # without set prefix and IfExists suffix
    key: str
    values: Listed | None
    quantifier: str = ""  # "all", "any", or empty
    if_exists: bool = False
    written: str = field(default="", compare=False)  # the key as it stands in the document

    @property
    def order(self) -> tuple[str, str, str, bool, Listed]:
        """By what conditions are sorted: the same for the same conditions in any order."""
        return (self.key, self.operator, self.quantifier, self.if_exists, self.values or ())


@dataclass(frozen=True, slots=True)
class Statement:
    index: int
    sid: str | None
    allows: bool
    principals: tuple[Principal, ...]
    principals_excluded: bool  # NotPrincipal
    actions: Listed
    actions_excluded: bool  # NotAction
    resources: Listed
    resources_excluded: bool  # NotResource
    conditions: frozenset[Condition]

    @property
    def name(self) -> str:
        """What a person calls this statement."""
        return f'statement "{self.sid}"' if self.sid else f"statement {self.index + 1}"


@dataclass(frozen=True, slots=True)
class Policy:
    statements: tuple[Statement, ...]
    problems: tuple[str, ...]


class UnreadableError(ValueError):
    """A document, or a part of one, that AWS would refuse. The message says why."""


class Repeating(dict[str, object]):
    """An object of a JSON text that gives a key more than once: the last value is kept."""

    def __init__(self, pairs: Sequence[tuple[str, object]]) -> None:
        super().__init__(pairs)
        keys = [key for key, _ in pairs]
        self.repeated = tuple(dict.fromkeys(key for key in keys if keys.count(key) > 1))


def parsed(text: str) -> object:
    """A JSON text as values. Raises `ValueError` or `RecursionError` if it is none."""
    return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)


def repeated_keys(value: object) -> Iterator[str]:
    """The keys that an object in a parsed value gives more than once."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Repeating):
            yield from here.repeated
        if isinstance(here, Mapping):
            waiting.extend(here.values())
        elif isinstance(here, list | tuple):
            waiting.extend(here)


def load(document: Mapping[str, object] | str) -> tuple[Mapping[str, object], list[str]]:
    """The document as an object, with the problems of its text."""
    loaded: object = document
    if isinstance(document, str):
        if document.lstrip().startswith("%7B"):  # IAM returns its documents percent-encoded
            document = unquote(document)
        try:
            loaded = parsed(document.removeprefix("\ufeff"))
        except (ValueError, RecursionError) as error:
            raise UnreadableError(f"the policy is not JSON: {error}") from error
    if not isinstance(loaded, Mapping):
        raise UnreadableError("the policy is not a JSON object")
    return loaded, [
        f'the key "{key}" is given twice in one object' for key in repeated_keys(loaded)
    ]


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else Repeating(pairs)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")


def read(document: Mapping[str, object] | str) -> Policy:
    """Every statement that can be read, and a problem for every one that cannot."""
    loaded, problems = load(document)
    statements = []
    found = element(loaded, "Statement")
    if found is None:
        return Policy((), (*problems, "the policy has no Statement"))
    for index, entry in enumerate(as_list(found)):
        try:
            statements.append(_statement(index, entry))
        except UnreadableError as problem:
            problems.append(str(problem))
    return Policy(tuple(statements), tuple(problems))


def element_key(mapping: Mapping[str, object], name: str) -> str | None:
    """The key under which an element stands, whatever its case."""
    if name in mapping:
        return name
    return next((key for key in mapping if str(key).lower() == name.lower()), None)


def element(mapping: Mapping[str, object], name: str) -> object:
    """An element of the document, or None. AWS's own spelling wins over one in another case."""
    key = element_key(mapping, name)
    return None if key is None else mapping[key]


def as_list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else [value]


def text_of(value: object) -> str | None:
    """A scalar as AWS reads it: `true` is "true", 111122223333 is "111122223333"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        try:
            return str(value)
        except ValueError:  # a number of thousands of digits
            return None
    return None


def principal_entries(value: object) -> Iterator[tuple[str, object]]:
    """The (family, name) pairs of a Principal element, names as they stand in the document."""
    if isinstance(value, Mapping):
        for family, names in value.items():
            for name in as_list(names):
                yield str(family), name
    else:
        for name in as_list(value):
            yield "AWS", name


def _statement(index: int, entry: object) -> Statement:
    where = f"statement {index + 1}"
    if not isinstance(entry, Mapping):
        raise UnreadableError(f"{where} is not an object")
    sid = text_of(element(entry, "Sid"))
    effect = element(entry, "Effect")
    if effect not in ("Allow", "Deny"):
        raise UnreadableError(f"{where} has no Effect of Allow or Deny")
    principals, principals_excluded = _principals(where, entry)
    actions, actions_excluded = _listed(where, entry, "Action", default=None)
    resources, resources_excluded = _listed(where, entry, "Resource", default=EVERYTHING)
    return Statement(
        index,
        sid,
        effect == "Allow",
        principals,
        principals_excluded,
        tuple(action.lower() for action in actions),
        actions_excluded,
        resources,
        resources_excluded,
        frozenset(_conditions(element(entry, "Condition"))),
    )


def _principals(where: str, entry: Mapping[str, object]) -> tuple[tuple[Principal, ...], bool]:
    named, excluded = element(entry, "Principal"), element(entry, "NotPrincipal")
    if (named is None) == (excluded is None):
        raise UnreadableError(f"{where} needs a Principal or a NotPrincipal, one of them")
    principals = []
    for family, name in principal_entries(excluded if named is None else named):
        text = text_of(name)
        if text is None:
            raise UnreadableError(f"{where} has a principal that is not a text")
        principals.append(read_principal(family, text))
    return tuple(principals), named is None


def _listed(
    where: str, entry: Mapping[str, object], name: str, default: Listed | None
) -> tuple[Listed, bool]:
    listed, excluded = element(entry, name), element(entry, f"Not{name}")
    if listed is not None and excluded is not None:
        raise UnreadableError(f"{where} has both {name} and Not{name}")
    found = excluded if listed is None else listed
    if found is None:
        if default is None:
            raise UnreadableError(f"{where} has no {name}")
        return default, False
    texts = [text_of(item) for item in as_list(found)]
    if None in texts:
        raise UnreadableError(f"{where} has a {name} that is not a text")
    return tuple(text for text in texts if text is not None), listed is None


def _conditions(block: object) -> Iterator[Condition]:
    if block is None:
        return
    if not isinstance(block, Mapping):
        yield Condition("unreadable", "", None)
        return
    for name, keys in block.items():
        operator, quantifier, if_exists = _operator(str(name))
        if not isinstance(keys, Mapping):
            yield Condition("unreadable", operator, None)
            continue
        for key, values in keys.items():
            written = str(key).strip()
            texts = [text_of(value) for value in as_list(values)]
            known = {text for text in texts if text is not None}
            listed = None if None in texts else tuple(sorted(known))
            yield Condition(operator, written.lower(), listed, quantifier, if_exists, written)


def _operator(written: str) -> tuple[str, str, bool]:
    operator, quantifier = written.strip().lower(), ""
    for prefix, name in PREFIXES.items():
        if operator.startswith(prefix):
            operator, quantifier = operator.removeprefix(prefix), name
    if_exists = operator.endswith("ifexists")
    return operator.removesuffix("ifexists"), quantifier, if_exists
