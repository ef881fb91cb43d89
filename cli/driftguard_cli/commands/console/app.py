"""The addresses of the console: what is read, and what is posted, each as a function of a visit."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from hmac import compare_digest
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from driftguard.aws.calls import AwsError, Stale

from ...errors import Misuse, Trouble
from . import acting, controls, exceptions, listing, looking, now, story
from .rendering import page
from .site import Site, Visit

Handler: TypeAlias = "Callable[[Visit], Response]"

# Bytes that a form has at most, and how many fields.
_LONGEST, _FIELDS = 65_536, 50
_READ: dict[str, Handler] = {
    "/": now.overview,
    "/now/requests": now.requests,
    "/now/contained": now.held,
    "/now/decided": now.decided,
    "/now/health": now.health,
    "/decisions": listing.decisions,
    "/decisions/{decision}": story.whole,
    "/decisions/{decision}/live": story.live,
    "/decisions/{decision}/proof": story.proof,
    "/decisions/{decision}/{act}": acting.confirmation,
    "/controls": controls.every,
    "/controls/{control}": controls.one,
    "/exceptions": exceptions.standing,
    "/exceptions/{act}": exceptions.confirmation,
    "/sweep": looking.sweep,
    "/history": looking.history,
    "/jobs/{kind}": looking.progress,
}
_POSTED: dict[str, Handler] = {
    "/decisions/{decision}/{act}": acting.carried_out,
    "/exceptions/{act}": exceptions.carried_out,
    "/sweep": looking.start_sweep,
    "/history": looking.start_history,
    "/jobs/{kind}": looking.stop,
}


class TooLarge(Misuse):
    """The form is larger than any of ours."""


def application(site: Site) -> Starlette:
    """The console of a stack, without the gate before it."""
    paths = dict.fromkeys((*_READ, *_POSTED))
    routes: list[BaseRoute] = [
        Route(path, _endpoint(site, _READ.get(path), _POSTED.get(path)), methods=["GET", "POST"])
        for path in paths
    ]
    static = StaticFiles(directory=Path(__file__).parent / "static")
    return Starlette(routes=[Mount(site.base, routes=[Mount("/static", static), *routes])])


def _endpoint(
    site: Site, read: Handler | None, posted: Handler | None
) -> Callable[[Request], object]:
    async def answered(request: Request) -> Response:
        handler = posted if request.method == "POST" else read
        visit = Visit(site, request.path_params, dict(request.query_params))
        try:
            if handler is None:
                raise Misuse("There is nothing of this kind at this address.")
            if request.method == "POST":
                visit = Visit(site, visit.path, visit.query, await _form(request))
                if not compare_digest(visit.given("csrf").encode(), site.csrf.encode()):
                    return _failed(
                        visit, 403, "This form is not of this console: open the page anew."
                    )
            # Calls of AWS block: each visit has a thread, and the others go on meanwhile.
            return await run_in_threadpool(_answer, handler, visit)
        except (Trouble, AwsError) as error:
            return _failed(visit, _status(error), str(error))
        except Exception as error:  # noqa: BLE001 - one page that fails must not end the console
            traceback.print_exc(file=sys.stderr)
            words = f"A bug in Driftguard, {type(error).__name__}; the terminal shows where."
            return _failed(visit, 500, words)

    return answered


def _answer(handler: Handler, visit: Visit) -> Response:
    try:
        return handler(visit)
    except Stale:
        # The environment may have fresh credentials; an act was not taken without valid ones.
        visit.site.stack.aws.renew()
        return handler(visit)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; the last of a name counts. Raises `TooLarge`."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST:
            raise TooLarge("The form is too large.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError:
        raise Misuse("The form cannot be read.") from None


def _status(error: Exception) -> int:
    if isinstance(error, TooLarge):
        return 413
    if isinstance(error, Misuse):
        return 400
    return 404 if isinstance(error, Trouble) else 502


def _failed(visit: Visit, status: int, words: str) -> Response:
    return page(visit, "failed", {"title": "This did not work", "here": "", "words": words}, status)
