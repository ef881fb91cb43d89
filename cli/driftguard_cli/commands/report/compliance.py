"""Maps what Driftguard's controls see to the requirements of compliance frameworks.

A control names Security Hub's controls for the same risk (`references`); the CIS requirement
follows from AWS's own table, those of NIST SP 800-53 from the pages of its controls (`nist.py`).

Source: AWS Security Hub User Guide, "CIS AWS Foundations Benchmark in Security Hub CSPM", section
"Mapping of controls to CIS requirements in each version".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from driftguard.controls.control import AnyControl

from . import nist


class Cis(NamedTuple):
    """The requirements of the CIS AWS Foundations Benchmark, by version; empty where none."""

    v3: tuple[str, ...]
    v5: tuple[str, ...]


# Of the ports 22 and 3389 the table says which requirements replace the two controls.
_REMOTE_ADMINISTRATION = Cis(v3=("5.2", "5.3"), v5=("5.3", "5.4"))

CIS: dict[str, Cis] = {
    "Account.1": Cis(("1.2",), ("1.2",)),
    "CloudTrail.1": Cis(("3.1",), ("3.1",)),
    "CloudTrail.2": Cis(("3.5",), ("3.5",)),
    "CloudTrail.4": Cis(("3.2",), ("3.2",)),
    "CloudTrail.7": Cis(("3.4",), ("3.4",)),
    "Config.1": Cis(("3.3",), ("3.3",)),
    "EC2.2": Cis(("5.4",), ("5.5",)),
    "EC2.6": Cis(("3.7",), ("3.7",)),
    "EC2.7": Cis(("2.2.1",), ("5.1.1",)),
    "EC2.8": Cis(("5.6",), ("5.7",)),
    "EC2.13": _REMOTE_ADMINISTRATION,
    "EC2.14": _REMOTE_ADMINISTRATION,
    "EC2.21": Cis(("5.1",), ("5.2",)),
    "IAM.2": Cis(("1.15",), ("1.14",)),
    "IAM.3": Cis(("1.14",), ("1.13",)),
    "IAM.4": Cis(("1.4",), ("1.3",)),
    "IAM.5": Cis(("1.10",), ("1.9",)),
    "IAM.15": Cis(("1.8",), ("1.7",)),
    "IAM.28": Cis(("1.20",), ("1.19",)),
    "KMS.4": Cis(("3.6",), ("3.6",)),
    "RDS.2": Cis(("2.3.3",), ("2.2.3",)),
    "RDS.3": Cis(("2.3.1",), ("2.2.1",)),
    "S3.1": Cis(("2.1.4",), ("2.1.4",)),
    "S3.5": Cis(("2.1.1",), ("2.1.1",)),
    "S3.8": Cis(("2.1.4",), ("2.1.4",)),
}

NONE = Cis((), ())


def cis_of(security_hub: Iterable[str]) -> Cis:
    """Return the CIS requirements that these Security Hub controls check, each once, in order."""
    found = [CIS.get(name, NONE) for name in security_hub]
    return Cis(
        tuple(sorted({one for cis in found for one in cis.v3}, key=in_order)),
        tuple(sorted({one for cis in found for one in cis.v5}, key=in_order)),
    )


def nist_of(security_hub: Iterable[str]) -> tuple[str, ...]:
    """Return the NIST SP 800-53 rev. 5 requirements of these controls, each once, in order."""
    found = {one for name in security_hub for one in nist.NIST.get(name, ())}
    return tuple(sorted(found, key=nist.in_order))


class Requirement(NamedTuple):
    """A Security Hub control, its CIS requirements, and the controls of ours for the same risk."""

    security_hub: str
    cis: Cis
    controls: tuple[str, ...]

    @property
    def nist(self) -> tuple[str, ...]:
        """The requirements of NIST SP 800-53 rev. 5."""
        return nist_of([self.security_hub])


def requirements(controls: Iterable[AnyControl]) -> tuple[Requirement, ...]:
    """Return every Security Hub control that these controls name, in the order of its name."""
    named: dict[str, list[str]] = {}
    for control in controls:
        for one in control.references.security_hub:
            named.setdefault(one, []).append(control.id)
    return tuple(
        Requirement(name, CIS.get(name, NONE), tuple(sorted(ids)))
        for name, ids in sorted(named.items(), key=lambda item: _by_number(item[0]))
    )


def _by_number(name: str) -> tuple[str, int]:
    service, _, number = name.rpartition(".")
    return service, int(number)


def in_order(requirement: str) -> tuple[int, ...]:
    """What sorts requirements by their numbers: 2.1.4 before 2.10."""
    return tuple(int(number) for number in requirement.split("."))
