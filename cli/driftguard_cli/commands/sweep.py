"""`driftguard sweep`: lists what is risky now in the account and region of the AWS environment.

It reads with the caller's own rights what the controls can list, and judges as the guard would
without a change. It needs no stack; but where there is one that the caller may read, what people
exempted and accepted there, and its baselines, count as they do for the guard. It records and
changes nothing.
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

from driftguard import controls
from driftguard.aws.calls import AwsError, told_apart
from driftguard.aws.client import Aws, Reader, Surroundings
from driftguard.controls.control import AnyControl
from driftguard.documents import stamp
from driftguard.engine import sweep_finding
from driftguard.engine.case import Case
from driftguard.engine.guard import Guard
from driftguard.model import Actor, Candidate, Certainty, Resource
from driftguard.policy.model import Policy
from driftguard.state.exemptions import given_exemptions
from driftguard.state.keys import ALL, StateRecords, exemptions_key
from driftguard.sweep.look import listed

from ..aws_options import needed_region, on_aws
from ..errors import Misuse, Trouble
from ..policy_file.at_hand import PolicyAtHand, PolicyOption
from ..policy_file.schema.names import nearest
from ..rows import Rows, severity_in_words
from ..stack import JsonOption, Stack
from ..terminal import Console
from .explain.looking import guard_of

console = Console(highlight=False)

_USUAL_STACK = "driftguard"


@dataclass(frozen=True, slots=True)
class Found:
    """A risky resource. `exempt` says until when it is exempted, "" if it is not.

    `accepted` is the decision by which people let this very state stand; "" if none did.
    `own_severity` is the finding's own (0 to 100), where it is less than the control's.
    """

    control: AnyControl
    resource: Resource
    finding: str
    exempt: str = ""
    own_severity: int | None = None
    accepted: str = ""

    @property
    def severity(self) -> int:
        """How severe it is, 0 to 100."""
        return self.control.severity if self.own_severity is None else self.own_severity


@dataclass(slots=True)
class Survey:
    """The result of a sweep: how many resources it read, the risky ones, and failed reads."""

    looked_at: int = 0
    found: list[Found] = field(default_factory=list)
    failed: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def flagged(self) -> list[Found]:
        """What people have neither exempted nor accepted."""
        return [found for found in self.found if not (found.exempt or found.accepted)]


@dataclass(frozen=True, slots=True)
class StackAtHand:
    """A stack's guard, with the caller's own rights; None where there is none to read.

    `told` says in a sentence what that means for the result.
    """

    guard: Guard | None
    told: str

    @classmethod
    def found(cls, name: str, policy: Policy, region: str) -> StackAtHand:
        """The stack of this name, which must be there; "" for the usual one, if it is there."""
        wanted, alone = name or _USUAL_STACK, "Only the policy's exemptions count, and nothing is"
        try:
            deployed = Stack.named(wanted)
            guard = guard_of(deployed, policy, deployed.advisories or "")
            # Whoever may not read what is remembered hears so before anything is looked at.
            guard.state.recall(exemptions_key(guard.state.place, ALL))
        except AwsError as error:
            return cls(None, f"{alone} compared with a baseline: the stack was not read: {error}.")
        except Trouble:
            if name:
                raise
            return cls(None, f"{alone} compared with a baseline: no stack `{wanted}` in {region}.")
        return cls(guard, f"Stack {wanted}: its exemptions, baselines and accepted states count.")


@on_aws
def sweep(
    control: Annotated[
        list[str] | None,
        typer.Option(metavar="CONTROL", help="Only these controls; * and ? match. Repeatable."),
    ] = None,
    policy: PolicyOption = None,
    as_json: JsonOption = False,
    stack: Annotated[
        str,
        typer.Option(
            envvar="DRIFTGUARD_STACK",
            help="The stack whose exemptions and baselines count; if not given, `driftguard`, "
            "where there is one.",
        ),
    ] = "",
) -> None:
    """List what is risky now in this account and region, read with your own rights; change nothing.

    Needs no stack. Where there is one that you may read, what people exempted
    or accepted there counts, and so do its baselines; the last line says
    whether they did.

    Exits 1 if something is risky, neither exempt nor accepted; 2 if nothing is,
    but something could not be read.
    """
    chosen = chosen_of(control or ["*"])
    at_hand = PolicyAtHand.found(policy)
    where = needed_region()
    aws = reading()
    account = account_of(aws, where)
    deployed = StackAtHand.found(stack, at_hand.policy, where)
    survey = Survey()
    with Console(stderr=True).status("sweeping") as status:
        for chosen_control in chosen:
            status.update(f"sweeping: {chosen_control.id}, {survey.looked_at} looked at")
            reader = aws.reader(account, where)
            look(survey, chosen_control, reader, at_hand.policy, deployed.guard)
    if as_json:
        told = _told(survey, account, where, at_hand.origin)
        stack_read = deployed.guard is not None
        typer.echo(json.dumps({**told, "stack": deployed.told, "stack_read": stack_read}, indent=2))
    else:
        _show(survey, len(chosen), at_hand.origin, deployed.told)
    if survey.flagged:
        raise typer.Exit(1)
    if survey.failed:
        raise typer.Exit(2)


def reading() -> Aws:
    """Return what reads for a sweep, with the rights of whoever runs it."""
    # Secrets are told apart by salted fingerprints; these are compared only with each other.
    salt = os.urandom(32)
    return Aws(surroundings=Surroundings(salt=lambda _: salt))


def account_of(aws: Aws, region: str) -> str:
    """Return the account whose credentials these are."""
    with told_apart("sts", "GetCallerIdentity"):
        return str(aws.client("sts", region).get_caller_identity()["Account"])


def chosen_of(patterns: Sequence[str]) -> list[AnyControl]:
    """The controls that can be swept, of these names, the most severe first."""
    every = [control for control in controls.every() if control.swept]
    for pattern in patterns:
        if not any(fnmatchcase(control.id, pattern) for control in every):
            known = controls.is_known(pattern)
            near = "" if known else nearest(pattern, [control.id for control in every])
            why = "cannot be swept" if known else f"is no control{near}"
            raise Misuse(f"`{pattern}` {why}; docs/controls.md says which are swept.")
    named = (
        control
        for control in every
        if any(fnmatchcase(control.id, pattern) for pattern in patterns)
    )
    return sorted(named, key=lambda control: (-control.severity, control.id))


def look(
    survey: Survey,
    control: AnyControl,
    reader: Reader,
    policy: Policy,
    guard: Guard | None = None,
) -> None:
    """Looks at all that one control can list, beside what a stack's guard remembers, if given.

    A resource that fails is named, and does not keep the others from being looked at.
    """
    try:
        found = listed(guard, control, reader.region) if guard else control.inventory(reader)
        for resource in found:
            survey.looked_at += 1
            try:
                if guard is None:
                    survey.found += _judged(control, resource, reader, policy)
                else:
                    survey.found += judged_beside(guard, control, resource)
            except Exception as error:  # noqa: BLE001 - one resource is not all of them
                survey.failed.append((control.id, resource.arn, _why(error)))
    except Exception as error:  # noqa: BLE001 - one service that cannot be listed is not all
        survey.failed.append((control.id, "", _why(error)))


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, AwsError) else f"{type(error).__name__}: {error}"


def _judged(
    control: AnyControl, resource: Resource, reader: Reader, policy: Policy
) -> Iterator[Found]:
    state = control.observe(Candidate(resource, Certainty.POSSIBLE), reader)
    # A resource that is not there may never have existed: only a baseline would tell.
    if state is None or (control.vanishing and state.get("exists") is False):
        return
    finding = control.assess(state, None, policy.settings_of(control.id, control.settings))
    if finding is not None:
        now, unattributed = stamp(datetime.now(UTC)), Actor.unattributed()
        until = [
            exemption.until
            for exemption in policy.exemptions
            if exemption.covers(control.id, resource, now, unattributed)
        ]
        exempt = max(until, default="")
        yield Found(control, resource, finding.summary, exempt, finding.severity)


def judged_beside(guard: Guard, control: AnyControl, resource: Resource) -> Iterator[Found]:
    """What is risky about a resource beside what the guard remembers of it. Writes nothing."""
    settings = guard.policy.settings_of(control.id, control.settings)
    candidate, nothing = Candidate(resource, Certainty.POSSIBLE), StateRecords(guard.state.place)
    case = Case(guard, control, settings, candidate, False, nothing).recalled()
    _, assessment = sweep_finding.look(case)
    if assessment is None:
        return
    exemptions = (*guard.policy.exemptions, *given_exemptions(control.id, case.remembered))
    tags = case.tags_that_count()
    until = [
        exemption.until
        for exemption in exemptions
        if exemption.covers(control.id, resource, case.now(), Actor.unattributed(), tags)
    ]
    standing = None if until else sweep_finding.accepted(case, assessment)
    yield Found(
        control,
        resource,
        assessment.finding.summary,
        max(until, default=""),
        assessment.finding.severity,
        standing.id if standing else "",
    )


def _told(survey: Survey, account: str, region: str, policy: str) -> dict[str, object]:
    return {
        "account": account,
        "region": region,
        "policy": policy,
        "looked_at": survey.looked_at,
        "found": [
            {
                "control": found.control.id,
                "title": found.control.title,
                "severity": found.severity,
                "resource": found.resource.arn,
                "risk": found.finding,
                "exempt_until": found.exempt,
                "accepted_by": found.accepted,
            }
            for found in survey.found
        ],
        "failed": [
            {"control": control, "resource": resource, "why": why}
            for control, resource, why in survey.failed
        ],
    }


def _show(survey: Survey, swept: int, policy: str, stack: str) -> None:
    if survey.found:
        console.print(_rows(survey.found))
    for control, resource, why in survey.failed:
        console.print(f"not read: {control} {resource} {why}", markup=False)
    exempt = sum(1 for found in survey.found if found.exempt)
    accepted = len(survey.found) - len(survey.flagged) - exempt
    counts = f"{len(survey.flagged)} risky" + (f", {exempt} exempt" if exempt else "")
    counts += f", {accepted} accepted" if accepted else ""
    console.print(
        f"{counts}, of {survey.looked_at} looked at by {swept} controls. Policy: {policy}.",
        markup=False,
    )
    console.print(stack, markup=False)


def _standing(found: Found) -> str:
    if found.exempt:
        return f"exempt until {found.exempt[:10]}: "
    return f"accepted by {found.accepted}: " if found.accepted else ""


def _rows(found: Sequence[Found]) -> Rows:
    rows = Rows(
        *("severity", "control", "resource", "risk"),
        heading=("severity", "control"),
        whole=("severity", "control"),
    )
    for one in found:
        rows.add(
            severity_in_words(one.severity),
            one.control.id,
            one.resource.arn,
            f"{_standing(one)}{one.finding}",
            style="dim" if one.exempt or one.accepted else "",
        )
    return rows
