"""The guard policy as the Lambdas read it: compiled JSON, already validated.

`source.py` turns the YAML that people edit into this, with errors that name file and line; it is
used when building and by the command line, and no Lambda imports it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from ..access.principals import Trusted
from ..model import Autonomy, Document, Resource
from ..trail import items, mapping, text

S = TypeVar("S")

COMPILED = Path(__file__).parents[1] / "guard.json"


@dataclass(frozen=True, slots=True)
class Exemption:
    """What a person declared to be fine: for one control, these resources, until then, and why.

    `resource` is an ARN or what the service calls the resource, with `*` and `?`. `until` is the
    first instant at which it no longer holds (ISO 8601, UTC).
    """

    control: str
    resource: str
    until: str
    reason: str

    def covers(self, control: str, resource: Resource, now: str) -> bool:
        """Whether it holds for this control and resource at this time."""
        named = any(fnmatchcase(name, self.resource) for name in (resource.arn, resource.id))
        return named and control == self.control and now < self.until


@dataclass(frozen=True, slots=True)
class Person:
    """One human being, under every identity the channels know them by.

    `iam` are ARNs of users, roles or role sessions, with `*` and `?`.
    """

    name: str
    slack: tuple[str, ...] = ()
    iam: tuple[str, ...] = ()
    email: tuple[str, ...] = ()

    def is_principal(self, *arns: str) -> bool:
        """Whether one of these ARNs is theirs."""
        return any(arn and fnmatchcase(arn, pattern) for arn in arns for pattern in self.iam)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a question is put: how many must agree, who may, until when, and what silence means.

    `seconds` is how long it stays open. No `approvers` means everybody in `people`. `controls` are
    patterns of control ids, and with `min_severity` say which decisions these terms are for.
    """

    required: int = 1
    seconds: int = 86_400
    on_expiry: str = "keep"
    approvers: tuple[str, ...] = ()
    controls: tuple[str, ...] = ("*",)
    min_severity: int = 0

    def are_for(self, control: str, severity: int) -> bool:
        """Whether a decision of this control and severity is put on these terms."""
        named = any(fnmatchcase(control, pattern) for pattern in self.controls)
        return named and severity >= self.min_severity


@dataclass(frozen=True, slots=True)
class Route:
    """Which Slack channel hears of decisions of these accounts, controls and severities."""

    channel: str
    accounts: tuple[str, ...] = ("*",)
    controls: tuple[str, ...] = ("*",)
    min_severity: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """How far each control may go, its settings, and what is exempt."""

    default: Autonomy = Autonomy.ASK
    autonomy: Mapping[str, Autonomy] = field(default_factory=dict)
    settings: Mapping[str, Document] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    trusted: Trusted = Trusted()
    people: tuple[Person, ...] = ()
    approvals: tuple[Terms, ...] = (Terms(),)
    routes: tuple[Route, ...] = ()
    digest_over: int = 10

    def granted(self, control: str) -> Autonomy:
        """What the policy grants the control, before any guardrail."""
        return self.autonomy.get(control, self.default)

    def settings_of(self, control: str, kind: type[S]) -> S:
        """The control's settings; its own defaults where the policy is silent."""
        given: dict[str, object] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in self.settings.get(control, {}).items()
        }
        if "trusted" in getattr(kind, "__dataclass_fields__", ()):
            given["trusted"] = self.trusted
        return kind(**given)

    def with_own_door(self, function: str) -> Policy:
        """This policy, with the stack's own public function exempt from calling it public.

        Links and Slack reach the reply function without AWS credentials, so its URL is open to all.
        Without this the guard would ask about it at every deployment, or close it.
        """
        reason = "Driftguard's own reply function: what proves anything is in the request"
        own = tuple(
            Exemption(control, function, "9999-12-31T00:00:00.000Z", reason)
            for control in ("lambda.public-url", "lambda.public-invoke")
        )
        return replace(self, exemptions=(*self.exemptions, *own))

    def terms(self, control: str, severity: int) -> Terms:
        """The first terms that are for such a decision; the defaults are the last."""
        return next(one for one in self.approvals if one.are_for(control, severity))

    def channel(self, account: str, control: str, severity: int) -> str:
        """The Slack channel for such a decision; "" for none."""
        for one in self.routes:
            here = any(fnmatchcase(account, pattern) for pattern in one.accounts)
            this = any(fnmatchcase(control, pattern) for pattern in one.controls)
            if here and this and severity >= one.min_severity:
                return one.channel
        return ""

    def person(self, *, slack: str = "", iam: str = "", email: str = "") -> Person | None:
        """Who is behind an identity of one channel; None for somebody the policy does not know."""
        for one in self.people:
            if slack and slack in one.slack:
                return one
            if email and email.lower() in (known.lower() for known in one.email):
                return one
            if iam and one.is_principal(iam):
                return one
        return None


def from_compiled(compiled: Document) -> Policy:
    """The policy in what `source.compiled` made."""
    controls = {
        name: one for name, one in mapping(compiled, "controls").items() if isinstance(one, Mapping)
    }
    return Policy(
        default=Autonomy.named(text(mapping(compiled, "defaults"), "autonomy")),
        autonomy={
            name: Autonomy.named(text(one, "autonomy"))
            for name, one in controls.items()
            if "autonomy" in one
        },
        settings={name: mapping(one, "settings") for name, one in controls.items()},
        trusted=Trusted(
            **{
                kind: frozenset(str(one) for one in named)
                for kind, named in mapping(compiled, "trusted").items()
                if isinstance(named, list)
            }
        ),
        people=tuple(
            Person(text(one, "name"), *(_texts(one, kind) for kind in ("slack", "iam", "email")))
            for one in items(compiled.get("people"))
        ),
        approvals=tuple(_terms(one) for one in items(compiled.get("approvals"))) or (Terms(),),
        routes=tuple(
            Route(
                text(one, "channel"),
                _texts(one, "accounts"),
                _texts(one, "controls"),
                int(text(one, "min_severity")),
            )
            for one in items(mapping(compiled, "slack").get("routes"))
        ),
        digest_over=int(text(mapping(compiled, "slack"), "digest_over") or 10),
        exemptions=tuple(
            Exemption(text(e, "control"), text(e, "resource"), text(e, "until"), text(e, "reason"))
            for e in items(compiled.get("exemptions"))
        ),
    )


def _terms(one: Document) -> Terms:
    return Terms(
        required=int(text(one, "required")),
        seconds=int(text(one, "expires")),
        on_expiry=text(one, "on_expiry"),
        approvers=_texts(one, "approvers"),
        controls=_texts(one, "controls"),
        min_severity=int(text(one, "min_severity")),
    )


def _texts(container: Document, name: str) -> tuple[str, ...]:
    value = container.get(name)
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def shipped(path: Path = COMPILED) -> Policy:
    """The policy that was compiled into this layer at build."""
    return from_compiled(json.loads(path.read_text()))
