"""Says whether an S3 ACL opens a bucket or an object to everyone, given the settings around it.

Pure and cheap to import. `judge` answers for the ACL in force, `judge_request` for a call that
would set one, and `without_public_grants` gives the remediation: the ACL less its public grants.
An ACL that cannot be read counts as public, and nothing here raises.

What the S3 User Guide says, and this module follows:

- Public is any permission for the groups AllUsers (anyone) or AuthenticatedUsers (any AWS account
  in the world). LogDelivery, accounts by id and accounts by e-mail address are not public.
- BlockPublicAcls makes S3 refuse a call that sets a public ACL; it leaves the ACL in force alone.
  IgnorePublicAcls makes a public ACL have no effect. Either level, bucket or account, is enough.
- RestrictPublicBuckets does nothing until the bucket's *policy* is public. Then it shuts the bucket
  to everyone outside of the account, however they were let in, so by an ACL, too.
  BlockPublicPolicy is about putting a public policy, not about one that is there.
- Under BucketOwnerEnforced no ACL has an effect, and a call that sets one is refused.
- A call names its ACL in one way: a canned name, grants in headers, or a body. Two are refused, and
  so is an unknown canned name. A refused call leaves the prior ACL in force.
- bucket-owner-read and bucket-owner-full-control are for objects, log-delivery-write for buckets:
  S3 ignores a name that does not fit, so that the prior ACL stands then, too.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_GROUPS: Final = "http://acs.amazonaws.com/groups/"
ALL_USERS: Final = f"{_GROUPS}global/AllUsers"
AUTHENTICATED_USERS: Final = f"{_GROUPS}global/AuthenticatedUsers"
LOG_DELIVERY: Final = f"{_GROUPS}s3/LogDelivery"

# What a canned ACL grants beyond the owner's full control, as far as it is to a group.
_CANNED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "private": (),
        "public-read": ((ALL_USERS, "READ"),),
        "public-read-write": ((ALL_USERS, "READ"), (ALL_USERS, "WRITE")),
        "authenticated-read": ((AUTHENTICATED_USERS, "READ"),),
        "aws-exec-read": (),
        "bucket-owner-read": (),
        "bucket-owner-full-control": (),
        "log-delivery-write": ((LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")),
    }
)
_UNFIT: Final = MappingProxyType(
    {
        "bucket": frozenset({"bucket-owner-read", "bucket-owner-full-control"}),
        "object": frozenset({"log-delivery-write"}),
    }
)
_CANNED_HEADER: Final = "x-amz-acl"
_GRANT_HEADERS: Final = MappingProxyType(
    {
        "x-amz-grant-full-control": "FULL_CONTROL",
        "x-amz-grant-read": "READ",
        "x-amz-grant-write": "WRITE",
        "x-amz-grant-read-acp": "READ_ACP",
        "x-amz-grant-write-acp": "WRITE_ACP",
    }
)
_GRANTEE_KEYS: Final = MappingProxyType({"uri": "URI", "id": "ID", "emailaddress": "EmailAddress"})
_GRANTEES: Final = re.compile(r"""\s*(\w+)\s*=\s*("[^"]*"|'[^']*'|[^,"']*)\s*(?:,|$)""")
_PUBLIC_GROUP: Final = re.compile(
    r"(?:.*/)?groups/global/(allusers|authenticatedusers)/*", re.IGNORECASE
)
_WHO: Final = MappingProxyType(
    {"allusers": "everyone", "authenticatedusers": "every AWS account in the world"}
)


@dataclass(frozen=True, slots=True)
class AclVerdict:
    """Whether the ACL is public in effect, why (or why not), and the grants that make it so."""

    public: bool
    because: tuple[str, ...]
    offending: tuple[Mapping[str, object], ...] = ()


def public_grants(acl: Mapping[str, object]) -> tuple[Mapping[str, object], ...]:
    """The grants to everyone in an ACL as GetBucketAcl or GetObjectAcl return it."""
    return tuple(grant for grant, _ in _findings(acl) if isinstance(grant, Mapping))


def without_public_grants(acl: Mapping[str, object]) -> dict[str, object]:
    """The ACL to put in its place: its owner and every other grant exactly as they were.

    >>> without_public_grants({"Owner": {"ID": "a"}, "Grants": [{"Grantee": {"URI": ALL_USERS}}]})
    {'Owner': {'ID': 'a'}, 'Grants': []}
    """
    inner = _unwrapped(acl)
    owner = _field(inner, "Owner") if isinstance(inner, Mapping) else None
    remaining = [grant for grant in _grants(inner) if _why_public(grant) is None]
    return {"Grants": remaining} if owner is None else {"Owner": owner, "Grants": remaining}


