"""Who a resource policy lets in, case by case, and what taking an opening away leaves."""

import copy
from typing import Any

import pytest

from driftguard.access.policy import Opening, Trusted, UnreadableError, judge, without
from tests.support.access import policy_cases
from tests.support.each import each

OWN, OTHER = policy_cases.OWN, policy_cases.OTHER
statement, deny, policy = policy_cases.statement, policy_cases.deny, policy_cases.policy
ROOT = f"arn:aws:iam::{OWN}:root"


@each("case", policy_cases.CASES, ids=lambda case: case.id)
def test_a_policy_is_judged_as_its_document_says(case: Any) -> None:
    verdict = judge(case.service, case.policy, account=case.account)
    assert verdict.answer == case.expected, verdict.because


def test_there_are_many_cases_with_names_of_their_own_and_a_source() -> None:
    ids = [case.id for case in policy_cases.CASES]
    assert len(ids) >= 200
    assert len(set(ids)) == len(ids)
    assert all(case.source for case in policy_cases.CASES)


@each("case", policy_cases.CASES, ids=lambda case: case.id)
def test_what_is_taken_away_stays_closed_and_the_rest_stays(case: Any) -> None:
    verdict = judge(case.service, case.policy, account=case.account)
    if isinstance(case.policy, str) and not verdict.openings:
        return
    before = copy.deepcopy(case.policy)
    if not verdict.openings:
        if before.get("Statement"):
            assert without(case.service, case.policy, (), account=case.account) == before
        return
    left = without(case.service, case.policy, verdict.openings, account=case.account)
    assert case.policy == before
    if left is not None:
        assert judge(case.service, left, account=case.account).openings == ()


def _opening(verdict: Any) -> Opening:
    (opening,) = verdict.openings
    assert isinstance(opening, Opening)
    return opening


def _only_statement(document: Any) -> dict[str, Any]:
    (only,) = document["Statement"]
    assert isinstance(only, dict)
    return only


class TestReasons:
    def test_a_reason_names_the_statement_the_action_and_the_principal(self) -> None:
        verdict = judge("s3", policy(statement("s3", "*", Sid="PublicRead")), account=OWN)
        assert verdict.because == (
            'statement "PublicRead" allows s3:getobject to everyone (*): no condition narrows it',
        )

    def test_a_statement_without_a_sid_is_named_by_its_place(self) -> None:
        document = policy(statement("s3", {"AWS": OWN}), statement("s3", {"AWS": OTHER}))
        opening = _opening(judge("s3", document, account=OWN))
        assert (opening.index, opening.sid, opening.principals) == (1, None, (OTHER,))
        assert opening.reason == f"statement 2 allows s3:getobject to {OTHER}, which is not trusted"

    def test_a_condition_that_does_not_help_is_named_as_written(self) -> None:
        condition = {"StringLike": {"aws:sourceVpc": "vpc-*"}}
        verdict = judge("s3", policy(statement("s3", "*", condition)), account=OWN)
        assert "its condition on aws:sourceVpc keeps no arbitrary caller out" in verdict.because[0]

    def test_a_deny_that_only_narrows_is_mentioned(self) -> None:
        plain = {"Bool": {"aws:SecureTransport": "false"}}
        document = policy(statement("sqs", "*"), deny("sqs", condition=plain, Sid="Tls"))
        verdict = judge("sqs", document, account=OWN)
        assert 'statement "Tls" denies only under a condition' in verdict.because[0]

    def test_the_account_behind_a_condition_is_named(self) -> None:
        condition = {"StringEquals": {"aws:PrincipalAccount": OTHER}}
        verdict = judge("s3", policy(statement("s3", "*", condition)), account=OWN)
        assert f"to * of account {OTHER}, which is not trusted" in verdict.because[0]

    def test_what_cannot_be_read_is_said_and_counts_as_public(self) -> None:
        verdict = judge("s3", "{", account=OWN)
        assert verdict.public
        assert not verdict.external
        assert verdict.unparsable is not None
        assert verdict.because[0].startswith("cannot be read: the policy is not JSON")

    def test_a_statement_that_cannot_be_read_does_not_hide_the_others(self) -> None:
        verdict = judge("s3", policy({"Effect": "Allow"}, statement("s3", "*")), account=OWN)
        assert verdict.unparsable == "statement 1 needs a Principal or a NotPrincipal, one of them"
        assert _opening(verdict).index == 1


