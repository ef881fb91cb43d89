"""The Beta distribution: what is believed of a share of which some outcomes are known.

Pure. Source: Gelman et al., "Bayesian Data Analysis", chapters 2 (Beta-binomial) and 5
(hierarchical models); Press et al., "Numerical Recipes", section 6.4 (the incomplete beta function
by continued fraction).
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf, lgamma, log
from typing import NamedTuple


class Beta(NamedTuple):
    """A belief about a share: as after `good` right and `bad` wrong outcomes, both above 0."""

    good: float = 1.0
    bad: float = 1.0

    @property
    def mean(self) -> float:
        """The share to be expected."""
        return self.good / (self.good + self.bad)

    def after(self, good: float, bad: float) -> Beta:
        """The belief after more outcomes."""
        return Beta(self.good + good, self.bad + bad)

    def of_a_member(self, alike: float) -> Beta:
        """The belief about one member of a group whose mean share this belief is about.

        With the group's mean `m` known, a member's share is Beta(alike m, alike (1 - m)): `alike`
        says how like each other members are. The mean is known only as after `n` outcomes; by the
        law of total variance the member's share then varies like a Beta of strength
        alike n / (alike + n + 1).
        """
        n = self.good + self.bad
        if n == inf:
            return self
        strength = alike * n / (alike + n + 1.0)
        return Beta(strength * self.mean, strength * (1.0 - self.mean))

    def lower_bound(self, confidence: float) -> float:
        """The value that the share exceeds with this confidence; 0 if all is against it."""
        if self.bad == inf:
            return 0.0
        return _quantile(self.good, self.bad, 1.0 - confidence)


@lru_cache(maxsize=256)
def _quantile(a: float, b: float, mass: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle, a, b) < mass else (low, middle)
    return low


def below(x: float, a: float, b: float) -> float:
    """How much of Beta(a, b) lies below x: the regularized incomplete beta function."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = exp(a * log(x) + b * log(1.0 - x) - log_beta(a, b))
    # The fraction converges fast on one side of the mean; the other side is its complement.
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0) or tiny)
    found = d
    for m in range(1, 300):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / (1.0 + numerator * d or tiny)
            c = 1.0 + numerator / c or tiny
            found *= c * d
        if abs(c * d - 1.0) < 1e-12:
            break
    return found
