"""The proxy: passes each request on as it came, then records it if a control watches its call.

Whoever made a call has the answer before anything is recorded, as on AWS: what goes wrong in the
recorder is written to its log, and never fails a call.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from moto.core.request import Request as HttpRequest

from .identity import Identities
from .names import is_recorded
from .records import Caller, record_of
from .wire import Answer, named, service_of

# Answers while the account's emulator may be busy: a first call loads a service's model.
_SECONDS = 120.0
# What belongs to one connection and not to the message.
# Source: RFC 9110, "Connection" and "Intermediaries".
_OF_THE_CONNECTION = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding")
)
# Where the recorder tells that it is there.
READY = "/_driftguard/recorder"

# The endpoint that plays a service; of a request that nobody signed, the service is None.
EndpointOf = Callable[[str | None], str]
# Puts a record on the bus.
Emit = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Recorder:
    """Writes records of calls to a file of JSON lines, and puts them on the bus."""

    account: str
    identities: Identities
    emit: Emit
    file: Path
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def heard(self, request: HttpRequest, answer: Answer, address: str) -> None:
        """Records a call that was answered, if a control watches it."""
        call = named(request)
        if call is None or not is_recorded(call.service, call.operation):
            return
        caller = Caller(self.identities.of(call.scope.access_key), address)
        record = record_of(request, call, answer, caller, self.account)
        with self._one_at_a_time, self.file.open("a") as records:
            records.write(json.dumps(record) + "\n")
        self.emit(record)
        refused = f", refused with {record['errorCode']}" if "errorCode" in record else ""
        _say(f"{record['eventName']} is on the bus as event {record['eventID']}{refused}")


class Proxy(ThreadingHTTPServer):
    """Listens on this machine alone."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, endpoint_of: EndpointOf, recorder: Recorder) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.endpoint_of = endpoint_of
        self.recorder = recorder

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def handle_one_request(self) -> None:
        """Answers one request, whatever its method."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
        elif self.parse_request():
            self._pass()

    def log_message(self, *_: object) -> None:
        """Says nothing: what is recorded is told, reads are many."""

    def _pass(self) -> None:
        if self.path == READY:
            self._write(Answer(200, (), b"{}"))
            return
        body = self._body()
        request, service = self._understood(body)
        endpoint = self.server.endpoint_of(service)
        try:
            answer = self._asked(endpoint, body)
        except (OSError, http.client.HTTPException) as error:
            told = json.dumps({"message": f"The lab's {endpoint} does not answer: {error}."})
            self._write(Answer(502, (("Content-Type", "application/json"),), told.encode()))
            return
        self._write(answer)
        if request is None:
            return
        try:
            self.server.recorder.heard(request, answer, self.client_address[0])
        except Exception:  # noqa: BLE001 - one call that cannot be recorded is not all of them
            _say(f"not recorded: {self.command} {self.path}\n{traceback.format_exc()}")

    def _understood(self, body: bytes) -> tuple[HttpRequest | None, str | None]:
        """The request, and the service it was signed for; None where that cannot be told."""
        try:
            url = f"http://{self.headers.get('Host', '127.0.0.1')}{self.path}"
            request = HttpRequest.from_primitives(self.command, url, self.headers, body)
            return request, service_of(request)
        except Exception:  # noqa: BLE001 - whether it is well formed, the emulator says
            _say(f"not understood: {self.command} {self.path}\n{traceback.format_exc()}")
            return None, None

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _asked(self, endpoint: str, body: bytes) -> Answer:
        target = urlsplit(endpoint)
        assert target.hostname
        connection = http.client.HTTPConnection(target.hostname, target.port, timeout=_SECONDS)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in _OF_THE_CONNECTION | {"content-length", "expect"}:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            came = connection.getresponse()
            return Answer(came.status, tuple(came.getheaders()), came.read())
        finally:
            connection.close()

    def _write(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        given = {name.lower() for name, _ in answer.headers}
        for name, value in answer.headers:
            # A HEAD's length is that of the body which a GET would have.
            if name.lower() not in _OF_THE_CONNECTION and (
                name.lower() != "content-length" or self.command == "HEAD"
            ):
                self.send_header(name, value)
        if self.command != "HEAD" or "content-length" not in given:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()


def _say(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()
