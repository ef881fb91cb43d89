"""Says what one condition key pins down, given the values it may have.

Each key that can keep an arbitrary caller out is of one of a few kinds: an account, an ARN in an
account, an organization, an id that AWS gives once in the world, or a claim of an identity
provider. Keys about the owner of a network or an access point say where a request comes through,
not who calls: they keep everybody out, and hide no caller who is named.

Sources: IAM User Guide, "AWS global condition context keys"; Amazon S3 User Guide, "The meaning of
"public"".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from . import federation
from .document import Listed
from .patterns import has_wildcard
from .principals import ACCOUNT

CALLER_ACCOUNTS = frozenset({"aws:principalaccount", "kms:calleraccount"})
CALLER_ARNS = frozenset(
    {
        "aws:federatedprovider",
        "aws:principalarn",
        "ec2:sourceinstancearn",
        "lambda:sourcefunctionarn",
    }
)
SOURCE_ACCOUNTS = frozenset({"aws:sourceaccount", "aws:sourceowner"})
SOURCE_ARNS = frozenset({"aws:sourcearn"})
NETWORK_ACCOUNTS = frozenset({"aws:vpceaccount", "s3:dataaccesspointaccount"})
NETWORK_ARNS = frozenset({"aws:sourcevpcarn", "s3:dataaccesspointarn"})
ACCOUNTS = CALLER_ACCOUNTS | SOURCE_ACCOUNTS | NETWORK_ACCOUNTS
ARNS = CALLER_ARNS | SOURCE_ARNS | NETWORK_ARNS
# S3's list lets an access point's name be a wildcard, as long as the account is fixed.
WILDCARD_AFTER_ACCOUNT = frozenset({"s3:dataaccesspointarn"})
ORGANIZATIONS = frozenset({"aws:principalorgid", "aws:sourceorgid", "aws:vpceorgid"})
ORGANIZATION_PATHS = frozenset({"aws:principalorgpaths", "aws:sourceorgpaths", "aws:vpceorgpaths"})
NETWORK_ORGANIZATIONS = frozenset({"aws:vpceorgid", "aws:vpceorgpaths"})
# Ids that AWS gives once in the world: whoever is not there cannot come from there.
UNIQUE = frozenset(
    {
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:ec2instancesourcevpc",
        "elasticfilesystem:accesspointarn",
        "aws:principalservicename",
        "aws:principalservicenameslist",
    }
)
# Facts about a request that a stranger cannot bring about: AWS itself calls, or it comes through a
# file system's mount target, inside its network.
IF_TRUE = frozenset({"aws:principalisawsservice", "elasticfilesystem:accessedviamounttarget"})
# Listed by S3 alone; elsewhere anyone may send it.
STRICT_UNIQUE = frozenset({"s3:x-amz-server-side-encryption-aws-kms-key-id"})
# A policy variable that names the resource's own organization.
OWN_ORGANIZATION = "${aws:resourceorgid}"
UNNAMED = ""  # something fixed that names no account or organization, such as a bucket's ARN
ARN_PARTS = 6

# How wildcards in values are read: not at all, across everything, or within a part of an ARN.
Reading = Literal["letters", "text", "arn"]


@dataclass(slots=True)
class Pins:
    """What has been pinned down so far. None stands for "anyone"."""

    callers: frozenset[str] | None = None  # accounts the caller may belong to
    caller_arns: frozenset[str] | None = None  # the callers, where they are named one by one
    sources: frozenset[str] | None = None  # accounts whose resources a request may come from
    networks: frozenset[str] | None = None  # accounts whose networks it may come through
    organizations: frozenset[str] | None = None
    network_organizations: frozenset[str] | None = None
    elsewise: list[str] = field(default_factory=list)  # other keys that keep strangers out
    providers: set[str] = field(default_factory=set)  # identity providers whose claims are asked
    pinned_providers: set[str] = field(default_factory=set)  # … and tell ours from others


def pin(pins: Pins, key: str, values: Listed, reading: Reading, *, strict: bool) -> bool:
    """Adds what a key pins when it must have one of these values; False if that is nothing."""
    claim = federation.claim_of(key)
    if claim is not None:
        return _pin_claim(pins, key, claim, values, reading)
    if key in ACCOUNTS | ARNS:
        return _pin_accounts(pins, key, values, reading, strict=strict)
    if key in ORGANIZATIONS | ORGANIZATION_PATHS:
        return _pin_organizations(pins, key, values, reading, strict=strict)
    if key == federation.SESSION_NAME:
        return _pin_session_name(pins, values, reading)
    if _is_unique(key, values, reading, strict=strict):
        pins.elsewise.append(key)
        return True
    return False


def _pin_claim(
    pins: Pins, key: str, claim: tuple[str, str], values: Listed, reading: Reading
) -> bool:
    provider, name = claim
    pins.providers.add(provider)
    if not federation.pins(provider, name, values, patterns=reading != "letters"):
        return False
    pins.pinned_providers.add(provider)
    pins.elsewise.append(key)
    return True


def _pin_session_name(pins: Pins, values: Listed, reading: Reading) -> bool:
    """The name of a session pins only the provider whose tenants are told apart by it."""
    if not values or not all(_is_fixed(value, reading) for value in values):
        return False
    pins.pinned_providers.add(federation.TOLD_BY_SESSION_NAME)
    return False


def _pin_accounts(pins: Pins, key: str, values: Listed, reading: Reading, *, strict: bool) -> bool:
    if key in ARNS:
        whole = strict and key not in WILDCARD_AFTER_ACCOUNT
        found = [_arn_account(value, reading, whole=whole) for value in values]
        if key == "aws:federatedprovider" and UNNAMED in found:
            return False  # a provider without an ARN is everybody's
    else:
        found = [
            (value if ACCOUNT.fullmatch(value) else UNNAMED)
            if _is_fixed(value, reading) and value != "anonymous"
            else None
            for value in values
        ]
    accounts = frozenset(account for account in found if account is not None)
    if None in found:
        return False
    if key in SOURCE_ACCOUNTS | SOURCE_ARNS:
        pins.sources = _narrow(pins.sources, accounts)
    elif key in NETWORK_ACCOUNTS | NETWORK_ARNS:
        pins.networks = _narrow(pins.networks, accounts)
    else:
        pins.callers = _narrow(pins.callers, accounts)
        if key == "aws:principalarn" and all(_is_fixed(value, reading) for value in values):
            pins.caller_arns = _narrow(pins.caller_arns, frozenset(values))
    return True


def _arn_account(value: str, reading: Reading, *, whole: bool) -> str | None:
    """The account an ARN is in, UNNAMED for one that names none, None if it may be anyone's."""
    parts = value.split(":", ARN_PARTS - 1)
    if _is_fixed(value, reading):
        return _account_or_unnamed(parts[4]) if len(parts) == ARN_PARTS else UNNAMED
    if whole or "${" in value or len(parts) < ARN_PARTS:
        return None
    *start, resource = parts
    if reading == "text" and has_wildcard("".join(start)):
        # It crosses colons, and the rest may stand in a name that a stranger chose.
        return None
    _, _, service, _, owner = start
    if ACCOUNT.fullmatch(owner):
        return owner
    first = resource.split("/")[0]
    # A bucket's name is its owner's alone, in an ARN with or without a region and an account.
    named = owner == "" or (service == "s3" and owner == "*" and not first.startswith("access"))
    return UNNAMED if named and first and not has_wildcard(service + first) else None


