"""AWS Shield Advanced: protections deleted, helpers sent away."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.documents import text
from driftguard.model import Candidate, Certainty, Change

from .control import NOTHING, References, Trigger, resource
from .mechanisms.advice import Advice

_SHIELD = "shield.amazonaws.com"
# What no longer works after each call.
_LOST = {
    "DeleteProtection": "a resource is no longer protected",
    "DisableApplicationLayerAutomaticResponse": "attacks are no longer answered automatically",
    "DisableProactiveEngagement": "the response team no longer calls when a resource is attacked",
    "DisassociateDRTLogBucket": "the response team no longer sees logs that it needs",
    "DisassociateDRTRole": "the response team can no longer act in the account",
}


def _weakened(change: Change) -> Iterator[Candidate]:
    lost = _LOST.get(change.name)
    if lost is not None:
        of = text(change.request, "protectionId", "resourceArn", "logBucket")
        tail = f"protection/{of}" if change.name == "DeleteProtection" else "subscription"
        where = resource(change, "shield.protection", of or "shield", f"shield::{{account}}:{tail}")
        yield Candidate(where, Certainty.EVIDENT, {"lost": lost, "of": of})


CONTROLS = (
    Advice(
        id="shield.weakened",
        title="Shield Advanced weakened",
        severity=75,
        references=References(attack=("T1562.001", "T1498")),
        cuts=NOTHING,
        triggers=(
            *(Trigger(_SHIELD, name) for name in _LOST),
            Trigger(_SHIELD, "CreateProtection"),
        ),
        revert="a protection that is made again has another id, and the role and the contacts of "
        "the response team are not in the record",
        candidates=_weakened,
        why="the account is less protected from denial of service",
        advice="Protect the resource again, or let the response team in again, as it was before.",
    ),
)
