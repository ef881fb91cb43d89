"""What is known of a condition key before any policy asks: who has it, and which values.

Source: IAM User Guide, "AWS global condition context keys" (availability and value type of each).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from .constraint import BEGINS, Constraint
from .multivalued import is_multivalued

# Who calls. Everybody is the first two: somebody with credentials of an account, somebody without.
# A token is one of an identity provider, with which a role is assumed.
Caller = Literal["signed", "anonymous", "service", "token"]

ALWAYS = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:securetransport",
        "aws:useragent",
        "aws:userid",
    }
)
# Keys that tell of the account a request comes from: a caller without one has the value
# "anonymous".
ACCOUNT_KEYS = frozenset({"aws:principalaccount", "aws:userid", "aws:principaltype"})
ALWAYS_OF: Mapping[Caller, frozenset[str]] = {
    "signed": ALWAYS
    | {"aws:principalaccount", "aws:principalarn", "aws:principalisawsservice"}
    | {"kms:calleraccount"},
    "anonymous": ALWAYS | {"aws:principalaccount"},
    "service": ALWAYS | {"aws:principalisawsservice"},
    "token": ALWAYS,
}
OF_IDENTITIES = frozenset(
    {
        "aws:federatedprovider",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceidentity",
        "aws:tokenissuetime",
        "aws:username",
    }
)
OF_SERVICES = frozenset({"aws:principalservicename", "aws:principalservicenameslist"})
NEVER_OF: Mapping[Caller, frozenset[str]] = {
    "signed": OF_SERVICES,
    "anonymous": OF_IDENTITIES
    | OF_SERVICES
    | {"aws:multifactorauthage", "aws:multifactorauthpresent", "aws:principalarn"}
    | {"aws:principalisawsservice", "kms:calleraccount"},
    "service": OF_IDENTITIES,
    "token": frozenset(),
}
BOOLEAN = frozenset(
    {
        "aws:multifactorauthpresent",
        "aws:principalisawsservice",
        "aws:securetransport",
        "aws:viaawsservice",
        "elasticfilesystem:accessedviamounttarget",
        "kms:bypasspolicylockoutsafetycheck",
        "kms:grantisforawsresource",
        "lambda:invokedviafunctionurl",
    }
)
RESOURCE_ACCOUNTS = frozenset({"aws:resourceaccount", "s3:resourceaccount"})
CLOCKS = frozenset({"aws:currenttime", "aws:epochtime", "aws:tokenissuetime"})
# A statement that ended before this code was written has ended for good; no clock is needed to say
# so.
LONG_PAST = "2024-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one key in the requests of one kind of caller."""

    multivalued: bool = False
    always: bool = False
    never: bool = False
    domain: tuple[Constraint, ...] = ()  # what each of its values meets


@lru_cache(maxsize=4096)
def facts(key: str, caller: Caller, own: str, *, published: bool) -> Facts:
    """What is known of a key.

    `published` leaves out what S3's published list does not reckon with: that a time has passed,
    and that only AWS's services have some keys.
    """
    multivalued = is_multivalued(key)
    always = key in ALWAYS_OF[caller]
    if published and (key in OF_SERVICES or key == "aws:principalisawsservice"):
        return Facts(multivalued, always)
    never = key in NEVER_OF[caller] or (
        key.startswith("aws:principaltag/") and caller in ("anonymous", "service")
    )
    return Facts(multivalued, always, never, _domain(key, caller, own, published=published))


def _domain(key: str, caller: Caller, own: str, *, published: bool) -> tuple[Constraint, ...]:
    if key in RESOURCE_ACCOUNTS:
        return (_one_of(key, own),)
    if key in CLOCKS and not published:
        return (Constraint(key, "amount", "dategreaterthanequals", (LONG_PAST,), missing=True),)
    if key == "aws:principalisawsservice" and caller in ("signed", "service"):
        return (_one_of(key, "true" if caller == "service" else "false"),)
    if key in BEGINS:
        return (_like(key, f"{BEGINS[key]}*"),)
    if key in BOOLEAN:
        return (_one_of(key, "true", "false"),)
    if caller == "anonymous" and key in ACCOUNT_KEYS:
        return (_one_of(key, "Anonymous" if key == "aws:principaltype" else "anonymous"),)
    if caller == "signed" and key in ACCOUNT_KEYS | {"kms:calleraccount"}:
        if key.endswith("account"):
            return (_like(key, "?" * 12),)
        return (_like(key, "anonymous", "Anonymous", excluded=True),)
    return ()


def _one_of(key: str, *values: str) -> Constraint:
    return Constraint(key, "text", "stringequals", values, missing=True)


def _like(key: str, *patterns: str, excluded: bool = False) -> Constraint:
    return Constraint(key, "text", "stringlike", patterns, excluded, excluded, missing=True)
