"""Changes that AWS accepts at once and makes later, and what a read answers meanwhile.

The lengths are AWS's where it gives any, else a plausible one: what matters is that a read that
follows at once does not see the change, or sees it under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from .rule import Account, Proceed, Refusal, Request, Response, Rule, of, surrounds

SOON = timedelta(seconds=30)
LATER = timedelta(minutes=10)

# ------------------------------------------------------------------ a block on sharing images


@surrounds(
    "ec2.image-block-settles",
    "EC2 API Reference, EnableImageBlockPublicAccess and DisableImageBlockPublicAccess: “can take "
    "up to 10 minutes to configure this setting. During this time” GetImageBlockPublicAccessState "
    "answers unblocked after Enable, block-new-sharing after Disable.",
    of(
        "ec2",
        "EnableImageBlockPublicAccess",
        "DisableImageBlockPublicAccess",
        "GetImageBlockPublicAccessState",
    ),
)
def image_block(request: Request, account: Account, proceed: Proceed) -> Response:
    key = ("ec2.image-block",)
    member = "ImageBlockPublicAccessState"
    if request.operation == "GetImageBlockPublicAccessState":
        response = proceed(request)
        return {**response, member: account.settling(*key) or response.get(member)}
    told = account.ask("ec2", "GetImageBlockPublicAccessState") or {}
    before = account.settling(*key) or told.get(member, "unblocked")
    response = proceed(request)
    if before == response.get(member):
        # What is taken back leaves nothing to wait for.
        account.memory.pop(key, None)
    elif account.settling(*key) is None:
        account.settle(*key, after=LATER, value=before)
    return response


# ---------------------------------------------------------------------------- domain locks

_LOCK = "clientTransferProhibited"


@surrounds(
    "route53domains.lock-is-an-operation",
    "Route 53 Domains API Reference, EnableDomainTransferLock and DisableDomainTransferLock: "
    "answer the id of an operation, followed by GetOperationDetail; DuplicateRequest: “The request "
    "is already in progress for the domain”.",
    of(
        "route53domains", "EnableDomainTransferLock", "DisableDomainTransferLock", "GetDomainDetail"
    ),
)
def domain_lock(request: Request, account: Account, proceed: Proceed) -> Response:
    key = ("route53domains.lock", str(request.get("DomainName")))
    before = account.settling(*key)
    if request.operation == "GetDomainDetail":
        response = proceed(request)
        if before is None:
            return response
        others = [status for status in response.get("StatusList", []) if status != _LOCK]
        return {**response, "StatusList": [*others, _LOCK] if before == "locked" else others}
    if before is not None:
        raise Refusal("DuplicateRequest", "The request is already in progress for the domain.")
    told = account.ask("route53domains", "GetDomainDetail", DomainName=request.get("DomainName"))
    locked = _LOCK in (told or {}).get("StatusList", [])
    response = proceed(request)
    account.settle(*key, after=LATER, value="locked" if locked else "open")
    return response


# ------------------------------------------------------------------- blocks of a VPC's traffic


@surrounds(
    "ec2.vpc-block-settles",
    "EC2 API Reference, VpcBlockPublicAccessOptions, State: update-in-progress, update-complete; "
    "VPC User Guide, “Block public access to VPCs and subnets”: it takes minutes to take effect.",
    of("ec2", "ModifyVpcBlockPublicAccessOptions", "DescribeVpcBlockPublicAccessOptions"),
)
def vpc_block(request: Request, account: Account, proceed: Proceed) -> Response:
    response = proceed(request)
    if request.operation == "ModifyVpcBlockPublicAccessOptions":
        account.settle("ec2.vpc-block", after=LATER)
    if not account.settling("ec2.vpc-block"):
        return response
    options = {**response.get("VpcBlockPublicAccessOptions", {}), "State": "update-in-progress"}
    return {**response, "VpcBlockPublicAccessOptions": options}


_EXCLUSION = "VpcBlockPublicAccessExclusion"


@surrounds(
    "ec2.vpc-exclusion-settles",
    "EC2 API Reference, VpcBlockPublicAccessExclusion, State: create-, update- and "
    "delete-in-progress before -complete.",
    of(
        "ec2",
        *(f"{verb}{_EXCLUSION}" for verb in ("Create", "Modify", "Delete")),
        f"Describe{_EXCLUSION}s",
    ),
)
def vpc_exclusion(request: Request, account: Account, proceed: Proceed) -> Response:
    response = proceed(request)
    if request.operation.startswith("Describe"):
        found = []
        for exclusion in response.get(f"{_EXCLUSION}s", []):
            under_way = account.settling("ec2.exclusion", exclusion["ExclusionId"])
            found.append({**exclusion, "State": under_way or exclusion["State"]})
        return {**response, f"{_EXCLUSION}s": found}
    verb = {"C": "create", "M": "update", "D": "delete"}[request.operation[0]]
    exclusion = {**response.get(_EXCLUSION, {}), "State": f"{verb}-in-progress"}
    account.settle(
        "ec2.exclusion", exclusion.get("ExclusionId", ""), after=SOON, value=exclusion["State"]
    )
    return {**response, _EXCLUSION: exclusion}


# -------------------------------------------------------- rows that come and go under a status


def _rows_settle(
    id_: str,
    source: str,
    service: str,
    *,
    adding: str,
    removing: str,
    listing: str,
    rows: str,
    status: str,
    statuses: tuple[str, str],
    named_by: Callable[[Request], Iterable[str]],
    names_of: Callable[[dict[str, Any]], set[Any]],
    all_rows: Callable[[Request], dict[str, Any]],
) -> Rule:
    """A list whose rows are told with a status of their own while they come or go."""

    def around(request: Request, account: Account, proceed: Proceed) -> Response:
        if request.operation == listing:
            response = proceed(request)
            found = []
            for row in response.get(rows, []):
                coming = any(account.settling(id_, "adding", name) for name in names_of(row))
                found.append({**row, status: statuses[0]} if coming else row)
            there = {name for row in found for name in names_of(row)}
            going = [account.settling(*key) for key in list(account.memory) if key[0] == id_]
            still = [row for row in going if isinstance(row, dict) and not names_of(row) & there]
            return {**response, rows: [*found, *({**row, status: statuses[1]} for row in still)]}
        names = set(named_by(request))
        before = (account.ask(service, listing, **all_rows(request)) or {}).get(rows, [])
        response = proceed(request)
        for name in names:
            account.memory.pop((id_, "adding", name), None)
            account.memory.pop((id_, "removing", name), None)
            if request.operation == adding:
                account.settle(id_, "adding", name, after=SOON)
        if request.operation == removing:
            for row in before:
                for name in names_of(row) & names:
                    account.settle(id_, "removing", name, after=SOON, value=row)
        return response

    return Rule(id_, source, of(service, adding, removing, listing), around)


QUERY_LOGGING = _rows_settle(
    "route53resolver.association-settles",
    "Route 53 Resolver API Reference, ResolverQueryLogConfigAssociation, Status: CREATING before "
    "ACTIVE, DELETING before it is gone.",
    "route53resolver",
    adding="AssociateResolverQueryLogConfig",
    removing="DisassociateResolverQueryLogConfig",
    listing="ListResolverQueryLogConfigAssociations",
    rows="ResolverQueryLogConfigAssociations",
    status="Status",
    statuses=("CREATING", "DELETING"),
    named_by=lambda request: [request.get("ResourceId")],
    names_of=lambda row: {row.get("ResourceId")},
    all_rows=lambda request: {
        "Filters": [
            {
                "Name": "ResolverQueryLogConfigId",
                "Values": [request.get("ResolverQueryLogConfigId")],
            }
        ]
    },
)

SHARE_PRINCIPALS = _rows_settle(
    "ram.association-settles",
    "RAM API Reference, ResourceShareAssociation, status: ASSOCIATING before ASSOCIATED, "
    "DISASSOCIATING before DISASSOCIATED.",
    "ram",
    adding="AssociateResourceShare",
    removing="DisassociateResourceShare",
    listing="GetResourceShareAssociations",
    rows="resourceShareAssociations",
    status="status",
    statuses=("ASSOCIATING", "DISASSOCIATING"),
    named_by=lambda request: request.get("principals") or [],
    names_of=lambda row: {row.get("associatedEntity")},
    all_rows=lambda request: {
        "associationType": "PRINCIPAL",
        "resourceShareArns": [request.get("resourceShareArn")],
    },
)

STANDARDS = _rows_settle(
    "securityhub.standard-settles",
    "Security Hub API Reference, StandardsSubscription, StandardsStatus: PENDING while it is being "
    "enabled, DELETING while it is being disabled.",
    "securityhub",
    adding="BatchEnableStandards",
    removing="BatchDisableStandards",
    listing="GetEnabledStandards",
    rows="StandardsSubscriptions",
    status="StandardsStatus",
    statuses=("PENDING", "DELETING"),
    named_by=lambda request: [
        *(asked["StandardsArn"] for asked in request.get("StandardsSubscriptionRequests") or []),
        *(request.get("StandardsSubscriptionArns") or []),
    ],
    names_of=lambda row: {row.get("StandardsArn"), row.get("StandardsSubscriptionArn")},
    all_rows=lambda _: {},
)

# ------------------------------------------------------------------------ eventual consistency


@surrounds(
    "dynamodb.policy-is-eventually-consistent",
    "DynamoDB API Reference, PutResourcePolicy and DeleteResourcePolicy: GetResourcePolicy "
    "immediately after “might return your previous policy, if there was one, or return the "
    "PolicyNotFoundException”.",
    of("dynamodb", "PutResourcePolicy", "DeleteResourcePolicy", "GetResourcePolicy"),
)
def table_policy(request: Request, account: Account, proceed: Proceed) -> Response:
    key = ("dynamodb.policy", str(request.get("ResourceArn")))
    before = account.settling(*key)
    if request.operation == "GetResourcePolicy":
        if before == {}:
            raise Refusal(
                "PolicyNotFoundException",
                f"Resource-based policy not found for the provided ResourceArn: {key[1]}",
            )
        return dict(before) if before else proceed(request)
    told = before
    if told is None:
        told = account.ask("dynamodb", "GetResourcePolicy", ResourceArn=key[1]) or {}
    response = proceed(request)
    account.settle(*key, after=timedelta(seconds=3), value=told)
    return response


@surrounds(
    "kms.cancel-is-eventually-consistent",
    "KMS Developer Guide, “AWS KMS eventual consistency”: a change takes seconds, at times "
    "minutes; until then InvalidStateException may be answered. CancelKeyDeletion leaves the key "
    "Disabled.",
    of("kms", "CancelKeyDeletion", "EnableKey"),
)
def cancelled_deletion(request: Request, account: Account, proceed: Proceed) -> Response:
    key = ("kms.cancelled", str(request.get("KeyId")).rpartition("/")[2])
    if request.operation == "EnableKey" and account.settling(*key):
        raise Refusal("KMSInvalidStateException", f"{request.get('KeyId')} is pending deletion.")
    response = proceed(request)
    if request.operation == "CancelKeyDeletion":
        account.settle(*key, after=timedelta(seconds=10))
    return response


RULES = (
    image_block,
    domain_lock,
    vpc_block,
    vpc_exclusion,
    QUERY_LOGGING,
    SHARE_PRINCIPALS,
    STANDARDS,
    table_policy,
    cancelled_deletion,
)
