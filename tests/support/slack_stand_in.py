"""A stand-in for Slack that tests run: its Web API and response URLs over real HTTP.

It is as strict as Slack about what tests rely on: the token, limits of Block Kit, a message that is
updated must be there. It signs requests as Slack does.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from slack_sdk.signature import SignatureVerifier

TOKEN = "xoxb-a-bot"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"

_OF_MESSAGES = {"chat.postMessage", "chat.update"}
_BLOCKS = {"header", "section", "context", "actions"}


@dataclass
class Message:
    """A message as Slack shows it now."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread: str = ""
    edits: int = 0

    @property
    def shown(self) -> str:
        """All that can be read in it."""
        return self.text + "\n" + "\n".join(_texts(self.blocks))

    def buttons(self) -> dict[str, dict[str, Any]]:
        """The interactive elements by action id."""
        return {
            one["action_id"]: one
            for block in self.blocks
            if block["type"] == "actions"
            for one in block["elements"]
        }


@dataclass
class SlackStandIn:
    """What was posted, in order; and refusals that a test orders."""

    url: str = ""
    messages: list[Message] = field(default_factory=list)
    ephemeral: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    # What the app was granted; who is in which channel, where a test says; ids by e-mail address.
    scopes: str = "chat:write"
    rooms: dict[str, set[str]] | None = None
    emails: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def posted(self) -> list[Message]:
        """The messages that stand in a channel by themselves."""
        return [one for one in self.messages if not one.thread]

    def thread(self, of: Message) -> list[str]:
        return [one.text for one in self.messages if one.thread == of.ts]

    def rate_limit(self, *, after: int = 30, times: int = 1) -> None:
        refusal = (429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(after)})
        self.refusals += [refusal] * times

    def refuse(self, code: str) -> None:
        self.refusals.append((200, {"ok": False, "error": code}, {}))

    # ------------------------------------------------------------------------ the web API

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any, Any]:
        with self._lock:
            if not path.startswith(("/api/", "/response/")):
                return 404, {"ok": False}, {}
            form = headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
            given = dict(parse_qsl(body.decode())) if form else json.loads(body or b"{}")
            if path.startswith("/response/"):
                self.ephemeral.append(given)
                return 200, {"ok": True}, {}
            method = path.removeprefix("/api/")
            self.calls.append(method)
            if self.refusals:
                return self.refusals.pop(0)
            if headers.get("Authorization") != f"Bearer {TOKEN}":
                return 200, {"ok": False, "error": "invalid_auth"}, {}
            problem = _problem(given) if method in _OF_MESSAGES else ""
            if problem:
                return 200, {"ok": False, "error": problem}, {}
            return 200, self._done(method, given), {"X-OAuth-Scopes": self.scopes}

    def _done(self, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        if method == "auth.test":
            return {"ok": True, "team": "Example", "user": "driftguard"}
        if method == "users.lookupByEmail":
            return self._looked_up(given["email"])
        if self.rooms is not None and given["channel"] not in self.rooms:
            return {"ok": False, "error": "channel_not_found"}
        if method == "chat.postEphemeral":
            if self.rooms is not None and given["user"] not in self.rooms[given["channel"]]:
                return {"ok": False, "error": "user_not_in_channel"}
            self.ephemeral.append(dict(given))
            return {"ok": True, "message_ts": "1700000000.000001"}
        if method == "chat.postMessage":
            ts = f"1700000000.{len(self.messages) + 1:06d}"
            thread = given.get("thread_ts", "")
            if thread and not any(one.ts == thread for one in self.messages):
                return {"ok": False, "error": "thread_not_found"}
            self.messages.append(
                Message(given["channel"], ts, given["text"], given.get("blocks", []), thread)
            )
            return {"ok": True, "channel": given["channel"], "ts": ts}
        if method == "chat.update":
            for one in self.messages:
                if (one.channel, one.ts) == (given["channel"], given["ts"]):
                    one.text, one.blocks = given["text"], given["blocks"]
                    one.edits += 1
                    return {"ok": True, "channel": one.channel, "ts": one.ts}
            return {"ok": False, "error": "message_not_found"}
        if method == "chat.delete":
            before = len(self.messages)
            self.messages = [one for one in self.messages if one.ts != given["ts"]]
            gone = len(self.messages) < before
            return {"ok": True} if gone else {"ok": False, "error": "message_not_found"}
        return {"ok": False, "error": "unknown_method"}

    def _looked_up(self, email: str) -> dict[str, Any]:
        if "users:read.email" not in self.scopes:
            return {"ok": False, "error": "missing_scope", "needed": "users:read.email"}
        if email not in self.emails:
            return {"ok": False, "error": "users_not_found"}
        return {"ok": True, "user": {"id": self.emails[email]}}

    # ------------------------------------------------------------------------ interactions

    def click(self, message: Message, action: str, user: str, *, days: int = 0, **more: Any) -> str:
        """The body of the request that Slack sends when somebody presses a button."""
        element = message.buttons()[action]
        pressed: dict[str, Any] = {
            "type": element["type"],
            "action_id": action,
            "block_id": "b1",
            "action_ts": f"{time.time():.6f}",
        }
        if element["type"] == "static_select":
            pressed["selected_option"] = next(
                one for one in element["options"] if one["value"].endswith(f"|{days}d")
            )
        else:
            pressed["value"] = element["value"]
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": "somebody", "team_id": "T1"},
            "api_app_id": "A1",
            "token": "deprecated",
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
            },
            "trigger_id": f"{time.time_ns()}.1.abc",
            "team": {"id": "T1", "domain": "example"},
            "channel": {"id": message.channel, "name": "security"},
            "response_url": f"{self.url}/response/{time.time_ns()}",
            "actions": [pressed],
        }
        return "payload=" + quote_plus(json.dumps(payload | more))


