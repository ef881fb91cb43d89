"""Calls Slack's Web API for messages, and words refusals so that a person can act on them.

Sources, docs.slack.dev: "chat.postMessage", "chat.update", "Rate limits" (429 with `Retry-After`;
about one message a second and channel).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftguard.aws.time_limit import TimeLimit
from driftguard.documents import whole_number

if TYPE_CHECKING:
    from slack_sdk import WebClient

# The longest that is waited for Slack's sake; the stream delivers again after that.
_PATIENCE = 20.0
# The longest that one call may take, however slowly the answer comes, in seconds.
_CALL = 15.0
_HINTS = {
    "channel_not_found": "is the channel's id in the policy right, and the app invited to it?",
    "not_in_channel": "invite the app to the channel",
    "invalid_auth": "the bot token in the Slack secret is not valid",
    "missing_scope": "the app needs the scope chat:write",
}


class SlackError(Exception):
    """A call that Slack did not take. `code` is Slack's error code."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class SlackBusy(SlackError):
    """Slack asked to be left alone for a while."""


@dataclass
class Slack:
    """Posts and updates messages with one bot's token. `api_url` is for a stand-in.

    `time_limit` is the function's own: no call and no pause outlasts it.
    """

    bot_token: str = field(repr=False)
    api_url: str = ""
    sleep: Callable[[float], None] = time.sleep
    time_limit: TimeLimit = field(default_factory=TimeLimit, repr=False)
    _client: WebClient | None = field(default=None, repr=False)

    def post(
        self, channel: str, text: str, blocks: Sequence[Mapping[str, object]], thread: str = ""
    ) -> str:
        """Posts a message, into a thread where one is named; Slack's timestamp names it."""
        given: dict[str, object] = {"thread_ts": thread} if thread else {}
        answer = self._call(
            "chat.postMessage",
            given
            | {"channel": channel, "text": text, "unfurl_links": False, "unfurl_media": False}
            | ({"blocks": list(blocks)} if blocks else {}),
        )
        return str(answer["ts"])

    def update(
        self, channel: str, ts: str, text: str, blocks: Sequence[Mapping[str, object]]
    ) -> None:
        """Replaces what a message says."""
        given = {"channel": channel, "ts": ts, "text": text, "blocks": list(blocks)}
        self._call("chat.update", given)

    def _call(self, method: str, given: Mapping[str, object]) -> Mapping[str, object]:
        from slack_sdk.errors import SlackApiError, SlackClientError

        try:
            with self.time_limit.within(_CALL), self.time_limit.interrupting(method):
                answer = self._web_client().api_call(method, json=dict(given))
        except SlackApiError as error:
            self._raise(method, error)
        except (SlackClientError, OSError) as error:
            raise SlackError(f"{method} got no answer: {error}") from error
        data = answer.data
        if not isinstance(data, dict):
            raise SlackError(f"{method} got an answer that is no JSON object")
        return data

    def _raise(self, method: str, error: Exception) -> None:
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", 0)
        code = str(response.get("error", "")) if response is not None else ""
        if status == 429 or code == "ratelimited":
            wait = _seconds(getattr(response, "headers", {}))
            # Whoever came back earlier would only be refused again.
            self.sleep(min(wait, _PATIENCE, max(self.time_limit.left(), 0)))
            raise SlackBusy(f"{method} was rate limited for {wait:.0f} s", code) from error
        hint = f": {_HINTS[code]}" if code in _HINTS else ""
        raise SlackError(f"{method} was refused ({code or status}){hint}", code) from error

    def _web_client(self) -> WebClient:
        if self._client is None:
            from slack_sdk import WebClient

            if self.api_url:
                self._client = WebClient(
                    self.bot_token, base_url=self.api_url.rstrip("/") + "/", timeout=10
                )
                # A stand-in is on this machine.
                self._client.proxy = None
            else:
                self._client = WebClient(self.bot_token, timeout=10)
        return self._client


def _seconds(headers: Mapping[str, str]) -> float:
    """Slack's `Retry-After`; a second where it is missing."""
    found = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    seconds = whole_number(found)
    return 1.0 if seconds is None else float(seconds)
