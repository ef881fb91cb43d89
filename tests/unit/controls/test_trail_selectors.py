"""Which management events a trail's selectors leave out, in either of their two languages."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls.cloudtrail.selectors import gaps

READS = "read events"
WRITES = "write events"


def basic(**fields: Any) -> Any:
    """A basic selector, of everything unless said otherwise."""
    return {"ReadWriteType": "All", "IncludeManagementEvents": True, **fields}


def field(name: str, **operator: Any) -> Any:
    """One field of an advanced selector."""
    return {"Field": name, **operator}


MANAGEMENT = field("eventCategory", Equals=["Management"])


@pytest.mark.parametrize(
    ("selectors", "left_out"),
    [
        ([basic()], set()),
        ([], {READS, WRITES}),
        ([basic(IncludeManagementEvents=False)], {READS, WRITES}),
        ([basic(ReadWriteType="ReadOnly")], {WRITES}),
        ([basic(ReadWriteType="ReadOnly"), basic(ReadWriteType="WriteOnly")], set()),
        (
            [basic(ExcludeManagementEventSources=["kms.amazonaws.com"])],
            {"read events of kms.amazonaws.com", "write events of kms.amazonaws.com"},
        ),
        ([basic(IncludeManagementEvents=False), basic()], set()),
    ],
)
def test_basic_selectors(selectors: list[Any], left_out: set[str]) -> None:
    assert gaps({"EventSelectors": selectors}) == left_out


@pytest.mark.parametrize(
    ("fields", "left_out"),
    [
        ([MANAGEMENT], set()),
        ([field("eventCategory", Equals=["Data"])], {READS, WRITES}),
        ([MANAGEMENT, field("readOnly", Equals=["true"])], {WRITES}),
        ([MANAGEMENT, field("readOnly", Equals=["false"])], {READS}),
        (
            [
                MANAGEMENT,
                field("readOnly", Equals=["false"]),
                field("eventSource", NotEquals=["rdsdata.amazonaws.com"]),
            ],
            {READS, "write events of rdsdata.amazonaws.com"},
        ),
        (
            [MANAGEMENT, field("eventSource", Equals=["iam.amazonaws.com"])],
            {f"{side} events of all but some sources or callers" for side in ("read", "write")},
        ),
    ],
)
def test_advanced_selectors(fields: list[Any], left_out: set[str]) -> None:
    assert gaps({"AdvancedEventSelectors": [{"FieldSelectors": fields}]}) == left_out
