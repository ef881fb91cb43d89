"""Finds the files of a history in files, folders and S3 buckets, in a fixed order."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from driftguard.aws.calls import AwsError, Client, told_apart
from driftguard.aws.client import Aws

from ...errors import Misuse
from .portions import CHUNK, Unreadable, chunks_of, unpacked
from .window import Window

# In a folder or a bucket, what may be a history; a file that is named itself is always read.
_READ = re.compile(r"\.(json|jsonl|ndjson|csv)(\.gz)?$", re.IGNORECASE)
# A trail's digest files lie beside its log files, and list no calls.
_DIGESTS = "/CloudTrail-Digest/"
_AT_ONCE = 16
# What is handed over whole; what is larger is read as it comes.
SMALL = 16 << 20


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine."""

    name: str
    size: int

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, unpacked. Raises `Unreadable`."""
        try:
            with Path(self.name).open("rb") as file:
                yield from chunks_of(file)
        except OSError as error:
            raise Unreadable(error.strerror or str(error)) from error


@dataclass(frozen=True, slots=True)
class Fetched:
    """A small object of S3, downloaded whole; or why it could not be downloaded."""

    name: str
    size: int
    data: bytes = b""
    failed: str = ""

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, unpacked. Raises `Unreadable`."""
        if self.failed:
            raise Unreadable(self.failed)
        yield from unpacked([self.data])


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object of S3 that is read as it comes."""

    name: str
    size: int
    client: Client

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, unpacked. Raises `Unreadable`."""
        yield from unpacked(self._raw())

    def fetched(self) -> Fetched:
        """The object with its bytes."""
        try:
            return Fetched(self.name, self.size, b"".join(self._raw()))
        except Unreadable as error:
            return Fetched(self.name, self.size, failed=str(error))

    def _raw(self) -> Iterator[bytes]:
        from botocore.exceptions import BotoCoreError

        bucket, key = bucket_and_key(self.name)
        try:
            with told_apart("s3", "GetObject"):
                body = self.client.get_object(Bucket=bucket, Key=key)["Body"]
            yield from body.iter_chunks(CHUNK)
        except (AwsError, BotoCoreError, OSError) as error:
            raise Unreadable(str(error)) from error


Origin = LocalFile | Fetched | S3Object


def bucket_and_key(url: str) -> tuple[str, str]:
    """The bucket, and the key or prefix, of an `s3://` URL."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def size_of(source: str, window: Window) -> int | None:
    """Return how many bytes there are to read; None if only reading tells."""
    if source.startswith("s3://"):
        return None
    return sum(origin.size for origin in _local(source, window))


def origins_at(source: str, window: Window) -> Iterator[Origin]:
    """Yield everything to read at a source, in order. Raises `Trouble` if there is nothing."""
    return _bucket(source, window) if source.startswith("s3://") else _local(source, window)


def _local(source: str, window: Window) -> Iterator[LocalFile | Fetched]:
    path = Path(source)
    if not path.exists():
        raise Misuse(f"There is no file or folder {source}.")
    if path.is_dir():
        yield from _walked(path, window)
    else:
        yield LocalFile(source, path.stat().st_size)


def _walked(folder: Path, window: Window) -> Iterator[LocalFile | Fetched]:
    """Every history below a folder, by name; links to folders are not followed."""
    try:
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                yield from _walked(entry, window)
            elif entry.is_file() and _is_history(f"/{entry}", window):
                yield LocalFile(str(entry), entry.stat().st_size)
    except OSError as error:
        yield Fetched(str(folder), 0, failed=f"cannot be listed: {error.strerror or error}")


def _is_history(name: str, window: Window) -> bool:
    return bool(_READ.search(name)) and _DIGESTS not in name and window.may_hold(name)


# -------------------------------------------------------------------------------------- S3


def _bucket(source: str, window: Window) -> Iterator[Origin]:
    bucket, prefix = bucket_and_key(source)
    if not bucket:
        raise Misuse(f"{source} names no bucket: write s3://bucket/prefix.")
    client = Aws().client("s3")
    return _ahead(_listed(client, bucket, prefix, window))


def _listed(client: Client, bucket: str, prefix: str, window: Window) -> Iterator[S3Object]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    with told_apart("s3", "ListObjectsV2"):
        for page in pages:
            for listed in page.get("Contents", ()):
                key = listed["Key"]
                if key == prefix or _is_history(f"/{key}", window):
                    yield S3Object(f"s3://{bucket}/{key}", listed["Size"], client)


def _ahead(objects: Iterator[S3Object]) -> Iterator[Origin]:
    """The same objects in the same order, the small ones fetched some at a time before their turn.

    The time that a small object takes is all waiting.
    """
    pool = ThreadPoolExecutor(_AT_ONCE)
    waiting: deque[S3Object | Future[Fetched]] = deque()
    try:
        for listed in objects:
            waiting.append(pool.submit(listed.fetched) if listed.size <= SMALL else listed)
            if len(waiting) > _AT_ONCE:
                yield _arrived(waiting.popleft())
        while waiting:
            yield _arrived(waiting.popleft())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _arrived(waiting: S3Object | Future[Fetched]) -> Origin:
    return waiting if isinstance(waiting, S3Object) else waiting.result()