def judge(
    acl: Mapping[str, object],
    *,
    public_access_blocks: Sequence[Mapping[str, object] | None] = (),
    ownership: str | None = None,
    bucket_policy_public: bool = False,
) -> AclVerdict:
    """Whether a bucket or object with this ACL in force is open to everyone.

    Parameters
    ----------
    public_access_blocks
        The settings of the bucket and of the account, in any order; None where there are none.
    ownership
        The bucket's ObjectOwnership. A bucket that has no such setting uses its ACLs.
    bucket_policy_public
        Whether the bucket's policy is public: then so is what it holds, whatever the ACL.
    """
    policy = _is_true(bucket_policy_public)
    if policy and _is_set("RestrictPublicBuckets", public_access_blocks):
        shut = "RestrictPublicBuckets shuts a bucket with a public policy to all but its account"
        return AclVerdict(False, (shut,))
    opened = ("the bucket's policy is public",) if policy else ()
    findings = _findings(acl)
    if not findings:
        closed = "the ACL grants nothing to everyone"
    elif _acls_disabled(ownership):
        closed = "the ACL has no effect, since BucketOwnerEnforced disables ACLs"
    elif _is_set("IgnorePublicAcls", public_access_blocks):
        closed = "the ACL has no effect, since IgnorePublicAcls is on"
    else:
        return AclVerdict(True, (*(why for _, why in findings), *opened), public_grants(acl))
    return AclVerdict(policy, opened or (closed,))


def judge_request(
    *,
    kind: str,
    acl: Mapping[str, object] | None = None,
    request_headers: Mapping[str, object] | None = None,
    prior: str | Mapping[str, object] | None = "private",
    public_access_blocks: Sequence[Mapping[str, object] | None] = (),
    ownership: str | None = None,
    bucket_policy_public: bool = False,
) -> AclVerdict:
    """Whether a bucket or object is open to everyone after a call that asks for this ACL.

    Parameters
    ----------
    kind
        "bucket" or "object": what the call is about.
    acl, request_headers
        The AccessControlPolicy in the call's body, and its headers. Neither: nothing is asked for.
    prior
        The ACL in force before, by canned name or in full. It stands if S3 refuses the call.
    """
    wanted = _requested(kind, acl, request_headers)
    if isinstance(wanted, Mapping):
        if _acls_disabled(ownership):
            wanted = "S3 refuses all ACLs but the owner's full control under BucketOwnerEnforced"
        elif _findings(wanted) and _is_set("BlockPublicAcls", public_access_blocks):
            wanted = "S3 refuses the call, since BlockPublicAcls is on"
    if isinstance(wanted, str):
        notes: tuple[str, ...] = (f"{wanted}, so the prior ACL stands",)
        in_force = prior if isinstance(prior, Mapping) else canned_acl(prior or "private")
    else:
        notes, in_force = (), wanted
    verdict = judge(
        _UNREADABLE if in_force is None else in_force,
        public_access_blocks=public_access_blocks,
        ownership=ownership,
        bucket_policy_public=bucket_policy_public,
    )
    return AclVerdict(verdict.public, (*notes, *verdict.because), verdict.offending)


def canned_acl(name: str) -> dict[str, object] | None:
    """The group grants of a canned ACL, as boto3 spells them; None if S3 knows no such name."""
    grants = _CANNED.get(str(name).strip().lower())
    if grants is None:
        return None
    return {"Grants": [_grant("URI", uri, permission) for uri, permission in grants]}


# An ACL that is there, but of which nothing is known.
_UNREADABLE: Final[Mapping[str, object]] = MappingProxyType({"Grants": ("unreadable",)})


def _requested(kind: str, acl: object, request_headers: object) -> Mapping[str, object] | str:
    """The ACL that a call asks for, or why it changes nothing."""
    canned, grants = "", list[object]()
    if request_headers is not None and not isinstance(request_headers, Mapping):
        return _UNREADABLE
    headers = dict(request_headers or {})
    nested = _nested(_field(headers, "accessControlList"))
    if nested is None:
        return _UNREADABLE
    headers |= nested
    for name, value in headers.items():
        header, text = str(name).strip().lower(), _header(value)
        if header == _CANNED_HEADER and text:
            # HTTP joins the values of a header that is sent twice, and S3 knows no such name.
            canned = f"{canned},{text}" if canned else text
        elif header in _GRANT_HEADERS:
            grants += _header_grants(text, _GRANT_HEADERS[header])
    body = acl is not None and acl != {}
    if body + bool(canned) + bool(grants) > 1:
        return "S3 refuses the call, since it names its ACL in more than one way"
    if body:
        return acl if isinstance(acl, Mapping) else _UNREADABLE
    if grants:
        return {"Grants": grants}
    if not canned:
        return "the call asks for no ACL"
    known = canned_acl(canned)
    if known is None:
        return f"S3 refuses the call, since it knows no canned ACL {canned!r}"
    if canned.lower() in _UNFIT.get(str(kind).strip().lower(), frozenset()):
        return f"S3 ignores the canned ACL {canned!r}, since it is not for a {kind}"
    return known


