"""Says whether a resource policy is open to the world, or to somebody we do not trust.

`judge` answers *public*, *external* (open to a named account that is not trusted) or *closed*, and
names the statements that open the resource, with the reason in words. `without` takes just those
openings away.

The rules, and where AWS's texts leave a choice:

- S3 has a published definition ("The meaning of public"): each Allow is public unless a fixed
  principal or a fixed value of a listed key narrows it. Fixed means no wildcard and no policy
  variable. For services without such a list the question is whether an arbitrary caller can meet
  every condition.
- An explicit Deny that covers an Allow wholly closes it. One with a condition of its own does not,
  in any service (see `coverage`): that also holds for "deny everyone outside my organization",
  which S3 does not count either. The reason says that such a Deny is there.
- An organization named in a condition is taken to be the owner's, unless `Trusted.organizations`
  lists organizations and this one is not among them.
- A service principal is never public; with a source account or ARN of an untrusted account it is
  external.
- The accounts by which AWS delivers logs are no strangers to a bucket that they deliver into.
- A condition on the network narrows "everyone" to closed, but a named foreign account stays
  external.
- What AWS would refuse, or what cannot be read, is reported as `unparsable`, and counts as public.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .audience import Audience, audience_of
from .conditions import Limits, limits
from .coverage import Scope, escapees, grants_nothing
from .document import Statement, UnreadableError, read
from .log_delivery import is_delivery
from .principals import Principal, Trusted, account_id, untrusted_accounts
from .surgery import without_openings

__all__ = ["Opening", "Service", "Trusted", "UnreadableError", "Verdict", "judge", "without"]

# Any other name is judged like the services here that have no published list.
Service = Literal["s3", "sns", "sqs", "kms", "lambda", "secretsmanager", "ecr", "iam-trust"]
PUBLISHED_LIST = frozenset({"s3"})
SHOWN_ACTIONS = 3
NOBODY_ELSE = Trusted()


@dataclass(frozen=True, slots=True)
class Opening:
    """One statement that opens the resource. `principals` are the offending ones, as written."""

    index: int
    sid: str | None
    audience: Audience
    principals: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy lets in. What could not be read counts as public."""

    openings: tuple[Opening, ...]
    unparsable: str | None = None

    @property
    def public(self) -> bool:
        return self.unparsable is not None or any(o.audience == "public" for o in self.openings)

    @property
    def external(self) -> bool:
        return any(opening.audience == "external" for opening in self.openings)

    @property
    def answer(self) -> Literal["public", "external", "closed"]:
        return "public" if self.public else "external" if self.external else "closed"

    @property
    def because(self) -> tuple[str, ...]:
        unread = () if self.unparsable is None else (f"cannot be read: {self.unparsable}",)
        return unread + tuple(opening.reason for opening in self.openings)


def judge(
    service: str,
    document: Mapping[str, object] | str,
    *,
    account: str,
    trusted: Trusted = NOBODY_ELSE,
    resource: str | None = None,
) -> Verdict:
    """Say who a resource policy lets in.

    Parameters
    ----------
    service
        A `Service`; any other name is judged by the general question.
    document
        The policy, as an object or as its JSON text.
    account
        The account that owns the resource.
    trusted
        Accounts, organizations and principals that count as ours.
    resource
        The ARN of the resource that the policy is attached to, if known.
    """
    try:
        policy = read(document)
    except UnreadableError as error:
        return Verdict((), str(error))
    scope = Scope(service.lower(), resource)
    own = account_id(account) or account
    denies = [statement for statement in policy.statements if not statement.allows]
    openings = [
        opening
        for statement in policy.statements
        if statement.allows and not grants_nothing(statement, scope)
        for opening in _openings(statement, denies, scope, own, trusted)
    ]
    return Verdict(tuple(openings), "; ".join(policy.problems) or None)


def without(
    service: str,
    document: Mapping[str, object] | str,
    openings: Sequence[Opening],
    *,
    account: str,
) -> dict[str, object] | None:
    """The policy without the given openings; None when nothing is left of it.

    A role's trust policy may not be empty, so what is left of an emptied one is a Deny. A key
    policy keeps a statement by which the own account can manage the key. Raises `UnreadableError`
    for a text that is no JSON object: there is no part of it to take away.
    """
    offending: dict[int, set[str]] = {}
    for opening in openings:
        offending.setdefault(opening.index, set()).update(opening.principals)
    return without_openings(service.lower(), document, offending, account_id(account) or account)


def _openings(
    statement: Statement, denies: Sequence[Statement], scope: Scope, own: str, trusted: Trusted
) -> list[Opening]:
    limit = limits(statement.conditions, own=own, strict=scope.service in PUBLISHED_LIST)
    if limit.impossible:
        return []
    found: dict[Audience, dict[str, set[str]]] = {"public": {}, "external": {}}
    for principal in _allowed(statement):
        if scope.service == "s3" and _delivers_logs(statement, principal):
            continue
        # Whom a Deny spares is never let in further than the Allow lets in everybody.
        if audience_of(principal, limit, own, trusted) not in found:
            continue
        left = escapees(statement, principal, denies, scope)
        audiences = {escapee.written: audience_of(escapee, limit, own, trusted) for escapee in left}
        for audience in ("public", "external"):
            let_in = {name for name, theirs in audiences.items() if theirs == audience}
            if let_in:
                found[audience].setdefault(principal.written, set()).update(let_in)
                break
    return [
        Opening(
            statement.index,
            statement.sid,
            audience,
            tuple(names),
            _reason(statement, audience, names, limit, denies, own, trusted),
        )
        for audience, names in found.items()
        if names
    ]


def _delivers_logs(statement: Statement, principal: Principal) -> bool:
    return not statement.actions_excluded and is_delivery(principal.account, statement.actions)


def _allowed(statement: Statement) -> tuple[Principal, ...]:
    """The principals that an Allow names; with NotPrincipal, everyone but those it names."""
    if not statement.principals_excluded:
        return statement.principals
    if any(principal.written.strip() == "*" for principal in statement.principals):
        return ()
    return (Principal("*", "*", "everyone"),)


def _reason(
    statement: Statement,
    audience: Audience,
    names: Mapping[str, set[str]],
    limit: Limits,
    denies: Sequence[Statement],
    own: str,
    trusted: Trusted,
) -> str:
    does = f"{statement.name} allows {_actions_in_words(statement)} to"
    if audience == "external":
        let_in = {name for theirs in names.values() for name in theirs}
        narrowed = (limit.callers or frozenset()) | (limit.sources or frozenset())
        accounts = untrusted_accounts(narrowed, own, trusted)
        who = ", ".join(sorted(let_in))
        if accounts and not any(account in who for account in accounts):
            who = f"{who} of account {', '.join(sorted(accounts))}"
        return f"{does} {who}, which is not trusted"
    who = ", ".join("everyone (*)" if name == "*" else name for name in names)
    if statement.principals_excluded:
        who = "everyone but those it names (NotPrincipal)"
    why = "no condition narrows it"
    if limit.loose:
        why = f"its condition on {', '.join(limit.loose)} keeps no arbitrary caller out"
    partial = [deny.name for deny in denies if deny.conditions - statement.conditions]
    but = f" ({', '.join(partial)} denies only under a condition)" if partial else ""
    return f"{does} {who}: {why}{but}"


def _actions_in_words(statement: Statement) -> str:
    shown = ", ".join(statement.actions[:SHOWN_ACTIONS])
    more = len(statement.actions) - SHOWN_ACTIONS
    if more > 0:
        shown = f"{shown} and {more} more actions"
    return f"every action but {shown}" if statement.actions_excluded else shown
