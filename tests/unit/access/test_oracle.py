"""13: the judge of policies and an independent oracle say the same of random policies.

`make oracle` asks about 100,000; a thousand take some twelve seconds of one core.
"""

import pytest

from tests.support.oracle.__main__ import compared
from tests.support.oracle.policies import policy_of

BATCH, BATCHES = 50, 20


@pytest.mark.parametrize("batch", range(BATCHES))
def test_13_a_policy_lets_in_whom_the_solver_finds(batch: int) -> None:
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        _, said, right = compared(seed)
        assert said == right, (seed, policy_of(seed))
