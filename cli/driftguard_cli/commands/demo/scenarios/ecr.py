"""ECR: the shop's images."""

from __future__ import annotations

from ..account import PARTNER, Account
from ..events import Event, api_call
from .model import Scenario, Staged, allow, by_policy, policy_of

_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def _open_repository(account: Account) -> Staged:
    ecr, name = account.client("ecr"), "shop"
    ecr.create_repository(repositoryName=name)
    good = allow("PartnerPulls", {"AWS": f"arn:aws:iam::{PARTNER}:root"}, *_PULL)
    ecr.set_repository_policy(repositoryName=name, policyText=policy_of(good))

    def strike() -> Event:
        written = policy_of(good, allow("Everybody", "*", *_PULL))
        ecr.set_repository_policy(repositoryName=name, policyText=written)
        asked = {"repositoryName": name, "policyText": written, "force": False}
        return api_call(account, "ecr", "SetRepositoryPolicy", asked)

    return by_policy(
        f"repository {name}",
        "the partner may pull images",
        lambda: str(ecr.get_repository_policy(repositoryName=name)["policyText"]),
        strike,
    )


OPEN_REPOSITORY = Scenario(
    "public-repository",
    "ecr.public-policy",
    "lets everybody pull the shop's images",
    _open_repository,
)
