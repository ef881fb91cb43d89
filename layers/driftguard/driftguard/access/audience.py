"""Says how open a statement is to one of its principals, by what is pinned down."""

from typing import Literal

from .limits import Limits
from .principals import Principal, Trusted, is_trusted, untrusted_accounts

Audience = Literal["public", "external"]


def audience_of(principal: Principal, limit: Limits, own: str, trusted: Trusted) -> Audience | None:
    """How open a statement is to a principal; None if not at all, or only to trusted callers."""
    if principal.kind == "nobody" or _is_known(limit.organizations, trusted):
        return None
    if principal.kind == "everyone":
        return _audience_of_everyone(limit, own, trusted)
    if principal.kind == "service":
        return _audience_of_service(limit, own, trusted)
    if is_trusted(principal, own, trusted):
        return None
    if principal.kind == "provider":
        return _audience_of_provider(principal, limit, own, trusted)
    return _audience_of_stranger(principal, limit, own, trusted)


def _audience_of_everyone(limit: Limits, own: str, trusted: Trusted) -> Audience | None:
    if limit.caller_arns is not None and limit.caller_arns <= trusted.principals:
        return None
    if limit.callers is not None:
        strangers = untrusted_accounts(limit.callers, own, trusted)
        # A network of ours keeps nobody out who is named.
        ours = limit.sources is not None and not untrusted_accounts(limit.sources, own, trusted)
        return "external" if strangers and not ours else None
    named = [accounts for accounts in (limit.sources, limit.networks) if accounts is not None]
    # Each of them has to hold, so one that lets only ours in is enough.
    if not all(untrusted_accounts(accounts, own, trusted) for accounts in named):
        return None
    if _is_known(limit.network_organizations, trusted):
        return None
    if named:
        return "external"
    if limit.organizations is not None or limit.network_organizations is not None:
        return "external" if trusted.organizations else None
    return None if limit.elsewise else "public"


def _audience_of_service(limit: Limits, own: str, trusted: Trusted) -> Audience | None:
    """A service is AWS's own; the question is whose resource it acts for, if the policy says so."""
    if limit.sources is not None:
        return "external" if untrusted_accounts(limit.sources, own, trusted) else None
    return "external" if limit.organizations is not None and trusted.organizations else None


def _audience_of_provider(
    principal: Principal, limit: Limits, own: str, trusted: Trusted
) -> Audience | None:
    if limit.providers and principal.provider not in limit.providers:
        return None  # the conditions ask for claims that this provider's tokens cannot carry
    if principal.provider not in limit.pinned_providers:
        general = _audience_of_everyone(limit, own, trusted)
        if general is not None:
            return general
    return "external" if untrusted_accounts({principal.account}, own, trusted) else None


def _audience_of_stranger(
    principal: Principal, limit: Limits, own: str, trusted: Trusted
) -> Audience | None:
    """A named account (or somebody unknown) that is not trusted."""
    if limit.caller_arns is not None and limit.caller_arns <= trusted.principals:
        return None
    if limit.callers is None or "" in limit.callers:
        return "external"
    if principal.account:
        return "external" if principal.account in limit.callers else None
    return "external" if untrusted_accounts(limit.callers, own, trusted) else None


def _is_known(organizations: frozenset[str] | None, trusted: Trusted) -> bool:
    """Whether all of these are organizations of ours. An empty name is the resource's own."""
    known = {name.lower() for name in trusted.organizations} | {""}
    return organizations is not None and organizations <= known
