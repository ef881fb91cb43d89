"""Keys disabled, no longer rotated, or open by their policy."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import Refused, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger
from ..mechanisms.declared import evident
from ..mechanisms.resource_policy import OpenPolicy
from ..mechanisms.switch import Switch
from .key import BUSY, GONE, KEYS, KMS, SETTLING, call, customers, describe, key_of, keys

# ---------------------------------------------------------------------------------- disabled


def _enabled(key: Resource, reader: Reader) -> Document | None:
    """Whether the key is enabled; None if it waits for deletion, as another control covers that."""
    found = describe(key, reader)
    state = text(found or {}, "KeyState")
    return {"enabled": state == "Enabled"} if state in ("Enabled", "Disabled") else None


def _set_enabled(key: Resource, state: Document) -> Call:
    return call(key, "EnableKey" if state["enabled"] else "DisableKey")


# ---------------------------------------------------------------------------------- rotation


def _rotation(key: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "kms",
        "GetKeyRotationStatus",
        KeyId=key.id,
        absent=(*GONE, "KMSInvalidStateException", "UnsupportedOperationException"),
    )
    if found is None:
        return None
    rotation = document(found)
    on = flag(rotation.get("KeyRotationEnabled")) is True
    return {"rotated": on, "days": rotation.get("RotationPeriodInDays") if on else None}


def _set_rotation(key: Resource, state: Document) -> Call:
    if not state["rotated"]:
        return call(key, "DisableKeyRotation")
    days: Document = {"RotationPeriodInDays": state["days"]} if state["days"] else {}
    return call(key, "EnableKeyRotation", days)


def _rotated(state: Document, baseline: Document | None) -> Document | None:
    return baseline if baseline and baseline["rotated"] else None


def _rotating(reader: Reader) -> Iterator[Resource]:
    """The keys that are rotated: only these can lose rotation.

    A key that lets nobody read whether it is rotated is listed too, so that this is told of it.
    """
    for key in keys(reader):
        try:
            rotation = _rotation(key, reader) if customers(key, reader) else None
        except Refused:
            yield key
            continue
        if rotation and rotation["rotated"]:
            yield key


# ------------------------------------------------------------------------------------ policy


def _policy(key: Resource, reader: Reader) -> Document | None:
    """The key's policy; None for a key of an AWS service, whose policy nobody else can change."""
    if not customers(key, reader):
        return None
    found = reader.read("kms", "GetKeyPolicy", KeyId=key.id, PolicyName="default", absent=GONE)
    return None if found is None else {"policy": text(document(found), "Policy")}


def _policy_put(change: Change) -> Iterator[Candidate]:
    if change.name == "CreateKey" and not (change.request.get("policy") or omitted(change.request)):
        # KMS gives it the default policy: to the account, and to nobody else.
        return
    for candidate in evident(key_of, "CreateKey", "PutKeyPolicy")(change):
        yield Candidate(candidate.resource, Certainty.POSSIBLE)


CONTROLS = (
    Switch(
        id="kms.disabled",
        title="Key disabled",
        severity=75,
        cuts=NOTHING,
        settling=SETTLING,
        busy=BUSY,
        references=References(attack=("T1489",)),
        triggers=(Trigger(KMS, "DisableKey"), Trigger(KMS, "EnableKey")),
        reads=("kms:DescribeKey", "kms:ListKeys"),
        writes={"kms:DisableKey": KEYS, "kms:EnableKey": KEYS},
        found_by=keys,
        candidates=evident(key_of, "DisableKey"),
        read=_enabled,
        risky=lambda state, _: "" if state["enabled"] else "nothing can be decrypted with the key",
        safe=lambda state, _: {"enabled": True},
        put=_set_enabled,
    ),
    Switch(
        id="kms.rotation-off",
        title="Key no longer rotated",
        severity=45,
        cuts=NOTHING,
        settling=SETTLING,
        busy=BUSY,
        references=References(security_hub=("KMS.4",)),
        triggers=(Trigger(KMS, "DisableKeyRotation"), Trigger(KMS, "EnableKeyRotation")),
        baselined=True,
        reads=("kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:ListKeys"),
        writes={"kms:DisableKeyRotation": KEYS, "kms:EnableKeyRotation": KEYS},
        found_by=_rotating,
        vanishing=True,
        candidates=evident(key_of, "DisableKeyRotation"),
        read=_rotation,
        risky=lambda state, _: "" if state["rotated"] else "the key is no longer rotated",
        safe=_rotated,
        put=_set_rotation,
        advice="Whether the key was rotated before is not recorded: turn rotation on if it was.",
    ),
    OpenPolicy(
        id="kms.public-policy",
        title="Key open by its policy",
        severity=85,
        cuts=NOTHING,
        settling=SETTLING,
        busy=BUSY,
        references=References(security_hub=("KMS.5",), attack=("T1098", "T1537")),
        triggers=(Trigger(KMS, "PutKeyPolicy"), Trigger(KMS, "CreateKey")),
        reads=("kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListKeys"),
        found_by=keys,
        writes={"kms:PutKeyPolicy": KEYS},
        service="kms",
        candidates=_policy_put,
        written=lambda change: change.request.get("policy"),
        read=_policy,
        put=lambda key, written, _: call(
            key, "PutKeyPolicy", {"PolicyName": "default", "Policy": written}
        ),
    ),
)
