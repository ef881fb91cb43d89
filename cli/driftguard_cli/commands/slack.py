"""`driftguard slack test`: does Slack take what the guard says, and does it know who answers?

Sources, docs.slack.dev: "auth.test" (`x-oauth-scopes`), "chat.postMessage", "chat.delete",
"chat.postEphemeral" (only chat:write; refuses who is not in the channel), "users.lookupByEmail".
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote_plus, urlsplit

import typer

from driftguard.aws.secrets_manager import BadSecret, Secrets, SlackSecret
from driftguard.channels.slack import blocks
from driftguard.policy.model import Person, Policy

from ..aws_options import on_aws
from ..errors import Misuse, Trouble
from ..policy_file.at_hand import PolicyAtHand, PolicyOption
from ..stack import JsonOption, Stack, StackOption
from .doctor import Finding, Verdict, tell

if TYPE_CHECKING:
    from slack_sdk import WebClient

app = typer.Typer(help="Slack: is it set up right?", no_args_is_help=True)

_SECONDS = 15
# Where a stand-in for Slack is, as for the functions.
_STAND_IN = "SLACK_API_URL"
# What Slack gives out. Source: docs.slack.dev, "Tokens" and "Verifying requests from Slack".
_BOT_TOKEN = re.compile(r"xoxb-[\w-]+")
_SIGNING_SECRET = re.compile(r"[0-9a-z]{32}")
_SCOPE, _BY_EMAIL = "chat:write", "users:read.email"
_WAY_OUT = {
    "account_inactive": "the app was removed from the workspace: install it again",
    "channel_not_found": "the policy's `slack.routes` hold no channel of this id, or it is private "
    "and the app is not in it: copy the id (C…) from the channel's details, and invite the app",
    "invalid_auth": "the bot token is wrong: copy it anew from OAuth & Permissions",
    "is_archived": "the channel is archived: name another one in `slack.routes`",
    "missing_scope": f"add the bot scope {_SCOPE} under OAuth & Permissions, and install the app "
    "again",
    "not_authed": "the bot token is empty",
    "not_in_channel": "the app is not in the channel: `/invite` it there",
    "ratelimited": "Slack asks for patience: try again in a minute",
    "restricted_action": "the workspace lets only some people post there: ask its administrators",
    "token_expired": "the token has expired: switch token rotation off for the app, and install it "
    "again",
    "token_revoked": "the token was revoked: install the app again, and store its new token",
}


class _Refused(Exception):
    """Slack did not take a call. `code` is its error, "" where it gave no answer."""

    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(
            words or f"{code}: {_WAY_OUT[code]}" if code in _WAY_OUT else words or code
        )
        self.code = code


@dataclass(frozen=True, slots=True)
class _Setting:
    """What is tested: the app's two secrets, the policy, and where clicks go ("" if unknown)."""

    secret: SlackSecret
    policy: Policy
    reply_url: str
    client: WebClient


