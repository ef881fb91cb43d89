"""Holds one control's look at one resource, which every step of a decision needs.

The steps are functions of a case: `decide`, `approval_requests`, `revert` and `undo`; `recording`
writes them to the audit record, and `remembering` learns from a clean look.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from driftguard.approvals.rules import GONE
from driftguard.aws.client import Reader
from driftguard.aws.dynamodb import Key
from driftguard.conduct.reading import whose_conduct
from driftguard.controls.control import AnyControl
from driftguard.documents import (
    Document,
    digest,
    mapping,
    text,
    unkept_fingerprint,
    why_unkept,
)
from driftguard.frozen import dataclass
from driftguard.model import Actor, Candidate, Decision, Observation, Place, Resource, Use
from driftguard.policy.model import Policy
from driftguard.state import baseline as baselines
from driftguard.state import incidents
from driftguard.state.baseline import Baseline
from driftguard.state.keys import (
    StateRecords,
    anomaly_baseline_key,
    baseline_key,
    circuit_breaker_key,
    conduct_key,
    exemptions_key,
    freeze_keys,
    grants_key,
    history_key,
    rollout_key,
    trust_key,
)

from . import differences
from .comparing import Assessment, Comparison
from .context import Context
from .errors import Incomparable

# What was seen of a resource: `UNREAD` where it could not be read, None where it is gone.
Seen = Observation | Literal["unread"] | None


def keys(place: Place, policy: Policy, control: AnyControl, resource: Resource) -> tuple[Key, ...]:
    """The keys of all state records that a decision on this resource needs: one batch.

    `place` is where the guard stands.
    """
    wanted: list[Key] = [
        *freeze_keys(place, resource.account, control.id),
        exemptions_key(place, control.id),
        circuit_breaker_key(place),
        history_key(control.id, resource),
        trust_key(place, control.id),
    ]
    if policy.earns(control.id):
        wanted.append(grants_key(place))
    if control.baselined or policy.pins(control.id):
        wanted.append(baseline_key(control.id, resource))
    if policy.bounds.anomalies is not None:
        wanted.append(anomaly_baseline_key(place, resource.account, control.id))
    if policy.bounds.rollout.observe or policy.bounds.rollout.ask:
        wanted.append(rollout_key(place, control.id, policy.entry(control.id)))
    return tuple(wanted)


@dataclass(frozen=True, slots=True)
class Case:
    """One control looking at one resource, with what is remembered of both.

    `last_chance`: this delivery is the last one; what cannot be finished is recorded as failed.
    `actor` and `changed` are whose change is judged, and when it was made (ISO 8601, UTC): a
    baseline that they accepted themselves does not vouch for it. `hidden`: the change's record does
    not say that it was about this resource. `wanted`: somebody asked, in a way that proves nobody,
    that people be asked about it.
    """

    context: Context
    control: AnyControl
    settings: object
    candidate: Candidate
    last_chance: bool
    remembered: StateRecords
    actor: Actor = Actor()
    changed: str = ""
    hidden: bool = False
    wanted: bool = False

    # ------------------------------------------------------------------------- looking

    def look(self) -> tuple[Observation | None, Assessment | None]:
        """The state now, None if the resource is gone; and why it is risky, if it is."""
        observation = self.observe()
        if observation is None:
            return None, None
        return observation, self.comparison().assess(observation)

    def observe(self) -> Observation | None:
        """The state now; None if the resource is gone."""
        state = self.control.observe(self.candidate, self.reader())
        return None if state is None else Observation(state, self.now())

    def comparison(self) -> Comparison:
        """What a state of this resource is compared with."""
        return Comparison(
            self.control,
            self.settings,
            self.candidate,
            self.context.policy,
            self.baseline,
            self.actor,
            self.changed,
            self.tags,
            bool(self.context.granting_role_arn),
            bool(self.context.containment_role_arn),
        )

    def reader(self) -> Reader:
        """Reads where the resource is."""
        resource = self.candidate.resource
        return self.context.aws.reader(resource.account, resource.region)

    def tags(self) -> dict[str, str]:
        """The resource's tags, read now."""
        # Only here: few policies depend on tags.
        from driftguard.aws.tags import tags_of

        return tags_of(self.candidate.resource, self.reader())

    def tags_that_count(self) -> dict[str, str] | None:
        """The resource's tags where anything said of this control depends on them; else None."""
        key = exemptions_key(self.remembered.place, self.control.id)
        given = mapping(self.remembered[key].document, "entries")
        by_tag = any(mapping(mapping(given, name), "tags") for name in given)
        needed = by_tag or self.context.policy.needs_tags(self.control.id)
        return self.tags() if needed else None

    def use(self, state: Document) -> Use | None:
        """Whether what the revert would cut is in use; None where that makes no difference."""
        policy, control = self.context.policy, self.control
        cuts = bool(control.cuts.what) and control.id not in policy.may_cut
        if not cuts and not policy.looks_at_use(control.id):
            return None
        if why := why_unkept(state):
            return Use(unknown=why)
        return self.control.in_use(self.candidate, state, self.reader())

    # ------------------------------------------------------------------- telling states apart

    def fingerprint(self, observation: Seen) -> str:
        """The fingerprint of the state, to which an approval and an undo are bound."""
        if isinstance(observation, str):
            return observation
        return GONE if observation is None else observation.fingerprint(self.control.volatile)

    def seen(self, observation: Observation) -> str:
        """The fingerprint of the state as a sweep sees it, without what only a record tells.

        A containment is decided on by finding: what people said of one is not said of another.
        """
        seen = observation.fingerprint(self.comparison().beyond_baselines)
        claim = text(self.candidate.hint, "claim") if self.control.contains else ""
        return digest([seen, claim]) if claim else seen

    def before(self, decision: Decision) -> str:
        """The fingerprint of the state that the change left and that was first decided on."""
        return unkept_fingerprint(decision.state) or self.fingerprint(
            Observation(decision.state, decision.decided)
        )

    def how(self, decision: Decision, observation: Observation | None) -> str:
        """How the resource differs from what our own change left, in words."""
        if observation is None:
            return "it is gone"
        if decision.after == GONE:
            return "it was gone, and is there again"
        if why := why_unkept(decision.left):
            return f"{why}, and it is another one now"
        return differences.in_words(
            decision.left, observation.state, leaving_out=self.control.volatile
        )

    # ---------------------------------------------------------------------- what is remembered

    @property
    def baseline(self) -> Baseline | None:
        """The recorded baseline; None where there is none, or the control keeps none."""
        return baselines.baseline_of(self.remembered[self.baseline_key])

    def must_know_baseline(self) -> None:
        """Raises `Incomparable` where the baseline is there and cannot be read.

        Without it nothing is clean that is judged beside it.
        """
        if why := self.remembered[self.baseline_key].unreadable:
            control, arn = self.control.id, self.candidate.resource.arn
            raise Incomparable(
                f"{why}; look at {arn}, and say: driftguard baseline accept {control} {arn} "
                "--reason …"
            )

    @property
    def keeps_baseline(self) -> bool:
        """Whether a baseline is recorded here: the control wants one, or policy pins it to one."""
        return self.control.baselined or self.context.policy.pins(self.control.id)

    @property
    def baseline_key(self) -> Key:
        """Where the baseline is kept."""
        return baseline_key(self.control.id, self.candidate.resource)

    def record_keys(self) -> tuple[Key, ...]:
        """All state records that this case is decided by."""
        place = self.context.state.place
        account = self.candidate.resource.account
        of_incident = incidents.keys_of(place, account, incidents.identities(self.actor))
        known = keys(place, self.context.policy, self.control, self.candidate.resource)
        conduct = whose_conduct(self.context.policy, self.actor)
        of_conduct = (conduct_key(place, account, conduct),) if conduct else ()
        return (*known, *of_incident, *of_conduct)

    def recalled(self) -> Case:
        """This case with the state records as they are now."""
        return replace(self, remembered=self.context.state.recall(*self.record_keys()))

    # ------------------------------------------------------------------------------- time

    def now(self, ahead: timedelta = timedelta()) -> str:
        """Now, or later, as ISO 8601 in UTC to the millisecond."""
        return self.context.stamp(ahead)

    def moment(self) -> datetime:
        """Now."""
        return self.context.now()
