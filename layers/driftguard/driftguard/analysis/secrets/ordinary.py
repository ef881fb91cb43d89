"""Recognizes a value by its form: something ordinary, a sample, words, or randomness.

Most of a configuration is settled here, before any detector is loaded.
"""

from __future__ import annotations

import math
import re

from .library import plugin

# Longer values are judged by their beginning: what is to be told shows there.
_JUDGED = 512

# These are no password either.
_SETTLED = re.compile(
    r"""
      true | false | yes | no | on | off | null | none | nil | undefined | default | auto
    | enabled? | disabled? | required | optional | prompt | inherit | unset | n/?a | string
    | str | bytes
    | arn:[\w-]*:[^\s]{1,2000}
    | (?:ami|i|sg|vpc|subnet|vol|snap|eni|igw|nat|rtb|acl|lt|fs|fsap|key|tgw|eipalloc|vpce|pl)
      -[0-9a-f]{8,17}
    | (?:https?|s3|ftp|wss?|git|ssh|file|mailto|urn|data|grpcs?|tcp|udp|unix|jdbc|ldaps?|smtps?)
      :[^\s@]{1,2000}                                              # addresses without credentials
    | sha(?:1|224|256|384|512)[-:=][A-Za-z0-9+/=_-]{20,128} | md5[-:][0-9a-f]{32}
    | [\w./:-]{1,256}@sha256:[0-9a-f]{64}                          # images by digest
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A password could be one of these, if its variable's name says so.
_ORDINARY = re.compile(
    r"""
      [-+]?\d[\d_.,:/T +Z-]{0,40}%?                                # numbers, dates, times
    | v?\d+(?:\.\d+)+(?:[-+][\w.+-]{1,64})?                        # versions
    | \d{1,9}(?:\.\d+)?\s?(?:[mun]?s|[mhdw]|[kmgt]?i?b|sec(?:ond)?s?|min(?:ute)?s?|hours?|days?)
    | [a-z]{2}-(?:[a-z]+-){1,2}\d[a-z]?                            # regions and zones
    | [^\s@:/]{1,64}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,18}              # e-mail addresses
    | [a-z0-9*_-]+(?:\.[a-z0-9_-]+){0,12}\.[a-z]{2,18}\.?(?::\d{1,5})?   # hosts, modules, files
    | \[?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\]?(?:[/:]\d{1,5})?    # IPv6 addresses and ranges
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PATH = re.compile(r"(?:/|\.{1,2}/|~/|[A-Z]:\\)[\w./\\ @:~*-]{0,511}", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# What is put in later, by CloudFormation, a shell, a template engine or a resolver of secrets.
_REFERENCE = re.compile(
    r"""
      \{\{.*\}\} | \$\{.*\} | \$\(.*\) | `.*` | <[^<>]{1,100}> | \[[^\[\]]{1,100}\]
    | %\([\w.]{1,64}\)[sd] | %[\w.]{1,64}% | %[sdv] | \$(?:[A-Z_][A-Z0-9_]*|[a-z_]+(?:::\w+)?)
    | \{\w+\} | \#\{.*\} | @[A-Za-z]+@ | __\w+__ | %\{.*\}
    | !(?:Ref|Sub|GetAtt|ImportValue|Join|FindInMap|Select)\b.* | \{\s*["']?(?:Ref|Fn::)\b.*
    | (?:vault|ssm|ssm-secure|aws-ssm|secretsmanager|aws-sm|awssm|sm|gsm|op|env|file|ref|akv|kms
        |parameterstore|doppler|chamber|bws|keyring|sops|infisical|secretref|secret):[^\s]+
    | projects/[^/\s]+/secrets/[^\s]+
    | (?:process\.)?env(?:\.\w+|\[.*\]) | os\.environ.* | var\.[\w.\[\]"]+ | local\.[\w.]+
    | (?:data|module|random_password|aws_\w+)\.[\w.\[\]"-]+ | secrets\.[\w.]+ | config\.[\w.]+
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_SAMPLE = re.compile(
    r"example|sample|placeholder|changeme|change[_-](?:me|it|this)|replace[_-]?(?:me|this|with)"
    r"|your[_-]?\w*[_-]?(?:password|secret|token|key|here|value|id)|\b(?:insert|enter|put)[_-]"
    r"|dummy|redacted|hidden|masked|not[_-]?(?:set|used|a[_-]?(?:real[_-]?)?secret)|\bto[_-]?do\b"
    r"|fixme|x{6,}|\*{3,}|\.{3,}|(?P<one>[^\sA])(?P=one){7,}|\btbd\b|\bfake\b|0123456789abcdef"
    r"|deadbeef|s3cr3t_here|noecho",
    re.IGNORECASE,
)
_MASK = re.compile(r"(.)\1*|[x*#.•-]+", re.IGNORECASE)
# What a secret becomes when it is hashed or encrypted, and is no secret any more.
_SEALED = re.compile(
    r"\$2[abxy]?\$\d\d\$ | \$(?:argon2(?:id?|d)|scrypt|pbkdf2[\w-]*|[156y]|apr1|7|bcrypt-sha256)\$"
    r"| pbkdf2[:_]\w+ | scrypt:\d | argon2 | \{(?:SSHA|SHA|SMD5|MD5|CRYPT|BCRYPT|PBKDF2)\w*\}"
    r"| SCRAM-SHA-256\$ | md5[0-9a-f]{32}\b | \*[0-9A-F]{40}\b"
    r"| AQ[IE]CAH | ENC[\[(] | gAAAAA[\w-] | \$ANSIBLE_VAULT"
    r"| vault:v\d+: | encrypted: | U2FsdGVkX1 | -----BEGIN\ PGP\ MESSAGE | AgA[A-Za-z0-9+/]{200}",
    re.VERBOSE,
)
# Keys that are meant to be known, and ids of sites and containers.
_PUBLIC = re.compile(
    r"(?:(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\w+|sk-[\w@.-]+)\ )?"
    r"AAAA(?:B3NzaC1|C3NzaC1|E2VjZHNh|GnNrL)"
    r"|pk_(?:live|test)_|G-[A-Z0-9]{8,12}$|UA-\d+|GTM-|age1[a-z0-9]{58}$"
)
_SPLIT = re.compile(r"[-_/.:, @+=]+")
_PLAIN = re.compile(r"[^\W\d_]+\d{0,2}|\d+|v\d+", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}")
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
# CloudFormation ends the names that it makes with twelve or thirteen random characters.
_MADE_NAME = re.compile(r"[A-Za-z][\w-]*[A-Za-z0-9]-[A-Za-z0-9]{12,13}")
_HEX = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_CASES = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"\d"))


def is_ordinary(value: str) -> bool:
    """Whether the value is plainly something else than a secret, whatever its name says."""
    return is_settled(value) or _ORDINARY.fullmatch(value[:_JUDGED]) is not None


def is_settled(value: str) -> bool:
    """Whether the value is no secret even where a password is expected."""
    return (
        len(value) < 3
        or _SETTLED.fullmatch(value[:_JUDGED]) is not None
        or _is_path(value)
        or is_reference(value)
        or is_sealed(value)
        or _PUBLIC.match(value) is not None
    )


def is_sealed(value: str) -> bool:
    """Whether the value is a hash, or was encrypted before it was written down."""
    return _SEALED.match(value) is not None


def _is_path(value: str) -> bool:
    """Base64 may begin with a slash as well; but its pieces are no words."""
    if not _PATH.fullmatch(value[:_JUDGED]):
        return False
    return len(value) < 16 or not is_mixed(value) or wordiness(value) > 0.4


def is_reference(value: str) -> bool:
    """Whether the value only says where the secret is to be found, or is filled in later."""
    return _REFERENCE.fullmatch(value[:_JUDGED]) is not None


def is_sample(value: str) -> bool:
    """Whether the value says itself that it stands for another: a sample or a mask."""
    return _MASK.fullmatch(value) is not None or _SAMPLE.search(value[:_JUDGED]) is not None


def is_identifier(value: str) -> bool:
    """Whether the value is a UUID: it names something, unless its variable's name says more."""
    return _IDENTIFIER.fullmatch(value) is not None


def is_words(value: str) -> bool:
    """Whether the value is made of plain words, as names of things are: `prod/orders-db`."""
    return all(_PLAIN.fullmatch(piece) for piece in _SPLIT.split(value) if piece)


def pieces(value: str) -> int:
    """The number of words in the value, divided by hyphens, dots and the like."""
    return sum(1 for piece in _SPLIT.split(value) if piece)


def is_mixed(value: str) -> bool:
    """Whether there are small letters, capitals and digits in it."""
    return all(case.search(value) for case in _CASES)


def wordiness(value: str) -> float:
    """How much of the value's letters and digits stand in what could be words: from 0 to 1.

    Of random base64 of 32 characters one in a hundred passes 0.55, of 40 one in a hundred 0.5.
    """
    characters = sum(1 for character in value if character.isalnum())
    words = sum(len(word) for word in _WORD.findall(value) if _VOWEL.search(word))
    return words / characters if characters else 1.0


def is_made_name(value: str) -> bool:
    """Whether the value looks like a physical name that CloudFormation made up."""
    return _MADE_NAME.fullmatch(value) is not None and wordiness(value.rpartition("-")[0]) > 0.5


def is_random_hex(value: str) -> bool:
    """Whether the value is hex of high entropy, as detect-secrets measures it."""
    return _HEX.fullmatch(value) is not None and _is_entropic("HexHighEntropyString", value)


def is_random_base64(value: str) -> bool:
    """Whether the value is base64 of both cases and high entropy, as detect-secrets measures it."""
    return (
        _BASE64.fullmatch(value) is not None
        and is_mixed(value)
        and _is_entropic("Base64HighEntropyString", value)
    )


def _is_entropic(detector: str, value: str) -> bool:
    measure = plugin("high_entropy_strings", detector)
    entropy: float = measure.calculate_shannon_entropy(value)
    # The library's limits are for long strings: a short one cannot reach them, however random.
    most = math.log2(min(len(value), len(measure.charset)))
    limit: float = min(measure.entropy_limit, 0.85 * most)
    return entropy > limit