@app.command("test")
@on_aws
def test_command(
    secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A JSON file with bot_token and signing_secret, before the stack has them; no "
            "stack is read then.",
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep/--delete", help="Leave the test messages, with a button to press."),
    ] = False,
    members: Annotated[
        bool,
        typer.Option(help="Show each person of the policy a line that only they can see."),
    ] = True,
    policy: PolicyOption = None,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Test the Slack app: its token, its signing secret, the policy's channels and its people.

    Posts a message to each channel of the policy and deletes it again, unless you
    say --keep. The button of a message that stays shows that clicks arrive: only
    Slack itself can show that the signing secret is the app's.

    Exits 1 if something does not work, and says what to do.

    Example: driftguard slack test --keep
    """
    at_hand = PolicyAtHand.found(policy)
    if secret_file is not None:
        secret, reply_url = _secret_in(secret_file), ""
    else:
        deployed = Stack.named(stack)
        secret, reply_url = _secret_of(deployed), deployed.output("ReplyUrl")
    client = _client(secret.bot_token, os.environ.get(_STAND_IN, ""))
    setting = _Setting(secret, at_hand.policy, reply_url, client)
    tell(list(_checked(setting, keep=keep, members=members)), as_json=as_json)


def _secret_in(file: Path) -> SlackSecret:
    """The two secrets in a file. They are never printed, nor is what could not be parsed."""
    try:
        found = json.loads(file.read_text())
        return SlackSecret(str(found["bot_token"]), str(found["signing_secret"]))
    except OSError as error:
        raise Misuse(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError):
        raise Misuse(
            f'{file} must hold {{"bot_token": "xoxb-…", "signing_secret": "…"}} and nothing else.'
        ) from None


def _secret_of(deployed: Stack) -> SlackSecret:
    arn = deployed.parameters.get("SlackSecretArn", "")
    if not arn:
        raise Trouble(
            f"The stack `{deployed.name}` has no SlackSecretArn, so nothing goes to Slack. Deploy "
            "with it; or test the values first with --secret-file."
        )
    try:
        found = Secrets(deployed.aws, "", arn).slack()
    except BadSecret as error:
        raise Trouble(f"{error}: docs/how-to/slack.md shows it.") from error
    assert found is not None
    return found


def _client(token: str, api_url: str) -> WebClient:
    from slack_sdk import WebClient
    from slack_sdk.http_retry import RateLimitErrorRetryHandler, RetryHandler

    patient: list[RetryHandler] = [RateLimitErrorRetryHandler(max_retry_count=2)]
    if not api_url:
        return WebClient(token, timeout=_SECONDS, retry_handlers=patient)
    client = WebClient(
        token, base_url=api_url.rstrip("/") + "/", timeout=_SECONDS, retry_handlers=patient
    )
    # A stand-in is on this machine.
    client.proxy = None
    return client


def _checked(setting: _Setting, *, keep: bool, members: bool) -> Iterator[Finding]:
    token = [*_token(setting)]
    yield from token
    yield from _signing_secret(setting, keep=keep)
    if any(one.verdict is Verdict.WRONG for one in token):
        return
    reached = []
    for found, channel in _channels(setting, keep=keep):
        yield found
        reached += [channel] * (found.verdict is Verdict.OK)
    if reached and members:
        yield from _members(setting, reached)


def _token(setting: _Setting) -> Iterator[Finding]:
    if not _BOT_TOKEN.fullmatch(setting.secret.bot_token):
        what = "it does not begin with `xoxb-`: take the Bot User OAuth Token, no other one"
        yield Finding("token", Verdict.WRONG, what)
        return
    try:
        told, scopes = _call(setting, "auth.test")
    except _Refused as refused:
        yield Finding("token", Verdict.WRONG, str(refused))
        return
    who = f"it is {told.get('user')} in the workspace {told.get('team')}"
    if scopes is not None and _SCOPE not in scopes:
        yield Finding("token", Verdict.WRONG, f"{who}; {_WAY_OUT['missing_scope']}")
    else:
        yield Finding("token", Verdict.OK, who)


def _signing_secret(setting: _Setting, *, keep: bool) -> Iterator[Finding]:
    """Whether the deployed function takes what is signed with it, as Slack signs."""
    check = "signing secret"
    if not _SIGNING_SECRET.fullmatch(setting.secret.signing_secret):
        what = "it is not 32 letters and digits: copy it anew from Basic Information, App "
        yield Finding(check, Verdict.WRONG, f"{what}Credentials")
        return
    last = "press the button of the test message" if keep else "--keep leaves a button to press"
    unseen = f"whether Slack signs with it, only a click shows: {last}"
    if not setting.reply_url:
        yield Finding(check, Verdict.LOOK, f"it looks like one; {unseen}")
        return
    try:
        status = _clicked(setting)
    except OSError as error:
        what = f"{setting.reply_url}slack does not answer: {error}"
        yield Finding(check, Verdict.WRONG, what)
        return
    if status == 200:
        what = f"{setting.reply_url}slack takes what is signed with it; {unseen}"
        yield Finding(check, Verdict.OK, what)
    else:
        yield Finding(
            check,
            Verdict.WRONG,
            f"{setting.reply_url}slack answered {status} to a request that is signed with it: the "
            "function may still hold the secret's last value (wait five minutes), or this clock is "
            "wrong",
        )


def _clicked(setting: _Setting) -> int:
    """The answer to a click on a test message by nobody. It has no effect."""
    from slack_sdk.signature import SignatureVerifier

    payload = {
        "type": "block_actions",
        "user": {"id": ""},
        "actions": [{"action_id": blocks.TEST, "value": "test"}],
    }
    body, now = "payload=" + quote_plus(json.dumps(payload)), f"{time.time():.0f}"
    verifier = SignatureVerifier(setting.secret.signing_secret)
    request = urllib.request.Request(
        f"{setting.reply_url.rstrip('/')}/slack",
        data=body.encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": str(verifier.generate_signature(timestamp=now, body=body)),
        },
    )
    local = urlsplit(setting.reply_url).hostname == "127.0.0.1"
    handlers = [urllib.request.ProxyHandler({})] if local else []
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _channels(setting: _Setting, *, keep: bool) -> Iterator[tuple[Finding, str]]:
    channels = setting.policy.channels()
    if not channels:
        what = "the policy names none: add `slack: {routes: [{channel: C…}]}`"
        yield Finding("channels", Verdict.WRONG, what), ""
    text, shown = blocks.test_message()
    for channel in channels:
        try:
            posted, _ = _call(setting, "chat.postMessage", channel=channel, text=text, blocks=shown)
        except _Refused as refused:
            yield Finding(f"channel {channel}", Verdict.WRONG, str(refused)), channel
            continue
        yield _posted(setting, channel, str(posted["ts"]), keep=keep), channel


def _posted(setting: _Setting, channel: str, ts: str, *, keep: bool) -> Finding:
    check = f"channel {channel}"
    if keep:
        return Finding(check, Verdict.OK, "a test message stands there: press its button")
    try:
        _call(setting, "chat.delete", channel=channel, ts=ts)
    except _Refused as refused:
        what = f"a test message was posted there, and could not be deleted: {refused}"
        return Finding(check, Verdict.OK, what)
    return Finding(check, Verdict.OK, "a test message was posted there, and deleted")


def _members(setting: _Setting, channels: list[str]) -> Iterator[Finding]:
    """Whether Slack knows the member ids of the policy's people, in a channel that they see."""
    people = setting.policy.people
    if not people:
        what = "the policy names none under `people`: Slack takes no votes"
        yield Finding("people", Verdict.LOOK, what)
    for person in people:
        for member in person.slack:
            yield _member(setting, person, member, channels)
        if not person.slack:
            yield _without_member_id(setting, person)


