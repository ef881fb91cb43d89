"""Keys about people: who they are, how approval requests are put to them, what Slack gets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from .values import Length, Strict


class TimeoutAction(StrEnum):
    """leave: the change stands. revert: it is reverted. escalate: others are asked, once."""

    LEAVE = "leave"
    REVERT = "revert"
    ESCALATE = "escalate"


def _not_reserved(name: str) -> str:
    if name in ("link", "guard", "timeout"):
        raise ValueError(f"`{name}` is reserved in the record; choose another name")
    return name


def _is_arn(pattern: str) -> str:
    if not pattern.startswith("arn:") or pattern.count(":") < 5:
        raise ValueError(
            f"`{pattern}` is no ARN; write one like arn:aws:iam::123456789012:role/NAME, or "
            "arn:aws:sts::123456789012:assumed-role/ROLE/SESSION for one session of a role"
        )
    return pattern


class PersonEntry(Strict):
    """One person, with every identity that the channels know them by."""

    name: Annotated[str, Field(min_length=1), AfterValidator(_not_reserved)]
    slack: Annotated[tuple[str, ...], Field(description="Slack member ids: U…")] = ()
    iam: Annotated[
        tuple[Annotated[str, AfterValidator(_is_arn)], ...],
        Field(description="ARNs of users, roles, role sessions; * and ? match."),
    ] = ()
    email: tuple[str, ...] = ()


class TermsEntry(Strict):
    """How an approval request is put to people."""

    quorum: Annotated[int, Field(ge=1, description="How many people must agree.")] = 1
    expires: Annotated[Length, Field(description="How long an approval request is open.")] = "86400"
    timeout_action: Annotated[
        TimeoutAction, Field(description="What happens when nobody votes.")
    ] = TimeoutAction.LEAVE
    approvers: Annotated[
        tuple[str, ...], Field(description="Names from `people`; none means everybody there.")
    ] = ()


class RuleEntry(TermsEntry):
    """Terms for some decisions; the first rule that matches counts."""

    controls: tuple[str, ...] = ("*",)
    min_severity: Annotated[int, Field(ge=0, le=100)] = 0


class ApprovalsEntry(TermsEntry):
    """The terms of every approval request, and rules for some of them."""

    rules: tuple[RuleEntry, ...] = ()


class RouteEntry(Strict):
    """A Slack channel and which decisions it gets; the first route that matches counts."""

    channel: Annotated[str, Field(description="A channel's id: C…")]
    accounts: tuple[str, ...] = ("*",)
    controls: tuple[str, ...] = ("*",)
    min_severity: Annotated[int, Field(ge=0, le=100)] = 0


class NotificationsEntry(Strict):
    """How much people are told that asks nothing of them."""

    a_day: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            description="So many decisions a day and channel are told one by one that were only "
            "observed; the rest is told in digests. Reverts and approval requests do not count.",
        ),
    ] = 50
    min_severity: Annotated[
        int,
        Field(
            ge=0, le=100, description="What was only observed and is less severe waits for digests."
        ),
    ] = 30


class SlackEntry(Strict):
    """Which Slack channels get which decisions."""

    routes: tuple[RouteEntry, ...] = ()
    digest_over: Annotated[
        int, Field(ge=1, description="More decisions a minute than this become one message.")
    ] = 10
