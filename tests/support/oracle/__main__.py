"""Holds the evaluator against the solver: `python -m tests.support.oracle 100000 [seed]`.

Prints each disagreement, and how many policies were judged alike. Exits 1 if there is one.
"""

import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from driftguard.access.policy import judge

from .judge import answer
from .policies import policy_of
from .requests import OWN

PROCESSES, CHUNK = 2, 250


def compared(seed: int) -> tuple[int, str, str]:
    """What the evaluator says of a policy, and what the solver does."""
    policy = policy_of(seed)
    return seed, judge("sqs", policy, account=OWN).answer, answer(policy)


def main(count: int, first: int) -> int:
    began, told = time.monotonic(), Counter[str]()
    with ProcessPoolExecutor(PROCESSES) as pool:
        seeds = range(first, first + count)
        for number, (seed, said, right) in enumerate(pool.map(compared, seeds, chunksize=CHUNK)):
            if said == right:
                told[f"both {said}"] += 1
            else:
                told[f"{said}, and the solver says {right}"] += 1
                _tell(f"seed {seed}: {said}, right: {right}\n  {json.dumps(policy_of(seed))}")
            if number % 5_000 == 4_999:
                seconds = time.monotonic() - began
                _tell(f"{number + 1} policies in {seconds:.0f} s: {dict(told)}")
    _tell(f"{count} policies from seed {first}: {dict(sorted(told.items()))}")
    return int(any("the solver says" in name for name in told))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[1:]]
    sys.exit(main(*(asked + [100_000, 0][len(asked) :])))
