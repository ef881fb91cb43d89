"""A year of changes, drawn before any strategy sees it, with the truth about each one.

A change carries its own future: what an approver would say and when, and what its owner would do
if it were taken back. So every strategy faces the same people, and differs by what it asks of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from driftguard.model import Actor, Plan, Resource

from . import catalogue
from .catalogue import BY_CONTROL, WATCHED
from .people import Persona, Staff, staff
from .shapes import DAY, HOUR, MINUTE, YEAR, Delay, Organization

# The share of engineers whose job it is to make a kind of exception.
_DUTY = 0.05
# Why a change is wrong to take back whose control's remediation breaks things.
TURNED = "turned"
# Why a change is made by somebody who undoes its revert.
INSIDER = "insider"
_BATCH = 20
# Of the changes whose control has turned bad, the share that it is wrong to take back.
_BREAKS = 0.95
# How long it takes until somebody has mended a control that turned bad.
_BAD_FOR = 21 * DAY


@dataclass(frozen=True, slots=True)
class Fate:
    """What people will do about one change, if it comes to that.

    `answer` is how many seconds an approver takes, None for never. `notice` is when the owner sees
    that it was taken back, None for never. `stamps`: whoever answers says "revert" without a look.
    """

    answer: float | None
    errs: bool
    exempts: bool
    writes_rule: bool
    notice: float | None
    remakes: bool
    latency: float
    stamps: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """One risky-looking change: when (s since the year began), what, and whether it is meant.

    `right` is the ground truth: it is right to take it back. `again` is for what a pipeline makes
    again: after how many seconds, None for what nobody repeats; a mistake in a pipeline's code is
    repeated until it was mended, `mended` seconds after somebody first heard of it.
    """

    at: float
    control: str
    resource: Resource
    actor: Actor
    state: str
    right: bool
    why: str
    fate: Fate
    again: float | None = None
    mended: float = 0.0
    times: int = 0

    @property
    def id(self) -> str:
        """The event's id: the same change made again is another event."""
        return f"{self.state}-{self.times}"

    @property
    def plan(self) -> Plan:
        """What would take it back."""
        return catalogue.plan(self.control, self.resource)


@dataclass(frozen=True, slots=True)
class Routine:
    """A harmless change, of those from which is learned who usually does what."""

    at: float
    control: str
    actor: Actor
    account: str


@dataclass(frozen=True, slots=True)
class Year:
    """All that happens by itself in a year, by time. `turned`: what control turns bad, and when."""

    made: tuple[Made, ...]
    routines: tuple[Routine, ...]
    listed: tuple[str, ...]
    turned: str
    turns: float


def year(of: Organization, seed: int) -> Year:
    """Draws an organization's year."""
    dice = Random(f"{of.name}/{seed}")
    accounts = tuple(f"{1000_0000_0000 + 7919 * number:012}" for number in range(of.accounts))
    people = staff(of, accounts, dice)
    drawn = _Drawn(of, people, dice)
    made = [
        *drawn.mistakes(),
        *drawn.temporary_ports(),
        *drawn.sites(),
        *drawn.shares(),
        *drawn.migrations(),
        *drawn.pipelines(),
        *drawn.campaigns(),
        *drawn.batches(),
        *drawn.insider(),
        *drawn.routine_ends(),
    ]
    turned = dice.choices(WATCHED, [watched.weight for watched in WATCHED])[0].control
    turns = YEAR * DAY * dice.uniform(0.45, 0.55)
    made = [
        replace(change, right=False, why=TURNED)
        if change.control == turned
        and turns <= change.at < turns + _BAD_FOR
        and change.why != "attack"
        and dice.random() < _BREAKS
        else change
        for change in made
        if change.at < YEAR * DAY
    ]
    listed = tuple(
        f"arn:aws:iam::*:role/{pipeline.name}" for pipeline in people.pipelines[: of.listed]
    )
    return Year(
        tuple(sorted(made, key=lambda change: (change.at, change.id))),
        tuple(
            sorted(
                drawn.routines(), key=lambda routine: (routine.at, routine.account, routine.control)
            )
        ),
        listed,
        turned,
        turns,
    )


def site_name(number: int) -> str:
    """The bucket of a public web site; those that were there first come first."""
    return f"site{number:03}"


def again(made: Made, at: float, of: Organization, seed: int) -> Made:
    """The same change made once more, with a fate of its own."""
    dice = Random(f"{of.name}/{seed}/{made.id}/again")
    fate = fate_of(of, dice, mimicry=False)
    return replace(made, at=at, fate=fate, times=made.times + 1)


def another(made: Made, of: Organization, seed: int) -> Fate:
    """What a second person says of a change that one has accepted."""
    dice = Random(f"{of.name}/{seed}/{made.id}/second")
    return fate_of(of, dice, mimicry=False)


