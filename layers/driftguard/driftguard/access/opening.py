"""Finds what of an Allow is left open by the Denies beside it, and says why in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .audience import Audience, audience_of
from .document import Statement
from .limits import Limits, limits
from .log_delivery import is_delivery
from .pins import ACCOUNTS, ARNS
from .principals import Principal, Trusted, untrusted_accounts
from .reach.budget import Budget
from .reach.constraint import Constraint, constraint_of
from .reach.key_state import KeyState
from .reach.keys import Caller, Facts, facts
from .reach.organizations import of_one_organization
from .reach.principal_tests import Denied, caller_of
from .reach.scope import ACTION, RESOURCE, Scope, tests_of
from .reach.subtraction import Denial, Region, Regions, search
from .reach.variables import understood

SHOWN = 3  # actions and statements that a reason names before it counts them
EVERYONE = Principal("*", "*", "everyone")


@dataclass(frozen=True, slots=True)
class Opening:
    """One statement that opens the resource. `principals` are the offending ones, as written."""

    index: int
    sid: str | None
    audience: Audience
    principals: tuple[str, ...]
    reason: str


@dataclass(slots=True)
class _Found:
    """Whom a statement lets in, and under which limits."""

    names: dict[str, set[str]] = field(default_factory=dict)  # as written -> who of them
    limit: Limits = field(default_factory=Limits)
    by_list_alone: bool = False  # public by S3's list, though no stranger can call


class Statements:
    """The statements of one policy, each Allow to be judged beside all Denies."""

    def __init__(
        self,
        statements: Sequence[Statement],
        scope: Scope,
        own: str,
        trusted: Trusted,
        budget: Budget,
    ) -> None:
        self.allows = [statement for statement in statements if statement.allows]
        # Those without conditions first: they close most, and cost least.
        self._denies = sorted(
            (statement for statement in statements if not statement.allows),
            key=lambda statement: (len(statement.conditions), statement.index),
        )
        self._scope, self._own, self._trusted, self._budget = scope, own, trusted, budget
        self._strict, self._inside = scope.kind.published, scope.kind.inside
        self._regions: dict[frozenset[str], Regions] = {}
        self._denials = [self._denial(statement) for statement in self._denies]

    def openings_of(self, allow: Statement) -> list[Opening]:
        """What an Allow opens after all Denies."""
        found = self._let_in(allow, self._denials)
        return [
            Opening(
                allow.index,
                allow.sid,
                audience,
                tuple(let_in.names),
                self._reason(allow, audience, let_in),
            )
            for audience, let_in in found.items()
        ]

    def public_by_list(self, allow: Statement) -> list[str]:
        """A note if S3 calls an Allow public that only Denies with conditions close."""
        conditional = any(statement.conditions for statement in self._denies)
        if not self._strict or not conditional:
            return []
        alone = [denial for denial in self._denials if len(denial.tests) == 2]
        if "public" not in self._let_in(allow, alone):
            return []
        return [
            f"S3 itself calls {allow.name} public, since it looks at no Deny with conditions; "
            "these keep everybody out whom it would let in"
        ]

    def _let_in(self, allow: Statement, denials: Sequence[Denial]) -> dict[Audience, _Found]:
        found: dict[Audience, _Found] = {}
        tests = (*self._scope.tests_on(allow, self._budget), *self._conditions(allow))
        regions = self._regions_for(tests)
        for principal in _allowed(allow):
            self._budget.spend()
            if _delivers_logs(allow, principal):
                continue
            looking = _Looking(self, principal)
            for caller in caller_of(principal):
                start = regions.region(principal, caller, tests)
                if start is not None:
                    looking.through(start, denials, regions)
            audience = looking.audience
            if audience is not None:
                alone = looking.by_list_alone
                entry = found.setdefault(audience, _Found({}, looking.limit, alone))
                entry.names.setdefault(principal.written, set()).update(looking.names)
        return dict(sorted(found.items(), reverse=True))

    def audience(self, region: Region, of: Principal) -> tuple[Audience | None, Limits]:
        """How open a region is, which is a part of what a principal may do, and what it pins down.

        Whom a Deny leaves out is let in no further than the Allow lets in everybody: what a network
        or an organization of ours keeps out is not let in by being named in a Deny.
        """
        asked = of_one_organization(
            {key: at for key, at in region.states.items() if key not in (ACTION, RESOURCE)},
            self._budget,
        )
        if asked is None:
            return None, Limits()
        limit = self._limits(asked, strict=self._strict)
        others = {key: at for key, at in asked.items() if not _names_by_a_deny(key, at)}
        if of.kind == "everyone" and len(others) < len(asked):
            of_all = self._limits(others, strict=self._strict)
            if audience_of(of, of_all, self._own, self._trusted) is None:
                return None, limit
        return audience_of(region.principal, limit, self._own, self._trusted), limit

    def public_by_list_alone(self, region: Region) -> bool:
        """Whether a region is public by S3's list, though no stranger can make its requests."""
        if not self._strict:
            return False
        asked = {key: at for key, at in region.states.items() if key not in (ACTION, RESOURCE)}
        limit = self._limits(asked, strict=False)
        return audience_of(region.principal, limit, self._own, self._trusted) != "public"

    def _limits(self, states: Mapping[str, KeyState], *, strict: bool) -> Limits:
        limit = limits(states, self._budget, strict=strict)
        # Who comes as far as the policy comes from our own network.
        return replace(limit, elsewise=True) if self._inside else limit

    def _conditions(self, statement: Statement) -> list[Constraint]:
        tests = [
            constraint_of(condition, granted=statement.allows)
            for condition in sorted(statement.conditions, key=lambda c: c.order)
        ]
        if self._strict and statement.allows:  # S3's list knows no variables
            return tests
        return [understood(test, self._own) for test in tests]

    def _denial(self, statement: Statement) -> Denial:
        tests = (*tests_of(statement), *self._conditions(statement))
        return Denial(Denied(statement.principals, statement.principals_excluded), tests)

    def _regions_for(self, tests: Sequence[Constraint]) -> Regions:
        listed = frozenset(test.key for test in tests if test.granted and self._strict)
        if listed not in self._regions:
            self._regions[listed] = Regions(_FactsFor(self._own, listed), self._budget)
        return self._regions[listed]

    def _reason(self, allow: Statement, audience: Audience, found: _Found) -> str:
        does = f"{allow.name} allows {_actions_in_words(allow)} to"
        limit = found.limit
        if audience == "external":
            let_in = {name for theirs in found.names.values() for name in theirs}
            narrowed: frozenset[str] = frozenset()
            for accounts in (limit.callers, limit.sources, limit.networks):
                narrowed |= accounts or frozenset()
            accounts = untrusted_accounts(narrowed, self._own, self._trusted)
            who = ", ".join(sorted(let_in))
            if accounts and not any(account in who for account in accounts):
                who = f"{who} of account {', '.join(sorted(accounts))}"
            return f"{does} {who}, which is not trusted"
        who = ", ".join("everyone (*)" if name == "*" else name for name in found.names)
        if allow.principals_excluded:
            who = "everyone but those it names (NotPrincipal)"
        why = "no condition narrows it"
        if limit.loose:
            why = f"its condition on {', '.join(limit.loose)} keeps no arbitrary caller out"
        partial = [deny.name for deny in self._denies if deny.conditions - allow.conditions]
        but = f" ({_some(partial, 'statements')} denies only under a condition)" if partial else ""
        both = "; no stranger can meet it, but S3's own list calls it public"
        return f"{does} {who}: {why}{both if found.by_list_alone else ''}{but}"


