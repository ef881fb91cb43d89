"""WAF: web ACLs taken off what they protect, or no longer logging."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.model import Call, Change, Resource, Step

from .control import NOTHING, Busy, References, Trigger
from .mechanisms.declared import evident
from .mechanisms.removed import Removed
from .mechanisms.switch import Switch

_WAF = "wafv2.amazonaws.com"
_ACLS = (
    "arn:{partition}:wafv2:{region}:{account}:regional/webacl/*",
    "arn:{partition}:wafv2:{region}:{account}:global/webacl/*",
)
_BALANCERS = ("arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/app/*",)
_STAGES = ("arn:{partition}:apigateway:{region}::/restapis/*",)
# What CloudWatch Logs delivers is no resource of IAM.
_DELIVERIES = ("*",)
# Where logs may go: the names of such destinations begin so.
# Source: AWS WAF Developer Guide, "AWS WAF logging destinations".
_LOG_GROUPS = ("arn:{partition}:logs:{region}:{account}:log-group:*",)
_BUCKETS = ("arn:{partition}:s3:::aws-waf-logs-*",)
_LOGGING_ROLE = (
    "arn:{partition}:iam::{account}:role/aws-service-role/wafv2.amazonaws.com/"
    "AWSServiceRoleForWAFV2Logging",
)
# Source: AWS WAF API Reference, "PutLoggingConfiguration", errors.
_BUSY = (Busy("WAFUnavailableEntityException"), Busy("WAFOptimisticLockException"))
_GONE = ("WAFNonexistentItemException",)

# The resources that a web ACL is put back before; each kind wants permissions of its own service.
# Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS WAF V2".
_KINDS = {"elasticloadbalancing": "APPLICATION_LOAD_BALANCER", "apigateway": "API_GATEWAY"}


def _named(change: Change) -> Resource | None:
    """The web ACL that the change names, by the ARN in the record."""
    arn = text(change.request, "resourceArn")
    if arn.count(":") < 5:
        return None
    return by_arn(arn, change.account, change.region)


def by_arn(arn: str, account: str, region: str) -> Resource:
    service = arn.split(":")[2]
    kind = "web-acl" if service == "wafv2" else "protected-resource"
    return Resource(f"wafv2.{kind}", arn, account, region, arn)


def listed_all(reader: Reader, operation: str, key: str, scope: str) -> Iterator[Document]:
    """Every element of a listing: WAF's have no paginator."""
    asked: dict[str, str] = {"Scope": scope}
    while True:
        page = document(reader.read("wafv2", operation, absent=(), **asked))
        yield from items(page.get(key))
        if not text(page, "NextMarker"):
            return
        asked["NextMarker"] = text(page, "NextMarker")


# ------------------------------------------------------------------------------ taken off


def _protection(fronted: Resource, reader: Reader) -> Document | None:
    found = reader.read("wafv2", "GetWebACLForResource", ResourceArn=fronted.arn, absent=_GONE)
    if found is None:
        return None
    acl = document(found).get("WebACL")
    return {"acl": text(acl, "ARN") if isinstance(acl, dict) else ""}


def _protect(fronted: Resource, state: Document) -> Call:
    acl = text(state, "acl")
    if not acl:
        return Call("wafv2", "DisassociateWebACL", {"ResourceArn": fronted.arn}, on=(fronted.arn,))
    parameters = {"WebACLArn": acl, "ResourceArn": fronted.arn}
    return Call("wafv2", "AssociateWebACL", parameters, on=(acl, fronted.arn))


def _protected(reader: Reader) -> Iterator[Resource]:
    for acl in listed_all(reader, "ListWebACLs", "WebACLs", "REGIONAL"):
        for kind in _KINDS.values():
            found = reader.read(
                "wafv2",
                "ListResourcesForWebACL",
                # It may be deleted while the others are looked at.
                absent=_GONE,
                WebACLArn=text(acl, "ARN"),
                ResourceType=kind,
            )
            arns = document(found).get("ResourceArns")
            for arn in arns if isinstance(arns, list) else ():
                yield by_arn(str(arn), reader.account, reader.region)


# -------------------------------------------------------------------------------- logging


def _logging(acl: Resource, reader: Reader) -> Document | None:
    """The logging of a web ACL; None where the web ACL is gone, which deletes it too."""
    there = reader.read("wafv2", "GetWebACL", absent=_GONE, **by_name(acl))
    if there is None:
        return None
    found = reader.read("wafv2", "GetLoggingConfiguration", ResourceArn=acl.arn, absent=_GONE)
    logging = document(found).get("LoggingConfiguration")
    if not isinstance(logging, dict):
        return {"exists": False}
    settings = {
        name: value for name, value in logging.items() if name != "ManagedByFirewallManager"
    }
    return {"exists": True, "logging": settings}


def by_name(acl: Resource) -> dict[str, str]:
    """The parameters that name a web ACL: `…:regional/webacl/NAME/ID`."""
    scope, _, name, id_ = acl.arn.split(":", 5)[5].split("/")
    return {"Name": name, "Scope": "REGIONAL" if scope == "regional" else "CLOUDFRONT", "Id": id_}


