"""Which secrets are found, and where they are said to be."""

import base64
import gzip
import json
import subprocess
import sys
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.analysis.secrets import DetectorFailed, Exposed, exposed_in
from tests.support.secrets.made_up import (
    BASE62,
    BASE64,
    HEX,
    MARKED,
    encoded,
    key_id,
    password,
    secret_access_key,
    some,
    written,
)
from tests.support.secrets.made_up import elliptic_key as new_key

SALT = b"a salt for tests"
VARIABLES = "Environment.Variables."
DICE = Random("examples")
GITHUB = MARKED[0]


def found(*values: tuple[str, str]) -> tuple[Exposed, ...]:
    return exposed_in(values, SALT)


def kinds(place: str, text: str) -> list[str]:
    return [one.kind for one in found((place, text))]


def test_what_looks_encoded_and_is_not_stops_no_detector() -> None:
    r"""A letter of `\w` that base 64 has not hides no password beside it."""
    odd = ".".join((f"eyJ{'aé' * 20}", f"eyJ{'bé' * 40}", "c" * 30))
    both = found((f"{VARIABLES}A", odd), (f"{VARIABLES}DB_PASSWORD", "hunter2"))
    assert "password" in {one.kind for one in both}


# --------------------------------------------------------------------------------- name and value


def test_a_password_is_known_by_its_name() -> None:
    secret = password(DICE)
    assert kinds(f"{VARIABLES}DB_PASSWORD", secret) == ["password"]
    assert kinds(f"{VARIABLES}DB_PASSWORD_FILE", secret) == []


def test_a_weak_password_is_one_as_well() -> None:
    assert kinds(f"{VARIABLES}DB_PASSWORD", "hunter2") == ["password"]
    assert kinds(f"{VARIABLES}JWT_SECRET", "supersecret") == ["secret or token"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD_MIN_LENGTH", "12"),
        ("SECRET_NAME", "prod/db"),
        ("DB_PASSWORD", "{{resolve:secretsmanager:prod/db:SecretString:password}}"),
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("DB_PASSWORD", "prod/orders/db"),
        ("DB_SECRET", "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-a1B2c3"),
        ("TOKEN_URL", "https://login.example.com/oauth2/token"),
    ],
)
def test_what_only_speaks_of_a_secret_is_none(name: str, value: str) -> None:
    assert kinds(VARIABLES + name, value) == []


def test_the_places_own_last_name_counts_and_not_its_parents() -> None:
    secret = some(DICE, BASE62, 12)
    assert kinds("SecretsManager.Passwords.Greeting", secret) == []
    assert kinds("/orders/prod/password", secret) == ["password"]
    assert kinds("Parameters.DbPassword.Default", secret) == ["password"]


def test_randomness_needs_no_name_but_a_hash_is_none() -> None:
    assert kinds(f"{VARIABLES}SIGNER", some(DICE, BASE64, 64)) == ["high-entropy base64"]
    assert kinds(f"{VARIABLES}GIT_SHA", some(DICE, HEX, 40)) == []
    assert kinds(f"{VARIABLES}CHECKSUM", some(DICE, BASE64, 43) + "=") == []


# ------------------------------------------------------------------------------------- AWS keys


def test_a_secret_access_key_is_told_with_the_id_that_is_called_like_it() -> None:
    ids = {name: key_id(DICE) for name in ("", "BACKUP_")}
    secrets = {name: secret_access_key(DICE) for name in ids}
    values = [(f"{VARIABLES}{name}AWS_ACCESS_KEY_ID", one) for name, one in ids.items()]
    values += [(f"{VARIABLES}{name}AWS_SECRET_ACCESS_KEY", one) for name, one in secrets.items()]
    told = {one.place: one.key_id for one in found(*values) if one.kind == "AWS secret access key"}
    assert told == {
        f"{VARIABLES}AWS_SECRET_ACCESS_KEY": ids[""],
        f"{VARIABLES}BACKUP_AWS_SECRET_ACCESS_KEY": ids["BACKUP_"],
    }


