"""Kind 9: regions lie in the partitions that AWS says."""

from __future__ import annotations

import re
from typing import Any

from botocore.loaders import create_loader

from driftguard.controls.control import partition_of
from driftguard.sweep.look import _HOMES
from tests.support.each import each

PARTITIONS: list[dict[str, Any]] = create_loader().load_data("partitions")["partitions"]
REGIONS = [
    (region, partition["id"])
    for partition in PARTITIONS
    for region in partition["regions"]
    if re.fullmatch(partition["regionRegex"], region)
]


@each(("region", "partition"), REGIONS)
def test_kind_9_a_regions_partition_is_botocores(region: str, partition: str) -> None:
    """Kind 9: of aws-eusc and the isolated ones too, so that ARNs name what is there."""
    assert partition_of(region) == partition


def test_iam_is_swept_in_one_region_of_each_partition() -> None:
    homes = [partition_of(region) for region in sorted(_HOMES)]
    assert sorted(homes) == sorted(partition["id"] for partition in PARTITIONS)
