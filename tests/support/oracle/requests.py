"""A request as the solver's variables: who calls, for what, with which condition keys.

A variable ranges over samples: values that tell apart all patterns which the random policies use.
Whether a sample meets a test is looked up once with Python's own `re`, `ipaddress` and numbers; the
solver searches through all requests that can be put together from them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import z3

BITS = 6
SEVERAL = 3  # values that a multivalued key has at most

OWN, OTHER, FRIEND = "111122223333", "999988887777", "444455556666"
# Accounts that no policy names; they begin as named ones do.
STRANGERS = ("111199990000", "999900001111", "420000000042")
ACCOUNTS = (OWN, OTHER, FRIEND, *STRANGERS)
NAMES = ("role/x", "role/y", "role/xy", "user/z", "role/p:role/x", f"role/p:iam::{OWN}:role/y")
ANONYMOUS = ("anonymous", "")


def _in_both_cases(*texts: str) -> tuple[str, ...]:
    """These texts and each of them in capitals: what ignores case takes both."""
    return tuple(dict.fromkeys([*texts, *(text.upper() for text in texts)]))


SAMPLES: Mapping[str, tuple[Any, ...]] = {
    "caller": (
        ANONYMOUS,
        *((account, f"arn:aws:iam::{account}:{name}") for account in ACCOUNTS for name in NAMES),
    ),
    "action": (
        "sqs:getone",
        "sqs:gettwo",
        "sqs:puta",
        "sqs:putab",
        "sqs:putone",
        "sqs:x",
        "sqs:putb",
        "sqs:getaone",
    ),
    "resource": (
        "arn:r",
        "arn:r/",
        "arn:r/x",
        "arn:r/xy",
        "arn:r/a/b",
        "arn:r/a/c",
        "arn:r/x/b",
        "arn:s",
    ),
    "aws:sourceip": ("203.0.113.7", "10.0.0.1", "52.0.0.1", "1.2.3.4", "200.1.1.1", "2001:db9::1"),
    "aws:principalorgid": (
        "o-ours12345",
        "o-more12345",
        "o-stranger1",
    ),
    "aws:principalorgpaths": (
        "o-ours12345/r-a/ou-1/",
        "o-ours12345/r-a/ou-2/",
        "o-ours12345/r-b/",
        "o-more12345/r-a/ou-1/",
        "o-more12345/r-b/",
        "o-stranger1/r-a/ou-1/",
        "o-stranger1/r-b/",
    ),
    "aws:principaltag/team": _in_both_cases(
        "blue",
        "Blue",
        "bl",
        "ue",
        "bxue",
        "blxue",
        "red",
        "x",
        "bl*",
        "*ue",
        "b?ue",
    ),
    "aws:sourceaccount": ACCOUNTS,
    "aws:vpceaccount": ACCOUNTS,
    "aws:sourcearn": tuple(
        f"arn:aws:sns:us-east-1:{account}:{name}"
        for account in ACCOUNTS
        for name in ("t", "u", f"x:{OWN}:t")
    ),
    "aws:sourcevpc": (
        "vpc-1a2b3c4d",
        "vpc-5e6f7a8b",
        "vpc-stranger",
    ),
    "aws:sourcevpce": ("vpce-1a2b3c4d", "vpce-stranger"),
    "aws:resourceaccount": (OWN,),
    "aws:tagkeys": _in_both_cases(
        "cost",
        "owner",
        "ct",
        "c",
        "t",
        "oxner",
        "x",
        "c*",
        "*t",
        "o?ner",
    ),
    "aws:calledvia": _in_both_cases(
        "athena.amazonaws.com",
        "ATHENA.amazonaws.com",
        "CLOUDFORMATION.amazonaws.com",
        "cloudformation.amazonaws.com",
        "x.amazonaws.com",
        "*.amazonaws.com",
        "x",
    ),
    "aws:securetransport": ("true", "false"),
    "aws:principalisawsservice": ("false",),
    "aws:viaawsservice": ("true", "false"),
    "s3:max-keys": (0, 1, 2, 5, 6, 7, 8, 10, 11),
    # 2025, 2030, 2035, 2040, 2045
    "aws:currenttime": (1735689600, 1893456000, 2051222400, 2208988800, 2366841600),
}
MULTIVALUED = frozenset({"aws:tagkeys", "aws:calledvia", "aws:principalorgpaths"})
NUMBERS = frozenset({"s3:max-keys", "aws:currenttime"})
BOOLEANS = frozenset({"aws:securetransport", "aws:principalisawsservice", "aws:viaawsservice"})
ALWAYS = frozenset({"aws:currenttime", "aws:securetransport"})
OF_SIGNED = frozenset({"aws:principalorgid", "aws:principalorgpaths", "aws:principaltag/team"})
# What of the caller these keys tell; nobody without credentials has an ARN.
OF_CALLER = {"aws:principalaccount": 0, "aws:principalarn": 1}


class Variable:
    """One of the samples."""

    def __init__(self, name: str, samples: tuple[Any, ...]) -> None:
        self.samples = samples
        self.number = z3.BitVec(name, BITS)
        self.known = z3.ULT(self.number, len(samples))

    def meets(self, test: Callable[[Any], bool]) -> Any:
        """Whether it is a sample that meets a test."""
        numbers = [number for number, sample in enumerate(self.samples) if test(sample)]
        if len(numbers) == len(self.samples):
            return z3.BoolVal(True)
        return z3.Or([self.number == number for number in numbers])


class Key:
    """One condition key of a request: missing, or with one value, or with several."""

    def __init__(self, name: str, caller: Variable) -> None:
        self.name, self.caller = name, caller
        self.there = z3.Bool(f"there {name}")
        count = SEVERAL if name in MULTIVALUED else 1
        # A request with the key has the first value, and may have the others.
        self.given = [z3.BoolVal(True)] + [
            z3.Bool(f"given {name} {number}") for number in range(1, count)
        ]
        self.values = (
            []
            if name in OF_CALLER
            else [Variable(f"{name} {number}", SAMPLES[name]) for number in range(count)]
        )

    def each_meets(self, test: Callable[[Any], bool]) -> list[Any]:
        """For each value whether it meets a test."""
        if self.name in OF_CALLER:
            part = OF_CALLER[self.name]
            return [self.caller.meets(lambda caller: test(caller[part]))]
        return [value.meets(test) for value in self.values]


class Request:
    """All variables of one request, and what is known of them whoever calls."""

    def __init__(self) -> None:
        self.caller, self.action, self.resource = (
            Variable(name, SAMPLES[name]) for name in ("caller", "action", "resource")
        )
        self.anonymous = self.caller.meets(lambda caller: caller == ANONYMOUS)
        self.keys: dict[str, Key] = {}

    def key(self, name: str) -> Key:
        if name not in self.keys:
            self.keys[name] = Key(name, self.caller)
        return self.keys[name]

    def known(self) -> list[Any]:
        """What holds for every request."""
        found = [self.caller.known, self.action.known, self.resource.known]
        for name, key in self.keys.items():
            found += [value.known for value in key.values]
            if name in ALWAYS or name == "aws:principalaccount":
                found.append(key.there)
            if name in ("aws:principalarn", "aws:principalisawsservice"):
                found.append(key.there == z3.Not(self.anonymous))
            if name in OF_SIGNED:
                found.append(z3.Implies(self.anonymous, z3.Not(key.there)))
        found += self._in_one_organization()
        return found

    def _in_one_organization(self) -> list[Any]:
        """A caller's paths are in its organization."""
        one, several = (self.keys.get(f"aws:principalorg{end}") for end in ("id", "paths"))
        if one is None or several is None:
            return []
        organizations = {path.split("/")[0] for path in SAMPLES[several.name]}
        same = [
            z3.Or([z3.And(id_is, path_is) for id_is, path_is in pairs])
            for path in several.values
            for pairs in (
                [
                    (
                        one.values[0].meets(lambda value, o=name: value == o),
                        path.meets(lambda value, o=name: value.startswith(f"{o}/")),
                    )
                    for name in organizations
                ],
            )
        ]
        return [one.there == several.there, z3.Implies(one.there, z3.And(same))]
