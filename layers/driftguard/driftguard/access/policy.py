"""Says whether a resource policy is open to the world, or to somebody we do not trust.

`judge` answers *public*, *external* (open to a named account that is not trusted) or *closed*, and
names the statements that open the resource, with the reason in words. `without` takes just those
openings away.

The rules, and where AWS's texts leave a choice:

- S3 has a published definition ("The meaning of public"): each Allow is public unless a fixed
  principal or a fixed value of a listed key narrows it. Fixed means no wildcard and no policy
  variable. For services without such a list the question is whether an arbitrary caller can meet
  every condition.
- An explicit Deny closes exactly what it denies: whom an Allow lets in is judged by what the Denies
  leave of it (`reach`). S3 itself looks at no Deny with conditions when it calls a policy public;
  where that differs from what can be reached, the verdict says both.
- An organization named in a condition is taken to be the owner's, unless `Trusted.organizations`
  lists organizations and this one is not among them.
- A service principal is never public; with a source account or ARN of an untrusted account it is
  external.
- The accounts by which AWS delivers logs are no strangers to a bucket that they deliver into.
- A condition on the network narrows "everyone" to closed, but a named foreign account stays
  external.
- What AWS would refuse, or what cannot be read, is reported as `unparsable`, and counts as public.
  So does what cannot be judged within the budget of steps (`unjudged`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .document import UnreadableError, read
from .opening import Opening, Statements
from .principals import Trusted, account_id
from .reach.budget import Budget, BudgetSpentError
from .reach.scope import SERVICES, Scope
from .surgery import without_openings

__all__ = ["SERVICES", "Opening", "Trusted", "UnreadableError", "Verdict", "judge", "without"]

NOBODY_ELSE = Trusted()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy lets in. What could not be read or judged counts as public.

    `public_by_list` says whether S3's published definition calls the policy public. `notes` tell
    where that differs from what can be reached.
    """

    openings: tuple[Opening, ...]
    unparsable: str | None = None
    unjudged: str | None = None
    notes: tuple[str, ...] = ()
    public_by_list: bool = False

    @property
    def doubt(self) -> str | None:
        """Why the policy is not understood, None if it is."""
        if self.unparsable is not None:
            return f"cannot be read: {self.unparsable}"
        return None if self.unjudged is None else f"is not judged: {self.unjudged}"

    @property
    def public(self) -> bool:
        return self.doubt is not None or any(o.audience == "public" for o in self.openings)

    @property
    def external(self) -> bool:
        return any(opening.audience == "external" for opening in self.openings)

    @property
    def answer(self) -> Literal["public", "external", "closed"]:
        return "public" if self.public else "external" if self.external else "closed"

    @property
    def because(self) -> tuple[str, ...]:
        reasons = tuple(opening.reason for opening in self.openings)
        return (*((self.doubt,) if self.doubt else ()), *reasons, *self.notes)


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
        One of `SERVICES`; any other name is judged by the general question.
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
    scope, own = Scope(service.lower(), resource), account_id(account) or account
    budget, unjudged = Budget(), None
    openings: list[Opening] = []
    notes: list[str] = []
    statements = Statements(policy.statements, scope, own, trusted, budget)
    try:
        for allow in statements.allows:
            found = statements.openings_of(allow)
            openings += found
            if not any(opening.audience == "public" for opening in found):
                notes += statements.public_by_list(allow)
    except BudgetSpentError:
        unjudged = "what its Denies leave of its Allows takes too many steps to tell"
    public = any(opening.audience == "public" for opening in openings)
    return Verdict(
        tuple(openings),
        "; ".join(policy.problems) or None,
        unjudged,
        tuple(notes),
        scope.kind.published and (public or bool(notes)),
    )


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
