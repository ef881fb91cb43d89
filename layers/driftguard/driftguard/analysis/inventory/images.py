"""Reads a container image in a tar: the files that remain once its layers are stacked.

Layers are read from the top down, so that what an upper layer replaced or deleted is known
before it comes up. Source: Open Container Initiative, "Image Layout Specification" and "Image Layer
Filesystem Changeset" (whiteouts); Docker Engine, "docker image save" (`manifest.json`).
"""

from __future__ import annotations

import gzip
import io
import json
import posixpath
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from .entries import ENDLESS, LINK, LONGEST_NAME, Entry, oddities
from .limits import Budget
from .tars import Member, Stream, Tar
from .troubles import Trouble, Troubles, Unreadable

_GZIP, _ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_ATTESTATION = "vnd.docker.reference.type"
# An index may point at indexes, for several architectures.
_DEEPEST_INDEX = 3
_NO_LAYER = Trouble("is a layer that the image names and does not contain")


@dataclass(slots=True)
class _Below:
    """What the layers read so far hide of those below them.

    `files` hide themselves and all under them; `removed` likewise, by a whiteout; `opaque` folders
    hide all that is in them.
    """

    files: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)

    def hides(self, path: str) -> bool:
        if path in self.files or path in self.removed:
            return True
        if "" in self.opaque:
            return True
        folder = posixpath.dirname(path)
        while folder:
            if folder in self.opaque or folder in self.removed or folder in self.files:
                return True
            folder = posixpath.dirname(folder)
        return False

    def add(self, upper: _Below) -> None:
        self.files |= upper.files
        self.removed |= upper.removed
        self.opaque |= upper.opaque


