"""The tables of docs/cost.md."""

from __future__ import annotations

from . import sizes
from .bill import MEASURED, PRICES, ROOT, alarm_metrics, bill, by_service, loaded, total
from .sizes import SIZES, Size

PAGE = ROOT / "docs" / "cost.md"


def block(name: str) -> str:
    """One generated block of the page, by its name."""
    return {
        "bill": _bill,
        "lines": _lines,
        "counted": _counted,
        "sizes": _sizes,
        "prices": _prices,
    }[name]()


def with_blocks(page: str) -> str:
    """The page with its generated blocks written anew."""
    for name in ("bill", "sizes", "counted", "lines", "prices"):
        begin, end = f"<!-- generated: {name} -->\n", "<!-- end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        if not rest or not after:
            raise ValueError(f"docs/cost.md has lost its block {name}")
        page = f"{before}{begin}{block(name)}{end}{after}"
    return page


def _table(head: list[str], rows: list[list[str]]) -> str:
    numbers = "|".join(["---", *["---:"] * (len(head) - 1)])
    lines = [f"| {' | '.join(head)} |", f"|{numbers}|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


def _usd(value: float) -> str:
    return f"${value:,.2f}"


def _bill() -> str:
    bills = [by_service(bill(size)) for size in SIZES]
    rows = [[service, *(_usd(one[service]) for one in bills)] for service in bills[0]]
    rows.append(["**together**", *(f"**{_usd(sum(one.values()))}**" for one in bills)])
    rows.append(["without alarms on rules", *(_usd(_without_rules(size)) for size in SIZES)])
    return _table(["a month", *(size.name for size in SIZES)], rows)


def _without_rules(size: Size) -> float:
    return total([line for line in bill(size) if "AlarmOnRules" not in line.what])


def _sizes() -> str:
    rows = [
        ["events that match a rule", *(f"{size.matched:,}" for size in SIZES)],
        ["… of them harmless by their records", *(f"{size.harmless:,}" for size in SIZES)],
        ["… of them read and found in order", *(f"{size.fine:,}" for size in SIZES)],
        ["decisions: observed", *(f"{size.observed:,}" for size in SIZES)],
        ["decisions: reverted at once", *(f"{size.reverted:,}" for size in SIZES)],
        ["decisions: asked, then reverted", *(f"{size.asked:,}" for size in SIZES)],
        ["resources that the sweep looks at", *(f"{size.resources:,}" for size in SIZES)],
    ]
    return _table(["a month", *(size.name for size in SIZES)], rows)


def _counted() -> str:
    rows = [
        [
            name,
            f"{sum(one['calls'].values()):.1f}",
            f"{one['reads']:g}",
            f"{one['writes']:g}",
            f"{one['stored']:,}",
            str(sizes.MILLISECONDS.get(name, sizes.SWEEP_MILLISECONDS)),
        ]
        for name, one in MEASURED.items()
    ]
    head = ["one", "AWS calls", "read units", "write units", "bytes stored", "ms (assumed)"]
    return _table(head, rows)


def _lines() -> str:
    bills = [bill(size) for size in SIZES]
    rows = [
        [
            f"{line.service}: {line.what}",
            *(f"{_many(one[at].quantity)}, {_usd(one[at].usd)}" for one in bills),
        ]
        for at, line in enumerate(bills[0])
    ]
    others, rules = alarm_metrics(loaded((ROOT / "template.yaml").read_text()))
    table = _table(["", *(size.name for size in SIZES)], rows)
    return table + f"\nThe template's alarms look at {others} metrics, and at {rules} of rules.\n"


def _many(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _prices() -> str:
    rows = [
        [
            f"`{name}`",
            f"${one['usd']:g}",
            f"{one['per']:,} {one['unit']}",
            f"[AWS]({one['source']})",
            one["checked"],
        ]
        for name, one in PRICES["prices"].items()
    ]
    return _table(["price", "USD", "for", "source", "checked against"], rows)
