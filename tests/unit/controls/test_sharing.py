"""Sharing: only those whom the change let in lose their grant, and the own organization stays."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.access.principals import Trusted
from driftguard.controls import control
from driftguard.controls.control import TrustSettings
from driftguard.controls.mechanisms.sharing import own_organization
from driftguard.model import Autonomy, Candidate, Change, Observation
from tests.support.records import change, ec2
from tests.support.world import ACCOUNT, REGION, Fakes, World

OLD, NEW = "888888888888", "999999999999"
OWN = "arn:aws:organizations::111111111111:organization/o-own0000000"
OTHER = "arn:aws:organizations::222222222222:organization/o-other00000"
UNIT = "arn:aws:organizations::111111111111:ou/o-own0000000/ou-ab12-cdef"


def image_shared(*added: dict[str, str]) -> Change:
    asked = {"imageId": "ami-1", "launchPermission": {"add": {"items": list(added)}}}
    return ec2("ModifyImageAttribute", asked)


def judged(world: World, fakes: Fakes, made: Change, *grantees: dict[str, str]) -> Any:
    """The finding and the plan of an image that is shared with these."""
    answered: Any = {"ImageId": "ami-1", "LaunchPermissions": list(grantees)}
    fakes.install(
        {
            ("ec2", "DescribeImageAttribute"): lambda _: answered,
            ("organizations", "DescribeOrganization"): lambda _: {
                "Organization": {"Id": "o-own0000000"}
            },
        }
    )
    judge = control("ec2.ami-shared")
    settings = TrustSettings(Trusted())
    candidates: list[Candidate] = list(judge.screen(made, settings))
    if not candidates:
        return None, None
    reader = world.guard.aws.reader(ACCOUNT, REGION)
    state = judge.observe(candidates[0], reader)
    assert state is not None
    finding = judge.assess(state, None, settings)
    if finding is None:
        return None, None
    return finding, judge.plan(candidates[0], Observation(state, ""), None, settings)


def test_whom_it_was_shared_with_before_keeps_it(world: World, fakes: Fakes) -> None:
    """Kind 1: the partner of old is the sweep's to find."""
    finding, plan = judged(
        world, fakes, image_shared({"userId": NEW}), {"UserId": OLD}, {"UserId": NEW}
    )
    (step,) = plan.steps
    assert step.call.parameters["LaunchPermission"] == {"Remove": [{"UserId": NEW}]}
    assert finding.at_most is Autonomy.REVERT


def test_a_record_that_hides_whom_is_asked_about(world: World, fakes: Fakes) -> None:
    """Kind 1: all who are strangers may have had it for long."""
    omitted = ec2("ModifyImageAttribute", {"imageId": "ami-1", "omitted": "true"})
    finding, _ = judged(world, fakes, omitted, {"UserId": OLD})
    assert finding.at_most is Autonomy.ASK


@pytest.mark.parametrize(
    ("arn", "member", "stranger"),
    [
        (OWN, "organizationArn", False),
        (UNIT, "organizationalUnitArn", False),
        (OTHER, "organizationArn", True),
    ],
)
def test_the_own_organization_is_no_stranger(
    world: World, fakes: Fakes, arn: str, member: str, stranger: bool
) -> None:
    """Kind 4: whatever policy names, the account's own organization is its own."""
    grantee = {f"{member[:1].upper()}{member[1:]}": arn}
    finding, _ = judged(world, fakes, image_shared({member: arn}), grantee)
    assert (finding is not None) is stranger


@pytest.mark.parametrize(
    ("control_id", "source", "name", "asked"),
    [
        (
            "rds.snapshot-shared",
            "rds.amazonaws.com",
            "ModifyDBSnapshotAttribute",
            {
                "dBSnapshotIdentifier": "nightly",
                "attributeName": "restore",
                "valuesToAdd": [NEW, "all"],
            },
        ),
        (
            "ssm.document-public",
            "ssm.amazonaws.com",
            "ModifyDocumentPermission",
            {"name": "nightly", "permissionType": "Share", "accountIdsToAdd": [NEW, "All"]},
        ),
        (
            "redshift.snapshot-shared",
            "redshift.amazonaws.com",
            "AuthorizeSnapshotAccess",
            {"snapshotIdentifier": "nightly", "accountWithRestoreAccess": NEW},
        ),
    ],
)
def test_every_service_takes_back_from_whom_the_request_names(
    control_id: str, source: str, name: str, asked: Any
) -> None:
    """Kind 1, in the mechanism: in whatever member the service has the accounts."""
    judge = control(control_id)
    found = list(judge.screen(change(source, name, asked), TrustSettings(Trusted())))
    assert found
    everybody = [] if control_id.startswith("redshift") else ["*"]
    assert found[0].hint == {"shared_with": [*everybody, NEW]}


def test_an_account_without_an_organization_has_none(world: World) -> None:
    reader = world.guard.aws.reader(ACCOUNT, REGION)
    assert own_organization(reader) == ""


def test_a_share_that_is_merely_opened_is_asked_about(world: World, fakes: Fakes) -> None:
    """Kind 1: allowing outsiders shares nothing with anybody yet."""
    arn = f"arn:aws:ram:{REGION}:{ACCOUNT}:resource-share/1"
    outside: Any = {
        "resourceShareAssociations": [
            {"associatedEntity": OLD, "status": "ASSOCIATED", "external": True}
        ]
    }
    fakes.install(
        {
            ("ram", "GetResourceShares"): lambda _: {"resourceShares": [{"status": "ACTIVE"}]},
            ("ram", "GetResourceShareAssociations"): lambda _: outside,
        }
    )
    asked = {"resourceShareArn": arn, "allowExternalPrincipals": True}
    made = change("ram.amazonaws.com", "UpdateResourceShare", asked)
    judge, settings = control("ram.external-share"), TrustSettings(Trusted())
    (candidate,) = judge.screen(made, settings)
    state = judge.observe(candidate, world.guard.aws.reader(ACCOUNT, REGION))
    assert state is not None
    finding = judge.assess(state, None, settings)
    assert finding is not None
    assert finding.at_most is Autonomy.ASK
