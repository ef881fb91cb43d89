"""Everything that a guardrail may meet, for hypothesis: sound, odd, corrupt, and hostile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from driftguard.aws.dynamodb import Key
from driftguard.documents import Document, Json, stamp
from driftguard.guardrails.circumstances import Circumstances
from driftguard.model import NOT_IN_USE, Actor, Autonomy, Ruling, Use
from driftguard.policy.bounds import (
    Anomalies,
    Baselines,
    Bounds,
    BreakGlass,
    ChangeWindow,
    CircuitBreaker,
    Earning,
    Exemption,
    Flapping,
    Limit,
    Ownership,
    Preparations,
    Rollout,
    Scope,
    Sweep,
)
from driftguard.policy.model import Person, Policy
from driftguard.state import circuit_breaker
from driftguard.state.keys import (
    StateRecord,
    StateRecords,
    anomaly_baseline_key,
    baseline_key,
    circuit_breaker_key,
    exemptions_key,
    freeze_keys,
    grants_key,
    history_key,
    rollout_key,
    trust_key,
)
from driftguard.state.trust import case_of
from tests.support.guardrails.circumstances import (
    ACCOUNT,
    ADVICE,
    ALICE,
    CONTROL,
    FOR_GOOD,
    HERE,
    NOW,
    REMEDIATOR,
    REVOKE,
    WEB,
    group,
    session,
    user,
)

LEVELS = st.sampled_from(Autonomy)
# Were everything equally likely, something would nearly always hold back.
MOSTLY_REVERT = st.sampled_from([Autonomy.REVERT] * 7 + [Autonomy.ASK, Autonomy.OBSERVE])
ACTORS = st.sampled_from(
    [
        ALICE,
        user("bob", source="198.51.100.7", agent="Terraform/1.9"),
        user("ci", source="cloudformation.amazonaws.com"),
        session("deployer", "run-1"),
        session("driftguard-remediator", "dg-1"),
        Actor(),
        Actor.unattributed(),
    ]
)
PLANS = st.sampled_from([REVOKE] * 6 + [FOR_GOOD, ADVICE, replace(REVOKE, drastic="it stops")])
RESOURCES = st.sampled_from([WEB, group("sg-other")])
CONTROLS = st.sampled_from([CONTROL, "s3.public-acl"])
PATTERNS = st.sampled_from(["*", "sg-*", "sg-web", "arn:aws:ec2:*", "nothing", ""])
WHO = st.sampled_from(["*", "*:user/*", "*:role/deployer", ALICE.principal, ""])
TAGS = st.dictionaries(
    st.sampled_from(["env", "team"]), st.sampled_from(["prod", "test", "*", ""]), max_size=2
)
# Whole seconds about now: the past of a year, and some of the future.
TIMES = st.integers(-366 * 86_400, 7 * 86_400).map(lambda one: stamp(NOW + timedelta(seconds=one)))
SHORT = st.sampled_from([1, 3600, 7 * 86_400])

scopes = st.just(Scope()) | st.builds(
    Scope,
    controls=st.tuples(st.sampled_from(["*", "ec2.*", "s3.*"])),
    resources=st.tuples(PATTERNS),
    actors=st.tuples(WHO),
    tags=TAGS,
)
limits = st.builds(Limit, scopes, LEVELS, st.just("a reason"))
windows = st.builds(
    ChangeWindow,
    name=st.just("a window"),
    scope=scopes,
    autonomy=LEVELS,
    opens=st.integers(0, 1440),
    closes=st.integers(0, 1440),
    days=st.lists(st.integers(0, 6), max_size=2).map(tuple),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Nowhere/None"]),
    outside=st.booleans(),
)
emergencies = st.builds(BreakGlass, WHO, st.just("a runbook"))
exemptions = st.builds(
    Exemption,
    control=CONTROLS,
    resource=PATTERNS,
    until=TIMES,
    reason=st.just("a reason"),
    actor=WHO,
    tags=TAGS,
)
few = st.sampled_from([0, 1, 2, 99])
_BOUNDS: dict[str, st.SearchStrategy[Any]] = {
    "circuit_breaker": st.builds(CircuitBreaker, SHORT, few, few, few, few),
    "flapping": st.builds(Flapping, st.integers(1, 3), SHORT),
    "sweep": st.builds(Sweep, LEVELS, st.integers(0, 3)),
    "ownership": st.builds(Ownership, LEVELS, st.tuples(WHO), st.booleans(), TAGS),
    "break_glass": emergencies.map(lambda one: (one,)),
    "protected": st.lists(limits, max_size=2).map(tuple),
    "change_windows": st.lists(windows, max_size=2).map(tuple),
    "in_use": st.lists(limits, max_size=2).map(tuple),
    "earning": st.builds(
        Earning, st.sampled_from([0.5, 0.9]), few, st.just(0.9), SHORT, SHORT, st.floats(0, 1)
    ),
    "baselines": st.builds(Baselines, SHORT, st.booleans()),
    "rollout": st.builds(Rollout, st.sampled_from([0, 3600]), st.sampled_from([0, 3600])),
    "preparations": st.builds(
        Preparations, SHORT, SHORT, st.sampled_from([(), ("ec2.*",), ("*",)])
    ),
    "anomalies": st.builds(
        Anomalies,
        lower_by=st.integers(0, 100),
        raise_by=st.integers(0, 100),
        routine=st.booleans(),
        routine_under=st.integers(0, 100),
        unusual=st.booleans(),
        unusual_over=st.integers(0, 100),
        half_life=st.sampled_from([7 * 86_400, 365 * 86_400]),
    ),
}


@st.composite
def some_of(draw: st.DrawFn, whole: Mapping[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    """A few of these: with everything at once nothing would ever be reverted."""
    chosen = draw(st.sets(st.sampled_from(sorted(whole)), max_size=3))
    return {name: draw(whole[name]) for name in sorted(chosen)}


bounds = some_of(_BOUNDS).map(lambda chosen: Bounds(**chosen))
policies = st.builds(
    Policy,
    default=MOSTLY_REVERT,
    autonomy=st.dictionaries(CONTROLS, MOSTLY_REVERT, max_size=1),
    exemptions=st.lists(exemptions, max_size=1).map(tuple),
    people=st.just((Person("bob", iam=(user("bob").principal,)),)),
    bounds=bounds,
    earned=st.sampled_from([frozenset()] * 5 + [frozenset({CONTROL})]),
    earned_by_default=st.sampled_from([False] * 5 + [True]),
)
rulings = st.builds(Ruling, st.just("any"), LEVELS, st.text(max_size=5))


# ---------------------------------------------------------------------- what is remembered


def sound() -> dict[str, st.SearchStrategy[Document]]:
    """Notes as the guard and people write them, by their kind."""
    entry: st.SearchStrategy[Json] = st.fixed_dictionaries(
        {
            "resource": PATTERNS,
            "until": TIMES,
            "reason": st.just("a reason"),
            "actor": WHO,
            "tags": TAGS,
            "by": st.sampled_from(["bob", "carol"]),
            "identity": WHO,
        }
    )
    counted = st.fixed_dictionaries(
        {"at": TIMES, "c": CONTROLS, "a": st.just(ACCOUNT), "actor": st.just("alice")}
    )
    day: st.SearchStrategy[Json] = st.fixed_dictionaries(
        {"days": st.floats(0, 60), "last": TIMES.map(lambda one: one[:10])}
    )
    figure = st.floats(0, 200)
    record: st.SearchStrategy[Json] = st.fixed_dictionaries(
        {"good": figure, "bad": figure, "since": figure, "against": figure, "at": TIMES}
    )
    counts = dict.fromkeys(("reverts", "approvals", "wrong", "samples", "denied"), figure)
    threshold = st.fixed_dictionaries({"value": st.floats(0, 2), **counts})
    answer: st.SearchStrategy[Json] = st.fixed_dictionaries(
        {"right": figure, "wrong": figure, "granted": TIMES | st.just("")}
    )
    answers = st.dictionaries(st.just(CONTROL), answer, max_size=1)
    state = st.just({"open": False})
    scopes_ = circuit_breaker.scopes(CONTROL, ACCOUNT, ALICE.principal)
    tripped = st.dictionaries(
        st.sampled_from(scopes_), st.fixed_dictionaries({"at": TIMES}), max_size=1
    )
    traits = {
        "actor": ALICE.principal,
        "network": "203.0.113.0/24",
        "client": "aws-cli",
        "hour": "12-15 UTC",
    }
    return {
        "freeze": st.fixed_dictionaries({"by": st.just("alice"), "until": TIMES | st.just("")}),
        "exemption": st.fixed_dictionaries({"entries": st.dictionaries(names, entry, max_size=2)}),
        "circuit_breaker": st.fixed_dictionaries(
            {"reverts": st.lists(counted, max_size=4), "tripped": tripped}
        ),
        "history": st.fixed_dictionaries({"reverts": st.lists(counted, max_size=4)}),
        "trust": st.fixed_dictionaries({"records": st.dictionaries(cases, record, max_size=2)}),
        "grants": st.fixed_dictionaries({"answers": answers, "threshold": threshold}),
        "baseline": st.fixed_dictionaries({"state": state, "anchor": state, "checked": TIMES}),
        "anomaly_baseline": st.fixed_dictionaries(
            {
                "days": st.fixed_dictionaries({"all": day}),
                **{kind: st.dictionaries(st.just(one), day) for kind, one in traits.items()},
            }
        ),
        "rollout": st.fixed_dictionaries({"since": TIMES}),
    }


names = st.sampled_from(["ex-1", "ex-2"])
cases = st.builds(case_of, PLANS, ACTORS).map(lambda one: one.name)

_KINDS = sound()
_WORDS = st.sampled_from(
    [
        *"entries reverts tripped question records history days all actor network client".split(),  # noqa: SIM905
        *"hour state anchor checked recorded since until by at c a good bad pending".split(),  # noqa: SIM905
        *"decision last fingerprint expires resource reason tags identity whole ex-1".split(),  # noqa: SIM905
        *(ALICE.principal, "203.0.113.0/24", "aws-cli", "12-15 UTC", f"control {CONTROL}"),
        *(case_of(plan, ALICE).name for plan in (REVOKE, FOR_GOOD)),
    ]
)
_ODD = st.sampled_from(
    ["", "nan", "inf", "-1", "1e999", "0", "100", "2026-11-24", "2026-11-24T12:00:00", "0000", "∞"]
)
_LEAVES: st.SearchStrategy[Json] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), -1, 0, 100])
    | st.floats()
    | _ODD
    | st.text(max_size=5)
)
_EXTREME = st.sampled_from(
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2026-11-24T12:00:00+23:59"]
)


def _garbage(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    inner = st.recursive(
        leaves,
        lambda one: st.lists(one, max_size=3) | st.dictionaries(_WORDS, one, max_size=4),
        max_leaves=12,
    )
    return st.dictionaries(_WORDS, inner, max_size=6)


# Sound notes with something else in some place of theirs, and any JSON at all.
hostile = _garbage(_LEAVES | _EXTREME | TIMES)


def spoiled(document: Document) -> st.SearchStrategy[Document]:
    """A sound note with other things in some of its places."""
    return _rewritten(document, lambda value: st.just(value) | _LEAVES | _EXTREME)


def timeless(kind: str) -> st.SearchStrategy[Document]:
    """A note of this kind without a single time that can be read: the guard wrote none like it."""
    undated = _ODD | st.none() | st.integers()
    return _KINDS[kind].flatmap(
        lambda sound_one: _rewritten(
            sound_one, lambda value: undated if _is_time(value) else st.just(value)
        )
    )


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-"


def _rewritten(
    document: Document, leaf: Callable[[Any], st.SearchStrategy[Any]]
) -> st.SearchStrategy[Document]:
    def at(value: Any) -> st.SearchStrategy[Any]:
        if isinstance(value, Mapping):
            return st.fixed_dictionaries({name: at(one) for name, one in value.items()})
        if isinstance(value, list):
            return st.tuples(*map(at, value)).map(list)
        return leaf(value)

    return st.fixed_dictionaries({name: at(one) for name, one in document.items()})


def memories(
    policy: Policy, records: Callable[[str], st.SearchStrategy[Document]] = _KINDS.__getitem__
) -> st.SearchStrategy[StateRecords]:
    """A memory of some notes that a decision reads; of sound ones unless others are given."""
    keys = _keys(policy)
    each = {name: records(name.split()[0]) for name in keys}
    return some_of(each).map(
        lambda chosen: StateRecords(
            HERE, {keys[one]: StateRecord(keys[one], chosen[one], 1) for one in chosen}
        )
    )


def anything(kind: str) -> st.SearchStrategy[Document]:
    """A note that was sound once, or never."""
    return _KINDS[kind].flatmap(spoiled) | hostile


def _keys(policy: Policy) -> dict[str, Key]:
    """The keys that a decision reads, each by its kind, and more where there are several."""
    freezes = zip(("all", "account", "control"), freeze_keys(HERE, ACCOUNT, CONTROL), strict=True)
    return {
        **{f"freeze {scope}": key for scope, key in freezes},
        "exemption": exemptions_key(HERE, CONTROL),
        "circuit_breaker": circuit_breaker_key(HERE),
        "history": history_key(CONTROL, WEB),
        "trust": trust_key(HERE, CONTROL),
        "grants": grants_key(HERE),
        "baseline": baseline_key(CONTROL, WEB),
        "anomaly_baseline": anomaly_baseline_key(HERE, ACCOUNT, CONTROL),
        "rollout": rollout_key(HERE, CONTROL, policy.entry(CONTROL)),
    }


@st.composite
def situations(draw: st.DrawFn, /, **fixed: Any) -> Circumstances:
    """Any circumstances; what is `fixed` is drawn from the strategy given for it."""
    policy = draw(fixed.pop("policy", policies))
    usual: dict[str, st.SearchStrategy[Any]] = {
        "decision": st.integers(0, 16**8 - 1).map(lambda one: f"dg-{one:024x}"),
        "control": st.just(CONTROL),
        "severity": st.integers(0, 100),
        "resource": RESOURCES,
        "actor": ACTORS,
        "time": TIMES | st.text(max_size=20),
        "plan": PLANS,
        "ceiling": MOSTLY_REVERT,
        "remembered": memories(policy),
        "own_roles": st.sampled_from([(REMEDIATOR,), ()]),
        "baselined": st.booleans(),
        "leans_on_baseline": st.booleans(),
        "tags": st.none() | TAGS,
        "tags_unread": st.sampled_from([""] * 5 + ["AccessDenied"]),
        "contains": st.booleans(),
        "at_most": MOSTLY_REVERT,
        "cuts": st.sampled_from(["", "web clients"]),
        "use": st.sampled_from([NOT_IN_USE, Use("a load balancer"), Use(unknown="whose is it?")]),
        "preparation": st.sampled_from(["", "it is still there"]),
        "ends": st.just("") | TIMES,
    }
    drawn = {name: draw(one) for name, one in (usual | fixed).items()}
    return Circumstances(policy=policy, now=NOW, **drawn)