class TestTrust:
    def test_a_trusted_account_is_ours_in_every_spelling(self) -> None:
        trusted = Trusted(accounts=frozenset({OTHER}))
        for name in (OTHER, int(OTHER), f"arn:aws:iam::{OTHER}:role/x"):
            document = policy(statement("s3", {"AWS": name}))
            assert judge("s3", document, account=OWN, trusted=trusted).answer == "closed"

    def test_a_trusted_principal_does_not_make_its_account_trusted(self) -> None:
        role = f"arn:aws:iam::{OTHER}:role/backup"
        trusted = Trusted(principals=frozenset({role}))
        both = policy(statement("s3", {"AWS": [role, f"arn:aws:iam::{OTHER}:role/other"]}))
        opening = _opening(judge("s3", both, account=OWN, trusted=trusted))
        assert opening.principals == (f"arn:aws:iam::{OTHER}:role/other",)

    def test_a_trusted_root_is_the_bare_account_id_too(self) -> None:
        trusted = Trusted(principals=frozenset({f"arn:aws:iam::{OTHER}:root"}))
        document = policy(statement("s3", {"AWS": OTHER}))
        assert judge("s3", document, account=OWN, trusted=trusted).answer == "closed"

    def test_a_trusted_identity_provider_needs_no_condition(self) -> None:
        trusted = Trusted(principals=frozenset({policy_cases.SAML}))
        document = policy(statement("iam-trust", {"Federated": policy_cases.SAML}))
        assert judge("iam-trust", document, account=OWN, trusted=trusted).answer == "closed"

    def test_an_organization_is_ours_until_we_say_which_ones_are(self) -> None:
        condition = {"StringEquals": {"aws:PrincipalOrgID": "o-theirs1234"}}
        document = policy(statement("sqs", "*", condition))
        ours = Trusted(organizations=frozenset({"o-ours12345"}))
        theirs = Trusted(organizations=frozenset({"o-theirs1234"}))
        assert judge("sqs", document, account=OWN).answer == "closed"
        assert judge("sqs", document, account=OWN, trusted=ours).answer == "external"
        assert judge("sqs", document, account=OWN, trusted=theirs).answer == "closed"

    def test_a_stranger_inside_a_trusted_organization_is_ours(self) -> None:
        condition = {"StringEquals": {"aws:PrincipalOrgID": "o-ours12345"}}
        document = policy(statement("sqs", {"AWS": OTHER}, condition))
        ours = Trusted(organizations=frozenset({"o-ours12345"}))
        assert judge("sqs", document, account=OWN).answer == "external"
        assert judge("sqs", document, account=OWN, trusted=ours).answer == "closed"


class TestResource:
    def test_a_deny_on_the_resource_itself_covers_an_allow_on_everything(self) -> None:
        document = policy(
            statement("sqs", "*", Resource="*"), deny("sqs", Resource=policy_cases.QUEUE)
        )
        assert judge("sqs", document, account=OWN).answer == "public"
        known = judge("sqs", document, account=OWN, resource=policy_cases.QUEUE)
        assert known.answer == "closed"

    def test_a_bucket_is_covered_together_with_its_objects(self) -> None:
        whole = deny("s3", Resource=[policy_cases.BUCKET, policy_cases.OBJECTS])
        objects = deny("s3", Resource=policy_cases.OBJECTS)
        allow = statement("s3", "*", Resource="*")
        bucket = policy_cases.BUCKET
        assert judge("s3", policy(allow, whole), account=OWN, resource=bucket).answer == "closed"
        assert judge("s3", policy(allow, objects), account=OWN, resource=bucket).answer == "public"


