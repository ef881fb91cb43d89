"""Chooses the source of advisories for a scan."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from driftguard.analysis.advisories.api import PUBLIC, OsvApi
from driftguard.analysis.advisories.bucket import Bucket
from driftguard.analysis.advisories.dump import Folder, OsvDump
from driftguard.analysis.advisories.exchange import Exchange, Patience
from driftguard.analysis.advisories.provider import Advisories
from driftguard.aws.client import Aws

from ...errors import Trouble

VARIABLE = "DRIFTGUARD_ADVISORIES"
# A pipeline may wait longer than a Lambda, in seconds.
_PATIENCE = Patience(whole=300.0)
_CHOICES = f"""\
No source of advisories is given: use --advisories, or set {VARIABLE}. It is one of
  {PUBLIC}      the public OSV API: it is told the names and versions of all packages
  https://osv.example.com  a mirror of that API
  path/to/folder           a copy of the OSV database: PyPI/all.zip, npm/all.zip and so on
  s3://bucket/prefix       the same copy in a bucket, read with your own rights"""


def advisories(where: str, aws: Aws) -> Advisories:
    """Return the named source. Raises `Trouble` if it is not a source."""
    if not where:
        raise Trouble(_CHOICES)
    if where.startswith("s3://"):
        bucket, _, prefix = where.removeprefix("s3://").partition("/")
        if not bucket:
            raise Trouble(f"{where} names no bucket: write s3://bucket/prefix.")
        working = _working(where)
        return OsvDump(Bucket(aws, bucket, prefix, working), working)
    if "://" in where:
        try:
            return OsvApi(Exchange(where.rstrip("/"), _PATIENCE))
        except ValueError as error:
            raise Trouble(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    folder = Path(where)
    if not folder.is_dir():
        raise Trouble(f"There is no folder {where}, and it is no address of advisories either.")
    folder = folder.resolve()
    return OsvDump(Folder(folder), _working(str(folder)))


def _working(source: str) -> Path:
    """A private folder for what is made of one source; what lies there is believed.

    Source: XDG Base Directory Specification, `XDG_CACHE_HOME`.
    """
    caches = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(caches) if Path(caches).is_absolute() else Path.home() / ".cache"
        name = sha256(source.encode()).hexdigest()[:16]
        working = root / "driftguard" / "advisories" / name
        working.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = working.stat()
    except (OSError, RuntimeError) as error:
        raise Trouble(
            f"There is no folder to keep an index of the advisories in ({error}): set "
            "XDG_CACHE_HOME to one."
        ) from error
    if owner.st_uid != os.getuid() or owner.st_mode & 0o022:
        raise Trouble(f"{working} can be written by others, who could hide advisories there.")
    return working
