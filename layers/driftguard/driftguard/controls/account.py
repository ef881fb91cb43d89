"""The account itself: a region is switched on."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.advice import Advice

_SOURCE = "account.amazonaws.com"


def _enabled(change: Change) -> Iterator[Candidate]:
    region = text(change.request, "regionName", "RegionName")
    # An account id in the request is a member's, enabled from the management account.
    account = text(change.request, "accountId", "AccountId") or change.account
    if change.name == "EnableRegion" and region and account == change.account:
        where = resource(change, "account.region", region, f"account::{{account}}:region/{region}")
        yield Candidate(where, Certainty.EVIDENT)


def _read(region: Resource, reader: Reader) -> Document | None:
    """The region's state; None once the region is off again."""
    answer = document(reader.read("account", "GetRegionOptStatus", RegionName=region.id))
    status = text(answer, "RegionOptStatus")
    return {"region": region.id} if status in ("ENABLING", "ENABLED") else None


REGION_ENABLED = Advice(
    id="account.region-enabled",
    title="Region enabled",
    severity=60,
    cuts=NOTHING,
    references=References(attack=("T1535",)),
    # To disable one wakes it in vain: it is the harmless twin that the record tells apart.
    triggers=(Trigger(_SOURCE, "EnableRegion"), Trigger(_SOURCE, "DisableRegion")),
    reads=("account:GetRegionOptStatus",),
    revert="Disabling takes hours, and leaves what runs there running and out of sight.",
    candidates=_enabled,
    why="nobody may be watching the region yet",
    advice="If nobody needs the region, see what was made in it, delete that, and disable it. If "
    "somebody does, exempt it, and deploy the trail and this guard there.",
    read=_read,
)

CONTROLS = (REGION_ENABLED,)
