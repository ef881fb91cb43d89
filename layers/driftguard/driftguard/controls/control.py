"""Defines a control: metadata, and four methods from a change to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from driftguard.access.principals import Trusted
from driftguard.aws.client import Reader
from driftguard.documents import Document
from driftguard.model import Candidate, Change, Finding, Observation, Plan, Resource


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event that wakes a control: CloudTrail's event source and name, or a finding's type."""

    source: str
    name: str


@dataclass(frozen=True, slots=True)
class References:
    """Where other catalogs describe the same risk."""

    security_hub: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    stratus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoSettings:
    """For controls that have nothing to set."""


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """`trusted` comes from the policy's own section: accounts, organizations, principals."""

    trusted: Trusted = Trusted()


S = TypeVar("S")


class Control(Generic[S]):
    """One risk: its signs in a record, how to read and judge the state, how to take it back.

    `reads` are IAM actions; `writes` maps each IAM action that a plan or its undo may need to the
    ARNs it may touch, with `{partition}`, `{region}` and `{account}` to be filled in. Both are what
    the template grants, action by action. `volatile` names keys of the state that an exact undo
    cannot bring back (an id that AWS makes anew); they do not count when two states are compared.
    `momentary` names keys that only say which of many usual states this one is (the revision that
    runs): an undo compares them, and no baseline keeps them.

    `narrow`: its calls name the very parts that they take away, so that they cannot write over what
    others write meanwhile; others are looked at once more right before they are made.
    `baselined`: the last clean state is recorded, and given to `assess` and `plan`. `vanishing`:
    the risk itself takes a resource off the inventory (it is deleted, or protected no longer), so
    the sweep looks at what is recorded and not listed any more, too. What is deleted has a state
    that says `"exists": False`. `revert` says why there is no safe revert, "" where there is one.
    `proven`: whether the round trip was run against an emulator of the service, or only checked
    against the service's model (`stub`).
    """

    id: str
    title: str
    severity: int
    references: References
    triggers: tuple[Trigger, ...]
    reads: tuple[str, ...]
    reads_use: tuple[str, ...] = ()
    writes: Mapping[str, tuple[str, ...]]
    volatile: frozenset[str] = frozenset()
    momentary: frozenset[str] = frozenset()
    narrow: bool = False
    baselined: bool = False
    vanishing: bool = False
    revert: str = ""
    proven: str = "emulator"
    settings: type[S]

    def screen(self, change: Change, settings: S) -> Iterable[Candidate]:
        """The resources to look at. Cheap, on the record alone; nothing if it proves harmless."""
        raise NotImplementedError

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        """The state this control judges, read now; None when the resource is gone."""
        raise NotImplementedError

    def assess(self, state: Document, baseline: Document | None, settings: S) -> Finding | None:
        """Why the state is risky, or None. Pure."""
        raise NotImplementedError

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        """The resources of an account and region that the sweep looks at; none if it cannot.

        A sweep has no record of a change, so it must judge a resource by its state alone.
        """
        return ()

    @property
    def swept(self) -> bool:
        """Whether the sweep looks at what this control judges."""
        return type(self).inventory is not Control.inventory

    def plan(
        self, candidate: Candidate, observation: Observation, baseline: Document | None, settings: S
    ) -> Plan:
        """The steps that take the risk back, with their undo. Pure. Called only after a finding."""
        raise NotImplementedError

    def put_back(
        self, candidate: Candidate, observation: Observation, baseline: Document
    ) -> Plan | None:
        """The plan that restores a pinned baseline whatever changed; None to ask people. Pure."""
        return None

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> str:
        """What depends on the risky part right now, in words; "" for nothing that can be told.

        Asked only where policy wants it; what it reads is in `reads_use`.
        """
        return ""


# A control whose settings only it knows: those who hold controls of all kinds pass them through.
AnyControl: TypeAlias = "Control[Any]"


def partition_of(region: str) -> str:
    """The partition a region lies in."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def resource(change: Change, kind: str, id_: str, tail: str) -> Resource:
    """A resource of the change's account and region; `tail` is its ARN from the service on.

    `{region}` and `{account}` in the tail are filled in: `ec2:{region}:{account}:vpc/vpc-1`.
    """
    where = tail.replace("{region}", change.region).replace("{account}", change.account)
    arn = f"arn:{partition_of(change.region)}:{where}"
    return Resource(kind, id_, change.account, change.region, arn)
