"""Downloads a function's code from the address that AWS gives for it, as a seekable file.

Source: AWS Lambda API Reference, "GetFunction": `Code.Location` is a presigned address, good for
ten minutes. Its query is a credential for as long, so no error quotes it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from math import inf
from tempfile import SpooledTemporaryFile
from typing import IO
from urllib.parse import urlsplit

from driftguard.documents import whole_number

from .time_limit import OutOfTime, TimeLimit

# Source: AWS Lambda Developer Guide, "Lambda quotas": 250 MB unzipped. What does not shrink when
# packed grows a little: so much is added.
MOST_BYTES = (250 + 4) * 1024 * 1024
_PIECE = 256 * 1024
_IN_MEMORY = 8 * 1024 * 1024
_CONNECT_SECONDS, _READ_SECONDS = 3.0, 20.0


class DownloadFailed(Exception):
    """The code could not be read. The message says why, without what the address contains."""


def download(url: str, limit: int = MOST_BYTES, seconds: float = inf) -> IO[bytes]:
    """At most `limit` bytes from an address, in a file that is gone when closed.

    It may take `seconds`, however slowly the bytes come.

    `https` only, but for this machine; redirects are not followed. Raises `DownloadFailed`.
    """
    import urllib3

    host = _host_allowed(url)
    pool = urllib3.PoolManager(
        cert_reqs="CERT_REQUIRED",
        timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
    )
    file: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller closes
    time_limit = TimeLimit()
    try:
        with (
            time_limit.within(seconds),
            time_limit.interrupting(f"the code at {host}"),
            closing(
                pool.request("GET", url, preload_content=False, redirect=False, retries=False)
            ) as answer,
        ):
            if answer.status != 200:
                raise DownloadFailed(f"{host} answered with status {answer.status}")
            _copy(answer.stream(_PIECE, decode_content=False), file, host, limit)
            _check_length(answer.headers.get("Content-Length"), file.tell(), host)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        file.close()
        raise DownloadFailed(
            f"the code at {host} could not be read: {type(error).__name__}"
        ) from None
    except OutOfTime as error:
        file.close()
        raise DownloadFailed(str(error)) from None
    except DownloadFailed:
        file.close()
        raise
    finally:
        pool.clear()
    file.seek(0)
    return file


def code_sha256(file: IO[bytes]) -> str:
    """SHA-256 of a file in base64, as Lambda's `CodeSha256` has it. The file is at its start again.

    Source: AWS Lambda API Reference, "FunctionConfiguration".
    """
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    file.seek(0)
    return base64.b64encode(digest.digest()).decode()


def _host_allowed(url: str) -> str:
    """The host of the address. `DownloadFailed` if others could read along on the way."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise DownloadFailed("the code's address is no address") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
        raise DownloadFailed(f"the code at {host or 'no host'} is not offered by https")
    return host


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _copy(pieces: Iterator[bytes], file: IO[bytes], host: str, limit: int) -> None:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise DownloadFailed(f"{host} sent more than {limit:,} bytes")
        file.write(piece)


def _check_length(announced: str | None, received: int, host: str) -> None:
    expected = whole_number(announced or "")
    if expected is not None and expected != received:
        raise DownloadFailed(f"{host} sent {received:,} of {expected:,} bytes")
