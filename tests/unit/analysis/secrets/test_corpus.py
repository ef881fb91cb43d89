"""How right the detectors are over the corpus; `-rP` shows the figures."""

import subprocess
import sys

import pytest

from tests.support.secrets.cases import Case
from tests.support.secrets.corpus import corpus
from tests.support.secrets.scores import by_kind, false_alarms, overall, told
from tests.support.world import ROOT

CASES = corpus()
HALVES = {
    "tuned on": tuple(case for case in CASES if not case.held_out),
    "held out": tuple(case for case in CASES if case.held_out),
}
BEYOND_DOUBT = ("AWS access key id", "AWS secret access key", "private key")


def test_the_corpus_is_big_and_broad_enough_to_say_something() -> None:
    with_secret = [case for case in CASES if case.expected]
    kinds = {kind for case in with_secret for kind, _ in case.expected}
    assert len(with_secret) >= 110
    assert len(CASES) - len(with_secret) >= 110
    assert len(kinds) >= 25
    assert len({case.name for case in CASES}) == len(CASES)
    for half in HALVES.values():
        assert 0.4 < len(half) / len(CASES) < 0.6


@pytest.mark.parametrize("kind", BEYOND_DOUBT)
def test_every_aws_key_and_private_key_is_found(kind: str) -> None:
    score = by_kind(CASES)[kind]
    assert score.right >= 20
    assert score.missed == 0


@pytest.mark.parametrize("half", HALVES)
def test_ordinary_values_are_left_alone(half: str) -> None:
    ordinary = [case for case in HALVES[half] if not case.expected]
    alarms = false_alarms(ordinary)
    sys.stdout.write(f"{half}: {len(alarms)} false alarms in {len(ordinary)} ordinary values\n")
    assert len(alarms) < 0.02 * len(ordinary), [case.name for case in alarms]


@pytest.mark.parametrize("half", HALVES)
def test_nearly_all_that_is_found_is_a_secret_and_nearly_all_secrets_are_found(half: str) -> None:
    score = overall(by_kind(HALVES[half]).values())
    sys.stdout.write(f"{half}: precision {score.precision:.4f}, recall {score.recall:.4f}\n")
    assert score.precision >= 0.97, _wrong(HALVES[half])
    assert score.recall >= 0.97, _wrong(HALVES[half])


def _wrong(cases: tuple[Case, ...]) -> list[str]:
    return [case.name for case in cases if told(case) != case.expected]


def test_no_scanner_finds_a_secret_in_these_files() -> None:
    here = ROOT / "tests/support/secrets"
    scan = [sys.executable, "-m", "detect_secrets", "scan", "--no-verify", "--all-files", "."]
    ended = subprocess.run(scan, cwd=here, capture_output=True, text=True, check=True)
    assert '"results": {}' in ended.stdout, ended.stdout
