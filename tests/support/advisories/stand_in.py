"""A stand-in for the OSV API on this machine, with every bad habit that a service can have."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from driftguard.analysis.advisories import osv
from driftguard.analysis.advisories.package import identity
from driftguard.analysis.advisories.ranges import affects

NOW = "Tue, 24 Nov 2026 12:00:00 GMT"
# Answers a request in its own way, and says whether it did.
Habit = Callable[["Handler", Any], bool]


@dataclass
class StandIn:
    """Serves some records. `habits` come first, one for each request, until none is left."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    habits: list[Habit] = field(default_factory=list)
    always: Habit | None = None
    page_size: int = 1000
    asked: list[tuple[str, Any]] = field(default_factory=list)
    address: str = ""

    def add(self, *documents: dict[str, Any]) -> None:
        self.records |= {one["id"]: one for one in documents}

    def paths(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(path for path, _ in self.asked)

    def batch(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"results": [self._result(query) for query in body["queries"]]}

    def _result(self, query: dict[str, Any]) -> dict[str, Any]:
        ids = [{"id": id_, "modified": "2026-01-01T00:00:00Z"} for id_ in self._concerned(query)]
        start = int(query.get("page_token", "0"))
        page = ids[start : start + self.page_size]
        result: dict[str, Any] = {"vulns": page} if page else {}
        if start + self.page_size < len(ids):
            result["next_page_token"] = str(start + self.page_size)
        return result

    def _concerned(self, query: dict[str, Any]) -> list[str]:
        package = query["package"]
        wanted = identity(package["ecosystem"], package["name"])
        return [
            id_
            for id_, record in sorted(self.records.items())
            if any(
                identity(one.ecosystem, one.name) == wanted
                # Of a version that it cannot read it says that nothing concerns it.
                and ("version" not in query or affects(one, query["version"]) is True)
                for one in osv.advisory(record).affected
            )
        ]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    stand_in: StandIn

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._by_habit(body):
            self.answer(self.stand_in.batch(body))

    def do_GET(self) -> None:
        if not self._by_habit(None):
            record = self.stand_in.records.get(unquote(self.path.rpartition("/")[2]))
            self.answer(record or {"code": 5, "message": "not found"}, 200 if record else 404)

    def _by_habit(self, body: Any) -> bool:
        self.stand_in.asked.append((self.path, body))
        if self.stand_in.habits:
            return self.stand_in.habits.pop(0)(self, body)
        return bool(self.stand_in.always and self.stand_in.always(self, body))

    def answer(self, body: object, status: int = 200, **headers: str) -> None:
        self.raw(json.dumps(body).encode(), status, headers=headers)

    def raw(
        self,
        body: bytes,
        status: int = 200,
        length: int | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """A body, with a length that may be a lie."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Its clock stands still."""
        return NOW

    def log_message(self, *_: object) -> None:
        """Says nothing on the terminal."""


class Server(ThreadingHTTPServer):
    """Whoever hangs up early is no news."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Says nothing on the terminal."""


@contextmanager
def running(stand_in: StandIn) -> Iterator[StandIn]:
    """The stand-in on a free port of this machine."""
    handler = type("Bound", (Handler,), {"stand_in": stand_in})
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    stand_in.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
