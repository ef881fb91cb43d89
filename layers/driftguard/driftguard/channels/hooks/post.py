"""Posts JSON over HTTPS to an address that an operator has set, or says in a sentence what failed.

The standard library does it: few requests need no pool. Redirects are not followed, because the
address is the operator's choice. No error quotes what the other side answers: that is for whoever
knows the service, up to a size.

Sources: RFC 9110, "HTTP Semantics", sections 10.2.3 (Retry-After) and 15.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from driftguard.aws.time_limit import TimeLimit
from driftguard.documents import whole_number

if TYPE_CHECKING:
    from urllib.error import HTTPError
    from urllib.request import OpenerDirector

# As much of an answer is read as anything that is posted to here has to say.
_LONGEST = 65_536
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class NotTaken(Exception):
    """A message was not taken. `again` where another try may help, not before `wait` seconds.

    `in_doubt`: it may have been taken all the same, because no answer says otherwise. `answer` is
    what the service answered, b"" where it did not.
    """

    def __init__(
        self,
        message: str,
        *,
        again: bool = False,
        wait: float = 0.0,
        in_doubt: bool = False,
        answer: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.again = again
        self.wait = wait
        self.in_doubt = in_doubt
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Post:
    """Posts to one service. `name` is what errors call it; `url` is never told.

    One try takes `call` seconds at most, however slowly the answer comes. Between two tries it
    waits `pause` seconds, twice as long each time, or as long as the service asks, up to
    `patience`. `time_limit` is the function's own: nothing outlasts it. Where a message must not
    be taken twice, it is not `repeatable`: what is in doubt is not tried again. What is answered to
    what was taken is read only where it `reads`.
    """

    name: str
    url: str = field(repr=False)
    tries: int = 3
    call: float = 10.0
    pause: float = 1.0
    patience: float = 15.0
    repeatable: bool = True
    reads: bool = False
    sleep: Callable[[float], None] = time.sleep
    time_limit: TimeLimit = field(default_factory=TimeLimit, repr=False)

    def __call__(self, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
        """Posts the body; what is answered, up to 64 KB, where that is read.

        Raises `NotTaken` once no try can help, `OutOfTime` when time is up.
        """
        self._must_be_safe()
        tried = 0
        while True:
            tried += 1
            try:
                return self._once(body, headers or {})
            except NotTaken as trouble:
                is_over = tried >= self.tries or trouble.wait > self.patience
                if is_over or not trouble.again or (trouble.in_doubt and not self.repeatable):
                    raise
                pause = max(trouble.wait, self.pause * (1 << tried - 1))
                self.time_limit.check(f"another try of {self.name}", pause)
                self.sleep(pause)

    def _must_be_safe(self) -> None:
        address = urlsplit(self.url)
        # A stand-in is on this machine.
        local = address.scheme == "http" and address.hostname in _LOOPBACK
        if not local and (address.scheme != "https" or not address.hostname):
            raise NotTaken(f"{self.name}: the address in its secret is not https://…")

    def _once(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        from urllib.error import HTTPError
        from urllib.request import Request

        usual = {"Content-Type": "application/json", "User-Agent": "driftguard"}
        try:
            # Not part of the error: what cannot be an address is quoted by the library.
            request = Request(self.url, data=body, headers={**usual, **headers}, method="POST")
        except ValueError:
            raise NotTaken(f"{self.name}: the address in its secret is not https://…") from None
        try:
            with (
                self.time_limit.within(self.call),
                self.time_limit.interrupting(self.name),
                _opener(urlsplit(self.url).hostname in _LOOPBACK).open(
                    request, timeout=self.call
                ) as answered,
            ):
                said: bytes = answered.read(_LONGEST) if self.reads else b""
                return said
        except HTTPError as error:
            with error:
                busy = error.code == 429 or error.code >= 500
                wait = error.headers.get("Retry-After", "").strip()
                raise NotTaken(
                    f"{self.name} answered {error.code}{'' if busy else _REFUSED}",
                    again=busy,
                    wait=float(whole_number(wait) or 0),
                    in_doubt=error.code >= 500,
                    answer=b"" if busy else self._said(error),
                ) from None
        except (OSError, HTTPException) as error:
            reason = type(getattr(error, "reason", "") or error).__name__
            raise NotTaken(
                f"{self.name} gave no answer ({reason})", again=True, in_doubt=True
            ) from None

    def _said(self, error: HTTPError) -> bytes:
        """What was answered to what is refused; b"" where that cannot be read."""
        try:
            with self.time_limit.within(self.call), self.time_limit.interrupting(self.name):
                said: bytes = error.read(_LONGEST)
                return said
        except (OSError, HTTPException):
            return b""


_REFUSED = ": look at the address and the key in its secret"


def _opener(local: bool) -> OpenerDirector:
    from ssl import create_default_context
    from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, build_opener

    class Redirects(HTTPRedirectHandler):
        """Follows no redirect."""

        def redirect_request(self, *_: object) -> None:
            return None

    if local:
        # No proxy reaches what is on this machine.
        return build_opener(Redirects, ProxyHandler({}))
    return build_opener(Redirects, HTTPSHandler(context=create_default_context()))