def signed(body: str, at: float | None = None, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """The headers of a request from Slack, with a real signature."""
    timestamp = f"{time.time() if at is None else at:.0f}"
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": str(signature),
    }


@contextmanager
def running() -> Iterator[SlackStandIn]:
    """A stand-in on a free port of this machine."""
    slack = SlackStandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer, headers = slack.answer(self.path, dict(self.headers), body)
            told = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    slack.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield slack
    finally:
        server.shutdown()
        server.server_close()


# ------------------------------------------------------------------------------- the limits


def _problem(given: Mapping[str, Any]) -> str:
    """What Slack would not take: docs.slack.dev, "Block Kit reference"."""
    blocks = given.get("blocks", [])
    if len(blocks) > 50 or len(given.get("text", "")) > 40_000 or not given.get("channel"):
        return "invalid_arguments"
    return "invalid_blocks" if any(not _valid(one) for one in blocks) else ""


def _valid(block: Mapping[str, Any]) -> bool:
    kind = block.get("type")
    if kind == "header":
        return block["text"]["type"] == "plain_text" and 1 <= len(block["text"]["text"]) <= 150
    if kind == "section":
        fields = block.get("fields", [])
        text = block.get("text", {"text": "x"})["text"]
        return (
            1 <= len(text) <= 3000
            and len(fields) <= 10
            and all(1 <= len(one["text"]) <= 2000 for one in fields)
        )
    if kind == "context":
        return 1 <= len(block["elements"]) <= 10
    if kind == "actions":
        return 1 <= len(block["elements"]) <= 25 and all(map(_valid_element, block["elements"]))
    return kind in _BLOCKS


def _valid_element(element: Mapping[str, Any]) -> bool:
    confirm = element.get("confirm")
    if confirm and (len(confirm["text"]["text"]) > 300 or len(confirm["title"]["text"]) > 100):
        return False
    if element["type"] == "static_select":
        return len(element["options"]) <= 100 and all(
            len(one["text"]["text"]) <= 75 and len(one["value"]) <= 150
            for one in element["options"]
        )
    return len(element["text"]["text"]) <= 75 and len(element["value"]) <= 2000


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
