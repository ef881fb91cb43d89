"""What a control is: metadata, and four methods from a change to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from ..access.principals import Trusted
from ..aws import Reader
from ..model import Change, Document, Facet, Plan, Resource, Risk, Suspect


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event that wakes a control: CloudTrail's event source and name, or a finding's type."""

    source: str
    name: str


@dataclass(frozen=True, slots=True)
class References:
    """Where others speak of the same risk."""

    security_hub: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    stratus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoSettings:
    """For controls that have nothing to set."""


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """`trusted` comes from the policy's own section: accounts, organisations, principals."""

    trusted: Trusted = Trusted()


S = TypeVar("S")


class Control(Generic[S]):
    """One risk: how it shows in a record, how to read and judge the state, how to take it back.

    `reads` are IAM actions; `writes` maps each IAM action that a plan or its undo may need to the
    ARNs it may touch, with `{partition}`, `{region}` and `{account}` to be filled in. Both are what
    the template grants, action by action. `volatile` names keys of the state that an exact undo
    cannot bring back (an id that AWS makes anew); they do not count when two states are compared.
    `momentary` names keys that only say which of many usual states this one is (the revision that
    runs): an undo minds them, and no baseline keeps them.

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

    def screen(self, change: Change, settings: S) -> Iterable[Suspect]:
        """The resources to look at. Cheap, on the record alone; nothing if it proves harmless."""
        raise NotImplementedError

    def observe(self, suspect: Suspect, reader: Reader) -> Document | None:
        """The state this control judges, read now; None when the resource is gone."""
        raise NotImplementedError

    def assess(self, state: Document, baseline: Document | None, settings: S) -> Risk | None:
        """Why the state is risky, or None. Pure."""
        raise NotImplementedError

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        """The resources of an account and region that the sweep looks at; none: it cannot.

        What it looks at must be judged by its state alone, for there is no record of a change.
        """
        return ()

    @property
    def swept(self) -> bool:
        """Whether the sweep looks at what this control judges."""
        return type(self).inventory is not Control.inventory

    def plan(self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: S) -> Plan:
        """What takes the risk back, and what undoes that. Pure. Called only on a risky facet."""
        raise NotImplementedError

    def put_back(self, suspect: Suspect, facet: Facet, baseline: Document) -> Plan | None:
        """What puts a pinned baseline back whatever has changed; None: people are asked. Pure."""
        return None

    def in_use(self, suspect: Suspect, state: Document, reader: Reader) -> str:
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
