"""Route 53 Resolver: the logging of DNS queries taken off a VPC, or deleted altogether."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Settling, Trigger, resource
from .mechanisms.advice import Advice
from .mechanisms.declared import evident
from .mechanisms.switch import Switch

_RESOLVER = "route53resolver.amazonaws.com"
# A configuration that another account shares is that account's.
# Source: Amazon Route 53 Developer Guide, "Sharing Resolver query logging configurations with other
# AWS accounts".
_CONFIGS = ("arn:{partition}:route53resolver:{region}:*:resolver-query-log-config/*",)
# Sources: Amazon Route 53 API Reference, "AssociateResolverQueryLogConfig", errors, and
# "ResolverQueryLogConfigAssociation". What is on its way out still exists.
_BUSY = (Busy("ResourceExistsException"), Busy("InvalidRequestException"))
_SETTLING = Settling(
    600,
    "an association is CREATING before it is active, and DELETING before it is gone "
    '(Amazon Route 53 API Reference, "ResolverQueryLogConfigAssociation")',
)
_VPCS = ("*",)
_GONE = ("ResourceNotFoundException",)
_REFERENCES = References(security_hub=("Route53.2",), attack=("T1562.008",))


def _config(change: Change) -> Resource | None:
    """The configuration of a change, unless it is shared with us by another account."""
    described = mapping(change.response, "resolverQueryLogConfig")
    id_ = text(change.request, "resolverQueryLogConfigId") or text(described, "id")
    owner = text(described, "ownerId")
    if not id_ or owner not in ("", change.account):
        return None
    where = f"route53resolver:{{region}}:{{account}}:resolver-query-log-config/{id_}"
    return resource(change, "route53resolver.query-log-config", id_, where)


# ------------------------------------------------------------------------- taken off a VPC


def _association(change: Change) -> Resource | None:
    """A VPC under a configuration. The API knows it by both ids; it has no ARN of its own."""
    config, vpc = _config(change), text(change.request, "resourceId")
    if config is None or not vpc:
        return None
    arn = f"{config.arn}/{vpc}"
    return Resource("route53resolver.association", vpc, change.account, change.region, arn)


def _config_of(association: Resource) -> str:
    return association.arn.split("/")[1]


def _logged(association: Resource, reader: Reader) -> Document | None:
    """Whether the VPC's queries are logged; None when the configuration or the VPC is no more."""
    id_ = _config_of(association)
    found = reader.read(
        "route53resolver",
        "GetResolverQueryLogConfig",
        ResolverQueryLogConfigId=id_,
        absent=_GONE,
    )
    vpcs = reader.read(
        "ec2", "DescribeVpcs", absent=("InvalidVpcID.NotFound",), VpcIds=[association.id]
    )
    if found is None or vpcs is None:
        return None
    described = mapping(document(found), "ResolverQueryLogConfig")
    listed = reader.pages(
        "route53resolver",
        "ListResolverQueryLogConfigAssociations",
        "ResolverQueryLogConfigAssociations",
        Filters=[{"Name": "ResolverQueryLogConfigId", "Values": [id_]}],
    )
    return {
        "config": text(described, "Arn") or association.arn.rpartition("/")[0],
        "logged": any(
            text(row, "ResourceId") == association.id
            and text(row, "ResolverQueryLogConfigId") == id_
            and text(row, "Status") != "DELETING"
            for row in map(document, listed)
        ),
    }


def _set_logged(association: Resource, state: Document) -> Call:
    verb = "Associate" if state["logged"] else "Disassociate"
    id_ = _config_of(association)
    return Call(
        "route53resolver",
        f"{verb}ResolverQueryLogConfig",
        {"ResolverQueryLogConfigId": id_, "ResourceId": association.id},
        # Associating looks the VPC up, which IAM allows on everything only.
        on=(text(state, "config"), *(_VPCS if state["logged"] else ())),
        settled_by=() if state["logged"] else _GONE,
    )


# -------------------------------------------------------------------------------- deleted


def _deleted(config: Resource, reader: Reader) -> Document | None:
    """The deleted configuration; None if it still exists."""
    found = reader.read(
        "route53resolver",
        "GetResolverQueryLogConfig",
        ResolverQueryLogConfigId=config.id,
        absent=_GONE,
    )
    status = text(mapping(document(found), "ResolverQueryLogConfig"), "Status")
    return None if found is not None and status != "DELETING" else {"config": config.id}


def _deletion(change: Change) -> Iterator[Candidate]:
    config = _config(change)
    if config is not None:
        described = mapping(change.response, "resolverQueryLogConfig")
        hint = {name: text(described, name) for name in ("name", "destinationArn")}
        yield Candidate(config, Certainty.EVIDENT, hint)


CONTROLS = (
    Switch(
        id="route53resolver.query-logging-disassociated",
        title="DNS query logging taken off a VPC",
        severity=70,
        references=_REFERENCES,
        triggers=(
            Trigger(_RESOLVER, "DisassociateResolverQueryLogConfig"),
            Trigger(_RESOLVER, "AssociateResolverQueryLogConfig"),
        ),
        proven="stub",
        cuts=NOTHING,
        settling=_SETTLING,
        busy=_BUSY,
        reads=(
            "ec2:DescribeVpcs",
            "route53resolver:GetResolverQueryLogConfig",
            "route53resolver:ListResolverQueryLogConfigAssociations",
        ),
        writes={
            "ec2:DescribeVpcs": _VPCS,
            "route53resolver:AssociateResolverQueryLogConfig": _CONFIGS,
            "route53resolver:DisassociateResolverQueryLogConfig": _CONFIGS,
        },
        candidates=evident(_association, "DisassociateResolverQueryLogConfig"),
        read=_logged,
        risky=lambda state, _: "" if state["logged"] else "the VPC's DNS queries are not logged",
        safe=lambda state, _: {**state, "logged": True},
        put=_set_logged,
    ),
    Advice(
        id="route53resolver.query-logging-deleted",
        title="DNS query logging deleted",
        severity=75,
        cuts=NOTHING,
        references=replace(_REFERENCES, stratus=("aws.defense-evasion.dns-delete-logs",)),
        triggers=(Trigger(_RESOLVER, "DeleteResolverQueryLogConfig"),),
        reads=("route53resolver:GetResolverQueryLogConfig",),
        revert="a new configuration has a new id, which no plan can name to undo it; taking it "
        "off its VPCs, which has to come first, is reverted",
        candidates=_deletion,
        read=_deleted,
        why="a configuration that logs DNS queries was deleted",
        advice="Create the configuration again (its name and destination are in the record) and "
        "associate it with the VPCs that it was taken off.",
    ),
)
