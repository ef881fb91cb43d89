"""EMR: the list of ports is set whole, and only what was let through before comes back."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.documents import Document
from driftguard.model import Candidate, Certainty, Observation, Resource

ARN = "arn:aws:elasticmapreduce:us-east-1:123456789012:block-public-access"
BLOCK = Resource("emr.block-public-access", "block-public-access", "123456789012", "us-east-1", ARN)
bpa_off: Any = control("emr.bpa-off")


def state(*spans: tuple[int, int], blocks: bool = True) -> Document:
    return {
        "blocks": blocks,
        "allowed": [{"MinRange": low, "MaxRange": high} for low, high in spans],
    }


@pytest.mark.parametrize(
    ("now", "before", "restored"),
    [
        (((8080, 8080),), ((22, 22),), ()),
        (((22, 22), (8080, 8080)), ((22, 22),), ((22, 22),)),
        (((0, 65535),), ((22, 22), (443, 443)), ((22, 22), (443, 443))),
        (((22, 30),), ((20, 24),), ((22, 24),)),
        ((), ((22, 22),), ()),
    ],
    ids=["closed meanwhile", "one is new", "all", "in part", "none left"],
)
def test_a_port_that_was_closed_meanwhile_stays_closed(
    now: tuple[Any, ...], before: tuple[Any, ...], restored: tuple[Any, ...]
) -> None:
    """Kind 2: what is let through now, as far as it was before."""
    candidate = Candidate(BLOCK, Certainty.EVIDENT)
    observation = Observation(state(*now, blocks=False), "")
    (step,) = bpa_off.plan(candidate, observation, state(*before), NoSettings()).steps
    asked = step.call.parameters["BlockPublicAccessConfiguration"]
    assert asked["BlockPublicSecurityGroupRules"] is True
    put = asked["PermittedPublicSecurityGroupRuleRanges"]
    assert [(span["MinRange"], span["MaxRange"]) for span in put] == list(restored)


def test_a_region_that_never_blocked_is_as_it_was() -> None:
    """Kind 3."""
    never = state(blocks=False)
    assert bpa_off.assess(never, never, NoSettings()) is None
    assert bpa_off.assess(never, None, NoSettings()) is None
