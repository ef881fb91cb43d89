"""Blocks of public access are in effect, and buckets begin with them."""

from __future__ import annotations

from typing import Any

from .policies import lets_everybody_in
from .rule import Account, Proceed, Refusal, Request, Response, of, refuses, surrounds

_BLOCK = "S3 User Guide, “Blocking public access to your Amazon S3 storage”: "
_GROUPS = (
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)
_CANNED = frozenset({"public-read", "public-read-write", "authenticated-read"})


def _of_account(account: Account) -> dict[str, Any]:
    identity = account.ask("sts", "GetCallerIdentity") or {}
    told = account.ask("s3control", "GetPublicAccessBlock", AccountId=identity.get("Account", ""))
    return dict((told or {}).get("PublicAccessBlockConfiguration", {}))


def _blocked(account: Account, bucket: str, switch: str) -> bool:
    told = account.ask("s3", "GetPublicAccessBlock", Bucket=bucket) or {}
    here = told.get("PublicAccessBlockConfiguration", {})
    return bool(here.get(switch) or _of_account(account).get(switch))


def _denied(account: Account, operation: str, bucket: str, what: str, switch: str) -> Refusal:
    caller = (account.ask("sts", "GetCallerIdentity") or {}).get("Arn", "anonymous")
    return Refusal(
        "AccessDenied",
        f"User: {caller} is not authorized to perform: s3:{operation} "
        f'on resource: "arn:aws:s3:::{bucket}" because public {what} are blocked by the {switch} '
        "block public access setting.",
        403,
    )


@refuses(
    "s3.public-policy-blocked",
    _BLOCK + "BlockPublicPolicy of the bucket or of the account, the stricter of the two, rejects "
    "a PUT bucket policy that allows public access.",
    of("s3", "PutBucketPolicy"),
)
def public_policy(request: Request, account: Account) -> None:
    bucket = str(request.get("Bucket"))
    if not lets_everybody_in(request.get("Policy")):
        return
    if _blocked(account, bucket, "BlockPublicPolicy"):
        raise _denied(account, "PutBucketPolicy", bucket, "policies", "BlockPublicPolicy")


def _grants_everybody(request: Request) -> bool:
    grants = (request.get("AccessControlPolicy") or {}).get("Grants", [])
    headers = [value for name, value in request.parameters.items() if name.startswith("Grant")]
    return (
        request.get("ACL") in _CANNED
        or any(grant.get("Grantee", {}).get("URI") in _GROUPS for grant in grants)
        or any(group in str(header) for header in headers for group in _GROUPS)
    )


@refuses(
    "s3.public-acl-blocked",
    _BLOCK + "BlockPublicAcls of the bucket or of the account fails a PUT bucket ACL or PUT object "
    "ACL that is public.",
    of("s3", "PutBucketAcl", "PutObjectAcl"),
)
def public_acl(request: Request, account: Account) -> None:
    bucket = str(request.get("Bucket"))
    if _grants_everybody(request) and _blocked(account, bucket, "BlockPublicAcls"):
        raise _denied(account, request.operation, bucket, "ACLs", "BlockPublicAcls")


def _ownership(account: Account, bucket: str) -> str | None:
    told = account.ask("s3", "GetBucketOwnershipControls", Bucket=bucket)
    rules = (told or {}).get("OwnershipControls", {}).get("Rules", [])
    return rules[0].get("ObjectOwnership") if rules else None


def _only_the_owner(told: Response) -> bool:
    owner = told.get("Owner", {}).get("ID")
    return all(
        grant.get("Grantee", {}).get("ID") == owner and grant.get("Permission") == "FULL_CONTROL"
        for grant in told.get("Grants", [])
    )


@refuses(
    "s3.acls-disabled",
    "S3 User Guide, “Controlling ownership of objects and disabling ACLs”: with "
    "BucketOwnerEnforced, requests to set ACLs fail with AccessControlListNotSupported, but for "
    "bucket-owner-full-control and the owner's own.",
    of("s3", "PutBucketAcl", "PutObjectAcl"),
)
def acls_disabled(request: Request, account: Account) -> None:
    if _ownership(account, str(request.get("Bucket"))) != "BucketOwnerEnforced":
        return
    if request.get("ACL") in ("private", "bucket-owner-full-control"):
        return
    if _only_the_owner(dict(request.get("AccessControlPolicy") or {"Grants": [{}]})):
        return
    raise Refusal("AccessControlListNotSupported", "The bucket does not allow ACLs")


