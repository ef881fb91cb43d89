"""A copy of the OSV database, in a folder or in a bucket: what it says, and what it cannot."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from driftguard.analysis.advisories import dump
from driftguard.analysis.advisories.bucket import Bucket
from driftguard.analysis.advisories.dump import Folder, OsvDump, Shelf, Source
from driftguard.analysis.advisories.matching import match
from driftguard.analysis.advisories.package import Package
from driftguard.analysis.advisories.provider import Answer, Found, NotKnown
from driftguard.aws.client import Aws
from tests.support.advisories.records import affecting, document

REQUESTS = Package("PyPI", "Requests", "2.19.0", "requests")
LODASH = Package("npm", "lodash", "4.17.15", "node_modules/lodash")
HARMLESS = Package("PyPI", "harmless", "1.0", "harmless")
BOTH = document(
    "GHSA-2",
    affecting("PyPI", "requests", "introduced 0, fixed 2.31.0"),
    affecting("PyPI", "urllib3", "introduced 0, fixed 2.0"),
)
PYPI = [
    document("GHSA-1", affecting("PyPI", "requests", "introduced 0, fixed 2.20.0")),
    BOTH,
    document("PYSEC-3", affecting("PyPI", "flask-login", "introduced 0")),
]
NPM = [document("GHSA-4", affecting("npm", "lodash", "introduced 0, fixed 4.17.21"))]
DATABASE = {"PyPI": PYPI, "npm": NPM}


def text(record: Any) -> bytes:
    return record if isinstance(record, bytes) else json.dumps(record).encode()


def named(records: list[Any]) -> list[tuple[str, bytes]]:
    """Each record with a file's name."""
    return [
        (f"{one['id']}.json" if isinstance(one, dict) else f"odd-{place}.json", text(one))
        for place, one in enumerate(records)
    ]


def archive(path: Path, records: list[Any]) -> Path:
    """An ecosystem's `all.zip`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as into:
        for name, raw in named(records):
            into.writestr(name, raw)
    return path


def loose(folder: Path, records: list[Any]) -> None:
    """An ecosystem's advisories as files."""
    folder.mkdir(parents=True)
    for name, raw in named(records):
        (folder / name).write_bytes(raw)


