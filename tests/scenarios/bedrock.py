"""Scenarios of the bedrock controls."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

bedrock = partial(change, "bedrock.amazonaws.com")
GUARDRAIL = "4zkw1xcvbn01"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PROFILE = {
    "guardrailProfileId": "us.guardrail.v1:0",
    "guardrailProfileArn": (
        f"arn:aws:bedrock:us-east-1:{ACCOUNT}:guardrail-profile/us.guardrail.v1:0"
    ),
}
ARN = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:guardrail/{GUARDRAIL}"


def logging_deleted() -> Staged:
    client = boto3.client("bedrock")
    role = f"arn:aws:iam::{ACCOUNT}:role/prompts-to-logs"
    client.put_model_invocation_logging_configuration(
        loggingConfig={
            "cloudWatchConfig": {"logGroupName": "prompts", "roleArn": role},
            "s3Config": {"bucketName": "prompts", "keyPrefix": "all"},
            "textDataDeliveryEnabled": True,
        }
    )

    def attack() -> Change:
        client.delete_model_invocation_logging_configuration()
        return bedrock("DeleteModelInvocationLoggingConfiguration", None)

    def snapshot() -> Any:
        return client.get_model_invocation_logging_configuration()["loggingConfig"]

    return Staged(attack, snapshot, baseline=True)


def filters(strength: str) -> dict[str, Any]:
    """A filter of violence."""
    return {"type": "VIOLENCE", "inputStrength": strength, "outputStrength": strength}


def guardrail_weakened() -> Staged:
    messages = {"blockedInputMessaging": "No.", "blockedOutputsMessaging": "No."}
    topic = {"name": "Law", "definition": "Legal advice.", "type": "DENY"}
    draft: dict[str, Any] = {
        "name": "shop-assistant",
        "topicPolicy": {"topics": [topic], "tier": {"tierName": "CLASSIC"}},
        "contentPolicy": {"filters": [filters("HIGH")]},
        "kmsKeyArn": KEY,
        "crossRegionDetails": PROFILE,
        **messages,
    }

    def found(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked == {"guardrailIdentifier": GUARDRAIL}
        made = {"createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}
        named = {"guardrailId": GUARDRAIL, "guardrailArn": ARN}
        return {**draft, **made, **named, "version": "DRAFT", "status": "READY"}

    def listed(_: dict[str, Any]) -> dict[str, Any]:
        told = {key: found({"guardrailIdentifier": GUARDRAIL})[key] for key in ("name", "status")}
        made = {"createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}
        return {"guardrails": [{**told, **made, "id": GUARDRAIL, "arn": ARN, "version": "DRAFT"}]}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        draft.clear()
        draft.update({key: asked[key] for key in ("name", *messages)})
        if "topicPolicyConfig" in asked:
            topics = asked["topicPolicyConfig"]
            tier = topics["tierConfig"]
            draft["topicPolicy"] = {"topics": topics["topicsConfig"], "tier": tier}
        content = asked["contentPolicyConfig"]["filtersConfig"]
        draft["contentPolicy"] = {"filters": content}
        assert asked["kmsKeyId"] == KEY
        assert asked["crossRegionConfig"] == {
            "guardrailProfileIdentifier": PROFILE["guardrailProfileArn"]
        }
        draft.update(kmsKeyArn=KEY, crossRegionDetails=PROFILE)
        told = {"guardrailId": GUARDRAIL, "guardrailArn": ARN, "version": "DRAFT"}
        return {**told, "updatedAt": "2026-01-01T00:00:00Z"}

    def attack() -> Change:
        weak = {
            "contentPolicyConfig": {"filtersConfig": [filters("LOW")]},
            "kmsKeyId": KEY,
            "crossRegionConfig": {"guardrailProfileIdentifier": PROFILE["guardrailProfileArn"]},
        }
        update({"name": "shop-assistant", **messages, **weak})
        return bedrock("UpdateGuardrail", {"guardrailIdentifier": ARN, **weak})

    named = {"GetGuardrail": found, "ListGuardrails": listed, "UpdateGuardrail": update}
    fakes = {("bedrock", name): fake for name, fake in named.items()}
    return Staged(attack, lambda: dict(draft), fakes=fakes, baseline=True)


SCENARIOS = (
    Scenario("bedrock.invocation-logging-off", logging_deleted),
    Scenario("bedrock.guardrail-weakened", guardrail_weakened),
)
