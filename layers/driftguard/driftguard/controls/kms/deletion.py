"""Keys about to be deleted."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Candidate, Change, Finding, Observation, Plan, Resource, Step

from ..control import NOTHING, Control, NoSettings, References, Trigger
from ..mechanisms.declared import evident
from .key import BUSY, KEYS, KMS, SETTLING, call, describe, key_of, keys

_DEFAULT_WINDOW = 30
_WAITING = ("PendingDeletion", "PendingReplicaDeletion")


class DeletionScheduled(Control[NoSettings]):
    """A key waits for its deletion; with it goes everything that it encrypted.

    A key whose deletion is cancelled stays disabled: it is enabled again where the baseline says
    that it was. Scheduling anew starts the waiting period over; its length comes from the record.
    """

    id = "kms.deletion-scheduled"
    title = "Key scheduled for deletion"
    severity = 90
    references = References(security_hub=("KMS.3",), attack=("T1485", "T1490"))
    triggers = (Trigger(KMS, "ScheduleKeyDeletion"), Trigger(KMS, "CancelKeyDeletion"))
    reads = ("kms:DescribeKey", "kms:ListKeys")
    writes = {
        "kms:CancelKeyDeletion": KEYS,
        "kms:DisableKey": KEYS,
        "kms:EnableKey": KEYS,
        "kms:ScheduleKeyDeletion": KEYS,
    }
    cuts = NOTHING
    settling = SETTLING
    busy = BUSY
    baselined = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        for candidate in evident(key_of, "ScheduleKeyDeletion")(change):
            window = change.request.get("pendingWindowInDays")
            days = window if isinstance(window, int) else _DEFAULT_WINDOW
            yield Candidate(candidate.resource, candidate.certainty, {"window": days})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = describe(candidate.resource, reader)
        if found is None:
            return None
        return {"state": text(found, "KeyState"), **candidate.hint}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return keys(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if state["state"] in _WAITING:
            return Finding("the key will be deleted, and what it encrypted lost")
        # Its deletion was scheduled and cancelled: KMS leaves such a key disabled.
        if "window" in state and state["state"] == "Disabled" and _was_enabled(baseline):
            return Finding("the key is disabled since its deletion was scheduled")
        return None

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        key, days = candidate.resource, observation.state.get("window", _DEFAULT_WINDOW)
        cancel = Step(
            call(key, "CancelKeyDeletion"),
            (call(key, "ScheduleKeyDeletion", {"PendingWindowInDays": days}),),
        )
        if _was_enabled(baseline):
            enable = Step(call(key, "EnableKey"), (call(key, "DisableKey"),))
            waits = observation.state["state"] in _WAITING
            return Plan((cancel, enable) if waits else (enable,))
        return Plan((cancel,), advice="The key is disabled now; enable it if it is in use.")


def _was_enabled(baseline: Document | None) -> bool:
    return baseline is not None and baseline["state"] == "Enabled"


CONTROLS = (DeletionScheduled(),)