@pytest.fixture(params=["archives", "files"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The database in a folder, laid out in either way."""
    for ecosystem, records in DATABASE.items():
        if request.param == "archives":
            archive(tmp_path / "osv" / ecosystem / "all.zip", records)
        else:
            loose(tmp_path / "osv" / ecosystem, records)
    return tmp_path / "osv"


@dataclass
class Watched:
    """A source that writes down what is read of it."""

    source: Source
    read: list[str] = field(default_factory=list)

    def edition(self, ecosystem: str) -> str | None:
        return self.source.edition(ecosystem)

    def open(self, ecosystem: str, edition: str) -> Shelf:
        return WatchedShelf(self.source.open(ecosystem, edition), self.read)


@dataclass
class WatchedShelf:
    shelf: Shelf
    log: list[str]

    def names(self) -> Iterator[str]:
        return iter(self.shelf.names())

    def read(self, name: str) -> bytes:
        self.log.append(Path(name).name)
        return self.shelf.read(name)


def ids(answer: Answer) -> list[str]:
    return [one.id for one in answer.advisories]


def copy_in(folder: Path, working: str = "working") -> OsvDump:
    return OsvDump(Folder(folder), folder.parent / working)


def test_it_answers_with_the_advisories_of_every_package(folder: Path) -> None:
    answer = copy_in(folder).of([REQUESTS, LODASH, HARMLESS])
    assert isinstance(answer, Found)
    assert ids(answer) == ["GHSA-1", "GHSA-2", "GHSA-4"]
    assert len(match([REQUESTS, LODASH, HARMLESS], answer.advisories).vulnerabilities) == 3


def test_nothing_known_against_any_package_is_an_empty_answer(folder: Path) -> None:
    assert copy_in(folder).of([HARMLESS]) == Found(())
    assert copy_in(folder).of([]) == Found(())


def test_after_the_first_question_only_what_is_needed_is_read(folder: Path) -> None:
    watched = Watched(Folder(folder))
    asks = OsvDump(watched, folder.parent / "working")
    asks.of([HARMLESS])
    assert sorted(watched.read) == ["GHSA-1.json", "GHSA-2.json", "PYSEC-3.json"]
    watched.read.clear()
    assert ids(asks.of([Package("PyPI", "urllib3", "1.26", "urllib3")])) == ["GHSA-2"]
    assert watched.read == ["GHSA-2.json"]


def test_whoever_comes_next_finds_the_index_made(folder: Path) -> None:
    copy_in(folder).of([HARMLESS])
    watched = Watched(Folder(folder))
    assert ids(OsvDump(watched, folder.parent / "working").of([REQUESTS])) == ["GHSA-1", "GHSA-2"]
    assert sorted(watched.read) == ["GHSA-1.json", "GHSA-2.json"]


def test_a_newer_copy_is_noticed_and_the_old_index_goes(tmp_path: Path) -> None:
    path = archive(tmp_path / "osv" / "PyPI" / "all.zip", PYPI[:1])
    asks = copy_in(tmp_path / "osv")
    assert ids(asks.of([REQUESTS])) == ["GHSA-1"]
    archive(path, PYPI)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert ids(asks.of([REQUESTS])) == ["GHSA-1", "GHSA-2"]
    assert len(list((tmp_path / "working").iterdir())) == 1


def test_the_archive_counts_where_there_are_files_beside_it(tmp_path: Path) -> None:
    loose(tmp_path / "osv" / "PyPI", PYPI[:1])
    archive(tmp_path / "osv" / "PyPI" / "all.zip", PYPI)
    assert ids(copy_in(tmp_path / "osv").of([REQUESTS])) == ["GHSA-1", "GHSA-2"]


def test_a_distributions_releases_share_its_folder(tmp_path: Path) -> None:
    releases = [
        document("DSA-1", affecting("Debian:12", "nginx", "introduced 0")),
        document("DSA-2", affecting("Debian:11", "nginx", "introduced 0")),
    ]
    archive(tmp_path / "osv" / "Debian" / "all.zip", releases)
    answer = copy_in(tmp_path / "osv").of([Package("Debian:12", "nginx", "1.22", "image")])
    assert ids(answer) == ["DSA-1"]


@pytest.mark.parametrize("ecosystem", ["Maven", "", "..", "../osv/PyPI", "PyPI/../npm", "/"])
def test_an_ecosystem_that_the_copy_lacks_is_not_known(ecosystem: str, folder: Path) -> None:
    answer = copy_in(folder).of([REQUESTS, Package(ecosystem, "org.example:x", "1.0", "x.jar")])
    assert isinstance(answer, NotKnown)
    assert "no advisories for" in answer.reason
    assert ids(answer) == ["GHSA-1", "GHSA-2"]


def test_no_copy_at_all_is_not_known(tmp_path: Path) -> None:
    assert isinstance(copy_in(tmp_path / "nowhere").of([REQUESTS]), NotKnown)


UNREADABLE = {
    "not JSON": b"<html>",
    "half of JSON": b'{"id": "GHSA-9", "affected": [',
    "no advisory": b'{"affected": []}',
    "a list": b"[]",
    "an event without meaning": document(
        "GHSA-9", {"ranges": [{"type": "SEMVER", "events": [{"repaired": "1"}]}]}
    ),
}


@pytest.mark.parametrize("odd", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("layout", ["archive", "files"])
def test_one_that_cannot_be_read_makes_its_ecosystem_not_known_and_no_other(
    odd: Any, layout: str, tmp_path: Path
) -> None:
    raw = text(odd)
    if layout == "archive":
        archive(tmp_path / "osv" / "PyPI" / "all.zip", [*PYPI, raw])
    else:
        loose(tmp_path / "osv" / "PyPI", [*PYPI, raw])
    archive(tmp_path / "osv" / "npm" / "all.zip", NPM)
    for _ in range(2):
        # from the first pass through it, and from its index
        answer = copy_in(tmp_path / "osv").of([HARMLESS, REQUESTS])
        assert isinstance(answer, NotKnown)
        assert "odd-3.json cannot be read" in answer.reason
        assert ids(answer) == ["GHSA-1", "GHSA-2"]
    assert isinstance(copy_in(tmp_path / "osv").of([LODASH]), Found)


def test_an_empty_copy_is_not_known(tmp_path: Path) -> None:
    archive(tmp_path / "osv" / "PyPI" / "all.zip", [])
    answer = copy_in(tmp_path / "osv").of([REQUESTS])
    assert answer == NotKnown("the copy of PyPI is empty")


def test_an_archive_that_breaks_off_or_is_none_is_not_known(tmp_path: Path) -> None:
    path = archive(tmp_path / "osv" / "PyPI" / "all.zip", PYPI)
    for broken in (path.read_bytes()[:-40], b"<html>", b""):
        path.write_bytes(broken)
        answer = copy_in(tmp_path / "osv").of([REQUESTS])
        assert isinstance(answer, NotKnown)
        assert "the copy of PyPI cannot be read" in answer.reason


def test_a_member_that_was_changed_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "osv" / "PyPI" / "all.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as into:
        into.writestr("GHSA-1.json", text(PYPI[0]))
    path.write_bytes(path.read_bytes().replace(b"2.20.0", b"0.20.0"))
    answer = copy_in(tmp_path / "osv").of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert "GHSA-1.json cannot be read" in answer.reason


@pytest.mark.parametrize("layout", ["archive", "files"])
def test_a_bomb_is_not_unpacked(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dump, "LARGEST", 100_000)
    bomb = text(PYPI[0]) + b" " * 10_000_000
    if layout == "archive":
        archive(tmp_path / "osv" / "PyPI" / "all.zip", [bomb])
    else:
        loose(tmp_path / "osv" / "PyPI", [bomb])
    answer = copy_in(tmp_path / "osv").of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert "more than 100,000 bytes" in answer.reason


def test_an_index_that_was_interrupted_is_made_again(tmp_path: Path) -> None:
    archive(tmp_path / "osv" / "PyPI" / "all.zip", PYPI)

    class Interrupted(Exception):
        pass

    @dataclass
    class Interrupting(WatchedShelf):
        def read(self, name: str) -> bytes:
            if name == "PYSEC-3.json":
                raise Interrupted
            return self.shelf.read(name)

    @dataclass
    class Source(Watched):
        def open(self, ecosystem: str, edition: str) -> Shelf:
            return Interrupting(self.source.open(ecosystem, edition), [])

    with pytest.raises(Interrupted):
        OsvDump(Source(Folder(tmp_path / "osv")), tmp_path / "working").of([REQUESTS])
    assert list((tmp_path / "working").iterdir()) == []
    assert ids(copy_in(tmp_path / "osv").of([REQUESTS])) == ["GHSA-1", "GHSA-2"]


# -------------------------------------------------------------------------------------- in a bucket


@pytest.fixture
def bucket(account: None, tmp_path: Path) -> Bucket:
    boto3.client("s3").create_bucket(Bucket="advisories")
    return Bucket(Aws(), "advisories", "osv/", tmp_path / "working")


def put(key: str, body: bytes) -> None:
    boto3.client("s3").put_object(Bucket="advisories", Key=key, Body=body)


def put_archive(tmp_path: Path, ecosystem: str, records: list[Any]) -> None:
    path = archive(tmp_path / "made" / "all.zip", records)
    put(f"osv/{ecosystem}/all.zip", path.read_bytes())


@pytest.mark.parametrize("prefix", ["osv", "osv/"])
def test_a_prefix_is_a_folder_with_or_without_its_slash(
    bucket: Bucket, tmp_path: Path, prefix: str
) -> None:
    put_archive(tmp_path, "PyPI", PYPI)
    copy = replace(bucket, prefix=prefix)
    assert isinstance(OsvDump(copy, bucket.working).of([REQUESTS]), Found)


def asking(bucket: Bucket) -> OsvDump:
    return OsvDump(bucket, bucket.working)


def test_a_bucket_holds_a_copy_as_a_folder_does(bucket: Bucket, tmp_path: Path) -> None:
    put_archive(tmp_path, "PyPI", PYPI)
    for name, raw in named(NPM):
        put(f"osv/npm/{name}", raw)
    asks = asking(bucket)
    for _ in range(2):
        assert ids(asks.of([REQUESTS, LODASH, HARMLESS])) == ["GHSA-1", "GHSA-2", "GHSA-4"]
        assert asks.of([HARMLESS]) == Found(())
    missing = asks.of([Package("Go", "example.org/x", "v1.0.0", "main")])
    assert missing == NotKnown("the copy has no advisories for Go")


def test_a_newer_archive_in_the_bucket_replaces_the_one_on_disk(
    bucket: Bucket, tmp_path: Path
) -> None:
    put_archive(tmp_path, "PyPI", PYPI[:1])
    asks = asking(bucket)
    assert ids(asks.of([REQUESTS])) == ["GHSA-1"]
    put_archive(tmp_path, "PyPI", PYPI)
    assert ids(asks.of([REQUESTS])) == ["GHSA-1", "GHSA-2"]
    assert sorted(one.suffix for one in bucket.working.iterdir()) == [".index", ".zip"]


def test_an_archive_on_disk_is_not_fetched_again(bucket: Bucket, tmp_path: Path) -> None:
    put_archive(tmp_path, "PyPI", PYPI)
    asking(bucket).of([REQUESTS])
    (archived,) = bucket.working.glob("*.zip")
    before = archived.stat().st_mtime_ns
    assert ids(asking(bucket).of([REQUESTS])) == ["GHSA-1", "GHSA-2"]
    assert archived.stat().st_mtime_ns == before


def test_an_archive_that_the_disk_should_not_hold_is_not_known(
    bucket: Bucket, tmp_path: Path
) -> None:
    put_archive(tmp_path, "PyPI", PYPI)
    small = Bucket(bucket.aws, bucket.bucket, bucket.prefix, bucket.working, largest=100)
    answer = asking(small).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert "100 is the most" in answer.reason
    assert list(bucket.working.iterdir()) == []


def test_an_object_that_changes_while_it_is_read_is_not_known(bucket: Bucket) -> None:
    put("osv/PyPI/GHSA-1.json", text(PYPI[0]))
    asks = asking(bucket)
    edition = bucket.edition("PyPI")
    assert edition is not None
    shelf = bucket.open("PyPI", edition)
    put("osv/PyPI/GHSA-1.json", text(BOTH))

    @dataclass
    class Late:
        def edition(self, ecosystem: str) -> str | None:
            return edition

        def open(self, ecosystem: str, edition: str) -> Shelf:
            return shelf

    answer = OsvDump(Late(), bucket.working).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert ids(asks.of([REQUESTS])) == ["GHSA-2"]


def test_a_bucket_that_is_not_there_is_not_known(account: None, tmp_path: Path) -> None:
    nowhere = Bucket(Aws(), "nowhere", "", tmp_path)
    answer = asking(nowhere).of([REQUESTS])
    assert isinstance(answer, NotKnown)
    assert "NoSuchBucket" in answer.reason
