"""The pages of a sweep and of a replay: started, followed, and read.

Both run in this process, one of a kind at a time, and change nothing. A replay judges with one
processor here; for a large history `driftguard replay` takes all there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from starlette.responses import Response

from driftguard import controls
from driftguard.model import Autonomy, Certainty

from ...aws_options import needed_region
from ...errors import Misuse, Trouble
from ..audit.shared import now
from ..exempt import given_in
from ..noise.counts import Counts
from ..noise.labels import Labels
from ..noise.report import words
from ..replay.crew import Bench, outcomes, tasks
from ..replay.origins import origins_at
from ..replay.reading import window_of
from ..replay.report import OfControl, Summary
from ..report.gathering import in_force
from ..report.model import Recorded, Swept, Unread, risk_of, with_exemptions
from ..sweep import Survey, account_of, chosen_of, look, reading
from .jobs import Telling, Work
from .rendering import page, redirected
from .site import Site, Visit

_SWEEP, _HISTORY = "sweep", "history"
_TITLES = {_SWEEP: "Sweep", _HISTORY: "Replay"}
# What is shown of what could not be read; the command names all.
_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay of a history came to."""

    summary: Summary
    counts: Counts
    problems: tuple[str, ...]

    @property
    def controls(self) -> list[tuple[str, OfControl]]:
        """The controls that found something, those with most evident findings first."""
        return sorted(
            self.summary.controls.items(),
            key=lambda item: (-item[1].certainties[Certainty.EVIDENT], item[0]),
        )

    @property
    def words(self) -> list[str]:
        """What people would be asked and told, as `driftguard noise` says it."""
        return list(words(self.counts, Labels()))


def sweep(visit: Visit) -> Response:
    """The last sweep, and the form that starts one."""
    values = {"control": visit.asked("control")}
    return page(visit, "sweep", {**_job(visit.site, _SWEEP), **values})


def history(visit: Visit) -> Response:
    """The last replay, and the form that starts one."""
    values = {name: visit.asked(name) for name in ("source", "since", "until")}
    return page(visit, "history", {**_job(visit.site, _HISTORY), **values})


def progress(visit: Visit) -> Response:
    """How far the work of a kind is, or what came of it."""
    kind = _kind(visit)
    return page(visit, f"parts/{kind}", _job(visit.site, kind))


def stop(visit: Visit) -> Response:
    """Stops the work of a kind."""
    kind = _kind(visit)
    if (job := visit.site.jobs.last(kind)) is not None:
        job.stop = True
    return redirected(visit, kind)


def start_sweep(visit: Visit) -> Response:
    """Starts a sweep of the stack's account and region."""
    patterns = visit.given("control").split() or ["*"]
    what = f"{', '.join(patterns) if patterns != ['*'] else 'every control'}"
    chosen = chosen_of(patterns)
    visit.site.jobs.start(_SWEEP, what, _sweeping(visit.site, [one.id for one in chosen]))
    return redirected(visit, _SWEEP)


def start_history(visit: Visit) -> Response:
    """Starts a replay of a history over a period."""
    source, since, until = (visit.given(name) for name in ("source", "since", "until"))
    if not source:
        raise Misuse("Name a file, a folder or s3://bucket/prefix of CloudTrail's records.")
    period = f"from {since or 'the first record'} to {until or 'the last'}"
    work = _replaying(visit.site, source, since, until)
    visit.site.jobs.start(_HISTORY, f"{source}, {period}", work)
    return redirected(visit, _HISTORY)


def _job(site: Site, kind: str) -> dict[str, object]:
    return {
        "title": _TITLES[kind],
        "here": kind,
        "kind": kind,
        "job": site.jobs.last(kind),
        "policy": site.at_hand.origin,
        "autonomies": [(one, one.label) for one in reversed(Autonomy)],
        "certainties": [Certainty.EVIDENT, Certainty.POSSIBLE],
    }


def _kind(visit: Visit) -> str:
    kind = visit.path["kind"]
    if kind not in _TITLES:
        raise Trouble(f"There is no work `{kind}`.")
    return kind


def _sweeping(site: Site, chosen: list[str]) -> Work:
    def work(telling: Telling) -> Swept:
        aws, region, survey = reading(), needed_region(), Survey()
        account = account_of(aws, region)
        for number, control in enumerate(map(controls.control, chosen), start=1):
            telling(
                f"{number} of {len(chosen)} controls: {control.id}, {survey.looked_at} looked at"
            )
            look(survey, control, aws.reader(account, region), site.at_hand.policy)
        swept = Swept(
            places=((account, region),),
            controls=tuple(chosen),
            looked_at=survey.looked_at,
            risks=tuple(risk_of(found) for found in survey.found),
            unread=tuple(Unread(account, region, *failed) for failed in survey.failed),
        )
        given = in_force(given_in(site.stack.state, chosen), now())
        stack = site.stack
        mine = Recorded(stack.name, stack.account, stack.region, "", "", (), (), given)
        return with_exemptions(swept, mine)

    return work


def _replaying(site: Site, source: str, since: str, until: str) -> Work:
    window = window_of(since, until)

    def work(telling: Telling) -> Replayed:
        summary, counts, problems = Summary(), Counts(), list[str]()
        bench = Bench(site.at_hand.policy, window)
        done = 0
        for outcome in outcomes(tasks(chain(origins_at(source, window))), bench, processes=1):
            for name, tally in outcome.tallies:
                fresh, told = summary.add(name, tally)
                counts.add(fresh, {day for day in tally.days if window.holds(day)})
                problems += told[: _PROBLEMS - len(problems)]
            done += outcome.size
            telling(f"{done / 1e6:,.1f} MB, {summary.counts()}")
        return Replayed(summary, counts, tuple(problems))

    return work
