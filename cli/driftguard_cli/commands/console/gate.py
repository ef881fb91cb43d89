"""Lets one browser in to the console, and nobody else; says what a page may load.

Everybody on this machine can reach 127.0.0.1, and so can any web page in a browser of this machine.
So a request is answered only if all of this holds:

- It names this address and port as its host: a name that was rebound to 127.0.0.1 does not.
- It comes from a page of the console, if the browser says where it comes from; what changes
  something must say so.
- It carries the cookie that was given in exchange for the token, which is taken once.

A cookie does not know of ports: a browser sends it to whatever else listens on 127.0.0.1. So it is
bound to a path that nobody can guess, and that no other address has.

Sources: MDN Web Docs, "Origin", "Sec-Fetch-Site", "Set-Cookie" and "Content-Security-Policy";
RFC 6265, section 8.5 (weak confidentiality: cookies are not isolated by port); OWASP Cheat Sheet
Series, "Cross-Site Request Forgery Prevention".
"""

from __future__ import annotations

import secrets
from hmac import compare_digest
from threading import Lock

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "driftguard-console"
_METHODS = frozenset({"GET", "HEAD", "POST"})
_OUR_OWN = frozenset({"same-origin", "none"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not `no-referrer`: with it a browser sends no origin with a form.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Not a redirect: after one a browser holds the cookie back where another program opened the page.
_ENTER = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Driftguard</title>
<meta http-equiv="refresh" content="0;url={base}/"></head>
<body><p><a href="{base}/">Open the console</a></p></body></html>"""


class Gate:
    """The application, behind the checks that this module describes.

    `base` is the path that all pages are under, and `csrf` what each form must carry.
    """

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.origin = f"http://{self.host}"
        self.base = f"/{secrets.token_urlsafe(16)}"
        self.csrf = secrets.token_urlsafe(32)
        self._token = secrets.token_urlsafe(32)
        self._cookie = secrets.token_urlsafe(32)
        self._taken = Lock()

    @property
    def address(self) -> str:
        """The address that lets one browser in, once."""
        return f"{self.origin}{self.base}/enter?token={self._token}"

    def before(self, application: ASGIApp) -> ASGIApp:
        """The application behind the gate."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            request = Request(scope)
            answer = self.refusal(request) or self._entered(request)
            await (answer or application)(scope, receive, _with_headers(send))

        return guarded

    def refusal(self, request: Request) -> Response | None:
        """Why a request is not answered; None where it is."""
        if request.headers.getlist("host") != [self.host]:
            return _told(400, f"Nothing but http://{self.host} is answered here.")
        if request.method not in _METHODS:
            return _told(405, "Pages are read and forms are posted here, and nothing else.")
        enters = self._enters(request)
        origins = request.headers.getlist("origin")
        if origins not in ([], [self.origin]) or (request.method == "POST" and not origins):
            return _told(403, "This comes from a page that is not the console's.")
        if request.headers.get("sec-fetch-site", "none") not in _OUR_OWN and not enters:
            return _told(403, "This comes from a page that is not the console's.")
        given = request.cookies.get(COOKIE, "")
        if not enters and not compare_digest(given.encode(), self._cookie.encode()):
            return _told(
                403,
                "The console lets in the one browser that its first address was opened in. End "
                "it with Ctrl-C, start it again, and open the address that it prints.",
            )
        return None

    def _enters(self, request: Request) -> bool:
        return request.method == "GET" and request.url.path == f"{self.base}/enter"

    def _entered(self, request: Request) -> Response | None:
        """The cookie, in exchange for the token; None for every other request."""
        if not self._enters(request):
            return None
        given = request.query_params.get("token", "")
        # A browser that looks ahead has not been asked by anybody to open the page.
        ahead = "prefetch" in request.headers.get("sec-purpose", "")
        with self._taken:
            right = bool(self._token) and compare_digest(given.encode(), self._token.encode())
            if right and not ahead:
                self._token = ""
        if ahead or not right:
            return _told(
                403,
                "This address is no longer good: it lets in one browser, once. If that was not "
                "yours, somebody else on this machine used it: end the console with Ctrl-C.",
            )
        response = HTMLResponse(_ENTER.format(base=self.base))
        response.set_cookie(COOKIE, self._cookie, path=self.base, httponly=True, samesite="strict")
        return response


def _told(status: int, words: str) -> Response:
    return PlainTextResponse(words + "\n", status)


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sent