# A header in a text: its name, and all up to the next one.
_IN_TEXT: Final = re.compile(
    r"(x-amz-[a-z-]+)[\"']?\s*[:=]\s*(.*?)\s*(?=[,;{}\s]*[\"']?x-amz-|$)", re.I | re.S
)


def _nested(logged: object) -> dict[str, object] | None:
    """The headers where CloudTrail puts them, as an object or as text; None if it has others."""
    if isinstance(logged, Mapping):
        return {str(name): value for name, value in logged.items()}
    if isinstance(logged, list | tuple) and len(logged) == 1:
        return _nested(logged[0])
    if not logged:
        return {}
    text = str(logged)
    try:
        written = json.loads(text)
    except (ValueError, RecursionError):
        written = None
    if isinstance(written, Mapping):
        return _nested(written)
    return dict(_IN_TEXT.findall(text)) or None


def _header(value: object) -> str:
    """A header's text; CloudTrail writes it as a string or as a list of one."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ",".join(filter(None, map(_header, value)))
    return str(value).strip()


def _header_grants(text: str, permission: str) -> list[object]:
    """The grants of a header such as `uri="http://…/AllUsers", id="1a2b"`."""
    grants: list[object] = []
    position = 0
    while position < len(text):
        match = _GRANTEES.match(text, position)
        key = _GRANTEE_KEYS.get(match[1].lower()) if match else None
        if match is None or key is None:
            return [*grants, text]
        grants.append(_grant(key, match[2].strip().strip("\"'"), permission))
        position = match.end()
    return grants


def _grant(key: str, value: str, permission: str) -> dict[str, object]:
    kinds = {"URI": "Group", "ID": "CanonicalUser", "EmailAddress": "AmazonCustomerByEmail"}
    return {"Grantee": {"Type": kinds[key], key: value}, "Permission": permission}


def _findings(acl: object) -> tuple[tuple[object, str], ...]:
    """Every grant that lets everyone in, and why it does."""
    found = ((grant, _why_public(grant)) for grant in _grants(_unwrapped(acl)))
    return tuple((grant, why) for grant, why in found if why is not None)


def _why_public(grant: object) -> str | None:
    grantee = _field(grant, "Grantee") if isinstance(grant, Mapping) else None
    if not isinstance(grant, Mapping) or not isinstance(grantee, Mapping):
        return f"a grant cannot be read, so it counts as public: {_shortened(grant)}"
    uri = _field(grantee, "URI")
    if isinstance(uri, str):
        # S3 accepts one spelling only. Another that got this far is not worth trusting.
        group = _PUBLIC_GROUP.fullmatch(uri.strip())
        if group is None:
            return None
        return f"the ACL grants {_field(grant, 'Permission')} to {_WHO[group[1].lower()]}"
    if uri is None and any(_field(grantee, name) for name in ("ID", "EmailAddress", "DisplayName")):
        return None
    return f"a grantee cannot be read, so it counts as public: {_shortened(grantee)}"


def _unwrapped(acl: object) -> object:
    """The ACL itself, out of the name that a call's parameters give it."""
    inner = _field(acl, "AccessControlPolicy") if isinstance(acl, Mapping) else None
    return acl if inner is None else inner


def _grants(acl: object) -> list[object]:
    """The grants as a list: boto3 writes {"Grants": []}, records {"AccessControlList": {"Grant"}}.

    XML has no lists, so that one grant alone is an object there.
    """
    if not isinstance(acl, Mapping):
        return [acl]
    lists = [_field(acl, name) for name in ("Grants", "AccessControlList")]
    if lists == [None, None]:
        return [acl] if acl and _field(acl, "Owner") is None else []
    return [grant for value in lists for grant in _listed(value)]


def _listed(value: object) -> Iterable[object]:
    if value is None or value == {} or value == "":
        return ()
    if isinstance(value, Mapping):
        inner = _field(value, "Grant")
        return (value,) if inner is None else _listed(inner)
    return value if isinstance(value, list | tuple) else (value,)


def _acls_disabled(ownership: object) -> bool:
    return str(ownership).strip().lower() == "bucketownerenforced"


def _is_set(flag: str, public_access_blocks: Sequence[object]) -> bool:
    """Whether the flag is on at either level. A flag that cannot be read protects nobody."""
    for block in public_access_blocks:
        inner = _field(block, "PublicAccessBlockConfiguration") if isinstance(block, Mapping) else 0
        level = inner if isinstance(inner, Mapping) else block
        if isinstance(level, Mapping) and _is_true(_field(level, flag)):
            return True
    return False


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _field(mapping: Mapping[str, object], name: str) -> object:
    """A field by its name; records spell some with a small first letter, so case is forgiven."""
    if name in mapping:
        return mapping[name]
    folded = name.lower()
    for key, value in mapping.items():
        if isinstance(key, str) and key.lower() == folded:
            return value
    return None


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
