"""A function's code is read from where AWS says, and from nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from driftguard.analysis.inventory import inventory
from driftguard.aws.download import DownloadFailed, download
from tests.support.inventory.making_zips import metadata, zipped
from tests.support.slow_server import answering_byte_by_byte

CODE = zipped({"requests-2.19.0.dist-info/METADATA": metadata("requests", "2.19.0")})
SECRET = "X-Amz-Signature=5ec7e7"


class Served(BaseHTTPRequestHandler):
    """Answers by path, as S3 might and as it should not."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/code":
            self._answer(200, CODE, len(CODE))
        elif path == "/redirect":
            self.send_response(307)
            self.send_header("Location", f"/code?{SECRET}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path == "/gone":
            self._answer(403, b"<Code>ExpiredToken</Code>", None)
        elif path == "/short":
            self._answer(200, CODE[:50], len(CODE))
        elif path == "/endless":
            self._answer(200, bytes(300_000), None)
        elif path == "/silent":
            self.close_connection = True

    def _answer(self, status: int, body: bytes, length: int | None) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing in tests."""


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


def test_the_code_that_is_downloaded_can_be_read(server: str) -> None:
    with download(f"{server}/code?{SECRET}") as file:
        assert file.read() == CODE
        assert [one.name for one in inventory(file, "function.zip").packages] == ["requests"]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/redirect", "127.0.0.1 answered with status 307"),
        ("/gone", "127.0.0.1 answered with status 403"),
        ("/short", "the code at 127.0.0.1 could not be read"),
        ("/endless", "127.0.0.1 sent more than 200,000 bytes"),
        ("/silent", "the code at 127.0.0.1 could not be read"),
    ],
)
def test_what_goes_wrong_is_told_without_the_credential(server: str, path: str, told: str) -> None:
    with pytest.raises(DownloadFailed) as error:
        download(f"{server}{path}?{SECRET}", limit=200_000)
    assert str(error.value).startswith(told)
    assert SECRET not in str(error.value)
    # Not by way of what is printed with it, either.
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_nobody_listening_is_told(server: str) -> None:
    with serving() as gone:
        pass
    with pytest.raises(DownloadFailed, match="could not be read"):
        download(f"{gone}/code?{SECRET}")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/code",
        "http://127.0.0.1.example.com/code",
        "http://localhost@example.com/code",
        "file:///etc/passwd",
        "ftp://example.com/code",
        "//example.com/code",
        "http://[broken/code",
        "",
    ],
)
def test_only_https_is_asked(url: str) -> None:
    with pytest.raises(DownloadFailed):
        download(url)


def test_code_that_comes_byte_by_byte_is_not_waited_for() -> None:
    """12.10: no single silence is long, and the whole would take hours."""
    no_time = pytest.raises(DownloadFailed, match="no time was left for the code at")
    with answering_byte_by_byte() as slow, no_time:
        download(f"{slow.address}/code?{SECRET}", seconds=0.3)
