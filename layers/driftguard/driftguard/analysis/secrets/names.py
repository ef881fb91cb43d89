"""Says what a variable's name tells of its value: a password, token, key, or a setting."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from .library import plugin


class Telling(StrEnum):
    """What a name says, from the surest to the least."""

    PASSWORD = "password"
    # As much a password: whatever is put there is the secret, and no name of one.
    SECRET = "shared secret"
    TOKEN = "secret or token"
    KEY = "key"
    NOTHING = ""
    # The value is about a secret or is public, as the name says: no value makes it one.
    SETTING = "setting"


_LAST = re.compile(r"[^./\s:\]\[]+")
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
# Ends of places that say nothing: the value's name stands before them.
_EMPTY = frozenset({"value", "default", "parametervalue", "text", "plaintext"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SETTINGS = _words(
    """
    name names arn arns id ids file files filename path paths dir directory url urls uri uris
    endpoint endpoints host hostname hosts domain port parameter parameters param params length
    min max minimum maximum ttl expiry expires expiration expire expiring lifetime timeout seconds
    minutes hours days ms interval age enabled disabled enable disable required require policy
    policies type kind algorithm alg header headers field fields column columns prefix suffix
    version versions stage stages rotation rotate rotator lambda region table bucket count size
    limit limits hint label prompt format encoding provider providers issuer audience scope scopes
    mode method strategy alias aliases ref reference location store source service manager backend
    hash hashes hashed digest checksum sha sha1 sha256 sha512 md5 etag fingerprint thumbprint commit
    revision public publishable pubkey site cookie attempts retries history complexity rules regex
    pattern template subject message page title reset usage validity unit units class symbols chars
    characters digits charset environment namespace group role profile user username owner mount
    volume resource keyid cert certificate certificates ca chain image tag encryption
    authentication used changed updated created date time at
    """
)
# Of these, any place in the name will do: `MIN_PASSWORD_SCORE`, `PUBLIC_KEY_PEM`.
_ANYWHERE = frozenset(
    {"min", "max", "public", "publishable", "enable", "disable", "allow", "use", "require"}
)
_PASSWORDS = _words(
    """
    password passwords passwd pwd passphrase passcode userpassword dbpassword dbpass dbpasswd
    masterpassword adminpassword rootpassword mypassword keypass storepass pgpassword
    """
)
_TOKENS = _words(
    """
    secret secrets token tokens apikey apikeys apisecret apitoken authkey authtoken accesstoken
    accesskey secretkey clientsecret bearer credential credentials creds licensekey authorization
    """
)
# A secret by one of these words before it may be weak, but is not the name of another.
_SHARED = _words("jwt session cookie signing webhook csrf hmac client consumer")
# A token of these is a place in a list, or tells one request from another.
_PLACES = _words("page next continuation pagination sync resume request change action idempotency")
# A key by one of these words before it: `API_KEY`, `SIGNING_KEY`.
_KEYED = _words(
    """
    api auth access secret private priv signing encryption encrypt crypto cipher master account
    service admin hmac jwt shared license licence subscription ingest deploy write webhook
    """
)
# What other keys there are: they say where something is, and open nothing.
_ADDRESSED = _words(
    """
    partition sort primary foreign range hash object s3 asset artifact bucket cache redis kms
    idempotency dedupe deduplication group row record routing message lookup index map config
    feature flag tag sns context state storage item unique natural composite shard binding
    site registry translation i18n locale json xml yaml dictionary ssh public lock session
    """
)
_KEYS = frozenset({"key", "keys", "salt", "seed", "pepper", "hmac", "auth", "signature"})
_LONGEST = 256
# Where none of these occurs, the library's list of keywords has nothing either.
_ASKED = ("pass", "pwd", "secret", "key", "contrase")


def name_of(place: str) -> str:
    """The variable's name: what the place ends with, `DB_PASSWORD` of `Environment.DB_PASSWORD`."""
    parts = _LAST.findall(place)
    while len(parts) > 1 and parts[-1].lower() in _EMPTY:
        parts.pop()
    return parts[-1] if parts else ""


@lru_cache(maxsize=4096)
def telling(name: str) -> Telling:
    """What the name says of its value."""
    words = [word.lower() for word in _WORDS.findall(name[:_LONGEST])]
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    if not words:
        return Telling.NOTHING
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _SETTINGS or not _ANYWHERE.isdisjoint(words):
        return Telling.SETTING
    if not _PASSWORDS.isdisjoint(words) or last == "pass":
        return Telling.PASSWORD
    if last == "token" and before in _PLACES:
        return Telling.SETTING
    if last == "secret" and before in _SHARED:
        return Telling.SECRET
    if not _TOKENS.isdisjoint(words):
        return Telling.TOKEN
    if last in ("key", "keys"):
        if before in _ADDRESSED:
            return Telling.SETTING
        if before in _KEYED:
            return Telling.TOKEN
    if any(word in name.lower() for word in _ASKED) and _library_tells(name):
        return Telling.TOKEN
    return Telling.KEY if last in _KEYS else Telling.NOTHING


def names_a_secret(value: str) -> bool:
    """Whether a value of several words has one that says that it is a secret's name."""
    words = {word.lower() for word in _WORDS.findall(value)}
    return not words.isdisjoint(_PASSWORDS | _TOKENS)


def _library_tells(name: str) -> bool:
    """Whether detect-secrets' keyword detector flags the name; it is given no value to read."""
    keywords = plugin("keyword", "KeywordDetector")
    return any(True for _ in keywords.analyze_string(f'{name[:_LONGEST]}="x"'))
