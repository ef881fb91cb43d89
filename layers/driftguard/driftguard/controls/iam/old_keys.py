"""IAM: access keys that have been in use for longer than policy allows.

Sources: IAM User Guide, "Update access keys"; AWS Security Hub User Guide, "AWS Identity and Access
Management controls" (IAM.3: 90 days).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan, Resource

from ..control import NOTHING, Control, References, Trigger
from .principals import GONE, IAM, found, own_name, principal


@dataclass(frozen=True, slots=True)
class AgeSettings:
    """Keys older than `max_age_days` are asked about; with 0, none is looked at."""

    max_age_days: int = 90


class OldKey(Control[AgeSettings]):
    """A user has an access key that should have been rotated long ago."""

    id = "iam.old-key"
    title = "Access key older than policy allows"
    severity = 40
    references = References(security_hub=("IAM.3",), attack=("T1078.004",))
    triggers = (Trigger(IAM, "CreateAccessKey"), Trigger(IAM, "UpdateAccessKey"))
    reads = ("iam:GetUser", "iam:ListAccessKeys", "iam:ListUsers")
    writes: Mapping[str, tuple[str, ...]] = {}
    cuts = NOTHING
    revert = "What still uses the key would stop: it is for people to rotate."
    # How old a key is depends on the day.
    volatile = frozenset({"today"})
    settings = AgeSettings

    def screen(self, change: Change, settings: AgeSettings) -> Iterable[Candidate]:
        made = mapping(change.response, "accessKey")
        user = text(change.request, "userName") or text(made, "userName") or own_name(change)
        off = text(change.request, "status") == "Inactive"
        if user and settings.max_age_days > 0 and not off:
            yield Candidate(principal(change, "User", user), Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        user = candidate.resource.id
        if reader.read("iam", "GetUser", UserName=user, absent=GONE) is None:
            return None
        keys = [
            (text(key, "AccessKeyId"), text(key, "Status"), text(key, "CreateDate")[:10])
            for key in map(
                document, reader.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=user)
            )
        ]
        return {
            "user": user,
            "keys": [
                {"id": id_, "status": status, "made": made} for id_, status, made in sorted(keys)
            ],
            "today": f"{datetime.now(UTC):%Y-%m-%d}",
        }

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        """The users: a key grows old without any event."""
        for user in reader.pages("iam", "ListUsers", "Users"):
            name = text(document(user), "UserName")
            yield found(reader, "iam.user", name, f"user/{name}")

    def assess(
        self, state: Document, baseline: Document | None, settings: AgeSettings
    ) -> Finding | None:
        old = {text(key, "id"): days for key in _working(state) if (days := _days(key, state))}
        over = {id_: days for id_, days in old.items() if days > settings.max_age_days > 0}
        if not over:
            return None
        in_words = ", ".join(f"{id_} ({days} days)" for id_, days in over.items())
        allowed = f"policy allows {settings.max_age_days} days"
        return Finding(
            f"access keys of {state['user']} are too old: {in_words}; {allowed}", tuple(over)
        )

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: AgeSettings,
    ) -> Plan:
        return Plan(
            (),
            advice="Make a new key, give it to what uses the old one, deactivate the old one, and "
            "delete it once nothing has missed it. Better still, use a role.",
        )


def _working(state: Document) -> list[Document]:
    return [item for item in items(state["keys"]) if item["status"] == "Active"]


def _days(key: Document, state: Document) -> int:
    """The age of the key in days; 0 if its date cannot be read."""
    made, today = text(key, "made"), text(state, "today")
    try:
        return (date.fromisoformat(today) - date.fromisoformat(made)).days
    except ValueError:
        return 0


CONTROLS = (OldKey(),)
