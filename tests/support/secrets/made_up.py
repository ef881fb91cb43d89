"""Secrets that never were, put together when they are asked for: no scanner finds one in here."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
BASE62 = string.ascii_letters + DIGITS
BASE64 = BASE62 + "+/"
URL_SAFE = BASE62 + "-_"
HEX = DIGITS + "abcdef"
BASE36 = LOWER + DIGITS
KEY_ID = UPPER + "234567"
TYPED = BASE62 + "!#%*+-_.,?"


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of secret, how one is made, and what it is recognized by where that is not enough."""

    kind: str
    shape: Callable[[Random], str]
    before: str = ""
    after: str = ""

    def made(self, dice: Random) -> tuple[str, str]:
        """A secret, and the least text that it stands in."""
        secret = self.shape(dice)
        return secret, self.before + secret + self.after


def some(dice: Random, alphabet: str, length: int) -> str:
    """Random characters; where there is room, of every class that the alphabet has."""
    classes = [one for one in (LOWER, UPPER, DIGITS) if set(one) <= set(alphabet)]
    while True:
        text = "".join(dice.choices(alphabet, k=length))
        if length < 6 or all(set(one) & set(text) for one in classes):
            return text


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def password(dice: Random) -> str:
    """As a generator of passwords makes them; a letter first and last, as many services ask for."""
    return f"{dice.choice(UPPER)}{some(dice, TYPED, 18)}{dice.choice(LOWER)}"


def key_id(dice: Random, prefix: str = "AK") -> str:
    return prefix + "IA" + some(dice, KEY_ID, 16)


def secret_access_key(dice: Random) -> str:
    return some(dice, BASE64, 40)


def json_web_token(dice: Random) -> str:
    parts = [
        json.dumps({"alg": "HS256", "typ": "JWT"}),
        json.dumps({"sub": some(dice, DIGITS, 10), "iat": 1700000000 + dice.randrange(10**7)}),
    ]
    head, body = (base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
    return ".".join((head, body, some(dice, URL_SAFE, 43)))


def armoured(label: str, body: str, between: str = "\n") -> str:
    """A PEM block around a body."""
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return between.join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"))


def rsa_body(dice: Random, *, version: int = 0) -> str:
    """Base64 of what begins as an RSA key does; the numbers in it are random."""
    rest = bytes((2, 1, version, 2, 130, 1, 1, 0)) + dice.randbytes(1180)
    return base64.b64encode(b"\x30\x82" + len(rest).to_bytes(2, "big") + rest).decode()


def elliptic_key(dice: Random) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(dice.getrandbits(240) + 1, ec.SECP256R1())


def edwards_key(dice: Random) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))


def written(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
    encryption: serialization.KeySerializationEncryption | None = None,
) -> str:
    """A private key as a PEM file."""
    return key.private_bytes(
        serialization.Encoding.PEM, form, encryption or serialization.NoEncryption()
    ).decode()


def _starting(prefix: str, alphabet: str, length: int) -> Callable[[Random], str]:
    return lambda dice: prefix + some(dice, alphabet, length)


def _slack_token(dice: Random) -> str:
    return f"xo{'xb'}-{some(dice, DIGITS, 12)}-{some(dice, DIGITS, 13)}-{some(dice, BASE62, 24)}"


def _slack_webhook(dice: Random) -> str:
    ids = f"T{some(dice, UPPER + DIGITS, 8)}/B{some(dice, UPPER + DIGITS, 10)}"
    return f"https://hooks.slack.{'com'}/services/{ids}/{some(dice, BASE62, 24)}"


def _open_ai(dice: Random) -> str:
    return f"s{'k'}-{some(dice, BASE62, 20)}T3Blbk{'FJ'}{some(dice, BASE62, 20)}"


def _discord(dice: Random) -> str:
    return f"M{some(dice, BASE62, 23)}.{some(dice, BASE62, 6)}.{some(dice, URL_SAFE, 27)}"


def _send_grid(dice: Random) -> str:
    return f"S{'G'}.{some(dice, URL_SAFE, 22)}.{some(dice, URL_SAFE, 43)}"


def _telegram(dice: Random) -> str:
    return f"7{some(dice, DIGITS, 9)}:AA{some(dice, URL_SAFE, 33)}"


# Known anywhere by their issuers' own marks, whatever the place is called.
MARKED = (
    Form("GitHub token", _starting("gh" + "p_", BASE62, 36)),
    Form("GitHub token", _starting("gh" + "s_", BASE62, 36)),
    Form("GitHub token", _starting("github" + "_pat_", BASE62, 82)),
    Form("GitLab token", _starting("gl" + "pat-", BASE62, 20)),
    Form("GitLab token", _starting("gl" + "rt-", BASE62, 24)),
    Form("Slack token", _slack_token),
    Form("Slack token", _slack_webhook),
    Form("Stripe key", _starting("sk" + "_live_", BASE62, 24)),
    Form("Stripe key", _starting("rk" + "_live_", BASE62, 99)),
    Form("SendGrid key", _send_grid),
    Form("Twilio key", _starting("S" + "K", HEX, 32)),
    Form("JSON Web Token", json_web_token),
    Form(
        "Azure storage key",
        lambda dice: "Account" + "Key=" + some(dice, BASE64, 86) + "==",
        before="DefaultEndpointsProtocol=https;AccountName=orders;",
        after=";EndpointSuffix=core.windows.net",
    ),
    Form("npm token", _starting("np" + "m_", BASE62, 36)),
    Form(
        "npm token",
        _starting("np" + "m_", BASE62, 36),
        before="//registry.npmjs.org/:_auth" + "Token=",
    ),
    Form("PyPI token", _starting("py" + "pi-AgEIcHlwaS5vcmc", URL_SAFE, 120)),
    Form("OpenAI key", _open_ai),
    Form("Anthropic key", _starting("sk-" + "ant-api03-", URL_SAFE, 95)),
    Form("Discord bot token", _discord),
    Form("Telegram bot token", _telegram),
    Form("Square secret", _starting("sq0" + "csp-", URL_SAFE, 43)),
    Form("Mailchimp key", lambda dice: some(dice, HEX, 32) + "-u" + "s14"),
    Form("Cloudant credential", _starting("", HEX, 64), before="cloudant_" + "password="),
    Form("SoftLayer credential", _starting("", BASE36, 64), before="softlayer_" + "api_key="),
    Form("IBM Cloud key", _starting("", URL_SAFE, 44), before="ibm_cloud_" + "api_key="),
    Form("IBM COS key", _starting("", HEX, 48), before="cos_hmac_" + "secret_access_key="),
    Form("Artifactory credential", _starting("AK" + "C", BASE62, 70)),
    Form("Google API key", _starting("AI" + "za", URL_SAFE, 35)),
    Form("Hugging Face token", _starting("h" + "f_", LOWER + UPPER, 34)),
    Form("DigitalOcean token", _starting("do" + "p_v1_", HEX, 64)),
    Form("Vault token", _starting("hv" + "s.", BASE62, 90)),
    Form("Shopify token", _starting("sh" + "pat_", HEX, 32)),
)
