"""Scenarios of the guardduty controls."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged
from tests.support.records import change

guardduty = partial(change, "guardduty.amazonaws.com")


def make_detector() -> tuple[Any, str]:
    """A detector that looks at S3's data events too."""
    client = boto3.client("guardduty")
    made = client.create_detector(
        Enable=True, Features=[{"Name": "S3_DATA_EVENTS", "Status": "ENABLED"}]
    )
    return client, made["DetectorId"]


def detector_snapshot(detector: str, *names: str) -> Any:
    """A detector and the filters of these names."""
    client = boto3.client("guardduty")
    found = client.get_detector(DetectorId=detector)
    filters = [client.get_filter(DetectorId=detector, FilterName=one) for one in names]
    for one in filters:
        del one["ResponseMetadata"]
    return {"status": found["Status"], "features": found["Features"], "filters": filters}


def disabled() -> Staged:
    client, detector = make_detector()

    def attack() -> Change:
        off = [{"Name": "S3_DATA_EVENTS", "Status": "DISABLED"}]
        client.update_detector(DetectorId=detector, Enable=False, Features=off)
        logged = [{"name": "S3_DATA_EVENTS", "status": "DISABLED"}]
        return guardduty(
            "UpdateDetector", {"detectorId": detector, "enable": False, "features": logged}
        )

    return Staged(attack, lambda: detector_snapshot(detector), baseline=True)


def suppressed() -> Staged:
    client, detector = make_detector()
    criteria = {"Criterion": {"severity": {"Gte": 4}}}
    for name in ("port-probes", "others"):
        client.create_filter(
            DetectorId=detector, Name=name, Action="NOOP", FindingCriteria=criteria
        )

    def attack() -> Change:
        client.update_filter(DetectorId=detector, FilterName="port-probes", Action="ARCHIVE")
        return guardduty(
            "UpdateFilter",
            {"detectorId": detector, "filterName": "port-probes", "action": "ARCHIVE"},
        )

    return Staged(attack, lambda: detector_snapshot(detector, "port-probes", "others"))


def addresses_trusted() -> Staged:
    detector, id_ = "12abc34d567e8fa901bc2d34e56789f0", "0cb0141ab9fbde177613ab9436212e90"
    lists = {id_: "INACTIVE"}

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["DetectorId"] == detector
        location = "https://s3.amazonaws.com/lists/office.txt"
        status = lists[asked["IpSetId"]]
        return {"Name": "office", "Format": "TXT", "Location": location, "Status": status}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        lists[asked["IpSetId"]] = "ACTIVE" if asked["Activate"] else "INACTIVE"
        return {}

    def attack() -> Change:
        lists[id_] = "ACTIVE"
        return guardduty("UpdateIPSet", {"detectorId": detector, "ipSetId": id_, "activate": True})

    fakes = {("guardduty", "GetIPSet"): get, ("guardduty", "UpdateIPSet"): update}
    return Staged(attack, lambda: dict(lists), fakes=fakes)


def entities_trusted() -> Staged:
    """The same by the newer kind of list, which holds domains too."""
    detector, id_ = "12abc34d567e8fa901bc2d34e56789f0", "4ec1a0b2d3e4f5061728394a5b6c7d8e"
    lists = {id_: "INACTIVE"}

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["DetectorId"] == detector
        location = "https://s3.amazonaws.com/lists/partners.txt"
        status = lists[asked["TrustedEntitySetId"]]
        return {"Name": "partners", "Format": "TXT", "Location": location, "Status": status}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        lists[asked["TrustedEntitySetId"]] = "ACTIVE" if asked["Activate"] else "INACTIVE"
        return {}

    def attack() -> Change:
        lists[id_] = "ACTIVE"
        asked = {"detectorId": detector, "trustedEntitySetId": id_, "activate": True}
        return guardduty("UpdateTrustedEntitySet", asked)

    fakes = {
        ("guardduty", "GetTrustedEntitySet"): get,
        ("guardduty", "UpdateTrustedEntitySet"): update,
    }
    return Staged(attack, lambda: dict(lists), fakes=fakes)


SCENARIOS = (
    Scenario("guardduty.disabled", disabled),
    Scenario("guardduty.suppressed", suppressed),
    Scenario("guardduty.addresses-trusted", addresses_trusted),
    Scenario("guardduty.addresses-trusted", entities_trusted, "entities"),
)
