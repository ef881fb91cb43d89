"""Names and reads users, roles, groups and policies for the controls of IAM."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.model import NOT_IN_USE, Change, Resource, Use

from ..control import Busy, Cuts, partition_of, resource
from ..privilege import UnreadableError, broad_by_name, why_admin

IAM = "iam.amazonaws.com"
GONE = ("NoSuchEntity",)
# Sources: IAM API Reference, "CreateSAMLProvider", "PutRolePolicy".
BUSY = (
    Busy("ConcurrentModification"),
    Busy("ConcurrentModificationException"),
    Busy("EntityTemporarilyUnmodifiable"),
)
LAST_ADMINISTRATOR = Cuts(
    "the account's last administrator",
    told_by="whom else AWS's policy AdministratorAccess is attached to",
    question="does somebody else administer the account?",
)
READS_ADMINISTRATORS = ("iam:GetGroup", "iam:ListEntitiesForPolicy")
KINDS = ("User", "Role", "Group")

USERS = ("arn:{partition}:iam::{account}:user/*",)
ROLES = ("arn:{partition}:iam::{account}:role/*",)
GROUPS = ("arn:{partition}:iam::{account}:group/*",)
ARNS = {"User": USERS, "Role": ROLES, "Group": GROUPS}

# What reading a policy attached to somebody takes.
READS_OF_A_POLICY = ("iam:GetPolicy", "iam:GetPolicyVersion")


def named(change: Change) -> tuple[str, str]:
    """The kind and name of the user, role or group of a call such as AttachRolePolicy."""
    kind = next((known for known in KINDS if known in change.name), "")
    return kind, text(change.request, f"{kind.lower()}Name")


def principal(change: Change, kind: str, name: str) -> Resource:
    """A user, role or group. Records do not tell its path; the calls use its ARN as read."""
    what = kind.lower()
    return resource(change, f"iam.{what}", name, f"iam::{{account}}:{what}/{name}")


def found(reader: Reader, kind: str, id_: str, tail: str) -> Resource:
    """A resource that a sweep found; `tail` is its ARN from the account on."""
    arn = f"arn:{partition_of(reader.region)}:iam::{reader.account}:{tail}"
    return Resource(kind, id_, reader.account, reader.region, arn)


def kind_of(resource_: Resource) -> str:
    """`Role` of a resource that `principal` made."""
    return resource_.kind.removeprefix("iam.").capitalize()


def read(reader: Reader, kind: str, name: str) -> Document | None:
    """What IAM tells of a user, role or group.

    None when it is gone, or belongs to an AWS service, whose roles nobody else can change.
    Source: IAM User Guide, "Service-linked roles"; IAM Identity Center User Guide, "Permission
    sets".
    """
    answer = reader.read("iam", f"Get{kind}", absent=GONE, **{f"{kind}Name": name})
    if answer is None:
        return None
    described = mapping(document(answer), kind)
    return None if of_aws(text(described, "Arn")) else described


def by_aws(change: Change) -> bool:
    """Whether an AWS service made the change by its own role in the account.

    IAM keeps the path of service-linked roles for AWS services, so no one else can have such a
    role. IAM Identity Center provisions its administrators' roles with it, for one.
    """
    return ":role/aws-service-role/" in change.actor.principal


def own_name(change: Change) -> str:
    """The caller's name, if it is an IAM user; else ""."""
    _, user, name = change.actor.session.partition(":user/")
    return name.rpartition("/")[2] if user else ""


def of_another(change: Change) -> str:
    """The user that a call names, if it is not the caller. Without a name it is the caller."""
    user = text(change.request, "userName")
    return "" if user == own_name(change) else user


def attached(reader: Reader, kind: str, name: str) -> Iterator[str]:
    """The ARNs of the managed policies attached to a user, role or group."""
    operation, who = f"ListAttached{kind}Policies", {f"{kind}Name": name}
    for attached_policy in reader.pages("iam", operation, "AttachedPolicies", **who):
        yield text(document(attached_policy), "PolicyArn")


def why_policy(reader: Reader, arn: str) -> str:
    """Why a managed policy makes an administrator, in words; "" if it does not or is gone."""
    if broad_by_name(arn):
        return "is one of AWS's own policies for administrators"
    policy = reader.read("iam", "GetPolicy", PolicyArn=arn, absent=GONE)
    version = text(mapping(document(policy), "Policy"), "DefaultVersionId")
    return why_version(reader, arn, version) if version else ""


def why_version(reader: Reader, arn: str, version: str) -> str:
    """Why one version of a managed policy makes an administrator."""
    answer = reader.read("iam", "GetPolicyVersion", PolicyArn=arn, VersionId=version, absent=GONE)
    return why_written(mapping(mapping(document(answer), "PolicyVersion"), "Document"))


def why_written(written: Json) -> str:
    """`why_admin` of a policy as IAM keeps it; what is no policy grants nothing."""
    if not isinstance(written, (str, dict)) or not written:
        return ""
    try:
        return why_admin(written)
    except UnreadableError:
        return ""


def why_group(reader: Reader, name: str) -> str:
    """Why the members of a group are administrators, in words; "" if they are not."""
    for arn in attached(reader, "Group", name):
        if why := why_policy(reader, arn):
            return f"its policy {arn.rpartition('/')[2]} {why}"
    for policy in reader.pages("iam", "ListGroupPolicies", "PolicyNames", GroupName=name):
        answer = reader.read(
            "iam", "GetGroupPolicy", GroupName=name, PolicyName=str(policy), absent=GONE
        )
        if why := why_written(document(answer).get("PolicyDocument")):
            return f"its policy {policy} {why}"
    return ""


def other_administrator(reader: Reader, but: str) -> Use:
    """Whether an account has an administrator beside the user, role or group of this name.

    Only holders of AWS's AdministratorAccess are looked for: where there is none, people are asked.
    """
    arn = f"arn:{partition_of(reader.region)}:iam::aws:policy/AdministratorAccess"
    try:
        for kind in KINDS:
            holders = reader.pages(
                "iam", "ListEntitiesForPolicy", f"Policy{kind}s", PolicyArn=arn, EntityFilter=kind
            )
            names = [str(holder[f"{kind}Name"]) for holder in holders]
            for name in names:
                if name != but and (kind != "Group" or _has_members(reader, name, but)):
                    return NOT_IN_USE
    except AwsError as error:
        if error.code not in GONE:
            raise
    return Use(unknown=LAST_ADMINISTRATOR.question)


def _has_members(reader: Reader, group: str, but: str) -> bool:
    users = reader.pages("iam", "GetGroup", "Users", GroupName=group)
    return any(str(user["UserName"]) != but for user in users)


def of_aws(arn: str) -> bool:
    """Whether a role is an AWS service's own."""
    return ":role/aws-service-role/" in arn or ":role/aws-reserved/" in arn