def test_in_a_text_a_secret_belongs_to_the_id_next_to_it() -> None:
    pairs = [(key_id(DICE), secret_access_key(DICE)) for _ in range(2)]
    text = "\n".join(f"[p{n}]\nid = {one}\nkey = {other}" for n, (one, other) in enumerate(pairs))
    told = [one for one in found(("UserData", text)) if one.kind == "AWS secret access key"]
    assert [(one.place, one.key_id) for one in told] == [
        ("UserData:3", pairs[0][0]),
        ("UserData:6", pairs[1][0]),
    ]


def test_forty_characters_are_no_secret_access_key_without_an_id_or_a_name() -> None:
    forty = secret_access_key(DICE)
    assert "AWS secret access key" not in kinds(f"{VARIABLES}LABEL", forty)
    assert kinds(f"{VARIABLES}AWS_SECRET_KEY", forty) == ["AWS secret access key"]


def test_an_id_alone_is_told_as_an_id() -> None:
    one = key_id(DICE)
    (told,) = found((f"{VARIABLES}UPLOADER", one))
    assert (told.kind, told.key_id) == ("AWS access key id", one)


def test_the_keys_of_aws_documentation_are_nobodys() -> None:
    values = (
        (f"{VARIABLES}AWS_ACCESS_KEY_ID", "AK" + "IAIOSFODNN7" + "EXAMPLE"),
        (f"{VARIABLES}AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/" + "K7MDENG/bPxRfiCY" + "EXAMPLEKEY"),
    )
    assert found(*values) == ()


# ---------------------------------------------------------------------------------- the places


def test_a_text_of_several_lines_is_told_by_line() -> None:
    secret, token = password(DICE), GITHUB.made(DICE)[1]
    script = (
        f"#!/bin/bash\nset -e\nexport DB_PASSWORD='{secret}'\n\ngit clone https://{token}@x/y\n"
    )
    told = {one.place: one.kind for one in found(("UserData", script))}
    assert told == {"UserData:3": "password", "UserData:5": "GitHub token"}


def test_packed_user_data_is_told_by_the_lines_that_were_packed() -> None:
    script = f"#!/bin/bash\nexport DB_PASSWORD={some(DICE, BASE62, 14)}\n"
    plain = found(("UserData", script))
    assert [one.place for one in plain] == ["UserData:2"]
    assert found(("UserData", encoded(script))) == plain
    packed = base64.b64encode(gzip.compress(script.encode())).decode()
    assert found(("UserData", packed)) == plain
    wrapped = "\n".join(packed[at : at + 60] for at in range(0, len(packed), 60))
    assert found(("UserData", wrapped)) == plain
    assert found(("UserData", encoded(packed))) == plain


def test_what_unpacks_without_end_is_read_up_to_a_bound() -> None:
    secret = f"DB_PASSWORD={some(DICE, BASE62, 14)}\n"
    script = ("#!/bin/sh\n" + secret + "# padding\n" * 3_000_000).encode()
    packed = base64.b64encode(gzip.compress(script)).decode()
    assert [one.place for one in found(("UserData", packed))] == ["UserData:2"]


def test_broken_packing_is_read_as_it_stands() -> None:
    packed = base64.b64encode(gzip.compress(b"#!/bin/sh\n")[:-12] + b"\0\0").decode()
    assert found(("UserData", packed)) == ()


def test_one_key_has_one_fingerprint_however_its_lines_are_broken() -> None:
    pem = written(new_key(Random(7)))
    forms = (pem, pem.replace("\n", "\\n"), pem.replace("\n", " "), json.dumps({"pem": pem}))
    told = [one for form in forms for one in found((f"{VARIABLES}SIGNER", form))]
    assert [one.kind for one in told] == ["private key"] * 4
    assert len({one.fingerprint for one in told}) == 1


def test_one_secret_in_two_places_is_told_twice_with_one_fingerprint() -> None:
    secret, text = GITHUB.made(DICE)
    one, other = found((f"{VARIABLES}A", text), (f"{VARIABLES}B", f"https://{secret}@x/y"))
    assert one.place != other.place
    assert one.fingerprint == other.fingerprint


