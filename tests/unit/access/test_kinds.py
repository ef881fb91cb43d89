"""13: what is open, kind by kind, beyond the single cases that showed each kind."""

from typing import Any

from driftguard.access.policy import judge, without
from tests.support.access import kinds
from tests.support.each import each


@each("case", kinds.CASES, ids=lambda case: case.id)
def test_13_a_policy_lets_in_whom_its_document_says(case: Any) -> None:
    verdict = judge(case.service, case.policy, account=kinds.OWN, resource=case.resource)
    assert verdict.answer == case.expected, verdict.because


@each("case", kinds.CASES, ids=lambda case: case.id)
def test_13_taking_the_openings_away_closes(case: Any) -> None:
    verdict = judge(case.service, case.policy, account=kinds.OWN, resource=case.resource)
    if not verdict.openings:
        return
    left = without(case.service, case.policy, verdict.openings, account=kinds.OWN)
    if left is not None:
        assert judge(case.service, left, account=kinds.OWN).openings == ()
    denies = [s for s in case.policy["Statement"] if s["Effect"] == "Deny"]
    if left is not None and denies:
        kept = left["Statement"]
        assert isinstance(kept, list)
        assert [statement for statement in kept if statement in denies] == denies


class TestS3ItsOwnView:
    """Where S3's published "public" differs from what can be reached, the verdict says both."""

    def test_13_a_deny_with_conditions_closes_what_s3_calls_public(self) -> None:
        outside = {"StringNotEquals": {"aws:PrincipalOrgID": kinds.ORG}}
        made = kinds.policy(kinds.allow(), kinds.deny(outside))
        verdict = judge("s3", made, account=kinds.OWN)
        assert verdict.answer == "closed"
        assert verdict.public_by_list
        assert verdict.because == (
            "S3 itself calls statement 1 public, since it looks at no Deny with conditions; these "
            "keep everybody out whom it would let in",
        )

    def test_13_a_value_with_a_wildcard_is_public_by_the_list_alone(self) -> None:
        ours = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{kinds.OWN}:role/*"}}
        verdict = judge("s3", kinds.policy(kinds.allow(ours)), account=kinds.OWN)
        assert verdict.public_by_list
        assert "no stranger can meet it, but S3's own list calls it public" in verdict.because[0]

    def test_13_what_a_stranger_can_reach_is_said_without_the_list(self) -> None:
        verdict = judge("s3", kinds.policy(kinds.allow()), account=kinds.OWN)
        assert verdict.public_by_list
        assert "list" not in verdict.because[0]

    def test_13_other_services_have_no_list(self) -> None:
        outside = {"StringNotEquals": {"aws:PrincipalOrgID": kinds.ORG}}
        made = kinds.policy(kinds.allow(), kinds.deny(outside))
        verdict = judge("sqs", made, account=kinds.OWN)
        assert (verdict.because, verdict.public_by_list) == ((), False)
