"""CodeArtifact: domains and repositories of packages, open by their policy.

Sources: AWS CodeArtifact API Reference, "PutDomainPermissionsPolicy" and
"PutRepositoryPermissionsPolicy" (a revision may be given, and then must be the current one).
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Trigger, resource
from .mechanisms.resource_policy import OpenPolicy

_CODEARTIFACT = "codeartifact.amazonaws.com"
_DOMAINS = ("arn:{partition}:codeartifact:{region}:{account}:domain/*",)
_REPOSITORIES = ("arn:{partition}:codeartifact:{region}:{account}:repository/*",)
_NONE = ("ResourceNotFoundException",)
_BUSY = (Busy("ConflictException"),)
_REFERENCES = References(attack=("T1195.002", "T1537"))


def _owned(change: Change) -> bool:
    """Whether the domain is the account's own: a repository may lie in another account's."""
    return text(change.request, "domainOwner") in ("", change.account)


def _written(change: Change) -> Json:
    return change.request.get("policyDocument")


def _put_domain_policy(domain: Resource, written: str, _: Document) -> Call:
    parameters: Document = {"domain": domain.id, "policyDocument": written}
    return Call("codeartifact", "PutDomainPermissionsPolicy", parameters, on=(domain.arn,))


# ------------------------------------------------------------------------------------ domains


def _domain(change: Change) -> Iterator[Candidate]:
    name = text(change.request, "domain")
    if name and _owned(change):
        where = f"codeartifact:{{region}}:{{account}}:domain/{name}"
        yield Candidate(resource(change, "codeartifact.domain", name, where), Certainty.POSSIBLE)


def _domains(reader: Reader) -> Iterator[Resource]:
    for domain in map(document, reader.pages("codeartifact", "ListDomains", "domains")):
        if text(domain, "owner") == reader.account:
            name, arn = text(domain, "name"), text(domain, "arn")
            yield Resource("codeartifact.domain", name, reader.account, reader.region, arn)


def _domain_policy(domain: Resource, reader: Reader) -> Document:
    found = reader.read(
        "codeartifact", "GetDomainPermissionsPolicy", domain=domain.id, absent=_NONE
    )
    return {"policy": text(mapping(document(found), "policy"), "document")}


PUBLIC_DOMAIN = OpenPolicy(
    id="codeartifact.public-domain",
    title="Domain of packages open by its policy",
    severity=80,
    cuts=NOTHING,
    busy=_BUSY,
    references=_REFERENCES,
    triggers=(Trigger(_CODEARTIFACT, "PutDomainPermissionsPolicy"),),
    reads=("codeartifact:GetDomainPermissionsPolicy", "codeartifact:ListDomains"),
    writes={
        "codeartifact:PutDomainPermissionsPolicy": _DOMAINS,
        "codeartifact:DeleteDomainPermissionsPolicy": _DOMAINS,
    },
    proven="stub",
    found_by=_domains,
    service="codeartifact",
    candidates=_domain,
    written=_written,
    read=_domain_policy,
    put=_put_domain_policy,
    delete=lambda domain, _: Call(
        "codeartifact",
        "DeleteDomainPermissionsPolicy",
        {"domain": domain.id},
        on=(domain.arn,),
        settled_by=_NONE,
    ),
)

# ------------------------------------------------------------------------------- repositories


def _repository(change: Change) -> Iterator[Candidate]:
    domain, name = text(change.request, "domain"), text(change.request, "repository")
    if domain and name and _owned(change):
        where = f"codeartifact:{{region}}:{{account}}:repository/{domain}/{name}"
        found = resource(change, "codeartifact.repository", f"{domain}/{name}", where)
        yield Candidate(found, Certainty.POSSIBLE)


def _repositories(reader: Reader) -> Iterator[Resource]:
    for repository in map(
        document, reader.pages("codeartifact", "ListRepositories", "repositories")
    ):
        if text(repository, "domainOwner") == reader.account:
            id_ = f"{text(repository, 'domainName')}/{text(repository, 'name')}"
            arn = text(repository, "arn")
            yield Resource("codeartifact.repository", id_, reader.account, reader.region, arn)


def _named(repository: Resource) -> dict[str, str]:
    domain, _, name = repository.id.partition("/")
    return {"domain": domain, "repository": name}


def _repository_policy(repository: Resource, reader: Reader) -> Document:
    found = reader.read(
        "codeartifact", "GetRepositoryPermissionsPolicy", absent=_NONE, **_named(repository)
    )
    return {"policy": text(mapping(document(found), "policy"), "document")}


PUBLIC_REPOSITORY = OpenPolicy(
    id="codeartifact.public-repository",
    title="Repository of packages open by its policy",
    severity=82,
    cuts=NOTHING,
    busy=_BUSY,
    references=_REFERENCES,
    triggers=(Trigger(_CODEARTIFACT, "PutRepositoryPermissionsPolicy"),),
    reads=("codeartifact:GetRepositoryPermissionsPolicy", "codeartifact:ListRepositories"),
    writes={
        "codeartifact:PutRepositoryPermissionsPolicy": _REPOSITORIES,
        "codeartifact:DeleteRepositoryPermissionsPolicy": _REPOSITORIES,
    },
    proven="stub",
    found_by=_repositories,
    service="codeartifact",
    candidates=_repository,
    written=_written,
    read=_repository_policy,
    put=lambda repository, written, _: Call(
        "codeartifact",
        "PutRepositoryPermissionsPolicy",
        {**_named(repository), "policyDocument": written},
        on=(repository.arn,),
    ),
    delete=lambda repository, _: Call(
        "codeartifact",
        "DeleteRepositoryPermissionsPolicy",
        {**_named(repository)},
        on=(repository.arn,),
        settled_by=_NONE,
    ),
)

CONTROLS = (PUBLIC_DOMAIN, PUBLIC_REPOSITORY)
