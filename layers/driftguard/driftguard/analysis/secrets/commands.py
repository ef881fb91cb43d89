"""Passwords and tokens that commands and statements are given, by where each takes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from .exposed import Found, Hidden
from .ordinary import is_reference, is_sample

COMMAND = "password on a command line"

# What a command is given: quoted or not.
_GIVEN = r"\\{0,3}['\"]?(?P<secret>[^\s'\"|]{3,512})"
_LITERAL = r"\\{0,3}(?P<quote>['\"])(?P<secret>[^'\"\n\\]{3,256})\\{0,3}(?P=quote)"
# Options of the command before the one that matters.
_OPTIONS = r"[^\n|;]{0,400}?\s"

# (what a text must hold, in small letters; the expression)
_COMMANDS = (
    (
        "curl",
        rf"\bcurl\b{_OPTIONS}(?:-u|--user|-U|--proxy-user)[ =]?['\"]?[^\s:'\"]{{0,128}}:{_GIVEN}",
    ),
    ("curl", rf"\bcurl\b{_OPTIONS}--oauth2-bearer[ =]{_GIVEN}"),
    ("sshpass", rf"\bsshpass\s+-p\s*{_GIVEN}"),
    ("mysql", rf"\b(?:mysql|mysqldump|mysqladmin)\b{_OPTIONS}-p{_GIVEN}"),
    ("mysqladmin", rf"\bmysqladmin\b{_OPTIONS}password\s+{_GIVEN}"),
    ("mariadb", rf"\bmariadb\b{_OPTIONS}-p{_GIVEN}"),
    ("docker login", rf"\bdocker\s+login\b{_OPTIONS}-p[ =]?{_GIVEN}"),
    (
        "-stdin",
        rf"\b(?:echo|printf)\s+(?:-n\s+)?{_GIVEN}['\"]?\s*\|\s*(?:sudo\s+)?[\w./-]{{1,80}}[^\n|]{{0,200}}--(?:password-)?stdin",
    ),
    ("-stdin", rf"--(?:password-)?stdin[^\n|<]{{0,200}}<<<\s*{_GIVEN}"),
    ("sudo -s", rf"\becho\s+(?:-n\s+)?{_GIVEN}['\"]?\s*\|\s*sudo\s+-S\b"),
    (
        "chpasswd",
        rf"\becho\s+(?:-e\s+)?['\"]?[\w.-]{{1,64}}:{_GIVEN}['\"]?\s*\|\s*(?:sudo\s+)?chpasswd",
    ),
    ("chpasswd", rf"\bchpasswd\s*<<<\s*['\"]?[\w.-]{{1,64}}:{_GIVEN}"),
    ("vncpasswd", rf"\bvncpasswd\b[^\n]{{0,80}}<<<\s*{_GIVEN}"),
    ("gh auth", rf"\bgh\s+auth\s+login\b[^\n<]{{0,120}}<<<\s*{_GIVEN}"),
    (
        "secret create",
        rf"\b(?:echo|printf)\s+(?:-n\s+)?{_GIVEN}['\"]?\s*\|\s*[\w./-]{{1,40}}\s+secret\s+create",
    ),
    ("/run/secrets/", rf"\b(?:echo|printf)\s+(?:-n\s+)?{_GIVEN}['\"]?\s*>\s*/run/secrets/"),
    (
        "securestring",
        r"(?i:ConvertTo-SecureString)\s+(?:-String\s+)?(?P<quote>['\"])(?P<secret>[^'\"\n]{1,256})(?P=quote)\s+-(?i:AsPlainText)",
    ),
    (
        "networkcredential",
        rf"(?i:NetworkCredential)\s*\(\s*['\"][^'\"\n]{{0,128}}['\"]\s*,\s*{_LITERAL}",
    ),
    ("net user", rf"(?i:\bnet\s+user)\s+[\w.-]{{1,64}}\s+(?![/*]){_GIVEN}"),
    ("net use ", rf"(?i:\bnet\s+use)\s+(?:[A-Z*]:?\s+)?\\\\\S{{1,200}}\s+(?![/*]){_GIVEN}"),
    ("cmdkey", rf"(?i:\bcmdkey\b)[^\n]{{0,300}}\s/pass(?:word)?:{_GIVEN}"),
    ("signtool", rf"\bsigntool\b{_OPTIONS}/p\s+{_GIVEN}"),
    ("certutil", rf"\bcertutil\b{_OPTIONS}-p\s+{_GIVEN}"),
    (
        "authorization",
        r"(?i:\bauthorization)\\{0,3}['\"]?\s*[:=]\s*\\{0,3}['\"]?"
        r"(?i:bearer|basic|token|apikey|splunk|geniekey)[ \t]+(?:token=)?['\"]?"
        r"(?P<secret>[^\s'\"\\]{8,2048})",
    ),
    ("az login", rf"\baz\s+login\b{_OPTIONS}(?:-p|--password)[ =]{_GIVEN}"),
    ("twine", rf"\btwine\s+upload\b{_OPTIONS}-p[ =]?{_GIVEN}"),
    ("nuget", rf"\bnuget\s+push\b{_OPTIONS}(?:-k|-ApiKey|--api-key)\s+{_GIVEN}"),
    ("redis-cli", rf"\bredis-cli\b{_OPTIONS}-a\s+{_GIVEN}"),
    ("sqlcmd", rf"\bsqlcmd\b{_OPTIONS}-P\s*{_GIVEN}"),
    ("bcp ", rf"\bbcp\s{_OPTIONS}-P\s*{_GIVEN}"),
    ("mongo", rf"\bmongo(?:sh|dump|restore|export|import)?\b{_OPTIONS}-p[ =]?{_GIVEN}"),
    ("sqlplus", rf"\bsqlplus\b[^\n]{{0,80}}?\s\w{{1,64}}/{_GIVEN}@"),
    ("htpasswd", rf"\bhtpasswd\s+-\w{{0,6}}b\w{{0,6}}\s+\S{{1,200}}\s+[\w.@-]{{1,64}}\s+{_GIVEN}"),
    ("pass:", rf"\s-?-(?:pass|passin|passout|password|k)\s+pass:{_GIVEN}"),
    ("ldap", rf"\bldap\w{{1,12}}\b{_OPTIONS}-w\s*{_GIVEN}"),
    ("smb", rf"\bsmb\w{{1,12}}\b{_OPTIONS}-U\s*['\"]?[\w.\\@-]{{1,64}}%{_GIVEN}"),
    ("rabbitmqctl", rf"\brabbitmqctl\s+(?:add_user|change_password)\s+[\w.-]{{1,64}}\s+{_GIVEN}"),
    ("vault login", rf"\bvault\s+login\s+(?:token=)?(?!-){_GIVEN}"),
    ("unzip", rf"\bunzip\b{_OPTIONS}-P\s*{_GIVEN}"),
    ("7z", rf"\b7z[ar]?\b{_OPTIONS}-p{_GIVEN}"),
    ("plink", rf"\b(?:plink|pscp|psftp|putty)\b{_OPTIONS}-pw\s+{_GIVEN}"),
    ("snmp", rf"\bsnmp\w{{1,12}}\b{_OPTIONS}-[AXc]\s+{_GIVEN}"),
    ("consul", rf"\bconsul\b{_OPTIONS}-encrypt[ =]{_GIVEN}"),
    ("doctl", rf"\bdoctl\b{_OPTIONS}-t\s+{_GIVEN}"),
    ("cloudflared", rf"\bcloudflared\s+service\s+install\s+(?!-){_GIVEN}"),
    ("auth:token", rf"\bauth:token\s+(?!-){_GIVEN}"),
    ("mc alias", rf"\bmc\s+alias\s+set\s+\S{{1,64}}\s+\S{{1,200}}\s+\S{{1,128}}\s+{_GIVEN}"),
    ("storepass", rf"-(?:src|dest)?(?:store|key)pass(?:word)?\s+(?!-){_GIVEN}"),
    ("send", r"\bsend\s+(?:--\s+)?\\{0,3}\"(?P<secret>[^\s\"\\]{6,128})\\{1,3}[rn]"),
    # Statements of SQL.
    ("identified", rf"(?i:\bidentified\s+(?:with\s+\w{{1,40}}\s+)?by)\s+{_LITERAL}"),
    ("password", rf"(?i:\bpassword)\s+{_LITERAL}"),
    ("password(", rf"(?i:\bpassword)\s*\(\s*{_LITERAL}\s*\)"),
)


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def commanded(text: str) -> Iterator[Found]:
    """The passwords in a text's commands and statements."""
    lower = text.lower()
    for word, expression in _COMMANDS:
        if word in lower:
            for match in _compiled(expression).finditer(text):
                if _tells(match["secret"]):
                    yield Found(COMMAND, *match.span("secret"), Hidden(match["secret"]))


def _tells(secret: str) -> bool:
    return not (is_reference(secret) or is_sample(secret) or secret.startswith(("$", "{{", "%(")))
