"""Reads what a report is made of: sweeps accounts and regions, and reads a stack's record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from driftguard import controls
from driftguard.approvals.contained import contained
from driftguard.audit import AuditTable
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.aws.calls import told_apart
from driftguard.aws.client import Aws
from driftguard.controls.control import AnyControl
from driftguard.documents import stamp
from driftguard.model import Decision, Status

from ...aws_options import working_in
from ...policy_file.at_hand import PolicyAtHand
from ...stack import Stack
from ..exempt import Listed, given_in, written_in
from ..sweep import Survey, account_of, look, reading
from ..trust import rows_in
from .model import Decided, Recorded, Swept, Unread, each_once, risk_of

_REVERTED = frozenset({Status.REVERTED, Status.UNDOING, Status.UNDONE})

# What is told while it goes on: a line for people.
Telling = Callable[[str], None]


def swept(
    chosen: Sequence[AnyControl],
    profiles: Sequence[str],
    regions: Callable[[Aws], Sequence[str]],
    at_hand: PolicyAtHand,
    telling: Telling,
) -> Swept:
    """Sweeps the regions of each profile's account; "" is the profile in force.

    IAM is of no region: it is looked at in an account's first region only.
    """
    places, risks, unread, count = [], [], [], 0
    for profile in profiles:
        with working_in(profile=profile):
            aws = reading()
            for number, region in enumerate(regions(aws)):
                account = account_of(aws, region)
                places.append((account, region))
                survey = Survey()
                for control in chosen:
                    if number and control.id.startswith("iam."):
                        continue
                    telling(
                        f"{account}, {region}: {control.id}, {count + survey.looked_at} looked at"
                    )
                    look(survey, control, aws.reader(account, region), at_hand.policy)
                count += survey.looked_at
                risks += [risk_of(found) for found in survey.found]
                unread += [Unread(account, region, *failed) for failed in survey.failed]
    return Swept(
        places=tuple(dict.fromkeys(places)),
        controls=tuple(control.id for control in chosen),
        looked_at=count,
        risks=each_once(risks),
        unread=tuple(unread),
    )


def enabled_regions(aws: Aws) -> list[str]:
    """Every region that the account has enabled, by name.

    Source: Amazon EC2 API Reference, "DescribeRegions": without `AllRegions`, those that are
    disabled for the account are left out.
    """
    with told_apart("ec2", "DescribeRegions"):
        answer = aws.client("ec2").describe_regions()
    return sorted(region["RegionName"] for region in answer["Regions"])


def recorded(
    stack: Stack, filters: Filters, at_hand: PolicyAtHand, now: datetime, telling: Telling
) -> Recorded:
    """Reads a stack's decisions of a period, what its controls have earned, and its exemptions."""
    state = stack.state
    return Recorded(
        stack=stack.name,
        account=stack.account,
        region=stack.region,
        since=filters.since,
        until=filters.until,
        decided=tuple(_decided(stack.audit, filters, telling)),
        trust=tuple(rows_in(state, at_hand.policy, now)),
        exemptions=in_force(given_in(state, [known.id for known in controls.every()]), now),
        contained=tuple(contained(Finder(stack.audit, Usage()))),
    )


def _decided(audit: AuditTable, filters: Filters, telling: Telling) -> Iterator[Decided]:
    found = Finder(audit, Usage()).decisions(filters, plan(filters))
    for number, decision in enumerate(found, start=1):
        telling(f"{number} decisions read")
        yield Decided(decision, _reverted_at(audit, decision))


def _reverted_at(audit: AuditTable, decision: Decision) -> str:
    if decision.status not in _REVERTED:
        return ""
    verified = (entry.at for entry in audit.log(decision.id) if entry.event == Status.REVERTED)
    return next(verified, "")


def in_force(listed: Iterator[Listed], now: datetime) -> tuple[Listed, ...]:
    """Those exemptions that have not ended."""
    at = stamp(now)
    return tuple(one for one in listed if one.exemption.until > at)


def of_the_policy(at_hand: PolicyAtHand, now: datetime) -> tuple[Listed, ...]:
    """The exemptions of the policy at hand that have not ended."""
    return in_force(written_in(at_hand, [known.id for known in controls.every()]), now)
