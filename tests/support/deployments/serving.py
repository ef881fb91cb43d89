"""Serves the code that moto keeps, and OSV's answers, for as long as the tests' process lives.

moto's own addresses of code lead to AWS, and so nowhere in a test.
"""

from __future__ import annotations

import atexit
import threading
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

from moto.awslambda.models import LambdaFunction, LayerVersion

from tests.support.advisories import stand_in as stand_in_
from tests.support.advisories.stand_in import StandIn
from tests.support.deployments.packages import ADVISORIES


@dataclass
class Shelf:
    """Packages by their hashes. `instead` serves something else than was deployed, and what is in
    `away` cannot be had.

    They lie in files: a copy of this process offers packages, too, and has no server of its own.
    """

    folder: Path
    address: str = ""
    instead: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: set[str] = field(default_factory=set)

    def offer(self, sha256: str, package: bytes) -> str:
        """The address of a package."""
        if not self._file(sha256).exists():
            self._file(sha256).write_bytes(package)
        return f"{self.address}/{sha256.replace('/', '%2F')}?X-Amz-Signature=made-up"

    def answer(self, path: str) -> bytes:
        sha256 = unquote(path.lstrip("/").partition("?")[0])
        self.asked.append(sha256)
        if sha256 in self.instead:
            return self.instead[sha256]
        return self._file(sha256).read_bytes()

    def _file(self, sha256: str) -> Path:
        return self.folder / sha256.replace("/", "_")


@cache
def shelf() -> Shelf:
    """The shelf of this process: moto's functions and layers are offered there from now on."""
    folder = TemporaryDirectory(prefix="driftguard-packages-")
    atexit.register(folder.cleanup)
    found = Shelf(Path(folder.name))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = found.answer(self.path)
            self.send_response(503 if found.asked[-1] in found.away else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    _teach_moto(found)
    return found


@cache
def osv() -> str:
    """The address of a stand-in for OSV that knows of the advisories."""
    stand_in = StandIn()
    stand_in.add(*ADVISORIES)
    served = type("Bound", (stand_in_.Handler,), {"stand_in": stand_in})
    server = stand_in_.Server(("127.0.0.1", 0), served)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def _teach_moto(found: Shelf) -> None:
    get_code, get_layer_version = LambdaFunction.get_code, LayerVersion.get_layer_version

    def code(function: LambdaFunction) -> dict[str, Any]:
        answer = get_code(function)
        if "Location" in answer["Code"]:
            answer["Code"]["Location"] = found.offer(function.code_sha_256, function.code_bytes)
        return answer

    def layer_version(layer: LayerVersion) -> dict[str, Any]:
        answer = get_layer_version(layer)
        answer["Content"]["Location"] = found.offer(layer.code_sha_256, layer.code_bytes)
        return answer

    LambdaFunction.get_code = code  # type: ignore[method-assign]
    LayerVersion.get_layer_version = layer_version  # type: ignore[method-assign]
