"""Says when a federated identity provider's claims tell our people from everybody else's.

Trust in a provider with neither an audience nor a subject pinned is trust in everyone who has an
account there. Which claim tells enough depends on whose provider it is:

- A shared one that gives the same audience to all its customers (GitHub Actions, GitLab.com and
  their like): only the subject, or another claim that names the customer, tells.
- A shared one with an audience of its own for each application (Cognito, Google, Facebook, Amazon):
  the audience or the subject, whole; a pattern would let other applications in.
- A provider that is ours anyway (a SAML provider, a cluster's or a company's OIDC issuer): either
  claim.
"""

import re
from collections.abc import Sequence

from .patterns import has_wildcard

SHARED_AUDIENCE = frozenset(
    {
        "token.actions.githubusercontent.com",
        "gitlab.com",
        "app.terraform.io",
        "agent.buildkite.com",
        "oidc.vercel.com",
        "id.token.bitbucket.org",
        "oauth2.googleapis.com",
    }
)
OWN_AUDIENCE = frozenset(
    {
        "cognito-identity.amazonaws.com",
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
        "job_workflow_ref",
        "namespace_id",
        "namespace_path",
        "project_id",
        "project_path",
        "organization_id",
        "organization_slug",
    }
)
# `repo:our-org/…`: a label, the whole name of the customer, and a mark that ends it. Without that
# mark `repo:our-org*` would also mean `repo:our-org-evil/…`, which anyone may create.
TENANT = re.compile(
    r"(repo|repository|repository_id|repository_owner|repository_owner_id|project_path|namespace_path"
    r"|organization|owner|enterprise|enterprise_id|job_workflow_ref):[^:/]+[:/]"
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
    if "${" in value or not value:
        return False
    if provider in SHARED_AUDIENCE:
        if claim == "sub":
            return bool(TENANT.match(re.split(r"[*?]", value)[0])) if wild else True
        return claim in OWNERS and (not wild or "/" in re.split(r"[*?]", value)[0])
    if provider in OWN_AUDIENCE:
        return claim in AUDIENCES | SUBJECTS and not wild
    if provider == "saml":
        return claim not in SAML_WITHOUT_MEANING and _says_something(value, wild)
    return claim in AUDIENCES | SUBJECTS | OWNERS and _says_something(value, wild)


def _says_something(value: str, wild: bool) -> bool:
    if not wild:
        return True
    for prefix in ("https://", *EVERY_SERVICE_ACCOUNT):
        value = value.removeprefix(prefix)
    return any(letter.isalnum() for letter in value)
