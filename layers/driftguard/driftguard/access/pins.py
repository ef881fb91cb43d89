"""Says what one condition key pins down, given the values it may have.

Each key that can keep an arbitrary caller out is of one of a few kinds: an account, an ARN in an
account, an organization, an id that AWS gives once in the world, or a claim of an identity
provider.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from . import federation
from .document import Listed
from .patterns import has_wildcard
from .principals import account_id

CALLER_ACCOUNTS = frozenset({"aws:principalaccount", "kms:calleraccount"})
CALLER_ARNS = frozenset({"aws:principalarn", "lambda:sourcefunctionarn", "ec2:sourceinstancearn"})
SOURCE_ACCOUNTS = frozenset(
    {"aws:sourceaccount", "aws:sourceowner", "aws:vpceaccount", "s3:dataaccesspointaccount"}
)
SOURCE_ARNS = frozenset({"aws:sourcearn", "aws:sourcevpcarn", "s3:dataaccesspointarn"})
# S3's list lets an access point's name be a wildcard, as long as the account is fixed.
WILDCARD_AFTER_ACCOUNT = frozenset({"s3:dataaccesspointarn"})
ORGANIZATIONS = frozenset({"aws:principalorgid", "aws:sourceorgid", "aws:vpceorgid"})
ORGANIZATION_PATHS = frozenset({"aws:principalorgpaths", "aws:sourceorgpaths", "aws:vpceorgpaths"})
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
# Policy variables that name the resource's own account or organization.
OWN_ACCOUNT, OWN_ORGANIZATION = "${aws:resourceaccount}", "${aws:resourceorgid}"
SAME_AS_RESOURCE = frozenset(
    {
        ("aws:resourceaccount", "${aws:principalaccount}"),
        ("aws:resourceaccount", "${aws:sourceaccount}"),
        ("aws:resourceorgid", "${aws:principalorgid}"),
        ("aws:resourceorgid", "${aws:sourceorgid}"),
    }
)
UNNAMED = ""  # something fixed that names no account or organization, such as a bucket's ARN
ARN_PARTS = 6


@dataclass(slots=True)
class Pins:
    """What has been pinned down so far. None stands for "anyone"."""

    callers: frozenset[str] | None = None  # accounts the caller may belong to
    caller_arns: frozenset[str] | None = None  # the callers, where they are named one by one
    sources: frozenset[str] | None = None  # accounts whose resources a request may come from
    organizations: frozenset[str] | None = None
    elsewise: list[str] = field(default_factory=list)  # other keys that keep strangers out
    providers: set[str] = field(default_factory=set)  # identity providers whose claims are asked
    pinned_providers: set[str] = field(default_factory=set)  # … and tell ours from others


def pin(pins: Pins, key: str, values: Listed, *, patterns: bool, own: str, strict: bool) -> bool:
    """Adds what a key pins when it must have one of these values; False if that is nothing."""
    if not strict:
        if values and all((key, value.lower()) in SAME_AS_RESOURCE for value in values):
            return _pin_same_as_resource(pins, key, own)
        values = tuple(_with_own_account(value, own) for value in values)
    claim = federation.claim_of(key)
    if claim is not None:
        return _pin_claim(pins, key, claim, values, patterns=patterns)
    if key in CALLER_ACCOUNTS | CALLER_ARNS | SOURCE_ACCOUNTS | SOURCE_ARNS:
        return _pin_accounts(pins, key, values, patterns=patterns, strict=strict)
    if key in ORGANIZATIONS | ORGANIZATION_PATHS:
        return _pin_organizations(pins, key, values, patterns=patterns, strict=strict)
    if _is_unique(key, values, patterns=patterns, strict=strict):
        pins.elsewise.append(key)
        return True
    return False


def _pin_same_as_resource(pins: Pins, key: str, own: str) -> bool:
    if key == "aws:resourceaccount":
        pins.sources = _narrow(pins.sources, frozenset({own}))
    else:
        pins.organizations = _narrow(pins.organizations, frozenset({UNNAMED}))
    return True


def _with_own_account(value: str, own: str) -> str:
    start = value.lower().find(OWN_ACCOUNT)
    return value if start < 0 else value[:start] + own + value[start + len(OWN_ACCOUNT) :]


def _pin_claim(
    pins: Pins, key: str, claim: tuple[str, str], values: Listed, *, patterns: bool
) -> bool:
    provider, name = claim
    pins.providers.add(provider)
    if not federation.pins(provider, name, values, patterns=patterns):
        return False
    pins.pinned_providers.add(provider)
    pins.elsewise.append(key)
    return True


def _pin_accounts(pins: Pins, key: str, values: Listed, *, patterns: bool, strict: bool) -> bool:
    if key in CALLER_ARNS | SOURCE_ARNS:
        whole = strict and key not in WILDCARD_AFTER_ACCOUNT
        found = [_arn_account(value, patterns=patterns, whole=whole) for value in values]
    else:
        fixed = all(_is_fixed(value, patterns) and value != "anonymous" for value in values)
        found = [account_id(value) if fixed else None for value in values]
    accounts = frozenset(account for account in found if account is not None)
    if None in found:
        return False
    if key in SOURCE_ACCOUNTS | SOURCE_ARNS:
        pins.sources = _narrow(pins.sources, accounts)
        return True
    pins.callers = _narrow(pins.callers, accounts)
    if key == "aws:principalarn" and all(_is_fixed(value, patterns) for value in values):
        pins.caller_arns = _narrow(pins.caller_arns, frozenset(values))
    return True


def _arn_account(value: str, *, patterns: bool, whole: bool) -> str | None:
    """The account an ARN is in, UNNAMED for one that names none, None if it may be anyone's."""
    parts = value.split(":", ARN_PARTS - 1)
    if _is_fixed(value, patterns):
        return account_id(parts[4]) if len(parts) == ARN_PARTS else UNNAMED
    if whole or "${" in value or len(parts) < ARN_PARTS:
        return None
    _, _, service, _, owner, resource = parts
    if account_id(owner):
        return account_id(owner)
    first = resource.split("/")[0]
    # A bucket's name is its owner's alone, in an ARN with or without a region and an account.
    named = owner == "" or (service == "s3" and owner == "*" and not first.startswith("access"))
    return UNNAMED if named and first and not has_wildcard(service + first) else None


