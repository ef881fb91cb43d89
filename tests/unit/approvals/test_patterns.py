"""What an exemption's pattern matches: everything, or what somebody has named."""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from driftguard import controls
from driftguard.approvals.patterns import is_everything, shapes_of
from driftguard.controls.control import AnyControl
from driftguard.events.cloudtrail import change_from_event
from driftguard.model import Place, Resource
from driftguard.policy.bounds import fits
from tests.support.each import each
from tests.support.properties import tried
from tests.support.world import ROOT

EVERY = list(controls.every())
HERE = Place("123456789012", "us-east-1")


def risky(control: AnyControl) -> Resource:
    """The resource that the control's own risky event is about."""
    event = json.loads((ROOT / "events" / control.id / "risky.json").read_text())
    change = change_from_event(event)
    return next(iter(control.screen(change, control.settings()))).resource


# ----------------------------------------------------------------------- what names something

COMMON = ("app", "key", "p", "d", "j", "r", "cr", "lb", "nat", "checkout", "acme", "legacy", "qa")


def everything_to(patterns: Iterable[str], ids: Iterable[str]) -> list[tuple[str, str]]:
    """Which patterns are everything to which controls.

    A pattern that is no everything among the ARNs of all of them is none among those of one.
    """
    known = list(ids)
    together = {shape for id_ in known for shape in shapes_of(id_, HERE)}
    return [
        (pattern, id_)
        for pattern in patterns
        if is_everything(pattern, together)
        for id_ in known
        if is_everything(pattern, shapes_of(id_, HERE))
    ]


def test_a_common_beginning_of_names_is_a_name() -> None:
    """`app-*`, `key-*` and `p-*` were refused as everything: AWS begins ids of other kinds so."""
    ids = ("iam.admin-attached", "s3.public-policy", "lambda.public-url")
    forms = ("{}-*", "*-{}", "{}-?", "{}_*")
    assert everything_to([form.format(word) for word in COMMON for form in forms], ids) == []


def test_whoever_names_a_part_of_names_is_taken_at_their_word() -> None:
    patterns = ("app-*", "acme-*-checkout", "*-acme", "*acme*", "checkout/*", "prod-*")
    assert everything_to(patterns, [control.id for control in EVERY]) == []


def test_a_pattern_is_everything_to_the_control_with_such_ids_and_to_no_other() -> None:
    ids = ("iam.admin-attached", "ec2.open-ingress")
    assert everything_to(["prod-*", "*:security-group/sg-*"], ids) == [
        ("*:security-group/sg-*", "ec2.open-ingress")
    ]


WORDS = st.text(string.ascii_lowercase, min_size=4, max_size=10)


@given(
    st.sampled_from(["iam.admin-attached", "s3.public-policy", "rds.public-instance"]),
    WORDS,
    st.sampled_from(["{}-*", "*-{}", "{}.*", "*_{}", "{}/*", "{}*", "{}-?"]),
)
def test_a_word_and_a_separator_name_something(control: str, word: str, form: str) -> None:
    """Whatever the word: but for those that stand in every ARN of the kind."""
    pattern = form.format(word)
    shapes = shapes_of(control, HERE)
    if any(fits(pattern, part) for shape in shapes for part in re.split("[:/]", shape)):
        return
    assert not is_everything(pattern, shapes)


# ---------------------------------------------------------------------- what names nothing


@each("control", EVERY, ids=lambda control: control.id)
def test_a_kind_in_any_place_names_nothing(control: AnyControl) -> None:
    """Also where the control writes to no such ARN, so that it does not name its kind."""
    resource = risky(control)
    *_, end = resource.arn.split(":", 5)
    kind = re.match(r"[A-Za-z-]+[:/]", end)
    shapes = shapes_of(control.id, resource.place)
    if kind is None or resource.arn.startswith("arn:aws:s3:"):
        return
    for pattern in (f"*:{kind[0]}*", f"*{kind[0]}*", f"*:{kind[0]}?*"):
        assert is_everything(pattern, shapes), pattern


MADE = [
    control
    for control in EVERY
    if re.search(r"(^|/)[a-z]+-0[0-9a-f]{16}$|^[0-9a-f]{32}$", risky(control).id)
]


@tried(8)
@given(st.sampled_from(MADE), st.data())
def test_a_pattern_that_matches_much_of_the_ids_that_aws_makes_is_everything(
    control: AnyControl, data: st.DataObject
) -> None:
    """It is held against other ids than the guard's own: a hundred, drawn anew."""
    shape = risky(control).id
    start = re.match(r"[a-z-]*-0|", shape)
    assert start is not None
    head = start[0].removesuffix("0")
    piece = st.sampled_from(["*", "?", "0", "a", "7", "-", head, head.rstrip("-")])
    pattern = "".join(data.draw(st.lists(piece, min_size=1, max_size=6)))
    drawn = random.Random(pattern)
    long = 16 if head else 32
    ids = [
        head
        + ("0" if head else "")
        + "".join(drawn.choice("0123456789abcdef") for _ in range(long))
        for _ in range(100)
    ]
    if sum(fits(pattern, id_) for id_ in ids) >= 10:
        assert is_everything(pattern, shapes_of(control.id, HERE)), (control.id, pattern)


ENGLISH = re.findall(
    r"\w+",
    """
    apple bicycle candle dolphin elephant feather guitar hammer island jacket kettle lemon
    mountain napkin orange pencil quilt river saddle table umbrella violin window xylophone
    yellow zebra anchor bottle castle dragon engine flower garden helmet iron jungle kitten
    lantern mirror needle ocean pepper queen rabbit silver tiger uncle velvet whale
    """,
)


@given(st.lists(st.sampled_from([*"*?-_./", *"aeinorst", "er", "in"]), min_size=1, max_size=5))
def test_a_pattern_that_matches_much_of_what_people_choose_is_everything(parts: list[str]) -> None:
    """It is held against names of other words than the guard's own."""
    pattern = "".join(parts)
    drawn = random.Random(pattern)
    names = [
        drawn.choice("-_./").join(drawn.choices(ENGLISH, k=drawn.choice((1, 2, 2, 3))))
        for _ in range(300)
    ]
    if sum(fits(pattern, name) for name in names) >= 60:
        for control in ("iam.admin-attached", "s3.public-policy", "ssm.secret-in-plain-parameter"):
            assert is_everything(pattern, shapes_of(control, HERE)), pattern
