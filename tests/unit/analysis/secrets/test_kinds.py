"""13: kinds of secret are found in all four places, and ordinary values are left alone."""

from __future__ import annotations

import re
import sys
from random import Random

import pytest

from driftguard.analysis.secrets import exposed_in
from driftguard.analysis.secrets.forms import FORMS
from driftguard.analysis.secrets.names import Telling, telling
from driftguard.analysis.secrets.randomness import is_random
from tests.support.each import each
from tests.support.secrets.command_lines import COMMANDS
from tests.support.secrets.four_places import (
    AIMS,
    MOST_FALSE_ALARMS,
    PLACES,
    SALT,
    VARIABLES,
    false_alarms,
    recall,
)
from tests.support.secrets.kinds import every_kind, example_of
from tests.support.secrets.made_up import BASE62, HEX, encoded, some
from tests.support.secrets.wrapped import wrapped

KINDS = every_kind()
SEED = 13


def kinds_in(place: str, text: str) -> list[str]:
    return [one.kind for one in exposed_in([(place, text)], SALT)]


# --------------------------------------------------------------------------------- the table


def test_the_table_names_more_than_two_hundred_kinds_of_many_issuers() -> None:
    assert len({form.kind for form in FORMS}) > 90
    assert len({kind.variable for kind in KINDS if not kind.marked}) > 200


@each("form", FORMS, ids=lambda form: f"{form.kind} {form.form[:24]}")
def test_every_form_has_a_mark_a_source_and_an_example_that_it_matches(form) -> None:  # type: ignore[no-untyped-def]
    assert len(form.mark) >= 2 or form.mark == "-"
    assert re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9]{2,8}(/[\w./-]+)?", form.source)
    for seed in range(5):
        made = example_of(form.form, Random(seed))
        assert re.fullmatch(form.form, made)
        assert form.mark in made


def test_an_example_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    kind = KINDS[0]
    assert kind.example(1) == kind.example(1) != kind.example(2)


# ---------------------------------------------------------------------------- in the four places


@pytest.mark.parametrize("place", PLACES)
def test_nearly_all_kinds_are_found(place: str) -> None:
    found = recall(place, KINDS, [SEED])
    sys.stdout.write(f"{place}: {found.share:.2%} of {found.looked_for}\n")
    assert found.share >= AIMS[place], found.missed


def test_ordinary_values_that_look_like_secrets_are_left_alone() -> None:
    tried, alarms = false_alarms()
    sys.stdout.write(f"{len(alarms)} false alarms in {tried} ordinary values\n")
    assert tried >= 600
    assert len(alarms) < MOST_FALSE_ALARMS * tried, alarms


@each("number", range(len(list(wrapped(Random(SEED))))))
def test_a_secret_in_a_wrapping_is_found(number: int) -> None:
    name, text = list(wrapped(Random(SEED)))[number]
    assert kinds_in("UserData", text), name
    assert kinds_in(f"{VARIABLES}SETTINGS", encoded(text)), name


@each("command", COMMANDS)
def test_what_a_command_is_given_is_found(command: str) -> None:
    secret = some(Random(command), BASE62, 20)
    assert kinds_in("UserData", f"#!/bin/bash\nset -e\n{command.format(secret)}\n"), command


# ----------------------------------------------------------------------------- names and values


@each(
    ("name", "says"),
    [
        ("DB_PASSWORD_STAGE", Telling.PASSWORD),
        ("DB_PASSWORD_PROD", Telling.PASSWORD),
        ("ROOT_PW", Telling.PASSWORD),
        ("WIFI_PSK", Telling.PASSWORD),
        ("SEED_PHRASE", Telling.PASSWORD),
        ("DB_KENNWORT", Telling.PASSWORD),
        ("datenbankPasswort", Telling.PASSWORD),
        ("MOT_DE_PASSE", Telling.PASSWORD),
        ("DB_MDP", Telling.PASSWORD),
        ("contraseña", Telling.PASSWORD),
        ("HASŁO", Telling.PASSWORD),
        ("AZURE_DEVOPS_PAT", Telling.KEY),
        ("API_KEY_B64", Telling.TOKEN),
        ("PASSWORD_ENCODER", Telling.SETTING),
        ("TOKEN_ADDRESS", Telling.SETTING),
        ("ALGOLIA_SEARCH_KEY", Telling.SETTING),
        ("PATTERN_DESIGN", Telling.NOTHING),
    ],
)
def test_names_tell_in_several_languages_and_with_qualifiers(name: str, says: Telling) -> None:
    assert telling(name) is says


def test_random_characters_are_a_secret_even_without_digits() -> None:
    dice = Random(SEED)
    letters = "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=32))
    assert kinds_in(f"{VARIABLES}API_TOKEN", letters) == ["secret or token"]
    assert kinds_in(f"{VARIABLES}API_TOKEN", "orders-service-in-production") == []


def test_words_and_numbers_are_not_random_and_most_random_characters_are() -> None:
    words = ["OrderRepositoryCustomImplementation", "20261124120000", "prod-orders-2026-checkout"]
    assert not [word for word in words if is_random(word)]
    dice = Random(SEED)
    for alphabet in (BASE62, HEX, "abcdefghijklmnopqrstuvwxyz"):
        made = ["".join(dice.choices(alphabet, k=24)) for _ in range(500)]
        assert sum(map(is_random, made)) > 0.9 * len(made)


def test_several_secrets_in_one_packed_text_are_each_told_where_it_begins() -> None:
    dice = Random(SEED)
    lines = "".join(f"{name}={some(dice, BASE62, 20)}\n" for name in ("A_PASSWORD", "B_PASSWORD"))
    text = f"#cloud-config\nwrite_files:\n- content: {encoded(lines)}\n  encoding: b64\n"
    told = exposed_in([("UserData", text)], SALT)
    assert [one.place for one in told] == ["UserData:3"] * 2
    assert len({one.fingerprint for one in told}) == 2


@pytest.mark.parametrize(
    "line",
    [
        'USERINFO_PAT = "(?:[0-9A-Fa-f]{1,4}|%[a-fA-F0-9]{2})+"',
        "X25519PrivateKey = rust_openssl.hpke.X25519PrivateKey",
        "password=Sha512Crypt.fromConfig(settings)",
        "token: Map<String,Token2>",
        "secret=${Aws1Secret}",
        "The password is required, and the token expires.",
        'raise ValueError("wrong password: expired")',
    ],
)
def test_code_and_prose_that_speak_of_secrets_hold_none(line: str) -> None:
    assert kinds_in("app.txt", f"first\n{line}\nlast\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "DB_PASSWORD=aB3;x&9(Yz)!q",
        "password: {A1b2&c3(d4",
        "the password is {}",
        "requirepass {}",
        "X-Api-Key '{}'",
        "password: |\n  {}",
    ],
)
def test_values_that_need_no_quotes_or_no_sign_are_found(line: str) -> None:
    text = line.replace("{}", some(Random(SEED), BASE62, 24))
    assert kinds_in("UserData", f"first: 1\n{text}\nlast: 2\n")
