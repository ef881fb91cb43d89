"""Whether something is used, by what CloudWatch has measured of it.

Source: Amazon CloudWatch API Reference, "GetMetricStatistics".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import items

# What `highest` needs.
READS_METRICS = ("cloudwatch:GetMetricStatistics",)
# How far back it looks: long enough for a pool of connections or a job that comes by the hour.
HOURS = 3


def highest(reader: Reader, namespace: str, metric: str, of: tuple[str, str]) -> float | None:
    """The highest value of a metric in the last `HOURS`; None where nothing was measured.

    `of` is the one dimension's name and value.
    """
    now = datetime.now(UTC)
    found = reader.read(
        "cloudwatch",
        "GetMetricStatistics",
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": of[0], "Value": of[1]}],
        StartTime=now - timedelta(hours=HOURS),
        EndTime=now,
        Period=300,
        Statistics=["Maximum"],
    )
    measured = [point.get("Maximum") for point in items(document(found).get("Datapoints"))]
    return max((float(most) for most in measured if isinstance(most, (int, float))), default=None)
