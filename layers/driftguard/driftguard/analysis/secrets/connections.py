"""Credentials within addresses, connection strings and command lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .exposed import Found, Hidden
from .ordinary import is_reference, is_sample

CONNECTION = "connection string"
BASIC_AUTH = "basic auth credentials"
COMMAND = "password on a command line"

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
_GIVEN = r"['\"]?(?P<secret>[^\s'\"|]{3,512})"
_COMMANDS = tuple(
    re.compile(expression)
    for expression in (
        rf"\bcurl\b[^\n|;]{{0,400}}?\s(?:-u|--user)[ =]?['\"]?[^\s:'\"]{{1,128}}:{_GIVEN}",
        rf"\bsshpass\s+-p\s*{_GIVEN}",
        rf"\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n|;]{{0,400}}?\s-p{_GIVEN}",
        rf"\bdocker\s+login\b[^\n|;]{{0,400}}?\s-p[ =]?{_GIVEN}",
        rf"\becho\s+(?:-e\s+)?['\"]?[\w.-]{{1,64}}:{_GIVEN}['\"]?\s*\|\s*(?:sudo\s+)?chpasswd",
        r"(?i:ConvertTo-SecureString)\s+(?:-String\s+)?(?P<quote>['\"])"
        r"(?P<secret>[^'\"\n]{1,256})(?P=quote)\s+-(?i:AsPlainText)",
        rf"(?i:\bnet\s+user)\s+[\w.-]{{1,64}}\s+(?![/*]){_GIVEN}",
        r"(?i:\bauthorization)['\"]?\s*[:=]\s*['\"]?(?i:bearer|basic|token)\s+"
        r"(?P<secret>[^\s'\"]{8,2048})",
    )
)
_COMMAND_WORDS = (
    "curl",
    "sshpass",
    "mysql",
    "mariadb",
    "docker login",
    "chpasswd",
    "securestring",
    "net user",
    "authorization",
)


def credentials(text: str) -> Iterator[Found]:
    """The passwords in a text's addresses, connection strings and commands."""
    if "://" in text and "@" in text:
        yield from _in_addresses(text)
    lower = text.lower()
    if any(word in lower for word in _FIELD_WORDS):
        yield from _in_fields(text)
    if any(word in lower for word in _COMMAND_WORDS):
        yield from _in_commands(text)


def _in_addresses(text: str) -> Iterator[Found]:
    for match in _ADDRESS.finditer(text):
        if _tells(match["secret"], match["user"]):
            kind = BASIC_AUTH if match["scheme"].lower() in _OF_THE_WEB else CONNECTION
            yield Found(kind, *match.span("secret"), Hidden(match["secret"]))


def _in_fields(text: str) -> Iterator[Found]:
    for match in _FIELD.finditer(text):
        before = text[max(match.start() - _LINE, 0) : match.start()].rpartition("\n")[2]
        after = text[match.end() : match.end() + _LINE].partition("\n")[0]
        group = match.lastgroup or "bare"
        secret = match[group].rstrip()
        if _OTHER_FIELD.search(f"{before}\n{after}") and _tells(secret):
            start = match.start(group)
            yield Found(CONNECTION, start, start + len(secret), Hidden(secret))


def _in_commands(text: str) -> Iterator[Found]:
    for expression in _COMMANDS:
        for match in expression.finditer(text):
            if _tells(match["secret"]):
                yield Found(COMMAND, *match.span("secret"), Hidden(match["secret"]))


# What documentation writes for a password.
_WRITTEN = frozenset({"password", "pass", "pwd", "passwd", "secret", "mypassword", "pw"})
_WRITTEN_USERS = frozenset({"", "user", "username", "usr", "myuser", "user_name"})


def _tells(secret: str, user: str = "") -> bool:
    if secret.lower() in _WRITTEN and user.lower() in _WRITTEN_USERS:
        return False
    return not (is_reference(secret) or is_sample(secret) or secret.startswith(("$", "{{", "%(")))
