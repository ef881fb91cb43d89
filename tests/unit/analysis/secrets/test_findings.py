"""What is said of a secret, and that nothing else ever is."""

import copy
import json
import logging
import pickle
from dataclasses import FrozenInstanceError, asdict

import pytest

from driftguard.analysis.secrets import Exposed, exposed_in
from driftguard.analysis.secrets.exposed import Found, Hidden, fingerprint

SALT = b"sixteen bytes..."
TEXT = "swordfish"


def test_a_hidden_text_shows_in_no_way_of_printing_it() -> None:
    hidden = Hidden(TEXT)
    shown = [
        repr(hidden),
        str(hidden),
        f"{hidden}",
        f"{hidden!r:>20}",
        f"{hidden:>20}",
        "{}".format(hidden),  # noqa: UP032
    ]
    shown += [repr([hidden]), repr(Found("password", 0, 9, hidden)), repr({"it": hidden})]
    assert not [one for one in shown if TEXT in one]
    assert hidden.reveal() == TEXT


def test_a_hidden_text_has_no_dictionary_and_takes_no_notes() -> None:
    hidden = Hidden(TEXT)
    with pytest.raises(TypeError):
        vars(hidden)
    with pytest.raises(AttributeError):
        hidden.note = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("store", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_a_hidden_text_cannot_be_stored(store) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError) as refused:
        store(Hidden(TEXT))
    assert TEXT not in str(refused.value)


def test_json_that_prints_what_it_does_not_know_prints_no_hidden_text() -> None:
    assert TEXT not in json.dumps([Hidden(TEXT)], default=str)


def test_a_hidden_text_stays_out_of_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger().debug("found %s and %r", Hidden(TEXT), [Hidden(TEXT)])
    assert caplog.text.count("<hidden>") == 2
    assert TEXT not in caplog.text


def test_a_finding_is_frozen_and_plain_data() -> None:
    finding = Exposed("password", "Environment.Variables.DB_PASSWORD", "0" * 16)
    with pytest.raises(FrozenInstanceError):
        finding.kind = "token"  # type: ignore[misc]
    assert Exposed(**json.loads(json.dumps(asdict(finding)))) == finding


def test_one_secret_has_one_fingerprint_under_one_salt() -> None:
    other = b"another 16 bytes"
    marks = {
        fingerprint(Hidden(text), salt) for text in (TEXT, TEXT + "2") for salt in (SALT, other)
    }
    assert len(marks) == 4
    assert fingerprint(Hidden(TEXT), SALT) in marks
    assert all(len(mark) == 16 and int(mark, 16) >= 0 for mark in marks)


def test_a_fingerprint_can_be_made_of_any_text() -> None:
    """An error about a lone surrogate would hold the secret."""
    assert len(fingerprint(Hidden("sword\ud800fish"), SALT)) == 16


def test_a_salt_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        exposed_in([], b"short")