def _pin_organizations(
    pins: Pins, key: str, values: Listed, *, patterns: bool, strict: bool
) -> bool:
    found = set()
    for value in values:
        # A path begins with its organization; what follows only narrows it.
        organization = value.partition("/")[0] if key in ORGANIZATION_PATHS else value
        if not strict and organization.lower() == OWN_ORGANIZATION:
            organization = UNNAMED
        elif not _is_fixed(organization, patterns):
            return False
        found.add(organization)
    pins.organizations = _narrow(pins.organizations, frozenset(found))
    return True


def _is_unique(key: str, values: Listed, *, patterns: bool, strict: bool) -> bool:
    if key in IF_TRUE:  # S3 asks for a fixed service, not for any
        return not strict and {value.lower() for value in values} == {"true"}
    if key == "aws:userid":
        return all(_is_unique_id(value, patterns=patterns, strict=strict) for value in values)
    return key in (UNIQUE | STRICT_UNIQUE if strict else UNIQUE) and all(
        _is_fixed(value, patterns) for value in values
    )


def _is_unique_id(value: str, *, patterns: bool, strict: bool) -> bool:
    """An `aws:userid`. A role's unique id pins its sessions, though not by S3's list."""
    role, _, session = value.partition(":")
    if value == "anonymous" or "${" in value:
        return False
    return _is_fixed(value, patterns) or (
        not strict and bool(session) and _is_fixed(role, patterns)
    )


def _is_fixed(value: str, patterns: bool) -> bool:
    return "${" not in value and not (patterns and has_wildcard(value))


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
