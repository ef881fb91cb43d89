"""When an access key was last used, and by what.

Source: IAM API Reference, "GetAccessKeyLastUsed".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import mapping, moment, text

from .principals import GONE

# A key that was not used for so long has no workload: Security Hub calls it unused (IAM.8).
UNUSED_AFTER = timedelta(days=90)


def last_use(reader: Reader, key: str, within: timedelta | None = None) -> str:
    """The last use of a key in words; "" if it was never used, or not `within` that time."""
    answer = reader.read("iam", "GetAccessKeyLastUsed", AccessKeyId=key, absent=GONE)
    used = mapping(document(answer), "AccessKeyLastUsed")
    at = moment(text(used, "LastUsedDate"))
    if at is None or (within is not None and datetime.now(UTC) - at > within):
        return ""
    return f"{at:%Y-%m-%d %H:%M} UTC, for {text(used, 'ServiceName')} in {text(used, 'Region')}"
