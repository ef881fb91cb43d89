"""Draws what is believed of a share: the density of a Beta distribution as the path of an SVG."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log

from driftguard.state.beta import Beta, log_beta

WIDTH, HEIGHT = 400, 120
_POINTS = 200


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing of `WIDTH` by `HEIGHT`: the line, the area under it, and two marks on the x axis.

    `bound` and `threshold` are the marks' x; `words` says all of it to whoever does not see it.
    """

    line: str
    area: str
    bound: float
    threshold: float
    words: str


def plotted(believed: Beta, bound: float, threshold: float, confidence: float) -> Plot:
    """The drawing of a belief, with the bound that it exceeds with this confidence, its score."""
    shares = [(number + 0.5) / _POINTS for number in range(_POINTS)]
    heights = densities(believed, shares)
    most = max(heights) or 1.0
    points = [
        f"{share * WIDTH:.1f},{(1 - height / most) * (HEIGHT - 4) + 4:.1f}"
        for share, height in zip(shares, heights, strict=True)
    ]
    line = "M" + " L".join(points)
    return Plot(
        line=line,
        area=f"{line} L{shares[-1] * WIDTH:.1f},{HEIGHT} L{shares[0] * WIDTH:.1f},{HEIGHT} Z",
        bound=round(WIDTH * min(1.0, max(0.0, bound)), 1),
        threshold=round(WIDTH * min(1.0, max(0.0, threshold)), 1),
        words=(
            f"For an actor without a record of their own, the share of right reverts is believed "
            f"to be about {believed.mean:.0%}, and with {confidence:.0%} confidence at least "
            f"{bound:.0%}; {threshold:.1%} is wanted."
        ),
    )


def densities(believed: Beta, shares: list[float]) -> list[float]:
    """The density at each of these shares, all between 0 and 1; 0 where all is against it."""
    if inf in believed:
        return [0.0 for _ in shares]
    good, bad = believed.good - 1.0, believed.bad - 1.0
    scale = log_beta(*believed)
    return [exp(good * log(share) + bad * log(1.0 - share) - scale) for share in shares]
