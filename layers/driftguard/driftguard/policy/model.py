"""The guard policy as the Lambdas read it: compiled JSON, already validated.

The command line turns the YAML that people edit into this, with errors that name file and line,
when a stack is built. No Lambda reads YAML.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field, replace
from fnmatch import fnmatchcase
from typing import TypeVar

from driftguard.access.principals import Trusted
from driftguard.documents import Document, digest
from driftguard.frozen import dataclass
from driftguard.model import Autonomy

from . import makers as whose
from .bounds import Bounds, Exemption
from .makers import Person as Person

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of an approval request: quorum, approvers, deadline and timeout action.

    `seconds` is how long it stays open. No `approvers` means everybody in `people`. `controls`
    (patterns of control ids) and `min_severity` say which decisions these terms are for.
    """

    quorum: int = 1
    seconds: int = 86_400
    timeout_action: str = "leave"
    approvers: tuple[str, ...] = ()
    controls: tuple[str, ...] = ("*",)
    min_severity: int = 0

    def are_for(self, control: str, severity: int) -> bool:
        """Whether these terms are for decisions of this control and severity."""
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
    """How far each control may go, its settings, and what is exempt.

    `notifications` is how many decisions a day a channel tells one by one that ask nothing of
    anybody, and `notify_from` is how severe such a one must be. `may_cut` are the controls whose
    reverts need not wait for a person though they may cut more than was opened.
    """

    default: Autonomy = Autonomy.ASK
    autonomy: Mapping[str, Autonomy] = field(default_factory=dict)
    settings: Mapping[str, Document] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    trusted: Trusted = Trusted()
    people: tuple[Person, ...] = ()
    approvals: tuple[Terms, ...] = (Terms(),)
    routes: tuple[Route, ...] = ()
    digest_over: int = 10
    notifications: int = 50
    notify_from: int = 30
    bounds: Bounds = Bounds()
    earned: frozenset[str] = frozenset()
    earned_by_default: bool = False
    may_cut: frozenset[str] = frozenset()

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
            **({"may_cut": True} if control in self.may_cut else {}),
        }
        return digest(said)[:12]

    def pins(self, control: str) -> bool:
        """Whether any departure from a baseline of this control may have to be taken back."""
        return any(
            any(fnmatchcase(control, pattern) for pattern in scope.controls)
            for scope in self.bounds.pinned
        )

    def needs_tags(self, control: str) -> bool:
        """Whether anything the policy says of this control depends on a resource's tags."""
        bounds = self.bounds
        scopes = [
            *bounds.pinned,
            *(limit.scope for limit in (*bounds.protected, *bounds.in_use)),
            *(change_window.scope for change_window in bounds.change_windows),
        ]
        return (
            bool(bounds.ownership.tags)
            or any(exemption.tags for exemption in self.exemptions if exemption.control == control)
            or any(
                scope.tags and any(fnmatchcase(control, pattern) for pattern in scope.controls)
                for scope in scopes
            )
        )

    def looks_at_use(self, control: str) -> bool:
        """Whether the policy limits this control by what a risky part is in use for."""
        return any(
            any(fnmatchcase(control, pattern) for pattern in limit.scope.controls)
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
        if "spared" in getattr(kind, "__dataclass_fields__", ()):
            given["spared"] = tuple(entry.actor for entry in self.bounds.break_glass)
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
        return next(approval for approval in self.approvals if approval.are_for(control, severity))

    def channel(self, account: str, control: str, severity: int) -> str:
        """The Slack channel for such a decision; "" for none."""
        for route in self.routes:
            here = any(fnmatchcase(account, pattern) for pattern in route.accounts)
            this = any(fnmatchcase(control, pattern) for pattern in route.controls)
            if here and this and severity >= route.min_severity:
                return route.channel
        return ""

    def channels(self) -> tuple[str, ...]:
        """Every Slack channel that hears of anything."""
        return tuple(dict.fromkeys(route.channel for route in self.routes))

    def made_by(self, makers: Collection[str], name: str, identity: str) -> bool:
        """Whether this person is among the makers of a change (`makers.made_by` says how).

        `name` is the person's name in the policy, "" if it does not know them.
        """
        return whose.made_by(self.people, makers, name, identity)

    def person(self, *, slack: str = "", iam: str = "", email: str = "") -> Person | None:
        """The person behind an identity of one channel; None if the policy does not know them."""
        for person in self.people:
            if slack and slack in person.slack:
                return person
            if email and email.lower() in (known.lower() for known in person.email):
                return person
            if iam and person.is_principal(iam):
                return person
        return None
