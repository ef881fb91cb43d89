"""How soon the console shows a page, with a hundred thousand decisions in the audit table.

    make bench                       a table; exits 1 if a first page takes a second
    python benchmarks/console.py     the same, alone

The pages are served and read over HTTP on this machine, by the console itself. The table is the
stand-in of `audit.py`: SQLite with a B-tree for each index. Every call of DynamoDB waits for as
long as a round trip to AWS takes (`--round-trip`, in milliseconds), because calls are most of what
a page costs. The time of the processor stands beside: on a busy machine a page waits for its turn.
What the page reads after it is shown (the health of the stack) is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from audit import Standin
from rich.console import Console
from rich.table import Table

from driftguard.aws.client import GUARD
from driftguard_cli.commands.console import server
from driftguard_cli.commands.console.app import application
from driftguard_cli.commands.console.gate import Gate
from driftguard_cli.commands.console.rendering import prepare
from driftguard_cli.commands.console.site import SharedAws, Site
from driftguard_cli.policy_file.at_hand import PolicyAtHand
from driftguard_cli.stack import Stack

PATHS = {
    "now, the very first": "",
    "now": "",
    "now, what waits": "now/requests",
    "decisions": "decisions?since=2026-11-18&until=2026-11-24",
    "decisions that were reverted": "decisions?status=reverted",
    "decisions of a control that failed": "decisions?control=kms.control-3&status=failed",
    "critical decisions": "decisions?severity=90",
}


@dataclass
class Slow:
    """The stand-in, as far away as AWS is."""

    standin: Standin
    seconds: float

    def query(self, **asked: Any) -> dict[str, Any]:
        time.sleep(self.seconds)
        return self.standin.query(**asked)

    def batch_get_item(self, **asked: Any) -> dict[str, Any]:
        time.sleep(self.seconds)
        return self.standin.batch_get_item(**asked)


@contextmanager
def served(table: Slow) -> Iterator[Gate]:
    """The console of a stack whose audit table is this one."""
    aws = SharedAws()
    aws._clients[("dynamodb", "", GUARD)] = table  # type: ignore[assignment]
    stack = Stack("driftguard", aws, {"AuditTable": "audit"}, {}, "123456789012")
    with server.listening(0) as taken:
        gate = Gate(taken.getsockname()[1])
        prepare()
        site = Site(stack, PolicyAtHand.found(), gate.base, gate.csrf, "arn:aws:iam::1:user/x")
        # The header names the region, by a client that makes no call.
        aws.client("cloudformation")
        running = server.server(gate.before(application(site)))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [taken]}, daemon=True)
        thread.start()
        yield gate
        running.should_exit = True
        thread.join(10)


def asked(gate: Gate, path: str, cookie: str = "") -> tuple[float, str, dict[str, str]]:
    """How long a page took (s), the page, and its headers."""
    began = time.perf_counter()
    connection = HTTPConnection(gate.host, timeout=60)
    connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
    answer = connection.getresponse()
    page = answer.read().decode()
    took = time.perf_counter() - began
    assert answer.status == 200, page
    return took, page, dict(answer.getheaders())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--along", action="store_true", help="add to the JSON object on stdin")
    parser.add_argument("--decisions", type=int, default=100_000, help="how many are in the table")
    parser.add_argument("--round-trip", type=float, default=20, help="of a call, in milliseconds")
    options = parser.parse_args()
    along = json.load(sys.stdin) if options.along else {}
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    database = sqlite3.connect("", check_same_thread=False)
    standin = replace(Standin.of_the_template(), database=database)
    standin.fill(options.decisions)
    measured = {}
    with served(Slow(standin, options.round_trip / 1000)) as gate:
        parts = urlsplit(gate.address)
        _, _, headers = asked(gate, f"{parts.path}?{parts.query}")
        cookie = headers["set-cookie"].partition(";")[0]
        for name, path in PATHS.items():
            standin.calls.clear()
            worked = time.process_time()
            took, page, _ = asked(gate, f"{gate.base}/{path}", cookie)
            measured[name] = {
                "seconds": took,
                "processor_seconds": time.process_time() - worked,
                "calls": len(standin.calls),
                "kilobytes": round(len(page) / 1000),
            }
    met = all(page["seconds"] < 1 for page in measured.values())
    if options.json:
        whole = {"decisions": options.decisions, "pages": measured, "met": met}
        sys.stdout.write(json.dumps({**along, "console": whole}, indent=2) + "\n")
    else:
        _print(options.decisions, options.round_trip, measured)
    others = [along, *(other for other in along.values() if isinstance(other, dict))]
    missed = any(other.get("missed") or not other.get("met", True) for other in others)
    return 0 if met and not missed else 1


def _print(count: int, round_trip: float, measured: dict[str, dict[str, float]]) -> None:
    console = Console(highlight=False, width=100)
    console.print(f"{count:,} decisions, {round_trip:g} ms a call; pages over HTTP:")
    table = Table(box=None, header_style="bold")
    for name in ("page", "took", "processor", "calls", "kB"):
        table.add_column(name, justify="left" if name == "page" else "right")
    for name, page in measured.items():
        times = (page["seconds"], page["processor_seconds"])
        counts = (page["calls"], page["kilobytes"])
        table.add_row(name, *(f"{t * 1000:.0f} ms" for t in times), *(f"{n:,}" for n in counts))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
