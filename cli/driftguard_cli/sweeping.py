"""`driftguard sweep`: what is risky now in the account and region that the environment points at.

It needs no stack: it reads with the caller's own rights what the controls can list, and judges it
as the guard would that knows of no change and no baseline. It records and changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from driftguard import controls
from driftguard.aws import Aws, AwsError, Reader, Surroundings, told_apart
from driftguard.controls.control import AnyControl
from driftguard.model import Actor, Certainty, Resource, Suspect, stamp
from driftguard.policy import Policy

from .policy_at_hand import PolicyAtHand, PolicyOption
from .stack import JsonOption
from .trouble import Trouble

console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Found:
    """Something risky. `exempt` says until when policy lets it be, "" where it does not."""

    control: AnyControl
    resource: Resource
    risk: str
    exempt: str = ""


@dataclass(slots=True)
class Survey:
    """What a sweep came across: so many looked at, what is risky, and what could not be read."""

    looked_at: int = 0
    found: list[Found] = field(default_factory=list)
    failed: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def minded(self) -> list[Found]:
        """What no exemption covers."""
        return [one for one in self.found if not one.exempt]


def sweep(
    control: Annotated[
        list[str] | None,
        typer.Option(metavar="CONTROL", help="Only these controls; * and ? match. Repeatable."),
    ] = None,
    region: Annotated[str, typer.Option(help="Else the environment's.")] = "",
    policy: PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is risky now in this account and region, read with your own rights; changes nothing.

    Needs no stack. Exits 1 if something is risky and not exempt; 2 if nothing is, but something
    could not be read.
    """
    chosen = _chosen(control or ["*"])
    at_hand = PolicyAtHand.found(policy)
    where = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not where:
        raise Trouble("No region is set. Name one with --region, or set AWS_REGION.")
    # Secrets are told apart by salted fingerprints, and these are compared with nobody's.
    salt = os.urandom(32)
    aws = Aws(surroundings=Surroundings(salt=lambda _: salt))
    with told_apart("sts", "GetCallerIdentity"):
        account = str(aws.client("sts", where).get_caller_identity()["Account"])
    survey = Survey()
    with Console(stderr=True).status("sweeping") as status:
        for one in chosen:
            status.update(f"sweeping: {one.id}, {survey.looked_at} looked at")
            _look(survey, one, aws.reader(account, where), at_hand.policy)
    if as_json:
        typer.echo(json.dumps(_told(survey, account, where, at_hand.origin), indent=2))
    else:
        _show(survey, len(chosen), at_hand.origin)
    if survey.minded:
        raise typer.Exit(1)
    if survey.failed:
        raise typer.Exit(2)


def _chosen(patterns: Sequence[str]) -> list[AnyControl]:
    """The controls that can be swept, of these names, the most severe first."""
    every = [one for one in controls.every() if one.swept]
    for pattern in patterns:
        if not any(fnmatchcase(one.id, pattern) for one in every):
            why = "cannot be swept" if controls.is_known(pattern) else "is no control"
            raise Trouble(f"`{pattern}` {why}; docs/controls.md says which are swept.")
    named = (one for one in every if any(fnmatchcase(one.id, each) for each in patterns))
    return sorted(named, key=lambda one: (-one.severity, one.id))


def _look(survey: Survey, control: AnyControl, reader: Reader, policy: Policy) -> None:
    """Looks at all that one control can list."""
    try:
        for resource in control.inventory(reader):
            survey.looked_at += 1
            try:
                survey.found += _judged(control, resource, reader, policy)
            except AwsError as error:
                survey.failed.append((control.id, resource.arn, str(error)))
    except AwsError as error:
        survey.failed.append((control.id, "", str(error)))


def _judged(
    control: AnyControl, resource: Resource, reader: Reader, policy: Policy
) -> Iterator[Found]:
    state = control.observe(Suspect(resource, Certainty.POSSIBLE), reader)
    # What is not there may never have been: only a baseline would tell.
    if state is None or (control.vanishing and state.get("exists") is False):
        return
    risk = control.assess(state, None, policy.settings_of(control.id, control.settings))
    if risk is not None:
        now, nobody = stamp(datetime.now(UTC)), Actor.nobody()
        until = [
            one.until for one in policy.exemptions if one.covers(control.id, resource, now, nobody)
        ]
        yield Found(control, resource, risk.summary, max(until, default=""))


def _told(survey: Survey, account: str, region: str, policy: str) -> dict[str, object]:
    return {
        "account": account,
        "region": region,
        "policy": policy,
        "looked_at": survey.looked_at,
        "found": [
            {
                "control": one.control.id,
                "title": one.control.title,
                "severity": one.control.severity,
                "resource": one.resource.arn,
                "risk": one.risk,
                "exempt_until": one.exempt,
            }
            for one in survey.found
        ],
        "failed": [
            {"control": control, "resource": resource, "why": why}
            for control, resource, why in survey.failed
        ],
    }


def _show(survey: Survey, swept: int, policy: str) -> None:
    table = Table(box=None, header_style="bold")
    for column in ("severity", "control", "resource", "risk"):
        table.add_column(column, overflow="fold")
    for one in survey.found:
        risk = f"exempt until {one.exempt[:10]}: {one.risk}" if one.exempt else one.risk
        cells = (str(one.control.severity), one.control.id, one.resource.arn, risk)
        table.add_row(*(Text(cell) for cell in cells), style="dim" if one.exempt else "")
    if survey.found:
        console.print(table)
    for control, resource, why in survey.failed:
        console.print(f"not read: {control} {resource} {why}", markup=False)
    minded, exempt = len(survey.minded), len(survey.found) - len(survey.minded)
    told = f"{minded} risky" + (f", {exempt} exempt" if exempt else "")
    console.print(
        f"{told}, of {survey.looked_at} looked at by {swept} controls. Policy: {policy}.",
        markup=False,
    )
