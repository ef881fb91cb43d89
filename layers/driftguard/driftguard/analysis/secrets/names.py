"""Says what a variable's name tells of its value: a password, token, key, or a setting."""

from __future__ import annotations

import re
import unicodedata
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
    version versions stages rotation rotate rotator lambda region table bucket count size
    limit limits hint label prompt format encoding provider providers issuer audience scope scopes
    mode method strategy alias aliases ref reference location store source service manager backend
    hash hashes hashed digest checksum sha sha1 sha256 sha512 md5 etag fingerprint thumbprint commit
    revision public publishable pubkey site attempts retries history complexity rules regex
    pattern template subject message page title reset usage validity unit units class symbols chars
    characters digits charset environment namespace group role profile user username owner mount
    volume resource keyid cert certificate certificates ca chain image tag encryption
    authentication used changed updated created date time at
    encoder encoders encoding hasher hashers validator validators generator resolver handler
    factory strategy impl class classname converter filter plugin module protocol scheme status
    state count grant error message address symbol decimals supply
    """
)
# Of these, any place in the name will do: `MIN_PASSWORD_SCORE`, `PUBLIC_KEY_PEM`.
_ANYWHERE = frozenset(
    {"min", "max", "public", "publishable", "enable", "disable", "allow", "use", "require"}
)
_PASSWORDS = _words(
    """
    password passwords passwd pwd passphrase passcode userpassword dbpassword dbpass dbpasswd
    masterpassword adminpassword rootpassword mypassword keypass storepass pgpassword pw psk
    seedphrase mnemonic masterauth bindpw rootpw adminpw userpw dbpw
    passwort kennwort losungswort geheimwort motdepasse mdp contrasena contrasenya senha parola
    wachtwoord haslo losenord passord adgangskode heslo jelszo salasana sifre parool lozinka
    пароль 密码 密碼 口令 パスワード 비밀번호
    """
)
# A phrase by one of these words before it is one.
_PHRASES = _words("seed recovery secret mnemonic backup wallet pass key unlock")
_TOKENS = _words(
    """
    secret secrets token tokens apikey apikeys apisecret apitoken authkey authtoken accesstoken
    accesskey secretkey clientsecret bearer credential credentials creds licensekey authorization
    jwt psat refreshtoken privatekey encryptionkey signingkey masterkey secretaccesskey
    appsecret appkey geheimnis zugangsdaten schluessel schlussel jeton segredo segreto secreto
    hemlighet hemmelighed geheim
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
    idempotency dedupe deduplication group row record message lookup index map config
    feature flag tag sns context state item unique natural composite shard binding
    site registry translation i18n locale json xml yaml dictionary ssh public lock session
    """
)
_KEYS = _words(
    """
    key keys salt seed pepper hmac auth signature cle clave chave chiave sleutel klucz nyckel sig
    login cred account cookie session dsn code pat
    """
)
# Which of several a secret is, or how it is written: the words before tell of the value.
_QUALIFIERS = _words(
    """
    stage staging prod production dev develop development test testing qa uat live sandbox preprod
    eu us ap old new current previous prev next primary secondary fallback default base64 b64
    encoded plain plaintext raw text string str value v env local shared
    """
)
_SEARCHED = _words("algolia typesense meili meilisearch only public frontend")
_ENDING = re.compile(r"(?:password|passwd|pwd|pass|passphrase|passwort|token|secret|apikey)$")
_NO_ENDING = _words(
    """
    nosecret notoken nopassword compass bypass trespass surpass encompass overpass underpass impasse
    multipass singlepass onepass twopass lastpass keepass firstpass
    """
)
_PLAIN_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "ı": "i"})
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
    words = _words_of(name)
    if not words:
        return Telling.NOTHING
    if _is_search_key(words):
        return Telling.SETTING
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if before.isdigit():
        # As in `S3_KEY`.
        before = "".join(words[-3:-1])
    if last in _SETTINGS or not _ANYWHERE.isdisjoint(words):
        return Telling.SETTING
    if not _PASSWORDS.isdisjoint(words) or last == "pass" or _is_of_words(words):
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
    if _ENDING.search(last) and last not in _NO_ENDING:
        return Telling.PASSWORD if "pass" in last or "pwd" in last else Telling.TOKEN
    if any(word in name.lower() for word in _ASKED) and _library_tells(name):
        return Telling.TOKEN
    return Telling.KEY if last in _KEYS else Telling.NOTHING


def _words_of(name: str) -> list[str]:
    """The words of a name in small letters, without accents and without qualifiers at its end."""
    plain = name[:_LONGEST]
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain).translate(_PLAIN_LETTERS)
        plain = "".join(
            one for one in unicodedata.normalize("NFD", plain) if not unicodedata.combining(one)
        )
        plain = unicodedata.normalize("NFC", plain)
    words = [word.lower() for word in _WORDS.findall(plain)]
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _QUALIFIERS):
        words.pop()
    return words


def _is_of_words(words: list[str]) -> bool:
    """Whether the name is that of a password in several words: `SEED_PHRASE`, `MOT_DE_PASSE`."""
    last, before = words[-1], words[-2:-1]
    phrase = last in ("phrase", "words", "mnemonic") and not _PHRASES.isdisjoint(before)
    return phrase or words[-3:] in (["mot", "de", "passe"], ["palabra", "de", "paso"])


def _is_search_key(words: list[str]) -> bool:
    """Whether it is the name of a key for searching, which is put into pages that all may read."""
    return words[-1] == "key" and "search" in words and not _SEARCHED.isdisjoint(words)


def names_a_secret(value: str) -> bool:
    """Whether a value of several words has one that says that it is a secret's name."""
    words = {word.lower() for word in _WORDS.findall(value)}
    return not words.isdisjoint(_PASSWORDS | _TOKENS)


def _library_tells(name: str) -> bool:
    """Whether detect-secrets' keyword detector flags the name; it is given no value to read."""
    keywords = plugin("keyword", "KeywordDetector")
    return any(True for _ in keywords.analyze_string(f'{name[:_LONGEST]}="x"'))
