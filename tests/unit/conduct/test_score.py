"""How unusual a day is: the signals, what bounds them, and what no flood and no patience gains."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from driftguard.conduct.memory import DENIED, READS, Memory, Seen, known, learned, worth
from driftguard.conduct.record import Pending, folded, memory_of
from driftguard.conduct.score import ASKED, POWER, score_of, together
from tests.support.conduct import usual
from tests.support.each import each

DAY = 20_000
EVERYBODY = usual(DAY - 1, 60, service=["s3"], network=["office"], client=["aws-cli"])
WEB = usual(DAY - 1, 60, service=["s3", "logs"], network=["office"], client=["Boto3"])


def seen(reads: int = 0, denied: int = 0, **values: list[str]) -> Seen:
    return Seen({kind: frozenset(shown) for kind, shown in values.items()}, reads, denied)


def scored(shown: Seen, own: Memory = WEB, everybody: Memory = EVERYBODY) -> Any:
    return score_of(shown, own, everybody, DAY)


USUAL = {"service": ["s3"], "network": ["office"], "client": ["Boto3"]}
STOLEN = seen(
    reads=32,
    service=["s3", "iam", "secretsmanager", "sts"],
    network=["elsewhere"],
    client=["aws-cli"],
)


def test_what_is_done_every_day_is_not_unusual() -> None:
    assert scored(seen(**USUAL)) == (0, ())


def test_a_stolen_key_that_is_used_to_look_around_is_asked_about_and_explained() -> None:
    found = scored(STOLEN)
    assert found.score >= ASKED
    assert found.reasons == (
        "from the new network elsewhere",
        "32 or more different reads within ten minutes",
        "first use of iam",
        "first use of secretsmanager",
        "first use of sts",
        "with the new client aws-cli",
    )


@each(
    ("name", "shown"),
    [
        ("a journey", seen(service=["s3"], network=["hotel"], client=["Boto3"])),
        ("another tool", seen(service=["s3"], network=["office"], client=["terraform"])),
        ("a new service", seen(service=["s3", "glue"], network=["office"], client=["Boto3"])),
        ("a powerful one", seen(service=["secretsmanager"], network=["office"], client=["Boto3"])),
        ("a console", seen(reads=32, service=["s3"], network=["office"], client=["Boto3"])),
        ("denied once or twice", seen(denied=4, **USUAL)),
        ("a journey, another tool", seen(service=["s3"], network=["hotel"], client=["curl"])),
    ],
)
def test_one_kind_of_news_alone_is_never_asked_about(name: str, shown: Seen) -> None:
    assert 0 < scored(shown).score < ASKED


def test_what_has_power_weighs_more_and_takes_longer_to_become_usual() -> None:
    ordinary, power = (seen(service=[one], network=["office"]) for one in ("glue", "kms"))
    assert scored(power).score > 2 * scored(ordinary).score
    for days in (7, 14, 30):
        own = usual(DAY - 1, days, service=["glue", "kms"])
        used = [scored(seen(service=[one]), own).score for one in ("kms", "glue")]
        fresh = [scored(seen(service=[one])).score for one in ("kms", "glue")]
        assert used[0] / fresh[0] > used[1] / fresh[1]


def test_a_new_principal_that_does_what_others_do_is_less_unusual() -> None:
    others = usual(DAY - 1, 60, service=["s3", "kms"], network=["office"], client=["Boto3"])
    shown = seen(service=["s3", "kms"], network=["office"], client=["Boto3"])
    assert scored(shown, {}, others).score < ASKED
    assert scored(shown, {}, others).score < scored(shown, {}).score


def test_nothing_is_unusual_while_too_little_is_known() -> None:
    young = usual(DAY - 1, 10, service=["s3"])
    assert known(young, DAY) < 14
    assert scored(STOLEN, {}, young) == (0, ())


# ------------------------------------------------------------------------------- properties

VALUES = ("s3", "iam", "secretsmanager", "glue", "logs")
DAYS = st.builds(
    lambda service, network, client, reads, denied: Seen(
        {"service": service, "network": network, "client": client}, reads, denied
    ),
    st.frozensets(st.sampled_from(VALUES)),
    st.frozensets(st.sampled_from(["a", "b", "c"])),
    st.frozensets(st.sampled_from(["x", "y"])),
    st.sampled_from((0, *READS)),
    st.sampled_from((0, *DENIED)),
)


@given(shown=DAYS, before=st.lists(DAYS, max_size=20))
def test_more_familiar_days_never_raise_the_score(shown: Seen, before: list[Seen]) -> None:
    """By any number of days, and whether it is the principal's own or others' memory."""
    own: Memory = {}
    for at, day in enumerate(before):
        own = learned(own, day, DAY - 30 + at)
    score = scored(shown, own).score
    assert 0 <= score <= 100
    assert scored(shown, learned(own, shown, DAY - 1)).score <= score
    assert scored(shown, own, learned(EVERYBODY, shown, DAY)).score <= score


@given(shown=DAYS, more=DAYS)
def test_more_that_is_seen_never_lowers_the_score(shown: Seen, more: Seen) -> None:
    both = Seen(
        {kind: values | more.values[kind] for kind, values in shown.values.items()},
        max(shown.reads, more.reads),
        max(shown.denied, more.denied),
    )
    assert scored(both).score >= max(scored(shown).score, scored(more).score)


@given(weights=st.lists(st.floats(0, 1)), seed=st.randoms())
def test_the_order_of_signals_makes_no_difference(weights: list[float], seed: Any) -> None:
    shuffled = list(weights)
    seed.shuffle(shuffled)
    assert together(shuffled) == together(weights)


@given(shown=DAYS, days=st.integers(1, 200))
def test_what_was_usual_fades(shown: Seen, days: int) -> None:
    memory = learned({}, shown, DAY)
    for kind, values in shown.values.items():
        for value in values:
            later, then = worth(memory, kind, value, DAY + days), worth(memory, kind, value, DAY)
            assert 0 < later < then == 1


@given(floods=st.lists(st.integers(0, 10**6), min_size=1, max_size=400, unique=True))
def test_a_flood_of_made_up_names_pushes_nothing_out(floods: list[int]) -> None:
    own = WEB
    for day in range(3):
        made_up = frozenset(f"junk-{name}" for name in floods)
        flood = Seen({"service": made_up, "client": made_up, "network": made_up})
        own = learned(own, flood, DAY + day)
    for kind, value in (("service", "s3"), ("network", "office"), ("client", "Boto3")):
        assert worth(own, kind, value, DAY) > 10
    assert len(own["client"]) <= 40  # type: ignore[arg-type]
    assert len(own["service"]) <= 120  # type: ignore[arg-type]


def test_nothing_becomes_usual_within_a_week_nor_by_being_done_once_in_a_while() -> None:
    """Most of its weight is left after a week of every day, and half after years of every week."""
    for service in ("glue", sorted(POWER)[0]):
        every_day = usual(DAY - 1, 7, service=[service])
        fresh = scored(seen(service=[service]), {"days": every_day["days"]}).score
        assert scored(seen(service=[service]), every_day).score >= 0.75 * fresh
        weekly: Memory = {}
        for week in range(150, 0, -1):
            weekly = learned(weekly, seen(service=[service]), DAY - 7 * week)
        assert worth(weekly, "service", service, DAY) < 7
        own = {"days": weekly["days"], "service": weekly["service"]}
        assert scored(seen(service=[service]), own).score >= 0.5 * fresh


def test_a_day_that_people_accepted_counts_as_a_week() -> None:
    """By `folded`: only a person's word has what was asked about learned at all."""
    over = Pending(DAY, STOLEN, ASKED)
    document, _ = folded({"memory": WEB}, {"memory": EVERYBODY}, over, clean=True)
    ordinary, _ = folded({"memory": WEB}, {"memory": EVERYBODY}, over._replace(score=0), clean=True)
    for record, days in ((document, 7), (ordinary, 1)):
        assert worth(memory_of(record), "service", "iam", DAY) == days
    unclean, shared = folded({"memory": WEB}, {"memory": EVERYBODY}, over, clean=False)
    assert (memory_of(unclean), memory_of(shared)) == (WEB, EVERYBODY)


def test_a_day_counts_once_whatever_happens_in_it() -> None:
    once = learned({}, STOLEN, DAY)
    again = once
    for _ in range(100):
        again = learned(again, STOLEN, DAY)
    assert again == once
