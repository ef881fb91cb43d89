"""The guard policy as the Lambdas read it: compiled JSON, already validated.

`source.py` turns the YAML that people edit into this, with errors that name file and line; it is
used when building and by the command line, and no Lambda imports it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from ..access.principals import Trusted
from ..model import Autonomy, Document, digest
from ..trail import items, mapping, text
from .bounds import Bounds, Exemption
from .reading import bounds_of, tags_of, texts_of

S = TypeVar("S")

COMPILED = Path(__file__).parents[1] / "guard.json"


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
    bounds: Bounds = Bounds()
    earned: frozenset[str] = frozenset()
    earned_by_default: bool = False

    def granted(self, control: str) -> Autonomy:
        """What the policy grants the control at most, before any guardrail."""
        return self.autonomy.get(control, self.default)

    def earns(self, control: str) -> bool:
        """Whether a revert by itself must be earned by the control's record."""
        return control in self.earned or (self.earned_by_default and control not in self.autonomy)

    def entry(self, control: str) -> str:
        """A fingerprint of what the policy says of one control: a new one is rolled out anew."""
        said: Document = {
            "autonomy": self.granted(control).label,
            "earned": self.earns(control),
            "settings": self.settings.get(control, {}),
        }
        return digest(said)[:12]

    def pins(self, control: str) -> bool:
        """Whether any departure from a baseline of this control may have to be taken back."""
        return any(
            any(fnmatchcase(control, one) for one in scope.controls) for scope in self.bounds.pinned
        )

    def needs_tags(self, control: str) -> bool:
        """Whether anything that is said of this control depends on a resource's tags."""
        bounds = self.bounds
        scopes = [
            *bounds.pinned,
            *(one.scope for one in (*bounds.protected, *bounds.in_use)),
            *(one.scope for one in bounds.change_windows),
        ]
        return (
            bool(bounds.ownership.tags)
            or any(one.tags for one in self.exemptions if one.control == control)
            or any(
                one.tags and any(fnmatchcase(control, each) for each in one.controls)
                for one in scopes
            )
        )

    def looks_at_use(self, control: str) -> bool:
        """Whether it matters here what a risky part is in use for."""
        return any(
            any(fnmatchcase(control, one) for one in limit.scope.controls)
            for limit in self.bounds.in_use
        )

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

    def channels(self) -> tuple[str, ...]:
        """Every Slack channel that hears of anything."""
        return tuple(dict.fromkeys(one.channel for one in self.routes))

    def made_by(self, makers: Collection[str], name: str, identity: str) -> bool:
        """Whether this person is among the makers of a change, which are ARNs.

        By the ARN they used, or by any that policy knows of them. `name` is theirs among the
        policy's people, "" for somebody whom it does not know.
        """
        if identity and identity in makers:
            return True
        return any(name == each.name and each.is_principal(*makers) for each in self.people)

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
    default, by_default = _level(text(mapping(compiled, "defaults"), "autonomy"))
    levels = {
        name: _level(text(one, "autonomy")) for name, one in controls.items() if "autonomy" in one
    }
    return Policy(
        default=default,
        autonomy={name: level for name, (level, _) in levels.items()},
        earned=frozenset(name for name, (_, earned) in levels.items() if earned),
        earned_by_default=by_default,
        bounds=bounds_of(compiled),
        settings={name: mapping(one, "settings") for name, one in controls.items()},
        trusted=Trusted(
            **{
                kind: frozenset(str(one) for one in named)
                for kind, named in mapping(compiled, "trusted").items()
                if isinstance(named, list)
            }
        ),
        people=tuple(
            Person(text(one, "name"), *(texts_of(one, kind) for kind in ("slack", "iam", "email")))
            for one in items(compiled.get("people"))
        ),
        approvals=tuple(_terms(one) for one in items(compiled.get("approvals"))) or (Terms(),),
        routes=tuple(
            Route(
                text(one, "channel"),
                texts_of(one, "accounts"),
                texts_of(one, "controls"),
                int(text(one, "min_severity")),
            )
            for one in items(mapping(compiled, "slack").get("routes"))
        ),
        digest_over=int(text(mapping(compiled, "slack"), "digest_over") or 10),
        exemptions=tuple(
            Exemption(
                control=text(one, "control"),
                resource=text(one, "resource"),
                until=text(one, "until"),
                reason=text(one, "reason"),
                actor=text(one, "actor") or "*",
                tags=tags_of(one),
            )
            for one in items(compiled.get("exemptions"))
        ),
    )


def _level(name: str) -> tuple[Autonomy, bool]:
    """`earned` grants what `revert` does, once the record carries it."""
    return (Autonomy.REVERT, True) if name == "earned" else (Autonomy.named(name), False)


def _terms(one: Document) -> Terms:
    return Terms(
        required=int(text(one, "required")),
        seconds=int(text(one, "expires")),
        on_expiry=text(one, "on_expiry"),
        approvers=texts_of(one, "approvers"),
        controls=texts_of(one, "controls"),
        min_severity=int(text(one, "min_severity")),
    )


def shipped(path: Path = COMPILED) -> Policy:
    """The policy that was compiled into this layer at build."""
    return from_compiled(json.loads(path.read_text()))
