"""Says for each of GuardDuty's finding types what is contained, how sure it is, how far to go.

`finding_types.json` has the types of the user guide, with those of attack sequences and of custom
detection rules, as of May 2026. A type that it lacks is told to people. One about a deed, or about
what is stored (a logging switched off, a bucket opened, malware in a snapshot), has no target:
nothing behaves as compromised, and the controls over that deed revert it.

Source: Amazon GuardDuty User Guide, "GuardDuty finding types", "GuardDuty attack sequence finding
types", "Custom Detection Rules finding types", "Severity levels of GuardDuty findings".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

from driftguard.model import Autonomy


class Target(StrEnum):
    """What a finding shows to be compromised.

    `principal`: the role, whose sessions are cut off, or the user. `task`: of ECS. `pod`: of EKS,
    or the user whom the audit log of its cluster is about.
    """

    PRINCIPAL = "principal"
    INSTANCE = "instance"
    FUNCTION = "function"
    BUCKET = "bucket"
    POD = "pod"
    TASK = "task"
    DATABASE = "database"


class Sure(StrEnum):
    """How sure a type of finding makes us that its target is compromised.

    `known`: it cannot well be the owner (several signals in a row, credentials used where they
    were not issued, malware that ran). `likely`: a deed of malware, or a peer that AWS's threat
    intelligence lists. `possible`: unusual, attempted from outside, or as right as a list of
    addresses that people keep themselves.
    """

    KNOWN = "known"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Entry(NamedTuple):
    """What one type of finding means.

    `targets` are what may be contained; which of them there is, the finding's resources say. None
    for a deed. `contains` are those that are contained without asking, as the policy is shipped.
    """

    targets: tuple[Target, ...]
    sure: Sure
    contains: tuple[Target, ...] = ()

    def autonomy(self, target: Target) -> Autonomy:
        """How far the guard goes with a target, as the policy is shipped."""
        return Autonomy.REVERT if target in self.contains else Autonomy.ASK


# The controls that contain a target. A finding that names none of its targets is told to people.
CONTAINED_BY: Mapping[Target, tuple[str, ...]] = {
    Target.BUCKET: ("containment.bucket",),
    Target.DATABASE: ("containment.database",),
    Target.FUNCTION: ("containment.function",),
    Target.INSTANCE: ("containment.instance",),
    Target.POD: ("containment.cluster",),
    Target.TASK: ("containment.task",),
    Target.PRINCIPAL: ("containment.role-sessions", "containment.user"),
}

# GuardDuty rates a finding from 1.0 (low) to 10.0 (critical); what it rates low is left out.
LOWEST_SEVERITY = 4.0

_DATA = Path(__file__).with_name("finding_types.json")


@cache
def entries() -> Mapping[str, Entry]:
    """Every known type of finding, and what it means."""
    return {
        name: Entry(
            tuple(Target(target) for target in said.get("targets", ())),
            Sure(said.get("sure", Sure.POSSIBLE)),
            tuple(Target(target) for target in said.get("contains", ())),
        )
        for name, said in json.loads(_DATA.read_text()).items()
    }


def entry(type_: str) -> Entry | None:
    """What a type of finding means; None where it is not known."""
    return entries().get(type_)