def test_a_secret_is_told_once_and_by_what_knows_it_best() -> None:
    assert kinds(f"{VARIABLES}API_TOKEN", GITHUB.made(DICE)[1]) == ["GitHub token"]
    address = f"postgres://app:{some(DICE, BASE62, 12)}@db.internal/orders"
    assert kinds(f"{VARIABLES}DB_PASSWORD", address) == ["connection string"]


def test_part_of_something_longer_is_no_token() -> None:
    assert kinds(f"{VARIABLES}BLOB", "S" + "K" + some(DICE, HEX, 64)) == []


# -------------------------------------------------------------------------- robust and lean


@pytest.mark.parametrize(
    "text",
    [
        "login(user, password=password, registry=registry)",
        "self.password = password",
        "token: options.token,",
        "    passphrase=passphrase\n",
        '{"user": user, "password": password}',
        "def sealed(passphrase: bytes) -> bytes:\n",
    ],
)
def test_code_that_hands_a_variable_on_shows_no_secret(text: str) -> None:
    assert kinds("app.py", text) == []


def test_a_weak_password_under_another_name_is_one_all_the_same() -> None:
    name = "pass" + "word"
    assert kinds("UserData", f"export DB_{name.upper()}={name}\n") == ["password"]
    assert kinds("UserData", f"login({name}='{name}')") == ["password"]


# ------------------------------------------------------------------------- texts made to hold it up


@pytest.mark.parametrize(
    ("part", "detector"),
    [
        ("ey" + "Jaaaaaaaa.", "JSON Web Token"),
        ("gl" + "pat-", "GitLab token"),
        (":_auth" + "Token=", "assigned values"),
    ],
)
def test_what_would_be_read_over_and_over_is_given_up_and_never_clean(
    part: str, detector: str
) -> None:
    """A few kilobytes of user data unpack to this, and the guard would not be done in its time."""
    with pytest.raises(DetectorFailed) as failed:
        found(("UserData", part * ((1 << 20) // len(part))))
    assert str(failed.value) == f"the detector of {detector} failed with Tangled at UserData"


def test_more_ids_than_any_configuration_has_are_given_up_and_never_clean() -> None:
    ids = [(f"Parameters.P{n}", " ".join(key_id(DICE) for _ in range(90))) for n in range(3)]
    with pytest.raises(DetectorFailed):
        found(*ids, ("Parameters.Key", secret_access_key(DICE)))


def test_a_large_honest_text_is_read_to_its_end() -> None:
    lines = [f"DB_{n}_PASSWORD={some(DICE, BASE62, 24)}" for n in range(2_000)]
    assert len(found(("UserData", "\n".join(lines)))) == 2_000


@given(st.lists(st.tuples(st.text(), st.text()), max_size=4))
def test_any_text_at_any_place_is_read_to_its_end(values: list[tuple[str, str]]) -> None:
    again = exposed_in(values, SALT)
    assert again == exposed_in(iter(values), SALT)
    assert {one.place.rpartition(":")[0] or one.place for one in again} <= {
        part for place, _ in values for part in (place, place.rpartition(":")[0])
    }


def _loaded(values: list[tuple[str, str]]) -> set[str]:
    """The packages that a fresh process has loaded after reading these values."""
    program = (
        "import json, sys; from driftguard.analysis.secrets import exposed_in;"
        "exposed_in(json.load(sys.stdin), bytes(16));"
        "print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(ended.stdout))


def test_an_ordinary_environment_loads_no_detector() -> None:
    values = [(f"{VARIABLES}LOG_LEVEL", "info"), (f"{VARIABLES}TABLE", "orders"), ("X.DEBUG", "1")]
    assert not _loaded(values) & {"detect_secrets", "requests", "yaml"}


def test_detectors_are_loaded_without_what_could_send_a_secret_anywhere() -> None:
    loaded = _loaded([(f"{VARIABLES}X", GITHUB.made(DICE)[1])])
    assert "detect_secrets" in loaded
    assert not loaded & {"requests", "urllib3", "yaml"}


def test_the_stand_in_leaves_the_real_requests_alone() -> None:
    import requests

    assert kinds(f"{VARIABLES}X", GITHUB.made(DICE)[1]) == ["GitHub token"]
    assert sys.modules["requests"] is requests
    assert requests.get.__module__ == "requests.api"
