"""Keys about to be deleted.

Sources: AWS KMS API Reference, "ScheduleKeyDeletion" (7 to 30 days) and "KeyMetadata"
(`CreationDate`, `DeletionDate`); AWS KMS Developer Guide, "Key states of AWS KMS keys" (a key that
is pending deletion cannot be used).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from driftguard.aws.client import Reader
from driftguard.documents import Document, moment, stamp, text
from driftguard.model import Candidate, Change, Finding, Observation, Plan, Resource, Step

from .. import deletions
from ..control import NOTHING, Control, NoSettings, Preparation, References, Trigger
from ..mechanisms.declared import evident
from .key import BUSY, KEYS, KMS, SETTLING, call, describe, key_of, keys

_DEFAULT_WINDOW = 30
_CLAIMED = "claimed"
_WAITING = ("PendingDeletion", "PendingReplicaDeletion")


class DeletionScheduled(Control[NoSettings]):
    """A key waits for its deletion; with it goes everything that it encrypted.

    A key whose deletion is cancelled stays disabled: it is enabled again where the baseline says
    that it was. Scheduling anew starts the waiting period over; its length comes from the record.

    Tools end keys that they made, and nothing is lost before the deletion date. What AWS itself
    says (`deletions.py`) makes it less severe and a preparation; what a caller says of itself makes
    it a preparation only, with all its severity.
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
    # Scheduling anew gives another date, and tells nothing of when it was scheduled first.
    volatile = frozenset({"ends", "short_lived"})
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        for candidate in evident(key_of, "ScheduleKeyDeletion")(change):
            window = change.request.get("pendingWindowInDays")
            days = window if isinstance(window, int) else _DEFAULT_WINDOW
            by: Document = dict.fromkeys(deletions.by_caller(change), True)
            yield Candidate(candidate.resource, candidate.certainty, {"window": days, **by})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        found = describe(candidate.resource, reader)
        if found is None:
            return None
        state: Document = {"state": text(found, "KeyState"), **candidate.hint}
        ends = moment(text(found, "DeletionDate"))
        window = candidate.hint.get("window")
        if ends is None or not isinstance(window, int):
            return state
        scheduled = stamp(ends - timedelta(days=window))
        short = deletions.was_short(moment(text(found, "CreationDate")), scheduled)
        return {**state, "ends": stamp(ends), **({"short_lived": True} if short else {})}

    @property
    def prepares(self) -> bool:
        return True

    def preparation(self, told: Document) -> Preparation | None:
        why, window = _why_preparation(told), told.get("window")
        return Preparation(why, window) if why and isinstance(window, int) else None

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        return keys(reader)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        if state["state"] in _WAITING:
            by_aws = {name: known for name, known in state.items() if name != _CLAIMED}
            return Finding(
                "the key will be deleted, and what it encrypted lost",
                severity=deletions.severity(by_aws, self.severity)[0],
                # A replica's primary waits for its replicas, and has no date yet.
                preparation=_why_preparation(state) if "ends" in state else "",
                ends=text(state, "ends"),
            )
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


def _why_preparation(known: Document) -> str:
    why = deletions.severity(known, DeletionScheduled.severity)[1]
    return f"nothing is lost before the deletion date: {why}" if why else ""


def _was_enabled(baseline: Document | None) -> bool:
    return baseline is not None and baseline["state"] == "Enabled"


CONTROLS = (DeletionScheduled(),)