def _destinations(acl: Resource, logging: Document) -> Iterator[str]:
    """The ARNs that putting the logging back touches beside the web ACL."""
    arns = logging.get("LogDestinationConfigs")
    for arn in arns if isinstance(arns, list) else ():
        yield str(arn)
        if str(arn).split(":")[2] == "logs":
            # To list log groups is allowed on all of them.
            yield f"{str(arn).partition(':log-group:')[0]}:log-group:*"
        if str(arn).split(":")[2] == "firehose":
            yield _LOGGING_ROLE[0].format(partition=acl.partition, account=acl.account)


def _log_again(acl: Resource, before: Document, _now: Document) -> tuple[Step, ...]:
    logging = mapping(before, "logging")
    put = Call(
        "wafv2",
        "PutLoggingConfiguration",
        {"LoggingConfiguration": logging},
        on=(acl.arn, *_destinations(acl, logging), *_DELIVERIES),
    )
    delete = Call(
        "wafv2",
        "DeleteLoggingConfiguration",
        {"ResourceArn": acl.arn},
        on=(acl.arn, *_DELIVERIES),
        settled_by=_GONE,
    )
    return (Step(put, (delete,)),)


def _logged(reader: Reader) -> Iterator[Resource]:
    """The web ACLs with logging; CloudFront's are all in us-east-1."""
    scopes = ("REGIONAL", *(("CLOUDFRONT",) if reader.region == "us-east-1" else ()))
    for scope in scopes:
        for configuration in listed_all(
            reader, "ListLoggingConfigurations", "LoggingConfigurations", scope
        ):
            yield by_arn(text(configuration, "ResourceArn"), reader.account, reader.region)


def _own_logging(change: Change) -> Resource | None:
    """The web ACL that stops its own logging; None if only Security Lake's logs stop."""
    return None if text(change.request, "logScope") == "SECURITY_LAKE" else _named(change)


CONTROLS = (
    Switch(
        id="wafv2.disassociated",
        title="Web ACL taken off what it protects",
        severity=80,
        references=References(
            security_hub=("APIGateway.4", "ELB.16"), attack=("T1562.007", "T1190")
        ),
        cuts=NOTHING,
        busy=_BUSY,
        triggers=(Trigger(_WAF, "DisassociateWebACL"), Trigger(_WAF, "AssociateWebACL")),
        baselined=True,
        proven="stub",
        reads=(
            "elasticloadbalancing:DescribeWebACLAssociation",
            "elasticloadbalancing:GetLoadBalancerWebACL",
            "wafv2:GetWebACL",
            "wafv2:GetWebACLForResource",
            "wafv2:ListResourcesForWebACL",
            "wafv2:ListWebACLs",
        ),
        writes={
            "apigateway:SetWebACL": _STAGES,
            "elasticloadbalancing:CreateWebACLAssociation": _BALANCERS,
            "elasticloadbalancing:DeleteWebACLAssociation": _BALANCERS,
            "elasticloadbalancing:SetWebAcl": _BALANCERS,
            "wafv2:AssociateWebACL": (_ACLS[0], *_BALANCERS, *_STAGES),
            "wafv2:DisassociateWebACL": (*_BALANCERS, *_STAGES),
        },
        found_by=_protected,
        vanishing=True,
        candidates=evident(_named, "DisassociateWebACL"),
        read=_protection,
        risky=lambda state, _: "" if state["acl"] else "no web ACL protects the resource",
        safe=lambda state, baseline: baseline if baseline and baseline["acl"] else None,
        put=_protect,
        advice="Which web ACL protected it is not recorded; associate the right one.",
    ),
    Removed(
        id="wafv2.logging-deleted",
        title="Web ACL no longer logs",
        severity=65,
        references=References(security_hub=("WAF.11",), attack=("T1562.008",)),
        cuts=NOTHING,
        busy=_BUSY,
        triggers=(Trigger(_WAF, "DeleteLoggingConfiguration"),),
        reads=(
            "wafv2:GetLoggingConfiguration",
            "wafv2:GetWebACL",
            "wafv2:ListLoggingConfigurations",
        ),
        writes={
            "firehose:ListDeliveryStreams": _DELIVERIES,
            "iam:CreateServiceLinkedRole": _LOGGING_ROLE,
            "logs:DescribeLogGroups": _LOG_GROUPS,
            "logs:DescribeResourcePolicies": _DELIVERIES,
            "logs:PutResourcePolicy": _DELIVERIES,
            "s3:GetBucketPolicy": _BUCKETS,
            "s3:PutBucketPolicy": _BUCKETS,
            "logs:CreateLogDelivery": _DELIVERIES,
            "logs:DeleteLogDelivery": _DELIVERIES,
            "wafv2:DeleteLoggingConfiguration": _ACLS,
            "wafv2:PutLoggingConfiguration": _ACLS,
        },
        found_by=_logged,
        candidates=evident(_own_logging, "DeleteLoggingConfiguration"),
        read=_logging,
        restore=_log_again,
        what="the logging of the web ACL",
    ),
)
