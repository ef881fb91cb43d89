"""Reads principals as tests on the keys that tell who calls.

An account named as a principal is everybody whose `aws:PrincipalAccount` it is; a user or a role is
whoever has its ARN as `aws:PrincipalArn`.

Source: IAM User Guide, "AWS JSON policy elements: Principal" and "AWS JSON policy elements:
NotPrincipal".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..principals import ACCOUNT, ARN_PARTS, Principal
from .constraint import Constraint
from .keys import Caller

ACCOUNT_KEY, ARN_KEY = "aws:principalaccount", "aws:principalarn"


@dataclass(frozen=True, slots=True)
class Rest:
    """Whom a Deny leaves of a principal, and what is then known of them."""

    principal: Principal
    tests: tuple[Constraint, ...] = ()


@dataclass(frozen=True)
class Denied:
    """Whom a Deny is about: these principals, or (`excluded`) all but these."""

    principals: tuple[Principal, ...]
    excluded: bool

    def concerns(self, principal: Principal) -> bool:
        """Whether the Deny may name somebody whom a principal means."""
        if self.excluded or self._everybody or principal.kind == "everyone":
            return True
        named = (principal.family, principal.written) in self._names
        return named or (bool(principal.account) and principal.account in self._accounts)

    def spares(self, principal: Principal) -> bool:
        """Whether nothing is taken from whom a principal means, whatever the Deny's tests are."""
        return self.excluded and Rest(principal) in self._spared(principal)

    def rest_of(self, principal: Principal) -> Iterator[Rest]:
        """Whom of a principal the Deny does not name."""
        if self.excluded:
            yield from self._spared(principal)
        elif not self._everybody and (principal.family, principal.written) not in self._names:
            by_account = principal.kind in ("everyone", "account")
            yield Rest(principal, self._others if by_account else ())

    @cached_property
    def _everybody(self) -> bool:
        """Whether the Deny surely names everybody.

        AWS takes `*` for that, alone or as `{"AWS": "*"}`. It refuses other wildcards, so they deny
        nobody.
        """
        return any(
            principal.written == "*" and principal.family.lower() in ("*", "aws")
            for principal in self.principals
        )

    @cached_property
    def _names(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (principal.family, principal.written)
            for principal in self.principals
            if principal.kind != "everyone"
        )

    @cached_property
    def _accounts(self) -> frozenset[str]:
        return frozenset(principal.account for principal in self.principals)

    @cached_property
    def _others(self) -> tuple[Constraint, ...]:
        """What is true of those whom the Deny does not name."""
        accounts = [other.account for other in self.principals if _is_whole_account(other)]
        arns = [
            other.written
            for other in self.principals
            if other.kind == "account" and _is_user_or_role(other.written)
        ]
        return tuple(
            _one_of(key, *values, excluded=True)
            for key, values in ((ACCOUNT_KEY, accounts), (ARN_KEY, arns))
            if values
        )

    def _spared(self, principal: Principal) -> Iterator[Rest]:
        if not self.principals or any(other.kind == "everyone" for other in self.principals):
            yield Rest(principal)
        elif principal.kind == "everyone":
            for other in self.principals:
                yield Rest(other)
        elif principal.written in self._written or _is_any_of(self._wide, principal):
            yield Rest(principal)
        elif not _is_user_or_role(principal.written):
            for other in self.principals:
                if _is_any_of((principal,), other):
                    yield Rest(other)

    @cached_property
    def _written(self) -> frozenset[str]:
        return frozenset(principal.written for principal in self.principals)

    @cached_property
    def _wide(self) -> tuple[Principal, ...]:
        """Those who may be more than one user or role."""
        return tuple(one for one in self.principals if not _is_user_or_role(one.written))


def caller_of(principal: Principal) -> tuple[Caller, ...]:
    """As what a principal calls."""
    if principal.kind == "everyone":
        return ("signed", "anonymous")
    if principal.kind == "service":
        return ("service",)
    return ("token",) if principal.kind == "provider" else ("signed",)


def tests_on(principal: Principal) -> tuple[Constraint, ...]:
    """What is true of every request of a principal."""
    if principal.kind != "account":
        return ()
    of_account = _one_of(ACCOUNT_KEY, principal.account)
    if _is_user_or_role(principal.written):
        return (of_account, _one_of(ARN_KEY, principal.written))
    return (of_account,)


def _is_whole_account(principal: Principal) -> bool:
    if principal.kind != "account":
        return False
    return bool(ACCOUNT.fullmatch(principal.written)) or (
        principal.written.startswith("arn:") and principal.written.endswith(":root")
    )


def _is_any_of(wide: tuple[Principal, ...], narrow: Principal) -> bool:
    """Whether one of the wide ones may be the narrow one: it is of the same account.

    Of two users or roles, nobody is both. What else names an account, a session or a unique id, may
    be any of them.
    """
    return bool(narrow.account) and any(one.account == narrow.account for one in wide)


def _is_user_or_role(written: str) -> bool:
    parts = written.split(":", ARN_PARTS - 1)
    return len(parts) == ARN_PARTS and parts[2] == "iam" and parts[5].startswith(("user/", "role/"))


def _one_of(key: str, *values: str, excluded: bool = False) -> Constraint:
    """A test on the caller. Who is left out of a Deny is asked for, who calls is assumed."""
    return Constraint(
        key,
        "text",
        "stringequals",
        values,
        complement=excluded,
        every=excluded,
        missing=excluded,
        assumed=not excluded,
    )
