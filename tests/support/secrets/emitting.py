"""Makes calls of AWS fail with secrets in their messages, and gathers what is logged."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from driftguard.analysis.secrets.issued import KINDS
from driftguard.analysis.secrets.library import plugin
from tests.support.secrets.made_up import (
    BASE62,
    HEX,
    MARKED,
    URL_SAFE,
    Form,
    armoured,
    password,
    rsa_body,
    secret_access_key,
    some,
)

EVERYWHERE = (
    *MARKED,
    Form("private key", rsa_body),
    Form("private key", lambda dice: armoured("RSA " + "PRIVATE KEY", rsa_body(dice))),
    Form("connection string", lambda dice: some(dice, BASE62, 20), "postgres://a:", "@db/x"),
    Form("connection string", lambda dice: some(dice, URL_SAFE, 20), "Server=db;Pass" + "word="),
    Form("basic auth credentials", lambda dice: some(dice, BASE62, 20), "https://a:", "@x.io/y"),
    Form("password on a command line", lambda dice: some(dice, BASE62, 20), "curl -u a:", " x.io"),
    Form("secret or token", lambda dice: some(dice, BASE62, 24), '{"api' + '_key": "', '"}'),
    Form("password", password, "export DB_PASS" + "WORD='", "'"),
)


NAMED = (
    Form("password", password, "DB_PASSWORD"),
    Form("secret or token", lambda dice: some(dice, BASE62, 32), "API_KEY"),
    Form("secret or token", lambda dice: some(dice, HEX, 40), "githubToken"),
    Form("high-entropy hex", lambda dice: some(dice, HEX, 64), "APP_KEY"),
    Form("high-entropy base64", lambda dice: some(dice, BASE62, 64), "SIGNING_SEED"),
    Form("AWS secret access key", secret_access_key, "AWS_SECRET_ACCESS_KEY"),
)


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """All that is logged, by anybody, at any level."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@contextmanager
def failing() -> Iterator[None]:
    """Every detector of the library fails, and says in its error what it was reading."""

    def fail(self: object, string: str, *args: object, **more: object) -> Iterator[str]:
        raise ValueError(f"cannot read {string}", string)

    detectors = {(kind.module, kind.detector) for kind in KINDS if kind.detector}
    detectors |= {("private_key", "PrivateKeyDetector"), ("keyword", "KeywordDetector")}
    detectors |= {("aws", "AWSKeyDetector")}
    with ExitStack() as patches:
        for module, name in detectors:
            patches.enter_context(patch.object(type(plugin(module, name)), "analyze_string", fail))
        yield
