"""Finds values that a text assigns to names: in shell, YAML, JSON, XML, properties, templates.

Only names that may tell of a secret are looked for; `judgment` says whether name and value together
are a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .exposed import Hidden
from .ordinary import is_mixed

_TELLING = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credential|creds|key|salt|auth|contrase"
    r"|kennwort|geheim|wachtwoord|senha|parola|has[lł]o|l[oö]senord|heslo|adgangskode|jelsz[oó]"
    r"|mnemonic|seed|phrase|jwt|pepper|signature|cookie|session|schl(?:ue|ü)ssel|zugangsdaten"
    r"|mot de passe|пароль|密码|密碼|口令|パスワード|비밀번호"
    # These are also parts of words, and count where no letter follows.
    r"|(?:pw|psk|pat|mdp|dsn|cle|clave|jeton|login|cred|account|sig|sas)(?![^\W\d_]))"
)
_VALUE = (
    r"(?:(?P<slashes>\\{1,15})\"(?P<escaped>[^\"\\\n]{1,4096})(?P=slashes)\""
    r"|(?:\"\"\"|''')(?P<triple>[^\s\"']{1,4096})(?:\"\"\"|''')"
    r"|\"(?P<double>(?:[^\"\\\n]|\\.){1,4096})\""
    r"|'(?P<single>[^'\n]{1,4096})'"
    r"|(?P<bare>[^\s\"'`,;&<>{}()\[\]|\\]{1,2048}))"
)
_NAME_END = r"[\w.-]{0,40}(?:\\{0,15}[\"'])?\]?"
# The value is only looked ahead at: another assignment may stand within it.
_ASSIGNED = re.compile(
    rf"{_TELLING}{_NAME_END}(?P<sign>[ \t]{{0,8}}(?::=|=>|=|:)[ \t]{{0,8}}"
    rf"|[ \t]{{1,4}}(?:is[ \t]{{1,4}})?)(?={_VALUE})",
    re.IGNORECASE,
)
_OPTION = re.compile(
    rf"(?<!\S)--?(?P<name>[\w-]{{0,40}}?{_TELLING}[\w-]{{0,20}})[ \t]+(?!-)(?={_VALUE})",
    re.IGNORECASE,
)
_ELEMENT = re.compile(
    rf"<(?P<name>[\w.:-]{{0,40}}?{_TELLING}[\w.:-]{{0,20}})>(?=(?P<bare>[^<>\n]{{1,512}})</)",
    re.IGNORECASE,
)
# Name and value side by side, as in task definitions, tags and parameters; there may be a type
# between them.
_QUOTE = r"(?:\\{0,15}[\"'])?"
_IS = rf"{_QUOTE}\s{{0,4}}[:=]\s{{0,4}}"
_NAMING = rf"{_QUOTE}\b(?:parameter)?(?:name|key){_IS}{_QUOTE}(?P<name>[\w./-]{{1,200}}){_QUOTE}"
_VALUING = rf"{_QUOTE}\b(?:parameter)?value{_IS}"
_NEXT = r"\s{0,40},?\s{0,40}"
_BETWEEN = rf"{_NEXT}(?:{_QUOTE}type{_IS}{_QUOTE}\w{{1,40}}{_QUOTE}{_NEXT})?"
_PAIR = re.compile(rf"{_NAMING}{_BETWEEN}{_VALUING}(?={_VALUE})", re.IGNORECASE)
_PAIR_REVERSED = re.compile(
    rf"{_VALUING}(?={_VALUE}){_QUOTE}[^\s\"'\\]{{1,512}}+{_QUOTE}{_BETWEEN}{_NAMING}", re.IGNORECASE
)
# A template's parameter: the name stands over its default.
_DEFAULT = re.compile(
    rf"^(?P<indent>[ \t]{{0,20}})[\"']?(?P<name>\w{{1,64}})[\"']?:[ \t]{{0,4}}\{{?[ \t]{{0,4}}\n"
    rf"(?:(?P=indent)[ \t]{{1,20}}[\"']?(?!default\b)\w+[\"']?:[ \t]+\S[^\n]*\n){{0,12}}?"
    rf"(?P=indent)[ \t]{{1,20}}[\"']?default[\"']?:[ \t]{{0,4}}(?={_VALUE})",
    re.IGNORECASE | re.MULTILINE,
)
# A text on lines of its own under a name, in YAML.
_INDENTED = re.compile(
    rf"(?P<name>{_TELLING}[\w.-]{{0,20}})[\"']?:[ \t]{{1,4}}[|>][-+]?[ \t]{{0,4}}\n"
    rf"[ \t]{{1,40}}(?=(?P<bare>\S{{4,4096}})[ \t]*(?:\n|$))",
    re.IGNORECASE,
)
# A line that assigns and does nothing else: quotes are not needed there, whatever the value holds.
_LINE = re.compile(
    r"^[ \t]{0,40}(?:export[ \t]+|ENV[ \t]+|set[ \t]+|-[ \t]+)?"
    rf"(?P<name>[\w.-]{{0,40}}?{_TELLING}[\w.-]{{0,20}})"
    r"(?:[ \t]{0,4}=[ \t]{0,4}|:[ \t]{1,8})(?P<bare>[^\s\"'][^\s\"']{7,255})[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
# A call, an index, a type: code and no value.
_EXPRESSION = re.compile(r"[\w.:>-]*[\w>][(\[{<]|.*(?:\$[({\w]|\{\{|\(\)|=>|->|&&|\|\|)")
# A variable of Terraform: its default stands in its block.
_VARIABLE = re.compile(
    rf"\bvariable[ \t]{{1,4}}\"(?P<name>[\w-]{{1,64}})\"[ \t]{{0,4}}\{{[^{{}}]{{0,600}}?"
    rf"\bdefault[ \t]{{0,20}}=[ \t]{{0,4}}(?={_VALUE})"
)
# A call that defines a constant, as in PHP; and a command that sets a setting.
_DEFINED = re.compile(
    rf"\b(?:define|setenv|putenv|setx|(?:config|configure)\s+set|set-env)\b[ \t(]{{1,4}}[\"']?"
    rf"(?P<name>[\w.:/-]{{1,128}})[\"']?[ \t]{{0,4}},?[ \t]{{0,4}}(?={_VALUE})",
    re.IGNORECASE,
)
# Each with a group for the name. The last is for texts that have such a block at all.
_BY_THEMSELVES = (
    _OPTION,
    _ELEMENT,
    _PAIR,
    _PAIR_REVERSED,
    _DEFAULT,
    _VARIABLE,
    _DEFINED,
    _INDENTED,
)
_BLOCK = re.compile(r":[ \t]{1,4}[|>]")
_NAME_BEFORE = re.compile(r"[\w.-]{0,60}\Z")
# As in `--from-literal=password=…`.
_OPTION_BEFORE = re.compile(r"(?:^|\s)--[\w-]{1,40}=\Z")
# A bare value that is followed by more words is prose or code.
_ENDS = re.compile(r"[ \t]*(?:$|[,;&}\])]|#|//)", re.MULTILINE)
# In quotes with its name, as a header on a command line, or the end of a message.
_ENDS_QUOTE = re.compile(r"\\{0,15}[\"'`]")
_CODE = re.compile(r"\s*[(\[{]")


_VALUES = ("escaped", "triple", "double", "single", "bare")


@dataclass(frozen=True, slots=True)
class Assigned:
    """A name, and the value that it is given, with the part of the text that the value takes up.

    `loose` says that the text may be prose or code that only speaks of a secret.
    """

    name: str
    value: Hidden
    start: int
    end: int
    loose: bool = False


def assignments(text: str) -> Iterator[Assigned]:
    """Every value that stands by a name which may tell of a secret."""
    for match in _ASSIGNED.finditer(text):
        before = _NAME_BEFORE.search(text, max(match.start() - 60, 0), match.start())
        start = before.start() if before else match.start()
        name = text[start : match.start("sign")]
        if _is_handed_on(name, match["bare"]):
            continue
        if _is_within(text, start, match):
            continue
        if not match["sign"].strip(" \tis"):
            yield _assigned(name, match, loose=True)
        elif _is_whole(text, match):
            yield _assigned(name, match)
        elif match["bare"] and _ENDS_QUOTE.match(text, match.end("bare")):
            yield _assigned(name, match, loose=True)
    for expression in _BY_THEMSELVES if _BLOCK.search(text) else _BY_THEMSELVES[:-1]:
        for match in expression.finditer(text):
            yield _assigned(match["name"], match)
    for match in _LINE.finditer(text):
        bare = match["bare"]
        code = _EXPRESSION.match(bare) or _is_handed_on(match["name"], bare)
        if is_mixed(bare) and not code:
            yield _assigned(match["name"], match)


def _assigned(name: str, match: re.Match[str], *, loose: bool = False) -> Assigned:
    group = next(value for value in _VALUES if match.groupdict().get(value))
    return Assigned(name.strip("\\\"'-].:"), Hidden(match[group]), *match.span(group), loose)


def _is_handed_on(name: str, bare: str | None) -> bool:
    """Whether code hands on what it has: `password=password`, `self.token = token`.

    A password that is its own name, letter by letter and without quotes, guards nothing either.
    """
    called = name.rstrip("\\\"'] ").rpartition(".")[2]
    return bare is not None and bare.rpartition(".")[2] == called


def _is_within(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether the name is part of a value: of an ARN (`…:secret:prod/db`), or behind a sign."""
    before = text[start - 1 : start]
    if before == "=":
        return not _OPTION_BEFORE.search(text, max(start - 48, 0), start)
    return match["sign"] == ":" and before in (":", "/")


def _is_whole(text: str, match: re.Match[str]) -> bool:
    """Whether the value is all that is assigned; without quotes, it could be the start of more."""
    end = match.end("bare")
    if end < 0:
        return True
    if _CODE.match(text, end):
        return False
    return match["sign"] in ("=", ":=") or _ENDS.match(text, end) is not None
