"""Objects that their own ACL opens, wherever the record has the grants."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.access.acl import ALL_USERS, AUTHENTICATED_USERS
from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.model import Autonomy, Candidate, Certainty, Observation, Resource
from tests.support.answers import answering
from tests.support.records import ACCOUNT, REGION, s3

OBJECT = Resource("s3.object", "wares/a/b.csv", ACCOUNT, REGION, "arn:aws:s3:::wares/a/b.csv")
OWNER = {"ID": "0a" * 32}
OURS = {"Grantee": {"Type": "CanonicalUser", **OWNER}, "Permission": "FULL_CONTROL"}
THEIRS = {"Grantee": {"Type": "Group", "URI": AUTHENTICATED_USERS}, "Permission": "READ"}


def screened(**request: Any) -> list[Candidate]:
    asked = {"bucketName": "wares", "key": "a/b.csv", "acl": "", **request}
    return list(control("s3.public-object").screen(s3("PutObjectAcl", asked), NoSettings()))


@pytest.mark.parametrize(
    ("request_", "certainty"),
    [
        ({"x-amz-acl": "public-read"}, Certainty.EVIDENT),
        ({"x-amz-acl": ["authenticated-read"]}, Certainty.EVIDENT),
        ({"accessControlList": {"x-amz-grant-read": f'uri="{ALL_USERS}"'}}, Certainty.EVIDENT),
        ({"accessControlList": f"x-amz-grant-read-acp: uri={ALL_USERS}"}, Certainty.EVIDENT),
        (
            {"AccessControlPolicy": {"AccessControlList": {"Grant": [OURS, THEIRS]}}},
            Certainty.EVIDENT,
        ),
        ({"AccessControlPolicy": {"AccessControlList": {"Grant": OURS}}}, None),
        ({"accessControlList": "HIDDEN_DUE_TO_SECURITY_REASONS"}, Certainty.POSSIBLE),
        ({"omitted": True}, Certainty.POSSIBLE),
        ({"x-amz-acl": "bucket-owner-full-control"}, None),
        ({}, None),
    ],
)
def test_grants_are_read_wherever_the_record_has_them(
    request_: dict[str, Any], certainty: Certainty | None
) -> None:
    found = [(one.resource, one.certainty) for one in screened(**request_)]
    assert found == ([] if certainty is None else [(OBJECT, certainty)])


def observed(candidate: Candidate, *grants: Any, owned: str = "ObjectWriter") -> Any:
    reader = answering(
        s3__GetObjectAcl={"Owner": OWNER, "Grants": list(grants)},
        s3__GetBucketOwnershipControls={
            "OwnershipControls": {"Rules": [{"ObjectOwnership": owned}]}
        },
        s3__GetPublicAccessBlock={},
        s3control__GetPublicAccessBlock={},
    )
    return control("s3.public-object").observe(candidate, reader)


def test_only_the_public_grants_are_taken_away() -> None:
    judge = control("s3.public-object")
    (candidate,) = screened(**{"x-amz-acl": "public-read"})
    state = observed(candidate, OURS, THEIRS)
    finding = judge.assess(state, None, NoSettings())
    assert finding is not None
    assert finding.summary.endswith("anybody with an AWS account may READ")
    plan = judge.plan(candidate, Observation(state, ""), None, NoSettings())
    (step,) = plan.steps
    assert step.call.parameters == {
        "Bucket": "wares",
        "Key": "a/b.csv",
        "AccessControlPolicy": {"Owner": OWNER, "Grants": [OURS]},
    }
    assert step.call.on == (OBJECT.arn,)


def test_where_acls_are_disabled_none_is_in_force() -> None:
    (candidate,) = screened(**{"x-amz-acl": "public-read"})
    state = observed(candidate, OURS, THEIRS, owned="BucketOwnerEnforced")
    assert control("s3.public-object").assess(state, None, NoSettings()) is None


def test_another_version_than_the_one_that_is_read_is_asked_about() -> None:
    judge = control("s3.public-object")
    (candidate,) = screened(**{"x-amz-acl": "public-read", "versionId": "v1"})
    state = observed(candidate, OURS)
    finding = judge.assess(state, None, NoSettings())
    assert finding is not None
    assert finding.at_most is Autonomy.ASK
    assert judge.plan(candidate, Observation(state, ""), None, NoSettings()).steps == ()
