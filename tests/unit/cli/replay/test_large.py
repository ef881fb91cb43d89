"""Large histories: cut up, judged in processes, and told as if they had not been."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from driftguard.aws.calls import AwsError
from driftguard_cli.commands.replay import crew, origins, portions
from driftguard_cli.errors import Trouble
from tests.support.histories import described, json_lines, log_file, opened, replayed


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few records are cut up as gigabytes are."""
    monkeypatch.setattr(origins, "SMALL", 100)
    monkeypatch.setattr(crew, "SMALL", 100)
    monkeypatch.setattr(crew, "_ALONE", 0)
    monkeypatch.setattr(crew, "_RANGE", 2_000)
    monkeypatch.setattr(crew, "_TASK", 500)
    monkeypatch.setattr(portions, "PORTION", 2_000)
    monkeypatch.setattr(portions, "CHUNK", 1_000)
    monkeypatch.setattr(portions, "ROWS", 3)


LINES = [described() if n % 3 else opened(f"sg-{n}") for n in range(40)]
GROUPS = [f"sg-{n}" for n in range(0, 40, 3)]


@pytest.mark.usefixtures("everything_is_large")
@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_are_judged_side_by_side_and_told_in_order(
    tmp_path: Path, processes: str, packed: bool
) -> None:
    text = (json_lines(LINES) + "broken\n" + json_lines([opened("sg-z")])).encode()
    path = tmp_path / "h.jsonl"
    path.write_bytes(gzip.compress(text) if packed else text)
    said = replayed(path, processes=processes)
    assert said.groups == [*GROUPS, "sg-z"]
    assert f"{path}: line 41: not JSON" in said.errors
    assert "41 records read" in said.errors


@pytest.mark.usefixtures("everything_is_large")
def test_a_file_that_breaks_off_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl.gz"
    path.write_bytes(gzip.compress(json_lines(LINES).encode(), 0)[:-3_000])
    said = replayed(path)
    assert said.groups == GROUPS[: len(said.groups)]
    assert len(said.groups) > 5
    assert f"{path}: the gzip data ends too early" in said.errors


@pytest.mark.usefixtures("everything_is_large")
def test_rows_of_a_table_keep_their_numbers(tmp_path: Path) -> None:
    cells = [json.dumps(one).replace('"', '""') for one in LINES]
    cells[20] = "{broken"
    path = tmp_path / "h.csv"
    path.write_text("eventJson\n" + "".join(f'"{one}"\n' for one in cells))
    said = replayed(path)
    assert said.groups == GROUPS
    assert f"{path}: line 21: `eventJson` is not JSON" in said.errors


def test_many_small_files_are_judged_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "_ALONE", 0)
    monkeypatch.setattr(crew, "_TASK", 500)
    for number, one in enumerate(LINES):
        log_file(tmp_path / f"{number:03}.json.gz", one)
    assert replayed(tmp_path, processes="2").groups == GROUPS


def test_a_document_beyond_all_measure_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "LARGEST", 10_000)
    (tmp_path / "a.json").write_text(json.dumps({"Records": LINES}, indent=1))
    (tmp_path / "b.json").write_text(json.dumps({"Records": LINES}))
    said = replayed(tmp_path)
    assert "one JSON document of more than" in said.errors
    assert "a line is longer than" in said.errors


@given(st.lists(st.binary(max_size=30)), st.integers(1, 40))
def test_cutting_loses_nothing_and_cuts_at_the_ends_of_lines(
    chunks: list[bytes], size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portions, "PORTION", size)
        pieces = list(portions._cut(chunks))
    assert b"".join(pieces) == b"".join(chunks)
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])


class TestS3:
    @pytest.fixture
    def endpoint(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        server = ThreadedMotoServer(port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        yield f"http://{host}:{port}"
        urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
        server.stop()

    @pytest.fixture
    def bucket(self, endpoint: str, tmp_path: Path) -> str:
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="trail")
        for number, one in enumerate(LINES[:10]):
            body = log_file(tmp_path / "x", one).read_bytes()
            s3.put_object(Bucket="trail", Key=f"AWSLogs/{number:03}.json.gz", Body=body)
        s3.put_object(Bucket="trail", Key="AWSLogs/notes.txt", Body=b"hello")
        s3.put_object(Bucket="trail", Key="firehose", Body=json_lines([opened("sg-f")]).encode())
        return "trail"

    def test_all_of_a_prefix_is_read_in_order(self, bucket: str) -> None:
        said = replayed(f"s3://{bucket}/AWSLogs/")
        assert (said.groups, said.exit_code) == (["sg-0", "sg-3", "sg-6", "sg-9"], 0)

    def test_an_object_that_is_named_is_read_whatever_its_name(self, bucket: str) -> None:
        assert replayed(f"s3://{bucket}/firehose").groups == ["sg-f"]

    @pytest.mark.usefixtures("everything_is_large")
    def test_large_objects_are_read_as_they_come(self, bucket: str) -> None:
        body = gzip.compress(json_lines(LINES).encode())
        boto3.client("s3").put_object(Bucket=bucket, Key="big/h.jsonl.gz", Body=body)
        assert replayed(f"s3://{bucket}/big", processes="2").groups == GROUPS

    def test_a_bucket_that_is_not_there_is_said(self, endpoint: str) -> None:
        with pytest.raises(AwsError, match="NoSuchBucket"):
            replayed("s3://nowhere/")

    def test_a_url_without_a_bucket_is_trouble(self) -> None:
        with pytest.raises(Trouble, match="names no bucket"):
            replayed("s3://")