def fate_of(of: Organization, dice: Random, *, mimicry: bool) -> Fate:
    """Draws what people will do about one change."""
    approvers, owners = of.approvers, of.owners
    stamps = approvers.stamps > 0 and dice.random() < approvers.stamps
    answer, notice = _delay(approvers.answer, dice), _delay(owners.notice, dice)
    return Fate(
        answer=None if dice.random() < approvers.never else answer,
        errs=dice.random() < (approvers.err_on_mimicry if mimicry else approvers.err),
        exempts=dice.random() < approvers.exempts,
        writes_rule=dice.random() < approvers.writes_rule,
        notice=notice if dice.random() < owners.notices else None,
        remakes=dice.random() < owners.remakes,
        latency=dice.lognormvariate(1.2, 0.5),
        stamps=stamps,
    )


def _delay(of: Delay, dice: Random) -> float:
    return of.median * dice.lognormvariate(0.0, of.sigma)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The sources of changes, each drawn after the other from the same dice."""

    of: Organization
    people: Staff
    dice: Random

    # ---------------------------------------------------------------- wrong, by mistake

    def mistakes(self) -> Iterator[Made]:
        """People and robots trip over a control that their team works with."""
        everybody = self.people.everybody
        careless = [persona.carelessness for persona in everybody]
        for _ in range(self._count(self.of.mistakes * YEAR)):
            (who,) = self.dice.choices(everybody, careless)
            yield self._made(who, self._control(who), self._moment(who), right=True, why="mistake")

    # ------------------------------------------------------------------- meant, though risky

    def temporary_ports(self) -> Iterator[Made]:
        """An engineer opens a port to the world for some hours, and has a reason."""
        duty = self._on_duty()
        for _ in range(self._count(self.of.temporary_ports * YEAR)):
            who = self._with_reason(duty)
            at = self._moment(who)
            yield self._made(who, "ec2.open-ingress", at, right=False, why="temporary port")

    def sites(self) -> Iterator[Made]:
        """Public web buckets: the same policy is put again with every deployment."""
        new = [self.dice.uniform(0, YEAR * DAY) for _ in range(self.of.new_sites_a_year)]
        for number, opened in enumerate([0.0] * self.of.sites + new):
            who = self.dice.choice(self.people.publishers)
            account = self.dice.choice(who.accounts)
            bucket = catalogue.resource("s3.public-policy", account, site_name(number))
            state = self._state()
            at, times = opened + self._gap(self.of.deploys), 0
            while at < YEAR * DAY:
                yield replace(
                    self._made(who, "s3.public-policy", at, right=False, why="site", of=bucket),
                    state=state,
                    times=times * 1000,
                )
                at, times = at + self._gap(self.of.deploys), times + 1

    def shares(self) -> Iterator[Made]:
        """Jobs that share a new snapshot with a partner each time."""
        for who in self.people.exporters:
            at = self._gap(self.of.shares)
            while at < YEAR * DAY:
                yield self._made(who, "ec2.snapshot-shared", at, right=False, why="partner")
                at += self._gap(self.of.shares)

    def migrations(self) -> Iterator[Made]:
        """An engineer switches off what protects a few resources, in order to replace them."""
        protections = (
            "ec2.termination-protection-off",
            "rds.protection-off",
            "s3.versioning-suspended",
            "logs.retention-shortened",
        )
        duty = self._on_duty()
        for _ in range(self.of.migrations_a_year):
            who, control = self._with_reason(duty), self.dice.choice(protections)
            at = self._moment(who)
            for _ in range(self.of.migrated):
                yield self._made(who, control, at, right=False, why="migration")
                at += self.dice.expovariate(1 / (10 * MINUTE))

    def _on_duty(self) -> list[Persona]:
        """Those few whose job it is to make such exceptions."""
        people = self.people.engineers
        return self.dice.sample(people, max(1, round(_DUTY * len(people))))

    def _with_reason(self, duty: list[Persona]) -> Persona:
        scattered = self.dice.random() < self.of.scattered
        return self.dice.choice(self.people.engineers if scattered else duty)

    # ------------------------------------------------------------------------- by a pipeline

    def pipelines(self) -> Iterator[Made]:
        """Infrastructure as code: what it declares comes again at the next run after a revert."""
        for meant, count in (
            (True, self.of.declared_a_year),
            (False, self.of.merged_a_year),
        ):
            for _ in range(count):
                who = self.dice.choice(self.people.pipelines)
                (watched,) = self.dice.choices(WATCHED, [known.weight for known in WATCHED])
                at = self._moment(who)
                why = "declared" if meant else "merged"
                yield replace(
                    self._made(who, watched.control, at, right=not meant, why=why),
                    again=self.dice.choice((HOUR, 6 * HOUR, DAY)),
                    mended=_delay(Delay(8 * HOUR, 1.0), self.dice),
                )

    # ------------------------------------------------------------------------ by an attacker

    def campaigns(self) -> Iterator[Made]:
        """Somebody with a stolen identity, at its owner's hours; half of them from its network too.

        What is taken back is made again, a few times.
        """
        for _ in range(self.of.campaigns):
            who = self.dice.choice(self.people.everybody + self.people.publishers)
            mimics = self.dice.random() < self.of.mimics
            network = "" if mimics else _elsewhere(self.dice)
            at = self._moment(who)
            for _ in range(self.dice.randrange(4, 11)):
                control = self.dice.choice(WATCHED).control
                attack = self._made(
                    who, control, at, right=True, why="attack", network=network, mimicry=mimics
                )
                persistent = self.dice.random() < 0.5
                yield replace(
                    attack,
                    again=self.dice.uniform(1, 30) * MINUTE if persistent else None,
                    mended=self.dice.uniform(0.1, 4) * HOUR,
                )
                at += self.dice.expovariate(1 / (15 * MINUTE))

    # ------------------------------------------------------------------ in some worlds only

    def batches(self) -> Iterator[Made]:
        """Twenty mistakes of one person in one instant, on as many resources."""
        duty = self._on_duty() if self.of.batches_a_year else []
        for _ in range(self.of.batches_a_year):
            who = self.dice.choice(duty)
            at = self._moment(who)
            for _ in range(_BATCH):
                yield self._made(who, "ec2.open-ingress", at, right=True, why="batch")

    def insider(self) -> Iterator[Made]:
        """Risks that one engineer opens, who undoes what takes them back."""
        who = self.dice.choice(self.people.engineers) if self.of.undone_a_year else None
        for _ in range(self.of.undone_a_year if who else 0):
            assert who is not None
            at = self._moment(who)
            yield self._made(who, self._control(who), at, right=True, why=INSIDER)

    def routine_ends(self) -> Iterator[Made]:
        """What tools end of what they made: protections go first, and nobody wants them back.

        `history.py` adds the deletions that follow within minutes.
        """
        controls = (
            "ec2.termination-protection-off",
            "rds.protection-off",
            "kms.deletion-scheduled",
        )
        for _ in range(self._count(self.of.routine * YEAR) if self.of.routine else 0):
            who = self.dice.choice(self.people.robots)
            control = self.dice.choice(controls)
            yield self._made(who, control, self._moment(who), right=False, why="routine")

    # ------------------------------------------------------------------------------ harmless

    def routines(self) -> Iterator[Routine]:
        """What everybody does all day: one harmless change a day stands for the day's many."""
        for who in (*self.people.everybody, *self.people.publishers, *self.people.exporters):
            for day in range(YEAR):
                if self.dice.random() < (0.5 if day % 7 < 5 else 0.05):
                    at = day * DAY + self._hour(who)
                    account = self.dice.choice(who.accounts)
                    yield Routine(at, self._control(who), who.actor(account, self.dice), account)

    # ---------------------------------------------------------------------------------- dice

    def _made(
        self,
        who: Persona,
        control: str,
        at: float,
        *,
        right: bool,
        why: str,
        of: Resource | None = None,
        network: str = "",
        mimicry: bool = False,
    ) -> Made:
        account = of.account if of else self.dice.choice(who.accounts)
        name = f"{BY_CONTROL[control].kind}-{self.dice.randrange(60):02}"
        if control == "ec2.snapshot-shared":
            name = f"snap-{self.dice.getrandbits(64):016x}"
        return Made(
            at=at,
            control=control,
            resource=of or catalogue.resource(control, account, name),
            actor=who.actor(account, self.dice, network),
            state=self._state(),
            right=right,
            why=why,
            fate=fate_of(self.of, self.dice, mimicry=mimicry),
        )

    def _control(self, who: Persona) -> str:
        """One of those that their team works with, mostly."""
        if self.of.only:
            return self.of.only
        weights = [
            watched.weight * (5.0 if who.team in watched.teams else 1.0) for watched in WATCHED
        ]
        return self.dice.choices(WATCHED, weights)[0].control

    def _moment(self, who: Persona) -> float:
        """Some time of the year within their hours; at weekends seldom."""
        while True:
            day = self.dice.randrange(YEAR)
            if day % 7 < 5 or self.dice.random() < 0.15:
                return day * DAY + self._hour(who)

    def _hour(self, who: Persona) -> float:
        return (who.hour + self.dice.uniform(0, who.length)) % 24 * HOUR

    def _gap(self, days: float) -> float:
        return days * DAY * self.dice.uniform(0.5, 1.5)

    def _count(self, mean: float) -> int:
        """How many of something there are in a year, of which there are so many on average."""
        return max(0, round(self.dice.gauss(mean, mean**0.5)))

    def _state(self) -> str:
        return f"{self.dice.getrandbits(64):016x}"


def _elsewhere(dice: Random) -> str:
    return f"{dice.randrange(11, 190)}.{dice.randrange(256)}.{dice.randrange(256)}"
