"""Reads who a `Principal` element names, in every spelling that AWS knows."""

import re
from collections.abc import Iterable
from typing import Literal

from driftguard.frozen import dataclass

from .patterns import has_wildcard

Kind = Literal["everyone", "account", "service", "provider", "canonical", "nobody", "unknown"]

ACCOUNT = re.compile(r"\d{12}")
HYPHENATED = re.compile(r"\d{4}-\d{4}-\d{4}")  # how account ids were once written
UNIQUE_ID = re.compile(
    r"A[A-Z]{3}[A-Z0-9]{8,}"
)  # AIDA…, AROA…: what a deleted principal leaves behind
ARN_PARTS = 6
DELETED = re.compile(r"(AIDA|AROA|AGPA)[A-Z0-9]{4,}")  # of a user, a role, a group


@dataclass(frozen=True, slots=True)
class Trusted:
    """What counts as ours besides the own account. Principals are ARNs; identity providers too."""

    accounts: frozenset[str] = frozenset()
    organizations: frozenset[str] = frozenset()
    principals: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Principal:
    """One name out of a `Principal` or `NotPrincipal` element."""

    family: str  # AWS, Service, Federated, CanonicalUser or *
    written: str
    kind: Kind
    account: str = ""  # twelve digits, where the name tells
    provider: str = ""  # of a federated principal: `accounts.google.com`, `saml`, an OIDC host

    @property
    def is_whole_account(self) -> bool:
        return self.kind == "account" and (
            not self.written.startswith("arn:") or self.written.endswith(":root")
        )


def account_id(text: str) -> str:
    """The twelve digits of an account id as people write it, or an empty text."""
    if ACCOUNT.fullmatch(text):
        return text
    if HYPHENATED.fullmatch(text):
        return text.replace("-", "")
    # A JSON number loses the zeros it began with.
    return text.zfill(12) if text.isascii() and text.isdigit() and 9 <= len(text) < 12 else ""


def read_principal(family: str, written: str) -> Principal:
    """One name, understood. Nothing is refused: what is not known is of kind `unknown`."""
    name = written.strip()
    lower = family.lower()
    if family == "*" or "${" in name or (name and not name.strip("*")):
        return Principal(family, written, "everyone")
    if lower == "service":
        return Principal(family, written, "everyone" if has_wildcard(name) else "service")
    if lower == "federated":
        return _provider(family, written, name)
    if lower == "canonicaluser":
        return Principal(family, written, "everyone" if has_wildcard(name) else "canonical")
    if lower != "aws":
        return Principal(family, written, "everyone" if has_wildcard(name) else "unknown")
    return _aws(family, written, name)


def is_dead(family: str, written: str) -> bool:
    """Whether a name is the unique id that a deleted user or role leaves behind in a policy."""
    return family.lower() == "aws" and DELETED.match(written.strip()) is not None


def is_trusted(principal: Principal, own: str, trusted: Trusted) -> bool:
    """Whether a named principal is the own account's, or one the owner trusts."""
    names = {account_id(name) or name for name in trusted.principals}
    if principal.written.strip() in names:
        return True
    if principal.kind == "provider":  # it is in an account, but its people are not the account's
        return False
    if principal.account and principal.account in trusted.accounts | names | {own}:
        return True
    return principal.is_whole_account and any(
        re.fullmatch(rf"arn:aws[a-z-]*:iam::{principal.account}:root", name) for name in names
    )


def untrusted_accounts(accounts: Iterable[str], own: str, trusted: Trusted) -> frozenset[str]:
    """The accounts that are neither the own one nor trusted. An empty name is no account's."""
    return frozenset(accounts) - trusted.accounts - {own, ""}


def _aws(family: str, written: str, name: str) -> Principal:
    if account := account_id(name):
        return Principal(family, written, "account", account)
    parts = name.split(":", ARN_PARTS - 1)
    if len(parts) == ARN_PARTS and parts[0] == "arn":
        owner = parts[4]
        if account := account_id(owner):
            return Principal(family, written, "account", account)
        if has_wildcard(owner):
            return Principal(family, written, "everyone")
        if owner in ("cloudfront", "aws"):  # an origin access identity: AWS's own, never a person's
            return Principal(family, written, "service")
    if has_wildcard(name):
        return Principal(family, written, "everyone")
    if UNIQUE_ID.match(name) or not name:
        return Principal(family, written, "nobody")
    return Principal(family, written, "unknown")


def _provider(family: str, written: str, name: str) -> Principal:
    parts = name.split(":", ARN_PARTS - 1)
    if has_wildcard(name):
        return Principal(family, written, "everyone")
    if len(parts) < ARN_PARTS or parts[0] != "arn":
        return Principal(family, written, "provider", provider=name.lower())
    kind, _, host = parts[5].partition("/")
    provider = "saml" if kind == "saml-provider" else host.lower()
    return Principal(family, written, "provider", account_id(parts[4]), provider)
