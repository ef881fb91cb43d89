"""Questions against wrong reverts, a panel an organization and a dot a policy, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log10

from .shapes import ORGANIZATIONS
from .strategies import ASK, CAUTIOUS, OURS, REVERT
from .targets import FEWER_ASKS, WRONG, ByStrategy, over, value

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 250, 230, 58, 46, 62
_COLOR = {OURS: "#0a7d33", CAUTIOUS: "#5aa57a", ASK: "#1f5fa8", REVERT: "#b3261e"}
_FIXED = "#7d8590"
# Shares of wrong reverts, on a logarithmic axis.
_LEAST, _MOST = 0.0005, 0.5
_TICKS = (0.001, 0.01, 0.1)


@dataclass(frozen=True, slots=True)
class _Panel:
    left: float
    widest: float

    def x(self, asks: float) -> float:
        return self.left + _WIDTH * asks / self.widest

    def y(self, wrong: float) -> float:
        share = log10(max(_LEAST, min(_MOST, wrong)) / _LEAST) / log10(_MOST / _LEAST)
        return _TOP + _HEIGHT * (1 - share)


def picture(results: Mapping[str, ByStrategy]) -> str:
    """The whole picture."""
    width = _LEFT + len(ORGANIZATIONS) * (_WIDTH + _GAP)
    height = _TOP + _HEIGHT + 46
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" '
        'font-family="-apple-system, Segoe UI, Helvetica Neue, Arial, sans-serif" '
        'font-size="11" fill="#444">',
        "<title>Wrong reverts over asks a day, by organization and policy</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, of in enumerate(ORGANIZATIONS):
        by_strategy = results[of.name]
        panel = _Panel(
            _LEFT + number * (_WIDTH + _GAP), 1.12 * over(by_strategy[ASK], "asks_per_day")
        )
        drawn += _axes(panel, of.name, by_strategy)
        drawn += _dots(panel, by_strategy)
    return "\n".join([*drawn, "</svg>", ""])


def _axes(panel: _Panel, name: str, of: ByStrategy) -> Iterator[str]:
    left, bottom = panel.left, _TOP + _HEIGHT
    corner = panel.x((1 - FEWER_ASKS) * over(of[ASK], "asks_per_day"))
    yield (
        f'<rect x="{left}" y="{panel.y(WRONG):.1f}" width="{corner - left:.1f}" '
        f'height="{bottom - panel.y(WRONG):.1f}" fill="#0a7d33" fill-opacity="0.12"/>'
    )
    yield f'<path d="M{left},{_TOP} V{bottom} H{left + _WIDTH}" fill="none" stroke="#444"/>'
    yield f'<text x="{left}" y="{_TOP - 22}" font-size="13" font-weight="600">{name}</text>'
    yield _text(left + _WIDTH / 2, bottom + 34, "asks a day", "middle")
    yield _text(left - 40, _TOP - 6, "wrong reverts", "start")
    for share in _TICKS:
        yield _text(left - 6, panel.y(share) + 4, f"{share:.1%}".replace(".0%", "%"), "end")
    for part in range(4):
        asks = panel.widest * part / 4
        yield _text(panel.x(asks), bottom + 16, f"{asks:.1f}", "middle")


def _dots(panel: _Panel, of: ByStrategy) -> Iterator[str]:
    fixed = [
        (over(years, "asks_per_day"), over(years, "wrong_revert_rate"), name)
        for name, years in of.items()
        if name == ASK or name.startswith("severity-")
    ]
    line = " ".join(f"{panel.x(asks):.1f},{panel.y(wrong):.1f}" for asks, wrong, _ in sorted(fixed))
    yield f'<polyline points="{line}" fill="none" stroke="{_FIXED}" stroke-dasharray="3 3"/>'
    for name, years in of.items():
        color = _COLOR.get(name, _FIXED)
        x, y = panel.x(over(years, "asks_per_day")), panel.y(over(years, "wrong_revert_rate"))
        if name in (OURS, CAUTIOUS):
            rates = [value(year, "wrong_revert_rate") for year in years]
            low, high = panel.y(min(rates)), panel.y(max(rates))
            yield f'<path d="M{x:.1f},{low:.1f} V{high:.1f}" stroke="{color}"/>'
        size = 5 if name == OURS else 3.5
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{color}"/>'
        if name in _COLOR:
            anchor, aside = ("end", -8) if name == ASK else ("start", 8)
            yield _text(x + aside, y - 6, name, anchor, color)


def _text(x: float, y: float, said: str, anchor: str, color: str = "#444") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{said}</text>'
