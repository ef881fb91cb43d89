"""What a report is made of: plain values, read by `gathering`, counted by `figures`.

Times are ISO 8601 in UTC; severities are 0 to 100.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from driftguard.approvals.act import CONTROL as OPERATOR
from driftguard.model import Actor, Decision, Resource

from ..exempt import Listed
from ..sweep import Found
from ..trust import Row
from .compliance import Cis, Requirement, cis_of, nist_of


@dataclass(frozen=True, slots=True)
class Risk:
    """A resource that the sweep found risky. `exempt` is until when it is exempted, or ""."""

    control: str
    title: str
    severity: int
    resource: Resource
    summary: str
    exempt: str = ""
    security_hub: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        """The service as control ids begin: `s3`."""
        return service_of(self.control)

    @property
    def cis(self) -> Cis:
        """The CIS requirements that it is about."""
        return cis_of(self.security_hub)

    @property
    def nist(self) -> tuple[str, ...]:
        """The requirements of NIST SP 800-53 rev. 5 that it is about."""
        return nist_of(self.security_hub)


@dataclass(frozen=True, slots=True)
class Unread:
    """What the sweep could not read, and why; without a resource, a control could not list any."""

    account: str
    region: str
    control: str
    resource: str
    why: str


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep of one or several accounts and regions found; each risk once."""

    places: tuple[tuple[str, str], ...]
    controls: tuple[str, ...]
    looked_at: int
    risks: tuple[Risk, ...]
    unread: tuple[Unread, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, and when its first revert was verified; "" if it was not reverted.

    The time comes from the decision's log: an undo that is refused later moves `updated`.
    """

    decision: Decision
    reverted: str = ""

    @property
    def asked(self) -> bool:
        """Whether people were asked about it: only then there is a deadline."""
        return bool(self.decision.expires)

    @property
    def by_an_operator(self) -> bool:
        """Whether it is an act on the guard itself, and about no change."""
        return self.decision.control == OPERATOR


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a stack recorded: the decisions of a period, both days included, and what it knows now.

    `exemptions` are those in force, given at run time; `contained` is what is contained now,
    whenever that was decided.
    """

    stack: str
    account: str
    region: str
    since: str
    until: str
    decided: tuple[Decided, ...]
    trust: tuple[Row, ...]
    exemptions: tuple[Listed, ...] = ()
    contained: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All that one report says. `swept` or `recorded` is None where it was not read.

    `why_no_record` says why there is no record; `exemptions` are all in force; `requirements` is
    what the controls of this version are about.
    """

    made: str
    policy: str
    swept: Swept | None
    recorded: Recorded | None
    why_no_record: str = ""
    exemptions: tuple[Listed, ...] = ()
    requirements: tuple[Requirement, ...] = ()

    @property
    def risks(self) -> tuple[Risk, ...]:
        """What is risky now and not exempted, the most severe first."""
        return tuple(risk for risk in self._found if not risk.exempt)

    @property
    def exempted(self) -> tuple[Risk, ...]:
        """What is risky now and exempted."""
        return tuple(risk for risk in self._found if risk.exempt)

    @property
    def _found(self) -> list[Risk]:
        found = self.swept.risks if self.swept else ()
        return sorted(found, key=lambda risk: (-risk.severity, risk.control, risk.resource.arn))

    @property
    def decisions(self) -> tuple[Decided, ...]:
        """The decisions about changes, newest first."""
        return tuple(one for one in self._decided if not one.by_an_operator)

    @property
    def acts(self) -> tuple[Decided, ...]:
        """The operators' acts, newest first."""
        return tuple(one for one in self._decided if one.by_an_operator)

    def security_hub_of(self, control: str) -> tuple[str, ...]:
        """Security Hub's controls for a control; none for one that this version does not have."""
        return tuple(one.security_hub for one in self.requirements if control in one.controls)

    @property
    def _decided(self) -> list[Decided]:
        decided = self.recorded.decided if self.recorded else ()
        return sorted(decided, key=lambda one: one.decision.decided, reverse=True)


def service_of(control: str) -> str:
    """The service that a control belongs to, as its id begins."""
    return control.partition(".")[0]


def risk_of(found: Found) -> Risk:
    """What the sweep found, as a report says it."""
    return Risk(
        control=found.control.id,
        title=found.control.title,
        severity=found.severity,
        resource=found.resource,
        summary=found.finding,
        exempt=found.exempt,
        security_hub=found.control.references.security_hub,
    )


def with_exemptions(swept: Swept, recorded: Recorded) -> Swept:
    """Return what was swept, exempted where people exempted it at run time.

    A stack's exemptions hold in its own account and region, and for what is of no region.
    """
    return replace(swept, risks=tuple(_with_exemptions(risk, recorded) for risk in swept.risks))


def _with_exemptions(risk: Risk, recorded: Recorded) -> Risk:
    resource = risk.resource
    if resource.account != recorded.account or resource.region not in ("", recorded.region):
        return risk
    until = [
        listed.exemption.until
        for listed in recorded.exemptions
        if listed.exemption.covers(risk.control, resource, "", Actor.unattributed())
    ]
    return replace(risk, exempt=max((risk.exempt, *until)))


def each_once(risks: Iterable[Risk]) -> tuple[Risk, ...]:
    """Each control and resource once: what is of no region is listed in every one."""
    return tuple({(risk.control, risk.resource.arn): risk for risk in risks}.values())
