"""Keys about to be deleted."""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Candidate, Change, Finding, Observation, Plan, Resource, Step

from ..control import Control, NoSettings, References, Trigger
from ..mechanisms.declared import evident
from .key import KEYS, KMS, call, describe, key_of, keys

_DEFAULT_WINDOW = 30


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
        waiting = state["state"] in ("PendingDeletion", "PendingReplicaDeletion")
        return Finding("the key will be deleted, and what it encrypted lost") if waiting else None

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
        if baseline and baseline["state"] == "Enabled":
            enable = Step(call(key, "EnableKey"), (call(key, "DisableKey"),))
            return Plan((cancel, enable))
        return Plan((cancel,), advice="The key is disabled now; enable it if it is in use.")


CONTROLS = (DeletionScheduled(),)
