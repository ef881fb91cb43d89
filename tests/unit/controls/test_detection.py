"""Security Hub's records, guardrails that are merged, and web ACLs that are gone."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.aws.permissions import grants_of
from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.documents import Document
from driftguard.model import Candidate, Certainty, Observation, Resource
from tests.support.answers import answering, refused_with
from tests.support.records import ACCOUNT, REGION, change

# ---------------------------------------------------------------------------- Security Hub

HUB = f"arn:aws:securityhub:{REGION}:{ACCOUNT}"
SUBSCRIPTION = f"{HUB}:subscription/cis-aws-foundations-benchmark/v/1.2.0"
CHECK = f"{HUB}:control/cis-aws-foundations-benchmark/v/1.2.0/1.1"


@pytest.mark.parametrize("encoded", [True, False])
@pytest.mark.parametrize("capitals", [True, False])
def test_security_hub_is_logged_as_its_api_spells(capitals: bool, encoded: bool) -> None:
    """Kind 9: PascalCase, and encoded ARNs in paths."""

    def spelled(name: str) -> str:
        return name if capitals else name[0].lower() + name[1:]

    def written(arn: str) -> str:
        return quote(arn, safe="") if encoded else arn

    source = "securityhub.amazonaws.com"
    disabled = {
        spelled("StandardsControlArn"): written(CHECK),
        spelled("ControlStatus"): "DISABLED",
    }
    (found,) = control("securityhub.control-disabled").screen(
        change(source, "UpdateStandardsControl", disabled), NoSettings()
    )
    assert found.resource.arn == CHECK

    ended = {spelled("StandardsSubscriptionArns"): [written(SUBSCRIPTION)]}
    (found,) = control("securityhub.standard-disabled").screen(
        change(source, "BatchDisableStandards", ended), NoSettings()
    )
    assert found.resource.arn == SUBSCRIPTION


# ------------------------------------------------------------------------------- guardrails

GUARDRAIL = Resource(
    "bedrock.guardrail", "g", ACCOUNT, REGION, f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/g"
)
STRENGTHS = ("NONE", "LOW", "MEDIUM", "HIGH")
strengths = st.dictionaries(
    st.sampled_from(["HATE", "VIOLENCE", "INSULTS"]), st.sampled_from(STRENGTHS)
)


def guardrail(filters: dict[str, str], **more: Any) -> Document:
    listed = [{"type": name, "inputStrength": strength} for name, strength in filters.items()]
    return {"name": "g", "contentPolicyConfig": {"filtersConfig": listed}, **more}


def strengths_of(sent: Document) -> dict[str, str]:
    policy: Any = sent.get("contentPolicyConfig", {})
    return {rule["type"]: rule["inputStrength"] for rule in policy.get("filtersConfig", [])}


@given(now=strengths, before=strengths)
def test_each_filter_becomes_as_strict_as_it_ever_was(
    now: dict[str, str], before: dict[str, str]
) -> None:
    """Kind 2: what people added or made stricter meanwhile stays."""
    one = control("bedrock.guardrail-weakened")
    seen, was = guardrail(now, description="new words"), guardrail(before)
    weaker = any(
        name not in now or STRENGTHS.index(now[name]) < STRENGTHS.index(strength)
        for name, strength in before.items()
    )

    assert (one.assess(seen, was, NoSettings()) is not None) is weaker
    candidate = Candidate(GUARDRAIL, Certainty.POSSIBLE)
    (step,) = one.plan(candidate, Observation(seen, ""), was, NoSettings()).steps

    sent = step.call.parameters
    assert sent["description"] == "new words"
    assert strengths_of(sent) == {
        name: max(now.get(name, "NONE"), before.get(name, "NONE"), key=STRENGTHS.index)
        for name in {*now, *before}
    }


def test_a_guardrails_profile_and_key_are_among_what_its_call_is_on() -> None:
    """Kind 5: AWS asks for the permission on both."""
    profile = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail-profile/us.guardrail.v1:0"
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    more = {
        "kmsKeyId": key,
        "crossRegionConfig": {"guardrailProfileIdentifier": profile},
    }
    seen, was = guardrail({}, **more), guardrail({"HATE": "HIGH"}, **more)
    candidate = Candidate(GUARDRAIL, Certainty.POSSIBLE)

    plan = control("bedrock.guardrail-weakened").plan(
        candidate, Observation(seen, ""), was, NoSettings()
    )
    granted = dict(grants_of(plan.steps[0].call))

    assert profile in granted["bedrock:UpdateGuardrail"]
    assert key in granted["kms:CreateGrant"]
    assert key in granted["kms:GenerateDataKey"]


# --------------------------------------------------------------------------------- web ACLs

ACL = Resource(
    "wafv2.web-acl",
    "acl",
    ACCOUNT,
    REGION,
    f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/shop/1",
)


def test_a_web_acl_that_is_gone_has_no_logging_to_miss() -> None:
    """Kinds 5 and 10: to delete a web ACL deletes its logging."""
    one = control("wafv2.logging-deleted")
    candidate = Candidate(ACL, Certainty.EVIDENT)
    gone = refused_with("WAFNonexistentItemException")

    assert one.observe(candidate, answering(wafv2__GetWebACL=gone)) is None
    there = answering(wafv2__GetWebACL={"WebACL": {}}, wafv2__GetLoggingConfiguration=gone)
    assert one.observe(candidate, there) == {"exists": False}


@pytest.mark.parametrize(
    ("destination", "actions"),
    [
        (f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:aws-waf-logs-a", {"logs:PutResourcePolicy"}),
        ("arn:aws:s3:::aws-waf-logs-a", {"s3:PutBucketPolicy", "s3:GetBucketPolicy"}),
        (
            f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/aws-waf-logs-a",
            {"iam:CreateServiceLinkedRole", "firehose:ListDeliveryStreams"},
        ),
    ],
)
def test_each_destination_of_logs_takes_its_own_permissions(
    destination: str, actions: set[str]
) -> None:
    """Kind 5."""
    logging = {"ResourceArn": ACL.arn, "LogDestinationConfigs": [destination]}
    before: Document = {"exists": True, "logging": logging}
    one = control("wafv2.logging-deleted")

    plan = one.plan(
        Candidate(ACL, Certainty.EVIDENT), Observation({"exists": False}, ""), before, NoSettings()
    )
    granted = dict(grants_of(plan.steps[0].call))

    assert actions <= set(granted)
    assert set(granted) <= set(one.writes)
