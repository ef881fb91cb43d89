"""Scenarios of unusual conduct: the guard reads what is remembered of it, and people are asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from driftguard.conduct.memory import day_of
from driftguard.conduct.telling import event_of
from driftguard.conduct.unusual import Sent, Unusual
from driftguard.documents import stamp
from driftguard.events.cloudtrail import change_from_event
from driftguard.model import Actor, Change, Place
from driftguard.state.keys import conduct_key
from tests.scenarios.containment import (
    make_role,
    make_user,
    two_roles,
    two_users,
    whenever_denied,
    with_sessions_denied,
    with_user_denied,
)
from tests.scenarios.model import ACCOUNT, Scenario, Staged

CONTROL = "containment.unusual-conduct"
HERE = Place(ACCOUNT, "us-east-1")
REASONS = (
    "from the new network 198.51.100.0/24",
    "first use of secretsmanager",
    "32 or more different reads within ten minutes",
)


def unusual(actor: Actor, id_: str, *, score: int = 72, asked: bool = True) -> Unusual:
    """What is remembered of a principal whose conduct is unusual today."""
    now = datetime.now(UTC)
    keys = ("network:198.51.100.0/24", "service:secretsmanager", "reads:32")
    shown = Unusual(day_of(now), stamp(now), score, REASONS, actor, id_, keys)
    # The watcher has told the guard of it.
    return shown._replace(sent=(Sent(shown.band, actor, done=True),)) if asked else shown


def remembered(shown: Unusual) -> dict[str, Any]:
    """The record that holds it."""
    return {"who": shown.actor.principal, "unusual": [shown.as_document()]}


def told(shown: Unusual) -> Change:
    """The event that the guard gets about it."""
    _, record = conduct_key(HERE, ACCOUNT, shown.actor.principal)
    return change_from_event(event_of(shown, record, HERE))


def of_role(name: str = "web") -> Actor:
    """A session of a role, by an unknown address."""
    return Actor(
        f"arn:aws:iam::{ACCOUNT}:role/shop/{name}",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/i-0abcdef1234567890",
        "AssumedRole",
        ACCOUNT,
        "198.51.100.7",
        "aws-cli/2.17.0",
    )


def role() -> Staged:
    """Sessions of a role do what they never did; the role's own policy is let alone."""
    shown = unusual(of_role(), make_role())
    make_role("worker")

    return Staged(
        lambda: told(shown),
        two_roles,
        with_sessions_denied,
        whenever_denied,
        conduct=remembered(shown),
    )


def user() -> Staged:
    """A user does what they never did; their keys stay as they are, and can do nothing."""
    made = make_user("deploy")
    make_user("backup")
    actor = Actor(made["Arn"], made["Arn"], "IAMUser", ACCOUNT, "198.51.100.7", "Boto3/1.35.0")
    shown = unusual(actor, made["UserId"])
    return Staged(lambda: told(shown), two_users, with_user_denied, conduct=remembered(shown))


SCENARIOS = (
    Scenario(CONTROL, role, asked=True),
    Scenario(CONTROL, user, "user", asked=True),
)
