"""A policy as a formula over a request: when it is allowed.

Sources: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators",
"Set operators for multivalued context keys", "AWS JSON policy elements: Principal".
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

import z3

from .requests import MULTIVALUED, NUMBERS, Request

Document = Mapping[str, Any]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(request: Request, policy: Document) -> Any:
    """Some Allow applies and no Deny."""
    allows, denies = [], []
    for statement in listed(policy["Statement"]):
        formula = applies(request, statement)
        (allows if statement["Effect"] == "Allow" else denies).append(formula)
    return z3.And(z3.Or(allows), z3.Not(z3.Or(denies)))


def applies(request: Request, statement: Document) -> Any:
    """Whether a statement is about a request."""
    parts = [_principal(request, statement)]
    for variable, element in ((request.action, "Action"), (request.resource, "Resource")):
        excluded = f"Not{element}" in statement
        patterns = listed(statement[f"Not{element}" if excluded else element])
        if element == "Action":
            patterns = [pattern.lower() for pattern in patterns]
        meant = variable.meets(lambda value, p=patterns: any(_like(value, each) for each in p))
        parts.append(z3.Not(meant) if excluded else meant)
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            parts.append(_condition(request, operator.lower(), key.lower(), listed(values)))
    return z3.And(parts)


def _principal(request: Request, statement: Document) -> Any:
    excluded = "NotPrincipal" in statement
    element = statement["NotPrincipal" if excluded else "Principal"]
    names = ["*"] if element == "*" else listed(element["AWS"])
    meant = request.caller.meets(lambda caller: any(_is_named(caller, name) for name in names))
    return z3.Not(meant) if excluded else meant


def _is_named(caller: tuple[str, str], name: str) -> bool:
    account, arn = caller
    if name == "*" or name == account:
        return True
    return arn == name or (name.endswith(":root") and name.split(":")[4] == account)


def _condition(request: Request, operator: str, name: str, values: list[str]) -> Any:
    quantifier, _, rest = operator.rpartition(":")
    if_exists, plain = rest.endswith("ifexists"), rest.removesuffix("ifexists")
    key = request.key(name)
    if plain == "null":
        return z3.Not(key.there) if values == ["true"] else key.there
    negated = "not" in plain
    test = _test(name, plain.replace("not", "", 1), tuple(values))
    tests = [z3.Not(each) if negated else each for each in key.each_meets(test)]
    pairs = list(zip(key.given, tests, strict=True))
    if quantifier == "forallvalues":
        holds, missing = z3.And([z3.Implies(given, each) for given, each in pairs]), True
    elif quantifier == "foranyvalue":
        holds, missing = z3.Or([z3.And(given, each) for given, each in pairs]), False
    else:
        assert name not in MULTIVALUED, "AWS asks for a set operator"
        holds, missing = tests[0], negated
    return z3.If(key.there, holds, z3.BoolVal(missing or if_exists))


def _test(name: str, operator: str, values: tuple[str, ...]) -> Callable[[Any], bool]:
    if operator == "ipaddress":
        return lambda value: any(ip_address(value) in ip_network(text) for text in values)
    if name in NUMBERS:
        relation = operator.removeprefix("numeric").removeprefix("date")
        return lambda value: any(_stands(relation, value, _number(text)) for text in values)
    compare = {
        "stringequals": lambda value, text: value == text,
        "stringequalsignorecase": lambda value, text: value.upper() == text.upper(),
        "stringlike": _like,
        "arnlike": _arn_like,
        "arnequals": _arn_like,
        "bool": lambda value, text: value == text,
    }[operator]
    return lambda value: any(compare(value, text) for text in values)


@cache
def _expression(pattern: str, letter: str) -> re.Pattern[str]:
    signs = {"*": f"{letter}*", "?": letter}
    return re.compile("".join(signs.get(sign, re.escape(sign)) for sign in pattern), re.DOTALL)


def _like(value: str, pattern: str) -> bool:
    return _expression(pattern, ".").fullmatch(value) is not None


def _arn_like(value: str, pattern: str) -> bool:
    parts = pattern.split(":", 5)
    start = ":".join(parts[:5])
    return any(
        _expression(start, "[^:]").fullmatch(value[:end]) is not None and _like(rest, parts[5])
        for end in range(len(value))
        if value[end] == ":"
        for rest in (value[end + 1 :],)
    )


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _stands(relation: str, value: int, point: int) -> bool:
    return {
        "equals": value == point,
        "lessthan": value < point,
        "lessthanequals": value <= point,
        "greaterthan": value > point,
        "greaterthanequals": value >= point,
    }[relation]
