"""Takes clicks in Slack from the HTTP request to a vote, an undo, or the details.

Sources, docs.slack.dev: "Verifying requests from Slack" (signature, five minutes), "Handling user
interaction" (200 within three seconds; a body in the answer to `block_actions` is not shown, so
whoever clicked is answered through `response_url`, and only they see it).

Only the desk's write happens within these three seconds. The guard carries out what was approved
afterwards, and the table's stream brings the message in the channel up to date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from driftguard.approvals.command_queue import CommandQueue
from driftguard.approvals.desk import Desk
from driftguard.approvals.requester import Requester, not_named
from driftguard.approvals.rules import is_undoable
from driftguard.audit import Conflict
from driftguard.aws.calls import AwsError
from driftguard.documents import items, mapping, parsed, text, whole_number
from driftguard.model import Choice, Decision, Status, Vote
from driftguard.policy.model import Person

from ..wording import moment
from . import blocks
from .incident import pairs_of
from .sent import SentMessages

# Slack's own window. A request of the past or the future beyond it is refused.
WINDOW = 300
# Bytes that a request has at most: Slack sends the whole message along with a click.
LONGEST = 262_144
_LENGTHS = {f"{days}d": timedelta(days=days) for days in blocks.LENGTHS}
# Of one vote among several, where AWS gave no answer or refused.
_NOT_RECORDED = "Your vote may not be recorded; vote on this one again"
_HOOKS = ("https://hooks.slack.com/", "https://hooks.slack-gov.com/")


class Refused(Exception):
    """A request that is not taken. The message is for the log only."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Declined(Exception):
    """A real person's click that leads to nothing. The message is for them."""


@dataclass(frozen=True, slots=True)
class Response:
    """The answer over HTTP, and what the log should say.

    The body is always empty: whoever clicked is told through `response_url`. `refused` says why
    nothing was done; `trouble` that the person could not be told.
    """

    status: int = 200
    refused: str = ""
    trouble: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Click:
    """The button pressed, the person and the place: the parts of an interaction that we need.

    `every` are the decisions of a click on all of an incident, each with the fingerprint shown.
    """

    action: str
    decision: str
    fingerprint: str
    length: str
    user: str
    channel: str
    response_url: str
    token: str
    every: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Inbound:
    """Takes clicks for one guard."""

    desk: Desk
    commands: CommandQueue
    signing_secret: str
    api_url: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def handle(self, headers: Mapping[str, str], body: str) -> Response:
        """Answers one request that claims to come from Slack."""
        try:
            token = self._verified(headers, body)
            click = _click(body, token)
        except Refused as error:
            return Response(error.status, refused=str(error))
        try:
            reply, refused = self._work(click)
        except Declined as error:
            reply = blocks.escaped(str(error))
            refused = f"{click.user} on {click.decision or 'nothing'}: {error}"
        return Response(refused=refused, trouble=self._tell(click, reply), reply=reply)

    # ------------------------------------------------------------------------ is it Slack

    def _verified(self, headers: Mapping[str, str], body: str) -> str:
        """The request's digest, if Slack signed it just now and it comes for the first time."""
        from slack_sdk.signature import Clock, SignatureVerifier

        now = self.now().timestamp()

        class OurClock(Clock):
            def now(self) -> float:
                return now

        given = {name.lower(): value for name, value in headers.items()}
        timestamp = given.get("x-slack-request-timestamp", "")
        signature = given.get("x-slack-signature", "")
        at = whole_number(timestamp)
        if at is None or not signature.isascii():
            raise Refused("no signature of Slack's", 401)
        age = now - at
        if abs(age) > WINDOW:
            raise Refused(f"signed {age:.0f} s ago; at most {WINDOW} s are accepted", 401)
        verifier = SignatureVerifier(self.signing_secret, OurClock())
        if not verifier.is_valid(body, timestamp, signature):
            raise Refused("not signed by our Slack app", 401)
        digest = hashlib.sha256(f"{timestamp}:{body}".encode()).hexdigest()
        if not self._sent.first_sight(digest, self.now(), keep_seconds=2 * WINDOW + 60):
            raise Refused("the same request came before", 409)
        return digest

    # ------------------------------------------------------------------------ what is wanted

    def _work(self, click: Click) -> tuple[str, str]:
        """Does what was clicked.

        Returns the words for the person, in Slack's markup, and those for the log: what of it was
        not done.
        """
        if click.action not in blocks.ACTIONS:
            raise Declined("Driftguard does not know this button.")
        if click.action == blocks.TEST:
            return self._tested(click), ""
        if click.action == blocks.REVERT_ALL:
            return self._vote_on_all(click)
        return self._act(click), ""

    def _vote_on_all(self, click: Click) -> tuple[str, str]:
        """Votes to revert each request of an incident; says of each what became of it.

        A vote that does not count, or that could not be recorded, keeps no other from being cast.
        """
        said, refused = [], []
        for decision, fingerprint in click.every:
            one = replace(
                click, action=blocks.REVERT, decision=decision, fingerprint=fingerprint, every=()
            )
            try:
                words = self._act(one)
            except Declined as error:
                words = blocks.escaped(str(error))
                refused.append(f"{decision}: {error}")
            except (AwsError, Conflict) as error:
                words = blocks.escaped(f"{_NOT_RECORDED}: {error}")
                refused.append(f"{decision}: not recorded: {error}")
            said.append(f"`{blocks.escaped(decision)}` {words}")
        return "\n".join(said), f"{click.user} on {'; '.join(refused)}" if refused else ""

    def _act(self, click: Click) -> str:
        """Does what was clicked about one decision."""
        message = self._sent.message(click.decision)
        if message is None or message.channel != click.channel:
            raise Declined("This button belongs to another channel's message.")
        if click.action == blocks.DETAILS:
            return blocks.details(self._known(click.decision))
        if click.action == blocks.UNDO:
            return self._undo(click)
        reply = self.desk.vote(click.decision, self._vote(click))
        if not reply.counted:
            raise Declined(_sentence(reply.text))
        return blocks.escaped(reply.text)

    def _vote(self, click: Click) -> Vote:
        person = self._person(click)
        until = ""
        if click.action == blocks.ACCEPT_FOR:
            if click.length not in _LENGTHS:
                raise Declined("Driftguard does not know this length of time.")
            until = _stamp(self.now() + _LENGTHS[click.length])
        return Vote(
            # No person in the policy has an empty name: the desk refuses, and records that.
            person=person.name if person else "",
            choice=Choice.REVERT if click.action == blocks.REVERT else Choice.ACCEPT,
            via="slack",
            at=_stamp(self.now()),
            fingerprint=click.fingerprint,
            token=click.token,
            until=until,
            identity=f"slack {click.user}",
        )

    def _tested(self, click: Click) -> str:
        """Says that Slack's signature was right, and who clicked in the policy's words."""
        person = self._person(click)
        if person is None:
            raise Declined(
                f"The click arrived, but the policy names nobody with the member id {click.user}: "
                "your votes do not count until somebody adds it to your entry under `people`."
            )
        return blocks.escaped(
            f"The click arrived. The policy knows you as {person.name}: your votes count."
        )

    def _undo(self, click: Click) -> str:
        """Asks for an undo. In Slack only people whom the policy names may."""
        decision = self._known(click.decision)
        requester = Requester(f"slack {click.user}", self._person(click))
        if requester.person is None:
            raise Declined(_sentence(not_named(requester.identity)))
        if not is_undoable(decision):
            raise Declined(
                f"There is nothing to undo: the decision is {decision.status.value} "
                f"since {moment(decision.updated)}."
            )
        reply = self.desk.request_undo(decision.id, requester, "asked for in Slack", self.commands)
        if not reply.counted:
            raise Declined(_sentence(reply.text))
        if reply.decision is not None and reply.decision.status is Status.PROPOSED:
            return blocks.escaped(reply.text)
        return (
            "Thank you: it is being undone, unless the resource has changed since the revert; "
            f"then `driftguard audit show {decision.id}` says so."
        )

    def _known(self, decision: str) -> Decision:
        found = self.desk.audit.get(decision)
        if found is None:
            raise Declined(f"There is no decision {decision}.")
        return found

    def _person(self, click: Click) -> Person | None:
        return self.desk.policy.person(slack=click.user)

    @property
    def _sent(self) -> SentMessages:
        return SentMessages(self.desk.state)

    # ------------------------------------------------------------------------ the reply

    def _tell(self, click: Click, reply: str) -> str:
        """Tells only the person who clicked. Their vote counts even if this fails."""
        from slack_sdk.webhook import WebhookClient

        if not _is_slacks(click.response_url, self.api_url):
            return f"no response_url of Slack's: {urlsplit(click.response_url).netloc or 'none'}"
        client = WebhookClient(click.response_url, timeout=1, retry_handlers=[])
        if self.api_url:
            client.proxy = None
        try:
            answer = client.send(
                text=reply,
                response_type="ephemeral",
                replace_original=False,
            )
        except OSError as error:
            return f"response_url got no answer: {error}"
        return "" if answer.status_code == 200 else f"response_url: {answer.status_code}"


