"""Counts the steps that judging a policy takes, so that the worst policy ends in bounded time.

Steps are counted, not seconds: the same policy is judged alike on every machine.
"""

STEPS = 100_000


class BudgetSpentError(Exception):
    """Judging took more steps than there are."""


class Budget:
    """What is left of the steps for one policy. A step is about a microsecond."""

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Raises `BudgetSpentError` when nothing is left."""
        self.left -= steps
        if self.left < 0:
            raise BudgetSpentError
