"""Parameters, DNS logs, domains and deleted data: what is read whole, and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.controls.data import DeletionSettings
from driftguard.controls.mechanisms.exposed_secret import OpenSecret
from driftguard.documents import Document
from driftguard.model import Candidate, Certainty, Observation, Resource
from tests.support.answers import answering, refused_with
from tests.support.records import ACCOUNT, REGION, change, session_of

# ------------------------------------------------------------------------------- parameters

PARAMETER = Resource(
    "ssm.parameter", "/app", ACCOUNT, REGION, f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app"
)


def version(number: int, tier: str) -> dict[str, Any]:
    return {"Name": "/app", "Type": "String", "Value": "plain", "Version": number, "Tier": tier}


@pytest.mark.parametrize(
    ("tiers", "sent"),
    [
        (("Standard", "Standard"), "Standard"),
        (("Standard", "Advanced"), "Advanced"),
        (("Advanced", "Advanced"), "Advanced"),
    ],
)
def test_a_parameter_stays_in_its_tier(tiers: tuple[str, str], sent: str) -> None:
    """Kind 2: a put without a tier takes the account's default, and an upgrade is for good."""
    one = control("ssm.secret-in-plain-parameter")
    assert isinstance(one, OpenSecret)
    history = [version(1, tiers[0]), version(2, tiers[1])]
    shown: Document = {"type": "String", "version": 2}

    earlier = one.earlier(
        PARAMETER, shown, answering(ssm__GetParameterHistory={"Parameters": history})
    )
    (step,) = one.steps(PARAMETER, {**shown, "earlier": earlier})

    assert step.call.parameters["Tier"] == sent
    assert [call.parameters["Tier"] for call in step.undo] == [sent]


def test_a_parameter_that_is_gone_has_no_history() -> None:
    """Kind 8: it may be deleted between two reads."""
    one = control("ssm.secret-in-plain-parameter")
    assert isinstance(one, OpenSecret)
    gone = answering(ssm__GetParameterHistory=refused_with("ParameterNotFound"))

    assert one.earlier(PARAMETER, {"type": "String", "version": 2}, gone) is None


def test_all_accounts_that_a_document_is_shared_with_are_read() -> None:
    """Kind 8: they come in pages."""

    def page(asked: dict[str, Any]) -> dict[str, Any]:
        if "NextToken" in asked:
            return {"AccountIds": ["222222222222"]}
        return {"AccountIds": ["111111111111"], "NextToken": "more"}

    where = Resource("ssm.document", "d", ACCOUNT, REGION, "arn")
    state = control("ssm.document-public").observe(
        Candidate(where, Certainty.POSSIBLE), answering(ssm__DescribeDocumentPermission=page)
    )

    assert state is not None
    shared: Any = state["grantees"]
    assert [grantee["account"] for grantee in shared] == ["111111111111", "222222222222"]


# --------------------------------------------------------------------------------- DNS logs

SHARED = f"arn:aws:route53resolver:{REGION}:999999999999:resolver-query-log-config/rqlc-1"


def off_vpc() -> Candidate:
    request = {"resolverQueryLogConfigId": "rqlc-1", "resourceId": "vpc-1"}
    by = change("route53resolver.amazonaws.com", "DisassociateResolverQueryLogConfig", request)
    (candidate,) = control("route53resolver.query-logging-disassociated").screen(by, NoSettings())
    return candidate


@pytest.mark.parametrize("there", [True, False])
def test_a_shared_configuration_is_its_owners_and_a_network_may_be_gone(there: bool) -> None:
    """Kind 5: the ARN names the owner's account; kind 10: a VPC that is gone asks nothing."""
    one = control("route53resolver.query-logging-disassociated")
    vpcs: Any = {"Vpcs": [{}]} if there else refused_with("InvalidVpcID.NotFound")
    reader = answering(
        route53resolver__GetResolverQueryLogConfig={"ResolverQueryLogConfig": {"Arn": SHARED}},
        route53resolver__ListResolverQueryLogConfigAssociations={},
        ec2__DescribeVpcs=vpcs,
    )
    candidate = off_vpc()

    state = one.observe(candidate, reader)

    assert (state is not None) is there
    if state is not None:
        (step,) = one.plan(candidate, Observation(state, ""), None, NoSettings()).steps
        assert SHARED in step.call.on
        assert all(SHARED in call.on for call in step.undo)


# ---------------------------------------------------------------------------------- domains


@pytest.mark.parametrize(
    ("told", "before", "risky"),
    [
        (True, None, True),
        (False, None, False),
        (False, {"locked": True}, True),
        (False, {"locked": False}, False),
    ],
)
def test_a_domain_that_never_was_locked_is_no_finding(
    told: bool, before: Document | None, risky: bool
) -> None:
    """Kind 10: some registries know no lock."""
    state: Document = {"locked": False, **({"told": ["locked"]} if told else {})}

    found = control("route53domains.lock-off").assess(state, before, NoSettings())

    assert (found is not None) is risky


def test_the_sweep_looks_at_domains() -> None:
    """Kind 6: an operation that takes longer than anybody waits is found later."""
    domains = answering(route53domains__ListDomains={"Domains": [{"DomainName": "example.com"}]})

    (found,) = control("route53domains.lock-off").inventory(domains)

    assert found.id == "example.com"


# ------------------------------------------------------------------------------ deleted data

KARPENTER = f"arn:aws:iam::{ACCOUNT}:role/KarpenterController"
BACKUP = f"arn:aws:iam::{ACCOUNT}:role/service-role/AWSBackupDefaultServiceRole"


@pytest.mark.parametrize(
    ("role", "source", "routine", "told"),
    [
        (BACKUP, "backup.amazonaws.com", (), False),
        (BACKUP, "dlm.amazonaws.com", (), False),
        # The same role in a person's hands, and a service that acts for whoever called it.
        (BACKUP, "203.0.113.9", (), True),
        (KARPENTER, "cloudformation.amazonaws.com", (), True),
        (KARPENTER, "198.51.100.7", (), True),
        (KARPENTER, "198.51.100.7", ("arn:aws:iam::*:role/Karpenter*",), False),
    ],
)
def test_whose_work_it_is_to_delete_is_no_alarm(
    role: str, source: str, routine: tuple[str, ...], told: bool
) -> None:
    """Kind 10: Data Lifecycle Manager, AWS Backup and node scalers delete as they were told."""
    by = change(
        "ec2.amazonaws.com",
        "DeleteSnapshot",
        {"snapshotId": "snap-1"},
        userIdentity=session_of(role),
        sourceIPAddress=source,
        userAgent=source,
    )

    found = control("data.deleted").screen(by, DeletionSettings(routine))

    assert bool(list(found)) is told
