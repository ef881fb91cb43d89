"""What the organizations are like: the rates and error rates that a year is drawn from.

They are assumptions: nobody has published how often a risky-looking change is intended, and by how
few people. `DRAFTS` are the first assumptions. With them even a guard that knew in advance how
often each person intends each kind of change would, in the large organization, have had to ask
about a sixth to a fifth of all changes for at most one wrong revert in a hundred, so that no guard
that has yet to learn this could reach the targets. The rates of intended changes were then lowered,
and given to the few whose job they are, until a guard that knows everything would ask about one
change in twenty to forty; how well the guard itself did was known by then, too. Read
`ORGANIZATIONS` as a world in which the targets can be reached, and `DRAFTS` as one where many more
changes are intended, by anybody.

Severities and names of controls are the real ones. Times are seconds, and shares are 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
YEAR = 365


@dataclass(frozen=True, slots=True)
class Delay:
    """A log-normal time: its median, in seconds, and the sigma of its logarithm."""

    median: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who answers questions: how often wrongly, how soon, how often never, and what they do then.

    `err` is the share of answers that are wrong, `err_on_mimicry` where an attacker acts just as
    the account's owner does. Of what is kept, `exempts` is kept for 90 days instead of once, and
    of those who are kept the third time or more, `writes_rule` get an exemption by name. `stamps`
    is the share of answers that say "revert" without a look.
    """

    err: float
    err_on_mimicry: float
    answer: Delay
    never: float
    exempts: float
    writes_rule: float
    stamps: float = 0.0


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose change was wrongly taken back: how many notice, how soon, and what they do.

    Those who notice have the revert undone, but for the share `remakes`, who make the change again.
    """

    notices: float
    notice: Delay
    remakes: float


@dataclass(frozen=True, slots=True)
class Organization:
    """One kind of organization. Rates are a day, unless they say otherwise.

    `engineers` come by single sign-on, `users` with keys of their own, `robots` are roles of
    automation. `temporary_ports` are opened, and migrations made, by those few engineers whose job
    it is, but for the share `scattered`, by anybody. `sites` are public web buckets, whose policy
    is put again every `deploys` days; `partner_jobs` share a new snapshot with a partner every
    `shares` days. A migration switches off protections of several resources, on purpose. Of the
    `pipelines`, the first `listed` are named in the policy; what they `declare` is meant, what is
    `merged` by mistake is not, and both come again after each revert, the latter until somebody
    mends the code. An attacker makes `campaigns` a year under a stolen identity, of which the share
    `mimics` also has its network.

    What only some worlds have: `batches_a_year` of twenty mistakes each, made in one instant by one
    of those few whose job the exceptions are; `undone_a_year` risks are opened by an insider, who
    undoes the reverts of them; `routine` a day are ends of things by tools, that nobody wants
    back; with `only`, nobody touches any other control.
    """

    name: str
    what: str
    accounts: int
    engineers: int
    users: int
    robots: int
    mistakes: float
    temporary_ports: float
    scattered: float
    sites: int
    deploys: float
    new_sites_a_year: int
    partner_jobs: int
    shares: float
    migrations_a_year: int
    migrated: int
    pipelines: int
    listed: int
    declared_a_year: int
    merged_a_year: int
    campaigns: int
    mimics: float
    approvers: Approvers
    owners: Owners
    batches_a_year: int = 0
    undone_a_year: int = 0
    routine: float = 0.0
    only: str = ""


ORGANIZATIONS = (
    Organization(
        name="small-quiet",
        what="A small, careful company: few changes, approvers close by.",
        accounts=12,
        engineers=20,
        users=4,
        robots=6,
        mistakes=4.0,
        temporary_ports=0.06,
        scattered=0.15,
        sites=4,
        deploys=10.0,
        new_sites_a_year=4,
        partner_jobs=1,
        shares=14.0,
        migrations_a_year=3,
        migrated=3,
        pipelines=1,
        listed=1,
        declared_a_year=4,
        merged_a_year=8,
        campaigns=1,
        mimics=0.5,
        approvers=Approvers(
            err=0.02,
            err_on_mimicry=0.1,
            answer=Delay(30 * MINUTE, 1.2),
            never=0.03,
            exempts=0.5,
            writes_rule=0.3,
        ),
        owners=Owners(notices=0.95, notice=Delay(2 * HOUR, 1.0), remakes=0.2),
    ),
    Organization(
        name="large-busy",
        what="A large company in a hurry: many teams, many intended changes, tired approvers.",
        accounts=60,
        engineers=90,
        users=10,
        robots=25,
        mistakes=24.0,
        temporary_ports=0.4,
        scattered=0.15,
        sites=12,
        deploys=5.0,
        new_sites_a_year=15,
        partner_jobs=2,
        shares=4.0,
        migrations_a_year=12,
        migrated=5,
        pipelines=3,
        listed=2,
        declared_a_year=20,
        merged_a_year=60,
        campaigns=4,
        mimics=0.5,
        approvers=Approvers(
            err=0.03,
            err_on_mimicry=0.15,
            answer=Delay(1 * HOUR, 1.4),
            never=0.08,
            exempts=0.4,
            writes_rule=0.2,
        ),
        owners=Owners(notices=0.9, notice=Delay(3 * HOUR, 1.0), remakes=0.3),
    ),
    Organization(
        name="hostile",
        what="Under attack all year; an unlisted pipeline, and slow approvers who make mistakes.",
        accounts=30,
        engineers=40,
        users=12,
        robots=12,
        mistakes=9.0,
        temporary_ports=0.2,
        scattered=0.15,
        sites=6,
        deploys=7.0,
        new_sites_a_year=8,
        partner_jobs=1,
        shares=7.0,
        migrations_a_year=6,
        migrated=4,
        pipelines=2,
        listed=0,
        declared_a_year=10,
        merged_a_year=30,
        campaigns=40,
        mimics=0.5,
        approvers=Approvers(
            err=0.04,
            err_on_mimicry=0.2,
            answer=Delay(90 * MINUTE, 1.5),
            never=0.12,
            exempts=0.4,
            writes_rule=0.2,
        ),
        owners=Owners(notices=0.85, notice=Delay(5 * HOUR, 1.0), remakes=0.3),
    ),
)

_SMALL, _LARGE, _HOSTILE = ORGANIZATIONS
DRAFTS = (
    replace(
        _SMALL,
        temporary_ports=0.12,
        scattered=1.0,
        deploys=7.0,
        new_sites_a_year=6,
        shares=7.0,
        migrations_a_year=6,
        migrated=4,
        declared_a_year=6,
        merged_a_year=12,
    ),
    replace(
        _LARGE,
        temporary_ports=1.0,
        scattered=1.0,
        sites=20,
        deploys=4.0,
        new_sites_a_year=40,
        partner_jobs=3,
        shares=2.0,
        migrations_a_year=30,
        migrated=6,
        declared_a_year=40,
        merged_a_year=120,
    ),
    replace(
        _HOSTILE,
        temporary_ports=0.6,
        scattered=1.0,
        sites=8,
        deploys=5.0,
        new_sites_a_year=20,
        partner_jobs=2,
        shares=4.0,
        migrations_a_year=12,
        migrated=5,
        declared_a_year=24,
        merged_a_year=60,
    ),
)

# Worlds that are hard on a guard which learns: the small organization, and one thing more.
WORLDS = (
    replace(
        _SMALL,
        name="batches",
        what="Scripts make twenty mistakes at once, and somebody approves all of them in a minute.",
        batches_a_year=24,
        temporary_ports=0.2,
    ),
    replace(
        _SMALL,
        name="rubber-stamp",
        what="Nine of ten approvals are given without a look.",
        approvers=replace(_SMALL.approvers, stamps=0.9),
    ),
    replace(
        _SMALL,
        name="insider",
        what="Somebody opens risks, and undoes the reverts of them so that the guard asks more.",
        undone_a_year=100,
    ),
    replace(
        _SMALL,
        name="once-a-week",
        what="One control, at which something happens once a week.",
        only="ec2.open-ingress",
        mistakes=0.125,
        temporary_ports=0.018,
        sites=0,
        new_sites_a_year=0,
        partner_jobs=0,
        migrations_a_year=0,
        declared_a_year=0,
        merged_a_year=0,
        campaigns=0,
    ),
    replace(
        _SMALL,
        name="ordinary",
        what="Ordinary months: most of what looks risky is the routine end of a thing by a tool.",
        mistakes=1.1,
        routine=1.6,
    ),
)
