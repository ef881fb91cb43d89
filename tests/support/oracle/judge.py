"""Asks the solver who is let in: a stranger whom the policy does not name, or a named account.

What a policy names exactly is ours or a named account's: a stranger has another VPC, another
organization, another address. A named account may come through our networks: those say where a
request comes through, not who makes it.
"""

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from typing import Any, Literal

import z3

from .formulas import Document, allowed, applies, listed
from .requests import BITS, OWN, Request, Variable

Answer = Literal["public", "external", "closed"]
NARROW = 8  # a range as narrow as this is somebody's
OWNERS = ("aws:sourceaccount", "aws:sourcearn", "aws:vpceaccount")
KEYS_OF = {"caller": ("aws:principalaccount", "aws:principalarn")}
IDS = ("aws:sourcevpc", "aws:sourcevpce")
ORGANIZATIONS = ("aws:principalorgid", "aws:principalorgpaths")


def answer(policy: Document) -> Answer:
    """Who is let in from outside of the account."""
    request, names = Request(), _Names(policy)
    rule = z3.And(allowed(request, policy), *request.known())
    if _is_met(rule, *_stranger(request, names)):
        return "public"
    return "external" if _is_met(rule, *_named(request, rule, names, policy)) else "closed"


def _is_met(*tests: Any) -> bool:
    solver = z3.SolverFor("QF_BV")
    solver.add(*tests)
    return bool(solver.check() == z3.sat)


class _Names:
    """What a policy names: accounts, ids, narrow ranges of addresses."""

    def __init__(self, policy: Document) -> None:
        self.texts = {text for text in _texts(policy) if "*" not in text}
        found = {account for text in _texts(policy) for account in re.findall(r"\d{12}", text)}
        self.accounts = found - {OWN}

    def has_address(self, value: str) -> bool:
        return any(
            ip_address(value) in network
            for text in self.texts
            if "/" in text and text[0].isdigit()
            for network in (ip_network(text),)
            if network.prefixlen >= NARROW
        )

    def is_ours(self, value: str) -> bool:
        return value.upper() in {text.upper() for text in self.texts}


def _named_by(statement: Document, variable: str) -> set[str]:
    """The accounts that an Allow names as callers, or under a key."""
    named = list(_texts(statement.get("Principal", {}))) if variable == "caller" else []
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            if "Not" not in operator and key.lower() in {variable, *KEYS_OF.get(variable, ())}:
                named += _texts(values)
    return {account for text in named for account in re.findall(r"\d{12}", text)} - {OWN}


def _texts(value: Any) -> Iterator[str]:
    for item in value.values() if isinstance(value, dict) else listed(value):
        if isinstance(item, (dict, list)):
            yield from _texts(item)
        else:
            yield str(item)


def _each(request: Request, names: tuple[str, ...], test: Callable[[Any], bool]) -> list[Any]:
    """That each value of these keys meets a test, where a request has them."""
    return [
        z3.Implies(key.there, z3.And(key.each_meets(test)))
        for name, key in request.keys.items()
        if name in names
    ]


def _account_in(value: Any) -> str:
    """The account of a caller, of an ARN, or the account itself."""
    if isinstance(value, tuple):
        return str(value[0])
    return str(value.split(":")[4] if value.startswith("arn:") else value)


def _stranger(request: Request, names: _Names) -> list[Any]:
    """Nobody whom the policy names, and nothing of ours."""

    def is_theirs(value: Any) -> bool:
        return _account_in(value) not in {OWN, *names.accounts}

    return [
        request.caller.meets(is_theirs),
        *_each(request, OWNERS, is_theirs),
        *_nothing_of_ours(request, names),
    ]


def _nothing_of_ours(request: Request, names: _Names) -> list[Any]:
    return [
        *_each(request, IDS, lambda value: not names.is_ours(value)),
        *_each(request, ORGANIZATIONS, lambda value: "stranger" in value),
        *_each(request, ("aws:sourceip",), lambda value: not names.has_address(value)),
    ]


def _named(request: Request, rule: Any, names: _Names, policy: Document) -> list[Any]:
    """An account that the policy names is let in where a stranger is not, all else being equal.

    It calls, or its resource or its network does. An account that an Allow names may come through
    our networks. One that is only left out of a Deny is let in no further than the Allow lets in
    everybody, so it may not.
    """
    through_theirs = z3.And(_each(request, OWNERS[2:], _is_not_own))
    nothing_of_ours = z3.And(through_theirs, *_nothing_of_ours(request, names))
    ways = []
    for name, variable, there in _owners(request):
        strangers = [
            number
            for number, value in enumerate(variable.samples)
            if _account_in(value) not in {OWN, "anonymous", *names.accounts}
        ]
        named = variable.meets(lambda value: _account_in(value) in names.accounts)
        by_name = z3.Or(
            [
                applies(request, statement)
                for statement in policy["Statement"]
                if statement["Effect"] == "Allow" and _named_by(statement, name)
            ]
        )
        let_in = z3.Or(
            [
                z3.And(
                    applies(request, statement),
                    variable.meets(lambda value, a=accounts: _account_in(value) in a),
                    *_none_of(applies(request, statement), variable.number, strangers),
                )
                for statement in policy["Statement"]
                if statement["Effect"] == "Allow" and (accounts := _named_by(statement, name))
            ]
        )
        alone = _none_of(rule, variable.number, strangers)
        if variable is not request.caller:
            missing = (there, z3.BoolVal(False))
            let_in = z3.And(let_in, through_theirs, z3.Not(z3.substitute(by_name, missing)))
            alone.append(z3.Not(z3.substitute(rule, missing)))
        ways.append(z3.And(there, named, z3.Or(let_in, z3.And(nothing_of_ours, *alone))))
    return [
        request.caller.meets(_is_not_own),
        *_each(request, OWNERS[:2], _is_not_own),
        z3.Or(ways),
    ]


def _owners(request: Request) -> Iterator[tuple[str, Variable, Any]]:
    """What tells of an account, and whether a request has it."""
    yield "caller", request.caller, z3.BoolVal(True)
    for name in OWNERS:
        if name in request.keys:
            (variable,) = request.keys[name].values
            yield name, variable, request.keys[name].there


def _is_not_own(value: Any) -> bool:
    return _account_in(value) != OWN


def _none_of(rule: Any, variable: Any, numbers: list[int]) -> list[Any]:
    """That the rule does not allow the same request with any of these in place of a variable."""
    return [
        z3.Not(z3.substitute(rule, (variable, z3.BitVecVal(number, BITS)))) for number in numbers
    ]