class TestWithout:
    def test_the_offending_principal_goes_and_its_neighbours_stay(self) -> None:
        document = policy(
            statement("s3", {"AWS": [ROOT, OTHER, "*"], "Service": "s3.amazonaws.com"}, Sid="A"),
            {**deny("s3"), "Sid": "B", "Note": "kept"},
        )
        document["Id"] = "ours"
        verdict = judge("s3", policy(document["Statement"][0]), account=OWN)
        assert {opening.audience for opening in verdict.openings} == {"public", "external"}
        left = without("s3", document, verdict.openings, account=OWN)
        expected = copy.deepcopy(document)
        expected["Statement"][0]["Principal"] = {"AWS": [ROOT], "Service": "s3.amazonaws.com"}
        assert left == expected

    def test_one_opening_may_be_taken_away_and_another_left(self) -> None:
        document = policy(statement("s3", {"AWS": [OTHER, "*"]}))
        public = [o for o in judge("s3", document, account=OWN).openings if o.audience == "public"]
        left = without("s3", document, public, account=OWN)
        assert left is not None
        assert judge("s3", left, account=OWN).answer == "external"

    def test_a_family_left_empty_goes_with_its_name(self) -> None:
        document = policy(statement("sns", {"AWS": "*", "Service": "s3.amazonaws.com"}))
        left = without("sns", document, judge("sns", document, account=OWN).openings, account=OWN)
        assert left == policy(statement("sns", {"Service": "s3.amazonaws.com"}))

    def test_a_statement_with_nobody_left_goes_and_the_order_stays(self) -> None:
        first, last = statement("s3", {"AWS": OWN}, Sid="1"), deny("s3", {"AWS": OTHER}, Sid="3")
        document = policy(first, statement("s3", "*", Sid="2"), last)
        left = without("s3", document, judge("s3", document, account=OWN).openings, account=OWN)
        assert left == policy(first, last)

    def test_an_emptied_policy_is_none(self) -> None:
        document = {"Statement": statement("s3", "*")}
        openings = judge("s3", document, account=OWN).openings
        assert without("s3", document, openings, account=OWN) is None

    def test_an_emptied_trust_policy_trusts_nobody(self) -> None:
        document = policy(statement("iam-trust", {"AWS": "*"}))
        openings = judge("iam-trust", document, account=OWN).openings
        left = without("iam-trust", document, openings, account=OWN)
        only = _only_statement(left)
        assert (only["Effect"], only["Principal"], only["Action"]) == (
            "Deny",
            {"AWS": "*"},
            "sts:AssumeRole",
        )
        assert left is not None
        assert left["Version"] == "2012-10-17"

    def test_a_key_keeps_its_administrator(self) -> None:
        document = policy(
            statement("kms", {"AWS": [ROOT, "*"]}, Action="kms:*", Sid="Admin"),
            statement("kms", {"AWS": OTHER}, Sid="Use"),
        )
        left = without("kms", document, judge("kms", document, account=OWN).openings, account=OWN)
        assert left == policy(statement("kms", {"AWS": [ROOT]}, Action="kms:*", Sid="Admin"))

    def test_a_key_open_to_everyone_is_handed_to_its_own_account(self) -> None:
        document = policy(statement("kms", "*", Action="kms:*", Sid="Admin"))
        left = without("kms", document, judge("kms", document, account=OWN).openings, account=OWN)
        assert left == policy(statement("kms", {"AWS": ROOT}, Action="kms:*", Sid="Admin"))

    def test_a_key_without_an_administrator_gets_its_own_account(self) -> None:
        china = f"arn:aws-cn:iam::{OTHER}:role/x"
        document = policy(statement("kms", {"AWS": china}))
        left = without("kms", document, judge("kms", document, account=OWN).openings, account=OWN)
        only = _only_statement(left)
        assert only["Principal"] == {"AWS": f"arn:aws-cn:iam::{OWN}:root"}
        assert only["Action"] == "kms:*"

    def test_a_policy_given_as_text_comes_back_as_an_object(self) -> None:
        text = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*"}]}'
        openings = judge("sqs", text, account=OWN).openings
        assert without("sqs", text, openings, account=OWN) is None

    def test_text_that_is_no_policy_is_refused(self) -> None:
        with pytest.raises(UnreadableError):
            without("sqs", "{", (), account=OWN)


def test_whom_a_deny_spares_is_let_in_no_further_than_everybody() -> None:
    """Found by the property "adding a Deny never opens"."""
    condition = {"StringEquals": {"accounts.google.com:aud": "app"}}
    allow = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::wares/*",
        "Condition": condition,
    }
    spared = {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}
    deny = {"Effect": "Deny", "NotPrincipal": spared, "Action": "s3:*", "Resource": "*"}
    without_deny = judge("s3", {"Statement": [allow]}, account="123456789012")
    with_deny = judge("s3", {"Statement": [allow, deny]}, account="123456789012")
    assert without_deny.answer == with_deny.answer == "closed"
