"""Says when a federated identity provider's claims tell our people from everybody else's.

Trust in a provider with neither an audience nor a subject pinned is trust in everyone who has an
account there. Which claim tells enough depends on whose provider it is:

- A shared one that gives the same audience to all its customers (GitHub Actions, GitLab.com and
  their like): only the claim that AWS names for it, or another one that names the customer, tells.
- A shared one with an audience of its own for each application (Cognito, Google, Facebook, Amazon):
  the audience or the subject, whole; a pattern would let other applications in.
- A provider that is ours anyway (a SAML provider, a cluster's or a company's OIDC issuer): either
  claim.

Sources: IAM User Guide, "Identity-provider controls for shared OIDC providers"; GitHub Docs,
"OpenID Connect reference" (a repository decides what its subjects consist of, and in which order).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from .patterns import has_wildcard

# `repo:our-org/…`: a label, the whole name of the customer, and a mark that ends it. Without that
# mark `repo:our-org*` would also mean `repo:our-org-evil/…`, which anyone may create.
_GITHUB: Final = re.compile(
    r"(repo|repository|repository_id|repository_owner|repository_owner_id|enterprise|enterprise_id)"
    r":[^:/]+([:/]|$)"
)
# The claim that tells the customers of a shared provider apart, and how its values begin. A subject
# that says nothing of its customer first may hold what a stranger wrote: the name of a workflow may
# be "deploy:repo:our-org/app".
_TENANCY: Final[Mapping[str, tuple[str, re.Pattern[str]]]] = {
    "agent.buildkite.com": ("sub", re.compile(r"organization:[^:/]+:")),
    "api.pulumi.com/oidc": ("aud", re.compile(r".+$")),
    "app.terraform.io": ("sub", re.compile(r"organization:[^:/]+:")),
    "gitlab.com": ("sub", re.compile(r"(project_path|namespace_path):[^:/]+[:/]")),
    "id.token.bitbucket.org": ("sub", re.compile(r".+$")),
    "oauth2.googleapis.com": ("sub", re.compile(r".+$")),
    "oidc-configuration.audit-log.githubusercontent.com": (
        "sub",
        re.compile(r"https://github\.com/[^:/]+(/|$)"),
    ),
    "oidc.codefresh.io": ("sub", re.compile(r"account:[^:/]+:")),
    "oidc.vercel.com": ("aud", re.compile(r".+$")),
    "proidc.upbound.io": ("sub", re.compile(r"[a-z]+:[^:/]+/")),
    "sandboxes.cloud": ("aud", re.compile(r".+$")),
    "scalr.io": ("sub", re.compile(r"account:[^:/]+:")),
    "studio.datachain.ai/api": ("sub", re.compile(r"credentials:[^:/]+/")),
    "token.actions.githubusercontent.com": ("sub", _GITHUB),
    "tokens.cloud.shisho.dev": ("sub", re.compile(r"[a-z]+:[^:/]+[:/]")),
    "vstoken.actions.githubusercontent.com": ("sub", _GITHUB),
}
# Shared providers whose customers choose what their subjects begin with, so that a whole subject
# has to name its customer, too.
_SUBJECTS_MADE_UP: Final = frozenset(
    {"token.actions.githubusercontent.com", "vstoken.actions.githubusercontent.com"}
)
# Claims beside it that name the customer.
_TENANT_CLAIMS: Final[Mapping[str, tuple[str, re.Pattern[str]]]] = {
    "oidc.vercel.com": ("sub", re.compile(r"owner:[^:/]+:")),
}
# Microsoft Sentinel's own tenant: its customers are told apart by the name of the session.
TOLD_BY_SESSION_NAME: Final = "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d"
SESSION_NAME: Final = "sts:rolesessionname"
OWN_AUDIENCE = frozenset(
    {
        "cognito-identity.amazonaws.com",
        "cognito-identity-us-gov.amazonaws.com",
        "cognito-identity.cn-north-1.amazonaws.com.cn",
        "accounts.google.com",
        "graph.facebook.com",
        "www.amazon.com",
    }
)
AUDIENCES = frozenset({"aud", "app_id", "oaud", "azp"})
SUBJECTS = frozenset({"sub", "id", "user_id"})
# Claims beside `sub` that name a customer of a shared provider.
OWNERS = frozenset(
    {
        "repository",
        "repository_id",
        "repository_owner",
        "repository_owner_id",
        "enterprise",
        "enterprise_id",
        "namespace_id",
        "namespace_path",
        "project_id",
        "project_path",
        "organization_id",
        "organization_slug",
    }
)
SAML_WITHOUT_MEANING = frozenset({"sub_type", "doc"})
EVERY_SERVICE_ACCOUNT = ("system:serviceaccount:", "system:")


def claim_of(key: str) -> tuple[str, str] | None:
    """`host.example:sub` as ("host.example", "sub"); None for a key that is no provider's claim."""
    provider, _, claim = key.rpartition(":")
    is_provider = provider == "saml" or ("." in provider and ":" not in provider)
    return (provider, claim) if is_provider else None


def pins(provider: str, claim: str, values: Sequence[str], *, patterns: bool) -> bool:
    """Whether asking for one of these values keeps the provider's other customers out."""
    return bool(values) and all(_pins(provider, claim, value, patterns) for value in values)


def _pins(provider: str, claim: str, value: str, patterns: bool) -> bool:
    wild = patterns and has_wildcard(value)
    if "${" in value or not value or provider == TOLD_BY_SESSION_NAME:
        return False
    if provider in _TENANCY:
        return _tells_the_customer(provider, claim, value, wild)
    if provider in OWN_AUDIENCE:
        return claim in AUDIENCES | SUBJECTS and not wild
    if provider == "saml":
        return claim not in SAML_WITHOUT_MEANING and _says_something(value, wild)
    return claim in AUDIENCES | SUBJECTS | OWNERS and _says_something(value, wild)


def _tells_the_customer(provider: str, claim: str, value: str, wild: bool) -> bool:
    fixed = re.split(r"[*?]", value)[0] if wild else value
    for named, begins in (_TENANCY[provider], _TENANT_CLAIMS.get(provider, _TENANCY[provider])):
        if claim != named:
            continue
        if not wild and provider not in _SUBJECTS_MADE_UP:
            return True
        found = begins.match(fixed.lower())
        # A name that the fixed part ends with may go on in the wild one.
        return found is not None and not (
            wild and found.end() == len(fixed) and fixed[-1] not in ":/"
        )
    return claim in OWNERS and (not wild or "/" in fixed)


def _says_something(value: str, wild: bool) -> bool:
    if not wild:
        return True
    for prefix in ("https://", *EVERY_SERVICE_ACCOUNT):
        value = value.removeprefix(prefix)
    return any(letter.isalnum() for letter in value)
