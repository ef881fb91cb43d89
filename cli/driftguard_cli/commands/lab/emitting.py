"""Puts an event on the lab's bus, as the account's own services would, and waits for what follows.

For what no call at the lab's recorder leads to: a service's finding, an example, a real trail's
record. The event is made the lab's own: its account and region, a new id, now.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from driftguard.audit import AuditTable
from driftguard.aws.calls import Client
from driftguard.aws.client import Aws
from driftguard.documents import Document, mapping, text
from driftguard.model import Decision

from ...errors import Misuse
from .environment import KNOW_FINDING
from .record import Lab

_BY_CLOUDTRAIL = "AWS API Call via CloudTrail"


@dataclass(frozen=True, slots=True)
class Emitted:
    """What was put on the bus: a record, its event and the id that decisions name."""

    id: str
    name: str
    entry: Mapping[str, str]

    @property
    def is_of_guardduty(self) -> bool:
        """Whether it tells a finding of GuardDuty."""
        return self.entry["Source"] == "aws.guardduty" and self.name == "GuardDuty Finding"


class AwsOfLab(Aws):
    """The library's clients, but always the lab's."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab

    def client(self, service: str, region: str = "") -> Client:
        made: Client = self._lab.client(service)
        return made


def read(path: Path) -> Document:
    """The event or record in a file. Raises `Misuse` where there is none."""
    try:
        written = json.loads(path.read_text())
    except OSError as error:
        raise Misuse(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Misuse(f"{path} is not JSON: {error}.") from error
    if not isinstance(written, dict) or not ("detail" in written or "eventName" in written):
        raise Misuse(
            f"{path} is neither an EventBridge event nor one CloudTrail record; events/ has both "
            "a risky and a harmless one for each control."
        )
    return written


def own(written: Document, lab: Lab) -> Emitted:
    """Return the event as the lab's own services would send it now."""
    detail = written.get("detail", written)
    if not isinstance(detail, Mapping):
        raise Misuse("The event's `detail` is not an object.")
    accounts = {text(written, "account"), text(detail, "recipientAccountId")} - {""}
    regions = {text(written, "region"), text(detail, "awsRegion")} - {""}
    words = json.dumps(detail)
    for account in accounts:
        words = words.replace(account, lab.account_id)
    for region in regions:
        words = words.replace(region, lab.region)
    id_ = str(uuid4())
    # What no record has, a finding, is known by its event's id, which the bus gives: see `emit`.
    made = {**json.loads(words)}
    if "eventName" in made:
        made |= {"eventID": id_, "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    source = text(written, "source") or f"aws.{text(detail, 'eventSource').partition('.')[0]}"
    entry = {
        "Source": source,
        "DetailType": text(written, "detail-type") or _BY_CLOUDTRAIL,
        "Detail": json.dumps(made),
    }
    return Emitted(id_, text(detail, "eventName") or entry["DetailType"], entry)


def know(lab: Lab, emitted: Emitted) -> None:
    """Has GuardDuty in the lab's account know the finding, as one that it tells of itself.

    Raises `Misuse` if it is no such finding.
    """
    found = json.loads(emitted.entry["Detail"])
    if not (text(found, "id") and text(mapping(found, "service"), "detectorId")):
        raise Misuse("The finding names no `id`, or no `service.detectorId`.")
    request = urllib.request.Request(
        lab.endpoints.account + KNOW_FINDING,
        emitted.entry["Detail"].encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60):
        return


def emit(lab: Lab, emitted: Emitted) -> Emitted:
    """Puts the event on the lab's bus. Returns it with the id that decisions name."""
    answer = lab.client("events").put_events(Entries=[dict(emitted.entry)])
    if "eventName" in json.loads(emitted.entry["Detail"]):
        return emitted
    return replace(emitted, id=str(answer["Entries"][0]["EventId"]))


def followed(lab: Lab, emitted: Emitted, seconds: float) -> list[Decision]:
    """The decisions that followed from an event, once none changes by itself, or time is over."""
    audit = AuditTable(AwsOfLab(lab), lab.outputs["AuditTable"])
    until = time.monotonic() + seconds
    found: list[Decision] = []
    while time.monotonic() < until:
        found = list(_of(audit, emitted))
        if found and all(decision.settled for decision in found):
            break
        time.sleep(0.5)
    return found


def _of(audit: AuditTable, emitted: Emitted) -> Iterator[Decision]:
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return (one for one in audit.of_day(today) if one.change_id == emitted.id)