def _member(setting: _Setting, person: Person, member: str, channels: list[str]) -> Finding:
    check = f"person {person.name}"
    line = f"Only you see this: the policy of Driftguard knows you as {person.name}."
    refusals = []
    for channel in channels:
        try:
            _call(setting, "chat.postEphemeral", channel=channel, user=member, text=line)
            return Finding(check, Verdict.OK, f"{member} is in {channel}")
        except _Refused as refused:
            refusals.append(refused)
    if any(one.code == "user_not_in_channel" for one in refusals):
        what = (
            f"{member} is in none of the channels, or is no member id: compare it with Copy member "
            "ID in the person's profile, and invite them"
        )
        return Finding(check, Verdict.WRONG, what)
    return Finding(check, Verdict.WRONG, f"{member}: {refusals[0]}")


def _without_member_id(setting: _Setting, person: Person) -> Finding:
    """Somebody who cannot vote in Slack; by their e-mail address Slack may know their id."""
    check = f"person {person.name}"
    what = "the policy has no member id of theirs: they cannot vote in Slack"
    for email in person.email:
        try:
            told, _ = _call(setting, "users.lookupByEmail", email=email)
        except _Refused as refused:
            if refused.code == "missing_scope":
                what += f"; with the bot scope {_BY_EMAIL} this test would look it up by {email}"
            elif refused.code == "users_not_found":
                what += f"; Slack knows nobody by {email}"
            else:
                what += f"; looking up {email}: {refused}"
        else:
            user: Mapping[str, Any] = told["user"]
            what += f"; {email} is {user['id']}: add `slack: [{user['id']}]`"
    return Finding(check, Verdict.LOOK, what)


def _call(
    setting: _Setting, method: str, **given: object
) -> tuple[Mapping[str, Any], frozenset[str] | None]:
    """Slack's answer, and the scopes that it says the token has; None where it says nothing."""
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        # This one takes no JSON. Source: docs.slack.dev, "users.lookupByEmail" (content types).
        if method == "users.lookupByEmail":
            answer = setting.client.api_call(method, params=given)
        else:
            answer = setting.client.api_call(method, json=given)
    except SlackApiError as error:
        code = str(error.response.get("error", "")) or str(error.response.status_code)
        raise _Refused(code) from error
    except (SlackClientError, OSError) as error:
        raise _Refused("", f"Slack gave no answer to {method}: {error}") from error
    headers = {name.lower(): value for name, value in answer.headers.items()}
    told = headers.get("x-oauth-scopes")
    scopes = None if told is None else frozenset(one.strip() for one in str(told).split(","))
    data = answer.data
    return (data if isinstance(data, dict) else {}), scopes