class _Part(io.RawIOBase):
    """A range of a seekable file, as a stream of its own."""

    def __init__(self, file: IO[bytes], offset: int, size: int) -> None:
        self._file, self._at, self._end = file, offset, offset + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._file.seek(self._at)
        data = self._file.read(min(len(buffer), self._end - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@dataclass(slots=True)
class _Counted:
    """A stream that counts what comes out of it, against the budget and what went in."""

    stream: Stream
    packed: int
    budget: Budget
    unpacked: int = 0

    def read(self, size: int, /) -> bytes:
        try:
            data = self.stream.read(size)
        except (EOFError, OSError, zlib.error):
            raise Unreadable("is corrupt, or breaks off") from None
        self.unpacked += len(data)
        self.budget.inflated(len(data))
        self.budget.check_ratio(self.packed, self.unpacked)
        return data


def unzipped(file: IO[bytes], budget: Budget) -> Iterator[bytes]:
    """What a gzipped file contains, in pieces."""
    packed = file.seek(0, 2)
    file.seek(0)
    stream = _Counted(gzip.GzipFile(fileobj=file, mode="rb"), packed, budget)
    while piece := stream.read(io.DEFAULT_BUFFER_SIZE * 8):
        yield piece


def is_gzipped(file: IO[bytes]) -> bool:
    """Whether a file begins as gzip does."""
    file.seek(0)
    return file.read(len(_GZIP)) == _GZIP


def entries(file: IO[bytes], budget: Budget, troubles: Troubles) -> Iterator[Entry]:
    """The files of every image in the tar, without what upper layers hide of lower ones.

    `Unreadable` where the tar is no image. A layer that can't be read is told, and a gap.
    """
    parts = _parts(file, budget)
    images = [layers for layers in _images(file, parts, budget) if layers]
    if not images:
        raise Unreadable("is an image without layers")
    for layers in images:
        below = _Below()
        for layer in reversed(layers):
            member = parts.get(layer)
            if member is None:
                troubles.tell(_NO_LAYER, layer)
                continue
            try:
                yield from _layer(file, member, below, budget, troubles)
            except Unreadable as error:
                troubles.tell(Trouble(str(error)), layer)


def files(file: IO[bytes], prefix: str, budget: Budget, troubles: Troubles) -> Iterator[Entry]:
    """The files of a tar that is no image, but lies in some archive. `prefix` as for a zip's."""
    length = file.seek(0, 2)
    tar = Tar(io.BufferedReader(_Part(file, 0, length)), budget)
    nothing = _Below()
    for found in tar.members():
        for trouble in oddities(found.name):
            troubles.tell(trouble, prefix + found.name)
        path = _inside(found.name)
        if len(path) > LONGEST_NAME:
            troubles.tell(ENDLESS, prefix + path)
        elif found.type != tarfile.DIRTYPE:
            yield _entry(path, found, tar, nothing)


# ---------------------------------------------------------------------------------- layout


def _parts(file: IO[bytes], budget: Budget) -> dict[str, Member]:
    """The tar's own files by name: manifests and layers."""
    length = file.seek(0, 2)
    stream = io.BufferedReader(_Part(file, 0, length))
    parts: dict[str, Member] = {}
    for member in Tar(stream, budget).members():
        if member.is_file:
            parts[posixpath.normpath(member.name)] = member
    return parts


def _images(
    file: IO[bytes], parts: Mapping[str, Member], budget: Budget
) -> Iterator[tuple[str, ...]]:
    """The layers of each image, lowest first, as names of parts."""
    if "manifest.json" in parts:
        manifests = _json(file, parts, "manifest.json", budget)
        if not isinstance(manifests, list):
            raise Unreadable("is an image without a manifest that can be read")
        for manifest in manifests:
            yield tuple(map(posixpath.normpath, _texts(_under(manifest, "Layers"))))
    elif "index.json" in parts:
        yield from _indexed(file, parts, "index.json", budget, _DEEPEST_INDEX)
    else:
        raise Unreadable("is a tar, and not a container image")


def _indexed(
    file: IO[bytes], parts: Mapping[str, Member], name: str, budget: Budget, depth: int
) -> Iterator[tuple[str, ...]]:
    document = _json(file, parts, name, budget)
    layers, manifests = _under(document, "layers"), _under(document, "manifests")
    if isinstance(layers, list):
        yield tuple(_blob(layer) for layer in layers)
    elif not isinstance(manifests, list) or not depth:
        raise Unreadable("is an image whose index can't be understood")
    else:
        for manifest in manifests:
            annotations = _under(manifest, "annotations")
            if not (isinstance(annotations, dict) and _ATTESTATION in annotations):
                yield from _indexed(file, parts, _blob(manifest), budget, depth - 1)


def _blob(descriptor: object) -> str:
    digest = _under(descriptor, "digest")
    return f"blobs/{digest.replace(':', '/')}" if isinstance(digest, str) else ""


def _json(file: IO[bytes], parts: Mapping[str, Member], name: str, budget: Budget) -> object:
    member = parts.get(name)
    if member is None or member.size > budget.limits.text_bytes:
        raise Unreadable("is an image without a manifest that can be read")
    budget.text(member.size)
    file.seek(member.offset)
    try:
        return json.loads(file.read(member.size))
    except (ValueError, RecursionError):
        raise Unreadable("is an image without a manifest that can be read") from None


def _under(document: object, key: str) -> object:
    return document.get(key) if isinstance(document, dict) else None


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unreadable("is an image without a manifest that can be read")
    return tuple(value)


# ---------------------------------------------------------------------------------- layers


def _layer(
    file: IO[bytes], member: Member, below: _Below, budget: Budget, troubles: Troubles
) -> Iterator[Entry]:
    """A layer's files that nothing above it hides; what it hides itself is added to `below`."""
    own = _Below()
    tar = Tar(_opened(file, member, budget), budget)
    for found in tar.members():
        for trouble in oddities(found.name):
            troubles.tell(trouble, found.name)
        path = _inside(found.name)
        folder, name = posixpath.split(path)
        if len(path) > LONGEST_NAME:
            troubles.tell(ENDLESS, path)
        elif name == _OPAQUE:
            own.opaque.add(folder)
        elif name.startswith(_WHITEOUT):
            own.removed.add(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
        elif found.type != tarfile.DIRTYPE:
            own.files.add(path)
            if not below.hides(path):
                if found.is_link:
                    troubles.tell(LINK, path)
                yield _entry(path, found, tar, below)
    below.add(own)


def _inside(path: str) -> str:
    """A path as it is in the image, whose root no path leaves."""
    return posixpath.normpath("/" + path.replace("\\", "/")).lstrip("/")


def _entry(path: str, member: Member, tar: Tar, below: _Below) -> Entry:
    if member.is_file:
        return Entry(path, member.size, tar.content)
    if member.type == tarfile.SYMTYPE:
        target = _inside(posixpath.join("/", posixpath.dirname(path), member.linkname))
        return Entry(path, 0, _no_content, target)
    if member.type == tarfile.LNKTYPE:
        target = _inside(member.linkname)
        # The other name may be gone while this one stays.
        return Entry(path, 0, _no_content, "" if below.hides(target) else target)
    return Entry(path, member.size, _no_content)


def _no_content() -> Iterator[bytes]:
    raise Unreadable("is not a plain file, and was not read")


def _opened(file: IO[bytes], member: Member, budget: Budget) -> _Counted:
    file.seek(member.offset)
    beginning = file.read(min(len(_ZSTANDARD), member.size))
    if beginning == _ZSTANDARD:
        raise Unreadable("is a layer packed by zstd, which is not read here")
    stream = io.BufferedReader(_Part(file, member.offset, member.size))
    unpacked = gzip.GzipFile(fileobj=stream, mode="rb") if beginning.startswith(_GZIP) else stream
    return _Counted(unpacked, member.size, budget)
