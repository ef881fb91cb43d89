"""How right the detectors are, counted over a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from driftguard.analysis.secrets import exposed_in
from tests.support.secrets.cases import Case

SALT = b"a salt for tests"


@dataclass(frozen=True, slots=True)
class Score:
    """How many of what should be found were, and how many were found that should not be."""

    right: int = 0
    missed: int = 0
    wrong: int = 0

    @property
    def precision(self) -> float:
        found = self.right + self.wrong
        return self.right / found if found else 1.0

    @property
    def recall(self) -> float:
        wanted = self.right + self.missed
        return self.right / wanted if wanted else 1.0


def told(case: Case) -> frozenset[tuple[str, str]]:
    """What the detectors say of a case: each secret by its kind and place."""
    return frozenset((one.kind, one.place) for one in exposed_in(case.values, SALT))


def by_kind(cases: Iterable[Case]) -> dict[str, Score]:
    """The score of each kind. A secret that is taken for another kind is missed in the one and
    wrong in the other."""
    right, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
    for case in cases:
        found = told(case)
        right.update(kind for kind, _ in found & case.expected)
        missed.update(kind for kind, _ in case.expected - found)
        wrong.update(kind for kind, _ in found - case.expected)
    kinds = sorted({*right, *missed, *wrong})
    return {kind: Score(right[kind], missed[kind], wrong[kind]) for kind in kinds}


def overall(scores: Iterable[Score]) -> Score:
    scores = tuple(scores)
    return Score(
        sum(one.right for one in scores),
        sum(one.missed for one in scores),
        sum(one.wrong for one in scores),
    )


def false_alarms(cases: Iterable[Case]) -> tuple[Case, ...]:
    """The cases without a secret in which one is found all the same."""
    return tuple(case for case in cases if not case.expected and told(case))
