"""Compares a state with what the control calls risky, and with the recorded baseline. Pure.

The one thing read is the resource's tags, where a policy pins resources to baselines by tag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from driftguard.audit.plan_items import fitting
from driftguard.controls.control import AnyControl
from driftguard.documents import Document, moment
from driftguard.frozen import dataclass
from driftguard.model import Actor, Autonomy, Candidate, Finding, Observation, Plan, arns_of
from driftguard.policy.model import Policy
from driftguard.state.baseline import Baseline

from . import differences
from .errors import Incomparable


@dataclass(frozen=True, slots=True)
class Assessment:
    """A risky observation and what follows from it: made once, then passed along.

    `compared_with` is the recorded state beside which the observation is risky; None where it was
    judged without one. `leans_on_baseline`: the plan would be another without the baseline. The
    plan is small enough to be recorded.
    """

    observation: Observation
    finding: Finding
    plan: Plan
    compared_with: Document | None
    leans_on_baseline: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the state of one resource is compared with, for one control.

    `actor` and `changed` are whose change is judged, and when it was made (ISO 8601, UTC): a
    baseline that they accepted themselves does not vouch for it. `tags` reads the resource's tags.
    Where the guard `may_grant` nothing, a plan holds no call that gives rights; where it
    `may_contain` nothing, a containment is advice.
    """

    control: AnyControl
    settings: object
    candidate: Candidate
    policy: Policy
    baseline: Baseline | None
    actor: Actor
    changed: str
    tags: Callable[[], Mapping[str, str]]
    may_grant: bool
    may_contain: bool

    @property
    def beyond_baselines(self) -> frozenset[str]:
        """The keys of a state that do not count when it is compared with a baseline."""
        return self.control.volatile | self.control.momentary | frozenset(self.candidate.hint)

    def assess(self, observation: Observation) -> Assessment | None:
        """Why a state is risky, and the plan that takes the risk back; None: it is not risky.

        Raises `Incomparable` where the baseline is of a shape that the control does not read.
        """
        state = observation.state
        finding, before = self._judged(state)
        if finding is not None:
            plan = self.control.plan(self.candidate, observation, before, self.settings)
        else:
            before = self._departed_from(state)
            if before is None or not self._is_pinned():
                return None
            finding, plan = self._departure(observation, before)
        leans = self._leans(observation, plan)
        return Assessment(observation, finding, fitting(self._possible(plan)), before, leans)

    def _possible(self, plan: Plan) -> Plan:
        """The plan without what the stack has no role for: that is advice, with the commands."""
        if self.may_contain if self.control.contains else self.may_grant:
            return plan
        # Only here: it knows of permissions, which a look does not need.
        from driftguard.aws.granting import containing_left_to_people, left_to_people

        return containing_left_to_people(plan) if self.control.contains else left_to_people(plan)

    def is_as_recorded(self, observation: Observation) -> bool:
        """Whether a state is the recorded baseline, but for what does not count."""
        if self.baseline is None:
            return False
        recorded, ignored = Observation(self.baseline.state, ""), self.beyond_baselines
        return recorded.fingerprint(ignored) == observation.fingerprint(ignored)

    # ------------------------------------------------------------- weaker than before

    def _judged(self, state: Document) -> tuple[Finding | None, Document | None]:
        """The finding, and the recorded state beside which it is one.

        It is compared with the baseline and with its anchor too, so that many small steps cannot
        lead to where one big step could not.
        """
        known = self.baseline
        if known is None:
            return self.control.assess(state, None, self.settings), None
        finding, before = self._beside(state, known.state, known.anchor)
        if finding is None and self._is_own_word(known):
            own, earlier = self._beside(state, known.before, known.before_anchor)
            if own is not None:
                return self._limited(own, known), earlier
        return finding, before

    def _beside(
        self, state: Document, before: Document | None, anchor: Document | None
    ) -> tuple[Finding | None, Document | None]:
        finding = self._assessed(state, before)
        if finding is None and anchor is not None and anchor != before:
            walked = self._assessed(state, anchor)
            if walked is not None:
                return walked, anchor
        return finding, before

    def _assessed(self, state: Document, recorded: Document | None) -> Finding | None:
        try:
            return self.control.assess(state, recorded, self.settings)
        except (LookupError, TypeError, AttributeError) as error:
            if recorded is None:
                raise
            control, arn = self.control.id, self.candidate.resource.arn
            raise Incomparable(
                f"{arn} cannot be compared with its baseline ({error!r}), which may be of another "
                f"version of {control}; look at it, and say: driftguard baseline accept {control} "
                f"{arn} --reason …"
            ) from error

    def _leans(self, observation: Observation, plan: Plan) -> bool:
        """Whether the plan would be another without the baseline."""
        if self.baseline is None:
            return False
        if self.control.assess(observation.state, None, self.settings) is None:
            return True
        return plan != self.control.plan(self.candidate, observation, None, self.settings)

    # ------------------------------------------------------- accepted by whoever changed it

    def _is_own_word(self, known: Baseline) -> bool:
        """Whether whoever made the change also accepted the baseline."""
        word = known.word
        if word is None:
            return False
        makers = arns_of(self.actor)
        return any(self.policy.made_by(makers, *accepter) for accepter in word.people)

    def _limited(self, finding: Finding, known: Baseline) -> Finding:
        """A finding that only the maker's own acceptance denies: people are asked at most.

        What they changed before they accepted the baseline is judged as if they had not accepted
        it. What they change later may be little, beside somebody else's change that they rightly
        accepted: a person says which.
        """
        assert known.word is not None
        changed, accepted = moment(self.changed), moment(known.word.at)
        if changed is None or accepted is None or changed <= accepted:
            return finding
        return replace(
            finding,
            at_most=min(finding.at_most, Autonomy.ASK),
            at_most_why=finding.at_most_why
            or f"it is the baseline only by the word of who made the change ({known.by})",
        )

    # ------------------------------------------------------------ pinned to its baseline

    def _departure(self, observation: Observation, pinned_to: Document) -> tuple[Finding, Plan]:
        """The finding and the plan for a state that departs from its pinned baseline."""
        differing = differences.in_words(
            pinned_to, observation.state, leaving_out=self.beyond_baselines
        )
        finding = Finding(f"departs from its pinned baseline: {differing}")
        known = self.baseline
        if known is not None and pinned_to != known.state:
            finding = self._limited(finding, known)
        plan = self.control.put_back(self.candidate, observation, pinned_to)
        return finding, plan or Plan((), advice=f"It was pinned to: {differing}.")

    def _departed_from(self, state: Document) -> Document | None:
        """The baseline that a state departs from, where policy may pin it to one; else None."""
        known = self.baseline
        if known is None or not self.policy.pins(self.control.id):
            return None
        ignored = self.beyond_baselines
        own = [known.before] if self._is_own_word(known) and known.before is not None else []
        now = Observation(state, "").fingerprint(ignored)
        for recorded in (known.state, *own):
            if Observation(recorded, "").fingerprint(ignored) != now:
                return recorded
        return None

    def _is_pinned(self) -> bool:
        scopes = self.policy.bounds.pinned
        tags = self.tags() if any(scope.tags for scope in scopes) else None
        resource = self.candidate.resource
        return any(scope.holds(self.control.id, resource, Actor(), tags) for scope in scopes)
