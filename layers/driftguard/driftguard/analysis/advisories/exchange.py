"""Sends JSON requests over HTTPS within a deadline, or says in a sentence what failed.

The standard library does it: the guard's runtime promises no other client, and a pool would outlive
few requests. Proxies come from the environment, redirects are not followed.

Sources: RFC 9110, "HTTP Semantics", sections 10.2.3 (Retry-After) and 15.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from driftguard.documents import Json

if TYPE_CHECKING:
    from email.message import Message
    from urllib.request import OpenerDirector, Request

_CHUNK = 65_536
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Trouble(Exception):
    """An exchange failed. `again` where another try may help, not before `wait` seconds."""

    def __init__(self, message: str, *, again: bool = False, wait: float = 0.0) -> None:
        super().__init__(message)
        self.again = again
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds, and how often to try; how much to take, in bytes.

    `request` bounds each silence of the other side, `whole` everything that one question costs. The
    pause after a failure starts at `pause`, doubles, and is never longer than `longest_pause`.
    """

    tries: int = 4
    request: float = 10.0
    whole: float = 60.0
    pause: float = 0.5
    longest_pause: float = 8.0
    largest: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Exchange:
    """Requests to one service. `clock` counts seconds, `chance` gives a number below 1.

    Plain HTTP is for a stand-in on this machine only: whoever can change an answer can hide a
    vulnerability.
    """

    base_url: str
    patience: Patience = Patience()
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        address = urlsplit(self.base_url)
        if "@" in address.netloc:
            # It would be told with whatever goes wrong.
            raise ValueError(
                "the address of a source of advisories is https://… without a user and a password"
            )
        local = address.scheme == "http" and address.hostname in _LOOPBACK
        if address.scheme != "https" and not local:
            raise ValueError(
                f"the address of a source of advisories is https://…, not {self.base_url}"
            )

    def deadline(self) -> float:
        """The time on the clock by which a question asked now must be answered."""
        return self.clock() + self.patience.whole

    def ask(self, path: str, body: Json, until: float) -> Json:
        """The answer to a POST of the body, or to a GET where it is None.

        Raises `Trouble` once no try can succeed before the deadline.
        """
        tried = 0
        while True:
            if self.clock() >= until:
                raise Trouble(f"{path}: no answer within {self.patience.whole:.0f} s")
            try:
                return self._once(path, body, until)
            except Trouble as trouble:
                tried += 1
                pause = self._pause(tried, trouble)
                if (
                    not trouble.again
                    or tried == self.patience.tries
                    or pause >= until - self.clock()
                ):
                    raise Trouble(f"{path}: {trouble} ({_times(tried)})") from trouble
                self.sleep(pause)

    def _pause(self, tried: int, trouble: Trouble) -> float:
        """At least what was asked for. Half of the rest is chance, so that not all come at once."""
        usual = min(self.patience.pause * (1 << tried - 1), self.patience.longest_pause)
        return trouble.wait + usual * (1 + self.chance()) / 2

    def _once(self, path: str, body: Json, until: float) -> Json:
        from urllib.error import HTTPError

        wait = min(self.patience.request, until - self.clock())
        try:
            with _opener(self.base_url).open(self._request(path, body), timeout=wait) as response:
                raw = self._body(response, until)
        except HTTPError as error:
            with error:
                busy = error.code == 429 or error.code >= 500
                raise Trouble(
                    f"it answered {error.code}", again=busy, wait=_retry_after(error.headers)
                ) from error
        except (OSError, HTTPException) as error:
            raise Trouble(f"it gave no whole answer ({_reason(error)})", again=True) from error
        try:
            found: Json = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise Trouble("its answer is not JSON", again=True) from error
        return found

    def _request(self, path: str, body: Json) -> Request:
        from urllib.request import Request

        headers = {"Accept": "application/json", "User-Agent": "driftguard"}
        address = self.base_url.rstrip("/") + path
        if body is None:
            return Request(address, headers=headers)
        headers["Content-Type"] = "application/json"
        return Request(address, data=json.dumps(body).encode(), headers=headers)

    def _body(self, response: HTTPResponse, until: float) -> bytes:
        """The whole body. It is read as it comes, so that a trickle cannot outlast the deadline."""
        announced = response.length
        chunks, size = [], 0
        while chunk := response.read1(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > self.patience.largest:
                raise Trouble(f"its answer is larger than {self.patience.largest:,} bytes")
            if self.clock() >= until:
                raise Trouble("its answer came too slowly")
        if announced is not None and size < announced:
            raise Trouble(f"its answer broke off after {size:,} bytes", again=True)
        return b"".join(chunks)


@lru_cache(maxsize=8)
def _opener(base_url: str) -> OpenerDirector:
    """The opener, kept because loading the certificate authorities is slow."""
    from ssl import create_default_context
    from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, build_opener

    class Redirects(HTTPRedirectHandler):
        """Follows no redirect: the address is the operator's choice, not the service's."""

        def redirect_request(self, *_: object) -> None:
            return None

    if urlsplit(base_url).hostname in _LOOPBACK:
        # No proxy reaches what is on this machine.
        return build_opener(Redirects, ProxyHandler({}))
    return build_opener(Redirects, HTTPSHandler(context=create_default_context()))


def _retry_after(headers: Message) -> float:
    """The seconds of `Retry-After`; of a date, counted from the service's own clock."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        asked, now = (parsedate_to_datetime(text) for text in (value, headers.get("Date", "")))
        return max(0.0, (asked - now).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error) or type(error).__name__


def _times(tried: int) -> str:
    return "tried once" if tried == 1 else f"tried {tried} times"