def _account_or_unnamed(text: str) -> str:
    return text if ACCOUNT.fullmatch(text) else UNNAMED


def _pin_organizations(
    pins: Pins, key: str, values: Listed, reading: Reading, *, strict: bool
) -> bool:
    found = set()
    for value in values:
        # A path begins with its organization; what follows only narrows it.
        organization = value.partition("/")[0] if key in ORGANIZATION_PATHS else value
        if not strict and organization.lower() == OWN_ORGANIZATION:
            organization = UNNAMED
        elif not _is_fixed(organization, reading):
            return False
        found.add(organization.lower())
    if key in NETWORK_ORGANIZATIONS:
        pins.network_organizations = _narrow(pins.network_organizations, found)
    else:
        pins.organizations = _narrow(pins.organizations, found)
    return True


def _is_unique(key: str, values: Listed, reading: Reading, *, strict: bool) -> bool:
    if key in IF_TRUE:  # S3 asks for a fixed service, not for any
        return not strict and {value.lower() for value in values} == {"true"}
    if key == "aws:userid":
        return all(_is_unique_id(value, reading, strict=strict) for value in values)
    return key in (UNIQUE | STRICT_UNIQUE if strict else UNIQUE) and all(
        _is_fixed(value, reading) for value in values
    )


def _is_unique_id(value: str, reading: Reading, *, strict: bool) -> bool:
    """An `aws:userid`. A role's unique id pins its sessions, though not by S3's list."""
    role, _, session = value.partition(":")
    if value == "anonymous" or "${" in value:
        return False
    return _is_fixed(value, reading) or (not strict and bool(session) and _is_fixed(role, reading))


def _is_fixed(value: str, reading: Reading) -> bool:
    return "${" not in value and not (reading != "letters" and has_wildcard(value))


def _narrow(so_far: frozenset[str] | None, more: Iterable[str]) -> frozenset[str]:
    """The names that satisfy both; a set without accounts leaves the names of the other."""
    added = frozenset(more)
    if so_far is None:
        return added
    both = so_far & added
    if UNNAMED in so_far:
        both |= added
    if UNNAMED in added:
        both |= so_far
    return both
