"""Finds tokens that show who issued them, by a prefix or another fixed form.

Most are found by detect-secrets' detectors. Each has a cheap hint of ours: the detector is loaded
only if a text holds the hint, and it reads the hint's surroundings rather than the whole text. The
library leaves the ends of a token open; here a token ends where its characters end, so that a
fingerprint is always that of the whole token, and part of something longer is no token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .exposed import Effort, Found, Hidden
from .library import plugin
from .ordinary import is_mixed, is_sample

# How far before a hint the library's detectors look: names and hosts stand there.
_BEFORE = 160
_TAIL = re.compile(r"[\w-]{0,4096}")


@dataclass(frozen=True, slots=True)
class Issued:
    """One kind of token.

    `module` and `detector` name the library's; without them `hint` is the token itself. `tail` is
    what may follow what the detector saw and is still token; None where nothing may. `reach` is how
    far behind the hint the detector looks: it need not see all of a token with a tail. With `inner`
    only the first group of the detector's expression is the secret. With `mixed` a token without
    both cases and digits is a word that looks like one.
    """

    kind: str
    hint: re.Pattern[str]
    module: str = ""
    detector: str = ""
    tail: re.Pattern[str] | None = _TAIL
    reach: int = 300
    inner: bool = False
    mixed: bool = False


_JWT_TAIL = re.compile(r"[\w.=/+-]{0,16384}")

KINDS = (
    Issued("GitHub token", re.compile(r"gh[pousr]_\w"), "github_token", "GitHubTokenDetector"),
    Issued(
        "GitLab token",
        re.compile(r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-|GR1348941"),
        "gitlab_token",
        "GitLabTokenDetector",
        reach=1100,
    ),
    Issued("Slack token", re.compile(r"xox[abposr]-|hooks\.slack\.com"), "slack", "SlackDetector"),
    Issued("Stripe key", re.compile(r"[rs]k_live_"), "stripe", "StripeDetector"),
    Issued("SendGrid key", re.compile(r"SG\."), "sendgrid", "SendGridDetector"),
    Issued(
        "Twilio key",
        re.compile(r"SK[0-9a-f]{32}\b"),
        "twilio",
        "TwilioKeyDetector",
        tail=None,
    ),
    Issued(
        "JSON Web Token",
        re.compile(r"eyJ[\w-]{8}"),
        "jwt",
        "JwtTokenDetector",
        tail=_JWT_TAIL,
        reach=4096,
    ),
    Issued(
        "Azure storage key",
        re.compile(r"AccountKey="),
        "azure_storage_key",
        "AzureStorageKeyDetector",
        tail=None,
    ),
    Issued("npm token", re.compile(r":_authToken="), "npm", "NpmDetector", inner=True),
    Issued("PyPI token", re.compile(r"pypi-Ag"), "pypi_token", "PypiTokenDetector"),
    Issued("OpenAI key", re.compile(r"T3BlbkFJ"), "openai", "OpenAIDetector"),
    Issued(
        "Discord bot token",
        re.compile(r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27}"),
        "discord",
        "DiscordBotTokenDetector",
    ),
    Issued(
        "Telegram bot token",
        re.compile(r"\d{8,10}:[\w-]{35}"),
        "telegram_token",
        "TelegramBotTokenDetector",
        tail=None,
    ),
    Issued("Square secret", re.compile(r"sq0csp-"), "square_oauth", "SquareOAuthDetector"),
    Issued(
        "Mailchimp key",
        re.compile(r"[0-9a-f]{32}-us\d"),
        "mailchimp",
        "MailchimpDetector",
        tail=None,
    ),
    Issued(
        "Cloudant credential",
        re.compile(r"[cC]loudant|CLOUDANT"),
        "cloudant",
        "CloudantDetector",
        tail=None,
        inner=True,
    ),
    Issued(
        "SoftLayer credential",
        re.compile(r"[sS]oft[lL]ayer|SOFTLAYER"),
        "softlayer",
        "SoftlayerDetector",
        tail=None,
        inner=True,
    ),
    Issued(
        "IBM Cloud key",
        re.compile(r"(?:ibm|IBM)[_-]?(?:cloud|CLOUD|iam|IAM|api|API|key|KEY)"),
        "ibm_cloud_iam",
        "IbmCloudIamDetector",
        tail=None,
        inner=True,
    ),
    Issued(
        "IBM COS key",
        re.compile(r"(?:cos|COS|ibm|IBM)[_-](?:\w{1,8}[_-])?(?:secret|SECRET)"),
        "ibm_cos_hmac",
        "IbmCosHmacDetector",
        tail=None,
        inner=True,
    ),
    Issued(
        "Artifactory credential",
        re.compile(r"A(?:KC|P[0-9A-F])[A-Za-z0-9]{8}"),
        "artifactory",
        "ArtifactoryDetector",
        mixed=True,
    ),
)


def hinted(text: str) -> tuple[Issued, ...]:
    """The kinds of token that may be in a text; no others need be looked for."""
    return tuple(kind for kind in KINDS if kind.hint.search(text))


def tokens(kind: Issued, text: str) -> Iterator[Found]:
    """Every token of this kind."""
    for start, end in _spans(kind, text):
        token = text[start:end]
        if not is_sample(token) and (not kind.mixed or is_mixed(token)):
            yield Found(kind.kind, start, end, Hidden(token))


def _spans(kind: Issued, text: str) -> Iterator[tuple[int, int]]:
    """Where tokens are, from their first character to behind their last."""
    read, effort = 0, Effort.on(text)
    for hint in kind.hint.finditer(text):
        if not kind.detector:
            yield _whole(kind, text, *hint.span())
        elif hint.end() > read:
            read = _line_end(text, hint.end(), kind.reach)
            yield from _as_detected(kind, text, max(hint.start() - _BEFORE, 0), read, effort)


def _line_end(text: str, at: int, reach: int) -> int:
    end = text.find("\n", at, at + reach)
    return min(at + reach, len(text)) if end < 0 else end


def _as_detected(
    kind: Issued, text: str, start: int, end: int, effort: Effort
) -> Iterator[tuple[int, int]]:
    detector = plugin(kind.module, kind.detector)
    for expression in detector.denylist:
        for match in expression.finditer(text, start, end):
            group = 1 if kind.inner and match.lastindex else 0
            begin, stop = _whole(kind, text, *match.span(group))
            # Asked for the whole token, the detector may yet say that it is none.
            asked = text[min(match.start(), begin) : max(match.end(), stop)]
            effort.spend(len(asked))
            if stop > begin and any(True for _ in detector.analyze_string(asked)):
                yield begin, stop


def _whole(kind: Issued, text: str, start: int, end: int) -> tuple[int, int]:
    """The token without the library's delimiters and to its end; empty if it is part of more."""
    while start < end and text[start] in " \t\r\n=:\"'":
        start += 1
    while start < end and text[end - 1] in " \t\r\n\"'":
        end -= 1
    if start and text[start].isalnum() and text[start - 1].isalnum():
        return start, start
    tail = (kind.tail or _TAIL).match(text, end)
    more = tail.end() if tail else end
    if kind.tail is None:
        return (start, end) if more == end else (start, start)
    return start, more
