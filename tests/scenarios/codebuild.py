"""Scenarios of the codebuild controls."""

from __future__ import annotations

from typing import Any

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

PROJECT = f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/work"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/shows-builds"


def shown() -> Staged:
    project: dict[str, Any] = {
        "name": "work",
        "arn": PROJECT,
        "projectVisibility": "PRIVATE",
        "resourceAccessRole": ROLE,
    }

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        project.update({k: v for k, v in asked.items() if k != "projectArn"})
        return {"projectArn": PROJECT, "projectVisibility": project["projectVisibility"]}

    def attack() -> Change:
        asked = {
            "projectArn": PROJECT,
            "projectVisibility": "PUBLIC_READ",
            "resourceAccessRole": ROLE,
        }
        put(asked)
        return change("codebuild.amazonaws.com", "UpdateProjectVisibility", asked)

    return Staged(
        attack,
        lambda: dict(project),
        fakes={
            ("codebuild", "ListProjects"): lambda _: {"projects": ["work"]},
            ("codebuild", "BatchGetProjects"): lambda asked: {"projects": [dict(project)]},
            ("codebuild", "UpdateProjectVisibility"): put,
        },
        baseline=True,
    )


SCENARIOS = (Scenario("codebuild.public", shown),)