def _click(body: str, token: str) -> Click:
    """The click in an interaction's form-encoded body. Raises `Refused` for anything else."""
    try:
        payload = parsed(parse_qs(body).get("payload", [""])[0])
    except ValueError as error:
        raise Refused("not an interaction", 400) from error
    if not isinstance(payload, Mapping):
        raise Refused("not an interaction", 400)
    kind = text(payload, "type")
    if kind != "block_actions":
        raise Refused(f"an interaction of type `{kind}` is not ours", 400)
    action = next(iter(items(payload.get("actions"))), {})
    value = text(action, "value") or text(mapping(action, "selected_option"), "value")
    decision, fingerprint, length = (*value.split("|"), "", "")[:3]
    return Click(
        action=text(action, "action_id"),
        decision=decision,
        fingerprint=fingerprint,
        length=length,
        user=text(mapping(payload, "user"), "id"),
        channel=text(mapping(payload, "channel"), "id"),
        response_url=text(payload, "response_url"),
        token=f"slack-{token[:32]}",
        every=tuple(pairs_of(value)),
    )


def _is_slacks(url: str, api_url: str) -> bool:
    """Whether a URL is on Slack's hosts, or on the stand-in's: nothing is ever posted elsewhere."""
    if api_url:
        return urlsplit(url)[:2] == urlsplit(api_url)[:2]
    return url.startswith(_HOOKS)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def handle(
    headers: Mapping[str, str],
    body: str,
    *,
    desk: Desk,
    commands: CommandQueue,
    signing_secret: str,
    api_url: str = "",
) -> Response:
    """Answers one request to `/slack`. `body` is the raw text, exactly as it was signed."""
    return Inbound(desk, commands, signing_secret, api_url, desk.now).handle(headers, body)
