"""Credentials within addresses, connection strings and files of logins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .exposed import Found, Hidden
from .ordinary import is_reference, is_sample, is_sealed
from .randomness import is_random

CONNECTION = "connection string"
BASIC_AUTH = "basic auth credentials"

# RFC 3986, section 3.2.1. Drivers take more than it allows in a password, so this does too; a port
# and a path (`host:8080/a@b`) are none.
_ADDRESS = re.compile(
    r"\b(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{1,30})://"
    r"(?P<user>[^\s:/?#@\"'<>]{0,128}):(?!\d{1,5}[/?#])(?P<secret>[^\s\"'<>@]{1,512})"
    r"@(?=[\w\[$%{*.-])"
)
_OF_THE_WEB = frozenset({"http", "https", "ftp", "ftps", "ws", "wss", "git", "ssh", "sftp"})
# ADO.NET, ODBC, JDBC and libpq: a password among other fields.
_FIELD = re.compile(
    r"(?<![\w-])(?:password|pwd|passwd|SharedAccessKey|AccessKey)[ \t]{0,3}=[ \t]{0,3}"
    r"(?:\"(?P<double>[^\"\n;]{1,256})\"|'(?P<single>[^'\n;]{1,256})'|(?P<bare>[^;&\"'\n]{1,256}))",
    re.IGNORECASE,
)
_FIELD_WORDS = ("password", "passwd", "pwd", "accesskey")
# How far around a password the other fields may be.
_LINE = 600
_OTHER_FIELD = re.compile(
    r"\b(?:jdbc:|(?:server|host|data source|addr(?:ess)?|endpoint|initial catalog|database|dbname"
    r"|driver|SharedAccessKeyName)[ \t]{0,3}=)",
    re.IGNORECASE,
)
# The Go driver for MySQL, and Oracle's thin driver and tools.
_DRIVEN = (
    re.compile(r"(?<![\w.-])[\w.-]{1,64}:(?P<secret>[^\s\"'@]{3,256})@(?:tcp|tcp6|unix|udp)\("),
    re.compile(
        r"\boracle:(?:thin|oci8?):[\w$#.-]{1,64}/\\{0,3}\"?(?P<secret>[^\s\"'@]{3,256})\\{0,3}\"?@"
    ),
)
# A token where an address has its user: `https://TOKEN@git.example.com`.
_USER_ONLY = re.compile(
    r"\b(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{1,30})://(?P<secret>[^\s:/?#@\"'<>\\]{16,512})@(?=[\w\[])"
)
# Files of logins: .netrc, .pgpass, .htpasswd, and the list of cloud-init's chpasswd module.
_LOGINS = (
    re.compile(
        r"\bmachine\s+\S{1,256}\s+login\s+\S{1,256}\s+(?:account\s+\S{1,128}\s+)?"
        r"password\s+(?P<secret>\S{3,512})"
    ),
    re.compile(
        r"^[^\s:#]{1,255}:(?:\d{2,5}|\*):[^\s:]{1,128}:[^\s:]{1,128}:(?P<secret>[^\s:]{3,256})$",
        re.MULTILINE,
    ),
    re.compile(r"^[\w.@-]{1,64}:\{PLAIN\}(?P<secret>\S{3,256})$", re.MULTILINE),
)
_CHPASSWD = re.compile(
    r"^[ \t]*(?:chpasswd|list):[ \t]*[|>]?-?[ \t]*\n(?P<lines>(?:[ \t]+[^\n]*\n?){1,200})",
    re.MULTILINE,
)
_CHANGED = re.compile(r"^[ \t]+(?:- )?[a-z_][\w.-]{0,31}:(?P<secret>[^\s:]{3,256})$", re.MULTILINE)


def credentials(text: str) -> Iterator[Found]:
    """The passwords in a text's addresses, connection strings and files of logins."""
    if "://" in text and "@" in text:
        yield from _in_addresses(text)
    lower = text.lower()
    if any(word in lower for word in _FIELD_WORDS):
        yield from _in_fields(text)
    if "@" in text:
        yield from _matched(CONNECTION, _DRIVEN, text)
    yield from _matched(BASIC_AUTH, _LOGINS, text)
    if "chpasswd" in lower:
        for listed in _CHPASSWD.finditer(text):
            for match in _CHANGED.finditer(text, *listed.span("lines")):
                if _tells(match["secret"]) and not match["secret"].startswith(("$", "R")):
                    yield Found(BASIC_AUTH, *match.span("secret"), Hidden(match["secret"]))


def _in_addresses(text: str) -> Iterator[Found]:
    for match in _ADDRESS.finditer(text):
        if _tells(match["secret"], match["user"]):
            kind = BASIC_AUTH if match["scheme"].lower() in _OF_THE_WEB else CONNECTION
            yield Found(kind, *match.span("secret"), Hidden(match["secret"]))
    for match in _USER_ONLY.finditer(text):
        if is_random(match["secret"]) and _tells(match["secret"]):
            yield Found(BASIC_AUTH, *match.span("secret"), Hidden(match["secret"]))


def _in_fields(text: str) -> Iterator[Found]:
    for match in _FIELD.finditer(text):
        before = text[max(match.start() - _LINE, 0) : match.start()].rpartition("\n")[2]
        after = text[match.end() : match.end() + _LINE].partition("\n")[0]
        group = match.lastgroup or "bare"
        secret = match[group].rstrip()
        if _OTHER_FIELD.search(f"{before}\n{after}") and _tells(secret):
            start = match.start(group)
            yield Found(CONNECTION, start, start + len(secret), Hidden(secret))


def _matched(kind: str, forms: Iterable[re.Pattern[str]], text: str) -> Iterator[Found]:
    for form in forms:
        for match in form.finditer(text):
            if _tells(match["secret"]) and not is_sealed(match["secret"]):
                yield Found(kind, *match.span("secret"), Hidden(match["secret"]))


# What documentation writes for a password.
_WRITTEN = frozenset({"password", "pass", "pwd", "passwd", "secret", "mypassword", "pw"})
_WRITTEN_USERS = frozenset({"", "user", "username", "usr", "myuser", "user_name"})


def _tells(secret: str, user: str = "") -> bool:
    if secret.lower() in _WRITTEN and user.lower() in _WRITTEN_USERS:
        return False
    return not (is_reference(secret) or is_sample(secret) or secret.startswith(("$", "{{", "%(")))
