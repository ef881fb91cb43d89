"""Defines a control: metadata, and four methods from a change to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar

from driftguard.access.principals import Trusted
from driftguard.aws.client import Reader
from driftguard.documents import Document
from driftguard.frozen import dataclass
from driftguard.model import (
    NOT_IN_USE,
    Candidate,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Use,
)


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


class Cuts(NamedTuple):
    """What a revert can cut beside the access that the change opened.

    `what` is in words, "" for nothing. `told_by` says how `in_use` tells whether it is in use, ""
    where nothing can tell. `question` is what people must answer when `in_use` cannot.
    """

    what: str = ""
    told_by: str = ""
    question: str = ""


# The revert takes away what the change opened, or turns on what cuts nobody off.
NOTHING = Cuts()


class Settling(NamedTuple):
    """How long AWS works on a change of the resource after it has answered.

    Until `seconds` have passed a read may answer with the state before. `how` says what AWS
    documents about it, and where.
    """

    seconds: int = 0
    how: str = ""


class Busy(NamedTuple):
    """An answer that means "try again later": an error code, and words of its message.

    The words are for codes that have other meanings too; "" where the code suffices.
    """

    code: str
    says: str = ""

    def fits(self, code: str, message: str) -> bool:
        """Whether an answer is this one."""
        return code == self.code and self.says.lower() in message.lower()


S = TypeVar("S")


class Preparation(NamedTuple):
    """Why a change does no harm yet; after `days` it does by itself, 0 where that takes a call."""

    why: str
    days: int = 0


class Control(Generic[S]):
    """One risk: its signs in a record, how to read and judge the state, how to take it back.

    `reads` are IAM actions; `writes` maps each IAM action that a plan or its undo may need to the
    ARNs it may touch, with `{partition}`, `{region}` and `{account}` to be filled in. Both are what
    the template grants, action by action; `granted_where` are the conditions of writes
    whose ARNs cover more than plans touch. `volatile` names keys of the state that an exact undo
    cannot bring back (an id that AWS makes anew); they do not count when two states are compared.
    `momentary` names keys that only say which of many usual states this one is (the revision that
    runs): an undo compares them, and no baseline keeps them.

    `narrow`: its calls name the very parts that they take away, so that they cannot write over what
    others write meanwhile; others are looked at once more right before they are made.
    `baselined`: the last clean state is recorded, and given to `assess` and `plan`. `vanishing`:
    the risk itself takes a resource off the inventory (it is deleted, or protected no longer), so
    the sweep looks at what is recorded and not listed any more, too. What is deleted has a state
    that says `"exists": False`. `to_its_end`: the finding may be gone before its plan is carried
    out (a trail is there again, and does not log yet), so that a worker who takes it up makes the
    rest of the calls, too. `revert` says why there is no safe revert, "" where there is one.
    `proven`: whether the round trip was run against an emulator of the service, or only checked
    against the service's model (`stub`).

    `cuts` is what a revert can cut beside the access that the change opened; every control says
    so. `settling` is how long AWS takes until a read answers with what a call set. `busy` are the
    answers to its writes that will pass by themselves. `contains`: its plan isolates what behaves
    as compromised, instead of taking a change back, and runs under the containment role.
    """

    id: str
    title: str
    severity: int
    references: References
    triggers: tuple[Trigger, ...]
    reads: tuple[str, ...]
    reads_use: tuple[str, ...] = ()
    writes: Mapping[str, tuple[str, ...]]
    granted_where: ClassVar[Mapping[str, Document]] = {}
    volatile: frozenset[str] = frozenset()
    momentary: frozenset[str] = frozenset()
    narrow: bool = False
    baselined: bool = False
    vanishing: bool = False
    to_its_end: bool = False
    revert: str = ""
    contains: bool = False
    proven: str = "emulator"
    cuts: Cuts
    settling: Settling = Settling()
    busy: tuple[Busy, ...] = ()
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

    @property
    def prepares(self) -> bool:
        """Whether its finding may be a preparation, which does no harm yet (see `Finding`)."""
        return False

    def preparation(self, told: Document) -> Preparation | None:
        """The preparation that a change is by the hint of its record alone; None if it may be none.

        Only for what tells of a history without a look. Pure.
        """
        return None

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

    def follow_up(self, candidate: Candidate, state: Document, reader: Reader) -> Iterable[str]:
        """What people are to do beside the plan, where that takes looking up, in words.

        Asked once, when a decision with steps is made. Raises nothing: what could not be looked up
        is said. What it reads is in `reads`.
        """
        return ()

    def in_use(self, candidate: Candidate, state: Document, reader: Reader) -> Use:
        """Whether what the revert would cut is in use right now.

        Asked right before a revert that could cut something (`cuts`), or where policy wants it;
        what it reads is in `reads_use`.
        """
        return Use(unknown=self.cuts.question) if self.cuts.what else NOT_IN_USE


# A control whose settings only it knows: those who hold controls of all kinds pass them through.
AnyControl: TypeAlias = "Control[Any]"


# How the regions of a partition begin; every other region is of `aws`.
# Source: botocore's `partitions.json`, the `regionRegex` of each partition.
_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("eu-isoe-", "aws-iso-e"),
    ("eusc-", "aws-eusc"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
)


def partition_of(region: str) -> str:
    """The partition a region lies in."""
    return next((name for begins, name in _PARTITIONS if region.startswith(begins)), "aws")


def resource(change: Change, kind: str, id_: str, tail: str) -> Resource:
    """A resource of the change's account and region; `tail` is its ARN from the service on.

    `{region}` and `{account}` in the tail are filled in: `ec2:{region}:{account}:vpc/vpc-1`.
    """
    where = tail.replace("{region}", change.region).replace("{account}", change.account)
    arn = f"arn:{partition_of(change.region)}:{where}"
    return Resource(kind, id_, change.account, change.region, arn)
