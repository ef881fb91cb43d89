"""Nothing that is emitted holds a secret, or a piece of one: whatever it is, wherever it stands."""

import json
import logging
import pickle
import traceback
from dataclasses import asdict
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from driftguard.analysis.secrets import DetectorFailed, exposed_in
from tests.support.properties import tried
from tests.support.secrets.emitting import EVERYWHERE, NAMED, failing, logged
from tests.support.secrets.made_up import (
    BASE62,
    MARKED,
    Form,
    encoded,
    key_id,
    secret_access_key,
    some,
)

SALT = b"a salt for tests"
PIECE = 8
seeds = st.integers(min_value=0, max_value=2**64)
places = st.text(max_size=40) | st.from_regex(
    r"[A-Za-z]{1,12}(\.[A-Z_]{1,12}){0,3}", fullmatch=True
)
wrappings = st.sampled_from(["{}", "#!/bin/sh\n{}\nexit\n", "first line\n{}", '["x", "{}"]'])


def emitted(values: list[tuple[str, str]]) -> str:
    """All that can be made of what comes back, result or error, and all that is logged."""
    with logged() as log:
        try:
            told = exposed_in(values, SALT)
        except DetectorFailed as failed:
            logging.getLogger().exception("failed")
            whole = "".join(traceback.format_exception(failed))
            assert failed.__context__ is failed.__cause__ is None
            return log.getvalue() + whole + repr(failed) + str(failed) + repr(failed.args)
        logging.getLogger().debug("found %s %r", told, told)
        written = [repr(told), str(told), f"{told}", pickle.dumps(told).decode("latin-1")]
        written.append(json.dumps([asdict(one) for one in told], ensure_ascii=False))
    return log.getvalue() + "".join(written)


def leaked(secret: str, text: str, *known: str) -> list[str]:
    """The pieces of the secret in the text, but for those that its place or key id tells anyway."""
    pieces = {secret[at : at + PIECE] for at in range(len(secret) - PIECE + 1)}
    return [one for one in pieces if one in text and not any(one in other for other in known)]


@tried(3)
@given(st.sampled_from(EVERYWHERE), seeds, places, wrappings, st.booleans())
def test_a_secret_at_any_place_is_found_and_does_not_leak(
    form: Form, seed: int, place: str, wrapping: str, packed: bool
) -> None:
    secret, text = form.made(Random(seed))
    whole = wrapping.format(text) if "{" not in text else text
    values = [(place, encoded(whole) if packed else whole)]
    assert form.kind in {one.kind for one in exposed_in(values, SALT)}
    assert leaked(secret, emitted(values), place) == []


@tried(3)
@given(st.sampled_from(NAMED), seeds, places)
def test_a_secret_that_its_name_tells_is_found_and_does_not_leak(
    form: Form, seed: int, parent: str
) -> None:
    secret, place = form.shape(Random(seed)), f"{parent}.{form.before}"
    # One in 270 random values of 32 letters and digits has no digit: that reads as a name.
    assume(any(character.isdigit() for character in secret))
    assert form.kind in {one.kind for one in exposed_in([(place, secret)], SALT)}
    assert leaked(secret, emitted([(place, secret)]), place) == []


@tried(3)
@given(seeds, places, places)
def test_of_an_access_key_only_the_id_is_told(seed: int, one_place: str, other_place: str) -> None:
    dice = Random(seed)
    one, other = key_id(dice), secret_access_key(dice)
    text = emitted([(one_place, one), (other_place, other)])
    assert one in text
    assert leaked(other, text, one_place, other_place, one) == []


@tried(3)
@given(st.sampled_from(EVERYWHERE + NAMED), seeds, places, st.booleans())
def test_a_detector_that_fails_does_not_leak_what_it_read(
    form: Form, seed: int, place: str, packed: bool
) -> None:
    secret, text = form.made(Random(seed))
    with failing():
        said = emitted([(place, encoded(text) if packed else text)])
    assert leaked(secret, said, place, form.before) == []


def test_a_failure_names_the_detector_the_place_and_the_class_of_error() -> None:
    _, text = MARKED[0].made(Random(1))
    with failing(), pytest.raises(DetectorFailed) as failed:
        exposed_in([("Environment.Variables.X", text)], SALT)
    told = "the detector of GitHub token failed with ValueError at Environment.Variables.X"
    assert str(failed.value) == told


def test_the_watch_over_leaks_sees_one() -> None:
    """The property would be worth nothing if `leaked` could not fail."""
    secret = some(Random(2), BASE62, 20)
    assert leaked(secret, f"the password is {secret[4:14]}") != []
    assert leaked(secret, f"the password is {secret[4:11]}") == []
