"""What a stack costs (`make cost`): counted from real changes, added up, told in docs/cost.md."""

from __future__ import annotations

import re
from urllib.parse import urlparse

import pytest
from benchmarks.cost import bill, counting, page, sizes

from driftguard_cli.generate.limits import loaded
from tests.support.world import ROOT

TEMPLATE = (ROOT / "template.yaml").read_text()


@pytest.mark.parametrize("kind", counting.KINDS)
def test_what_a_change_costs_is_as_it_was_measured(kind: str) -> None:
    """`make cost MEASURE=1` measures anew; bytes may differ by the length of a name."""
    measured, counted = bill.MEASURED[kind], counting.counted(kind)
    assert counted["calls"] == measured["calls"]
    assert (counted["reads"], counted["writes"]) == (measured["reads"], measured["writes"])
    assert counted["stored"] == pytest.approx(measured["stored"], rel=0.1)


def test_the_page_says_what_the_script_computes() -> None:
    shown = page.PAGE.read_text()
    assert page.with_blocks(shown) == shown, "run `make cost PAGE=1`"
    for size in sizes.SIZES:
        assert f"**${bill.total(bill.bill(size)):,.2f}**" in shown


def test_every_price_is_used_and_has_a_source() -> None:
    used = {line.price for size in sizes.SIZES for line in bill.bill(size)}
    # A stack's first dashboard is taken for one of the three that are free.
    assert used | {"cloudwatch.dashboard"} == set(bill.PRICES["prices"])
    for name, one in bill.PRICES["prices"].items():
        assert one["usd"] > 0, name
        assert urlparse(one["source"]).netloc == "aws.amazon.com"
        # What it was compared with and when, or that it was not.
        assert re.search(r"20\d\d|undated|from memory, unchecked", one["checked"]), name
    assert re.fullmatch(r"20\d\d-\d\d", bill.PRICES["as_of"])


def test_more_of_anything_costs_more() -> None:
    small, medium, large = (bill.total(bill.bill(size)) for size in sizes.SIZES)
    assert 0 < small < medium < large
    for size in sizes.SIZES:
        assert size.harmless > 0
        assert all(line.quantity > 0 for line in bill.bill(size))


def test_an_alarm_and_a_secret_more_are_on_the_bill() -> None:
    """The counts of the template are read from it, and not written down."""
    size = sizes.SIZES[0]
    before = {line.what: line.quantity for line in bill.bill(size, TEMPLATE)}
    more = TEMPLATE.replace(
        "\nResources:\n",
        "\nResources:\n"
        "  NewAlarm: {Type: AWS::CloudWatch::Alarm, Properties: {MetricName: Errors}}\n"
        "  NewSecret: {Type: AWS::SecretsManager::Secret, Properties: {}}\n",
        1,
    )
    assert more != TEMPLATE
    after = {line.what: line.quantity for line in bill.bill(size, more)}
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "alarms": 1,
        "secrets": 1,
    }
    others, rules = bill.alarm_metrics(loaded(TEMPLATE))
    assert others == before["alarms"]
    assert rules == before["alarms on rules (AlarmOnRules)"] > 0
