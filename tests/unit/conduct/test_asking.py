"""Whom the guard is told of, and which places a day has."""

from __future__ import annotations

from dataclasses import replace

from driftguard.conduct.asking import (
    MOST_A_DAY,
    Asking,
    Manner,
    place,
    places,
    with_place,
)
from driftguard.conduct.score import ASKED, HIGH
from driftguard.conduct.telling import CONTROL
from driftguard.documents import Document
from driftguard.model import Actor, Autonomy
from driftguard.policy.bounds import Bounds, BreakGlass
from driftguard.policy.model import Policy
from tests.support.each import each
from tests.support.world import ACCOUNT

IAM, STS = f"arn:aws:iam::{ACCOUNT}:", f"arn:aws:sts::{ACCOUNT}:"
REMEDIATOR = f"{IAM}role/driftguard-RemediatorRole"
POLICY = replace(
    Policy(),
    autonomy={CONTROL: Autonomy.ASK},
    settings={CONTROL: {"ask_from": 70}},
    bounds=Bounds()._replace(break_glass=(BreakGlass(f"{IAM}role/emergency", "emergency"),)),
)
ASKING = Asking.of(POLICY, (REMEDIATOR,))


@each(
    ("principal", "score", "manner"),
    [
        (f"{IAM}role/shop/web", 70, Manner.ASKED),
        (f"{IAM}user/alice", 100, Manner.ASKED),
        # The policy asks from 70 on.
        (f"{IAM}role/shop/web", 69, Manner.NOT),
        # The control looks at neither, and the guard at nothing that its plans do.
        (f"{STS}federated-user/x", 100, Manner.NOT),
        ("arn:aws:identitystore::123456789012:user/x", 100, Manner.NOT),
        ("", 100, Manner.NOT),
        (REMEDIATOR, 100, Manner.NOT),
        # Never contained.
        (f"{IAM}root", 100, Manner.TOLD),
        (f"{IAM}role/emergency", 100, Manner.TOLD),
        (f"{IAM}role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_x_1", 100, Manner.TOLD),
        (f"{IAM}role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX", 100, Manner.TOLD),
    ],
)
def test_people_are_asked_about_what_can_be_contained(
    principal: str, score: int, manner: Manner
) -> None:
    assert ASKING.manner(Actor(principal, principal), score) is manner


def test_where_the_policy_observes_people_are_told() -> None:
    observing = Asking.of(replace(POLICY, autonomy={CONTROL: Autonomy.OBSERVE}), ())
    assert observing.manner(Actor(f"{IAM}role/web"), HIGH) is Manner.TOLD


def test_no_policy_asks_from_a_lower_score_than_the_watcher_knows() -> None:
    for given in ({"ask_from": 10}, {"ask_from": "80"}, {}):
        assert Asking.of(replace(POLICY, settings={CONTROL: given}), ()).ask_from == ASKED


def filled(*wanted: tuple[Manner, int, bool]) -> list[str]:
    """Which place each gets in one day."""
    everybody: Document = {}
    got = []
    for number, (manner, score, again) in enumerate(wanted):
        kind = place(places(everybody, 1), manner, score, again=again)
        got.append(kind)
        if kind:
            everybody = with_place(everybody, 1, f"sk{number}", kind)
    assert places(everybody, 2) == {}
    return got


def test_what_was_asked_about_lately_leaves_places_to_others() -> None:
    """Else five pipelines that are unusual every day would be all that people hear of."""
    again, new = (Manner.ASKED, 70, True), (Manner.ASKED, 70, False)
    told = (Manner.TOLD, HIGH, True)
    assert filled(*[told] * 9).count("told-again") == 3
    assert filled(*[again] * 9, *[new] * 9) == (
        ["asked-again"] * 3 + [""] * 6 + ["asked"] + [""] * 8
    )


def test_one_place_is_left_for_what_is_most_unusual() -> None:
    low, high = (Manner.ASKED, HIGH - 1, False), (Manner.ASKED, HIGH, False)
    assert filled(*[low] * 9, high, high).count("asked") == MOST_A_DAY
    assert filled(*[low] * 9, high)[-1] == "asked"
    assert filled(*[high] * 9).count("asked") == MOST_A_DAY


def test_what_is_only_told_takes_no_place_of_a_question() -> None:
    told, asked = (Manner.TOLD, HIGH, False), (Manner.ASKED, HIGH, False)
    got = filled(*[told] * 9, *[asked] * 9)
    assert (got.count("told"), got.count("asked")) == (MOST_A_DAY, MOST_A_DAY)