@dataclass(frozen=True, slots=True)
class _FactsFor:
    """What is known of keys beside one Allow."""

    own: str
    listed: frozenset[str]  # the keys that S3's published list is asked about

    def __call__(self, key: str, caller: Caller) -> Facts:
        if key in (ACTION, RESOURCE):
            return Facts(always=True)
        return facts(key, caller, self.own, published=key in self.listed)


class _Looking:
    """Looks for the most that one principal of an Allow is let in."""

    def __init__(self, statements: Statements, principal: Principal) -> None:
        self._principal = principal
        self.audience: Audience | None = None
        self.names: set[str] = set()
        self.limit = Limits()
        self.by_list_alone = False
        self._statements = statements
        self._known: dict[tuple[object, ...], tuple[Audience | None, Limits]] = {}

    def through(self, start: Region, denials: Sequence[Denial], regions: Regions) -> None:
        for region in search(start, denials, regions, self._statements._budget, self._is_worth):
            audience, limit = self._judged(region)
            if audience is not None and audience != self.audience:
                self.audience, self.names, self.limit = audience, set(), limit
                self.by_list_alone = audience == "public" and (
                    self._statements.public_by_list_alone(region)
                )
            self.names.add(region.principal.written)

    def _is_worth(self, region: Region) -> bool:
        """Whether a region may let in more than is known already."""
        if self.audience == "public":
            return False
        audience, _ = self._judged(region)
        known = self.audience == "external" and region.principal.written in self.names
        return audience == "public" or (audience == "external" and not known)

    def _judged(self, region: Region) -> tuple[Audience | None, Limits]:
        states: list[KeyState] = [
            state for key, state in region.states.items() if key not in (ACTION, RESOURCE)
        ]
        key = (region.principal, *states)
        if key not in self._known:
            self._known[key] = self._statements.audience(region, self._principal)
        return self._known[key]


def _names_by_a_deny(key: str, state: KeyState) -> bool:
    """Whether a key tells of an account, and no Allow asks for it."""
    return key in ACCOUNTS | ARNS and not any(test.granted for test in state.constraints)


def _delivers_logs(statement: Statement, principal: Principal) -> bool:
    return not statement.actions_excluded and is_delivery(principal.account, statement.actions)


def _allowed(statement: Statement) -> tuple[Principal, ...]:
    """The principals that an Allow names; with NotPrincipal, everyone but those it names."""
    if not statement.principals_excluded:
        return statement.principals
    if any(principal.written.strip() == "*" for principal in statement.principals):
        return ()
    return (EVERYONE,)


def _actions_in_words(statement: Statement) -> str:
    shown = _some(statement.actions, "actions")
    return f"every action but {shown}" if statement.actions_excluded else shown


def _some(names: Sequence[str], kind: str) -> str:
    shown, more = ", ".join(names[:SHOWN]), len(names) - SHOWN
    return f"{shown} and {more} more {kind}" if more > 0 else shown
