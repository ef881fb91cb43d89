"""Keys about to be deleted."""

from __future__ import annotations

from collections.abc import Iterable

from ...aws import Reader
from ...model import Change, Document, Facet, Plan, Resource, Risk, Step, Suspect
from ...trail import text
from ..control import Control, NoSettings, References, Trigger
from ..mechanisms import evident
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

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Suspect]:
        for suspect in evident(key_of, "ScheduleKeyDeletion")(change):
            window = change.request.get("pendingWindowInDays")
            days = window if isinstance(window, int) else _DEFAULT_WINDOW
            yield Suspect(suspect.resource, suspect.certainty, {"window": days})

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        found = describe(suspect.resource, reader)
        if found is None:
            return None
        return {"state": text(found, "KeyState"), **suspect.hint}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return keys(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        waiting = state["state"] in ("PendingDeletion", "PendingReplicaDeletion")
        return Risk("the key will be deleted, and what it encrypted lost") if waiting else None

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        key, days = suspect.resource, facet.state.get("window", _DEFAULT_WINDOW)
        cancel = Step(
            call(key, "CancelKeyDeletion"),
            (call(key, "ScheduleKeyDeletion", {"PendingWindowInDays": days}),),
        )
        if baseline and baseline["state"] == "Enabled":
            enable = Step(call(key, "EnableKey"), (call(key, "DisableKey"),))
            return Plan((cancel, enable))
        return Plan((cancel,), advice="The key is disabled now; enable it if it is in use.")


CONTROLS = (DeletionScheduled(),)
