"""`driftguard scan --secrets`: where secrets stand in a folder's files, and never what they are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random

import pytest

from driftguard_cli.commands.scan.secrets import exposures
from tests.support.inventory.making_zips import Content
from tests.support.scan.making import CLEAN, laid_out, password
from tests.support.scan.running import Scan, as_json
from tests.support.secrets.made_up import armoured, key_id, rsa_body, secret_access_key


def found(scan: Scan, copy: Path, files: dict[str, Content]) -> list[tuple[str, str]]:
    """The kind and place of each secret in a folder of these files, beside what is clean."""
    laid_out(Path("app"), CLEAN | files)
    result = scan("app", "--advisories", copy, "--secrets", "--json")
    secrets = as_json(result)["secrets"]
    assert result.exit_code == (1 if secrets else 0)
    return [(one["kind"], one["place"]) for one in secrets]


def test_a_secret_exits_1_and_is_told_by_kind_and_place(scan: Scan, copy: Path) -> None:
    secret = password()
    laid_out(Path("app"), CLEAN | {"conf/prod.env": f"DEBUG=0\nDB_PASSWORD={secret}\n"})
    arguments = ("app", "--advisories", copy)
    assert scan(*arguments).exit_code == 0
    result = scan(*arguments, "--secrets")
    assert result.exit_code == 1
    assert ["password", "conf/prod.env:2"] in [line.split() for line in result.stdout.splitlines()]
    assert "1 secret in the open" in result.stdout


def test_no_output_holds_a_secret_or_a_piece_of_one(scan: Scan, tmp_path: Path, copy: Path) -> None:
    dice = Random()
    secrets = [password(), secret_access_key(dice), rsa_body(dice)]
    id_ = key_id(dice)
    files: dict[str, Content] = {
        "a.env": f"DB_PASSWORD={secrets[0]}\n",
        "b.ini": f"aws_access_key_id = {id_}\naws_secret_access_key = {secrets[1]}\n",
        "c.pem": armoured("RSA " + "PRIVATE KEY", secrets[2]) + "\n",
    }
    laid_out(Path("app"), CLEAN | files)
    told = []
    for form in ("table", "json", "sarif", "cyclonedx"):
        file = tmp_path / form
        arguments = ("app", "--advisories", copy, "--secrets", "--format", form)
        result = scan(*arguments, "--output", file)
        told += [result.output, file.read_text(), scan(*arguments).output]
    for text in told:
        for secret in secrets:
            assert not any(secret[at : at + 12] in text for at in range(len(secret) - 11))
    # An id opens nothing, and says which key to make inactive.
    assert any(id_ in text for text in told)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        "node_modules/other/.env",
        "lib/site-packages/other/.env",
        "__pycache__/x.env",
    ],
)
def test_what_others_wrote_is_passed_by(scan: Scan, copy: Path, path: str) -> None:
    assert found(scan, copy, {path: f"DB_PASSWORD={password()}\n"}) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_text_is_read_in_whatever_encoding(scan: Scan, copy: Path, encoding: str) -> None:
    text = f"# für später\nDB_PASSWORD={password()}\n".encode(encoding)
    assert found(scan, copy, {"x.env": text}) == [("password", "x.env:2")]


def test_a_binary_file_is_no_text(scan: Scan, copy: Path) -> None:
    data = b"\x7fELF\0\0" + f"DB_PASSWORD={password()}\n".encode()
    assert found(scan, copy, {"x.bin": data}) == []


def test_an_access_keys_id_alone_is_no_secret(scan: Scan, copy: Path) -> None:
    assert found(scan, copy, {"x.env": f"KEY_ID={key_id(Random())}\n"}) == []


def test_a_line_that_a_comment_allows_is_counted_and_not_told(scan: Scan, copy: Path) -> None:
    allowed = f"DB_PASSWORD={password()}  # pragma: allowlist secret\n"
    laid_out(Path("app"), CLEAN | {"x.env": f"{allowed}OTHER_PASSWORD={password()}\n"})
    result = scan("app", "--advisories", copy, "--secrets", "--json")
    assert [one["place"] for one in as_json(result)["secrets"]] == ["x.env:2"]
    assert as_json(result)["secrets_allowed"] == 1


def test_a_large_text_is_read_to_its_end_and_lines_are_counted_through(
    scan: Scan, copy: Path
) -> None:
    line = "INFO nothing of interest happened on this line of the log\n"
    lines = 40_000
    text = f"DB_PASSWORD={password()}\n{line * lines}DB_PASSWORD={password()}\n"
    assert found(scan, copy, {"app.log": text}) == [
        ("password", "app.log:1"),
        ("password", f"app.log:{lines + 2}"),
    ]


@pytest.mark.parametrize("before_the_seam", [-1, 0, 1, 5, 12, 20, 25, 31, 40, 500, 1500])
def test_a_secret_across_the_pieces_in_which_a_text_is_read_is_found_once(
    tmp_path: Path, before_the_seam: int
) -> None:
    filling = "#" * 99 + "\n"
    before = 512 * 1024 - before_the_seam
    text = (filling * (before // 100 + 1))[: before - 1] + "\n"
    # Cut anywhere in its first line, there is no key to be recognized.
    key = armoured("RSA " + "PRIVATE KEY", rsa_body(Random(before)))
    (tmp_path / "x.pem").write_text(f"{text}{key}\n{filling * 2000}")
    (one,) = exposures(tmp_path).found
    assert (one.kind, one.place) == ("private key", f"x.pem:{text.count(chr(10)) + 1}")


def test_a_text_that_is_too_large_exits_2(scan: Scan, copy: Path) -> None:
    laid_out(Path("app"), CLEAN | {"data.csv": "1,2,3\n" * (3 * 1024 * 1024)})
    result = scan("app", "--advisories", copy, "--secrets", "--json")
    assert result.exit_code == 2
    assert as_json(result)["unknown"] == [
        "data.csv: is larger than 16,777,216 bytes, so it was not searched for secrets"
    ]


def test_a_file_that_may_not_be_read_exits_2(
    scan: Scan, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out(Path("app"), CLEAN | {"x.env": "A=1\n"})
    opened = Path.open

    def refused(path: Path, *arguments: object, **more: object) -> object:
        if path.name == "x.env":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", refused)
    result = scan("app", "--advisories", copy, "--secrets", "--json")
    assert result.exit_code == 2
    assert as_json(result)["unknown"] == ["x.env: could not be read: Permission denied"]


def test_a_detector_that_fails_exits_2_and_quotes_nothing(
    scan: Scan, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = password()
    laid_out(Path("app"), CLEAN | {"x.env": f"DB_PASSWORD={secret}\n"})

    def failing(text: str) -> None:
        raise ValueError(f"cannot read {text}")

    monkeypatch.setattr("driftguard.analysis.secrets.detect.assignments", failing)
    result = scan("app", "--advisories", copy, "--secrets", "--json")
    assert result.exit_code == 2
    assert "the detector of assigned values failed" in as_json(result)["unknown"][0]
    assert secret not in result.output


def test_links_and_what_is_no_file_are_passed_by(scan: Scan, tmp_path: Path, copy: Path) -> None:
    folder = laid_out(Path("app"), CLEAN)
    laid_out(folder, {"x.txt": f"DB_PASSWORD={password()}\n"})
    (folder / "y.txt").symlink_to("x.txt")
    os.mkfifo(folder / "pipe")
    result = scan("app", "--advisories", copy, "--secrets", "--json")
    assert [one["place"] for one in as_json(result)["secrets"]] == ["x.txt:1"]


def test_without_being_asked_for_no_secret_is_sought(scan: Scan, copy: Path) -> None:
    laid_out(Path("app"), CLEAN | {"x.env": f"DB_PASSWORD={password()}\n"})
    result = scan("app", "--advisories", copy, "--json")
    assert (result.exit_code, json.loads(result.stdout)["secrets"]) == (0, None)
