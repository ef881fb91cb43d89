"""Container images for the tests, each in memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable

from tests.support.inventory.making_zips import Content


def tarred(files: Iterable[tuple[str, Content]], format_: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of plain files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as archive:
        for name, content in files:
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def tar_members(members: Iterable[tarfile.TarInfo | tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """A tar of members as told: links, devices and what not."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for one in members:
            member, data = one if isinstance(one, tuple) else (one, b"")
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def saved_image(*layers: bytes) -> bytes:
    """An image as `docker save` writes it; the lowest layer first."""
    names = [f"{hashlib.sha256(layer).hexdigest()}/layer.tar" for layer in layers]
    manifest = [{"Config": "config.json", "RepoTags": ["app:latest"], "Layers": names}]
    return tarred(
        [
            ("config.json", "{}"),
            *zip(names, layers, strict=True),
            ("manifest.json", json.dumps(manifest)),
        ]
    )


def oci_image(*layers: bytes) -> bytes:
    """An image in the OCI layout, with an attestation beside it, as buildx writes it."""
    manifest = json.dumps({"schemaVersion": 2, "layers": [_descriptor(one) for one in layers]})
    attestation = json.dumps({"layers": [_descriptor(b"{}")]})
    beside = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    inner = json.dumps(
        {
            "manifests": [
                _descriptor(manifest.encode()),
                _descriptor(attestation.encode()) | beside,
            ]
        }
    )
    index = json.dumps({"schemaVersion": 2, "manifests": [_descriptor(inner.encode())]})
    blobs = [*layers, manifest.encode(), attestation.encode(), inner.encode()]
    return tarred(
        [("oci-layout", '{"imageLayoutVersion": "1.0.0"}'), ("index.json", index)]
        + [(f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob) for blob in blobs]
    )


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _descriptor(blob: bytes) -> dict[str, object]:
    return {"digest": f"sha256:{hashlib.sha256(blob).hexdigest()}", "size": len(blob)}
