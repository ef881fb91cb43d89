"""The pages of controls: what the policy grants each, what its record has earned, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from driftguard.controls import every as every_control
from driftguard.documents import Document, text
from driftguard.policy.bounds import Earning
from driftguard.state import trust, trust_record
from driftguard.state.keys import grants_key, trust_key
from driftguard.state.standing import score
from driftguard.state.threshold import threshold_of
from driftguard.state.trust_record import own_of

from ...operator_requests import known_control
from ..audit.shared import now
from ..trust import Row, explained, rows_in
from .plot import HEIGHT, WIDTH, Plot, plotted
from .rendering import page
from .site import Visit

# Of how many actors the own record is shown.
_ACTORS = 20


def every(visit: Visit) -> Response:
    """All controls; those with a record first, the best known of them first."""
    policy, state = visit.site.at_hand.policy, visit.site.stack.state
    records: dict[str, list[Row]] = {}
    for row in rows_in(state, policy, now()):
        records.setdefault(row.control, []).append(row)
    listed = [
        {
            "id": control.id,
            "title": control.title,
            "severity": control.severity,
            "granted": "earned" if policy.earns(control.id) else policy.granted(control.id).label,
            "rows": records.get(control.id, []),
        }
        for control in sorted(every_control(), key=lambda one: (-one.severity, one.id))
    ]
    listed.sort(key=lambda one: -sum(row.outcomes for row in records.get(str(one["id"]), [])))
    terms = policy.bounds.earning
    threshold = threshold_of(state.record(grants_key(state.place)).document, terms)
    return page(
        visit,
        "controls",
        {
            "title": "Controls",
            "here": "controls",
            "listed": listed,
            "explained": list(explained(threshold, terms)),
            "policy": visit.site.at_hand.origin,
        },
    )


def one(visit: Visit) -> Response:
    """One control: each kind of case with what is believed of it, and its last outcomes."""
    control = known_control(visit.path["control"])
    policy, state, at = visit.site.at_hand.policy, visit.site.stack.state, now()
    terms = policy.bounds.earning
    stored = state.record(trust_key(state.place, control.id)).document
    rows = rows_in(state, policy, at, control.id)
    right, wrong = trust.answers(stored)
    return page(
        visit,
        "control",
        {
            "title": control.id,
            "here": "controls",
            "control": control,
            "granted": "earned" if policy.earns(control.id) else policy.granted(control.id).label,
            "cases": [_of_case(stored, row, terms, at) for row in rows],
            "right": right,
            "wrong": wrong,
            "outcomes": [
                {name: text(line, name) for name in ("at", "outcome", "case", "by", "decision")}
                for line in reversed(trust_record.history(stored))
            ],
            "policy": visit.site.at_hand.origin,
            "width": WIDTH,
            "height": HEIGHT,
        },
    )


@dataclass(frozen=True, slots=True)
class OfActor:
    """One actor's own outcomes, faded to now, and the share of right reverts that they prove."""

    who: str
    right: float
    wrong: float
    bound: float


@dataclass(frozen=True, slots=True)
class OfCase:
    """A kind of case: its row, what is believed of it, and its actors, those known best first."""

    row: Row
    plot: Plot
    actors: tuple[OfActor, ...]


def _of_case(stored: Document, row: Row, terms: Earning, at: datetime) -> OfCase:
    case = next(one for one in trust.cases(stored) if one.name == row.case)
    record = trust.worth(stored, case, terms, at)
    others = [trust.worth(stored, other, terms, at) for other in trust.other_kinds(stored, case)]
    believed = score(record, others, own_of(record, case.who, terms, at))
    actors = []
    for who in record.own:
        own = own_of(record, who, terms, at)
        bound = score(record, others, own).lower_bound(terms.confidence)
        actors.append(OfActor(who, own.good, own.bad, bound))
    actors.sort(key=lambda one: (-one.right - one.wrong, one.who))
    plot = plotted(believed, row.bound, row.threshold, terms.confidence)
    return OfCase(row, plot, tuple(actors[:_ACTORS]))
