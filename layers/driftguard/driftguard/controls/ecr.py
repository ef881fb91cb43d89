"""ECR: repositories open by their policy, or whose tags can be overwritten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.declared import listed
from .mechanisms.resource_policy import OpenPolicy
from .mechanisms.weakened import TOLD, Weakened, told

_ECR = "ecr.amazonaws.com"
_REPOSITORIES = ("arn:{partition}:ecr:{region}:{account}:repository/*",)
_GONE = "RepositoryNotFoundException"


def repository_of(change: Change) -> Iterator[Resource]:
    """The repository that a record names, if it names one."""
    name = text(change.request, "repositoryName")
    if name:
        where = f"ecr:{{region}}:{{account}}:repository/{name}"
        yield resource(change, "ecr.repository", name, where)


def repositories(reader: Reader) -> Iterator[Resource]:
    """The repositories of the account's registry in the region."""
    for repository in map(document, reader.pages("ecr", "DescribeRepositories", "repositories")):
        name, arn = text(repository, "repositoryName"), text(repository, "repositoryArn")
        yield Resource("ecr.repository", name, reader.account, reader.region, arn)


def described(repository: Resource, reader: Reader) -> Document | None:
    """The repository as ECR describes it; None when it is gone."""
    found = reader.read(
        "ecr", "DescribeRepositories", absent=(_GONE,), repositoryNames=[repository.id]
    )
    return next(items(document(found).get("repositories")), None)


def _call(repository: Resource, operation: str, **parameters: Json) -> Call:
    given: Document = {"repositoryName": repository.id, **parameters}
    return Call("ecr", operation, given, on=(repository.arn,))


# ------------------------------------------------------------------------------------ policy


def _policy(repository: Resource, reader: Reader) -> Document | None:
    try:
        found = reader.read(
            "ecr",
            "GetRepositoryPolicy",
            absent=("RepositoryPolicyNotFoundException",),
            repositoryName=repository.id,
        )
    except AwsError as error:
        if error.code == _GONE:
            return None
        raise
    return {"policy": text(document(found), "policyText")}


PUBLIC_POLICY = OpenPolicy(
    id="ecr.public-policy",
    title="Repository open by its policy",
    severity=82,
    cuts=NOTHING,
    references=References(attack=("T1525", "T1537")),
    triggers=(Trigger(_ECR, "SetRepositoryPolicy"),),
    reads=("ecr:DescribeRepositories", "ecr:GetRepositoryPolicy"),
    found_by=repositories,
    writes={
        "ecr:SetRepositoryPolicy": _REPOSITORIES,
        "ecr:DeleteRepositoryPolicy": _REPOSITORIES,
    },
    service="ecr",
    candidates=lambda change: [
        Candidate(repository, Certainty.POSSIBLE) for repository in repository_of(change)
    ],
    written=lambda change: change.request.get("policyText"),
    read=_policy,
    put=lambda repository, written, state: _call(
        repository, "SetRepositoryPolicy", policyText=written
    ),
    delete=lambda repository, state: _call(repository, "DeleteRepositoryPolicy"),
)


# ------------------------------------------------------------------------------- mutable tags


def _made_mutable(change: Change) -> Iterable[Candidate]:
    asked = text(change.request, "imageTagMutability")
    if asked == "MUTABLE":
        yield from (told(repository, "mutability") for repository in repository_of(change))
    elif asked != "IMMUTABLE":
        # Unknown, or with exclusions: whether that is weaker only the baseline can tell.
        yield from (
            Candidate(repository, Certainty.POSSIBLE) for repository in repository_of(change)
        )


def _mutability(repository: Resource, reader: Reader) -> Document | None:
    found = described(repository, reader)
    if found is None:
        return None
    filters = found.get("imageTagMutabilityExclusionFilters") or []
    return {"mutability": {"imageTagMutability": found["imageTagMutability"], **_but(filters)}}


def _but(filters: Json) -> dict[str, Json]:
    return {"imageTagMutabilityExclusionFilters": filters} if filters else {}


# How many tags can be overwritten, the most first. The exclusions of the two in the middle name
# the tags that are not as the others.
# Source: Amazon ECR API Reference, "PutImageTagMutability".
_MUTABILITY = ("MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION", "IMMUTABLE")


def _mutable(state: Document, baseline: Document | None) -> dict[str, str]:
    now, why = mapping(state, "mutability"), "tags can be overwritten"
    if baseline is None:
        weak = _immutability(now) == 0 and "mutability" in listed(state, TOLD)
        return {"mutability": why} if weak else {}
    before = mapping(baseline, "mutability")
    if _immutability(now) < _immutability(before):
        return {"mutability": why}
    same = text(now, "imageTagMutability") == text(before, "imageTagMutability")
    here, there = _filters(now), _filters(before)
    # Exclusions from immutability open tags; exclusions from mutability close them.
    opened = here - there if _immutability(now) == 2 else there - here
    if same and opened:
        return {"mutability": f"tags like {', '.join(sorted(opened))} can be overwritten"}
    return {}


def _immutability(mutability: Document) -> int:
    """Where a setting stands in `_MUTABILITY`; one that is not known is never weaker."""
    name = text(mutability, "imageTagMutability")
    return _MUTABILITY.index(name) if name in _MUTABILITY else len(_MUTABILITY)


def _filters(mutability: Document) -> set[str]:
    filters = items(mutability.get("imageTagMutabilityExclusionFilters"))
    return {text(excluded, "filter") for excluded in filters}


TAGS_MUTABLE = Weakened(
    id="ecr.tags-mutable",
    title="Repository's tags can be overwritten",
    severity=45,
    cuts=NOTHING,
    references=References(security_hub=("ECR.2",), attack=("T1525",)),
    triggers=(Trigger(_ECR, "PutImageTagMutability"),),
    reads=("ecr:DescribeRepositories",),
    writes={"ecr:PutImageTagMutability": _REPOSITORIES},
    found_by=repositories,
    candidates=_made_mutable,
    read=_mutability,
    weaker=_mutable,
    default={"mutability": {"imageTagMutability": "IMMUTABLE"}},
    put=lambda repository, state, fields: _call(
        repository, "PutImageTagMutability", **mapping(state, "mutability")
    ),
)

CONTROLS = (PUBLIC_POLICY, TAGS_MUTABLE)
