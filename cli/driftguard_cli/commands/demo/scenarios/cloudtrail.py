"""CloudTrail: the account's trail."""

from __future__ import annotations

from ..account import Account
from ..events import Event, api_call
from .model import Scenario, Staged


def _stopped_trail(account: Account) -> Staged:
    trails, logs = account.client("cloudtrail"), f"shop-trail-{account.id}"
    account.client("s3").create_bucket(Bucket=logs)
    for name in ("management", "legacy"):
        trails.create_trail(
            Name=name, S3BucketName=logs, IsMultiRegionTrail=True, EnableLogFileValidation=True
        )
    trails.start_logging(Name="management")

    def records(name: str) -> bool:
        return bool(trails.get_trail_status(Name=name)["IsLogging"])

    def strike() -> Event:
        trails.stop_logging(Name="management")
        asked = {"name": account.arn("cloudtrail", "trail/management")}
        return api_call(account, "cloudtrail", "StopLogging", asked)

    def siblings() -> object:
        return trails.describe_trails()["trailList"], records("legacy")

    return Staged(
        "trail management",
        "records every call; an older trail was stopped on purpose",
        strike,
        lambda: not records("management"),
        siblings,
    )


STOPPED_TRAIL = Scenario(
    "stopped-trail",
    "cloudtrail.stopped",
    "stops the trail, so that nobody sees what comes next",
    _stopped_trail,
)
