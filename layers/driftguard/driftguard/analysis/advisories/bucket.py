"""A copy of the OSV database in an S3 bucket.

An archive is downloaded once for each edition, because its index needs all of it anyway; advisories
as single objects are read where they are.

Source: Amazon S3 API Reference, "HeadObject", "GetObject" (If-Match), "ListObjectsV2".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from zipfile import ZipFile

from driftguard.aws.calls import AwsError, invoke, told_apart
from driftguard.aws.client import Aws
from driftguard.documents import digest

from .dump import ARCHIVE, LARGEST, Archive, Shelf
from .index import forget_others
from .osv import Unreadable

_ABSENT = ("404", "NoSuchKey", "NotFound")
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bucket:
    """A copy below a prefix of a bucket (`osv`, or nothing). `working` holds its archives.

    `largest` bounds an archive, in bytes: a Lambda's disk is small.
    """

    aws: Aws
    bucket: str
    prefix: str
    working: Path
    largest: int = 400 * 1024 * 1024

    def edition(self, ecosystem: str) -> str | None:
        """The archive's ETag, or the ETags of all objects."""
        head = invoke(
            self.aws.client("s3"),
            "s3",
            "HeadObject",
            {"Bucket": self.bucket, "Key": self._key(ecosystem, ARCHIVE)},
            absent=_ABSENT,
        )
        if head is not None:
            return f"{ARCHIVE} {head['ETag']}"
        listed = sorted(self._objects(ecosystem).items())
        return digest([list(entry) for entry in listed]) if listed else None

    def open(self, ecosystem: str, edition: str) -> Shelf:
        """The archive, from this disk or brought to it; else the objects."""
        kind, _, etag = edition.partition(" ")
        if kind != ARCHIVE:
            return Objects(self.aws, self.bucket, self._objects(ecosystem))
        path = self.working / f"{ecosystem}-{digest(edition)[:16]}.zip"
        if not path.is_file():
            self._download(ecosystem, etag, path)
        return Archive(ZipFile(path))

    def _key(self, ecosystem: str, name: str) -> str:
        folder = f"{self.prefix.rstrip('/')}/" if self.prefix.strip("/") else ""
        return f"{folder}{ecosystem}/{name}"

    def _objects(self, ecosystem: str) -> dict[str, str]:
        """The ETag of each object that is JSON."""
        client = self.aws.client("s3")
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self._key(ecosystem, "")
        )
        with told_apart("s3", "ListObjectsV2"):
            return {
                str(content["Key"]): str(content["ETag"])
                for page in pages
                for content in page.get("Contents", [])
                if str(content["Key"]).endswith(".json")
            }

    def _download(self, ecosystem: str, etag: str, path: Path) -> None:
        self.working.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = self._key(ecosystem, ARCHIVE)
        with told_apart("s3", "GetObject"):
            answer = self.aws.client("s3").get_object(Bucket=self.bucket, Key=key, IfMatch=etag)
            size = int(answer["ContentLength"])
            if size > self.largest:
                raise AwsError(f"{key} has {size:,} bytes, and {self.largest:,} is the most")
            with NamedTemporaryFile(dir=self.working, suffix=".coming", delete=False) as file:
                coming = Path(file.name)
                try:
                    with self.aws.time.interrupting(f"reading {key}"):
                        _copy(answer["Body"], file)
                    coming.replace(path)
                    forget_others(path)
                finally:
                    coming.unlink(missing_ok=True)


def _copy(body: Any, file: Any) -> None:
    """Copies a body; the SDK itself notices one that breaks off."""
    for chunk in body.iter_chunks(_CHUNK):
        file.write(chunk)
    file.flush()


@dataclass(frozen=True, slots=True)
class Objects:
    """Advisories as objects, each by its key."""

    aws: Aws
    bucket: str
    etags: dict[str, str]

    def names(self) -> Iterator[str]:
        """The objects' keys."""
        return iter(self.etags)

    def read(self, name: str) -> bytes:
        """An object, as it was when it was listed."""
        with told_apart("s3", "GetObject"):
            answer = self.aws.client("s3").get_object(
                Bucket=self.bucket, Key=name, IfMatch=self.etags[name]
            )
            if int(answer["ContentLength"]) > LARGEST:
                raise Unreadable(f"it has more than {LARGEST:,} bytes")
            with self.aws.time.interrupting(f"reading {name}"):
                raw: bytes = answer["Body"].read()
        return raw