@refuses(
    "s3.owner-enforced-needs-own-acl",
    "S3 User Guide, “Prerequisites for disabling ACLs”: a bucket whose ACL grants others access "
    "takes no BucketOwnerEnforced: InvalidBucketAclWithObjectOwnership.",
    of("s3", "PutBucketOwnershipControls"),
)
def owner_enforced(request: Request, account: Account) -> None:
    rules = request.get("OwnershipControls", {}).get("Rules", [])
    if not any(rule.get("ObjectOwnership") == "BucketOwnerEnforced" for rule in rules):
        return
    acl = account.ask("s3", "GetBucketAcl", Bucket=request.get("Bucket"))
    if acl and not _only_the_owner(acl):
        raise Refusal(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )


@surrounds(
    "s3.new-buckets-are-blocked",
    _BLOCK + "by default, new buckets don't allow public access; S3 API Reference, CreateBucket: "
    "Block Public Access is enabled and ACLs are disabled (BucketOwnerEnforced) for new buckets.",
    of("s3", "CreateBucket"),
)
def new_buckets(request: Request, account: Account, proceed: Proceed) -> Response:
    response = proceed(request)
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    bucket = request.get("Bucket")
    account.ask(
        "s3",
        "PutPublicAccessBlock",
        Bucket=bucket,
        PublicAccessBlockConfiguration=dict.fromkeys(switches, True),
    )
    if "ObjectOwnership" not in request.parameters:
        enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        account.ask("s3", "PutBucketOwnershipControls", Bucket=bucket, OwnershipControls=enforced)
    return response


@refuses(
    "s3.replication-keeps-versioning",
    "S3 User Guide, “Replication additional considerations”: versioning of a bucket with a "
    "replication configuration cannot be suspended: InvalidBucketState.",
    of("s3", "PutBucketVersioning"),
)
def replication_keeps_versioning(request: Request, account: Account) -> None:
    if request.get("VersioningConfiguration", {}).get("Status") != "Suspended":
        return
    if account.ask("s3", "GetBucketReplication", Bucket=request.get("Bucket")):
        raise Refusal(
            "InvalidBucketState",
            "A replication configuration is present on this bucket, so you cannot change the "
            "versioning state. To change the versioning state, first delete the replication "
            "configuration.",
            409,
        )


# --------------------------------------------------------------------------------------- EC2


def _adds_everybody(request: Request, permission: str) -> bool:
    added = (request.get(permission) or {}).get("Add") or []
    named = request.get("UserGroups") or request.get("GroupNames") or []
    return any(grantee.get("Group") == "all" for grantee in added) or (
        request.get("OperationType") == "add" and "all" in named
    )


@refuses(
    "ec2.public-image-blocked",
    "EC2 User Guide, “Block public access to your AMIs”: while it is enabled, any attempt to share "
    "an AMI publicly is blocked.",
    of("ec2", "ModifyImageAttribute"),
)
def public_image(request: Request, account: Account) -> None:
    if not _adds_everybody(request, "LaunchPermission"):
        return
    told = account.ask("ec2", "GetImageBlockPublicAccessState") or {}
    if told.get("ImageBlockPublicAccessState") == "block-new-sharing":
        raise Refusal(
            "OperationNotPermitted",
            "You can't publicly share this image because block public access for AMIs is enabled "
            "for this account. To publicly share the image, you must call the "
            "DisableImageBlockPublicAccess API.",
        )


@refuses(
    "ec2.public-snapshot-blocked",
    "EC2 API Reference, EnableSnapshotBlockPublicAccess: with either level “users in the account "
    "will no longer be able to request new public sharing”.",
    of("ec2", "ModifySnapshotAttribute"),
)
def public_snapshot(request: Request, account: Account) -> None:
    if not _adds_everybody(request, "CreateVolumePermission"):
        return
    told = account.ask("ec2", "GetSnapshotBlockPublicAccessState") or {}
    if told.get("State") in ("block-all-sharing", "block-new-sharing"):
        raise Refusal(
            "OperationNotPermitted",
            "You can't publicly share this snapshot because block public access for snapshots is "
            "enabled for this account.",
        )


@refuses(
    "ec2.encrypted-snapshot-stays-private",
    "EC2 API Reference, ModifySnapshotAttribute: encrypted snapshots “cannot be made public”.",
    of("ec2", "ModifySnapshotAttribute"),
)
def encrypted_snapshot(request: Request, account: Account) -> None:
    if not _adds_everybody(request, "CreateVolumePermission"):
        return
    told = account.ask("ec2", "DescribeSnapshots", SnapshotIds=[request.get("SnapshotId")]) or {}
    if any(snapshot.get("Encrypted") for snapshot in told.get("Snapshots", [])):
        raise Refusal("OperationNotPermitted", "Encrypted snapshots cannot be shared publicly.")


RULES = (
    public_policy,
    public_acl,
    acls_disabled,
    owner_enforced,
    new_buckets,
    replication_keeps_versioning,
    public_image,
    public_snapshot,
    encrypted_snapshot,
)
