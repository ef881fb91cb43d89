"""What the pages of one console share: the stack, who looks at it, and one request to it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Lock

from driftguard.aws.calls import AwsError, Client, told_apart
from driftguard.aws.client import Aws
from driftguard.documents import Document, text
from driftguard.model import Place

from ...errors import Trouble
from ...policy_file.at_hand import PolicyAtHand
from ...stack import Stack
from .jobs import Jobs

# How many sentences wait to be shown; a browser that never comes back for one must not fill memory.
_MOST = 100


class SharedAws(Aws):
    """Clients for several threads: each is made once, by one of them.

    Source: boto3 documentation, "Multithreading or multiprocessing with clients": clients can be
    shared between threads, sessions cannot.
    """

    _making = Lock()

    def client(self, service: str, region: str = "") -> Client:
        """The client for a service, built at its first use."""
        with self._making:
            return super().client(service, region)


class Refused(Trouble):
    """What was asked for does not count; the message is the guard's own words."""


@dataclass(slots=True)
class Notices:
    """Sentences about what was done, each shown once, on the page after it."""

    _kept: dict[str, str] = field(default_factory=dict)

    def keep(self, words: str) -> str:
        """Keeps a sentence; returns what it is asked for by."""
        name = secrets.token_urlsafe(8)
        self._kept[name] = words
        while len(self._kept) > _MOST:
            self._kept.pop(next(iter(self._kept)), None)
        return name

    def take(self, name: str) -> str:
        """The sentence of this name; "" where there is none, or it was shown before."""
        return self._kept.pop(name, "")


@dataclass(frozen=True, slots=True)
class Site:
    """The console of one stack. `base` is the path of its pages, `csrf` what each form carries.

    `identity` is the ARN that it works under, `alias` the account's, "" where IAM does not tell it.
    """

    stack: Stack
    at_hand: PolicyAtHand
    base: str
    csrf: str
    identity: str
    alias: str = ""
    notices: Notices = field(default_factory=Notices)
    jobs: Jobs = field(default_factory=Jobs)

    @classmethod
    def of(cls, stack: Stack, at_hand: PolicyAtHand, base: str, csrf: str) -> Site:
        """The console of a stack, in the name of whoever's credentials these are."""
        stack = replace(stack, aws=SharedAws(surroundings=stack.aws.surroundings))
        return cls(stack, at_hand, base, csrf, stack.caller(), _alias(stack))

    @property
    def place(self) -> Place:
        """The account and the region of the stack."""
        return Place(self.stack.account, self.stack.region)


def _alias(stack: Stack) -> str:
    """The account's alias. Many may not ask for it, and the id says it all."""
    try:
        with told_apart("iam", "ListAccountAliases"):
            return str(
                next(iter(stack.aws.client("iam").list_account_aliases()["AccountAliases"]), "")
            )
    except AwsError:
        return ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: its path's parts, its query, and its form. A name that is not given is ""."""

    site: Site
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)

    def asked(self, name: str) -> str:
        """A value of the query, without white space around it."""
        return self.query.get(name, "").strip()

    def given(self, name: str) -> str:
        """A value of the form, without white space around it."""
        return self.form.get(name, "").strip()


def counted(reply: Document) -> str:
    """What the signed API answers, in its words. Raises `Refused` where it does not count."""
    words = text(reply, "text")
    if not reply["counted"]:
        raise Refused(words[:1].upper() + words[1:])
    return words
