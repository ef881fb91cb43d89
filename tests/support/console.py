"""The console of a stack in moto, on a free port of this machine, and somebody who visits it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from http.client import HTTPConnection
from socket import socket
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.types import ASGIApp

from driftguard.documents import stamp
from driftguard.model import Resource, Status
from driftguard.state import trust
from driftguard.state.exemptions import exempted
from driftguard.state.keys import exemptions_key, trust_key
from driftguard_cli.commands.console import server
from driftguard_cli.commands.console.app import application
from driftguard_cli.commands.console.gate import Gate
from driftguard_cli.commands.console.site import Site
from driftguard_cli.policy_file.at_hand import PolicyAtHand
from driftguard_cli.stack import Stack
from tests.support.approving import MALLORY
from tests.support.audit import ACCOUNT, a_decision, decided
from tests.support.world import HERE, World


@dataclass(frozen=True)
class Answer:
    """An answer over HTTP, with its headers in lower case."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def words(self) -> str:
        """The text that a reader sees, on one line."""
        bare = re.sub(r"<(script|style)\b.*?</\1>", "", self.body, flags=re.S)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())


@dataclass
class Visitor:
    """Speaks HTTP to a console, as a browser does that was let in; `site` is what it serves."""

    gate: Gate
    site: Site
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def send(
        self, method: str, path: str, body: str | None = None, **headers: str | None
    ) -> Answer:
        """A request; a header that is None is left out, `_` stands for `-`."""
        given = {"host": self.gate.host, "cookie": self.cookie or None, **self.headers, **headers}
        connection = HTTPConnection(self.gate.host, timeout=60)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if body is not None:
            given |= {"content_length": str(len(body.encode()))}
        for name, value in given.items():
            if value is not None:
                connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body.encode() if body is not None else None)
        got = connection.getresponse()
        told = {name.lower(): value for name, value in got.getheaders()}
        answer = Answer(got.status, told, got.read().decode())
        connection.close()
        return answer

    def get(self, path: str, **headers: str | None) -> Answer:
        """A page, by its path within the console."""
        return self.send("GET", f"{self.gate.base}/{path}", **headers)

    def post(self, path: str, form: dict[str, str], **headers: str | None) -> Answer:
        """A form that was posted, as a page of the console posts it."""
        sent = {"origin": self.gate.origin, "content_type": "application/x-www-form-urlencoded"}
        given = {"csrf": self.gate.csrf, **form}
        return self.send(
            "POST", f"{self.gate.base}/{path}", urlencode(given), **{**sent, **headers}
        )

    def submitted(self, path: str, **filled: str) -> Answer:
        """The form of a page, with all that it holds and what is filled in; then where it leads."""
        shown = self.get(path)
        assert shown.status == 200, shown.words
        held = {
            unescape(name): unescape(value)
            for name, value in re.findall(
                r'<input type="hidden" name="([^"]*)" value="([^"]*)">', shown.body
            )
        }
        answer = self.post(path, {**held, **filled})
        if answer.status == 303:
            return self.send("GET", answer.headers["location"])
        return answer

    def enter(self) -> Visitor:
        """Exchanges the token for the cookie."""
        parts = urlsplit(self.gate.address)
        answer = self.send("GET", f"{parts.path}?{parts.query}")
        assert answer.status == 200, answer.words
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return self


@contextmanager
def visited(stack: str = "driftguard") -> Iterator[Visitor]:
    """A console that runs, and a visitor who was not let in yet."""
    with server.listening(0) as taken:
        gate = Gate(taken.getsockname()[1])
        site = Site.of(Stack.named(stack), PolicyAtHand.found(), gate.base, gate.csrf)
        with running(gate.before(application(site)), taken):
            yield Visitor(gate, site)


@contextmanager
def running(application: ASGIApp, on: socket) -> Iterator[None]:
    """An application that is served on this socket meanwhile."""
    served = server.server(application)
    thread = threading.Thread(target=served.run, kwargs={"sockets": [on]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        served.should_exit = True
        thread.join(20)


def lived_in(world: World) -> None:
    """Has the record and the state tell of some weeks: decisions of most kinds, trust, a freeze."""
    at = world.clock.at
    for number, (control, status, fields) in enumerate(_TOLD):
        when = stamp(at - timedelta(minutes=7 + 11 * number))
        made = a_decision(number + 1, when, control=control, status=status, **fields)
        decided(world.audit, made)
    case = trust.Case("RevokeSecurityGroupIngress", "user", MALLORY)
    terms = world.guard.policy.bounds.earning
    record = world.state.record(trust_key(HERE, "ec2.open-ingress"))
    stored = record.document
    for number in range(24):
        outcome = trust.Outcome.DENIED if number == 9 else trust.Outcome.APPROVED
        then = at - timedelta(days=30 - number)
        by = "bob" if number % 2 else "carol"
        stored = trust.learned(
            stored, case, outcome, terms, then, decision=f"dg-{number:024x}", by=by
        )
    world.state.overwrite(record.saying(stored))
    given = world.state.record(exemptions_key(HERE, "s3.public-policy"))
    entry = {
        "resource": "website-of-the-shop",
        "until": stamp(at + timedelta(days=12)),
        "reason": "it is a website",
        "by": "carol",
        "identity": "arn:aws:sts::123456789012:assumed-role/sso/carol",
    }
    world.state.overwrite(exempted(given, "ex-1", entry, at))


def _bucket(name: str) -> Resource:
    return Resource("s3.bucket", name, ACCOUNT, "us-east-1", f"arn:aws:s3:::{name}")


_TOLD: tuple[tuple[str, Status, dict[str, Any]], ...] = (
    (
        "s3.public-policy",
        Status.REVERTED,
        {
            "title": "A bucket policy lets everybody in",
            "summary": "everybody may read what is in orders-and-invoices",
            "resource": _bucket("orders-and-invoices"),
            "severity": 95,
            "done": 1,
            "left": {"rules": []},
        },
    ),
    (
        "iam.mfa-deactivated",
        Status.OBSERVED,
        {
            "title": "A user's MFA device was deactivated",
            "summary": "carol signs in without a second factor",
            "severity": 60,
        },
    ),
    (
        "kms.rotation-off",
        Status.DENIED,
        {
            "title": "A key is no longer rotated",
            "summary": "the key of the backups keeps its material",
            "severity": 30,
        },
    ),
    (
        "cloudtrail.stopped",
        Status.FAILED,
        {
            "title": "A trail no longer logs",
            "summary": "nothing of this region is logged",
            "severity": 92,
            "reason": "AWS refused cloudtrail:StartLogging",
        },
    ),
    ("ec2.open-ingress", Status.UNDONE, {"severity": 75, "done": 1}),
)
